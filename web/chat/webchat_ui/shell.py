"""The element `<webchat-py>` as `chat.js` has made it: its parts, its words, and all that is to be released with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import TYPE_CHECKING

from js import AbortController, Object
from pyodide.ffi import JsDoubleProxy, create_proxy, to_js

if TYPE_CHECKING:
    from dom import Element, EventTarget, ShadowRoot, WebchatElement


class Words:
    """The texts of `texts.js` in the language of one element, and its way to write times."""

    def __init__(self, element: WebchatElement) -> None:
        self._language = element.language

    def __call__(self, key: str, **values: str | int) -> str:
        """A row of the table, filled in."""
        return self._language.say(key, to_js(values, dict_converter=Object.fromEntries))

    def time(self, moment: datetime) -> str:
        """The time of day at which it was for the reader."""
        return self._language.time(1000 * moment.timestamp())

    def date(self, moment: datetime) -> str:
        """The day on which it was for the reader."""
        return self._language.date(1000 * moment.timestamp())


class Shell:
    """What a chat has of its page. `close` releases all that it was given to listen to, and ends what it runs."""

    def __init__(self, element: WebchatElement) -> None:
        self.element = element
        self.root: ShadowRoot = element.shadowRoot
        self.is_page = element.getAttribute("layout") == "page"
        self.say = Words(element)
        self._listening = AbortController.new()
        self._handlers: list[JsDoubleProxy] = []
        self._tasks: set[asyncio.Task[None]] = set()

    def find(self, id: str) -> Element:
        return self.root.getElementById(id)

    def listen(self, target: EventTarget, name: str, handler: Callable[..., object], *, capture: bool = False) -> None:
        """Calls `handler` with each event of this name, until it is closed."""
        proxy = create_proxy(handler)
        self._handlers.append(proxy)
        options = {"signal": self._listening.signal, "capture": capture}
        target.addEventListener(name, proxy, to_js(options, dict_converter=Object.fromEntries))

    def spawn(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Runs a coroutine beside everything else, until it is closed."""
        # The event loop holds tasks only weakly.
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def close(self) -> None:
        self._listening.abort()
        for task in self._tasks:
            task.cancel()
        for handler in self._handlers:
            handler.destroy()
        self._handlers.clear()
