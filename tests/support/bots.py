"""A bot for tests: its answers are known to the letter."""

from __future__ import annotations

import asyncio
import json
from typing import Any


async def answer(chat: Any) -> None:
    """Greets with "welcome"; repeats what it hears; knows a few words."""
    if chat.event is not None:
        if chat.event.type == "conversation_started":
            await chat.send("welcome")
        else:
            await chat.custom_event({"heard": chat.event.data})
        return
    match chat.text:
        case "typing":
            await chat.typing(30)
        case "typing, answer":
            await chat.typing(30)
            await chat.send("typed")
        case "type shortly":
            await chat.typing(0.2)
        case "say nothing":
            pass
        case "three answers":
            for word in ("one", "two", "three"):
                await chat.send(word)
        case "answer, type, answer":
            await chat.send("first")
            await chat.typing(30)
            # Longer than the silence that the test allows: what a person would see as slow typing.
            await asyncio.sleep(0.6)
            await chat.send("second")
        case "choice":
            options = [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]
            await chat.send({"type": "choice", "text": "Size?", "options": options, "disableFreeText": True})
        case "markdown":
            await chat.send({"type": "markdown", "markdown": "**bold**"})
        case "poll":
            await chat.send({"type": "poll", "question": "Why?", "answers": [1, None]})
        case "config":
            await chat.config({"botName": "Ada"})
        case "visibility":
            await chat.visibility("hide")
        case str(text) if text.startswith("signal "):
            await chat.signal(**json.loads(text.removeprefix("signal ")))
        case "confetti":
            await chat.signal("confetti", {"pieces": 3})
        case str(text) if text.startswith("{"):
            await chat.send(json.loads(text))
        case text:
            await chat.send(f"echo: {text}")
