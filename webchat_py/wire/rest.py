"""Every REST call as a value: the request to carry, and how to read the answer.

Whoever carries a request (the browser, a test) needs to know nothing about it, and nothing here knows how it
is carried.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from .errors import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    RateLimited,
    ServerError,
    TooLarge,
    Unauthorized,
)
from .models import Credentials, Message, parse_message, salvage_message
from .payloads import Misfit, Payload, payload_to_wire

T = TypeVar("T")

KEY_HEADER = "x-user-key"
"""Carries the user key; also the name of the query parameter for streams that cannot send headers."""


@dataclass(slots=True, frozen=True)
class Request:
    """One HTTP request. `path` is below the API root and `body` is JSON text."""

    method: str
    path: str
    body: str | None = field(default=None, repr=False)


@dataclass(slots=True, frozen=True)
class Response:
    """One HTTP answer, read whole."""

    status: int
    text: str = field(repr=False)
    content_type: str = ""
    retry_after: str = ""


@dataclass(slots=True, frozen=True)
class Call(Generic[T]):
    """A request and the reader of its answer. The reader gets decoded JSON and raises `Misfit`."""

    request: Request
    read: Callable[[Any], T]


class Page(NamedTuple):
    """A part of a conversation's messages, newest first; `next_token` is falsy on the last one."""

    messages: list[Message]
    next_token: str | None


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str) -> str:
    """Percent-encode `text` for one path segment or query value (RFC 3986; urllib.parse is slow to import)."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))


def create_user() -> Call[Credentials]:
    return Call(_post("/users", {}), _read_new_user)


def get_user_id() -> Call[str]:
    return Call(Request("GET", "/users/me"), lambda answer: _string(answer, "user", "id"))


def create_conversation() -> Call[str]:
    return Call(_post("/conversations", {}), lambda answer: _string(answer, "conversation", "id"))


def get_conversation(conversation_id: str) -> Call[str]:
    path = f"/conversations/{quote(conversation_id)}"
    return Call(Request("GET", path), lambda answer: _string(answer, "conversation", "id"))


def create_message(
    conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None = None
) -> Call[Message]:
    body = {"conversationId": conversation_id, "payload": payload_to_wire(payload), "metadata": metadata}
    if reply_to is not None:
        body["replyTo"] = reply_to
    return Call(_post("/messages", body), lambda answer: parse_message(_member(answer, "message")))


def list_messages(conversation_id: str, next_token: str | None = None) -> Call[Page]:
    path = f"/conversations/{quote(conversation_id)}/messages"
    if next_token:
        path += f"?nextToken={quote(next_token)}"
    return Call(Request("GET", path), lambda answer: _read_page(answer, conversation_id))


def start_conversation(conversation_id: str) -> Call[None]:
    """Tells the bot that a conversation has begun; bots greet on it."""
    payload = {"type": "conversation_started", "data": {}}
    body = {"conversationId": conversation_id, "payload": payload}
    return Call(_post("/events", body), lambda _answer: None)


def listen(conversation_id: str) -> Request:
    """The event stream of a conversation; its answer is read by `sse.SSEDecoder`."""
    return Request("GET", f"/conversations/{quote(conversation_id)}/listen")


def read_answer(call: Call[T], response: Response) -> T:
    """What the server answered. Raises `ApiError` where it is an error, or not an answer to this call."""
    answer = _decode(response)
    error = _error_in(answer, response)
    if error is not None:
        raise error
    try:
        return call.read(answer)
    except Misfit as misfit:
        request = call.request
        message = f"The answer to {request.method} {request.path} has not the expected shape: {misfit}"
        raise ServerError(message, status=response.status, type="InvalidAnswer") from None


def error_from(response: Response) -> ApiError:
    """The error that a refused request ended with."""
    return _error_in(_decode(response), response) or _unclassified(response)


_BY_TYPE: dict[str, type[ApiError]] = {
    "Unauthorized": Unauthorized,
    "PaymentRequired": Forbidden,
    "Forbidden": Forbidden,
    "QuotaExceeded": Forbidden,
    "ResourceNotFound": NotFound,
    "MethodNotFound": NotFound,
    "ResourceGone": NotFound,
    "RelationConflict": Conflict,
    "ReferenceConstraint": Conflict,
    "ResourceLockedConflict": Conflict,
    "AlreadyExists": Conflict,
    "PayloadTooLarge": TooLarge,
    "LimitExceeded": TooLarge,
    "RateLimited": RateLimited,
    "UnsupportedMediaType": InvalidRequest,
    "InvalidPayload": InvalidRequest,
    "InvalidJsonSchema": InvalidRequest,
    "InvalidDataFormat": InvalidRequest,
    "InvalidIdentifier": InvalidRequest,
    "ReferenceNotFound": InvalidRequest,
    "InvalidQuery": InvalidRequest,
    "Runtime": InvalidRequest,
    "BreakingChanges": InvalidRequest,
    "Unknown": ServerError,
    "Internal": ServerError,
    "OperationTimeout": ServerError,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    402: Forbidden,
    403: Forbidden,
    404: NotFound,
    405: NotFound,
    409: Conflict,
    410: NotFound,
    413: TooLarge,
    429: RateLimited,
}
_NOT_JSON = object()


def _post(path: str, body: dict[str, Any]) -> Request:
    return Request("POST", path, json.dumps(body, allow_nan=False, separators=(",", ":")))


def _member(answer: Any, key: str) -> Any:
    if not isinstance(answer, dict) or key not in answer:
        raise Misfit(f"{key!r} is missing")
    return answer[key]


def _string(answer: Any, *keys: str) -> str:
    for key in keys:
        answer = _member(answer, key)
    if not isinstance(answer, str) or not answer:
        raise Misfit(f"{'.'.join(keys)!r} is not a text")
    return answer


def _read_new_user(answer: Any) -> Credentials:
    return Credentials(user_id=_string(answer, "user", "id"), user_token=_string(answer, "key"))


def _read_page(answer: Any, conversation_id: str) -> Page:
    messages = _member(answer, "messages")
    if not isinstance(messages, list):
        raise Misfit("'messages' is not an array")
    meta = answer.get("meta")
    token = meta.get("nextToken") if isinstance(meta, dict) else None
    if not isinstance(token, str | None):
        raise Misfit("'meta.nextToken' is not a text")
    return Page([salvage_message(item, conversation_id) for item in messages], token)


def _decode(response: Response) -> Any:
    try:
        return json.loads(response.text)
    except (ValueError, RecursionError):
        return _NOT_JSON


def _error_in(answer: Any, response: Response) -> ApiError | None:
    """The error that an answer is; also one that comes with a 2xx, as the hosted bridge may send it."""
    refused = not 200 <= response.status < 300
    if isinstance(answer, dict) and isinstance(answer.get("type"), str) and "message" in answer:
        code = answer.get("code")
        if refused or (isinstance(code, int) and 400 <= code < 600):
            return _api_error(answer, response)
    if refused or answer is _NOT_JSON:
        return _unclassified(response)
    return None


def _api_error(answer: dict[str, Any], response: Response) -> ApiError:
    code, error_id, kind = answer.get("code"), answer.get("id"), answer["type"]
    status = response.status
    if 200 <= status < 300 and isinstance(code, int):
        status = code
    error_class = _BY_TYPE.get(kind) or _class_of(status)
    error = error_class(
        str(answer["message"]),
        status=status,
        code=code if isinstance(code, int) else None,
        type=kind,
        id=error_id if isinstance(error_id, str) else None,
    )
    if isinstance(error, RateLimited):
        error.retry_after = _seconds(response.retry_after)
    return error


def _unclassified(response: Response) -> ApiError:
    what = response.content_type.partition(";")[0] or "no content type"
    if not response.text:
        what = "an empty body"
    error = _class_of(response.status)(
        f"The server answered {response.status} with {what} instead of JSON; is api_url the address of the API?",
        status=response.status,
    )
    if isinstance(error, RateLimited):
        error.retry_after = _seconds(response.retry_after)
    return error


def _class_of(status: int) -> type[ApiError]:
    return _BY_STATUS.get(status) or (InvalidRequest if 400 <= status < 500 else ServerError)


def _seconds(retry_after: str) -> float | None:
    """The seconds of a `Retry-After` header; its other form, a date, is not used by this API."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
