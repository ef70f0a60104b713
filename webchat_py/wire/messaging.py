"""What is said to a Messaging server over its socket, and what it says. The counterpart of `rest` and `signals`.

A request is `{request, type, data}`, its answer `{request, data}`, in which `data` may be `{error: true, message}`;
what is told unasked is `{type, data}`. All of them are the argument of an event "message".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, TypeVar

from . import messaging_payloads
from .calls import Call, Page, Profile, encode, is_header_value, quote
from .errors import (
    ApiError,
    InvalidRequest,
    NotFound,
    NotSupportedInMode,
    ServerError,
    SessionExpired,
    TooLarge,
    Unauthorized,
    WebchatError,
)
from .models import Conversation, Credentials, Message, User, parse_date, parse_user
from .payloads import Misfit, Payload, Unknown
from .signals import Happened, MessageCreated, Signal, UnknownSignal, read_signal

E = TypeVar("E", bound=ApiError)
T = TypeVar("T")

BOT = "bot"
"""The author of what bots say. They have no id here."""
FIRST_PAGE = 50
GROWTH = 4
"""Lists have no pages: what is behind the first messages is got by asking for so many times as many."""


@dataclass(slots=True, frozen=True)
class Request:
    """One request. `data` is an object."""

    type: str
    data: dict[str, Any] = field(repr=False)


# Who one is


def check_profile(profile: Profile) -> None:
    """Raises where it cannot be said here."""
    if profile.name is not None or profile.picture_url is not None:
        raise NotSupportedInMode("messaging", "connect(name, picture_url)", "Put them into user_data")
    for key, value in (profile.data or {}).items():
        # The server would ignore all of it, in silence.
        if not isinstance(key, str) or not isinstance(value, str):
            raise ValueError(f"user_data[{key!r}] is no str, and a Messaging server takes no other values")


def query(profile: Profile) -> str:
    """What the socket's address says about the user."""
    return "" if profile.data is None else f"&userData={quote(encode(profile.data))}"


def auth(client_id: str, credentials: Credentials | None) -> dict[str, Any]:
    """What a connection joins with. The server compares a client id letter by letter, and gives it in lower case."""
    is_guid = len(client_id) == 36 and client_id.count("-") == 4
    who: dict[str, Any] = {"clientId": client_id.lower() if is_guid else client_id}
    if credentials is not None:
        who["creds"] = {"userId": credentials.user_id, "userToken": credentials.user_token}
    return who


def read_login(data: Any, credentials: Credentials | None) -> Credentials:
    """Who one is after a login with `credentials`. Raises `Misfit`."""
    user_id, token = _member(data, "userId"), _member(data, "userToken")
    if token is None and credentials is not None and user_id == credentials.user_id:
        return credentials
    if not isinstance(user_id, str) or not user_id or not is_header_value(token):
        raise Misfit("a login without credentials")
    return Credentials(user_id, token)


def login_refused(text: str) -> WebchatError:
    """The error that a refused login ends with."""
    if text.startswith("an error occurred"):
        return _api_error(ServerError, text, status=500, type="Internal")
    if text.startswith('"creds'):
        return SessionExpired(f"The server takes these credentials for none that it gave: {text}")
    hint = ". Is client_id right?" if "client" in text.lower() else ""
    return _api_error(InvalidRequest, f"The server refused the login: {text}{hint}", status=400, type="Runtime")


# What one asks


def get_user() -> Call[User]:
    return Call(Request("users.get", {}), parse_user)


def create_conversation() -> Call[str]:
    return Call(Request("conversations.create", {}), lambda answer: _read_conversation(answer).id)


def start_conversation(conversation_id: str) -> Call[None]:
    """Bots greet on it."""
    return Call(Request("conversations.start", {"id": conversation_id}), _nothing)


def get_conversation(conversation_id: str) -> Call[Conversation]:
    return Call(Request("conversations.get", {"id": conversation_id}), _read_conversation)


def delete_conversation(conversation_id: str) -> Call[None]:
    return Call(Request("conversations.delete", {"id": conversation_id}), _nothing)


def list_conversations(_next_token: str | None = None) -> Call[Page[Conversation]]:
    """All of them: 0 is no limit."""

    def read(answer: Any) -> Page[Conversation]:
        return Page([_read_conversation(item) for item in _list(answer)], None)

    return Call(Request("conversations.list", {"limit": 0}), read)


def create_message(
    conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None = None
) -> Call[Message]:
    """The server keeps a payload as it is, and so the metadata in it."""
    if reply_to is not None:
        raise NotSupportedInMode("messaging", "send_message(reply_to)")
    written = messaging_payloads.write(payload)
    if "metadata" in written:
        raise ValueError("The payload has a member 'metadata', which is the message's here: send_message(metadata=...)")
    return _create(conversation_id, {**written, "metadata": metadata}, parse_message)


def send_event(conversation_id: str, data: dict[str, Any]) -> Call[None]:
    return _create(conversation_id, {"type": "trigger", "payload": data}, _nothing)


def list_messages(conversation_id: str, next_token: str | None = None) -> Call[Page[Message]]:
    """`next_token` is how many were asked for before, and the id of the oldest of them."""
    count, _, oldest = (next_token or "").partition(" ")
    limit = int(count) * GROWTH if count else FIRST_PAGE

    def read(answer: Any) -> Page[Message]:
        items = _list(answer)
        ids = [_member(item, "id") if isinstance(item, dict) else None for item in items]
        token = f"{limit} {ids[-1]}" if len(items) >= limit else None
        fresh = items[ids.index(oldest) + 1 :] if oldest in ids else items
        return Page([_salvage(item, conversation_id) for item in fresh if not _is_trigger(item)], token)

    return Call(Request("messages.list", {"conversationId": conversation_id, "limit": limit}), read)


def add_feedback(message_id: str, value: str, comment: str | None = None) -> Call[None]:
    if comment is not None:
        raise NotSupportedInMode("messaging", "add_feedback(comment)")
    feedback = 1 if value == "positive" else -1
    return Call(Request("messages.feedback", {"messageId": message_id, "feedback": feedback}), _nothing)


def _unsupported(method: str) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise NotSupportedInMode("messaging", method)

    return refuse


update_user = _unsupported("update_user")
delete_user = _unsupported("delete_user")
list_participants = _unsupported("list_participants")
get_participant = _unsupported("get_participant")
add_participant = _unsupported("add_participant")
remove_participant = _unsupported("remove_participant")
get_message = _unsupported("get_message")
update_message = _unsupported("update_message")
delete_message = _unsupported("delete_message")
remove_feedback = _unsupported("remove_feedback")
get_event = _unsupported("get_event")
send_file = _unsupported("send_file")


def encode_request(request: Request, request_id: str) -> str:
    """The frame of a request."""
    return f"42{encode(['message', {'request': request_id, 'type': request.type, 'data': request.data}])}"


def too_large(size: int, limit: int | None) -> TooLarge:
    """The error of a frame of so many bytes. `None`: the server does not say what it takes."""
    takes = "it in one piece" if limit is None else f"more than {limit:,} at once"
    text = f"This is too large: {size:,} bytes, and the server does not take {takes}"
    return _api_error(TooLarge, text, status=413, type="PayloadTooLarge")


def read_answer(call: Call[T], answer: Any) -> T:
    """What the server answered. Raises `ApiError` where it is an error, or not an answer to this call."""
    if isinstance(answer, dict) and answer.get("error") is True:
        raise _error(str(answer.get("message")))
    try:
        return call.read(answer)
    except Misfit as misfit:
        message = f"The answer to {call.request.type} has not the expected shape: {misfit}"
        raise _api_error(ServerError, message, status=200, type="InvalidAnswer") from None


# What one is told


def read_push(kind: str, data: Any) -> Signal:
    """What a push stands for. Never raises."""
    if kind != "message.new":
        return UnknownSignal(kind, data)
    try:
        message = _member(data, "message")
        if _is_trigger(message):
            return _read_trigger(message)
        return MessageCreated(parse_message(message))
    except Misfit:
        return UnknownSignal(kind, data)


_TRIGGERS = {"webchat-visibility": "webchat_visibility", "webchat-config": "webchat_config", "custom-event": "custom"}


def _read_trigger(message: dict[str, Any]) -> Signal:
    """The event that a bot sends as a message; what a user sends so, from another tab, has no meaning here."""
    trigger = message["payload"].get("trigger")
    kind = trigger.get("type") if isinstance(trigger, dict) else None
    signal = read_signal(_TRIGGERS[kind], trigger) if isinstance(kind, str) and kind in _TRIGGERS else None
    if isinstance(signal, Happened):
        return replace(signal, conversation_id=_string_or_none(message.get("conversationId")))
    return UnknownSignal("trigger", message)


def parse_message(data: Any) -> Message:
    """The message that `data`, decoded JSON, stands for. Raises `Misfit` where there is no id or conversation.

    A bot that sends a payload back as it came sends the user's client id with it, which is not the answer's.
    """
    message_id, conversation_id = _member(data, "id"), data.get("conversationId")
    if not all(isinstance(value, str) and value for value in (message_id, conversation_id)):
        raise Misfit("a message without id or conversation")
    payload, metadata = data.get("payload"), None
    author_id = _string_or_none(data.get("authorId")) or BOT
    if isinstance(payload, dict) and isinstance(payload.get("metadata"), dict):
        metadata = payload["metadata"]
        payload = {key: value for key, value in payload.items() if key != "metadata"}
    return Message(
        id=message_id,
        conversation_id=conversation_id,
        author_id=author_id,
        sent_on=parse_date(data.get("sentOn")),
        payload=messaging_payloads.parse(payload),
        metadata=metadata,
        client_id=_string_or_none(metadata.get("clientMessageId")) if metadata and author_id != BOT else None,
    )


# How it is read


def _create(conversation_id: str, payload: dict[str, Any], read: Callable[[Any], T]) -> Call[T]:
    request = Request("messages.create", {"conversationId": conversation_id, "payload": payload})
    encode_request(request, "")  # raises where JSON has no such value
    return Call(request, read)


_INVALID_ID = ('"id" must be a valid GUID', '"conversationId" must be a valid GUID', '"messageId" must be a valid GUID')


def _error(text: str) -> ApiError:
    """The error of this text: there are no codes. `status` is that of the other mode's error."""
    if text.endswith(" does not exist") and not text.startswith("route "):
        return _api_error(NotFound, text, status=404, type="ResourceNotFound")
    if text in _INVALID_ID:
        return _api_error(NotFound, text, status=404, type="InvalidIdentifier")
    if text.startswith(('"', "route ")):
        return _api_error(InvalidRequest, text, status=400, type="InvalidPayload")
    if text == "socket does not have user rights":
        return _api_error(Unauthorized, text, status=401, type="Unauthorized")
    return _api_error(ServerError, text, status=500, type="Internal")


def _api_error(kind: type[E], text: str, *, status: int, type: str) -> E:
    return kind(text, status=status, type=type, over_http=False)


def _read_conversation(data: Any) -> Conversation:
    conversation_id = _member(data, "id")
    if not isinstance(conversation_id, str) or not conversation_id:
        raise Misfit("'id' is not a text")
    return Conversation(conversation_id, parse_date(data.get("createdOn")))


def _salvage(data: Any, conversation_id: str) -> Message:
    try:
        return parse_message(data)
    except Misfit:
        return Message(None, conversation_id, "", None, Unknown("", data))


def _is_trigger(message: Any) -> bool:
    payload = message.get("payload") if isinstance(message, dict) else None
    return isinstance(payload, dict) and payload.get("type") == "trigger"


def _nothing(_answer: Any) -> None:
    """What some calls return."""


def _list(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise Misfit("expected an array")
    return answer


def _member(data: Any, key: str) -> Any:
    if not isinstance(data, dict):
        raise Misfit(f"expected an object, got {type(data).__name__}")
    return data.get(key)


def _string_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
