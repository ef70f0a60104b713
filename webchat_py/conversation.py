"""The current conversation: always at most one, changed by one call after the other, lost by none that fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterator
from contextlib import aclosing, contextmanager, suppress
from typing import Any, Protocol

from .channel import Channel, Listen, Sink
from .emitter import Emitter, log
from .history import Stretch, newest_first
from .pauses import done_within
from .wire.backoff import Backoff
from .wire.calls import Beginning, Page
from .wire.errors import (
    ApiError,
    ConversationGone,
    Forbidden,
    NetworkError,
    NotFound,
    SessionExpired,
    StateError,
    StreamError,
    Unauthorized,
    WebchatError,
)
from .wire.ledger import Ledger, Mark
from .wire.models import Connection, ConnectionState, Credentials, Message, Typing
from .wire.outbox import retry_after
from .wire.ports import CallLater, Wake
from .wire.signals import Happened, MessageCreated, Signal, StatusChanged, TypingChanged

BEGIN_WAIT = 10.0
"""Seconds for a server to begin, which takes it a few transactions; after that it is asked step by step."""
STEADY = 5.0
"""Seconds that a stream has to live after its recovery for the next pause to be short again: one that is cut as soon as
it is open must not be opened several times a second for ever."""


class ConversationBackend(Protocol):
    """What a mode does for conversations."""

    begins: bool
    bots_begin: bool

    @property
    def call_later(self) -> CallLater: ...
    @property
    def online(self) -> bool: ...
    @property
    def retry(self) -> float:
        """Seconds that the server wants between attempts to open a stream."""

    def begin(
        self, credentials: Credentials | None, conversation_id: str | None, sink: Sink
    ) -> Coroutine[Any, Any, None]: ...
    def read_beginning(self, signal: Signal) -> Beginning | None: ...
    def listen(self, conversation_id: str, sink: Sink) -> Coroutine[Any, Any, None]: ...
    async def create_conversation(self) -> str: ...
    async def start_conversation(self, conversation_id: str) -> None: ...
    async def delete_conversation(self, conversation_id: str) -> None: ...
    async def check_conversation(self, conversation_id: str) -> None: ...
    async def list_messages(self, conversation_id: str, token: str | None) -> Page[Message]: ...


class OwnMessages(Protocol):
    """Takes what the stream and the history say about messages of this user."""

    def take(self, message: Message) -> None: ...
    def take_status(self, change: StatusChanged) -> None: ...


class CurrentConversation:
    """Opens conversations, keeps the stream of the current one open, and tells its events.

    A change opens the new stream first, then swaps, then closes the old stream: whatever fails, the
    conversation from before still is the current one.

    A stream that is lost is opened again, for as long as it takes. What was said meanwhile is read from the history:
    after the new stream is open, so that nothing falls between the two, and while its signals wait, so that they come
    in the history's order.
    """

    def __init__(
        self,
        backend: ConversationBackend,
        events: Emitter,
        idle_timeout: float,
        random: Callable[[], float],
        on_change: Callable[[str], None],
    ) -> None:
        self._backend = backend
        self._events = events
        self._on_change = on_change
        self._idle_timeout = idle_timeout
        self._random = random
        self._backoff = Backoff(random)
        self._own_id: str | None = None
        self._own: OwnMessages | None = None
        self._id: str | None = None
        self._channel: Channel | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._over: Exception | None = None
        self._usable: asyncio.Future[None] | None = None
        self._hurry: asyncio.Future[None] | None = None
        self._in_a_hurry = False
        self._parting: asyncio.Future[None] | None = None
        self._changing = asyncio.Lock()
        self._announcing: set[asyncio.Task[None]] = set()
        self._announced: asyncio.Future[None] | None = None
        self._spare: str | None = None
        self._ledger = Ledger()
        self._recovered = 0
        self._connection = Connection("closed")
        self._typing_ends: asyncio.Handle | None = None

    @property
    def id(self) -> str | None:
        """Stays when the stream is lost."""
        return self._id

    @property
    def state(self) -> ConnectionState:
        return self._connection.state

    def newest(self, conversation_id: str) -> Mark | None:
        """The newest message that is known of a conversation; `None` if it is not the current one."""
        return (self._ledger.newest or Mark("", None)) if conversation_id == self._id else None

    def belongs_to(self, user_id: str, own: OwnMessages) -> None:
        """Say whose conversations these are: messages of this user are handed to `own`."""
        if user_id != self._own_id:
            self._spare = None
        self._own_id = user_id
        self._own = own

    async def begin(
        self,
        credentials: Credentials | None,
        conversation_id: str | None,
        adopt: Callable[[Credentials], Awaitable[bool]],
    ) -> list[Message] | None:
        """Log in and make this conversation, or a new one, the current one, all in one request.

        Args:
            credentials, conversation_id: what is known.
            adopt: is awaited with the credentials before anything is told; its result says whether they will do.

        Returns:
            The newest messages, newest first. `None` where other calls are needed: the server cannot do it, or has
            chosen another user or conversation, of which it does not say why.
        """
        async with self._changing:
            channel = self._new_channel(lambda sink: self._backend.begin(credentials, conversation_id, sink))
            try:
                beginning = await self._beginning(channel)
                if beginning is not None and not await adopt(beginning.credentials):
                    beginning = None
                if beginning is not None and conversation_id not in (None, beginning.conversation_id):
                    self._spare, beginning = beginning.conversation_id, None
                if beginning is None:
                    await channel.close()
                    self._set_connection("closed")
                    return None
                return await self._begin_with(beginning, channel, is_new=conversation_id is None)
            except BaseException:
                await channel.close()
                self._set_connection("closed")
                raise

    async def create(self) -> str:
        """Open a new conversation and return its id."""
        async with self._changing:
            return await self._create()

    async def switch(self, conversation_id: str) -> list[Message]:
        """Make another conversation the current one; open the stream again if it is the same and was lost.

        Returns the newest messages of its history, newest first, where it was another one.
        """
        async with self._changing:
            if conversation_id == self._id and self._channel and self._channel.live and self._over is None:
                return []
            return await self._open(conversation_id)

    async def newest_messages(self) -> list[Message]:
        """The newest messages of the history, newest first."""
        return (await self._first_stretch(self.require())).messages

    async def ready(self) -> str:
        """The id of the current conversation; of a new one where there is none. Raises what ended it for good."""
        async with self._changing:
            if self._id is None:
                return await self._create()
            if self._over is not None:
                raise self._over
            return self._id

    async def announced(self) -> None:
        """Wait until the bot was told of the conversation, if it can be at once: its greeting is not to come later."""
        if self._announced is not None:
            await asyncio.wait((self._announced,))

    async def usable(self, conversation_id: str, seconds: float) -> bool:
        """Wait while the stream of this conversation is opened again; `False` when the time is over first.

        Raises what ended it for good. Another conversation than the current one has nothing to wait for.
        """
        while conversation_id == self._id:
            if self._over is not None:
                raise self._over
            if self._usable is None or self._usable.done():
                return True
            if not await done_within(seconds, self._backend.call_later, self._usable):
                return False
        return True

    @property
    def cause(self) -> Exception | None:
        """Why the stream was lost, while it is."""
        return self._connection.cause

    def require(self) -> str:
        """The id of the current conversation; raises `StateError` where there is none."""
        if self._id is None:
            raise StateError("There is no conversation yet. Call new_conversation() or switch_conversation() first")
        return self._id

    async def close(self) -> None:
        """Leave the current conversation, and wait until its stream is closed."""
        await _cancelled(*self.abandon())

    def abandon(self) -> set[asyncio.Task[None]]:
        """Go back to where there was no conversation. Returns what has still to be ended."""
        ending = {task for task in (self._keeper, *self._announcing) if task is not None}
        self._keeper = None
        self._id = self._channel = self._over = self._spare = None
        self._release(self._usable)
        self._release(self._announced)
        self._end_typing()
        self._set_connection("closed")
        for task in ending:
            task.cancel()
        return ending

    async def delete(self, conversation_id: str) -> None:
        """Delete a conversation on the server, and leave it if it is the current one."""
        async with self._changing:
            with self.parting():
                await self._backend.delete_conversation(conversation_id)
                if self._id == conversation_id:
                    await self.close()

    @contextmanager
    def parting(self) -> Iterator[None]:
        """While something is deleted on the server, which ends the stream first: that is no loss then."""
        parting = self._parting = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self._release(parting)

    def end(self, error: Exception) -> None:
        """The current conversation is over for good. Its id stays, so that none takes its place in silence."""
        if self._id is None or self._over is not None:
            return
        self._over = error
        self._end_typing()
        self._set_connection("closed", error)
        self._release(self._usable)
        if not isinstance(error, SessionExpired):
            self._events.emit("error", error)
        if self._keeper is not None and self._keeper is not asyncio.current_task():
            self._keeper.cancel()

    def note(self, message: Message) -> None:
        """A message of this user is known by the answer to its request."""
        if message.conversation_id == self._id:
            self._ledger.add(message)

    def wake(self, wake: Wake) -> None:
        """Something happened to the page that a stream, or an attempt to open one, should know."""
        if self._channel is not None:
            if loss := _loss_by(wake):
                self._channel.lose(loss)
            else:
                self._channel.check()
        if wake != "offline":
            # What failed until now says nothing any more.
            self._backoff.reset()
            # A stream that is healthy now is not to be opened again at once when it is lost some day.
            self._in_a_hurry = self.state != "connected" or wake in ("restored", "slept")
            self._release(self._hurry)
        elif self.state == "reconnecting":
            self._set_connection("offline", self._connection.cause)

    # Changes

    async def _beginning(self, channel: Channel) -> Beginning | None:
        try:
            await channel.open()
            self._set_connection("connecting")
            if beginning := self._backend.read_beginning(await channel.first_signal(BEGIN_WAIT)):
                return beginning
        except WebchatError as error:
            if isinstance(error, NetworkError | ApiError) and error.retryable:
                return None  # It says nothing of what the server can do.
            log.debug("the server does not begin: %s", error)
        self._backend.begins = False
        return None

    async def _begin_with(self, beginning: Beginning, channel: Channel, is_new: bool) -> list[Message]:
        conversation_id = beginning.conversation_id
        # That there are no messages is not taken on trust: each of them would be told as new.
        is_history = is_new or bool(beginning.messages)
        history = Stretch(beginning.messages, True) if is_history else await self._first_stretch(conversation_id)
        ledger = Ledger()
        ledger.begin(*history)
        self._enter(conversation_id, ledger, is_new)
        # The keeper makes sure that nothing was said between an old conversation's history and its stream.
        self._go_on(channel, was_open=is_new)
        self._set_connection("connected")
        self._keeper = asyncio.create_task(self._keep(conversation_id, channel))
        if is_new:
            # A message that is sent now need not wait for it.
            self._start_announcing(conversation_id)
        return history.messages

    async def _create(self) -> str:
        # One that was made and could not be opened is taken again: attempts leave no empty conversations behind.
        conversation_id, self._spare = self._spare or await self._backend.create_conversation(), None
        try:
            await self._open(conversation_id, is_new=True)
        except WebchatError as error:
            self._spare = conversation_id if error.retryable else None
            raise
        self._start_announcing(conversation_id)
        await self.announced()
        if self._over is not None:
            raise self._over
        return conversation_id

    def _start_announcing(self, conversation_id: str) -> None:
        self._announced = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._announce(conversation_id, self._announced))
        self._announcing.add(task)
        task.add_done_callback(self._announcing.discard)

    async def _announce(self, conversation_id: str, tried: asyncio.Future[None]) -> None:
        """Tell the bot that a conversation has begun, and try again while that may help.

        Also where only the answer was lost: servers tell bots which one is the first.
        """
        backoff = Backoff(self._random)
        while (pause := await self._try_to_announce(conversation_id, backoff)) is not None:
            self._release(tried)
            await done_within(pause, self._backend.call_later, asyncio.get_running_loop().create_future())
            if self._usable is not None:
                await asyncio.wait((self._usable,))
            if conversation_id != self._id or self._over is not None:
                break
        self._release(tried)

    async def _try_to_announce(self, conversation_id: str, backoff: Backoff) -> float | None:
        """Seconds until another try is of use; `None` where none is."""
        try:
            await self._backend.start_conversation(conversation_id)
            return None
        except WebchatError as error:
            if error.retryable:
                log.info("the bot was not told of the new conversation yet: %s", error)
                return backoff.next(retry_after(error))
            await self._give_up_announcing(conversation_id, error)
            return None

    async def _give_up_announcing(self, conversation_id: str, error: WebchatError) -> None:
        if isinstance(error, NotFound | Forbidden):
            with suppress(ConversationGone, SessionExpired):  # which are told
                await self.check(conversation_id)
        if conversation_id == self._id and self._over is None:
            log.warning("the bot cannot be told of the new conversation", exc_info=error)
            self._events.emit("error", error)

    async def _open(self, conversation_id: str, is_new: bool = False) -> list[Message]:
        again = conversation_id == self._id
        before = self._connection
        if self._channel is None or not self._channel.live:
            self._set_connection("connecting")
        channel = self._new_channel_to(conversation_id)
        ledger, history = self._ledger, Stretch([], has_more=False)
        missed: list[Message] = []
        try:
            # The stream first, so that nothing is said between the two.
            await channel.open()
            was_open = channel.opened
            if again:
                missed, newest = await self._missed(conversation_id, ledger)
            else:
                ledger = Ledger()
                if not is_new:
                    history = await self._first_stretch(conversation_id)
                ledger.begin(*history)
        except BaseException as error:
            await channel.close()
            # The old stream may have been lost meanwhile, and have said so.
            if self.state == "connecting":
                self._set_connection(before.state, error if isinstance(error, Exception) else before.cause)
            raise
        keeper = self._keeper
        if again:
            self._over = None
            self._backoff.reset()
            self._tell_missed(missed, newest)
        else:
            self._enter(conversation_id, ledger, is_new)
        self._recovered = len(missed)
        if is_new and was_open and self._backend.bots_begin:
            # The keeper looks whether the bot has said anything.
            self._go_on(channel, was_open=False)
            self._set_connection("connected")
        else:
            self._go_on(channel, was_open)
        self._keeper = asyncio.create_task(self._keep(conversation_id, channel))
        if keeper is not None:
            await _cancelled(keeper)
        return history.messages

    def _enter(self, conversation_id: str, ledger: Ledger, is_new: bool) -> None:
        self._id, self._ledger, self._over = conversation_id, ledger, None
        self._backoff.reset()
        self._end_typing()
        self._on_change(conversation_id)
        self._events.emit("conversation", conversation_id)

    async def _first_stretch(self, conversation_id: str) -> Stretch:
        async with aclosing(self._history(conversation_id)) as history:
            return await anext(history)

    # Keeping the stream open

    async def _keep(self, conversation_id: str, channel: Channel) -> None:
        """Open the stream whenever it is lost, until that is of no use any more."""
        time = asyncio.get_running_loop().time
        try:
            while True:
                began = time()
                try:
                    await self._attend(conversation_id, channel)
                except WebchatError as error:
                    await channel.close()
                    if time() - began >= STEADY:
                        self._backoff.reset()
                    channel = await self._reopen(conversation_id, error)
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end in silence
            self.end(error)
        finally:
            await channel.close()

    async def _attend(self, conversation_id: str, channel: Channel) -> None:
        """Be there while a stream is open. Raises what it ends with."""
        if not channel.delivers:
            await channel.wait_open()
            # What was said before its first byte came is in no stream.
            self._recovered += await self._recover(conversation_id, channel)
            self._go_on(channel, was_open=True)
        await channel.ended()

    async def _reopen(self, conversation_id: str, cause: WebchatError) -> Channel:
        """Open another stream, and recover what was said meanwhile. Raises what makes that useless."""
        self._usable = asyncio.get_running_loop().create_future()
        if self._parting is not None:
            await asyncio.wait((self._parting,))
        self._end_typing()
        while True:
            await self._judge(conversation_id, cause)
            self._set_connection("reconnecting" if self._backend.online else "offline", cause)
            await self._pause(self._backoff.next(max(self._backend.retry, retry_after(cause))))
            channel = self._new_channel_to(conversation_id)
            self._channel = channel
            try:
                await channel.open()
                was_open = channel.opened
                self._recovered += await self._recover(conversation_id, channel)
            except WebchatError as error:
                await channel.close()
                cause = error
            except BaseException:
                await channel.close()
                raise
            else:
                self._go_on(channel, was_open)
                return channel

    async def _judge(self, conversation_id: str, error: WebchatError) -> None:
        """Raises where opening a stream again is of no use."""
        match error:
            case NotFound() | Forbidden():
                await self.check(conversation_id)
            # Whether the user is known was looked up already; the rest is in vain as it is.
            case SessionExpired() | ConversationGone():
                raise error
            case ApiError(retryable=False) if not isinstance(error, Unauthorized):
                raise error

    async def check(self, conversation_id: str) -> None:
        """Raise `ConversationGone`, and end it, where the server says that it is not there, or not for this user."""
        try:
            await self._backend.check_conversation(conversation_id)
        except (NotFound, Forbidden) as error:
            gone = ConversationGone(f"The conversation {conversation_id} is gone: {error}")
            if conversation_id == self._id:
                self.end(gone)
            raise gone from error
        except SessionExpired:
            raise
        except WebchatError as error:
            log.debug("whether the conversation is there could not be learned", exc_info=error)

    def _new_channel_to(self, conversation_id: str) -> Channel:
        return self._new_channel(lambda sink: self._backend.listen(conversation_id, sink))

    def _new_channel(self, listen: Listen) -> Channel:
        return Channel(listen, self._idle_timeout, self._backend.call_later)

    def _go_on(self, channel: Channel, was_open: bool) -> None:
        """Take up what a stream says, if it was open before the history was read; else that is done once more."""
        self._channel = channel
        self._in_a_hurry = False
        if was_open:
            self._set_connection("connected", recovered=self._recovered)
            self._recovered = 0
            channel.deliver(self._take)
        self._release(self._usable)

    async def _pause(self, seconds: float) -> None:
        self._hurry = asyncio.get_running_loop().create_future()
        # An attempt that was under way when the page woke up may have been in vain.
        if not self._in_a_hurry:
            await done_within(seconds, self._backend.call_later, self._hurry)
        self._in_a_hurry = False

    @staticmethod
    def _release(waiting: asyncio.Future[None] | None) -> None:
        if waiting is not None and not waiting.done():
            waiting.set_result(None)

    # Recovery

    async def _recover(self, conversation_id: str, channel: Channel) -> int:
        """Tell what the history holds and no stream has said, and how much that was. Tries while the stream lives."""
        backoff = Backoff(self._random)
        while True:
            try:
                missed, newest = await self._missed(conversation_id, self._ledger)
            except WebchatError as error:
                await self._judge(conversation_id, error)
                await channel.pause(backoff.next(retry_after(error)))
            else:
                self._tell_missed(missed, newest)
                return len(missed)

    async def _missed(self, conversation_id: str, ledger: Ledger) -> tuple[list[Message], list[Message]]:
        """The messages that nobody knows of, oldest first; and the newest of the history, newest first."""
        missed: list[Message] = []
        newest: list[Message] | None = None
        async with aclosing(self._history(conversation_id)) as history:
            async for stretch in history:
                if newest is None:
                    newest = stretch.messages
                unknown, older = ledger.unknown(stretch.messages)
                missed += unknown
                if not older:
                    break
        missed.reverse()
        return missed, newest or []

    def _tell_missed(self, missed: list[Message], newest: list[Message]) -> None:
        for message in missed:
            self._on_message(message)
        self._ledger.verify(newest)

    def _history(self, conversation_id: str) -> AsyncGenerator[Stretch]:
        return newest_first(lambda token: self._backend.list_messages(conversation_id, token))

    # What is said

    def take_beside(self, signal: Signal) -> None:
        """Tell what comes while no stream is open, but for what will be told from the history, in its order."""
        if not (isinstance(signal, MessageCreated) and signal.message.conversation_id == self._id):
            self._take(signal)

    def _take(self, signal: Signal) -> None:
        match signal:
            case MessageCreated(message):
                self._on_message(message)
            case StatusChanged(message) if message.author_id == self._own_id and self._own is not None:
                self._own.take_status(signal)
            case StatusChanged(message):
                self._events.emit_unnamed("message_status_changed", message)
            case TypingChanged(typing):
                self._set_typing(typing)
            case Happened(event, value, conversation_id) if conversation_id in (None, self.id):
                self._events.emit(event, value)
            case Happened(event, value):
                self._events.emit_unnamed(event, value)
            case unknown:
                self._events.emit_unnamed(unknown.type, unknown.data)

    def _on_message(self, message: Message) -> None:
        if message.conversation_id != self._id:
            self._events.emit_unnamed("message_created", message)
        elif not self._ledger.add(message):
            return
        elif message.author_id != self._own_id:
            self._end_typing()
            self._events.emit("message", message)
        elif self._own is not None:
            self._own.take(message)

    def _set_typing(self, typing: Typing) -> None:
        if self._typing_ends is not None:
            self._typing_ends.cancel()
            self._typing_ends = None
        if typing.is_typing:
            self._typing_ends = asyncio.get_running_loop().call_later(typing.timeout, self._end_typing)
        self._events.emit("is_typing", typing)

    def _end_typing(self) -> None:
        if self._typing_ends is not None:
            self._set_typing(Typing(is_typing=False, timeout=0.0))

    def _set_connection(self, state: ConnectionState, cause: Exception | None = None, recovered: int = 0) -> None:
        if state == self._connection.state:
            return
        log.debug("connection: %s", state)
        self._connection = Connection(state, cause, recovered)
        self._events.emit("connection", self._connection)


def _loss_by(wake: Wake) -> WebchatError | None:
    """What a stream is lost by, though it may not end by itself."""
    match wake:
        case "offline":
            # A server on this machine is there all the same, and the next attempt finds it.
            return NetworkError("The browser has no network")
        case "restored" | "slept":
            return StreamError("The page was asleep")
    return None


async def _cancelled(*tasks: asyncio.Task[None]) -> None:
    """End tasks and wait until they have cleaned up. What they failed with is of no interest any more."""
    for task in tasks:
        task.cancel()
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()
