"""Messages on their way to the server, and recognising them when they come back from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from .errors import ApiError, NetworkError, ServerError, WebchatError
from .ledger import Mark
from .models import Message, MessageStatus
from .payloads import parse_payload, payload_to_wire

V = TypeVar("V")

GRACE = 5.0
"""Seconds after an attempt without an answer in which the server may still carry it out: before that, not finding
the message says nothing."""
REMEMBERED = 100
"""Failed messages, and messages that were sent, whose later fate is still told."""

_RANK = {"failed": 0, "pending": 1, "sent": 2, "processing": 3, "processed": 4}


@dataclass(slots=True, eq=False)
class Entry:
    """One message on its way.

    Attributes:
        mark: what was newest in its conversation before the first attempt; `None` where that is not known.
        in_doubt_until: when (by the event loop's clock) not finding it says that it did not arrive; `None` while
            no attempt is in doubt.
        arrived: the message as the server has it.
        on_arrival: called when the stream or the history told it, whatever becomes of the attempt.
        doubles: messages of this user that may be this one.
    """

    message: Message
    mark: Mark | None = None
    tried: bool = False
    in_doubt_until: float | None = None
    arrived: Message | None = None
    on_arrival: Callable[[], None] | None = None
    doubles: list[Message] = field(default_factory=list)

    @property
    def client_id(self) -> str:
        assert self.message.client_id is not None  # noqa: S101  # the client gives one to everything it sends
        return self.message.client_id

    def could_be(self, message: Message) -> bool:
        """Whether `message`, of the same author and without a client id, may be this one."""
        return (
            self.tried
            and message.conversation_id == self.message.conversation_id
            # As it comes back; what came may be nothing that could be written.
            and message.payload == parse_payload(payload_to_wire(self.message.payload))
        )


class Outbox:
    """Knows what was sent, by client id where the server keeps it, and else by what it looks like."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._failed: dict[str, Entry] = {}
        self._sent: dict[str, Message] = {}
        self._keeps_metadata: bool | None = None

    def add(self, entry: Entry) -> None:
        self._failed.pop(entry.client_id, None)
        self._entries[entry.client_id] = entry

    def get(self, client_id: str) -> Entry | None:
        return self._entries.get(client_id) or self._failed.get(client_id)

    def sent(self, client_id: str) -> Message | None:
        """The message as the server has it, if it was sent not long ago."""
        return self._sent.get(client_id)

    def is_pending(self, client_id: str) -> bool:
        return client_id in self._entries

    def fail(self, entry: Entry) -> None:
        """It is given up, but recognised if it turns up all the same."""
        self._entries.pop(entry.client_id, None)
        _remember(self._failed, entry.client_id, entry)

    def complete(self, entry: Entry, message: Message) -> Message:
        """The server has it as `message`. Returns that as this client's own."""
        self._entries.pop(entry.client_id, None)
        self._failed.pop(entry.client_id, None)
        if message.metadata is None or message.client_id == entry.client_id:
            self._keeps_metadata = message.client_id is not None
        entry.arrived = replace(message, client_id=entry.client_id, status="sent")
        _remember(self._sent, entry.client_id, entry.arrived)
        return entry.arrived

    def may_be(self, message: Message) -> Entry | None:
        """The entry whose answer is still out, and which a message of this user without a client id looks like."""
        if message.client_id is not None or self._keeps_metadata:
            return None
        return next((entry for entry in self._entries.values() if entry.could_be(message)), None)

    def matches(self, entry: Entry, own: Iterable[Message]) -> list[Message]:
        """Which of these messages of this user, all later than `entry.mark`, may be the entry; one at most is sure."""
        sent = {message.id for message in self._sent.values()}
        others = []
        for message in own:
            if message.client_id == entry.client_id:
                return [message]
            if message.client_id is None and message.id not in sent and entry.could_be(message):
                others.append(message)
        return [] if self._keeps_metadata else others

    def advance(self, message: Message, status: MessageStatus) -> Message | None:
        """A message of this user as it is told with its new status; `None` where it had come further already."""
        known = self._sent.get(message.client_id or "") or next(
            (sent for sent in self._sent.values() if sent.id == message.id), None
        )
        if known is not None and status != "failed" and _RANK[status] <= _RANK[known.status or "sent"]:
            return None
        told = replace(message, client_id=known.client_id if known else message.client_id, status=status)
        if known is not None and known.client_id is not None:
            self._sent[known.client_id] = told
        return told


def may_have_arrived(error: WebchatError) -> bool:
    """Whether a request that ended so may have been carried out all the same."""
    if isinstance(error, ApiError):
        return error.status == 408 or (isinstance(error, ServerError) and error.status != 503)
    return isinstance(error, NetworkError)


def retry_after(error: Exception) -> float:
    """Seconds that the server asks one to wait."""
    return (error.retry_after or 0.0) if isinstance(error, ApiError) else 0.0


def _remember(memory: dict[str, V], key: str, value: V) -> None:
    memory[key] = value
    if len(memory) > REMEMBERED:
        del memory[next(iter(memory))]
