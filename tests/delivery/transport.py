"""The client's transport in the simulation: what `browser.transport` is in a browser."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from webchat_py.wire.errors import NetworkError, RequestTimeout, StreamError, StreamRefused
from webchat_py.wire.files import Attachment
from webchat_py.wire.ports import StreamListener, Wake
from webchat_py.wire.rest import Request, Response, error_from
from webchat_py.wire.sse import SSEDecoder

from .network import Connection, Network, SocketConnection

EVENT_STREAM = "text/event-stream"


class SimulatedTransport:
    """Carries requests and streams over a simulated network.

    With `late_open` a stream tells that it is open with the first byte of its body only, as it does in Firefox.
    """

    def __init__(self, network: Network, root: str, *, same_origin: bool = False, late_open: bool = False) -> None:
        self._network = network
        self._root = root
        self._late_open = late_open
        self._watchers: list[Callable[[Wake], None]] = []
        self.same_origin = same_origin
        self.online = True
        self.timers: set[asyncio.TimerHandle] = set()

    async def send(self, request: Request, headers: dict[str, str], timeout: float) -> Response:
        connection = self._connect(request, headers)
        try:
            async with asyncio.timeout(timeout):
                return await _read(connection)
        except TimeoutError as error:
            if isinstance(error, NetworkError):
                raise
            message = f"No answer to {request.method} {request.path} within {timeout:g} s"
            raise RequestTimeout(message) from None
        finally:
            connection.close()

    async def listen_fetch(self, request: Request, headers: dict[str, str], listener: StreamListener) -> None:
        connection = self._connect(request, {**headers, "accept": EVENT_STREAM})
        try:
            head = await connection.head()
            if head.status != 200:
                raise error_from(await _read_body(connection, head.status, head.headers))
            content_type = head.headers.get("content-type", "")
            if content_type.partition(";")[0] != EVENT_STREAM:
                raise StreamError(f"The server answered with {content_type}")
            if not self._late_open:
                listener.on_open()
            await self._read_events(connection, listener)
        finally:
            connection.close()

    async def listen_native(self, path: str, listener: StreamListener) -> None:
        connection = self._connect(Request("GET", path), {"accept": EVENT_STREAM})
        try:
            head = await connection.head()
            if head.status != 200 or not head.headers.get("content-type", "").startswith(EVENT_STREAM):
                raise StreamRefused("The server refused the event stream")
            if not self._late_open:
                listener.on_open()
            await self._read_events(connection, listener, native=True)
            raise NetworkError("The event stream broke off")  # EventSource does not tell one end from another
        finally:
            connection.close()

    def open_socket(
        self, path: str, on_text: Callable[[str | None], None], on_end: Callable[[int], None]
    ) -> SimulatedSocket:
        return SimulatedSocket(self._network.open_socket(path, on_text, on_end))

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        def fire() -> None:
            self.timers.discard(timer)
            callback()

        def cancel() -> None:
            self.timers.discard(timer)
            timer.cancel()

        timer = asyncio.get_running_loop().call_later(seconds, fire)
        self.timers.add(timer)
        return cancel

    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]:
        self._watchers.append(on_wake)
        return lambda: self._watchers.remove(on_wake) if on_wake in self._watchers else None

    def wake(self, wake: Wake) -> None:
        """Tell the client what happened to its page."""
        self.online = wake != "offline"
        for on_wake in tuple(self._watchers):
            on_wake(wake)

    @property
    def watched(self) -> bool:
        return bool(self._watchers)

    def attach(self, file: Any, name: str | None) -> Attachment:
        raise NotImplementedError("files are no part of the simulation")

    async def put(self, url: str, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> None:
        raise NotImplementedError("files are no part of the simulation")

    def _connect(self, request: Request, headers: dict[str, str]) -> Connection:
        return self._network.connect(request.method, self._root + request.path, headers, request.body or "")

    async def _read_events(self, connection: Connection, listener: StreamListener, *, native: bool = False) -> None:
        decoder, opened = SSEDecoder(), not self._late_open
        while (chunk := await connection.chunk()) is not None:
            if not opened:
                opened = True
                listener.on_open()
            if not native:
                listener.on_bytes()
            for event in decoder.feed(chunk):
                if event.type == "message":
                    if native:
                        listener.on_bytes()
                    listener.on_event(event.data)
            if decoder.retry is not None:
                listener.retry = decoder.retry / 1000
            listener.last_event_id = decoder.last_event_id or listener.last_event_id


class SimulatedSocket:
    """What `browser.websocket.Socket` is in a browser."""

    def __init__(self, connection: SocketConnection) -> None:
        self._connection = connection

    def send(self, text: str) -> None:
        self._connection.write(text)

    def close(self) -> None:
        self._connection.close()


async def _read(connection: Connection) -> Response:
    head = await connection.head()
    return await _read_body(connection, head.status, head.headers)


async def _read_body(connection: Connection, status: int, headers: dict[str, str]) -> Response:
    body = b""
    while (chunk := await connection.chunk()) is not None:
        body += chunk
    text = body.decode()
    return Response(status, text, headers.get("content-type", ""), headers.get("retry-after", ""))
