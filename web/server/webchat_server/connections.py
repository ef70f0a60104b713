"""HTTP connections that the application can cut off."""

from __future__ import annotations

import socket
import struct
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .faults import Dropped


class FaultyConnection(H11Protocol):
    """Cuts the connection off when the application raises `Dropped`. Each connection is for one request only."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._answer = self.app
        self.app = self._answer_or_drop

    async def _answer_or_drop(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A browser that loses a connection which it has used before sends its request again by itself
                message = {**message, "headers": [*message["headers"], (b"connection", b"close")]}
            await send(message)

        try:
            await self._answer(scope, receive, send_and_close)
        except Dropped as dropped:
            self._drop(dropped.reset)
            while (await receive())["type"] != "http.disconnect":
                pass

    def _drop(self, reset: bool) -> None:
        if self.transport.is_closing():
            return
        if reset:
            # A linger time of 0 makes the end a reset
            sock: socket.socket = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()
