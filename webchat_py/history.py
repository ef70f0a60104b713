"""Reading a conversation's history, newest first, whatever order the server keeps it in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any, NamedTuple, TypeAlias, TypeVar

from .wire.calls import Page
from .wire.errors import ServerError
from .wire.models import Message

T = TypeVar("T")
Fetch: TypeAlias = Callable[[str | None], Coroutine[Any, Any, Page[T]]]


class Stretch(NamedTuple):
    """Consecutive messages of a history, newest first; whether there are older ones behind them."""

    messages: list[Message]
    has_more: bool


async def pages(fetch: Fetch[T], *, ahead: bool = False) -> AsyncGenerator[Page[T]]:
    """The pages of a list, each fetched when the one before it is used up; `ahead`: while that one is used."""
    tokens: set[str] = set()
    page = await fetch(None)
    while (token := page.next_token) and token not in tokens:
        tokens.add(token)
        if ahead:
            async with _underway(fetch(token)) as coming:
                yield page
                page = await coming
        else:
            yield page
            page = await fetch(token)
    yield page
    if token:
        raise ServerError("The server's list has no end", status=200, type="InvalidAnswer")


@asynccontextmanager
async def _underway(coroutine: Coroutine[Any, Any, T]) -> AsyncGenerator[asyncio.Task[T]]:
    """A coroutine that runs beside the block, and is cancelled where the block is left first."""
    task = asyncio.ensure_future(coroutine)
    await asyncio.sleep(0)  # which lets it begin
    try:
        yield task
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()  # nobody needs to have awaited it


async def newest_first(fetch: Fetch[Message], *, ahead: bool = False) -> AsyncGenerator[Stretch]:
    """A history from its newest message on. One whose pages come oldest first is read whole before anything is told.

    That the hosted service lists newest first is inferred, not documented; so the dates at the ends of what was
    read decide.
    """
    held: list[Message] = []
    oldest_first: bool | None = None
    async with aclosing(pages(fetch, ahead=ahead)) as read:
        async for page in read:
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
