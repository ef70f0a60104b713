"""Time that is not the clock's: an event loop that jumps to its next timer as soon as nothing else is left to do.

An hour passes in a moment, always in the same order, and waiting for what can never come is an error at once.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_TURNS = 1_000_000
"""Turns of the loop without any time passing after which it is taken to run in circles."""


class Stuck(RuntimeError):
    """The simulation would never end: everybody waits for ever, or runs in circles."""


class _Timers(selectors.SelectSelector):
    """In place of files that become ready: only time passes, as far as the loop asks for."""

    def __init__(self, limit: float) -> None:
        super().__init__()
        self.now = 0.0
        self._limit = limit
        self._turns = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stuck("all tasks wait, and no timer is set")
        if self.now > self._limit:
            raise Stuck(f"it was not done after {self._limit:g} s of virtual time")
        self._turns = 0 if timeout > 0 else self._turns + 1
        if self._turns > _TURNS:
            raise Stuck(f"{_TURNS:,} turns of the event loop took no time")
        self.now += max(timeout, 0)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0. What goes wrong in it unheard is in `complaints`."""

    def __init__(self, limit: float) -> None:
        self._timers = _Timers(limit)
        super().__init__(self._timers)
        self.complaints: list[str] = []
        self.set_exception_handler(self._complain)

    def time(self) -> float:
        return self._timers.now

    def _complain(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.complaints.append(f"{context['message']}: {context.get('exception')!r}")


def simulate(main: Coroutine[Any, Any, T], limit: float = 7 * 86_400.0) -> T:
    """Run `main` in virtual time and return what it returns.

    Raises:
        Stuck: it waits for what cannot come, or was not done after `limit` seconds of virtual time.
        AssertionError: a task or callback raised, and nobody looked.
    """
    loop = VirtualLoop(limit)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        result = runner.run(main)
    assert not loop.complaints, loop.complaints
    return result
