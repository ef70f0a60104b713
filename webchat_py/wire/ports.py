"""What the rooms of the package call each other by. Types only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

CallLater: TypeAlias = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Calls a function after some seconds; what it returns calls that off."""

Wake: TypeAlias = Literal["online", "offline", "visible", "restored", "slept"]
"""What happened to the page: it has a network again, or none; it is looked at again; it came back from the browser's
cache, or the machine slept, after which a stream may be dead without knowing it."""


class StreamListener(Protocol):
    """Takes what comes over a stream.

    A transport sets `retry` (seconds) and `last_event_id` as the server sends them.
    """

    retry: float
    last_event_id: str

    def on_open(self) -> None: ...
    def on_bytes(self) -> None:
        """Something came, whatever it was."""

    def on_event(self, data: str) -> None: ...
