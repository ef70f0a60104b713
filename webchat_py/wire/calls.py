"""What a call to the server is, in either mode: something to carry, and how to read the answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from .models import Credentials, Message

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class Call(Generic[T]):
    """A request, which only its mode knows how to carry, and the reader of its answer.

    The reader gets decoded JSON and raises `Misfit`.
    """

    request: Any
    read: Callable[[Any], T]


class Page(NamedTuple, Generic[T]):
    """A part of a list; `next_token` is falsy on the last one. Messages come newest first."""

    items: list[T]
    next_token: str | None


class Beginning(NamedTuple):
    """What a server that does it all in one request lets a client begin with.

    Who it is, where, and the newest messages there, newest first.
    """

    credentials: Credentials
    conversation_id: str
    messages: list[Message]


class Profile(NamedTuple):
    """What a user tells of themselves. What is `None` is not sent, and so stays as it is."""

    data: dict[str, Any] | None = None
    name: str | None = None
    picture_url: str | None = None


class Upload(NamedTuple):
    """Where the bytes of a file go (`PUT`, no key), and where everybody finds them afterwards."""

    upload_url: str
    file_url: str
    content_type: str
    file_id: str


_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")


def quote(text: str) -> str:
    """Percent-encode `text` for one path segment or query value (RFC 3986; urllib.parse is slow to import)."""
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))


def is_header_value(value: Any) -> bool:
    """Whether a browser would send `value` in a header, and not raise an error that shows it."""
    return isinstance(value, str) and value != "" and value.isascii() and value.isprintable()


def encode(value: Any) -> str:
    """`value` as JSON. Raises `TypeError` or `ValueError` where JSON has no such value."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
