"""The event stream of one conversation, from its opening to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from .wire.errors import StreamError
from .wire.signals import Signal

OPEN_WAIT = 1.0
"""Seconds to wait for a stream to say that it is open. Firefox says it only with the first byte of the body, so
it is no condition for going on."""

Listen: TypeAlias = Callable[[str, Callable[[], None], Callable[[Signal], None]], Coroutine[Any, Any, None]]


class Channel:
    """Listens to a conversation in a task of its own.

    Signals are kept until `deliver` says who takes them, so that none is missed while the client changes from one
    conversation to another.
    """

    def __init__(self, conversation_id: str, listen: Listen) -> None:
        self.conversation_id = conversation_id
        self._listen = listen
        self._opened = asyncio.Event()
        self._kept: list[Signal] = []
        self._on_signal: Callable[[Signal], None] = self._kept.append
        self._on_open: Callable[[Channel], None] = _ignore
        self._task: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether the stream is open or may still open."""
        return self._task is not None and not self._task.done()

    @property
    def opened(self) -> bool:
        """Whether the stream has said that it is open."""
        return self._opened.is_set()

    async def open(self) -> None:
        """Open the stream. Raises what it fails with, if that is within `OPEN_WAIT`."""
        self._task = asyncio.create_task(self._run())
        opened = asyncio.create_task(self._opened.wait())
        try:
            await asyncio.wait((self._task, opened), timeout=OPEN_WAIT, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await self.close()
            raise
        finally:
            opened.cancel()
        if self._task.done():
            await self._task

    def deliver(
        self,
        on_signal: Callable[[Signal], None],
        on_open: Callable[[Channel], None],
        on_lost: Callable[[Channel, Exception], None],
    ) -> None:
        """Tell from now on, and at once what was kept: the signals, that the stream is open, and its loss."""
        self._on_open = on_open
        if self.opened:
            on_open(self)
        for signal in self._kept:
            on_signal(signal)
        self._kept.clear()
        self._on_signal = on_signal

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and isinstance(error := task.exception(), Exception):
                on_lost(self, error)

        if self._task is not None:
            self._task.add_done_callback(ended)

    async def close(self) -> None:
        """End the stream and wait until everything it held is released."""
        self._on_signal = self._on_open = _ignore
        if self._task is not None and not self._task.done():
            self._task.cancel()
            await asyncio.wait((self._task,))

    async def _run(self) -> None:
        await self._listen(self.conversation_id, self._open_seen, lambda signal: self._on_signal(signal))
        raise StreamError("The server ended the event stream")

    def _open_seen(self) -> None:
        self._opened.set()
        self._on_open(self)


def _ignore(_value: object) -> None:
    """Nobody listens."""
