"""Payloads: what a person can say and see, read from the wire and written to it."""

from __future__ import annotations

from dataclasses import replace
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
        {
            "type": "bloc",
            "items": [
                {"type": "text", "payload": {"text": "Hi", "later": 1}, "beside": {"deep": [None]}},
                {"type": "poll", "payload": {"question": "Why?"}, "beside": 1},
                {"type": "text", "payload": {"text": 7}, "beside": 1},
                {"type": "text", "payload": {"type": "text", "text": "Hi"}},
                {"type": "bloc", "payload": {"items": [{"type": "text", "payload": {"text": "Hi"}, "beside": 1}]}},
            ],
            "className": "b",
        },
    ],
)
def test_unknown_fields_survive_a_round_trip(wire: dict[str, Any]) -> None:
    assert not isinstance(parse_payload(wire), Unknown)
    assert payload_to_wire(parse_payload(wire)) == wire


def test_the_sibling_api_has_a_blocs_fields_beside_the_type() -> None:
    wire = {
        "type": "bloc",
        "items": [
            {"type": "text", "text": "Hi", "later": 1},
            {"type": "poll", "question": "Why?"},
            {"type": "text", "payload": 7},
            {"payload": {"text": "no type"}},
            {"type": "", "payload": {"text": "no type"}},
            7,
            None,
        ],
    }
    bloc = parse_payload(wire)
    assert bloc == Bloc(
        [
            Text("Hi", extra={"later": 1}),
            Unknown("poll", {"type": "poll", "question": "Why?"}),
            Unknown("text", {"type": "text", "payload": 7}),
            Unknown("", {"payload": {"text": "no type"}}),
            Unknown("", {"type": "", "payload": {"text": "no type"}}),
            Unknown("", 7),
            Unknown("", None),
        ]
    )
    assert payload_to_wire(bloc) == wire


def test_a_changed_item_of_a_bloc_keeps_the_form_that_it_came_in() -> None:
    items = [{"type": "text", "payload": {"text": "Hi"}, "beside": 1}, {"type": "text", "text": "Hi"}]
    bloc = parse_payload({"type": "bloc", "items": items})
    assert isinstance(bloc, Bloc)
    bloc.items = [replace(item, text="Bye") for item in bloc.items if isinstance(item, Text)]
    bloc.items.append(Text("made here"))
    assert payload_to_wire(bloc)["items"] == [
        {"type": "text", "payload": {"text": "Bye"}, "beside": 1},
        {"type": "text", "text": "Bye"},
        {"type": "text", "payload": {"text": "made here"}},
    ]


def test_a_card_needs_no_actions() -> None:
    card = {"type": "card", "title": "Shoe"}
    carousel = {"type": "carousel", "items": [{"title": "Shoe"}, {"title": "Hat", "actions": []}]}
    assert parse_payload(card) == Card("Shoe")
    assert parse_payload(carousel) == Carousel([Card("Shoe"), Card("Hat")])
    assert payload_to_wire(parse_payload(card)) == card
    assert payload_to_wire(parse_payload(carousel)) == carousel


def test_a_card_that_came_without_actions_can_get_some() -> None:
    card = parse_payload({"type": "card", "title": "Shoe"})
    assert isinstance(card, Card)
    card.actions.append(Action("say", "Buy", "buy"))
    assert payload_to_wire(card)["actions"] == [{"action": "say", "label": "Buy", "value": "buy"}]


def test_a_card_made_here_is_written_with_its_actions_for_the_server_wants_them() -> None:
    assert payload_to_wire(Card("Shoe")) == {"type": "card", "title": "Shoe", "actions": []}


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
        {"type": "card", "title": "odd actions", "actions": "all"},
        {"type": "card", "title": "odd action", "actions": [{"label": "L"}]},
        {"type": "carousel", "items": [{"subtitle": "no title"}]},
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
        | st.fixed_dictionaries({"type": st.sampled_from([*KNOWN, "poll"]), "payload": value}, optional={"text": value})
    ),
    max_leaves=10,
)
ANY_BLOC = st.fixed_dictionaries({"type": st.just("bloc"), "items": st.lists(ANYTHING, max_size=3)})


def without_nulls(data: Any) -> Any:
    """A field that is null counts as absent, and is not written."""
    if isinstance(data, dict):
        return {key: without_nulls(value) for key, value in data.items() if value is not None}
    return [without_nulls(value) for value in data] if isinstance(data, list) else data


@given(ANYTHING | ANY_BLOC)
def test_any_json_becomes_a_payload_that_can_be_sent_again(data: Any) -> None:
    payload = parse_payload(data)
    if isinstance(payload, Unknown):
        assert payload.data == data
    if not isinstance(payload, Unknown) or isinstance(data, dict):
        assert without_nulls(payload_to_wire(payload)) == without_nulls(data)


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
    assert payload_to_wire(Bloc([Unknown("poll", {"question": "Why?"})])) == {
        "type": "bloc",
        "items": [{"type": "poll", "payload": {"question": "Why?"}}],
    }
    with pytest.raises(TypeError, match="dict"):
        payload_to_wire(Unknown("poll", ["Why?"]))


@pytest.mark.parametrize("wire", [{"question": "Why?"}, {"type": "", "question": "Why?"}, {"type": 7}, {"type": None}])
def test_what_came_without_a_type_is_written_without_one(wire: dict[str, Any]) -> None:
    assert parse_payload(wire) == Unknown("", wire)
    assert payload_to_wire(parse_payload(wire)) == wire
