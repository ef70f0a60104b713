"""A bot that answers each message, and says what a custom event tells it to say."""

from __future__ import annotations

import asyncio
from typing import Any


async def answer(chat: Any) -> None:
    """Repeats what it hears. The event `{"say": [texts], "every": seconds}` makes it say those, with such pauses."""
    if chat.text is not None:
        await chat.send(f"echo: {chat.text}")
    elif chat.event is not None and "say" in chat.event.data:
        for text in chat.event.data["say"]:
            await chat.send(text)
            await asyncio.sleep(chat.event.data["every"])
