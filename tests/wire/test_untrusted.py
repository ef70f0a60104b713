"""JSON from strangers: whatever json.loads reads is read, but nothing that could overflow the interpreter's stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_py.wire.untrusted import MAX_DEPTH, loads

DEEP = "nested deeper than 256"


def nested(depth: int, inner: str = "1") -> str:
    return '[{"a":' * (depth // 2) + "[" * (depth % 2) + inner + "]" * (depth % 2) + "}]" * (depth // 2)


@pytest.mark.parametrize("depth", [1, 2, 255, MAX_DEPTH])
def test_reasonable_nesting_is_read(depth: int) -> None:
    assert loads(nested(depth)) == json.loads(nested(depth))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 2, 1000, 100_000])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda depth: nested(depth), id="whole"),
        pytest.param(lambda depth: nested(depth, '"]]}}\\"]]}}\\\\"'), id="closing brackets in a string"),
        pytest.param(lambda depth: "[" * depth, id="never closed"),
        pytest.param(lambda depth: "[[]," * depth, id="never closed, with pairs between"),
        pytest.param(lambda depth: '["]]]]",' * depth, id="never closed, with closing strings between"),
        pytest.param(lambda depth: '{"\\\\":' * depth, id="keys that end in a backslash"),
        pytest.param(lambda depth: "[" * depth + '"', id="an open string at the end"),
        pytest.param(lambda depth: f"[{nested(3)},{nested(depth - 1)},{'[1],' * 300}0]", id="in the middle"),
    ],
)
def test_deep_nesting_is_refused(text: Any, depth: int) -> None:
    with pytest.raises(ValueError, match=DEEP):
        loads(text(depth))


def test_many_brackets_that_are_not_nested_are_read() -> None:
    value = {"messages": [{"id": str(n), "payload": {"text": '[{"\\'}, "list": [[], {}]} for n in range(5000)]}
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps("[" * 5000)) == "[" * 5000
    assert loads(json.dumps(['\\"[' * 100, "\\", {"[": "]"}] * 100)) == ['\\"[' * 100, "\\", {"[": "]"}] * 100


@given(
    st.recursive(
        st.none() | st.text('[]{}\\"a, ', max_size=8),
        lambda value: st.lists(value) | st.dictionaries(st.text('[]{}\\"', max_size=4), value),
    )
)
def test_every_shallow_value_is_read(value: Any) -> None:
    # So many brackets that they are looked at one by one.
    assert loads(json.dumps([value, [[]] * 300]))[0] == value


@pytest.mark.parametrize("text", ["", "nope", "[1", "9" * 5000, '{"a":}', "}" * 600 + "[" * 300])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own messages
        loads(text)
