"""A bot whose answers the page's tests choose: it sends the payloads that it is told as JSON."""

from __future__ import annotations

import json
from typing import Any


async def answer(chat: Any) -> None:
    """Greets with "Welcome"; sends `[{"type": …}, …]` back as messages; types on "typing"; echoes the rest."""
    if chat.event is not None:
        await chat.send("Welcome")
    elif chat.text == "typing":
        await chat.typing(30)
    elif chat.text == "typing shortly":
        await chat.typing(0.5)
    elif chat.text.startswith("["):
        for payload in json.loads(chat.text):
            await chat.send(payload)
    else:
        await chat.send(f"echo: {chat.text}")
