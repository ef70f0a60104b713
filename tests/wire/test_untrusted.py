"""JSON from strangers: whatever json.loads reads is read, but for what could overflow the interpreter's stack."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webchat_py.wire.untrusted import MAX_DEPTH, loads


def nested(depth: int, inner: str = "1") -> str:
    return '[{"a":' * (depth // 2) + "[" * (depth % 2) + inner + "]" * (depth % 2) + "}]" * (depth // 2)


@pytest.mark.parametrize("depth", [1, 2, 255, MAX_DEPTH])
def test_reasonable_nesting_is_read(depth: int) -> None:
    assert loads(nested(depth)) == json.loads(nested(depth))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 2, 1000, 100_000])
@pytest.mark.parametrize(
    "text",
    [
        pytest.param(lambda depth: "[" * depth, id="never closed"),
        pytest.param(lambda depth: "[[]," * depth, id="never closed, with pairs between"),
        pytest.param(lambda depth: '["]]]]",' * depth, id="never closed, with closing strings between"),
        pytest.param(lambda depth: '{"\\\\":' * depth, id="keys that end in a backslash"),
        pytest.param(lambda depth: "[" * depth + '"', id="an open string at the end"),
        pytest.param(lambda depth: "[" * depth + '"' + '\\"' * depth, id="an open string of quotes at the end"),
        pytest.param(lambda depth: "[" * depth + '"' + '\\"' * depth + "\\", id="and a backslash"),
        pytest.param(lambda depth: "[" * depth + "]" * (depth - 1), id="not closed at the end"),
    ],
)
def test_deep_nesting_that_is_no_json_is_refused(text: Any, depth: int) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own messages
        loads(text(depth))


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, MAX_DEPTH + 2, 1000, 100_000])
@pytest.mark.parametrize("inner", ["1", '"]]}}\\"]]}}\\\\"', '[],{"a":[[]]},[[1]]', '"[["'])
def test_what_is_nested_too_deeply_is_left_out(depth: int, inner: str) -> None:
    """What is around it is not: a message before and behind it would be lost."""
    cut = json.loads(nested(MAX_DEPTH - 1, "null"))
    text = f'{{"before":[1,"]"],"deep":{nested(depth, inner)},"behind":{{"a":{nested(3)}}},"again":{nested(depth)}}}'
    assert loads(text) == {"before": [1, "]"], "deep": cut, "behind": {"a": json.loads(nested(3))}, "again": cut}


def test_many_brackets_that_are_not_nested_are_read() -> None:
    value = {"messages": [{"id": str(n), "payload": {"text": '[{"\\'}, "list": [[], {}]} for n in range(5000)]}
    assert loads(json.dumps(value)) == value
    assert loads(json.dumps("[" * 5000)) == "[" * 5000
    assert loads(json.dumps(['\\"[' * 100, "\\", {"[": "]"}] * 100)) == ['\\"[' * 100, "\\", {"[": "]"}] * 100


ANY = st.recursive(
    st.none() | st.text('[]{}\\"a, ', max_size=8),
    lambda value: st.lists(value) | st.dictionaries(st.text('[]{}\\"', max_size=4), value),
)


@given(ANY)
def test_every_shallow_value_is_read(value: Any) -> None:
    # So many brackets that they are looked at one by one.
    assert loads(json.dumps([value, [[]] * 300]))[0] == value


@settings(max_examples=50)
@given(ANY, ANY, st.integers(MAX_DEPTH - 5, MAX_DEPTH + 5))
def test_of_every_deep_value_the_upper_levels_are_read(inner: Any, beside: Any, depth: int) -> None:
    value = inner
    for _ in range(depth):
        value = [beside, {"a": value}, beside] if depth % 2 else [value, beside]
    text = json.dumps(value) if depth % 3 else json.dumps(value, indent=1)
    assert loads(text) == _cut(json.loads(text), MAX_DEPTH)


def _cut(value: Any, levels: int) -> Any:
    if not isinstance(value, list | dict):
        return value
    if levels == 0:
        return None
    if isinstance(value, list):
        return [_cut(item, levels - 1) for item in value]
    return {key: _cut(item, levels - 1) for key, item in value.items()}


@pytest.mark.parametrize("text", ["", "nope", "[1", "9" * 5000, '{"a":}', "}" * 600 + "[" * 300])
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own messages
        loads(text)
