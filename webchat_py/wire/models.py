"""The things that users of the client hold: messages, credentials, states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from sys import intern
from typing import Any, Literal, SupportsIndex, overload

from .payloads import Choice, Dropdown, Misfit, Payload, Unknown, parse_payload

ConnectionState = Literal["connecting", "connected", "reconnecting", "offline", "closed"]
MessageStatus = Literal["pending", "sent", "processing", "processed", "failed"]


@dataclass(slots=True, frozen=True)
class Credentials:
    """Who one is. Keep it to come back as the same user; `user_token` is a secret and never shown."""

    user_id: str
    user_token: str = field(repr=False)


@dataclass(slots=True)
class Message:
    """One message of a conversation.

    `sent_on` is `None` where the server's date cannot be read, `client_id` the sender's own id of it
    (`metadata.clientMessageId`), `None` where there is none. Until the server has it, `id` is `None`, `sent_on` is the
    sender's own time, and `conversation_id` is empty while the first message waits for its conversation. `status` is
    `None` for messages of others, and for those in lists. `feedback` is this user's on it, where a server tells it:
    `{"value": "positive" or "negative", "comment": ...}`.
    """

    id: str | None
    conversation_id: str
    author_id: str
    sent_on: datetime | None
    payload: Payload
    metadata: dict[str, Any] | None = None
    reply_to: str | None = None
    client_id: str | None = None
    status: MessageStatus | None = None
    feedback: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """A plain reading of the payload, whatever it is, for logs and screen readers."""
        from .blocks import plain_text

        return plain_text(self.payload)

    @property
    def block(self) -> dict[str, Any]:
        """The payload as the tree of blocks that the original client makes of it, with its camelCase keys.

        For those who bring a renderer along. It is made anew each time; the `groupId` of buttons is this
        message's id.
        """
        from .blocks import to_block

        return to_block(self.payload, self.id or self.client_id or "")

    @property
    def disable_input(self) -> bool | None:
        """Whether the message asks the front end to close its text box; `None` where it says nothing."""
        match self.payload:
            case Choice(disable_free_text=disabled):
                return disabled
            case Dropdown(disable_free_text=disabled):
                # The original closes it for every dropdown; newer bots can say otherwise.
                return disabled is not False
        return None

    def _repr_html_(self) -> str:
        from .display import message_html

        return message_html(self)


class MessageList(list[Message]):
    """A list of messages that a notebook shows as a conversation. `own_id` is the user's."""

    def __init__(self, messages: Iterable[Message], own_id: str | None) -> None:
        super().__init__(messages)
        self.own_id = own_id

    @overload
    def __getitem__(self, index: SupportsIndex) -> Message: ...
    @overload
    def __getitem__(self, index: slice) -> MessageList: ...
    def __getitem__(self, index: Any) -> Any:
        found = super().__getitem__(index)
        return MessageList(found, self.own_id) if isinstance(index, slice) else found

    def _repr_html_(self) -> str:
        from .display import messages_html

        return messages_html(self, self.own_id)

    def __reduce__(self) -> tuple[type[MessageList], tuple[list[Message], str | None]]:
        return MessageList, (list(self), self.own_id)


@dataclass(slots=True)
class User:
    """Somebody who takes part in conversations: the user of this client, a bot, another person."""

    id: str
    name: str | None = None
    picture_url: str | None = None
    data: dict[str, Any] | None = None
    attributes: dict[str, Any] | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None

    def _repr_html_(self) -> str:
        from .display import user_html

        return user_html(self)


@dataclass(slots=True)
class Conversation:
    """A conversation of this user. `last_message` is there in lists of a server that sends it."""

    id: str
    created_at: datetime | None = None
    updated_at: datetime | None = None
    last_message: Message | None = None

    def _repr_html_(self) -> str:
        from .display import conversation_html

        return conversation_html(self)


@dataclass(slots=True)
class Event:
    """Something that was told to the bot without being a message. `payload` is `{"type": …, "data": …}`."""

    id: str
    conversation_id: str | None
    user_id: str | None
    created_at: datetime | None
    payload: Any


@dataclass(slots=True, frozen=True)
class Typing:
    """Whether the other side is typing; if so, for at most `timeout` seconds from now."""

    is_typing: bool
    timeout: float


@dataclass(slots=True, frozen=True)
class Connection:
    """State of the event stream of the current conversation.

    `cause` is the error that led to it. `recovered` is the number of messages that came while there was no stream, and
    were read from the history.
    """

    state: ConnectionState
    cause: Exception | None = None
    recovered: int = 0


def parse_date(value: Any) -> datetime | None:
    """A date of the wire (ISO 8601, any number of fraction digits), or `None` if it is not one.

    It always has a zone, so that any two can be compared; without one of its own it is taken as UTC.
    """
    if not isinstance(value, str):
        return None
    try:
        date = datetime.fromisoformat(value)
    except ValueError:
        return None
    return date if date.tzinfo else date.replace(tzinfo=UTC)


def parse_message(data: Any) -> Message:
    """The message that `data`, decoded JSON, stands for.

    Raises `Misfit` where the fields that make a message what it is (id, author, conversation) are not there.
    """
    metadata = _dict_or_none(_member(data, "metadata"))
    return Message(
        id=_string(data, "id"),
        # Each message of a list has its own copies of these; interned, they are a third of what it weighs less.
        conversation_id=intern(_string(data, "conversationId")),
        author_id=intern(_string(data, "userId")),
        sent_on=parse_date(data.get("createdAt")),
        payload=parse_payload(data.get("payload")),
        metadata=metadata,
        reply_to=_string_or_none(data.get("replyTo")),
        client_id=_string_or_none(metadata.get("clientMessageId")) if metadata else None,
        feedback=_dict_or_none(data.get("feedback")),
    )


def parse_user(data: Any) -> User:
    """The user that `data`, decoded JSON, stands for. Raises `Misfit` where there is no id."""
    return User(
        id=_string(data, "id"),
        name=_string_or_none(data.get("name")),
        picture_url=_string_or_none(data.get("pictureUrl")),
        data=_dict_or_none(data.get("data")),
        attributes=_dict_or_none(data.get("attributes")),
        created_at=parse_date(data.get("createdAt")),
        updated_at=parse_date(data.get("updatedAt")),
    )


def parse_conversation(data: Any) -> Conversation:
    """The conversation that `data`, decoded JSON, stands for. Raises `Misfit` where there is no id."""
    conversation_id = _string(data, "id")
    last = data.get("lastMessage")
    return Conversation(
        id=conversation_id,
        created_at=parse_date(data.get("createdAt")),
        updated_at=parse_date(data.get("updatedAt")),
        last_message=None if last is None else salvage_message(last, conversation_id),
    )


def parse_event(data: Any) -> Event:
    """The event that `data`, decoded JSON, stands for. Raises `Misfit` where there is no id."""
    return Event(
        id=_string(data, "id"),
        conversation_id=_string_or_none(data.get("conversationId")),
        user_id=_string_or_none(data.get("userId")),
        created_at=parse_date(data.get("createdAt")),
        payload=data.get("payload"),
    )


def salvage_message(data: Any, conversation_id: str) -> Message:
    """`parse_message` for histories, where one odd entry must not hide the others: it becomes `Unknown`."""
    try:
        return parse_message(data)
    except Misfit:
        return Message(None, conversation_id, "", None, Unknown("", data))


def _member(data: Any, key: str) -> Any:
    if not isinstance(data, dict):
        raise Misfit(f"expected an object, got {type(data).__name__}")
    return data.get(key)


def _string(data: Any, key: str) -> str:
    value = _member(data, key)
    if not isinstance(value, str) or not value:
        raise Misfit(f"{key!r} is not a text")
    return value


def _dict_or_none(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _string_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
