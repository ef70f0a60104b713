"""The bot of these tests. It speaks only when a custom event tells it to.

An answer to a message reaches the client over another connection than the answer to the request that sent it, and so
before or after it. An event that is sent after the message makes the order certain.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from tests.interop.payloads import BY_NAME

_heard: defaultdict[str, list[str]] = defaultdict(list)


async def answer(chat: Any) -> None:
    """Remembers texts. The event `{"bot": "answer"}` answers each with the payload of its name, else repeats it;
    `{"bot": "say", "text": …}` makes the bot say something unasked, `{"bot": "signal", "type": …, "data": …}` makes it
    send that signal."""
    if chat.text is not None:
        _heard[chat.conversation_id].append(chat.text)
    if chat.event is None:
        return
    match chat.event.data:
        case {"bot": "answer"}:
            for text in _heard.pop(chat.conversation_id, []):
                await chat.send(BY_NAME.get(text, f"echo: {text}"))
        case {"bot": "say", "text": text}:
            await chat.send(text)
        case {"bot": "signal", "type": type, "data": data}:
            await chat.signal(type, data)
