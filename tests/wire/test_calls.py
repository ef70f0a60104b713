"""What is sent, as JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest

from webchat_py.wire.calls import MAX_SENT_DEPTH, encode
from webchat_py.wire.untrusted import loads


def nested(depth: int, kind: type) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value} if kind is dict else kind([value])
    return value


@pytest.mark.parametrize("kind", [dict, list, tuple])
def test_what_is_sent_can_be_read_back(kind: type) -> None:
    deepest = nested(MAX_SENT_DEPTH, kind)
    assert loads(encode(deepest)) == json.loads(json.dumps(deepest))
    with pytest.raises(ValueError, match="nested too deeply"):
        encode(nested(MAX_SENT_DEPTH + 1, kind))


def test_what_contains_itself_has_no_end() -> None:
    value: list[Any] = []
    value += [value, value]
    with pytest.raises(ValueError, match="nested too deeply"):
        encode(value)


def test_the_same_in_many_places_is_not_nested() -> None:
    leaf = {"a": 1}
    assert loads(encode([leaf] * 1000)) == [leaf] * 1000


def test_letters_take_no_more_bytes_than_they_need() -> None:
    assert encode("Привет 👋") == '"Привет 👋"'
    assert encode("half of one: \ud83d") == '"half of one: \\ud83d"'
