"""Which messages of a conversation are known, so that none is told twice and a recovery finds those never told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from .models import Message


@dataclass(slots=True, frozen=True)
class Mark:
    """A place in the history: a message, which may be deleted by now, and its time. Without an id: the beginning."""

    id: str
    sent_on: datetime | None


class Ledger:
    """Remembers the newest `size` messages that are known.

    Everything up to `mark` in the history is known. What is dated up to `horizon` is too old to be remembered one
    by one and counts as known as well.
    """

    def __init__(self, size: int = 4096) -> None:
        self._size = size
        self._known: dict[str, datetime | None] = {}
        self._horizon: datetime | None = None
        self.mark: Mark | None = None
        self.newest: Mark | None = None

    @classmethod
    def since(cls, mark: Mark | None) -> Ledger:
        """One to which everything after a place in the history is unknown."""
        ledger = cls()
        if mark is not None:
            ledger.mark = mark
            ledger._known[mark.id] = ledger._horizon = mark.sent_on
        return ledger

    def add(self, message: Message) -> bool:
        """Note a message as known; `False` if it was already, or has no id."""
        if message.id is None or message.id in self._known:
            return False
        self._known[message.id] = message.sent_on
        if self.newest is None or _is_before(message.sent_on, self.newest.sent_on) is not True:
            self.newest = Mark(message.id, message.sent_on)
        if len(self._known) > self._size:
            self._forget_oldest()
        return True

    def begin(self, newest_first: Sequence[Message], has_more: bool) -> None:
        """Take the first page of a history for known, and with it all that is older."""
        for message in reversed(newest_first):
            self.add(message)
        if has_more and newest_first:
            self._horizon = newest_first[-1].sent_on
        self.verify(newest_first)

    def verify(self, newest_first: Sequence[Message]) -> None:
        """Everything up to the newest message of these is known from now on."""
        newest = next((message for message in newest_first if message.id is not None), None)
        if newest is not None and newest.id is not None:
            self.mark = Mark(newest.id, newest.sent_on)

    def unknown(self, page: Sequence[Message]) -> tuple[list[Message], bool]:
        """What is not known of a page of the history, newest first; and whether older pages may hold more."""
        found = None if self.mark is None else _index(page, self.mark.id)
        unknown = [
            message
            for position, message in enumerate(page)
            if message.id is not None
            and message.id not in self._known
            and ((found is not None and position < found) or self._is_recent(message))
        ]
        oldest = page[-1].sent_on if page else None
        return unknown, found is None and _is_before(oldest, self._horizon) is not True

    def _is_recent(self, message: Message) -> bool:
        return self._horizon is None or _is_before(self._horizon, message.sent_on) is True

    def _forget_oldest(self) -> None:
        message_id = next(iter(self._known))
        sent_on = self._known.pop(message_id)
        if _is_before(sent_on, self._horizon) is not True:
            self._horizon = sent_on or self._horizon
        # What was told after the mark and is forgotten would otherwise be taken for new.
        if self.mark is not None and self.mark.id not in self._known:
            self.mark = Mark(message_id, sent_on)


def _index(page: Sequence[Message], message_id: str) -> int | None:
    return next((position for position, message in enumerate(page) if message.id == message_id), None)


def _is_before(date: datetime | None, other: datetime | None) -> bool | None:
    """Whether `date` is before `other`; `None` where one of them is not known."""
    return None if date is None or other is None else date < other
