"""What the browser tells of the page's life, and timers. It works in workers, too, which see no page."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import js
from pyodide.ffi import create_once_callable, create_proxy

from ..wire.ports import CallLater, Wake
from .events import listen

TICK = 10.0
SLEPT = 30.0
"""Seconds. A visible page's timers are late by less; only where the machine slept have so many passed unseen."""
_MAX_DELAY = 2**31 - 1
"""Milliseconds; browsers keep them in 32 bits and fire at once beyond that."""


def in_worker() -> bool:
    """Whether this is a worker. A `document` tells nothing of it: PyScript gives the page's to its workers."""
    return hasattr(js, "WorkerGlobalScope")


def call_later(seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
    """Call `callback` once; returns a function that cancels it, then or later. Nothing of it stays behind.

    A timer of the event loop would: in Pyodide one that is cancelled runs to its end all the same.
    """
    waiting = True

    def fire() -> None:
        nonlocal waiting
        waiting = False
        callback()

    def cancel() -> None:
        nonlocal waiting
        if waiting:
            waiting = False
            js.clearTimeout(timer)
            proxy.destroy()

    proxy = create_once_callable(fire)
    timer = js.setTimeout(proxy, min(seconds * 1000, _MAX_DELAY))
    return cancel


def online() -> bool:
    """Whether the browser believes that there is a network. It may be wrong with "yes"."""
    return bool(js.navigator.onLine)


def watch(on_wake: Callable[[Wake], None]) -> Callable[[], None]:
    """Tell when it is worth a try to connect again, or no use; returns a function that ends it.

    Args:
        on_wake: called with "online" or "offline"; "visible", when the page has become it; "restored", when the
            reader came back to a page that the browser had kept aside; "slept", when the clock has jumped.
    """
    document = None if in_worker() else js.document
    seen = js.Date.now()

    def visible() -> bool:
        return document is None or document.visibilityState == "visible"

    def tick() -> None:
        nonlocal seen
        passed, seen = js.Date.now() - seen, js.Date.now()
        if passed > (TICK + SLEPT) * 1000 and visible():
            on_wake("slept")

    def on_visibility(_event: Any) -> None:
        nonlocal seen
        seen = js.Date.now()  # Timers of hidden pages may be a minute late.
        if visible():
            on_wake("visible")

    def on_page_show(event: Any) -> None:
        if event.persisted:
            on_wake("restored")

    proxy = create_proxy(tick)
    timer = js.setInterval(proxy, TICK * 1000)
    ends = ExitStack()
    ends.callback(proxy.destroy)
    ends.callback(js.clearInterval, timer)
    ends.callback(listen(js.self, ("online", "offline"), lambda event: on_wake(event.type)))
    ends.callback(listen(js.self, ("pageshow",), on_page_show))
    if document is not None:
        ends.callback(listen(document, ("visibilitychange",), on_visibility))
    return ends.close


class Page:
    """What a page tells of itself."""

    @property
    def online(self) -> bool:
        return online()

    @property
    def call_later(self) -> CallLater:
        return call_later

    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]:
        return watch(on_wake)
