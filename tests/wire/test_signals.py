"""Signals: what one event of the stream means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_py.wire.models import Message, Typing, User, parse_date
from webchat_py.wire.payloads import Text, Unknown
from webchat_py.wire.signals import Happened, MessageCreated, TypingChanged, UnknownSignal, parse_signal

MESSAGE = {
    "id": "msg_02",
    "createdAt": "2025-01-05T10:00:03.000Z",
    "userId": "bot_01",
    "conversationId": "conv_01",
    "payload": {"type": "text", "text": "On its way"},
}


def signal(kind: str, data: Any) -> str:
    return json.dumps({"type": kind, "data": data})


def test_message_created() -> None:
    metadata = {"clientMessageId": "c1", "shop": 7}
    data = {**MESSAGE, "metadata": metadata, "replyTo": "msg_01", "feedback": {"value": "positive"}}
    assert parse_signal(signal("message_created", data)) == MessageCreated(
        Message(
            id="msg_02",
            conversation_id="conv_01",
            author_id="bot_01",
            sent_on=datetime(2025, 1, 5, 10, 0, 3, tzinfo=UTC),
            payload=Text("On its way"),
            metadata=metadata,
            reply_to="msg_01",
            client_id="c1",
            feedback={"value": "positive"},
        )
    )


def test_a_message_with_an_unknown_payload_is_still_a_message() -> None:
    payload = {"type": "poll", "question": "Why?"}
    parsed = parse_signal(signal("message_created", {**MESSAGE, "payload": payload}))
    assert isinstance(parsed, MessageCreated)
    assert parsed.message.payload == Unknown("poll", payload)


@pytest.mark.parametrize("missing", ["id", "userId", "conversationId"])
def test_a_message_that_says_not_whose_it_is_is_handed_on_as_it_came(missing: str) -> None:
    data = {key: value for key, value in MESSAGE.items() if key != missing}
    assert parse_signal(signal("message_created", data)) == UnknownSignal("message_created", data)


@pytest.mark.parametrize(
    ("data", "seconds"),
    [
        ({"timeout": 4000}, 4.0),
        ({"timeout": 250.5}, 0.2505),
        ({}, 5.0),
        (None, 5.0),
        ({"timeout": "soon"}, 5.0),
        ({"timeout": True}, 5.0),
        ({"timeout": -1}, 0.0),
        ({"timeout": 10**400}, 60.0),
        ({"timeout": float("nan")}, 60.0),
    ],
)
def test_typing_started_is_in_seconds_and_ends(data: Any, seconds: float) -> None:
    assert parse_signal(signal("typing_started", data)) == TypingChanged(Typing(is_typing=True, timeout=seconds))


@pytest.mark.parametrize("data", [{}, None, {"extra": 1}])
def test_typing_stopped(data: Any) -> None:
    assert parse_signal(signal("typing_stopped", data)) == TypingChanged(Typing(is_typing=False, timeout=0.0))


@pytest.mark.parametrize(
    ("kind", "data", "event", "value"),
    [
        ("webchat_visibility", {"visibility": "toggle"}, "webchat_visibility", "toggle"),
        ("webchat_config", {"config": {"botName": "Ada"}}, "webchat_config", {"botName": "Ada"}),
        ("custom", {"event": {"action": "checkout"}}, "custom_event", {"action": "checkout"}),
        (
            "participant_added",
            {"conversationId": "conv_01", "participant": {"id": "user_02", "name": "Bob"}},
            "participant_added",
            User("user_02", "Bob"),
        ),
        ("participant_removed", {"conversationId": "conv_01", "participantId": "u"}, "participant_removed", "u"),
    ],
)
def test_signals_that_are_events(kind: str, data: Any, event: str, value: Any) -> None:
    parsed = parse_signal(signal(kind, data))
    assert isinstance(parsed, Happened)
    assert (parsed.event, parsed.value) == (event, value)
    assert parsed.conversation_id == data.get("conversationId")


def test_message_updated() -> None:
    parsed = parse_signal(signal("message_updated", MESSAGE))
    assert isinstance(parsed, Happened)
    assert (parsed.event, parsed.value.id, parsed.conversation_id) == ("message_updated", "msg_02", "conv_01")


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("webchat_visibility", {"visibility": "explode"}),
        ("webchat_visibility", {"visibility": ["show"]}),
        ("webchat_config", {"config": ["no object"]}),
        ("custom", {"event": "no object"}),
        ("custom", None),
        ("participant_added", {"participant": {"name": "no id"}}),
        ("participant_removed", {}),
        ("message_updated", {"id": "m"}),
    ],
)
def test_signals_that_do_not_fit_are_handed_on_as_they_came(kind: str, data: Any) -> None:
    assert parse_signal(signal(kind, data)) == UnknownSignal(kind, data)


def test_the_keep_alive_means_nothing() -> None:
    assert parse_signal("ping") is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (signal("confetti", {"n": 3}), UnknownSignal("confetti", {"n": 3})),
        ("not json", UnknownSignal("", "not json")),
        ("", UnknownSignal("", "")),
        ("[1]", UnknownSignal("", [1])),
        ('{"type": 5}', UnknownSignal("", {"type": 5})),
        pytest.param("[" * 100_000, UnknownSignal("", "[" * 100_000), id="nested deeper than the stack"),
        pytest.param("9" * 5000, UnknownSignal("", "9" * 5000), id="longer than an int may be"),
    ],
)
def test_what_means_nothing_here_is_handed_on_as_it_came(text: str, expected: UnknownSignal) -> None:
    assert parse_signal(text) == expected


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda v: (
            st.lists(v)
            | st.dictionaries(
                st.sampled_from(["type", "data", "id", "userId", "timeout", "payload", "conversationId"]), v
            )
        ),
    ).map(json.dumps)
)
def test_nothing_that_a_server_says_raises(text: str) -> None:
    parse_signal(text)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("2025-01-05T10:00:03Z", datetime(2025, 1, 5, 10, 0, 3, tzinfo=UTC)),
        ("2025-01-05T10:00:03.1Z", datetime(2025, 1, 5, 10, 0, 3, 100_000, tzinfo=UTC)),
        ("2025-01-05T10:00:03.123456789Z", datetime(2025, 1, 5, 10, 0, 3, 123_456, tzinfo=UTC)),
        ("2025-01-05T12:00:03+02:00", datetime(2025, 1, 5, 12, 0, 3, tzinfo=timezone(timedelta(hours=2)))),
        ("2025-01-05T10:00:03", datetime(2025, 1, 5, 10, 0, 3, tzinfo=UTC)),
        ("2025-01-05", datetime(2025, 1, 5, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        (7, None),
        (None, None),
    ],
)
def test_dates_of_any_form(text: Any, date: datetime | None) -> None:
    assert parse_date(text) == date
