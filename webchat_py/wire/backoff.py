"""How long to wait before the next attempt: exponential backoff with full jitter."""

from __future__ import annotations

from collections.abc import Callable

FIRST = 0.5
LONGEST = 30.0
LONGEST_HINT = 3600.0
"""Seconds; a server that asks for a longer pause gets this one."""


class Backoff:
    """Pauses of up to 0.5, 1, 2, … 30 s. `random` gives numbers from 0 to 1.

    Full jitter, since clients that were cut off together would come back together.
    """

    def __init__(self, random: Callable[[], float]) -> None:
        self._random = random
        self._limit = FIRST

    def next(self, at_least: float = 0.0) -> float:
        """Seconds until the next attempt, no fewer than the server asks for."""
        pause = self._random() * self._limit
        self._limit = min(LONGEST, self._limit * 2)
        return max(pause, min(at_least, LONGEST_HINT))

    def reset(self) -> None:
        self._limit = FIRST
