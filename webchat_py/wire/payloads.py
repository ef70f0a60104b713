"""What a message can hold: one dataclass for each type on the wire, made for `match`.

A type that does not exist yet, or one whose fields are not as they should be, becomes `Unknown`: nothing
is dropped for its shape. Fields that a type does not name are kept in `extra`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias


@dataclass(slots=True)
class Text:
    """Plain text."""

    text: str
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Markdown:
    """Text in Markdown. It comes from the bot: sanitise what a renderer makes of it."""

    markdown: str
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Option:
    """One entry of a `Choice`. Taking it sends `value` as a text message."""

    label: str
    value: str
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Choice:
    """A question with answers to press. `disable_free_text` asks the front end to close its text box."""

    text: str
    options: list[Option]
    disable_free_text: bool | None = None
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Unknown:
    """A payload of a type that this version does not know, or that does not fit its type.

    `data` is the payload as it came, `type` included.
    """

    type: str
    data: Any


Payload: TypeAlias = Text | Markdown | Choice | Unknown


class Misfit(ValueError):
    """What came over the wire does not have the expected shape."""


class _Kind(NamedTuple):
    """How one kind of value is read from the wire and written to it."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


class _Field(NamedTuple):
    name: str
    key: str
    kind: _Kind
    required: bool = True


def _same(value: Any) -> Any:
    return value


def _exactly(expected: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) is not expected:
            raise Misfit(f"expected {expected.__name__}, got {type(value).__name__}")
        return value

    return read


def _read_options(value: Any) -> list[Option]:
    if not isinstance(value, list):
        raise Misfit("expected an array of options")
    return [_read_fields(Option, _OPTION, item) for item in value]


def _write_options(options: list[Option]) -> list[dict[str, Any]]:
    return [_write_fields(_OPTION, option) for option in options]


_STRING = _Kind(_exactly(str), _same)
_BOOLEAN = _Kind(_exactly(bool), _same)
_OPTIONS = _Kind(_read_options, _write_options)

_OPTION = (_Field("label", "label", _STRING), _Field("value", "value", _STRING))

_TYPES: dict[str, tuple[type, tuple[_Field, ...]]] = {
    "text": (Text, (_Field("text", "text", _STRING),)),
    "markdown": (Markdown, (_Field("markdown", "markdown", _STRING),)),
    "choice": (
        Choice,
        (
            _Field("text", "text", _STRING),
            _Field("options", "options", _OPTIONS),
            _Field("disable_free_text", "disableFreeText", _BOOLEAN, required=False),
        ),
    ),
}
_WIRE_NAMES = {cls: name for name, (cls, _) in _TYPES.items()}


def _read_fields(cls: Callable[..., Any], fields: tuple[_Field, ...], data: Any) -> Any:
    if not isinstance(data, dict):
        raise Misfit(f"expected an object, got {type(data).__name__}")
    extra = dict(data)
    extra.pop("type", None)
    values = {}
    for name, key, kind, required in fields:
        value = extra.pop(key, None)
        if value is not None:
            values[name] = kind.read(value)
        elif required:
            raise Misfit(f"{key!r} is missing")
    return cls(**values, extra=extra)


def _write_fields(fields: tuple[_Field, ...], value: Any) -> dict[str, Any]:
    data = {
        key: kind.write(attribute) for name, key, kind, _ in fields if (attribute := getattr(value, name)) is not None
    }
    return {**data, **value.extra}


def parse_payload(data: Any) -> Payload:
    """The payload that `data`, decoded JSON, stands for. Never raises."""
    kind = data.get("type") if isinstance(data, dict) else None
    name = kind if isinstance(kind, str) else ""
    if name not in _TYPES:
        return Unknown(name, data)
    cls, fields = _TYPES[name]
    try:
        payload: Payload = _read_fields(cls, fields, data)
    except Misfit:
        return Unknown(name, data)
    return payload


def payload_to_wire(payload: Payload) -> dict[str, Any]:
    """`payload` as the object that `POST /messages` takes. Raises `TypeError` where it is no payload."""
    if isinstance(payload, Unknown):
        if not isinstance(payload.data, dict):
            raise TypeError("An Unknown payload can only be sent when its data is a dict")
        return {**payload.data, "type": payload.type}
    name = _WIRE_NAMES.get(type(payload))
    if name is None:
        raise TypeError(f"A message is a str or a payload such as Text(...), not {type(payload).__name__}")
    return {"type": name, **_write_fields(_TYPES[name][1], payload)}
