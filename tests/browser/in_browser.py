"""What the tests in the browser share. Loaded into Pyodide as the module `in_browser`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from pyodide.http import pyfetch


class Events:
    """Keeps every event of a client, in order, and waits for those to come."""

    def __init__(self, client: Any) -> None:
        self.seen: list[tuple[str, Any]] = []
        self._taken = 0
        self._more = asyncio.Event()
        client.on("*", self._add)

    def _add(self, name: str, value: Any) -> None:
        self.seen.append((name, value))
        self._more.set()

    def names(self) -> list[str]:
        return [name for name, _ in self.seen]

    def values(self, wanted: str) -> list[Any]:
        return [value for name, value in self.seen if name == wanted]

    async def next(self, wanted: str, fits: Callable[[Any], bool] = lambda _: True, timeout: float = 15) -> Any:
        """The next event of this name that was not passed yet; those before it count as passed."""
        async with asyncio.timeout(timeout):
            while True:
                while self._taken < len(self.seen):
                    name, value = self.seen[self._taken]
                    self._taken += 1
                    if name == wanted and fits(value):
                        return value
                self._more.clear()
                await self._more.wait()


async def tell(proxy: str, command: str, **argument: Any) -> Any:
    """Give a `FaultyProxy` a command."""
    answer = await pyfetch(f"{proxy}/-/{command}", method="POST", body=json.dumps(argument))
    return await answer.json()


async def error_of(awaitable: Any) -> BaseException:
    """The exception that an awaitable ends with."""
    try:
        value = await awaitable
    except Exception as error:  # noqa: BLE001 - whichever it is, the test looks at it
        return error
    raise AssertionError(f"it did not fail but returned {value!r}")


async def cancel_tasks() -> None:
    """End every task but this one, so that no stream of a test is open in the next."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)
