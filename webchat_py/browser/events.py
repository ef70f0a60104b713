"""Listening to events of the browser."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pyodide.ffi import create_proxy


def listen(target: Any, events: Iterable[str], handler: Callable[[Any], object]) -> Callable[[], None]:
    """Call `handler` with each of these events of a JavaScript `target`; returns a function that ends it."""
    proxy = create_proxy(handler)
    for event in events:
        target.addEventListener(event, proxy)

    def end() -> None:
        for event in events:
            target.removeEventListener(event, proxy)
        proxy.destroy()

    return end
