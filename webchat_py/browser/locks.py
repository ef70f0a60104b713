"""Web Locks, which keep the pages of one origin apart. Where there are none, every lock is had at once.

There are none on plain http (other than localhost), and where the browser keeps nothing for the page.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import js
from pyodide.ffi import create_once_callable

Release = Callable[[], None]


@asynccontextmanager
async def locked(name: str) -> AsyncGenerator[None]:
    """Hold a lock inside the block. Waits for it; cancelling ends that."""
    controller = js.AbortController.new()
    try:
        release = await _request(name, signal=controller.signal)
    except asyncio.CancelledError:
        controller.abort()
        raise
    try:
        yield
    finally:
        if release:  # never None, for this did wait
            release()


async def try_lock(name: str) -> Release | None:
    """Take a lock and hold it until the returned function is called or the page is gone; `None`: it is taken."""
    return await _request(name, ifAvailable=True)


async def _request(name: str, **choices: Any) -> Release | None:
    manager = getattr(js.navigator, "locks", None)
    if not manager:
        return _nothing
    options = js.Object.new()
    for choice, value in choices.items():
        setattr(options, choice, value)
    answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    # The browser holds the lock until the promise that the callback returns is resolved.
    resolvers: list[Release] = []
    held = js.Promise.new(create_once_callable(lambda resolve, _reject: resolvers.append(resolve)))

    def on_answer(lock: Any) -> Any:
        if not answer.done():
            answer.set_result(bool(lock))
        return held

    def on_failure(_error: Any) -> None:
        callback.destroy()  # It was not called, and never will be.
        if not answer.done():
            answer.set_result(True)

    callback = create_once_callable(on_answer)
    manager.request(name, options, callback).catch(on_failure)
    try:
        got = await answer
    except asyncio.CancelledError:
        resolvers[0]()
        raise
    if not got:
        resolvers[0]()
    return resolvers[0] if got else None


def _nothing() -> None:
    """There is nothing to release."""
