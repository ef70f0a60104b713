"""A proxy that stands between a client and the real server, and can be told to misbehave.

Everything goes to the real server and back, except for what a test told it to answer, lose or cut. A test inside the
browser tells it by `POST /-/COMMAND` with JSON; see `_Commands`.

A WebSocket (mode "messaging") counts as the request "GET /listen?USER-DATA", and what is asked for over it as requests
such as "ASK messages.create"; the login is "ASK login".
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wsproto.connection import Connection, ConnectionType
from wsproto.events import TextMessage

from .server import WebchatServer

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Headers": "content-type, x-user-key, x-tenant",
    "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
    "Access-Control-Expose-Headers": "Retry-After",
}
NOT_FORWARDED = {"host", "connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"}


@dataclass
class Rule:
    """What to do with the next `times` requests whose "METHOD path" begins and ends as `route` says."""

    route: str
    times: int = 1_000_000
    status: int = 200
    content_type: str = "application/json"
    body: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    # "answer": this instead of the server's answer. "cut": close without an answer. "hold": the server gets it when the
    # test says "clear". "lose": the server does the work, and its answer is cut. "empty stream": one that ends at once.
    # "break off": as "answer", but its end is missing.
    act: str = "answer"

    def fits(self, method: str, path: str) -> bool:
        wanted, _, end = self.route.partition(" ")
        return self.times > 0 and method == wanted and path.partition("?")[0].endswith(end)


class FaultyProxy:
    """Use as a context manager. `url` stands in for the server's."""

    def __init__(self, upstream: str, server: WebchatServer | None = None) -> None:
        """`server` is for the commands that kill and start it."""
        self._upstream = urlsplit(upstream)
        self._process = server
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._lock = threading.Lock()
        self._rules: list[Rule] = []
        self._streams: set[socket.socket] = set()
        self._released = threading.Event()
        self._closing = False
        self.held = 0  # requests that are held now
        self.requests: list[str] = []
        self.bodies: list[bytes] = []  # of the requests, in the same order
        self.headers: list[dict[str, str]] = []
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FaultyProxy:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self._released.set()
        self.end_streams(hard=True)
        self._server.shutdown()
        self._server.server_close()

    def rule(self, **what: Any) -> None:
        """Add a `Rule`; the newest one that fits wins."""
        with self._lock:
            self._rules.insert(0, Rule(**what))

    def end_streams(self, hard: bool = False) -> None:
        """End all open event streams, cleanly or (`hard`) by a reset of their connections."""
        with self._lock:
            streams = tuple(self._streams)
        for stream in streams:
            with contextlib.suppress(OSError):  # it may be ending by itself
                _reset(stream) if hard else stream.shutdown(socket.SHUT_RDWR)

    def clear(self, route: str = "") -> None:
        """Forget all rules, or those of one route, and let what is held now go on to the server."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule.route != route] if route else []
            released, self._released = self._released, threading.Event()
        released.set()

    def open_streams(self) -> int:
        with self._lock:
            return len(self._streams)

    def _rule_for(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Rule | None:
        with self._lock:
            self.requests.append(f"{method} {path}")
            self.bodies.append(body)
            self.headers.append(headers)
            for rule in self._rules:
                if rule.fits(method, path):
                    rule.times -= 1
                    return rule
        return None

    def _command(self, name: str, argument: dict[str, Any]) -> Any:
        match name:
            case "rule":
                self.rule(**argument)
            case "clear":
                self.clear(**argument)
            case "end-streams":
                self.end_streams(**argument)
            case "kill" if self._process:
                self._process.kill()
            case "start" if self._process:
                self._process.start()
            case "upstream":
                return self._upstream.geturl()
            case "requests":
                return self.requests
            case "headers":
                return self.headers
            case "open-streams":
                return self.open_streams()
            case "held":
                return self.held
        return None

    def _handler(proxy) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - the handler's own `self` is inside
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self._answer(204, "text/plain", b"")

            def do_GET(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = self.rfile.read(length)
                if self.path.startswith("/-/"):
                    answer = proxy._command(self.path[3:], json.loads(body or b"{}"))
                    return self._answer(200, "application/json", json.dumps(answer).encode())
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("upgrade", "").lower() == "websocket":
                    return self._take_socket(headers)
                rule = proxy._rule_for(self.command, self.path, body, headers)
                if rule is None or rule.act == "lose" or (rule.act == "hold" and self._is_released()):
                    return self._forward(body, lose=rule is not None and rule.act == "lose")
                return self._misbehave(rule)

            do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server looks for these names

            def _misbehave(self, rule: Rule) -> None:
                match rule.act:
                    case "answer":
                        self._answer(rule.status, rule.content_type, rule.body.encode(), rule.headers)
                    case "break off":
                        self._answer(rule.status, rule.content_type, rule.body.encode(), rule.headers, missing=1)
                    case "cut" | "hold":
                        self._cut()
                    case "empty stream":
                        self._start_stream()

            def _forward(self, body: bytes, lose: bool) -> None:
                upstream = http.client.HTTPConnection(proxy._upstream.hostname or "", proxy._upstream.port, timeout=60)
                try:
                    headers = {k: v for k, v in self.headers.items() if k.lower() not in NOT_FORWARDED}
                    # The proxy's own name, so that addresses which the server makes of it lead through the proxy
                    headers["host"] = self.headers["host"]
                    upstream.request(self.command, self.path, body, headers)
                    connection = upstream.sock
                    response = upstream.getresponse()
                    if (response.headers["content-type"] or "").startswith("text/event-stream"):
                        return self._stream(response, connection)
                    content = response.read()
                except OSError:
                    return self._cut()
                finally:
                    upstream.close()
                if lose:
                    return self._cut()
                more = {k: v for k, v in response.headers.items() if k.lower() not in NOT_FORWARDED}
                return self._answer(response.status, more.pop("content-type", ""), content, more)

            def _take_socket(self, headers: dict[str, str]) -> None:
                said = parse_qs(urlsplit(self.path).query).get("userData", [])
                rule = proxy._rule_for("GET", "?".join(["/listen", *said]), b"", headers)
                if rule is not None:
                    self._misbehave(rule)
                    return
                self.close_connection = True
                upstream = socket.create_connection((proxy._upstream.hostname or "", proxy._upstream.port or 80))
                # Uncompressed, so that it can be read on its way
                kept = [f"{k}: {v}" for k, v in self.headers.items() if k.lower() != "sec-websocket-extensions"]
                upstream.sendall("\r\n".join([self.requestline, *kept, "", ""]).encode())
                with proxy._lock:
                    proxy._streams.add(self.connection)
                self._lost = False
                threading.Thread(target=self._carry_down, args=[upstream], daemon=True).start()
                with contextlib.suppress(OSError):
                    self._carry_up(upstream)
                with contextlib.suppress(OSError):
                    upstream.shutdown(socket.SHUT_RDWR)

            def _carry_down(self, upstream: socket.socket) -> None:
                with contextlib.suppress(OSError):
                    while (data := upstream.recv(65536)) and not self._lost:
                        self.connection.sendall(data)
                with proxy._lock:
                    proxy._streams.discard(self.connection)
                self._cut()
                upstream.close()

            def _carry_up(self, upstream: socket.socket) -> None:
                reader = Connection(ConnectionType.SERVER)
                while data := self.connection.recv(65536):
                    reader.receive_data(data)
                    texts = [event.data for event in reader.events() if isinstance(event, TextMessage)]
                    rules = [rule for rule in map(self._rule_for_frame, texts) if rule is not None]
                    if any(rule.act == "cut" for rule in rules):
                        return
                    # Whatever the server says next is not heard any more
                    self._lost = any(rule.act == "lose" for rule in rules)
                    upstream.sendall(data)

            def _rule_for_frame(self, frame: str) -> Rule | None:
                match frame[:2]:
                    case "40":
                        return proxy._rule_for("ASK", "login", frame[2:].encode(), {})
                    case "42":
                        _, asked = json.loads(frame[2:])
                        return proxy._rule_for("ASK", asked["type"], json.dumps(asked["data"]).encode(), {})
                return None

            def _is_released(self) -> bool:
                """Wait until the test releases this request; not when its client goes, or the test ends, before."""
                with proxy._lock:
                    proxy.held += 1
                    released = proxy._released
                while not released.wait(0.02):
                    readable, _, _ = select.select([self.connection], [], [], 0)
                    if readable and not self.connection.recv(1, socket.MSG_PEEK):
                        break
                with proxy._lock:
                    proxy.held -= 1
                return released.is_set() and not proxy._closing

            def _start_stream(self) -> None:
                # Neither a length nor chunks: the stream ends with its connection.
                self.close_connection = True
                self.send_response(200)
                for name, value in {"Content-Type": "text/event-stream", "Connection": "close", **self._cors()}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.flush()

            def _stream(self, response: http.client.HTTPResponse, upstream: socket.socket) -> None:
                with proxy._lock:
                    proxy._streams.add(self.connection)
                threading.Thread(target=self._leave_with_client, args=[upstream], daemon=True).start()
                try:
                    self._start_stream()
                    while chunk := response.read1(65536):
                        self.wfile.write(chunk)
                        self.wfile.flush()
                except (OSError, ValueError, http.client.HTTPException):
                    pass  # cut by the test, or the client or the server has gone
                finally:
                    with proxy._lock:
                        proxy._streams.discard(self.connection)

            def _leave_with_client(self, upstream: socket.socket) -> None:
                """When the client goes, end the server's stream: nothing might be written to it for a long time."""
                with contextlib.suppress(OSError):
                    while self.connection.recv(1024):
                        pass
                with contextlib.suppress(OSError):
                    upstream.shutdown(socket.SHUT_RDWR)

            def _answer(
                self, status: int, kind: str, body: bytes, more: dict[str, str] | None = None, missing: int = 0
            ) -> None:
                headers = {**{k.title(): v for k, v in (more or {}).items()}, **self._cors()}
                # Browsers send a request again by themselves when a connection that they used before is cut.
                self.close_connection = True
                self.send_response(status)
                self.send_header("Connection", "close")
                self.send_header("Content-Type", kind)
                if status != 204:
                    self.send_header("Content-Length", str(len(body) + missing))
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def _cors(self) -> dict[str, str]:
                # The original client asks in credentials mode, in which browsers refuse "*"
                origin = {"Access-Control-Allow-Origin": self.headers.get("origin", "*")}
                return {**CORS, **origin, "Access-Control-Allow-Credentials": "true"}

            def _cut(self) -> None:
                self.close_connection = True
                with contextlib.suppress(OSError):  # the client may have gone first
                    self.connection.shutdown(socket.SHUT_RDWR)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


def _reset(connection: socket.socket) -> None:
    """Close a connection by a reset, even while others read from it and hold it."""
    # A linger time of 0 makes close send a reset instead of an orderly end.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    # Taken from the others first: those that notice would end it in good order before it is closed.
    with socket.socket(fileno=connection.detach()) as taken:
        taken.shutdown(socket.SHUT_RD)
