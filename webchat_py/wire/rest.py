"""Every REST call as a value: the request to carry, and how to read the answer.

Whoever carries a request (the browser, a test) needs to know nothing about it, and nothing here knows how it
is carried.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from .calls import Beginning, Call, Page, Profile, Upload, encode, is_header_value, quote
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
from .models import (
    Conversation,
    Credentials,
    Event,
    Message,
    User,
    parse_conversation,
    parse_event,
    parse_message,
    parse_user,
    salvage_message,
)
from .payloads import Misfit, Payload, payload_to_wire
from .untrusted import loads

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


def check_profile(profile: Profile) -> None:
    """Raises where it cannot be sent."""
    encode(_profile(profile))


def create_user(profile: Profile) -> Call[Credentials]:
    return Call(_post("/users", _profile(profile)), lambda answer: _read_credentials(answer, "key"))


def get_user() -> Call[User]:
    return Call(Request("GET", "/users/me"), lambda answer: parse_user(_member(answer, "user")))


def update_user(profile: Profile) -> Call[User]:
    request = _with_body("PUT", "/users/me", _profile(profile))
    return Call(request, lambda answer: parse_user(_member(answer, "user")))


def delete_user() -> Call[None]:
    return Call(Request("DELETE", "/users/me"), _nothing)


def initialize(conversation_id: str | None) -> Request:
    """The stream that makes what is missing, user and conversation, and says it in its first signal, `init`."""
    return Request("GET", f"/initialize?conversationId={quote(conversation_id)}" if conversation_id else "/initialize")


def read_beginning(init: Any) -> Beginning:
    """What the data of the signal `init` says."""
    conversation_id = _string(init, "conversation", "id")
    messages = _read_messages(init, conversation_id).items
    return Beginning(_read_credentials(init, "user", "userKey"), conversation_id, list(messages))


def create_conversation() -> Call[str]:
    return Call(_post("/conversations", {}), lambda answer: _string(answer, "conversation", "id"))


def get_conversation(conversation_id: str) -> Call[Conversation]:
    request = Request("GET", f"/conversations/{quote(conversation_id)}")
    return Call(request, lambda answer: parse_conversation(_member(answer, "conversation")))


def delete_conversation(conversation_id: str) -> Call[None]:
    return Call(Request("DELETE", f"/conversations/{quote(conversation_id)}"), _nothing)


def list_conversations(next_token: str | None = None) -> Call[Page[Conversation]]:
    request = Request("GET", _paged("/conversations", next_token))
    return Call(request, lambda answer: _read_page(answer, "conversations", parse_conversation))


def list_participants(conversation_id: str, next_token: str | None = None) -> Call[Page[User]]:
    request = Request("GET", _paged(f"/conversations/{quote(conversation_id)}/participants", next_token))
    return Call(request, lambda answer: _read_page(answer, "participants", parse_user))


def get_participant(conversation_id: str, user_id: str) -> Call[User]:
    request = Request("GET", f"/conversations/{quote(conversation_id)}/participants/{quote(user_id)}")
    return Call(request, lambda answer: parse_user(_member(answer, "participant")))


def add_participant(conversation_id: str, user_id: str) -> Call[User]:
    request = _post(f"/conversations/{quote(conversation_id)}/participants", {"userId": user_id})
    return Call(request, lambda answer: parse_user(_member(answer, "participant")))


def remove_participant(conversation_id: str, user_id: str) -> Call[None]:
    path = f"/conversations/{quote(conversation_id)}/participants/{quote(user_id)}"
    return Call(Request("DELETE", path), _nothing)


def create_message(
    conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None = None
) -> Call[Message]:
    body = {"conversationId": conversation_id, "payload": payload_to_wire(payload), "metadata": metadata}
    if reply_to is not None:
        body["replyTo"] = reply_to
    return Call(_post("/messages", body), _read_message)


def list_messages(conversation_id: str, next_token: str | None = None) -> Call[Page[Message]]:
    request = Request("GET", _paged(f"/conversations/{quote(conversation_id)}/messages", next_token))
    return Call(request, lambda answer: _read_messages(answer, conversation_id))


def get_message(message_id: str) -> Call[Message]:
    return Call(Request("GET", f"/messages/{quote(message_id)}"), _read_message)


def update_message(message_id: str, payload: Payload | None, metadata: dict[str, Any] | None) -> Call[Message]:
    body: dict[str, Any] = {}
    if payload is not None:
        body["payload"] = payload_to_wire(payload)
    if metadata is not None:
        body["metadata"] = metadata
    return Call(_with_body("PUT", f"/messages/{quote(message_id)}", body), _read_message)


def delete_message(message_id: str) -> Call[None]:
    return Call(Request("DELETE", f"/messages/{quote(message_id)}"), _nothing)


def add_feedback(message_id: str, value: str, comment: str | None) -> Call[None]:
    body = {"value": value} if comment is None else {"value": value, "comment": comment}
    return Call(_with_body("PUT", f"/messages/{quote(message_id)}/feedback", body), _nothing)


def remove_feedback(message_id: str) -> Call[None]:
    return Call(Request("DELETE", f"/messages/{quote(message_id)}/feedback"), _nothing)


def send_event(conversation_id: str, data: dict[str, Any]) -> Call[None]:
    return _create_event(conversation_id, "custom", data)


def start_conversation(conversation_id: str) -> Call[None]:
    """Bots greet on it."""
    return _create_event(conversation_id, "conversation_started", {})


def get_event(event_id: str) -> Call[Event]:
    return Call(Request("GET", f"/events/{quote(event_id)}"), lambda answer: parse_event(_member(answer, "event")))


def create_file(key: str, size: int, content_type: str) -> Call[Upload]:
    """Announce a file that everybody who knows its address may read. `key` is unique for each bot, `size` in bytes."""
    body = {
        "key": key,
        "size": size,
        "contentType": content_type,
        "accessPolicies": ["public_content"],
        "index": False,
    }
    return Call(_post("/files", body), _read_upload)


def listen(conversation_id: str, last_event_id: str = "") -> Request:
    """The event stream of a conversation; its answer is read by `sse.SSEDecoder`.

    The id goes into the query, as from the original: another origin would have to allow the header `Last-Event-ID`.
    """
    query = f"?lastEventId={quote(last_event_id)}" if last_event_id else ""
    return Request("GET", f"/conversations/{quote(conversation_id)}/listen{query}")


def read_answer(call: Call[T], response: Response) -> T:
    """What the server answered. Raises `ApiError` where it is an error, or not an answer to this call."""
    answer = _decode(response)
    error = _error_in(answer, response)
    if error is not None:
        raise error
    try:
        return call.read(answer)
    except Misfit as misfit:
        request: Request = call.request
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


def _with_body(method: str, path: str, body: dict[str, Any]) -> Request:
    return Request(method, path, encode(body))


def _post(path: str, body: dict[str, Any]) -> Request:
    return _with_body("POST", path, body)


def _paged(path: str, next_token: str | None) -> str:
    return f"{path}?nextToken={quote(next_token)}" if next_token else path


def _profile(profile: Profile) -> dict[str, Any]:
    fields = {"userData": profile.data, "name": profile.name, "pictureUrl": profile.picture_url}
    return {key: value for key, value in fields.items() if value is not None}


def _create_event(conversation_id: str, kind: str, data: dict[str, Any]) -> Call[None]:
    body = {"conversationId": conversation_id, "payload": {"type": kind, "data": data}}
    return Call(_post("/events", body), _nothing)


def _nothing(_answer: Any) -> None:
    """What some calls return."""


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


def _read_credentials(answer: Any, *key: str) -> Credentials:
    user_id, token = _string(answer, "user", "id"), _string(answer, *key)
    if not is_header_value(token):
        raise Misfit(f"{'.'.join(key)!r} cannot be sent in a header")
    return Credentials(user_id, token)


def _read_message(answer: Any) -> Message:
    return parse_message(_member(answer, "message"))


def _read_upload(answer: Any) -> Upload:
    return Upload(*(_string(answer, "file", key) for key in ("uploadUrl", "url", "contentType", "id")))


def _read_page(answer: Any, key: str, read: Callable[[Any], T]) -> Page[T]:
    items, token = _read_list(answer, key)
    return Page([read(item) for item in items], token)


def _read_messages(answer: Any, conversation_id: str) -> Page[Message]:
    items, token = _read_list(answer, "messages")
    return Page((salvage_message(item, conversation_id) for item in items), token)


def _read_list(answer: Any, key: str) -> tuple[list[Any], str | None]:
    items = _member(answer, key)
    if not isinstance(items, list):
        raise Misfit(f"{key!r} is not an array")
    meta = answer.get("meta")
    token = meta.get("nextToken") if isinstance(meta, dict) else None
    if not isinstance(token, str | None):
        raise Misfit("'meta.nextToken' is not a text")
    return items, token


def _decode(response: Response) -> Any:
    try:
        return loads(response.text)
    except ValueError:
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
    error.retry_after = _seconds(response.retry_after)
    return error


def _unclassified(response: Response) -> ApiError:
    what = response.content_type.partition(";")[0] or "no content type"
    if not response.text:
        what = "an empty body"
    wrong = "instead of JSON" if 200 <= response.status < 300 else "which is no error of this API"
    error = _class_of(response.status)(
        f"The server answered {response.status} with {what}, {wrong}. Is api_url the address of the API?",
        status=response.status,
    )
    error.retry_after = _seconds(response.retry_after)
    return error


def _class_of(status: int) -> type[ApiError]:
    return _BY_STATUS.get(status) or (InvalidRequest if 400 <= status < 500 else ServerError)


def _seconds(retry_after: str) -> float | None:
    """The seconds of a `Retry-After` header; its other form, a date, is not used by this API."""
    return float(retry_after) if retry_after.isascii() and retry_after.isdigit() else None
