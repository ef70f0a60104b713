"""Connections that the application can cut off, and that keep quiet about what is in a WebSocket's address."""

from __future__ import annotations

import logging
import socket
import struct
from asyncio import Transport
from typing import Any

from starlette.types import Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.wsproto_impl import WSProtocol

from .faults import Dropped

log = logging.getLogger(__name__)
log.setLevel(logging.WARNING)


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
            _drop(self.transport, dropped.reset)
            while (await receive())["type"] != "http.disconnect":
                pass


class Socket(WSProtocol):
    """A WebSocket. It is cut off when the application raises `Dropped`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # uvicorn would write the whole address, in which there is what a page says about its user
        self.logger = log
        self._talk: Any = self.app
        self.app = self._talk_or_drop

    async def _talk_or_drop(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await self._talk(scope, receive, send)
        except Dropped as dropped:
            self.handshake_complete = True  # or it would be answered with an error
            _drop(self.transport, dropped.reset)


def _drop(transport: Transport, reset: bool) -> None:
    if transport.is_closing():
        return
    if reset:
        # A linger time of 0 makes the end a reset
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
