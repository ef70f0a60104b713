"""What a call to the server is, in either mode: something to carry, and how to read the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from .models import Credentials, Message
from .untrusted import MAX_DEPTH

T = TypeVar("T")


@dataclass(slots=True, frozen=True)
class Call(Generic[T]):
    """A request, which only its mode knows how to carry, and the reader of its answer.

    The reader gets decoded JSON and raises `Misfit`.
    """

    request: Any
    read: Callable[[Any], T]


class Page(NamedTuple, Generic[T]):
    """A part of a list; `next_token` is falsy on the last one. Messages come newest first.

    `items` are to be read once: those that cannot fail may be made only then.
    """

    items: Iterable[T]
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


MAX_SENT_DEPTH = MAX_DEPTH - 16
"""What is sent comes back within something."""
_NESTED = (dict, list, tuple)


def encode(value: Any) -> str:
    """`value` as JSON. Raises `TypeError` or `ValueError` where JSON has no such value or nobody could read it back."""
    if _is_deep(value):
        raise ValueError(f"This is nested too deeply to be sent: in more than {MAX_SENT_DEPTH} lists and dicts")
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half a character, which JSON can say as an escape only
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text


def _is_deep(value: Any) -> bool:
    # Before json.dumps: a stack that overflows ends the whole interpreter in WebAssembly (seen in Pyodide 314).
    level: dict[int, Any] = {id(value): value}
    for _ in range(MAX_SENT_DEPTH + 1):
        nested = [one for one in level.values() if isinstance(one, _NESTED)]
        if not nested:
            return False
        # Each only once, for what contains itself twice would fill the memory.
        level = {id(child): child for one in nested for child in (one.values() if isinstance(one, dict) else one)}
    return True
