"""webchat_py in the measured page. Each method has its like in rig.js; times are in milliseconds, answers JSON."""

from __future__ import annotations

import asyncio
import gc
import json
import tracemalloc
from typing import Any

from js import performance

from webchat_py import Credentials, Message, Text, WebchatClient, get_client

LAST = "last"


def now() -> float:
    return float(performance.now())


def clock() -> float:
    """The other clients' clock: Python's own has whole milliseconds here, rounded down."""
    return float(performance.timeOrigin) + now()


class Ear:
    """Hears messages until so many are there, or one with the text `LAST`."""

    def __init__(self, number: int) -> None:
        self._left = number
        self._first = 0.0
        self._ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.texts: list[str] = []
        self.delays: list[float] = []

    def __call__(self, message: Message) -> None:
        assert isinstance(message.payload, Text)
        text = message.payload.text
        if not self.texts:
            self._first = now()
        if text[0] == "@":  # and then the time at which it was sent
            self.delays.append(clock() - float(text[1:]))
        self.texts.append(text)
        self._left -= 1
        if (not self._left or text == LAST) and not self._ended.done():
            self._ended.set_result(now())

    async def ended(self) -> float:
        """From the first message to the last."""
        return await self._ended - self._first


class Rig:
    """One client at a time."""

    def __init__(self, event_source: str) -> None:
        self._event_source: Any = event_source
        self._client: WebchatClient
        self._ear: Ear

    def _open(self, client_id: str, api_url: str) -> None:
        self._client = get_client(client_id, api_url, event_source=self._event_source)
        self._client.on("message", lambda message: self._ear(message))

    async def first_answer(self, way: str, client_id: str, api_url: str) -> str:
        """From nothing to the bot's answer, by `connect` or by `start`."""
        self._ear = Ear(1)
        began = now()
        self._open(client_id, api_url)
        await (self._client.start() if way == "start" else self._client.connect())
        await self._client.send_message("hello")
        await self._ear.ended()
        took = now() - began
        await self._client.disconnect()
        return json.dumps(took)

    async def open(self, client_id: str, api_url: str, known: str = "null") -> str:
        """A conversation with an open stream: a new user's, or the known one of a known user."""
        self._open(client_id, api_url)
        session = json.loads(known)
        if session is None:
            await self._client.connect()
            await self._client.new_conversation()
        else:
            await self._client.connect(Credentials(session["userId"], session["userToken"]))
            await self._client.switch_conversation(session["conversationId"])
        return json.dumps(self._client.conversation_id)

    async def close(self) -> str:
        await self._client.disconnect()
        return "null"

    def hear(self, number: int) -> str:
        self._ear = Ear(number)
        return "null"

    async def heard(self) -> str:
        took = await self._ear.ended()
        return json.dumps({"took": took, "delays": self._ear.delays, "texts": self._ear.texts[-10:]})

    async def list(self, after: str | None = None) -> str:
        began = now()
        messages = await self._client.list_messages(after=after or None)
        return json.dumps({"took": now() - began, "count": len(messages), "newest": messages[0].id})

    async def bytes_held(self, count: int) -> str:
        """By the messages of a list."""
        await self._client.list_messages()  # what the first use loads is not the messages'
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        messages = await self._client.list_messages()
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert len(messages) == count
        return json.dumps(after - before)

    async def connect_often(self, times: int, client_id: str, api_url: str) -> str:
        for _ in range(times):
            client = get_client(client_id, api_url, event_source=self._event_source)
            await client.start()
            await client.disconnect()
        gc.collect()
        return "null"
