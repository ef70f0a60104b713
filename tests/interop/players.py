"""Plays a schedule (see schedules.py) to both clients. Loaded into Pyodide as the module `players`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from in_browser import Events, tell, until
from original import Original, bot_says, everything_is_here, open_both, stored_texts

from webchat_py import WebchatClient


class Player:
    """One client, and what is seen of it."""

    def __init__(self, client: Original | WebchatClient, proxy: str, key: str) -> None:
        self.client = client
        self.proxy = proxy
        self.key = key
        self.events = Events(client)
        self.conversations: list[str] = []
        self.sends: dict[str, asyncio.Task[bool]] = {}
        self.said: list[str] = []
        self.heard: list[str] = []
        self.recovered: list[float | None] = []
        self.lost_at: float | None = None
        client.on("conversation", self.conversations.append)
        client.on("message", lambda message: self.heard.append(_text(message)))
        is_original = isinstance(client, Original)
        client.on("conversation" if is_original else "connection", self._may_be_back)

    def lose(self) -> None:
        """The stream is being taken from it, if it has one."""
        if self.lost_at is None:
            self.lost_at = _now()

    def _may_be_back(self, told: Any) -> None:
        if self.lost_at is not None and getattr(told, "state", "connected") == "connected":
            self.recovered.append(round(_now() - self.lost_at, 2))
            self.lost_at = None

    def send(self) -> None:
        text = f"user {len(self.sends)}"
        self.sends[text] = asyncio.ensure_future(_succeeds(self.client.send_message(text)))

    async def say(self, server: str) -> None:
        """The bot speaks where the client is, or was when it was last known."""
        self.said.append(f"bot {len(self.said)}")
        await bot_says(server, self.key, self.conversations[-1], self.said[-1])

    async def _has_heard_all(self) -> bool:
        await asyncio.sleep(0)
        return set(self.said) <= set(self.heard)

    async def end(self, server: str) -> dict[str, Any]:
        """Wait for what is still to come, and tell what was seen."""
        await asyncio.wait(self.sends.values())
        with suppress(TimeoutError):  # what does not come is told by the figures
            if not isinstance(self.client, Original):
                await until(self._has_heard_all)
            if self.client.conversation_id is not None:
                await everything_is_here(self.client, self.events)
        if self.lost_at is not None:
            self.recovered.append(None)
        return {
            "sent": list(self.sends),
            "failed": [text for text, send in self.sends.items() if not send.result()],
            "said": self.said,
            "heard": self.heard,
            "stored": [await stored_texts(server, self.key, conversation) for conversation in self.conversations],
            "recovered": self.recovered,
        }


async def play(steps: list[dict[str, Any]], original_url: str, our_url: str, server: str) -> list[dict[str, Any]]:
    """Play the steps to both clients at once. The proxy of the original kills and starts the server."""
    original, ours = await open_both(original_url, our_url, connect=False)
    players = (
        Player(original, original_url, (await original.connect())["userToken"]),
        Player(ours, our_url, (await ours.connect()).user_token),
    )
    await asyncio.gather(original.new_conversation(), ours.new_conversation())
    for step in steps:
        await asyncio.sleep(step["pause"])
        match step["do"]:
            case "send":
                for player in players:
                    player.send()
            case "say":
                await asyncio.gather(*(player.say(server) for player in players))
            case "end" | "reset" as how:
                for player in players:
                    player.lose()
                    await tell(player.proxy, "end-streams", hard=how == "reset")
            case "kill":
                await tell(original_url, "kill")
            case "start":
                for player in players:
                    player.lose()
                await tell(original_url, "start")
    return [await player.end(server) for player in players]


async def _succeeds(call: Any) -> bool:
    try:
        await call
    except Exception:  # noqa: BLE001 - whichever it is, the user is told
        return False
    return True


def _text(message: Any) -> str:
    return message["payload"]["block"]["text"] if isinstance(message, dict) else message.text


def _now() -> float:
    return asyncio.get_running_loop().time()
