"""What the page knows of its conversation. Nothing of the browser is in here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from webchat_py import (
    Choice,
    Message,
    NetworkError,
    Payload,
    RequestTimeout,
    ServerError,
    StreamError,
    Text,
)


class Delivery(StrEnum):
    """How far a message of one's own has come."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


DELIVERY_WORDS = {
    Delivery.QUEUED: "Waiting",
    Delivery.SENDING: "Sending…",
    Delivery.SENT: "Sent",
    Delivery.FAILED: "Not sent.",
}


@dataclass(slots=True, eq=False)
class Entry:
    """One message as the page shows it.

    `message` is `None` until the server has it, `delivery` is `None` for messages of others, `taken` is the
    value of the option that a choice was answered with, `problem` says why a message was not sent. `client_id` names
    an own message however often it is sent, so that a server that keeps it stores it once.
    """

    payload: Payload
    message: Message | None = None
    delivery: Delivery | None = None
    taken: str | None = None
    problem: str = ""
    client_id: str = field(default_factory=lambda: os.urandom(16).hex())

    @property
    def own(self) -> bool:
        return self.delivery is not None


@dataclass(slots=True)
class Transcript:
    """The messages of the current conversation, in the order in which they are shown."""

    entries: list[Entry] = field(default_factory=list)

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)

    def has(self, message: Message) -> bool:
        """Whether this message is shown already."""
        return any(entry.message is not None and _is_same(entry.message, message) for entry in self.entries)

    def merge(self, entry: Entry) -> Entry | None:
        """Takes in a message of the history by its time; returns the one it is to be shown before, if any.

        Messages that the server does not have yet stay behind it.
        """
        position = len(self.entries)
        while position and _is_later(self.entries[position - 1], entry):
            position -= 1
        follower = self.entries[position] if position < len(self.entries) else None
        self.entries.insert(position, entry)
        return follower

    def remove(self, entry: Entry) -> None:
        self.entries.remove(entry)

    def next_queued(self) -> Entry | None:
        return next((entry for entry in self.entries if entry.delivery is Delivery.QUEUED), None)

    def answered_by(self, answer: Entry) -> Entry | None:
        """Finds the choice that `answer` answers, the last open one before it that offers this value, and
        notes there that it is taken.

        On the wire an answer is a plain text with the option's value, so this is how a choice stays taken
        over a reload.
        """
        if not answer.own or not isinstance(answer.payload, Text):
            return None
        for entry in reversed(self.entries[: self.entries.index(answer)]):
            if entry.taken is None and _offers(entry.payload, answer.payload.text):
                entry.taken = answer.payload.text
                return entry
        return None

    def start_over(self) -> list[Entry]:
        """Makes room for another conversation and returns what to take away.

        What the server does not have stays, so that no text is lost.
        """
        gone = [entry for entry in self.entries if entry.message is not None]
        self.entries = [entry for entry in self.entries if entry.message is None]
        return gone


def _offers(payload: Payload, value: str) -> bool:
    return isinstance(payload, Choice) and any(option.value == value for option in payload.options)


def _is_same(shown: Message, message: Message) -> bool:
    return shown.id == message.id if message.id is not None else shown == message


def _is_later(shown: Entry, entry: Entry) -> bool:
    if shown.message is None:
        return True
    if shown.message.sent_on is None or entry.message is None or entry.message.sent_on is None:
        return False
    return shown.message.sent_on > entry.message.sent_on


_STATUS_WORDS = {
    "connecting": ("Connecting", "You can write already."),
    "connected": ("Connected", ""),
    "reconnecting": ("Reconnecting", "The connection was lost and is being opened again."),
    "offline": ("Offline", "{reason} What you write is kept. Press Reconnect to go on."),
    "closed": ("Offline", "The chat has been closed. Press Reconnect to go on."),
}

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (RequestTimeout, "The server did not answer in time."),
    (NetworkError, "The server cannot be reached."),
    (StreamError, "The connection to the server was lost."),
    (ServerError, "The server failed, or its answer made no sense."),
)


def status_words(state: str, cause: Exception | None) -> tuple[str, str]:
    """The connection's state in a word, and in a sentence what that means for the reader."""
    word, hint = _STATUS_WORDS[state]
    return word, hint.format(reason=reason(cause))


def reason(cause: Exception | None) -> str:
    """What went wrong, in a sentence for the reader."""
    for kind, words in _REASONS:
        if isinstance(cause, kind):
            return words
    return f"The server answered: {cause}" if cause else "The connection to the server was lost."


def fields(data: object) -> Iterator[tuple[str, str]]:
    """All values in decoded JSON, each with the way to it in words: `("items 1 title", "Blue")`.

    Not recursive, for the depth of what a bot sends has no limit.
    """
    stack: list[tuple[str, object]] = [("", data)]
    while stack:
        name, value = stack.pop()
        match value:
            case dict():
                stack += [(f"{name} {key}".strip(), child) for key, child in reversed(value.items())]
            case list():
                stack += [
                    (f"{name} {number}".strip(), child) for number, child in reversed(list(enumerate(value, start=1)))
                ]
            case None | "":
                pass
            case _:
                yield name, str(value)
