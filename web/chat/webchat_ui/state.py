"""What the page knows of its conversation. Nothing of the browser is in here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import TYPE_CHECKING, Literal

from webchat_py import Bloc, Choice, Dropdown, Message, Payload, Text

if TYPE_CHECKING:
    from .files import Picked

UPLOAD = "upload"
"""In a message's metadata: which of this page's uploads it is about."""
QUESTION = "question"
"""In a message's metadata: which question of the message that it replies to it answers, counted from 0."""
REPLY_TO = "replyTo"
"""In a message's metadata in mode "messaging", which has no replies: the id of the message that it answers."""
MAX_ITEMS = 100
"""A bot may put any number of them into one message; so many are shown."""


class Delivery(StrEnum):
    """How far a message of one's own has come."""

    QUEUED = "queued"
    WAITING = "waiting"
    UPLOADING = "uploading"
    SENDING = "sending"
    SENT = "sent"
    UNANSWERED = "unanswered"
    FAILED = "failed"

    @property
    def text(self) -> str:
        """The row of the table of texts that says so."""
        return "waiting" if self is Delivery.QUEUED else self.value


def delivery_of(message: Message) -> Delivery:
    """How far a message of one's own has come by what the client says of it."""
    match message.status:
        case "pending":
            return Delivery.SENDING
        case "failed":
            return Delivery.FAILED if message.id is None else Delivery.UNANSWERED
    return Delivery.SENT


@dataclass(slots=True, eq=False)
class Entry:
    """One message as the page shows it.

    `message` is as the client told it last, and `None` until the client has it; `delivery` is `None` for messages of
    others; `problem` says why a message was not sent; `reply_to` is the id of the message that it answers, and
    `question` which question in it, where the reader pressed one of its options. `taken` says for each question
    in a message which value it was answered with. `picked` is the file that the message will be about, until the
    server has it, `upload` what its message is known by then, and `progress` how much of it is there;
    `conversation_id` is where the reader wanted it.
    """

    payload: Payload
    message: Message | None = None
    delivery: Delivery | None = None
    problem: str = ""
    reply_to: str | None = None
    question: int | None = None
    picked: Picked | None = None
    upload: str = ""
    conversation_id: str | None = None
    progress: float = 0
    taken: dict[int, str] = field(default_factory=dict)
    questions: list[Choice | Dropdown] = field(init=False)

    def __post_init__(self) -> None:
        self.become(self.payload)

    def become(self, payload: Payload) -> None:
        """Shows this from now on, in which nothing is answered yet."""
        self.payload = payload
        self.taken = {}
        self.questions = [item for item in shown(payload) if isinstance(item, Choice | Dropdown)]

    @property
    def own(self) -> bool:
        return self.delivery is not None

    @property
    def feedback(self) -> Literal["positive", "negative"] | None:
        """What the reader thinks of it."""
        feedback = self.message.feedback if self.message else None
        match feedback:
            case {"value": "positive"}:
                return "positive"
            case {"value": "negative"}:
                return "negative"
        return None

    @property
    def arrived(self) -> bool:
        """Whether the server has it."""
        return self.message is not None and self.message.id is not None


@dataclass(slots=True)
class Transcript:
    """The messages of the current conversation, in the order in which they are shown."""

    conversation_id: str | None = None
    entries: list[Entry] = field(default_factory=list)
    _known: dict[tuple[str, str], Entry] = field(default_factory=dict)

    def append(self, entry: Entry) -> None:
        """Takes in an entry at the end."""
        self.entries.append(entry)
        self._index(entry)

    def find(self, message: Message) -> Entry | None:
        """The entry that shows this message already."""
        if message.id is None and message.client_id is None:
            return next((entry for entry in self.entries if entry.message == message), None)
        found = (self._known.get(name) for name in _names(message))
        return next((entry for entry in found if entry is not None and _shows(entry, message)), None)

    def take(self, entry: Entry, message: Message) -> None:
        """An entry shows this message from now on."""
        entry.message = message
        self._index(entry)

    def handed_over(self, message: Message) -> Entry | None:
        """The entry that the client was given to send, and has made this message of."""
        upload = (message.metadata or {}).get(UPLOAD)
        return next((entry for entry in self.entries if _became(entry, message, upload)), None)

    def begins_after(self, entry: Entry) -> bool:
        """Whether all that is shown of what the server has was sent later."""
        first = next((entry for entry in self.entries if entry.arrived), None)
        return first is not None and _is_later(first, entry)

    def prepend(self, entries: list[Entry]) -> bool:
        """Takes in messages at the beginning, oldest first, unless they are not all older than those that are there."""
        if any(entry.arrived for entry in self.entries) and not self.begins_after(entries[-1]):
            return False
        self.entries[:0] = entries
        for entry in entries:
            self._index(entry)
        return True

    def merge(self, entry: Entry) -> Entry | None:
        """Takes in a message by its time; returns the one it is to be shown before, if any.

        Messages that the server does not have yet stay behind it.
        """
        position = len(self.entries)
        while position and _is_later(self.entries[position - 1], entry):
            position -= 1
        follower = self.entries[position] if position < len(self.entries) else None
        self.entries.insert(position, entry)
        self._index(entry)
        return follower

    def settle(self, entry: Entry) -> bool:
        """Puts a message that has arrived among the others by its time; returns whether that moved it.

        One that an earlier page has left may have been sent long before those that are shown already, and a file
        arrives long after it was picked.
        """
        entries = self.entries
        place = position = entries.index(entry)
        while position and entries[position - 1].arrived and _is_later(entries[position - 1], entry):
            position -= 1
        if position == place and entry.upload:
            # What the server does not have yet is passed by: it will be later.
            for further in range(place + 1, len(entries)):
                if entries[further].arrived:
                    if not _is_later(entry, entries[further]):
                        break
                    position = further
        entries.insert(position, entries.pop(place))
        return position != place

    def after(self, entry: Entry) -> Entry | None:
        """The entry that follows this one."""
        return next(iter(self.entries[self.entries.index(entry) + 1 :]), None)

    def remove(self, entry: Entry) -> None:
        self.entries.remove(entry)
        self._forget([entry])

    def remove_oldest(self, number: int) -> list[Entry]:
        """Takes away so many of the oldest that the server has; returns them."""
        gone = [entry for entry in self.entries if entry.arrived][:number]
        self._forget(gone)
        leaving = set(gone)
        self.entries = [entry for entry in self.entries if entry not in leaving]
        return gone

    def queued(self) -> list[Entry]:
        """What the client does not have yet."""
        return [entry for entry in self.entries if entry.delivery is Delivery.QUEUED]

    def match_answers(self) -> list[Entry]:
        """Finds out anew which question each answer belongs to; returns the messages in which that changed something.

        On the wire an answer is a plain text with the option's value, which says by `reply_to` what it answers. One
        without, such as one that was typed, answers the last open question before it that offers this value.
        """
        asked = _Asked()
        before: dict[Entry, dict[int, str]] = {}
        for entry in self.entries:
            if entry.own and isinstance(entry.payload, Text):
                asked.settle(entry, entry.payload.text)
            elif entry.questions:
                before[entry], entry.taken = entry.taken, {}
                asked.add(entry)
        return [entry for entry, taken in before.items() if entry.taken != taken]

    @property
    def only_choices(self) -> bool:
        """Whether the newest message is a question that takes none but its own answers. An answer would be newer."""
        return bool(self.entries) and any(
            bool(question.options) and question.disable_free_text is True for question in self.entries[-1].questions
        )

    def start_over(self, conversation_id: str) -> list[Entry]:
        """Makes room for another conversation and returns what to take away.

        What the server does not have stays, so that no text is lost.
        """
        self.conversation_id = conversation_id
        return self.remove_oldest(len(self.entries))

    def _index(self, entry: Entry) -> None:
        if entry.message is not None:
            self._known |= dict.fromkeys(_names(entry.message), entry)

    def _forget(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            for name in _names(entry.message) if entry.message else ():
                self._known.pop(name, None)


def flat(payload: Payload) -> Iterator[Payload]:
    """The payloads in a payload: itself, or the items of a bloc, in order. Not recursive: a bot chooses the depth."""
    stack = [payload]
    while stack:
        top = stack.pop()
        if isinstance(top, Bloc):
            stack += reversed(top.items)
        else:
            yield top


def shown(payload: Payload) -> Iterator[Payload]:
    """What of a payload is shown: itself, or so many of a bloc's items."""
    return islice(flat(payload), MAX_ITEMS)


def _names(message: Message) -> list[tuple[str, str]]:
    """What a message can be recognised by."""
    names = (("client id", message.client_id), ("id", message.id))
    return [(kind, name) for kind, name in names if name is not None]


def _became(entry: Entry, message: Message, upload: object) -> bool:
    if entry.message is not None or entry.delivery not in (Delivery.WAITING, Delivery.UPLOADING):
        return False
    return entry.upload == upload if entry.upload else entry.payload == message.payload


class _Asked:
    """The questions that were asked until now, by what they offer: a talk may have thousands."""

    def __init__(self) -> None:
        self._by_value: dict[str, list[tuple[Entry, int]]] = {}
        self._by_id: dict[str, Entry] = {}

    def add(self, entry: Entry) -> None:
        if entry.message is not None and entry.message.id is not None:
            self._by_id[entry.message.id] = entry
        for number, question in reversed(list(enumerate(entry.questions))):
            for value in {option.value for option in question.options}:
                self._by_value.setdefault(value, []).append((entry, number))

    def settle(self, answer: Entry, value: str) -> None:
        """Finds the question that this answers, if any."""
        if answer.reply_to is None:
            candidates = self._by_value.get(value, [])
            while candidates and candidates[-1][1] in candidates[-1][0].taken:
                candidates.pop()
        else:
            asked = self._by_id.get(answer.reply_to)
            questions = enumerate(asked.questions) if asked else ()
            candidates = [(asked, number) for number, each in questions if asked and _offers(each, value)][::-1]
        for entry, number in reversed(candidates):
            if answer.question in (None, number) and number not in entry.taken:
                entry.taken[number] = value
                return


def _offers(question: Choice | Dropdown, value: str) -> bool:
    return any(option.value == value for option in question.options)


def _shows(entry: Entry, message: Message) -> bool:
    shown = entry.message
    if shown is None or shown.author_id != message.author_id:
        return False
    if shown.client_id is not None and message.client_id is not None:
        return shown.client_id == message.client_id
    return shown.id == message.id if message.id is not None else shown == message


def _is_later(shown: Entry, entry: Entry) -> bool:
    if shown.message is None or shown.arrived < entry.arrived:
        return True
    if shown.arrived > entry.arrived:
        return False
    if shown.message.sent_on is None or entry.message is None or entry.message.sent_on is None:
        return False
    return shown.message.sent_on > entry.message.sent_on


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
