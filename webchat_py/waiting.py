"""Waiting for what comes: one event, a stream of messages, or the answer to a question."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from .emitter import Emitter
from .wire.errors import RequestTimeout, SessionExpired, WebchatError
from .wire.models import Message, Typing

BUFFER = 1000
"""Messages that `messages()` keeps for a reader who is behind."""


class Waiting:
    """Those who wait for something that a client will tell. `end` tells them that nothing more comes."""

    def __init__(self, events: Emitter) -> None:
        self._events = events
        self._futures: set[asyncio.Future[Any]] = set()
        self._iterators: set[_Inbox] = set()
        self._asked: set[_Inbox] = set()

    def wait_for(self, event: str, timeout: float | None) -> asyncio.Future[Any]:
        """The next value of `event`. It waits from now on, not only from when it is awaited."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()

        def take(value: Any) -> None:
            if not future.done():
                future.set_result(value)

        def give_up() -> None:
            if not future.done():
                future.set_exception(RequestTimeout(f"There was no event {event!r} within {timeout:g} s"))
                future.exception()  # nobody needs to be awaiting it

        remove = self._events.tap(event, take)
        timer = None if timeout is None else loop.call_later(timeout, give_up)

        def release(_future: asyncio.Future[Any]) -> None:
            remove()
            self._futures.discard(future)
            if timer is not None:
                timer.cancel()

        self._futures.add(future)
        future.add_done_callback(release)
        return future

    def messages(self) -> MessageIterator:
        inbox = _Inbox()
        inbox.release = self._events.tap("message", inbox.add)
        self._iterators.add(inbox)
        return MessageIterator(inbox, self._iterators)

    def end(self, error: WebchatError) -> None:
        """Nothing more comes: waiting fails with `error`, iterations end (with it, if the session expired)."""
        for future in tuple(self._futures):
            if not future.done():
                future.set_exception(error)
                future.exception()  # nobody needs to be awaiting it
        for inbox in tuple(self._iterators):
            inbox.end(error if isinstance(error, SessionExpired) else None)
        self._iterators.clear()
        for inbox in self._asked:
            inbox.end(error)

    async def answers(self, ask: Callable[[], Awaitable[Message]], timeout: float, silence: float) -> list[Message]:
        """Call `ask`, which sends a question, and collect what the other side says to it.

        Raises `RequestTimeout` where there is no first answer within `timeout` seconds.
        """
        inbox = _Inbox()
        typing = Typing(is_typing=False, timeout=0.0)

        def on_typing(value: Typing) -> None:
            nonlocal typing
            typing = value
            inbox.wake.set()

        removes = [self._events.tap("message", inbox.add), self._events.tap("is_typing", on_typing)]
        self._asked.add(inbox)
        try:
            question = await ask()
            answers: list[Message] = []
            now = asyncio.get_running_loop().time
            deadline = now() + timeout
            while await _wakes(inbox.wake, deadline):
                if inbox.error is not None:
                    raise inbox.error
                answers += (message for message in inbox.take_all() if _may_answer(message, question))
                if answers:
                    # Who types has not finished; but nobody types for ever.
                    deadline = now() + (timeout if typing.is_typing else silence)
            if not answers:
                raise RequestTimeout(f"There was no answer within {timeout:g} s")
            return answers
        finally:
            self._asked.discard(inbox)
            for remove in removes:
                remove()


class MessageIterator:
    """Iterates over the messages that arrive, until the client is disconnected."""

    def __init__(self, inbox: _Inbox, open_inboxes: set[_Inbox]) -> None:
        self._inbox = inbox
        self._open = open_inboxes

    def __aiter__(self) -> MessageIterator:
        return self

    async def __anext__(self) -> Message:
        while not self._inbox.waiting:
            if self._inbox.overrun:
                await self.aclose()
                raise WebchatError(f"The reader of messages() was more than {BUFFER} messages behind")
            if self._inbox.error is not None:
                raise self._inbox.error
            if self._inbox.ended:
                raise StopAsyncIteration
            self._inbox.wake.clear()
            await self._inbox.wake.wait()
        return self._inbox.waiting.popleft()

    async def aclose(self) -> None:
        """End the iteration before the client does."""
        self._inbox.end()
        self._open.discard(self._inbox)

    def __del__(self) -> None:
        self._inbox.end()
        self._open.discard(self._inbox)


class _Inbox:
    """Messages that arrived and were not taken yet."""

    def __init__(self) -> None:
        self.waiting: deque[Message] = deque()
        self.wake = asyncio.Event()
        self.overrun = False
        self.ended = False
        self.error: WebchatError | None = None
        self.release: Callable[[], None] = lambda: None

    def add(self, message: Message) -> None:
        if len(self.waiting) < BUFFER:
            self.waiting.append(message)
        else:
            # A gap in the middle would look like a conversation without it: what comes now is not kept either.
            self.overrun = True
            self.end()
        self.wake.set()

    def take_all(self) -> list[Message]:
        taken = list(self.waiting)
        self.waiting.clear()
        return taken

    def end(self, error: WebchatError | None = None) -> None:
        self.release()
        self.ended = True
        self.error = error
        self.wake.set()


async def _wakes(wake: asyncio.Event, deadline: float) -> bool:
    """Wait for the event, and clear it; `False` when the deadline passes first."""
    try:
        async with asyncio.timeout_at(deadline):
            await wake.wait()
    except TimeoutError:
        return False
    wake.clear()
    return True


def _may_answer(message: Message, question: Message) -> bool:
    """Whether a message can be an answer: what the bot said before the question, such as a greeting, is none."""
    if message.conversation_id != question.conversation_id:
        return False
    return message.sent_on is None or question.sent_on is None or message.sent_on >= question.sent_on
