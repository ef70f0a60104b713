"""The line with the date above the first message of another day than the message before it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .nodes import make

if TYPE_CHECKING:
    from dom import Element

    from .shell import Words


def set_time(article: Element, moment: datetime, say: Words) -> None:
    """Shows when the message was sent, in the reader's own time."""
    day, hour = say.date(moment), say.time(moment)
    time = article.querySelector("time")
    time.setAttribute("datetime", moment.isoformat())
    time.setAttribute("title", f"{day}, {hour}")
    time.textContent = hour
    article.setAttribute("data-day", day)
    _part(article, say)
    _part(_neighbour(article, "nextElementSibling"), say)


def take_away(article: Element, say: Words) -> None:
    """Removes an article, and the date that nothing follows any more."""
    following = _neighbour(article, "nextElementSibling")
    _set_line(article, None)
    article.remove()
    _part(following, say)


def _part(article: Element | None, say: Words) -> None:
    if article is None:
        return
    day = article.getAttribute("data-day")
    before = _neighbour(article, "previousElementSibling")
    # What begins today needs no date.
    day_before = before.getAttribute("data-day") if before else say.date(datetime.now(UTC))
    _set_line(article, day if day != day_before else None)


def _set_line(article: Element, day: str | None) -> None:
    line = article.previousElementSibling
    if line and line.className == "day":
        line.remove()
    if day:
        article.before(make("p", day, class_name="day"))


def _neighbour(article: Element, direction: str) -> Element | None:
    """The next article in that direction whose time is known."""
    sibling = getattr(article, direction)
    while sibling and not sibling.hasAttribute("data-day"):
        sibling = getattr(sibling, direction)
    return sibling or None
