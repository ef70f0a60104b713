"""What goes for every request: the access log, CORS and security headers, and the names the server answers to."""

from __future__ import annotations

import logging
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import Forbidden

log = logging.getLogger("webchat_server.access")

_DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
_METHODS = "GET, POST, PUT, DELETE"
_LOOPBACK_NAME = re.compile(r"(localhost|[\w.-]+\.localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?", re.IGNORECASE)


class AccessLog:
    """ASGI middleware: one line per request, without its query, which may hold a user key."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()

        async def send_and_log(message: Message) -> None:
            if message["type"] == "http.response.start":
                # The raw path is plain ASCII without control characters, so it cannot forge a line
                path, took = scope["raw_path"].decode(), (time.perf_counter() - started) * 1000
                log.info("%s %s %d %.0f ms", scope["method"], path, message["status"], took)
            await send(message)

        await self._app(scope, receive, send_and_log)


class Cors:
    """ASGI middleware: lets pages of any origin use the API, and answers their preflights.

    The API is guarded by user keys, which no browser sends by itself, so the origin does not matter. Version 2 of the
    original client asks for credentials mode, in which `*` is refused: the origin and the names of the headers asked
    for are repeated.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Headers(scope=scope)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if origin := request.get("origin"):
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Allow-Credentials"] = "true"
                    headers["Access-Control-Expose-Headers"] = "Retry-After"
            await send(message)

        if scope["method"] != "OPTIONS":
            await self._app(scope, receive, send_with_headers)
            return
        allowed = {
            "Access-Control-Allow-Methods": _METHODS,
            "Access-Control-Allow-Headers": request.get("access-control-request-headers", "content-type, x-user-key"),
            "Access-Control-Max-Age": "600",
        }
        raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in allowed.items()]
        await send_with_headers({"type": "http.response.start", "status": 204, "headers": raw})
        await send({"type": "http.response.body", "body": b""})


class SecurityHeaders:
    """ASGI middleware: headers that keep browsers from making more of an answer than it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _DEFAULTS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class LoopbackNamesOnly:
    """ASGI middleware for a server on a loopback address: refuses requests for any other host name.

    Otherwise a web page could let its own name point to 127.0.0.1 ("DNS rebinding") and read what is on this machine
    as its own origin.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not _LOOPBACK_NAME.fullmatch(Headers(scope=scope).get("host", "")):
            raise Forbidden(
                "This server listens on a loopback address and answers to loopback names only, such as localhost; "
                "start it with --host to use another name"
            )
        await self._app(scope, receive, send)
