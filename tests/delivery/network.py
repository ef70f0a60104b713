"""What lies between client and server: connections that take time, are refused, fall silent, and break anywhere."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote, urlsplit

from starlette.types import Message, Scope

from webchat_py.wire.errors import NetworkError


class Server(Protocol):
    @property
    def running(self) -> bool: ...
    def serve(self, connection: Connection) -> None: ...


@dataclass(slots=True)
class Exchange:
    """One request as the network saw it. `status` is None until its answer's head has reached the client."""

    time: float
    method: str
    path: str
    body: str
    status: int | None = None


@dataclass(slots=True)
class Head:
    """The beginning of an answer."""

    status: int
    headers: dict[str, str]


class _Line:
    """One direction of a connection: what is put in comes out in the same order, later, or never."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._on_its_way: deque[Callable[[], None]] = deque()
        self._arrived = 0
        self._last_due = 0.0

    def put(self, deliver: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self._last_due = max(self._last_due, loop.time() + self._network.latency())
        self._on_its_way.append(deliver)
        loop.call_at(self._last_due, self._arrive)

    def lose(self) -> None:
        """Nothing that is on its way arrives."""
        self._on_its_way.clear()
        self._arrived = 0

    def flush(self) -> None:
        """Hand on what came to its end, unless the network holds it back."""
        while self._arrived and self._on_its_way and not self._network.silent:
            self._arrived -= 1
            self._on_its_way.popleft()()

    def _arrive(self) -> None:
        if self._on_its_way:
            self._arrived += 1
            self.flush()


class Connection:
    """One request and its answer. The client reads `head` and `chunk`; the server has `receive`, `send` and `cut`."""

    def __init__(self, network: Network, exchange: Exchange, headers: dict[str, str]) -> None:
        self.exchange = exchange
        self.scope = _scope(exchange, headers)
        self._network = network
        self._to_server, self._to_client = _Line(network), _Line(network)
        self._asked = False
        self._left = asyncio.Event()
        self._ended = False
        self._arrivals: asyncio.Queue[Head | bytes | NetworkError | None] = asyncio.Queue()

    # The client's end

    async def head(self) -> Head:
        """Raises `NetworkError`."""
        head = await self._next()
        assert isinstance(head, Head)
        self.exchange.status = head.status
        return head

    async def chunk(self) -> bytes | None:
        """The next part of the body; `None` at its proper end. Raises `NetworkError`."""
        chunk = await self._next()
        assert not isinstance(chunk, Head)
        return chunk

    def close(self) -> None:
        """Read no more. The server learns of it later; what a silent network has not let through is taken back."""
        self._to_client.lose()
        if self._network.silent:
            self._to_server.lose()
        self._to_server.put(self._leave)

    # The server's end (ASGI)

    async def receive(self) -> Message:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.exchange.body.encode(), "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self._left.is_set() or self._ended:
            return
        if message["type"] == "http.response.start" and self._network.spoils(self.exchange):
            self._ended = True
            for item in (Head(502, {"content-type": "text/html"}), b"<h1>Bad gateway</h1>", None):
                self._hand_over(item)
            return
        if message["type"] == "http.response.start":
            headers = {name.decode().lower(): value.decode("latin-1") for name, value in message["headers"]}
            self._hand_over(Head(message["status"], headers))
            return
        if body := message.get("body", b""):
            self._hand_over(bytes(body))
        if not message.get("more_body", False):
            self._ended = True
            self._hand_over(None)

    def cut(self, *, reset: bool) -> None:
        """Break off an answer that has not ended. By a reset also what is on its way is lost."""
        if self._ended:
            return
        self._ended = True
        if reset:
            self.reset()
        else:
            self._break()

    # Both

    def reset(self) -> None:
        """Break it for both ends; what is on its way is lost."""
        self._to_server.lose()
        self._to_client.lose()
        self._leave()
        self._break()

    @property
    def is_stream(self) -> bool:
        return self.exchange.path.partition("?")[0].endswith(("/listen", "/initialize"))

    def begin(self) -> None:
        self._to_server.put(lambda: self._network.deliver(self))

    def flush(self) -> None:
        self._to_server.flush()
        self._to_client.flush()

    def _leave(self) -> None:
        self._left.set()
        self._network.forget(self)

    def _break(self) -> None:
        self._hand_over(NetworkError("The connection broke"))

    def _hand_over(self, item: Head | bytes | NetworkError | None) -> None:
        self._to_client.put(lambda: self._arrivals.put_nowait(item))

    async def _next(self) -> Head | bytes | None:
        item = await self._arrivals.get()
        if isinstance(item, NetworkError):
            raise item
        return item


class SocketConnection(Connection):
    """One WebSocket. The client has `write` and `close`, and is told by the functions it gave."""

    def __init__(
        self,
        network: Network,
        exchange: Exchange,
        on_text: Callable[[str | None], None],
        on_end: Callable[[int], None],
    ) -> None:
        super().__init__(network, exchange, {"connection": "Upgrade", "upgrade": "websocket"})
        self.scope = {**self.scope, "type": "websocket", "scheme": "ws", "subprotocols": []}
        self._on_text, self._on_end = on_text, on_end
        self._open = True
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._inbox.put_nowait({"type": "websocket.connect"})
        self._doing: set[str] = set()

    # The client's end

    def write(self, text: str) -> None:
        if '"type":"messages.create"' in text or '"type":"conversations.' in text:
            self._doing.add(json.loads(text[2:])[1]["request"])
        self._to_server.put(lambda: self._inbox.put_nowait({"type": "websocket.receive", "text": text}))

    def close(self) -> None:
        self._open = False
        super().close()

    # The server's end

    async def receive(self) -> Message:
        return await self._inbox.get()

    async def send(self, message: Message) -> None:
        if self._left.is_set() or self._ended:
            return
        if message["type"] == "websocket.accept":
            self.exchange.status = 101
        elif message["type"] == "websocket.send":
            self._hand_over(self._spoiled(message["text"]).encode())
        else:
            self._ended = True
            self._hand_over(None)

    @property
    def is_stream(self) -> bool:
        return True

    def _spoiled(self, text: str) -> str:
        """An answer, or in its place that something went wrong, though it was done."""
        content = json.loads(text[2:])[1] if text.startswith('42["message"') else {}
        request = content.get("request")
        if request not in self._doing or not self._network.spoiled:
            return text
        self._network.spoiled -= 1
        return "42" + json.dumps(
            ["message", {"request": request, "data": {"error": True, "message": "an error occurred"}}]
        )

    def _leave(self) -> None:
        super()._leave()
        self._inbox.put_nowait({"type": "websocket.disconnect", "code": 1006})

    def _hand_over(self, item: Head | bytes | NetworkError | None) -> None:
        self._to_client.put(lambda: self._tell(item))

    def _tell(self, item: object) -> None:
        if self._open and isinstance(item, bytes):
            self._on_text(item.decode())
        elif self._open:
            self._open = False
            self._on_end(1005 if item is None else 1006)


class Network:
    """Carries requests to the server. `latency` gives the seconds that each thing takes in each direction."""

    def __init__(self, server: Server, latency: Callable[[], float]) -> None:
        self._server = server
        self._connections: dict[Connection, None] = {}
        self.latency = latency
        self.refusing = False
        self.silent = False
        self.spoiled = 0
        """To how many more POST requests a gateway answers 502 instead of what the server says, which has done it."""
        self.exchanges: list[Exchange] = []

    def connect(self, method: str, target: str, headers: dict[str, str], body: str) -> Connection:
        exchange = Exchange(asyncio.get_running_loop().time(), method, target, body)
        self.exchanges.append(exchange)
        connection = Connection(self, exchange, headers)
        self._connections[connection] = None
        connection.begin()
        return connection

    def open_socket(
        self, target: str, on_text: Callable[[str | None], None], on_end: Callable[[int], None]
    ) -> SocketConnection:
        exchange = Exchange(asyncio.get_running_loop().time(), "GET", target, "")
        self.exchanges.append(exchange)
        connection = SocketConnection(self, exchange, on_text, on_end)
        self._connections[connection] = None
        connection.begin()
        return connection

    def deliver(self, connection: Connection) -> None:
        """A request has come to the server."""
        if self.refusing or not self._server.running:
            connection.reset()
        else:
            self._server.serve(connection)

    def spoils(self, exchange: Exchange) -> bool:
        if exchange.method != "POST" or not self.spoiled:
            return False
        self.spoiled -= 1
        return True

    def forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)

    def cut(self, *, streams_only: bool = False) -> None:
        """Reset all connections."""
        for connection in tuple(self._connections):
            if connection.is_stream or not streams_only:
                connection.reset()

    def speak(self) -> None:
        """End a silence: what it held back arrives."""
        self.silent = False
        for connection in tuple(self._connections):
            connection.flush()

    @property
    def streams(self) -> int:
        """Event streams that neither side has left."""
        return sum(connection.is_stream for connection in self._connections)


def _scope(exchange: Exchange, headers: dict[str, str]) -> Scope:
    url = urlsplit(exchange.path)
    raw = [(b"host", b"127.0.0.1")]
    raw += [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": exchange.method,
        "scheme": "http",
        "path": unquote(url.path),
        "raw_path": url.path.encode(),
        "query_string": url.query.encode(),
        "root_path": "",
        "headers": raw,
        "client": ("127.0.0.1", 50_000),
        "server": ("127.0.0.1", 8000),
    }
