"""Two readings of a payload: the block tree of the original client, and plain text. Loaded when first asked for.

The mapping is that of `@botpress/webchat` 2.2.2, field by field, for renderers that were written for it. It does not
copy one thing: there a `file` block also leaked every field of the wire. `bloc` and `custom` are mapped as 4.x does.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeAlias

from .payloads import (
    Action,
    Audio,
    Bloc,
    Card,
    Carousel,
    Choice,
    Custom,
    Dropdown,
    File,
    Image,
    Location,
    Markdown,
    Payload,
    Text,
    Unknown,
    Video,
    payload_to_wire,
)

Block: TypeAlias = dict[str, Any]

DEFAULT_PLACE = "View on map"
DEFAULT_LABEL = "Select an option"


def to_block(payload: Payload, group_id: str) -> Block:
    """The block tree of a payload. `group_id` marks the buttons that belong together."""
    match payload:
        case Choice(text, options):
            return _choice(text, [_option_button(option.label, option.value, group_id) for option in options])
        case Bloc(items):
            return {"type": "column", "blocks": [to_block(item, group_id) for item in items]}
    return _BLOCKS[type(payload)](payload)


def _bubble(block: Block) -> Block:
    return {"type": "bubble", "block": block}


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _media(kind: str, url: str) -> Block:
    return {"type": kind, "url": url}


def _file(payload: File) -> Block:
    block = _media("file", payload.file_url)
    return block if payload.title is None else {**block, "title": payload.title}


def _location(payload: Location) -> Block:
    given = (title for title in (payload.title, payload.address, DEFAULT_PLACE) if title is not None)
    return {
        "type": "location",
        "latitude": payload.latitude,
        "longitude": payload.longitude,
        "title": next(given),
    }


def _card(payload: Card) -> Block:
    blocks: list[Block] = []
    if payload.image_url:
        blocks.append(_media("image", payload.image_url))
    if payload.title:
        blocks.append(_text(f"## {payload.title}"))
    if payload.subtitle:
        blocks.append(_text(payload.subtitle))
    if payload.actions:
        blocks.append({"type": "row", "blocks": [_action_button(action) for action in payload.actions]})
    return {"type": "column", "horizontalAlignment": "center", "blocks": blocks}


def _action_button(action: Action) -> Block:
    return {
        "type": "button",
        "variant": "link" if action.action == "url" else "action",
        "text": action.label,
        "buttonValue": action.value,
        "reusable": True,
    }


def _option_button(label: str, value: str, group_id: str) -> Block:
    return {"type": "button", "variant": "action", "text": label, "buttonValue": value, "groupId": group_id}


def _choice(text: str, buttons: list[Block]) -> Block:
    if not buttons:
        return _bubble(_text(text))
    row = {"type": "row", "blocks": buttons}
    return {"type": "column", "horizontalAlignment": "left", "blocks": [_bubble(_text(text)), row]}


def _dropdown(payload: Dropdown) -> Block:
    options = [{"label": option.label, "value": option.value} for option in payload.options]
    origin = payload.came_as
    is_untitled = isinstance(origin, dict) and "options" in origin and "text" not in origin  # a Messaging server's
    label = DEFAULT_LABEL if is_untitled else payload.text
    dropdown = {"type": "dropdown", "label": label, "options": options}
    return _bubble({"type": "column", "blocks": [_text(payload.text), dropdown] if payload.text else [dropdown]})


def _plain(payload: Text) -> Block:
    # A Messaging server's record of a button's click is not put into a bubble.
    origin = payload.came_as
    is_click = isinstance(origin, dict) and origin.get("type") == "quick_reply"
    return _text(payload.text) if is_click else _bubble(_text(payload.text))


def _unknown(payload: Unknown) -> Block:
    return payload.data if isinstance(payload.data, dict) else _bubble(_text(plain_text(payload)))


_BLOCKS: dict[type, Callable[[Any], Block]] = {
    Text: _plain,
    Markdown: lambda payload: _bubble(_text(payload.markdown)),
    Image: lambda payload: _media("image", payload.image_url),
    Audio: lambda payload: _media("audio", payload.audio_url),
    Video: lambda payload: _media("video", payload.video_url),
    File: _file,
    Location: _location,
    Card: lambda payload: _bubble(_card(payload)),
    Carousel: lambda payload: {"type": "carousel", "blocks": [_card(card) for card in payload.items]},
    Dropdown: _dropdown,
    Custom: payload_to_wire,
    Unknown: _unknown,
}


def plain_text(payload: Payload) -> str:
    """What a payload says, in words, one thing a line."""
    return "\n".join(line for line in _lines(payload) if line)


def _lines(payload: Payload) -> list[str]:
    match payload:
        case Text(text):
            return [text]
        case Markdown(markdown):
            return [markdown]
        case Image(url):
            return [f"Image: {url}"]
        case Audio(url):
            return [f"Audio: {url}"]
        case Video(url):
            return [f"Video: {url}"]
        case File(url, title):
            return [f"File: {title} ({url})" if title else f"File: {url}"]
        case Location(latitude, longitude, address, title):
            place = ", ".join(part for part in (title, address) if part)
            return [f"Location: {place} ({latitude}, {longitude})" if place else f"Location: {latitude}, {longitude}"]
        case Card(title, subtitle, _, actions):
            return [title, subtitle or "", *(_action_line(action) for action in actions)]
        case Carousel(cards):
            return [line for card in cards for line in _lines(card)]
        case Choice(text, options) | Dropdown(text, options):
            return [text, *(f"- {option.label}" for option in options)]
        case Bloc(items):
            return [line for item in items for line in _lines(item)]
        case Custom(_, name, data):
            return [f"{name}: {_json(data)}" if data is not None else name]
        case Unknown(kind, data):
            return [f"{kind}: {_json(data)}" if kind else _json(data)]


def _action_line(action: Action) -> str:
    return f"- {action.label} ({action.value})" if action.action == "url" else f"- {action.label}"


def _json(data: Any) -> str:
    try:
        return json.dumps(data, ensure_ascii=False)
    except (TypeError, ValueError):
        return "(data)"
