"""The element `<webchat-py>` as `chat.js` has made it: its parts, its words, and all that is to be released with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING

from js import AbortController, Object
from pyodide.ffi import create_proxy, to_js

from .nodes import make

if TYPE_CHECKING:
    from dom import Element, EventTarget, ShadowRoot, WebchatElement


_MAX_ANNOUNCED = 5


class Words:
    """The texts of `texts.js` in the language of one element, and its way to write times."""

    def __init__(self, element: WebchatElement) -> None:
        self._language = element.language

    @property
    def direction(self) -> str:
        """In which one reads: "ltr" or "rtl"."""
        return self._language.dir

    def __call__(self, key: str, **values: str | int) -> str:
        """A row of the table, filled in."""
        return self._language.say(key, to_js(values, dict_converter=Object.fromEntries))

    def time(self, moment: datetime) -> str:
        """The time of day at which it was for the reader."""
        return self._language.time(1000 * moment.timestamp())

    def date(self, moment: datetime) -> str:
        """The day on which it was for the reader."""
        return self._language.date(1000 * moment.timestamp())

    def short_date(self, moment: datetime) -> str:
        return self._language.shortDate(1000 * moment.timestamp())

    def percent(self, share: float) -> str:
        return self._language.percent(share)

    def size(self, size: int) -> str:
        """A number of bytes, in a fitting unit."""
        return self._language.size(size)


class Shell:
    """What a chat has of its page. `close` releases all that it was given to listen to, and ends what it runs."""

    def __init__(self, element: WebchatElement) -> None:
        self.element = element
        self.root: ShadowRoot = element.shadowRoot
        self.is_page = element.getAttribute("layout") == "page"
        self.say = Words(element)
        self.closed = False
        self._listening = AbortController.new()
        self._releases: list[Callable[[], object]] = [self._listening.abort]
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, id: str) -> Element:
        return self.root.getElementById(id)

    def listen(self, target: EventTarget, name: str, handler: Callable[..., object], *, capture: bool = False) -> None:
        """Calls `handler` with each event of this name, until it is closed."""
        proxy = create_proxy(handler)
        self.on_close(proxy.destroy)
        options = {"signal": self._listening.signal, "capture": capture}
        target.addEventListener(name, proxy, to_js(options, dict_converter=Object.fromEntries))

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Runs a coroutine beside everything else, until it is closed."""
        # The event loop holds tasks only weakly.
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def announce(self, text: str) -> None:
        """Has a screen reader say this when it is next silent. What is said already makes room."""
        announcer = self.find("announcer")
        announcer.append(make("p", text))
        while announcer.childElementCount > _MAX_ANNOUNCED:
            announcer.firstElementChild.remove()

    def on_close(self, *releases: Callable[[], object]) -> None:
        """Has these called, in this order, when it is closed."""
        self._releases += releases

    def close(self) -> None:
        self.closed = True
        for task in self._tasks:
            task.cancel()
        for release in self._releases:
            release()
        self._releases.clear()
