"""Files that the reader picks, drops or pastes: a tray in which they wait, and how they look on their way."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from js import URL

from .nodes import button, make
from .shell import Shell, Words

if TYPE_CHECKING:
    from dom import Element, Event, File, FileEvent

LARGEST = 100_000_000
"""Bytes, where the element has no `max-file-size`. The hosted service is set to take 100 MiB."""


@dataclass(slots=True, eq=False)
class Picked:
    """A file that is not sent yet. `preview` is its address in this page, if it is a picture."""

    file: File
    name: str
    size: int
    preview: str = ""

    def release(self) -> None:
        if self.preview:
            URL.revokeObjectURL(self.preview)


def picked(file: File) -> Picked:
    preview = URL.createObjectURL(file) if file.type.startswith("image/") else ""
    return Picked(file, file.name, int(file.size), preview)


def render_picked(one: Picked, say: Words) -> Element:
    """A file before the server has it."""
    parts = [make("p", f"{one.name} ({say.size(one.size)})")]
    if one.preview:
        parts.insert(0, make("img", src=one.preview, alt=""))
    return make("div", *parts, class_name="picked")


class Tray:
    """What waits to be sent. It takes what the element's `accept` and `max-file-size` allow, and says what it does not.

    `accept` is a list as that of `<input type="file">`: https://html.spec.whatwg.org/#attr-input-accept
    """

    def __init__(self, shell: Shell, takes_files: bool) -> None:
        self._shell = shell
        self._say = shell.say
        self._takes_files = takes_files
        self._tray = shell.find("tray")
        self._drop = shell.find("drop")
        self._attach = shell.find("attach")
        self._input = shell.find("files")
        self._picked: dict[str, Picked] = {}
        self._number = 0
        accept = shell.element.getAttribute("accept") or ""
        self._accept = [entry.strip().lower() for entry in accept.split(",") if entry.strip()]
        self._largest = _positive(shell.element.getAttribute("max-file-size")) or LARGEST
        self._attach.hidden = not takes_files
        self._attach.disabled = not takes_files
        if self._accept:
            self._input.setAttribute("accept", ",".join(self._accept))
        limits = self._limits()
        shell.find("limits").textContent = self._tray.querySelector(".limits").textContent = limits
        self._attach.title = f"{self._say('attach')}. {limits}"
        self._listen()
        shell.on_close(self._release)

    def take(self) -> list[Picked]:
        """Empties the tray."""
        taken = list(self._picked.values())
        self._picked.clear()
        self._draw()
        return taken

    @property
    def has_files(self) -> bool:
        return bool(self._picked)

    def _release(self) -> None:
        for one in self._picked.values():
            one.release()

    def _listen(self) -> None:
        listen = self._shell.listen
        listen(self._attach, "click", lambda _event: self._input.click())
        listen(self._input, "change", self._on_change)
        listen(self._tray, "click", self._on_click)
        listen(self._shell.find("message"), "paste", self._on_paste)
        chat = self._shell.find("chat")
        listen(chat, "dragover", self._on_drag)
        listen(self._drop, "dragleave", lambda _event: self._show_drop(False))
        listen(chat, "drop", self._on_drop)

    def _limits(self) -> str:
        if not self._takes_files:
            return ""
        size = self._say.size(self._largest)
        if not self._accept:
            return self._say("limit", size=size)
        return self._say("limitTypes", size=size, types=", ".join(self._accept))

    # What the reader does

    def _on_change(self, _event: Event) -> None:
        self._add(self._input.files)
        self._input.value = ""  # or the same file could not be picked again

    def _on_paste(self, event: FileEvent) -> None:
        # An office program's table is text, and a picture of it as well.
        if event.clipboardData.files.length and "text/plain" not in list(event.clipboardData.types):
            event.preventDefault()
            self._add(event.clipboardData.files)

    def _on_drag(self, event: FileEvent) -> None:
        if self._takes_files and "Files" in list(event.dataTransfer.types):
            self._show_drop(True)

    def _on_drop(self, event: FileEvent) -> None:
        self._show_drop(False)
        self._add(event.dataTransfer.files)

    def _show_drop(self, shown: bool) -> None:
        self._drop.hidden = not shown

    def _on_click(self, event: Event) -> None:
        if remove := event.target.closest("button.remove"):
            one = self._picked.pop(remove.value)
            one.release()
            self._draw()
            self._shell.announce(self._say("removed", name=one.name))
            self._shell.find("message").focus()

    # What comes of it

    def _add(self, files: Iterable[File]) -> None:
        refused: list[str] = []
        for file in files:
            if problem := self._problem(file):
                refused.append(problem)
                self._shell.announce(problem)
            else:
                self._number += 1
                self._picked[str(self._number)] = picked(file)
                self._shell.announce(self._say("added", name=file.name))
        self._draw(refused)
        self._shell.find("message").focus()

    def _problem(self, file: File) -> str:
        if not self._takes_files:
            return self._say("noFiles")
        if file.size > self._largest:
            return self._say("tooLarge", name=file.name, size=self._say.size(self._largest))
        if self._accept and not any(_fits(file, entry) for entry in self._accept):
            return self._say("wrongType", name=file.name)
        return ""

    def _draw(self, refused: Iterable[str] = ()) -> None:
        rows = [self._row(key, one) for key, one in self._picked.items()]
        rows += [make("li", text, class_name="refused") for text in dict.fromkeys(refused)]
        self._tray.querySelector("ul").replaceChildren(*rows)
        self._tray.hidden = not rows

    def _row(self, key: str, one: Picked) -> Element:
        remove = button("\N{MULTIPLICATION SIGN}", "remove", value=key, aria_label=self._say("remove", name=one.name))
        return make("li", render_picked(one, self._say), remove)


def _positive(text: str | None) -> int:
    return int(text) if text and re.fullmatch("[0-9]{1,15}", text) else 0


def _fits(file: File, entry: str) -> bool:
    if entry.startswith("."):
        return file.name.lower().endswith(entry)
    kind, _, rest = entry.partition("/")
    return entry in (file.type, "*/*") or (rest == "*" and file.type.startswith(f"{kind}/"))
