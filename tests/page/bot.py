"""A bot whose answers the page's tests choose: it sends the payloads that it is told as JSON."""

from __future__ import annotations

import json
from typing import Any

from tests.support.xss import ATTACKS, payloads, settings


async def answer(chat: Any) -> None:
    """Greets with "Welcome"; sends `[{"type": …}, …]` back as messages; types on "typing"; fails on
    "fail"; names the type of what is no text; echoes the rest.

    `{"webchat_config": {…}}` sends that signal, and "attack 3" all that the third attack can be put in.
    """
    if chat.event is not None:
        await chat.send("Welcome")
    elif chat.text is None:
        await chat.send(f"got {chat.payload['type']}")
    elif chat.text == "typing":
        await chat.typing(30)
    elif chat.text == "typing shortly":
        await chat.typing(0.5)
    elif chat.text == "fail":
        raise RuntimeError("as it was told")
    elif chat.text.startswith("["):
        for payload in json.loads(chat.text):
            await chat.send(payload)
    elif chat.text.startswith("{"):
        for name, data in json.loads(chat.text).items():
            await chat.signal(name, data)
    elif chat.text.startswith("attack "):
        await attack(chat, ATTACKS[int(chat.text.split()[1])])
    else:
        await chat.send(f"echo: {chat.text}")


async def attack(chat: Any, text: str) -> None:
    for payload in payloads(text):
        await chat.send(payload)
    await chat.config(settings(text))
    await chat.custom_event({text: text, "list": [{text: [text]}]})
    await chat.signal(text, {text: text})
    await chat.send("That was it")
