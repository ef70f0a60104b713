"""What the bot of these tests can say, by the name that a user asks for it with."""

from __future__ import annotations

from typing import Any

_ACTIONS = [
    {"action": "postback", "label": "Buy", "value": "buy-7"},
    {"action": "say", "label": "Tell me more", "value": "more"},
    {"action": "url", "label": "Open", "value": "https://example.com/7"},
]
_OPTIONS = [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]

# What every client can show: the type, and its variants
KNOWN: dict[str, dict[str, dict[str, Any]]] = {
    "text": {
        "text": {"type": "text", "text": "Grüße, 世界 \U0001f600"},
        "text with a class": {"type": "text", "text": "loud", "className": "loud"},
    },
    "markdown": {"markdown": {"type": "markdown", "markdown": "**bold**\n\n- one"}},
    "image": {"image": {"type": "image", "imageUrl": "https://example.com/a.png"}},
    "audio": {"audio": {"type": "audio", "audioUrl": "https://example.com/a.mp3"}},
    "video": {"video": {"type": "video", "videoUrl": "https://example.com/a.mp4"}},
    "file": {
        "file": {"type": "file", "fileUrl": "https://example.com/a.pdf"},
        "file with a title": {"type": "file", "fileUrl": "https://example.com/a.pdf", "title": "A"},
    },
    "location": {
        "location": {"type": "location", "latitude": 52.5, "longitude": -13},
        "location with an address": {"type": "location", "latitude": 1, "longitude": 2.25, "address": "Main St 1"},
        "location with a title": {
            "type": "location",
            "latitude": 0,
            "longitude": 0,
            "address": "Main St 1",
            "title": "Shop",
        },
    },
    "card": {
        "card": {
            "type": "card",
            "title": "Shoe",
            "subtitle": "Red",
            "imageUrl": "https://example.com/shoe.png",
            "actions": _ACTIONS,
        },
        "card with a title only": {"type": "card", "title": "Shoe", "actions": []},
        "card with empty texts": {"type": "card", "title": "Shoe", "subtitle": "", "imageUrl": "", "actions": []},
    },
    "carousel": {
        "carousel": {
            "type": "carousel",
            "items": [
                {"title": "Shoe", "subtitle": "Red", "actions": _ACTIONS},
                {"title": "Hat", "imageUrl": "https://example.com/hat.png", "actions": []},
            ],
        },
        "empty carousel": {"type": "carousel", "items": []},
    },
    "choice": {
        "choice": {"type": "choice", "text": "Size?", "options": _OPTIONS},
        "choice without free text": {"type": "choice", "text": "Size?", "options": _OPTIONS, "disableFreeText": True},
        "choice with free text": {"type": "choice", "text": "Size?", "options": _OPTIONS, "disableFreeText": False},
        "choice without options": {"type": "choice", "text": "Size?", "options": []},
    },
    "dropdown": {
        "dropdown": {"type": "dropdown", "text": "Size?", "options": _OPTIONS},
        "dropdown without text": {"type": "dropdown", "text": "", "options": _OPTIONS},
    },
}

# Newer than the original client, or nobody's
UNKNOWN: dict[str, dict[str, Any]] = {
    "bloc": {
        "type": "bloc",
        "items": [
            {"type": "text", "payload": {"text": "one"}},
            {"type": "image", "payload": {"imageUrl": "https://example.com/a.png"}},
        ],
    },
    "custom": {"type": "custom", "url": "https://example.com/widget.js", "name": "Widget", "data": {"size": 7}},
    "poll": {"type": "poll", "question": "Why?", "answers": [1, None]},
}

BY_NAME = {name: payload for variants in KNOWN.values() for name, payload in variants.items()} | UNKNOWN
