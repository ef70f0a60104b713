"""What the tests in the browser share. Loaded into Pyodide as the module `in_browser`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import js
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


class Device:
    """The same user on another device, which speaks to the server itself: no fault of the proxy concerns it."""

    @classmethod
    async def beside(cls, proxy: str, key: str, conversation_id: str, client_id: str = "local") -> Device:
        """`key` is the user's."""
        return cls.at(await tell(proxy, "upstream"), key, conversation_id, client_id)

    @classmethod
    def at(cls, server: str, key: str, conversation_id: str, client_id: str = "local") -> Device:
        device = cls()
        device._root = f"{server}/{client_id}"
        device._key = key
        device._conversation = conversation_id
        return device

    async def stored(self) -> list[dict[str, Any]]:
        """The newest messages of the conversation as the server tells them, oldest first."""
        answer = await self._call("GET", f"/conversations/{self._conversation}/messages")
        return list(reversed(answer["messages"]))

    async def texts(self) -> list[str]:
        return [message["payload"]["text"] for message in await self.stored()]

    async def say(self, text: str, *answers: str) -> None:
        """Send a message, and wait until the bot's answers are stored."""
        payload = {"type": "text", "text": text}
        await self._call("POST", "/messages", {"conversationId": self._conversation, "payload": payload})
        await self.until_stored(*answers)

    async def until_stored(self, *texts: str) -> None:
        async def all_there() -> bool:
            return set(texts) <= set(await self.texts())

        await until(all_there)

    async def delete_conversation(self) -> None:
        await self._call("DELETE", f"/conversations/{self._conversation}")

    async def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        more = {} if body is None else {"body": json.dumps(body)}
        headers = {"x-user-key": self._key, "content-type": "application/json"}
        answer = await pyfetch(self._root + path, method=method, headers=headers, **more)
        assert answer.ok, f"{method} {path}: {answer.status}"
        return await answer.json()


async def until(condition: Callable[[], Awaitable[Any]], timeout: float = 15) -> None:
    """Ask until it is so; for what no event tells."""
    async with asyncio.timeout(timeout):
        while not await condition():
            pass


def wake(event: str) -> None:
    """Let the page hear from the browser that it is "online" again, or the like."""
    js.self.dispatchEvent(js.Event.new(event))


async def faults(url: str, *wanted: dict[str, Any]) -> None:
    """Let a server that runs with `--faults` have these and no others."""
    answer = await pyfetch(f"{url}/faults", method="PUT", body=json.dumps(wanted))
    assert answer.ok, await answer.text()


async def hit_streams(url: str, how: str) -> int:
    """End what streams a server with `--faults` has open ("clean", "hard", "cut"), or let them "stall". Returns how
    many there were."""
    body = json.dumps({"how": how})
    answer = await pyfetch(
        f"{url}/faults/streams", method="POST", body=body, headers={"content-type": "application/json"}
    )
    assert answer.ok, await answer.text()
    return (await answer.json())["streams"]


async def all_streams_end(url: str) -> None:
    """Wait until a server with `--faults` has no stream open. Until then those that are open say nothing more."""

    async def none_is_open() -> bool:
        return await hit_streams(url, "stall") == 0

    await until(none_is_open)


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
