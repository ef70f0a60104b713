"""The payloads of a Messaging server: the same things to say as in `payloads`, under other names.

Types that it has no word for (`bloc`, `custom`, and what is new) are the same in both, for the server takes anything.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .payloads import Misfit, Payload, Unknown, parse_payload, payload_to_wire

Data = dict[str, Any]

_MEDIA = ("image", "audio", "video", "file")
_ACTIONS = {"say": ("Say something", "text"), "url": ("Open URL", "url"), "postback": ("Postback", "payload")}
_ACTIONS_HERE = {theirs: (ours, key) for ours, (theirs, key) in _ACTIONS.items()}


def parse(data: Any) -> Payload:
    """The payload that `data`, decoded JSON, stands for. Never raises."""
    kind = data.get("type") if isinstance(data, dict) else None
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return parse_payload(data)
    try:
        payload = parse_payload(read(data))
    except (AttributeError, KeyError, Misfit, TypeError):
        return Unknown(data["type"], data)
    if isinstance(payload, Unknown):
        return Unknown(data["type"], data)
    payload.came_as = data
    return payload


def write(payload: Payload) -> Data:
    """`payload` as the server's own bots would write it. Raises `TypeError` where it is no payload."""
    data = payload_to_wire(payload)
    write = None if isinstance(payload, Unknown) else _WRITERS.get(data["type"])
    return write(data) if write else data


def _renamed(data: Data, names: dict[str, str]) -> Data:
    return {names.get(key, key): value for key, value in data.items()}


def _renaming(names: dict[str, str]) -> Callable[[Data], Data]:
    return lambda data: _renamed(data, names)


def _read_text(data: Data) -> Data:
    if data.get("markdown") is not True:
        return data
    rest = {key: value for key, value in data.items() if key != "text"}
    return {**rest, "type": "markdown", "markdown": data["text"]}


def _write_text(data: Data) -> Data:
    # A button's click says what it was labelled, and means something else.
    return {**_renamed(data, {"value": "payload"}), "type": "quick_reply"} if "value" in data else data


def _write_markdown(data: Data) -> Data:
    return {**data, "type": "text", "text": data["markdown"], "markdown": True}


def _read_card(data: Data) -> Data:
    actions = data.get("actions")
    card = _renamed(data, {"image": "imageUrl"})
    return card if actions is None else {**card, "actions": [_read_action(action) for action in actions]}


def _read_action(action: Data) -> Data:
    name, key = _ACTIONS_HERE[action["action"]]
    return {**_renamed(action, {"title": "label", key: "value"}), "action": name}


def _write_card(data: Data) -> Data:
    actions = [_write_action(action) for action in data.get("actions", ())]
    return {**_renamed(data, {"imageUrl": "image"}), "type": "card", "actions": actions}


def _write_action(action: Data) -> Data:
    name, key = _ACTIONS.get(action["action"], (action["action"], "value"))
    return {**_renamed(action, {"label": "title", "value": key}), "action": name}


def _read_carousel(data: Data) -> Data:
    return {**data, "items": [_without_type(_read_card(card)) for card in data["items"]]}


def _without_type(card: Data) -> Data:
    return {key: value for key, value in card.items() if key != "type"}


def _write_carousel(data: Data) -> Data:
    return {**data, "items": [_write_card(card) for card in data["items"]]}


def _read_choice(data: Data) -> Data:
    options = [_renamed(choice, {"title": "label"}) for choice in data["choices"]]
    rest = {key: value for key, value in data.items() if key != "choices"}
    return {**rest, "type": "choice", "options": options}


def _write_choice(data: Data) -> Data:
    choices = [_renamed(option, {"label": "title"}) for option in data["options"]]
    rest = {key: value for key, value in data.items() if key != "options"}
    return {**rest, "type": "single-choice", "choices": choices}


def _read_dropdown(data: Data) -> Data:
    # The question is in one or the other; the original client shows the first only.
    return {**data, "text": data.get("text") or data.get("message") or ""}


_READERS: dict[str, Callable[[Data], Data]] = {
    **{kind: _renaming({kind: f"{kind}Url"}) for kind in _MEDIA},
    "text": _read_text,
    "quick_reply": lambda data: {**_renamed(data, {"payload": "value"}), "type": "text"},
    "card": _read_card,
    "carousel": _read_carousel,
    "single-choice": _read_choice,
    "dropdown": _read_dropdown,
}
_WRITERS: dict[str, Callable[[Data], Data]] = {
    **{kind: _renaming({f"{kind}Url": kind}) for kind in _MEDIA},
    "text": _write_text,
    "markdown": _write_markdown,
    "card": _write_card,
    "carousel": _write_carousel,
    "choice": _write_choice,
}
