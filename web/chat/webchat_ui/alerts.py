"""A sound, and a number in the tab's title, for what comes while nobody looks. Off until the reader wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from js import document, window
from pyodide.ffi import JsException

from .shell import Shell

if TYPE_CHECKING:
    from dom import Event

    from webchat_py import Message, WebchatClient

_KEPT_AS = "webchat alerts"


class Alerts:
    """The button that switches them, and what they do. The title is only changed where the page is all chat."""

    def __init__(self, shell: Shell, client: WebchatClient) -> None:
        self._shell = shell
        self._button = shell.find("alerts")
        self._sound = shell.find("alert-sound")
        self._title = document.title
        self._missed = 0
        self._button.setAttribute("aria-pressed", str(_remembered()).lower())
        self._button.disabled = False
        shell.listen(self._button, "click", self._on_click)
        shell.listen(document, "visibilitychange", self._on_look)
        shell.on_close(client.on("message", self._on_message))

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
        if self._shell.is_page:
            document.title = f"({self._missed}) {self._title}" if self._missed else self._title

    def _play(self) -> None:
        self._shell.spawn(self._sound_out())

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
