"""What a reader does inside a message and nobody else needs to know: look at a picture, turn a carousel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .payloads import UNAVAILABLE, unavailable
from .shell import Shell

if TYPE_CHECKING:
    from dom import Element, Event


class Widgets:
    """Listens to the whole log, so that a message needs no listener of its own."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._log = shell.find("log")
        self._viewer = shell.find("viewer")
        shell.listen(self._log, "click", self._on_click)
        # It does not bubble, but it can be caught on its way down.
        shell.listen(self._log, "error", self._on_error, capture=True)
        shell.listen(self._viewer, "click", self._on_viewer_click)

    def _on_click(self, event: Event) -> None:
        if picture := event.target.closest("button.picture"):
            self._open(picture.querySelector("img"))
        elif turn := event.target.closest("button.turn"):
            _turn(turn.parentElement.previousElementSibling, int(turn.value))

    def _open(self, picture: Element) -> None:
        self._shell.find("viewed").replaceChildren(picture.cloneNode(True))
        self._viewer.showModal()

    def _on_viewer_click(self, event: Event) -> None:
        # The dialog itself is only hit outside of what is in it.
        if event.target.id == "viewer":
            self._viewer.close()

    def _on_error(self, event: Event) -> None:
        """What cannot be fetched, or may not be by the page's policy, becomes words."""
        media = event.target
        tag = media.tagName.lower()
        if tag in UNAVAILABLE:
            broken = unavailable(tag, media.getAttribute("src") or "", self._shell.say)
            shown = media.closest("button.picture") or media
            had_focus = shown.matches(":focus")
            shown.replaceWith(broken)
            if had_focus:
                self._log.focus()


def _turn(strip: Element, direction: int) -> None:
    """One card on, and round at the end."""
    card = strip.firstElementChild
    step = card.nextElementSibling.offsetLeft - card.offsetLeft
    end = strip.scrollWidth - strip.clientWidth
    here = abs(strip.scrollLeft)  # where one reads from right to left it counts down from 0, and steps are negative
    if direction > 0 and here > end - abs(step) / 2:
        there: float = 0
    elif direction < 0 and here < abs(step) / 2:
        there = end
    else:
        there = here + direction * abs(step)
    strip.scrollLeft = -there if step < 0 else there
