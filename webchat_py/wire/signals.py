"""What the event stream says, as typed values.

Each event's data is JSON `{"type": …, "data": …}`, or the bare word `ping` that keeps the stream alive. What
does not fit becomes `UnknownSignal`, so that it can be handed on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from .models import Message, MessageStatus, Typing, parse_message, parse_user
from .payloads import Misfit
from .untrusted import loads

TYPING_TIMEOUT = 5.0
"""Seconds that `typing_started` lasts where it does not say (the original client's default)."""
MAX_TYPING_TIMEOUT = 60.0
"""Seconds; a browser's timer overflows at 2³¹ milliseconds and would fire at once."""


@dataclass(slots=True)
class MessageCreated:
    message: Message


@dataclass(slots=True)
class TypingChanged:
    typing: Typing


@dataclass(slots=True)
class StatusChanged:
    """What has become of a message of this user."""

    message: Message
    status: MessageStatus


@dataclass(slots=True)
class Happened:
    """Something that is told as the event `event`; if it is about one conversation, that one's id."""

    event: str
    value: Any
    conversation_id: str | None = None


@dataclass(slots=True)
class UnknownSignal:
    """A signal without a meaning here: its type (`""` where it has none) and the value as it came."""

    type: str
    data: Any


Signal: TypeAlias = MessageCreated | StatusChanged | TypingChanged | Happened | UnknownSignal


def _message_created(data: Any) -> Signal:
    return MessageCreated(parse_message(data))


def _typing_started(data: Any) -> Signal:
    milliseconds = data.get("timeout") if isinstance(data, dict) else None
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return TypingChanged(Typing(is_typing=True, timeout=TYPING_TIMEOUT))
    # Compared before it is divided: JSON's integers can be too large for a float. In this order NaN, which
    # compares as false, comes out as the maximum.
    milliseconds = max(0, min(MAX_TYPING_TIMEOUT * 1000, milliseconds))
    return TypingChanged(Typing(is_typing=True, timeout=milliseconds / 1000))


def _typing_stopped(_data: Any) -> Signal:
    return TypingChanged(Typing(is_typing=False, timeout=0.0))


def _status_changed(data: Any) -> Signal:
    status = _member(data, "newStatus")
    if status not in ("processing", "processed", "failed"):
        raise Misfit("'newStatus' is none that is told")
    return StatusChanged(parse_message(_member(data, "message")), status)


def _message_updated(data: Any) -> Signal:
    message = parse_message(data)
    return Happened("message_updated", message, message.conversation_id)


def _participant_added(data: Any) -> Signal:
    return Happened("participant_added", parse_user(_member(data, "participant")), _member(data, "conversationId"))


def _participant_removed(data: Any) -> Signal:
    participant_id = _member(data, "participantId")
    if not isinstance(participant_id, str):
        raise Misfit("'participantId' is not a text")
    return Happened("participant_removed", participant_id, _member(data, "conversationId"))


def _visibility(data: Any) -> Signal:
    visibility = _member(data, "visibility")
    if visibility not in ("show", "hide", "toggle"):
        raise Misfit("'visibility' is show, hide or toggle")
    return Happened("webchat_visibility", visibility)


def _config(data: Any) -> Signal:
    return Happened("webchat_config", _object(data, "config"))


def _custom(data: Any) -> Signal:
    return Happened("custom_event", _object(data, "event"))


def _member(data: Any, key: str) -> Any:
    if not isinstance(data, dict):
        raise Misfit(f"expected an object, got {type(data).__name__}")
    return data.get(key)


def _object(data: Any, key: str) -> dict[str, Any]:
    value = _member(data, key)
    if not isinstance(value, dict):
        raise Misfit(f"{key!r} is not an object")
    return value


_READERS: dict[str, Callable[[Any], Signal]] = {
    "message_created": _message_created,
    "message_updated": _message_updated,
    "message_status_changed": _status_changed,
    "typing_started": _typing_started,
    "typing_stopped": _typing_stopped,
    "participant_added": _participant_added,
    "participant_removed": _participant_removed,
    "webchat_visibility": _visibility,
    "webchat_config": _config,
    "custom": _custom,
}


def parse_signal(text: str) -> Signal | None:
    """The signal in one event's data; `None` for the keep-alive. Never raises."""
    if text == "ping":
        return None
    try:
        signal = loads(text)
    except ValueError:
        return UnknownSignal("", text)
    kind = signal.get("type") if isinstance(signal, dict) else None
    if not isinstance(kind, str):
        return UnknownSignal("", signal)
    return read_signal(kind, signal.get("data"))


def read_signal(kind: str, data: Any) -> Signal:
    """The signal of this type. Never raises."""
    reader = _READERS.get(kind)
    if reader is None:
        return UnknownSignal(kind, data)
    try:
        return reader(data)
    except Misfit:
        return UnknownSignal(kind, data)
