"""What a reader does inside a message and nobody else needs to know: look at a picture, turn a carousel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyscript import document
from pyscript.ffi import create_proxy

from .payloads import unavailable

if TYPE_CHECKING:
    from dom import Element, Event

_KINDS = {"IMG": "Picture", "AUDIO": "Sound", "VIDEO": "Video"}


class Widgets:
    """Listens to the whole log, so that a message needs no listener of its own. It lives as long as the page does."""

    def __init__(self) -> None:
        self._viewer = document.getElementById("viewer")

    def start(self) -> None:
        log = document.getElementById("log")
        log.addEventListener("click", create_proxy(self._on_click))
        # It does not bubble, but it can be caught on its way down.
        log.addEventListener("error", create_proxy(self._on_error), True)
        self._viewer.addEventListener("click", create_proxy(self._on_viewer_click))

    def _on_click(self, event: Event) -> None:
        if picture := event.target.closest("button.picture"):
            self._open(picture.querySelector("img"))
        elif turn := event.target.closest("button.turn"):
            _turn(turn.parentElement.previousElementSibling, int(turn.value))

    def _open(self, picture: Element) -> None:
        document.getElementById("viewed").replaceChildren(picture.cloneNode(True))
        self._viewer.showModal()

    def _on_viewer_click(self, event: Event) -> None:
        # The dialog itself is only hit outside of what is in it.
        if event.target.id == "viewer":
            self._viewer.close()

    def _on_error(self, event: Event) -> None:
        """What cannot be fetched, or may not be by the page's policy, becomes words."""
        media = event.target
        if media.tagName in _KINDS:
            broken = unavailable(_KINDS[media.tagName], media.getAttribute("src") or "")
            shown = media.closest("button.picture") or media
            had_focus = shown.matches(":focus")
            shown.replaceWith(broken)
            if had_focus:
                document.getElementById("log").focus()


def _turn(strip: Element, direction: int) -> None:
    """One card on, and round at the end."""
    card = strip.firstElementChild
    step = card.nextElementSibling.offsetLeft - card.offsetLeft
    end = strip.scrollWidth - strip.clientWidth
    here = strip.scrollLeft
    if direction > 0:
        strip.scrollLeft = 0 if here >= end - 1 else here + step
    else:
        strip.scrollLeft = end if here <= 1 else here - step
