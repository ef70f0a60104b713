"""A sound, and a number in the tab's title, for what comes while nobody looks. Off until the reader wants it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pyodide.ffi import JsException
from pyscript import document, window
from pyscript.ffi import create_proxy

if TYPE_CHECKING:
    from dom import Event

    from webchat_py import Message, WebchatClient

_KEPT_AS = "webchat alerts"


class Alerts:
    """The button that switches them, and what they do. They live as long as the page does."""

    def __init__(self) -> None:
        self._button = document.getElementById("alerts")
        self._sound = document.getElementById("alert-sound")
        self._title = document.title
        self._missed = 0
        self._playing: asyncio.Task[None] | None = None

    def start(self, client: WebchatClient) -> None:
        self._button.setAttribute("aria-pressed", str(_remembered()).lower())
        self._button.disabled = False
        self._button.addEventListener("click", create_proxy(self._on_click))
        document.addEventListener("visibilitychange", create_proxy(self._on_look))
        client.on("message", self._on_message)

    def rename(self, title: str) -> None:
        """Gives the tab another title."""
        self._title = title
        self._show_title()

    @property
    def _wanted(self) -> bool:
        return self._button.getAttribute("aria-pressed") == "true"

    def _on_click(self, _event: Event) -> None:
        self._button.setAttribute("aria-pressed", str(not self._wanted).lower())
        _remember(self._wanted)
        if self._wanted:
            # The reader hears what it will be like, and the browser learns that the sound is wanted.
            self._play()

    def _on_message(self, _message: Message) -> None:
        if self._wanted and document.hidden:
            self._missed += 1
            self._show_title()
            self._play()

    def _on_look(self, _event: Event) -> None:
        if not document.hidden:
            self._missed = 0
            self._show_title()

    def _show_title(self) -> None:
        document.title = f"({self._missed}) {self._title}" if self._missed else self._title

    def _play(self) -> None:
        self._playing = asyncio.ensure_future(self._sound_out())

    async def _sound_out(self) -> None:
        try:
            await self._sound.play()
        except JsException as error:
            # A browser lets no page be heard that was not used since it was loaded.
            window.console.info(f"The alert cannot be heard: {error}")


def _remembered() -> bool:
    try:
        return window.localStorage.getItem(_KEPT_AS) == "on"
    except JsException:  # a browser that keeps nothing
        return False


def _remember(wanted: bool) -> None:
    try:
        window.localStorage.setItem(_KEPT_AS, "on" if wanted else "off")
    except JsException as error:
        window.console.info(f"The choice lasts until the page is left: {error}")
