"""What a message can hold: one dataclass for each type on the wire, made for `match`.

A type that does not exist yet, or one whose fields are not as they should be, becomes `Unknown`: nothing
is dropped for its shape. Fields that a type does not name are kept in `extra`. URLs and Markdown come from the bot:
check and sanitise what you make of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias


@dataclass(slots=True, kw_only=True)
class _Common:
    """What every payload may have.

    `class_name` is a CSS class that the bot asks for. `came_as` is what it was read from, where
    that was no payload of the Webchat API: the item of a bloc, a Messaging server's payload.
    """

    class_name: str | None = field(default=None, repr=False)
    extra: dict[str, Any] = field(default_factory=dict, repr=False)
    came_as: Any = field(default=None, repr=False, compare=False)


@dataclass(slots=True)
class Text(_Common):
    """Plain text. `value` is what a button sent whose label is `text`."""

    text: str
    value: str | None = None


@dataclass(slots=True)
class Markdown(_Common):
    """Text in Markdown."""

    markdown: str


@dataclass(slots=True)
class Image(_Common):
    """A picture. `file_id` is the server's id of an uploaded one."""

    image_url: str
    file_id: str | None = None


@dataclass(slots=True)
class Audio(_Common):
    """A sound to play."""

    audio_url: str
    file_id: str | None = None


@dataclass(slots=True)
class Video(_Common):
    """A film to play."""

    video_url: str
    file_id: str | None = None


@dataclass(slots=True)
class File(_Common):
    """A file to download."""

    file_url: str
    title: str | None = None
    file_id: str | None = None


@dataclass(slots=True)
class Location(_Common):
    """A place on earth, in degrees."""

    latitude: float
    longitude: float
    address: str | None = None
    title: str | None = None


@dataclass(slots=True)
class Action(_Common):
    """A button of a card. `url` opens `value`; `postback` and `say` send it as a text message."""

    action: Literal["postback", "url", "say"] | str
    label: str
    value: str


@dataclass(slots=True)
class Card(_Common):
    """A picture, a title, a line below it, and buttons."""

    title: str
    subtitle: str | None = None
    image_url: str | None = None
    actions: list[Action] = field(default_factory=list)


@dataclass(slots=True)
class Carousel(_Common):
    """Cards side by side."""

    items: list[Card]


@dataclass(slots=True)
class Option(_Common):
    """One entry of a `Choice` or a `Dropdown`. Taking it sends `value` as a text message."""

    label: str
    value: str


@dataclass(slots=True)
class Choice(_Common):
    """A question with answers to press. `disable_free_text` asks the front end to close its text box."""

    text: str
    options: list[Option]
    disable_free_text: bool | None = None


@dataclass(slots=True)
class Dropdown(_Common):
    """A question with a list to choose from."""

    text: str
    options: list[Option]
    disable_free_text: bool | None = None


@dataclass(slots=True)
class Bloc(_Common):
    """Several payloads in one message."""

    items: list[Payload]


@dataclass(slots=True)
class Custom(_Common):
    """A component of the bot's own: where it is, its name, and what it gets."""

    url: str
    name: str
    data: Any = None


@dataclass(slots=True)
class Unknown:
    """A payload of a type that this version does not know, or that does not fit its type.

    `data` is the payload as it came, `type` included. One without a type has the type `""`.
    """

    type: str
    data: Any
    came_as: Any = field(default=None, kw_only=True, repr=False, compare=False)


Payload: TypeAlias = (
    Text
    | Markdown
    | Image
    | Audio
    | Video
    | File
    | Location
    | Card
    | Carousel
    | Choice
    | Dropdown
    | Bloc
    | Custom
    | Unknown
)


class Misfit(ValueError):
    """What came over the wire does not have the expected shape."""


class _Absent(list[Any]):
    """A list that was not there: while it stays empty it is not written either."""


class _Kind(NamedTuple):
    """How one kind of value is read from the wire and written to it."""

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]


class _Field(NamedTuple):
    name: str
    key: str
    kind: _Kind
    required: bool = True
    absent: Callable[[], Any] | None = None


class _Shape(NamedTuple):
    """The fields of one type."""

    make: type
    fields: tuple[_Field, ...]


def _same(value: Any) -> Any:
    return value


def _exactly(*expected: type) -> _Kind:
    def read(value: Any) -> Any:
        # Not isinstance: JSON's true is no number.
        if type(value) not in expected:
            raise Misfit(f"expected {expected[-1].__name__}, got {type(value).__name__}")
        return value

    return _Kind(read, read)


def _list_of(shape: _Shape) -> _Kind:
    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise Misfit(f"expected an array, got {type(value).__name__}")
        return [_read(shape, item) for item in value]

    def write(values: Any) -> list[dict[str, Any]]:
        if not isinstance(values, list) or not all(isinstance(value, shape.make) for value in values):
            raise Misfit(f"expected a list of {shape.make.__name__}")
        return [_write(shape, value) for value in values]

    return _Kind(read, write)


def _nested(item: Any) -> dict[str, Any] | None:
    """The fields of a bloc's item, if they are in a `payload` of their own. The sibling API has them beside `type`."""
    nested = item.get("payload") if isinstance(item, dict) and _type_of(item) else None
    return nested if isinstance(nested, dict) else None


def _read_items(value: Any) -> list[Payload]:
    if not isinstance(value, list):
        raise Misfit(f"expected an array, got {type(value).__name__}")
    return [_read_item(item) for item in value]


def _read_item(item: Any) -> Payload:
    nested = _nested(item)
    payload = parse_payload(item if nested is None else {**nested, "type": item["type"]})
    payload.came_as = item
    return payload


def _write_items(items: Any) -> list[Any]:
    if not isinstance(items, list):
        raise Misfit("expected a list of payloads")
    return [_write_item(item) for item in items]


def _write_item(payload: Payload) -> Any:
    if isinstance(payload, Unknown) and not payload.type:
        return payload.data
    fields = payload_to_wire(payload)
    item = {"type": fields["type"], "payload": {}} if payload.came_as is None else payload.came_as
    nested = _nested(item)
    if nested is None:
        return fields
    name = fields.pop("type")
    if "type" in nested:
        fields["type"] = nested["type"]
    return {**item, "type": name, "payload": fields}


def _shape(make: type, *fields: _Field) -> _Shape:
    return _Shape(make, (*fields, _Field("class_name", "className", _STRING, required=False)))


def _optional(name: str, key: str, kind: _Kind) -> _Field:
    return _Field(name, key, kind, required=False)


_STRING = _exactly(str)
_NUMBER = _exactly(int, float)
_BOOLEAN = _exactly(bool)
_ANY = _Kind(_same, _same)

_FILE_ID = _optional("file_id", "fileId", _STRING)
_TITLE = _Field("title", "title", _STRING)
_TEXT = _Field("text", "text", _STRING)
_LABEL = _Field("label", "label", _STRING)
_VALUE = _Field("value", "value", _STRING)

_ACTION = _shape(Action, _Field("action", "action", _STRING), _LABEL, _VALUE)
_OPTION = _shape(Option, _LABEL, _VALUE)
_CARD = _shape(
    Card,
    _TITLE,
    _optional("subtitle", "subtitle", _STRING),
    _optional("image_url", "imageUrl", _STRING),
    _Field("actions", "actions", _list_of(_ACTION), absent=_Absent),
)
_QUESTION = (
    _TEXT,
    _Field("options", "options", _list_of(_OPTION)),
    _optional("disable_free_text", "disableFreeText", _BOOLEAN),
)

_SHAPES: dict[str, _Shape] = {
    "text": _shape(Text, _TEXT, _optional("value", "value", _STRING)),
    "markdown": _shape(Markdown, _Field("markdown", "markdown", _STRING)),
    "image": _shape(Image, _Field("image_url", "imageUrl", _STRING), _FILE_ID),
    "audio": _shape(Audio, _Field("audio_url", "audioUrl", _STRING), _FILE_ID),
    "video": _shape(Video, _Field("video_url", "videoUrl", _STRING), _FILE_ID),
    "file": _shape(File, _Field("file_url", "fileUrl", _STRING), _optional("title", "title", _STRING), _FILE_ID),
    "location": _shape(
        Location,
        _Field("latitude", "latitude", _NUMBER),
        _Field("longitude", "longitude", _NUMBER),
        _optional("address", "address", _STRING),
        _optional("title", "title", _STRING),
    ),
    "card": _CARD,
    "carousel": _shape(Carousel, _Field("items", "items", _list_of(_CARD))),
    "choice": _shape(Choice, *_QUESTION),
    "dropdown": _shape(Dropdown, *_QUESTION),
    "bloc": _shape(Bloc, _Field("items", "items", _Kind(_read_items, _write_items))),
    "custom": _shape(
        Custom, _Field("url", "url", _STRING), _Field("name", "name", _STRING), _optional("data", "data", _ANY)
    ),
}
_TYPES = {shape.make: name for name, shape in _SHAPES.items()}


def _read(shape: _Shape, data: Any) -> Any:
    if not isinstance(data, dict):
        raise Misfit(f"expected an object, got {type(data).__name__}")
    extra = dict(data)
    values: dict[str, Any] = {}
    for name, key, kind, required, absent in shape.fields:
        value = extra.pop(key, None)
        if value is not None:
            values[name] = kind.read(value)
        elif absent:
            values[name] = absent()
        elif required:
            raise Misfit(f"{key!r} is missing")
    return shape.make(**values, extra=extra)


def _write(shape: _Shape, value: Any) -> dict[str, Any]:
    data: dict[str, Any] = {}
    for name, key, kind, required, _ in shape.fields:
        attribute = getattr(value, name)
        if (attribute is None and not required) or (not attribute and isinstance(attribute, _Absent)):
            continue
        try:
            data[key] = kind.write(attribute)
        except Misfit as misfit:
            raise TypeError(f"{type(value).__name__}.{name}: {misfit}") from None
    return {**data, **value.extra}


def _type_of(data: dict[str, Any]) -> str:
    name = data.get("type")
    return name if isinstance(name, str) else ""


def parse_payload(data: Any) -> Payload:
    """The payload that `data`, decoded JSON, stands for. Never raises."""
    name = _type_of(data) if isinstance(data, dict) else ""
    shape = _SHAPES.get(name)
    if shape is None:
        return Unknown(name, data)
    try:
        payload = _read(shape, data)
    except Misfit:
        return Unknown(name, data)
    del payload.extra["type"]
    known: Payload = payload
    return known


def payload_to_wire(payload: Payload) -> dict[str, Any]:
    """`payload` as the object that `POST /messages` takes. Raises `TypeError` where it is no payload."""
    if isinstance(payload, Unknown):
        if not isinstance(payload.data, dict):
            raise TypeError("An Unknown payload can only be sent when its data is a dict")
        return {**payload.data, "type": payload.type} if payload.type else {**payload.data}
    name = _TYPES.get(type(payload))
    if name is None:
        raise TypeError(f"A message is a str or a payload such as Text(...), not {type(payload).__name__}")
    return {"type": name, **_write(_SHAPES[name], payload)}
