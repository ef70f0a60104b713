"""The line with the date above the first message of another day than the message before it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from .nodes import make

if TYPE_CHECKING:
    from dom import Element


def set_time(article: Element, moment: datetime) -> None:
    """Shows when the message was sent, in the reader's own time."""
    try:
        local = moment.astimezone()
    except (OverflowError, ValueError):
        return
    time = article.querySelector("time")
    time.setAttribute("datetime", moment.isoformat())
    time.setAttribute("title", f"{_date(local)}, {local:%H:%M}")
    time.textContent = f"{local:%H:%M}"
    article.setAttribute("data-day", _date(local))
    _part(article)
    _part(_neighbour(article, "nextElementSibling"))


def take_away(article: Element) -> None:
    """Removes an article, and the date that nothing follows any more."""
    following = _neighbour(article, "nextElementSibling")
    _set_line(article, None)
    article.remove()
    _part(following)


def _part(article: Element | None) -> None:
    if article is None:
        return
    day = article.getAttribute("data-day")
    before = _neighbour(article, "previousElementSibling")
    # What begins today needs no date.
    day_before = before.getAttribute("data-day") if before else _date(datetime.now().astimezone())
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


def _date(moment: datetime) -> str:
    return f"{moment:%A}, {moment.day} {moment:%B} {moment.year}"
