"""What messages and events may carry.

Known types must have their fields right. Any other type is taken as it is: newer clients and bots have newer types.
"""

from __future__ import annotations

from typing import Any

from .validation import Check, anything, boolean, list_of, map_of, number, object_, one_of, record, string, text

_ACTION = record({"action": one_of("postback", "url", "say"), "label": text, "value": text})
_OPTION = record({"label": text, "value": text})
_CARD = record(
    {"title": text, "actions": list_of(_ACTION)}, {"subtitle": string, "imageUrl": string, "className": string}
)
_CHOICE = record({"text": string, "options": list_of(_OPTION)}, {"disableFreeText": boolean})


def _media(url_field: str) -> Check:
    return record({url_field: text}, {"title": text, "fileId": text})


_BLOC_ITEM = record({"type": text, "payload": object_})

_MESSAGES: dict[str, Check] = {
    "text": record({"text": text}, {"value": string}),
    "markdown": record({"markdown": text}),
    "image": _media("imageUrl"),
    "audio": _media("audioUrl"),
    "video": _media("videoUrl"),
    "file": _media("fileUrl"),
    "location": record({"latitude": number, "longitude": number}, {"address": string, "title": string}),
    "card": _CARD,
    "carousel": record({"items": list_of(_CARD)}),
    "choice": _CHOICE,
    "dropdown": _CHOICE,
    "bloc": record({"items": list_of(_BLOC_ITEM)}),
    "custom": record({"url": text, "name": text}, {"data": anything}),
}

_EVENTS: dict[str, Check] = {
    "custom": record({"data": object_}),
    "conversation_started": record({"data": object_}),
}

_TYPED = record({"type": text}, {"className": string})


def message_payload(value: Any, path: str) -> None:
    """Check the payload of a message."""
    _TYPED(value, path)
    _MESSAGES.get(value["type"], anything)(value, path)


def event_payload(value: Any, path: str) -> None:
    """Check the payload of an event."""
    _TYPED(value, path)
    _EVENTS.get(value["type"], anything)(value, path)


def metadata(value: Any, path: str) -> None:
    """Check a message's metadata: any object, in which `clientMessageId` makes sure that it is stored only once."""
    record({}, {"clientMessageId": text})(value, path)


tags = map_of(string)
