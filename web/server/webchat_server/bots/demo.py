"""Shows all that a bot can send. Say "help" to it.

What it shows comes from this server, so it needs nothing from elsewhere.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from .chat import Chat, Event


def _image(chat: Chat) -> str:
    return chat.url("demo-media/picture.png")


def _actions(name: str) -> list[dict[str, str]]:
    return [
        {"action": "say", "label": f"Take {name}", "value": f"I take {name}"},
        {"action": "postback", "label": "Help", "value": "help"},
    ]


def _card(chat: Chat) -> dict[str, Any]:
    link = {"action": "url", "label": "Open the picture", "value": _image(chat)}
    card = {"type": "card", "title": "A card", "subtitle": "with a picture and buttons", "imageUrl": _image(chat)}
    return {**card, "actions": [*_actions("this"), link]}


def _carousel(chat: Chat) -> dict[str, Any]:
    names = ("one", "two", "three")
    items = [{"title": f"Card {name}", "imageUrl": _image(chat), "actions": _actions(name)} for name in names]
    return {"type": "carousel", "items": items}


def _bloc(chat: Chat) -> dict[str, Any]:
    items = [
        {"type": "text", "payload": {"text": "A bloc is several things in one message:"}},
        {"type": "image", "payload": {"imageUrl": _image(chat)}},
        {"type": "markdown", "payload": {"markdown": "and some *Markdown*"}},
    ]
    return {"type": "bloc", "items": items}


_OPTIONS = [{"label": label, "value": label.lower()} for label in ("Small", "Medium", "Large")]
_MARKDOWN = """# Markdown

*Emphasis*, **strong**, `code`, and a list:

1. one
2. two
"""

_PAYLOADS: dict[str, Callable[[Chat], dict[str, Any]]] = {
    "text": lambda chat: {"type": "text", "text": "This is plain text."},
    "markdown": lambda chat: {"type": "markdown", "markdown": _MARKDOWN},
    "image": lambda chat: {"type": "image", "imageUrl": _image(chat)},
    "audio": lambda chat: {"type": "audio", "audioUrl": chat.url("demo-media/sound.wav")},
    "video": lambda chat: {"type": "video", "videoUrl": chat.url("demo-media/video.webm")},
    "file": lambda chat: {"type": "file", "fileUrl": chat.url("demo-media/notes.txt"), "title": "notes.txt"},
    "location": lambda chat: {
        "type": "location",
        "latitude": 48.8584,
        "longitude": 2.2945,
        "title": "Eiffel Tower",
        "address": "Champ de Mars, Paris",
    },
    "card": _card,
    "carousel": _carousel,
    "choice": lambda chat: {"type": "choice", "text": "Which size?", "options": _OPTIONS},
    "dropdown": lambda chat: {"type": "dropdown", "text": "Which size?", "options": _OPTIONS},
    "bloc": _bloc,
    "custom": lambda chat: {
        "type": "custom",
        "url": chat.url("demo-media/notes.txt"),
        "name": "DemoComponent",
        "data": {"answer": 42},
    },
    "unknown": lambda chat: {"type": "poll", "question": "A type that no client knows yet?", "answers": ["yes", "no"]},
}


async def _slow(chat: Chat) -> None:
    await chat.typing(2)
    await asyncio.sleep(1)
    await chat.send("That took a second.")


async def _event(chat: Chat) -> None:
    await chat.custom_event({"action": "demo", "answer": 42})
    await chat.send("I sent the page a custom event.")


async def _visibility(chat: Chat) -> None:
    await chat.visibility("toggle")
    await chat.send("I asked the page to show or hide the chat.")


async def _config(chat: Chat) -> None:
    await chat.config({"botName": "Demo bot"})
    await chat.send("I asked the page to call me Demo bot.")


async def _help(chat: Chat) -> None:
    names = [*_PAYLOADS, *(name for name in _ACTIONS if name not in _GREETINGS and name != "help")]
    options = [{"label": name.capitalize(), "value": name} for name in names]
    await chat.send({"type": "choice", "text": "I can show you these:", "options": options})


async def _hello(chat: Chat) -> None:
    name = f", {chat.user.name}" if chat.user.name else ""
    await chat.send(f"Hello{name}! Nice to meet you. Say “help” to see what I can do.")


_GREETINGS = ("hello", "hi")
_ACTIONS: dict[str, Callable[[Chat], Awaitable[None]]] = {
    **dict.fromkeys(_GREETINGS, _hello),
    "help": _help,
    "slow": _slow,
    "event": _event,
    "visibility": _visibility,
    "config": _config,
}


async def demo(chat: Chat) -> None:
    """Answers a word by the payload or action of that name, and all else by repeating it."""
    if chat.event is not None:
        await _answer_event(chat, chat.event)
        return
    word = (chat.text or "").strip(" \t\r\n.!?").lower()
    if word in _ACTIONS:
        await _ACTIONS[word](chat)
    elif word in _PAYLOADS:
        await chat.send(_PAYLOADS[word](chat))
    elif chat.text is not None:
        await chat.send(f"You said: {chat.text}\nSay “help” to see what I can do.")
    elif chat.payload is not None:
        await chat.send(f"Thank you for the {chat.payload['type']}.")


async def _answer_event(chat: Chat, event: Event) -> None:
    if event.type != "conversation_started":
        await chat.send(f"I got your event: {event.type}.")
    elif event.data["status"]["isInitial"]:
        await chat.send("Welcome! I am the demo bot of your local Webchat server. Say “help” to see what I can do.")
