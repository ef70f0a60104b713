"""Payloads: what a person can say and see, read from the wire and written to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_py.wire.payloads import (
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
    Option,
    Text,
    Unknown,
    Video,
    parse_payload,
    payload_to_wire,
)

WIRE_AND_VALUE = [
    ({"type": "text", "text": "Hi"}, Text("Hi")),
    ({"type": "text", "text": ""}, Text("")),
    ({"type": "text", "text": "Hi", "value": "hi"}, Text("Hi", "hi")),
    ({"type": "text", "text": "Hi", "className": "wide"}, Text("Hi", class_name="wide")),
    ({"type": "markdown", "markdown": "**Hi**"}, Markdown("**Hi**")),
    (
        {"type": "choice", "text": "Size?", "options": [{"label": "Small", "value": "s"}]},
        Choice("Size?", [Option("Small", "s")]),
    ),
    (
        {"type": "choice", "text": "Size?", "options": [], "disableFreeText": True},
        Choice("Size?", [], disable_free_text=True),
    ),
    (
        {
            "type": "dropdown",
            "text": "Size?",
            "options": [{"label": "S", "value": "s"}, {"label": "L", "value": "l"}],
            "disableFreeText": False,
        },
        Dropdown("Size?", [Option("S", "s"), Option("L", "l")], disable_free_text=False),
    ),
    ({"type": "image", "imageUrl": "http://x/i.png", "fileId": "file_1"}, Image("http://x/i.png", file_id="file_1")),
    ({"type": "audio", "audioUrl": "http://x/a.mp3"}, Audio("http://x/a.mp3")),
    ({"type": "video", "videoUrl": "http://x/v.mp4"}, Video("http://x/v.mp4")),
    ({"type": "file", "fileUrl": "http://x/f.pdf", "title": "Bill"}, File("http://x/f.pdf", "Bill")),
    (
        {"type": "location", "latitude": 48.2, "longitude": 16, "address": "Wien", "title": "Here"},
        Location(48.2, 16, "Wien", "Here"),
    ),
    (
        {
            "type": "card",
            "title": "Shoe",
            "subtitle": "Red",
            "imageUrl": "http://x/i.png",
            "actions": [{"action": "url", "label": "Look", "value": "http://x/"}],
        },
        Card("Shoe", "Red", "http://x/i.png", [Action("url", "Look", "http://x/")]),
    ),
    (
        {
            "type": "carousel",
            "items": [{"title": "A", "actions": []}, {"title": "B", "actions": [], "className": "b"}],
        },
        Carousel([Card("A"), Card("B", class_name="b")]),
    ),
    (
        {
            "type": "bloc",
            "items": [
                {"type": "text", "payload": {"text": "Hi"}},
                {"type": "image", "payload": {"imageUrl": "http://x/i.png"}},
                {"type": "poll", "payload": {"question": "Why?"}},
            ],
        },
        Bloc([Text("Hi"), Image("http://x/i.png"), Unknown("poll", {"type": "poll", "question": "Why?"})]),
    ),
    (
        {"type": "custom", "url": "http://x/w.js", "name": "Weather", "data": {"town": "Wien"}},
        Custom("http://x/w.js", "Weather", {"town": "Wien"}),
    ),
    ({"type": "custom", "url": "http://x/w.js", "name": "Weather"}, Custom("http://x/w.js", "Weather")),
    ({"type": "poll", "question": "Why?"}, Unknown("poll", {"type": "poll", "question": "Why?"})),
]


@pytest.mark.parametrize(("wire", "value"), WIRE_AND_VALUE)
def test_a_payload_is_read_and_written(wire: dict[str, Any], value: Any) -> None:
    assert parse_payload(wire) == value
    assert payload_to_wire(value) == wire


@pytest.mark.parametrize(
    "wire",
    [
        {
            "type": "choice",
            "text": "Size?",
            "options": [{"label": "S", "value": "s", "icon": "leaf"}],
            "later": {"deep": [1, None]},
        },
        {
            "type": "carousel",
            "items": [
                {"type": "card", "title": "A", "actions": [{"action": "dial", "label": "L", "value": "V", "x": 1}]}
            ],
        },
        {"type": "bloc", "items": [{"type": "text", "payload": {"text": "Hi", "later": 1}}], "className": "b"},
    ],
)
def test_unknown_fields_survive_a_round_trip(wire: dict[str, Any]) -> None:
    assert not isinstance(parse_payload(wire), Unknown)
    assert payload_to_wire(parse_payload(wire)) == wire


def test_the_sibling_api_has_a_blocs_fields_beside_the_type() -> None:
    assert parse_payload({"type": "bloc", "items": [{"type": "text", "text": "Hi"}, 7]}) == Bloc(
        [Text("Hi"), Unknown("", 7)]
    )


def test_null_counts_as_absent() -> None:
    assert parse_payload({"type": "choice", "text": "?", "options": [], "disableFreeText": None}) == Choice("?", [])


@pytest.mark.parametrize(
    "wire",
    [
        {"type": "text"},
        {"type": "text", "text": 7},
        {"type": "text", "text": None},
        {"type": "choice", "text": "?", "options": "all"},
        {"type": "choice", "text": "?", "options": ["all"]},
        {"type": "choice", "text": "?", "options": [{"label": "no value"}]},
        {"type": "choice", "text": "?", "options": [], "disableFreeText": "yes"},
        {"type": "image", "image": "http://x/i.png"},
        {"type": "location", "latitude": True, "longitude": 1},
        {"type": "card", "title": "no actions"},
        {"type": "card", "title": "odd action", "actions": [{"label": "L"}]},
        {"type": "carousel", "items": [{"title": "no actions"}]},
        {"type": "bloc", "items": {}},
        {"type": "text", "text": "Hi", "className": ["a"]},
    ],
)
def test_a_known_type_with_odd_fields_is_handed_on_as_unknown(wire: dict[str, Any]) -> None:
    assert parse_payload(wire) == Unknown(wire["type"], wire)


KNOWN = sorted({wire["type"] for wire, _ in WIRE_AND_VALUE} - {"poll"})
FIELDS = [
    "text",
    "options",
    "items",
    "actions",
    "title",
    "label",
    "value",
    "action",
    "payload",
    "url",
    "name",
    "latitude",
]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda value: (
        st.lists(value, max_size=3)
        | st.dictionaries(st.sampled_from(FIELDS), value, max_size=5)
        | st.fixed_dictionaries({"type": st.sampled_from([*KNOWN, "poll"]), "text": value, "items": value})
    ),
    max_leaves=10,
)


@given(ANYTHING)
def test_any_json_becomes_a_payload_that_can_be_sent_again(data: Any) -> None:
    payload = parse_payload(data)
    if isinstance(payload, Unknown):
        assert payload.data == data
    elif not (isinstance(payload, Bloc) or None in data.values()):
        assert payload_to_wire(payload) == data


@pytest.mark.parametrize("value", [None, 7, {"type": "text", "text": "a dict"}, ["Hi"], Option("a", "b")])
def test_what_is_no_payload_cannot_be_written(value: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        payload_to_wire(value)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (Text(7), "Text.text: expected str, got int"),
        (Text(None), "Text.text: expected str, got NoneType"),
        (Choice("?", "all"), "Choice.options: expected a list of Option"),
        (Choice("?", [{"label": "L", "value": "V"}]), "Choice.options: expected a list of Option"),
        (Card("T", actions=[Action("say", "L", 1)]), "Action.value: expected str, got int"),
        (Location("48", 16.0), "Location.latitude: expected float, got str"),
        (Bloc(["Hi"]), "not str"),
        (Bloc("Hi"), "Bloc.items: expected a list of payloads"),
    ],
)
def test_a_payload_with_odd_fields_is_not_written(value: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        payload_to_wire(value)


def test_an_unknown_payload_is_written_only_from_a_dict() -> None:
    assert payload_to_wire(Unknown("poll", {"question": "Why?"})) == {"type": "poll", "question": "Why?"}
    with pytest.raises(TypeError, match="dict"):
        payload_to_wire(Unknown("poll", ["Why?"]))
