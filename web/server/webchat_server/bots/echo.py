"""The smallest bot: it says what it hears."""

from __future__ import annotations

from .chat import Chat


async def echo(chat: Chat) -> None:
    """Sends each message back as it came."""
    if chat.payload is not None:
        await chat.send(chat.payload)
