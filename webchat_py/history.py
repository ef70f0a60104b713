"""Reading a conversation's history, newest first, whatever order the server keeps it in."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from typing import NamedTuple, TypeAlias, TypeVar

from .wire.calls import Page
from .wire.errors import ServerError
from .wire.models import Message

T = TypeVar("T")
Fetch: TypeAlias = Callable[[str | None], Awaitable[Page[T]]]


class Stretch(NamedTuple):
    """Consecutive messages of a history, newest first; whether there are older ones behind them."""

    messages: list[Message]
    has_more: bool


async def pages(fetch: Fetch[T]) -> AsyncGenerator[Page[T]]:
    """The pages of a list, each fetched when the one before it is used up."""
    token: str | None = None
    tokens: set[str] = set()
    while True:
        page = await fetch(token)
        yield page
        token = page.next_token
        if not token:
            return
        if token in tokens:
            raise ServerError("The server's list has no end", status=200, type="InvalidAnswer")
        tokens.add(token)


async def newest_first(fetch: Fetch[Message]) -> AsyncGenerator[Stretch]:
    """A history from its newest message on. One whose pages come oldest first is read whole before anything is told.

    That the hosted service lists newest first is inferred, not documented; so the dates at the ends of what was
    read decide.
    """
    held: list[Message] = []
    oldest_first: bool | None = None
    async for page in pages(fetch):
        held += page.items
        if oldest_first is None:
            oldest_first = _is_oldest_first(held)
        if page.next_token and oldest_first is not False:
            continue
        if oldest_first:
            held.reverse()
        yield Stretch(held, bool(page.next_token))
        held = []


def _is_oldest_first(messages: Sequence[Message]) -> bool | None:
    """`None` where the dates do not tell."""
    dates = [message.sent_on for message in messages if message.sent_on is not None]
    return None if not dates or dates[0] == dates[-1] else dates[0] < dates[-1]
