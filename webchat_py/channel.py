"""The event stream of one conversation, from its opening to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, NoReturn, Protocol, TypeAlias

from .pauses import done_within
from .wire.errors import StreamError
from .wire.ports import CallLater
from .wire.signals import Signal

OPEN_WAIT = 1.0
"""Seconds to wait for a stream to say that it is open. Firefox says it only with the first byte of the body, so
it is no condition for going on."""


class Sink(Protocol):
    """Takes what comes over a stream."""

    @property
    def failure(self) -> Exception | None:
        """Why the stream is taken for lost, if it is cancelled for that."""

    def allow_silence(self, seconds: float) -> None:
        """The server may say nothing for so long."""

    def on_open(self) -> None: ...
    def on_bytes(self) -> None: ...
    def on_signal(self, signal: Signal) -> None: ...


Listen: TypeAlias = Callable[[Sink], Coroutine[Any, Any, None]]


class Channel:
    """Listens, by `listen`, in a task of its own.

    Signals are kept until `deliver` says who takes them, so that none is missed while the client reads the history or
    changes from one conversation to another. A stream that says nothing for `idle_timeout` seconds counts as lost.
    """

    def __init__(self, listen: Listen, idle_timeout: float, call_later: CallLater) -> None:
        self._listen = listen
        self._idle_timeout = idle_timeout
        self._call_later = call_later
        self._time = asyncio.get_running_loop().time
        self._last_seen = self._time()
        self._stop_watching: Callable[[], None] | None = None
        self.failure: Exception | None = None
        self._opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._kept: list[Signal] = []
        self.on_signal: Callable[[Signal], None] = self._kept.append
        self._task: asyncio.Task[None] | None = None
        self.delivers = False

    @property
    def live(self) -> bool:
        """Whether the stream is open or may still open."""
        return self._task is not None and not self._task.done()

    @property
    def opened(self) -> bool:
        """Whether the stream has said that it is open."""
        return self._opened.done()

    async def open(self) -> None:
        """Open the stream. Raises what it fails with, if that is within `OPEN_WAIT`."""
        self._task = asyncio.create_task(self._run())
        try:
            await done_within(OPEN_WAIT, self._call_later, self._task, self._opened)
        except asyncio.CancelledError:
            await self.close()
            raise
        if self._task.done():
            self._raise()

    async def first_signal(self, seconds: float) -> Signal:
        """The first signal, which is not handed on. Raises what the stream ends with before it comes.

        A stream that does not say anything in time raises `StreamError`.
        """
        assert self._task is not None  # noqa: S101  # it was opened
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def keep(signal: Signal) -> None:
            self.on_signal = self._kept.append
            self._kept.append(signal)
            arrived.set_result(None)

        if not self._kept:
            self.on_signal = keep
            await done_within(seconds, self._call_later, self._task, arrived)
        if self._kept:
            return self._kept.pop(0)
        if self._task.done():
            self._raise()
        raise StreamError(f"The event stream did not say anything within {seconds:g} s")

    async def wait_open(self) -> None:
        """Wait until it is open. Raises what it ends with."""
        await self._until(self._opened)

    async def ended(self) -> None:
        """Wait until it ends, and raise what it ends with."""
        await self._until()

    async def pause(self, seconds: float) -> None:
        """Wait for some seconds. Raises what the stream ends with, if it does meanwhile."""
        assert self._task is not None  # noqa: S101  # it was opened
        if await done_within(seconds, self._call_later, self._task):
            self._raise()

    def deliver(self, on_signal: Callable[[Signal], None]) -> None:
        """Hand on what was kept, and from now on every signal as it comes."""
        self.on_signal = on_signal
        self.delivers = True
        for signal in self._kept:
            on_signal(signal)
        self._kept.clear()

    def lose(self, error: Exception) -> None:
        """End it as if it were lost."""
        if self._task is not None and not self._task.done() and self.failure is None:
            self.failure = error
            self._task.cancel()

    def check(self) -> None:
        """Look whether it has been silent for too long; timers of a page in the background come late."""
        if self._stop_watching is not None and self._seconds_left() <= 0:
            self.lose(StreamError(f"Nothing came over the event stream for {self._idle_timeout:g} s"))

    async def close(self) -> None:
        """End the stream and wait until everything it held is released."""
        self.on_signal = _ignore
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait((self._task,))
        if not self._task.cancelled():
            self._task.exception()  # nobody needs to have awaited it

    def allow_silence(self, seconds: float) -> None:
        self._idle_timeout = max(self._idle_timeout, seconds)

    def on_open(self) -> None:
        if not self._opened.done():
            self._opened.set_result(None)
        self.on_bytes()

    def on_bytes(self) -> None:
        self._last_seen = self._time()

    async def _run(self) -> None:
        self._watch(self._idle_timeout)
        try:
            await self._listen(self)
            raise StreamError("The server ended the event stream")
        except asyncio.CancelledError:
            if self.failure is None:
                raise
            raise self.failure from None
        finally:
            self._watch(None)

    async def _until(self, *others: asyncio.Future[None]) -> None:
        assert self._task is not None  # noqa: S101  # it was opened
        await asyncio.wait((self._task, *others), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._raise()

    def _raise(self) -> NoReturn:
        assert self._task is not None  # noqa: S101  # it was opened
        error = None if self._task.cancelled() else self._task.exception()
        raise error or self.failure or StreamError("The event stream was closed")

    def _watch(self, seconds: float | None) -> None:
        """Look again in so many seconds; `None`: no more. One timer that is set anew, not one for each event."""
        if self._stop_watching is not None:
            self._stop_watching()
        self._stop_watching = None if seconds is None else self._call_later(seconds, self._look)

    def _look(self) -> None:
        self.check()
        self._watch(self._seconds_left() if self.failure is None else None)

    def _seconds_left(self) -> float:
        """Until it has been silent for too long. One expression for asking and for waiting, or rounding parts them."""
        return self._last_seen + self._idle_timeout - self._time()


def _ignore(_value: object) -> None:
    """Nobody listens."""
