"""Calls that are under way, and can all be ended when the client is disconnected."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Generic, TypeVar

from .wire.errors import StateError

T = TypeVar("T")


class Operation(Generic[T]):
    """A call that runs in a task of its own and may have several callers waiting for it.

    It is cancelled when the last of them is.
    """

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self.task = asyncio.create_task(coroutine)
        self._waiting = 0

    @property
    def running(self) -> bool:
        """Whether it may still come to a result."""
        return not self.task.done() and not self.task.cancelling()

    async def result(self) -> T:
        """What the call returns or raises; `StateError` when the client was disconnected meanwhile."""
        self._waiting += 1
        try:
            return await asyncio.shield(self.task)
        except asyncio.CancelledError:
            caller = asyncio.current_task()
            if self.task.cancelled() and caller is not None and not caller.cancelling():
                raise StateError("The client was disconnected before this call was finished") from None
            raise
        finally:
            self._waiting -= 1
            if not self._waiting:
                self.task.cancel()


class Operations:
    """The operations of one client."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    def start(self, coroutine: Coroutine[Any, Any, T]) -> Operation[T]:
        operation = Operation(coroutine)
        self._tasks.add(operation.task)
        operation.task.add_done_callback(self._tasks.discard)
        return operation

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return await self.start(coroutine).result()

    def start_unattended(self, coroutine: Coroutine[Any, Any, T]) -> None:
        """Start one that nobody waits for, and that tells by events how it ends."""
        self.start(coroutine).task.add_done_callback(lambda task: None if task.cancelled() else task.exception())

    def cancel(self) -> set[asyncio.Task[Any]]:
        """End all of them. Returns those that still have to clean up."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        return tasks
