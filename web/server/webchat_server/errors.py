"""The API's errors, and what turns any exception into one of its answers.

An error's answer is `{"id", "code", "type", "message"}`. `type` decides which class clients raise, each type has one
fixed code, and that code is the HTTP status too. `id` starts with `err_`: newer clients recognise errors by it.
"""

from __future__ import annotations

import logging
import secrets

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = logging.getLogger(__name__)


class ApiError(Exception):
    """An error that the client is told. `message` is for people; it is sent as it is."""

    code = 500
    type = "Internal"

    def __init__(self, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.headers = headers
        self.id = f"err_{secrets.token_hex(12)}"

    def response(self) -> JSONResponse:
        body = {"id": self.id, "code": self.code, "type": self.type, "message": self.message}
        return JSONResponse(body, self.code, self.headers)


class Internal(ApiError):
    """A fault of the server's."""


class InvalidPayload(ApiError):
    """The body is not what the operation takes; the message names the field."""

    code, type = 400, "InvalidPayload"


class InvalidQuery(ApiError):
    """A query parameter is wrong."""

    code, type = 400, "InvalidQuery"


class ReferenceNotFound(ApiError):
    """The body refers to something that does not exist."""

    code, type = 400, "ReferenceNotFound"


class Unauthorized(ApiError):
    """The user key is missing or wrong."""

    code, type = 401, "Unauthorized"


class Forbidden(ApiError):
    """The caller is known and may not do this."""

    code, type = 403, "Forbidden"


class ResourceNotFound(ApiError):
    """There is no such thing, or no such route."""

    code, type = 404, "ResourceNotFound"


class MethodNotFound(ApiError):
    """The route exists, but not with this method."""

    code, type = 405, "MethodNotFound"


class PayloadTooLarge(ApiError):
    """The body is bigger than the server takes."""

    code, type = 413, "PayloadTooLarge"


class ErrorsAsJson:
    """ASGI middleware: whatever is raised inside becomes the API's answer; what is not our own goes to the log only."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
            return
        except ClientDisconnect:
            log.info("the client went away in the middle of its request")
            return
        except ApiError as exc:
            error = exc
        except Exception:
            # Nobody outside may see a stack trace
            error = Internal("Something went wrong in the server; its log says what.")
            log.exception("%s: %s %s failed", error.id, scope["method"], scope["path"])
        if not started:
            await error.response()(scope, receive, send)


class ErrorsAsClose:
    """ASGI middleware for WebSockets: one that is refused is closed before it is open."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ApiError as error:
            log.info("a WebSocket was refused: %s", error.message)
            await send({"type": "websocket.close"})
