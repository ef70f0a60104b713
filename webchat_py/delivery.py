"""Sending: every message arrives once, in the order of the calls, or its sender is told why not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Protocol
from weakref import WeakValueDictionary

from .conversation import CurrentConversation
from .emitter import Emitter
from .history import newest_first
from .pauses import done_within
from .session import Session, Unsent
from .wire.backoff import Backoff
from .wire.calls import Page
from .wire.errors import (
    DeliveryUncertain,
    Forbidden,
    NotFound,
    RequestTimeout,
    SessionExpired,
    StateError,
    WebchatError,
)
from .wire.ledger import Ledger, Mark
from .wire.models import Message, parse_date
from .wire.outbox import GRACE, Entry, Outbox, may_have_arrived, retry_after
from .wire.payloads import Payload, parse_payload, payload_to_wire
from .wire.ports import CallLater
from .wire.signals import StatusChanged

ECHO_WAIT = 1.0
"""Seconds for the answer to a request after the stream has shown that it was carried out."""


class DeliveryBackend(Protocol):
    """What a mode does for sending."""

    @property
    def call_later(self) -> CallLater: ...
    async def create_message(
        self, conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None
    ) -> Message: ...
    async def list_messages(self, conversation_id: str, token: str | None) -> Page[Message]: ...


class Delivery:
    """Sends messages, and recognises those of this user that come back.

    One message after the other for each conversation. An attempt that ends without an answer may have been carried
    out, and no server is known to refuse a second one; so the message is looked for before it is sent again.
    """

    def __init__(
        self,
        backend: DeliveryBackend,
        conversation: CurrentConversation,
        events: Emitter,
        session: Session,
        retry_for: float,
        random: Callable[[], float],
    ) -> None:
        self._backend = backend
        self._conversation = conversation
        self._events = events
        self._session = session
        self._retry_for = retry_for
        self._random = random
        self._outbox = Outbox()
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._own_id = ""
        self._expired: SessionExpired | None = None
        self._leaving = False

    def belongs_to(self, user_id: str) -> None:
        """Say whose messages these are from now on."""
        if user_id != self._own_id:
            self._outbox = Outbox()
        self._own_id = user_id
        self._leaving = False

    def leave(self) -> None:
        """What is cancelled from now on is kept for the next start, and not given up."""
        self._leaving = True

    def expire(self, error: SessionExpired) -> None:
        """The user is not known any more: nothing of theirs is sent, whoever comes next."""
        self._own_id, self._expired = "", error

    def turn(self, conversation_id: str) -> asyncio.Lock:
        """Held while something is being sent to this conversation."""
        return self._turns.setdefault(conversation_id, asyncio.Lock())

    async def once(self, call: Callable[[str], Awaitable[None]]) -> None:
        """Make a call for the current conversation or a new one: in its turn, with an open stream, and at most once."""
        owner, deadline = self._own_id, self._now() + self._retry_for
        conversation_id = await self._ready(owner, deadline)
        turn = self.turn(conversation_id)
        async with turn:
            await self._usable(conversation_id, deadline, None)
            self._check(owner)
            await call(conversation_id)

    async def send(
        self,
        payload: Payload,
        metadata: dict[str, Any],
        reply_to: str | None = None,
        conversation_id: str | None = None,
    ) -> Message:
        """Send a message to a conversation, by default the current one or else a new one.

        Returns it as the server has it. `metadata` holds its `clientMessageId`.
        """
        target = conversation_id or self._conversation.id or ""
        client_id, now = metadata["clientMessageId"], datetime.now(UTC)
        message = Message(None, target, self._own_id, now, payload, metadata, reply_to, client_id, "pending")
        deadline = self._now() + self._retry_for
        with self._underway(Entry(message)) as entry:
            return await self._deliver(entry, conversation_id, deadline)

    async def resend(self, message: Message) -> Message:
        """Send a message again that failed, to its own conversation. If it is there after all, that is it."""
        if message.author_id != self._own_id:
            raise StateError("The message is another user's")
        if sent := self._outbox.sent(message.client_id or ""):
            return sent
        entry = self._outbox.get(message.client_id or "") or Entry(message, tried=True)
        if entry.tried and entry.in_doubt_until is None:
            entry.in_doubt_until = self._now()
        metadata = {**(message.metadata or {}), "clientMessageId": message.client_id}
        entry.message = replace(message, id=None, author_id=self._own_id, metadata=metadata, status="pending")
        with self._underway(entry):
            return await self._deliver(entry, message.conversation_id, self._now() + self._retry_for)

    def is_pending(self, message: Message) -> bool:
        return self._outbox.is_pending(message.client_id or "")

    def restore(self, unsent: Unsent) -> Message:
        """Take up a message that an earlier page could not send, as one that failed."""
        mark = None if unsent.mark is None else Mark(unsent.mark[0], parse_date(unsent.mark[1]))
        message = Message(
            id=None,
            conversation_id=unsent.conversation_id,
            author_id=self._own_id,
            sent_on=parse_date(unsent.sent_on),
            payload=parse_payload(unsent.payload),
            metadata=unsent.metadata,
            reply_to=unsent.reply_to,
            client_id=unsent.client_id,
            status="failed",
        )
        # It may have been sent: the page may have ended before the answer came.
        self._outbox.fail(Entry(message, mark, tried=True, in_doubt_until=self._now() + GRACE))
        if unsent.failed:
            self._tell(message)
        return message

    # What comes back: `conversation.OwnMessages`

    def take(self, message: Message) -> None:
        """A message of this user that the stream or the history told."""
        if message.client_id and (entry := self._outbox.get(message.client_id)):
            self._arrived(entry, message)
        elif entry := self._outbox.may_be(message):
            entry.doubles.append(message)
        else:
            self._events.emit("own_message", message)

    def take_status(self, change: StatusChanged) -> None:
        """The server says what has become of a message of this user."""
        entry = self._outbox.get(change.message.client_id or "")
        if entry is not None:
            self._conversation.note(change.message)
            self._arrived(entry, change.message)
        told = self._outbox.advance(change.message, change.status)
        if told is not None:
            self._tell(told)

    # How it is done

    @contextmanager
    def _underway(self, entry: Entry) -> Iterator[Entry]:
        """While an entry is being sent. How that ends is told; what did not arrive is kept."""
        self._outbox.add(entry)
        self._session.keep(_unsent(entry))
        self._tell(entry.message)
        try:
            yield entry
        except BaseException as error:
            if entry.arrived is None:
                self._fail(entry, error)
            raise
        finally:
            entry.on_arrival = None

    async def _ready(self, owner: str, deadline: float) -> str:
        """The current conversation, or a new one. An orphan may stay on the server where the answer was lost."""
        backoff = Backoff(self._random)
        # In turns here as well: who waits for a conversation must not be overtaken.
        turn = self.turn("")
        async with turn:
            while True:
                self._check(owner)
                try:
                    return await self._conversation.ready()
                except WebchatError as error:
                    self._check(owner)
                    pause = backoff.next(retry_after(error))
                    if not error.retryable or self._now() + pause > deadline:
                        raise
                    await done_within(pause, self._backend.call_later)

    def _check(self, owner: str) -> None:
        """Raise where it is not this user any more for whom something is being sent."""
        if owner != self._own_id:
            raise self._expired or StateError("The client was disconnected")

    async def _usable(self, conversation_id: str, deadline: float, reason: WebchatError | None) -> None:
        """Wait while the conversation's stream is being opened again."""
        if not await self._conversation.usable(conversation_id, max(0.0, deadline - self._now())):
            raise reason or self._conversation.cause or RequestTimeout("There was no connection in time")

    async def _deliver(self, entry: Entry, conversation_id: str | None, deadline: float) -> Message:
        owner = entry.message.author_id
        conversation_id = conversation_id or await self._ready(owner, deadline)
        # From here on it is decided: a later change of the conversation does not move the message.
        self._address(entry, conversation_id)
        backoff = Backoff(self._random)
        reason: WebchatError | None = None
        turn = self.turn(conversation_id)
        async with turn:
            while True:
                try:
                    if entry.arrived is None:
                        await self._usable(conversation_id, deadline, reason)
                        self._check(owner)
                    message = entry.arrived or await self._find(entry) or await self._post(entry)
                    return self._complete(entry, message)
                except WebchatError as error:
                    if entry.arrived is not None:
                        continue
                    self._check(owner)
                    if isinstance(error, NotFound | Forbidden):
                        await self._conversation.check(conversation_id)
                    pause = backoff.next(retry_after(error))
                    if error is reason or not error.retryable or self._now() + pause > deadline:
                        raise
                    reason = error
                await self._rest(entry, pause)

    def _address(self, entry: Entry, conversation_id: str) -> None:
        """Note where an entry goes, and what is the newest message there."""
        mark = entry.mark or self._conversation.newest(conversation_id)
        if (conversation_id, mark) != (entry.message.conversation_id, entry.mark):
            entry.message = replace(entry.message, conversation_id=conversation_id)
            entry.mark = mark
            self._session.keep(_unsent(entry))

    async def _post(self, entry: Entry) -> Message:
        """Make one attempt. It is over when the answer comes, or soon after the stream has shown the message."""
        message = entry.message
        assert message.metadata is not None  # noqa: S101  # it holds the client id
        entry.tried = True
        attempt = asyncio.create_task(
            self._backend.create_message(message.conversation_id, message.payload, message.metadata, message.reply_to)
        )
        try:
            await asyncio.wait((attempt, self._arrival(entry)), return_when=asyncio.FIRST_COMPLETED)
            if entry.arrived is not None and not attempt.done():
                await done_within(ECHO_WAIT, self._backend.call_later, attempt)
                if not attempt.done():
                    return entry.arrived
            return await attempt
        except WebchatError as error:
            if may_have_arrived(error):
                entry.in_doubt_until = self._now() + GRACE
            raise
        finally:
            attempt.cancel()
            await asyncio.wait((attempt,))

    async def _find(self, entry: Entry) -> Message | None:
        """The message on the server, where an attempt may have put it there; `None` when it is not.

        Raises `DeliveryUncertain` where that cannot be told.
        """
        if entry.in_doubt_until is None:
            return None
        await self._rest(entry, entry.in_doubt_until - self._now())
        if entry.arrived is not None:
            return entry.arrived
        self._check(entry.message.author_id)
        newer, same_time = await self._own_since(entry)
        matches = self._outbox.matches(entry, newer)
        # Without knowing what is older than the attempt, one that looks like it may be an old one.
        is_sure = len(matches) == 1 and entry.mark is not None
        if not matches:
            matches, is_sure = self._outbox.matches(entry, same_time), False
        if matches and not is_sure and matches[0].client_id != entry.client_id:
            raise DeliveryUncertain(f"Of {len(matches)} messages like this one, any may be it. It was not sent again")
        entry.in_doubt_until = None
        return matches[0] if matches else None

    async def _own_since(self, entry: Entry) -> tuple[list[Message], list[Message]]:
        """The messages of this user in the entry's conversation that are newer than its first attempt.

        And those that are as old as what was newest then: where a page's dates do not differ, they may be newer.
        """
        ledger, mark = Ledger.since(entry.mark), entry.mark
        newer: list[Message] = []
        same_time: list[Message] = []
        fetch = self._backend.list_messages
        pages = newest_first(lambda token: fetch(entry.message.conversation_id, token))
        async with aclosing(pages) as stretches:
            async for stretch in stretches:
                unknown, older = ledger.unknown(stretch.messages)
                own = [message for message in stretch.messages if message.author_id == entry.message.author_id]
                ids = {message.id for message in unknown}
                newer += (message for message in own if message.id in ids)
                if mark is not None and mark.sent_on is not None:
                    same_time += (message for message in own if message.sent_on == mark.sent_on)
                if not older:
                    break
        return newer, same_time

    def _arrival(self, entry: Entry) -> asyncio.Future[None]:
        """Done as soon as the stream or the history tells the message."""
        arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry.on_arrival = lambda: None if arrival.done() else arrival.set_result(None)
        if entry.arrived is not None:
            entry.on_arrival()
        return arrival

    async def _rest(self, entry: Entry, seconds: float) -> None:
        """Wait, but not longer than until the message has arrived after all."""
        if seconds > 0:
            await done_within(seconds, self._backend.call_later, self._arrival(entry))

    def _arrived(self, entry: Entry, message: Message) -> None:
        """The stream or the history shows it: its status moves now, whenever the attempt ends."""
        self._complete(entry, message)
        if entry.on_arrival is not None:
            entry.on_arrival()

    def _complete(self, entry: Entry, message: Message) -> Message:
        if entry.arrived is not None:
            return entry.arrived
        sent = self._outbox.complete(entry, message)
        self._conversation.note(sent)
        self._session.drop(entry.client_id)
        self._tell(sent)
        # Copies, since each receiver may change its own.
        self._events.emit("message_sent", replace(sent))
        self._release_doubles(entry, message.id)
        return sent

    def _fail(self, entry: Entry, error: BaseException) -> None:
        self._outbox.fail(entry)
        given_up = isinstance(error, asyncio.CancelledError)
        if given_up and self._leaving:
            return
        if given_up:
            self._session.drop(entry.client_id)
        else:
            self._session.keep(_unsent(entry, failed=True))
        self._tell(replace(entry.message, status="failed"))
        self._release_doubles(entry, None)

    def _release_doubles(self, entry: Entry, message_id: str | None) -> None:
        """Tell the messages that could have been this one, and are not."""
        doubles, entry.doubles = entry.doubles, []
        for double in doubles:
            if double.id != message_id:
                self._events.emit("own_message", double)

    def _tell(self, message: Message) -> None:
        self._events.emit("message_status", replace(message))

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()


def _unsent(entry: Entry, failed: bool = False) -> Unsent:
    message, mark = entry.message, entry.mark
    return Unsent(
        user_id=message.author_id,
        client_id=entry.client_id,
        conversation_id=message.conversation_id,
        payload=payload_to_wire(message.payload),
        metadata=message.metadata or {},
        reply_to=message.reply_to,
        failed=failed,
        sent_on=_iso(message.sent_on),
        mark=None if mark is None else (mark.id, _iso(mark.sent_on)),
    )


def _iso(date: datetime | None) -> str | None:
    return None if date is None else date.isoformat()
