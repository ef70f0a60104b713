"""Bots: Python functions `async def bot(chat)`, called for each message and event of a user.

    async def bot(chat):
        if chat.event:
            await chat.send("Welcome!")
        else:
            await chat.send(f"You said: {chat.text}")

Run one by `--bot module:function`. See `Chat` for what it can do.
"""

from .chat import Bot, Chat, Event, User
from .loading import BotNotFound, load, load_all
from .runner import BotRunner

__all__ = ["Bot", "BotNotFound", "BotRunner", "Chat", "Event", "User", "load", "load_all"]
