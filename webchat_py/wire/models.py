"""The things that users of the client hold: messages, credentials, states."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from .payloads import Misfit, Payload, Unknown, parse_payload

ConnectionState = Literal["connecting", "connected", "reconnecting", "offline", "closed"]


@dataclass(slots=True, frozen=True)
class Credentials:
    """Who one is. Keep it to come back as the same user; `user_token` is a secret and never shown."""

    user_id: str
    user_token: str = field(repr=False)


@dataclass(slots=True)
class Message:
    """One message of a conversation.

    `sent_on` is `None` where the server's date cannot be read, `client_id` the sender's own id of it
    (`metadata.clientMessageId`), `None` where there is none.
    """

    id: str | None
    conversation_id: str
    author_id: str
    sent_on: datetime | None
    payload: Payload
    metadata: dict[str, Any] | None = None
    reply_to: str | None = None
    client_id: str | None = None
    status: str | None = None


@dataclass(slots=True, frozen=True)
class Typing:
    """Whether the other side is typing; if so, for at most `timeout` seconds from now."""

    is_typing: bool
    timeout: float


@dataclass(slots=True, frozen=True)
class Connection:
    """State of the event stream of the current conversation; `cause` is the error that led to it."""

    state: ConnectionState
    cause: Exception | None = None
    recovered: bool = False


def parse_date(value: Any) -> datetime | None:
    """A date of the wire (ISO 8601, any zone, any number of fraction digits), or `None` if it is not one."""
    if not isinstance(value, str):
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def parse_message(data: Any) -> Message:
    """The message that `data`, decoded JSON, stands for.

    Raises `Misfit` where the fields that make a message what it is (id, author, conversation) are not there.
    """
    if not isinstance(data, dict):
        raise Misfit("a message is an object")
    for key in ("id", "userId", "conversationId"):
        if not isinstance(data.get(key), str):
            raise Misfit(f"a message has a string {key!r}")
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        metadata = None
    return Message(
        id=data["id"],
        conversation_id=data["conversationId"],
        author_id=data["userId"],
        sent_on=parse_date(data.get("createdAt")),
        payload=parse_payload(data.get("payload")),
        metadata=metadata,
        reply_to=_string_or_none(data.get("replyTo")),
        client_id=_string_or_none(metadata.get("clientMessageId")) if metadata else None,
    )


def salvage_message(data: Any, conversation_id: str) -> Message:
    """`parse_message` for histories, where one odd entry must not hide the others: it becomes `Unknown`."""
    try:
        return parse_message(data)
    except Misfit:
        return Message(None, conversation_id, "", None, Unknown("", data))


def _string_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
