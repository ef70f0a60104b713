"""The payloads of a Messaging server, whose types and fields have other names than the Webchat API's.

What is stored is in the Webchat API's form where that says the same: so both modes show one conversation, and bots
know one form only. Anything else is stored, and handed out, as it came. (What came over a socket in the Webchat API's
form goes out in messaging's: there is no telling them apart.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]

# Messaging's name of a field, by the type and the name in the Webchat API's form
_MEDIA = {kind: {f"{kind}Url": kind} for kind in ("image", "audio", "video", "file")}
_ACTIONS = {"say": ("Say something", "text"), "url": ("Open URL", "url"), "postback": ("Postback", "payload")}


def to_messaging(payload: Payload) -> Payload:
    """The payload that a Messaging server would have; the same where it knows no such type."""
    return _convert(_TO_MESSAGING, payload)


def from_messaging(payload: Payload) -> Payload:
    """The payload in the Webchat API's form, if that is turned into the same one again; else the payload itself."""
    converted = _convert(_FROM_MESSAGING, payload)
    return converted if to_messaging(converted) == payload else payload


def trigger_of(type: str, data: Any) -> Payload | None:
    """The payload by which a Messaging server tells this signal; None where it has none."""
    match type, data:
        case "webchat_visibility", {"visibility": visibility}:
            return _trigger("webchat-visibility", visibility=visibility)
        case "webchat_config", {"config": config}:
            return _trigger("webchat-config", config=config)
        case "custom", {"event": event}:
            return _trigger("custom-event", event=event)
    return None


def _trigger(type: str, **what: Any) -> Payload:
    return {"type": "trigger", "trigger": {"type": type, **what}}


def _convert(table: dict[str, Callable[[Payload], Payload]], payload: Payload) -> Payload:
    kind = payload.get("type")
    convert = table.get(kind) if isinstance(kind, str) else None
    if convert is None:
        return payload
    try:
        return convert(payload)
    except (AttributeError, KeyError, TypeError):
        return payload  # it has not the fields of its type


def _renamed(payload: Payload, names: dict[str, str]) -> Payload:
    return {names.get(name, name): value for name, value in payload.items()}


def _renaming(kind: str, names: dict[str, str], *required: str) -> Callable[[Payload], Payload]:
    def convert(payload: Payload) -> Payload:
        for name in required:
            payload[name]
        return {**_renamed(payload, names), "type": kind}

    return convert


def _text_to(payload: Payload) -> Payload:
    if "value" in payload:
        return {**_renamed(payload, {"value": "payload"}), "type": "quick_reply"}
    return payload


def _text_from(payload: Payload) -> Payload:
    if payload.get("markdown") is True:
        rest = {name: value for name, value in payload.items() if name not in ("text", "markdown")}
        return {**rest, "type": "markdown", "markdown": payload["text"]}
    return payload


def _markdown_to(payload: Payload) -> Payload:
    return {**payload, "type": "text", "text": payload["markdown"], "markdown": True}


def _card_to(card: Payload) -> Payload:
    return {**_renamed(card, {"imageUrl": "image"}), "type": "card", "actions": [*map(_action_to, card["actions"])]}


def _card_from(card: Payload) -> Payload:
    return {**_renamed(card, {"image": "imageUrl"}), "actions": [*map(_action_from, card["actions"])]}


def _action_to(action: Payload) -> Payload:
    name, field = _ACTIONS[action["action"]]
    return {**_renamed(action, {"label": "title", "value": field}), "action": name}


def _action_from(action: Payload) -> Payload:
    name = next(ours for ours, (theirs, _) in _ACTIONS.items() if theirs == action["action"])
    return {**_renamed(action, {"title": "label", _ACTIONS[name][1]: "value"}), "action": name}


def _carousel_to(payload: Payload) -> Payload:
    return {**payload, "items": [*map(_card_to, payload["items"])]}


def _carousel_from(payload: Payload) -> Payload:
    cards = ({name: value for name, value in card.items() if name != "type"} for card in payload["items"])
    return {**payload, "items": [*map(_card_from, cards)]}


def _choice_to(payload: Payload) -> Payload:
    choices = [_renamed(option, {"label": "title"}) for option in payload["options"]]
    rest = {name: value for name, value in payload.items() if name != "options"}
    return {**rest, "type": "single-choice", "choices": choices}


def _choice_from(payload: Payload) -> Payload:
    options = [_renamed(choice, {"title": "label"}) for choice in payload["choices"]]
    rest = {name: value for name, value in payload.items() if name != "choices"}
    return {**rest, "type": "choice", "options": options}


_TO_MESSAGING: dict[str, Callable[[Payload], Payload]] = {
    **{kind: _renaming(kind, names, *names) for kind, names in _MEDIA.items()},
    "text": _text_to,
    "markdown": _markdown_to,
    "card": _card_to,
    "carousel": _carousel_to,
    "choice": _choice_to,
}
_FROM_MESSAGING: dict[str, Callable[[Payload], Payload]] = {
    **{kind: _renaming(kind, {theirs: ours for ours, theirs in names.items()}) for kind, names in _MEDIA.items()},
    "text": _text_from,
    "quick_reply": _renaming("text", {"payload": "value"}, "payload"),
    "card": _card_from,
    "carousel": _carousel_from,
    "single-choice": _choice_from,
}
