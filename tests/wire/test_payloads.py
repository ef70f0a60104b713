"""Payloads: what a person can say and see, read from the wire and written to it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_py.wire.payloads import Choice, Markdown, Option, Text, Unknown, parse_payload, payload_to_wire

WIRE_AND_VALUE = [
    ({"type": "text", "text": "Hi"}, Text("Hi")),
    ({"type": "text", "text": ""}, Text("")),
    ({"type": "text", "text": "Hi", "value": "hi"}, Text("Hi", extra={"value": "hi"})),
    ({"type": "markdown", "markdown": "**Hi**"}, Markdown("**Hi**")),
    (
        {"type": "choice", "text": "Size?", "options": [{"label": "Small", "value": "s"}]},
        Choice("Size?", [Option("Small", "s")]),
    ),
    (
        {"type": "choice", "text": "Size?", "options": [], "disableFreeText": True},
        Choice("Size?", [], disable_free_text=True),
    ),
    ({"type": "poll", "question": "Why?"}, Unknown("poll", {"type": "poll", "question": "Why?"})),
]


@pytest.mark.parametrize(("wire", "value"), WIRE_AND_VALUE)
def test_a_payload_is_read_and_written(wire: dict[str, Any], value: Any) -> None:
    assert parse_payload(wire) == value
    assert payload_to_wire(value) == wire


def test_unknown_fields_survive_a_round_trip() -> None:
    wire = {
        "type": "choice",
        "text": "Size?",
        "options": [{"label": "S", "value": "s", "icon": "leaf"}],
        "className": "wide",
        "later": {"deep": [1, None]},
    }
    assert payload_to_wire(parse_payload(wire)) == wire


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
    ],
)
def test_a_known_type_with_odd_fields_is_handed_on_as_unknown(wire: dict[str, Any]) -> None:
    assert parse_payload(wire) == Unknown(wire["type"], wire)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda v: st.lists(v) | st.dictionaries(st.text(), v)
    )
)
def test_any_json_becomes_a_payload(data: Any) -> None:
    payload = parse_payload(data)
    if not (isinstance(data, dict) and data.get("type") in ("text", "markdown", "choice")):
        assert isinstance(payload, Unknown)
        assert payload.data == data


@pytest.mark.parametrize("value", [None, 7, {"type": "text", "text": "a dict"}, ["Hi"], Option("a", "b")])
def test_what_is_no_payload_cannot_be_written(value: Any) -> None:
    with pytest.raises(TypeError, match=f"not {type(value).__name__}"):
        payload_to_wire(value)


def test_an_unknown_payload_is_written_only_from_a_dict() -> None:
    assert payload_to_wire(Unknown("poll", {"question": "Why?"})) == {"type": "poll", "question": "Why?"}
    with pytest.raises(TypeError, match="dict"):
        payload_to_wire(Unknown("poll", ["Why?"]))
