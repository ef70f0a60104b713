"""A bot for the server's tests: what it does is asked for by name."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

no_coroutine = len


async def answer(chat: Any) -> None:
    if chat.event is not None:
        await chat.send(f"event {chat.event.type} {chat.event.data}")
        return
    match chat.text:
        case "raise":
            raise LookupError("this bot is broken")
        case "hang":
            await asyncio.Event().wait()
        case "hang on":
            while True:
                try:
                    await asyncio.sleep(3600)
                except asyncio.CancelledError:
                    continue
        case "outlive":
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await chat.send("too late")
        case "block":
            time.sleep(3600)  # noqa: ASYNC251 - the mistake that this bot makes
        case "thread":
            await asyncio.to_thread(time.sleep, 3600)
        case "exit":
            sys.exit("bye")
        case "slowly":
            await asyncio.sleep(0.3)
            await chat.send("after a while")
        case "bad payload":
            await chat.send({"type": "choice", "text": "?", "options": [{"label": "x"}]})
        case "no payload":
            await chat.send(["one", "two"])
        case "not a number":
            await chat.send({"type": "location", "latitude": float("nan"), "longitude": 0})
        case "who":
            user = chat.user
            await chat.send(f"{user.id} {user.name} {user.picture_url} {user.data} {chat.url('x')}")
        case "signals":
            await chat.typing(1.5)
            await chat.typing(0)
            await chat.custom_event({"action": "checkout"})
            await chat.visibility("toggle")
            await chat.config({"botName": "Ada"})
            await chat.signal("confetti", {"pieces": 3})
        case "nothing":
            pass
        case None:
            await chat.send(f"payload {chat.payload['type']}")
        case text:
            await chat.send(f"echo: {text}")
