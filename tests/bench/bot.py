"""The bot that is measured with: as quick as a bot can be."""

from __future__ import annotations

from typing import Any


async def answer(chat: Any) -> None:
    """Repeats texts, and says what the event `{"say": …}` holds."""
    if chat.text is not None:
        await chat.send(f"echo: {chat.text}")
    elif isinstance(chat.event.data, dict) and "say" in chat.event.data:
        await chat.send(chat.event.data["say"])
