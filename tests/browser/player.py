"""Plays a schedule of schedules.py to a client, in real time. Loaded into Pyodide as the module `player`."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from typing import Any, Literal

from in_browser import Events, faults, hit_streams, until, wake
from pyodide.http import pyfetch

from webchat_py import Message, get_client

IDLE_TIMEOUT = 2.0
TIMEOUT = 4.0
PATIENCE = 35.0
"""Seconds within which all is well again after the last fault."""

Json = dict[str, Any]


async def command(steering: str, name: str) -> None:
    """Have the test outside do something."""
    answer = await pyfetch(f"{steering}/{name}", method="POST")
    assert answer.ok, await answer.text()


async def call(root: str, key: str, path: str, body: Json) -> None:
    """Post something as a user, and do not try again: as another page would that is not robust at all."""
    headers = {"x-user-key": key, "content-type": "application/json"}
    answer = await pyfetch(root + path, method="POST", headers=headers, body=json.dumps(body))
    assert answer.ok, f"{path}: {answer.status}"


class Player:
    """A client in a conversation of its own, and all that is seen of it."""

    def __init__(self, url: str, steering: str, ways: list[Json], event_source: Literal["native", "fetch"]) -> None:
        self._url = url
        self._steering = steering
        self._ways = ways
        self._client = get_client(
            "local", url, event_source=event_source, idle_timeout=IDLE_TIMEOUT, timeout=TIMEOUT, retry_for=PATIENCE
        )
        self._events = Events(self._client)
        self._sends: dict[str, asyncio.Task[Message]] = {}
        self._told = 0
        self._elsewhere = 0
        self._ids: set[tuple[str | None, str | None]] = set()
        self._server_is_there = asyncio.Lock()

    async def play(self, steps: list[Json]) -> Json:
        """Let it all happen, make everything well again, wait until it has settled, and tell what was seen."""
        self._key = (await self._client.connect()).user_token
        conversation = await self._client.new_conversation()
        ours = (self._client.user_id, conversation)
        self._client.on("*", lambda *_: self._note_ids())
        background = []
        for step in steps:
            await asyncio.sleep(step.pop("wait"))
            background.append(asyncio.ensure_future(self._do(**step)))
            self._note_ids()
        await asyncio.gather(*background)
        wake("online")  # so many losses in so few seconds would by now have led to pauses of half a minute
        await self._all_sent()  # each meets the faults that were meant for it; all of them end by themselves
        await faults(self._url, *self._ways)
        with suppress(TimeoutError):  # what does not come is missing in what is told
            async with asyncio.timeout(PATIENCE):
                await self._settle()
        self._note_ids()
        report = self._report(ours)
        await self._client.disconnect()
        return report

    def _note_ids(self) -> None:
        self._ids.add((self._client.user_id, self._client.conversation_id))

    async def _settle(self) -> None:
        # Nobody can know of a signal that is lost on a stream that stays healthy; the next recovery finds it.
        await hit_streams(self._url, "clean")
        self._send("the last")
        await self._events.next("message", lambda message: message.text == "echo: the last", timeout=PATIENCE)
        await self._sends["the last"]
        await until(self._is_connected, timeout=PATIENCE)

    async def _all_sent(self) -> None:
        if self._sends:
            await asyncio.wait(self._sends.values(), timeout=PATIENCE)

    async def _is_connected(self) -> bool:
        await asyncio.sleep(0)
        return self._states()[-1] == "connected"

    def _states(self) -> list[str]:
        return [connection.state for connection in self._events.values("connection")]

    async def _do(self, action: str, **how: Any) -> None:
        match action, how:
            case "Say", {"count": count, "every": every}:
                await self._say(count, every)
            case "Send", _:
                self._send(f"user {len(self._sends)}")
            case "SayElsewhere", _:
                text = f"elsewhere {self._elsewhere}"
                self._elsewhere += 1
                await self._call("/messages", {"payload": {"type": "text", "text": text}})
            case "Break", {"faults": added}:
                async with self._server_is_there:
                    active = await (await pyfetch(f"{self._url}/faults")).json()
                    await faults(self._url, *active, *added)
            case "EndStreams", {"how": ending}:
                async with self._server_is_there:
                    await hit_streams(self._url, ending)
            case "Restart", {"seconds": seconds}:
                await self._be_away("kill", seconds, "start")
            case "Silence", {"seconds": seconds}:
                await self._be_away("halt", seconds, "go_on")
            case _:
                raise ValueError(f"{action} cannot be played in real time")

    def _send(self, text: str) -> None:
        self._sends[text] = asyncio.ensure_future(self._client.send_message(text))

    async def _say(self, count: int, every: float) -> None:
        texts = [f"bot {self._told + number}" for number in range(count)]
        self._told += count
        await self._call("/events", {"payload": {"type": "custom", "data": {"say": texts, "every": every}}})

    async def _be_away(self, leave: str, seconds: float, come_back: str) -> None:
        async with self._server_is_there:
            await command(self._steering, leave)
            await asyncio.sleep(seconds)
            await command(self._steering, come_back)

    async def _call(self, path: str, body: Json) -> None:
        body = {"conversationId": self._client.conversation_id, **body}
        # It may be lost with the server that is killed: whatever counts is in the database.
        with suppress(Exception):
            await call(f"{self._url}/local", self._key, path, body)

    def _report(self, ours: tuple[str | None, str]) -> Json:
        told = {name: [(message.id, message.text) for message in self._events.values(name)] for name in _TOLD}
        return {
            **told,
            "ours": ours,
            "ids": sorted(self._ids, key=str),
            "sends": {text: _outcome(task) for text, task in self._sends.items()},
            "states": self._states(),
            "conversations": self._events.values("conversation"),
            "errors": [repr(error) for name in ("error", "session_expired") for error in self._events.values(name)],
        }


_TOLD = ("message", "own_message", "message_sent")


def _outcome(task: asyncio.Task[Message]) -> str | None:
    """The id of the message that was sent, or why there is none."""
    if not task.done():
        return "is still under way"
    error = task.exception()
    return repr(error) if error else task.result().id
