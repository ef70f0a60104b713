"""Which messages were already handed on, so that none is handed on twice."""

from __future__ import annotations


class Ledger:
    """Remembers the newest `size` ids of messages, in the order in which they were added."""

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._ids: dict[str, None] = {}

    def add(self, message_id: str) -> bool:
        """Add an id; `False` if it was there already."""
        if message_id in self._ids:
            return False
        self._ids[message_id] = None
        if len(self._ids) > self._size:
            del self._ids[next(iter(self._ids))]
        return True
