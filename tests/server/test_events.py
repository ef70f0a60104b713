from __future__ import annotations

from typing import Any

import pytest

from tests.server.conftest import error_of
from tests.server.people import Person


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "custom", "data": {"action": "checkout", "items": [1, {}]}, "more": True},
        {"type": "something_newer", "value": 1},
    ],
)
def test_an_event_is_kept_and_reaches_the_bot(ann: Person, conversation: str, payload: dict[str, Any]) -> None:
    with ann.listening(conversation) as stream:
        response = ann.post("/events", {"conversationId": conversation, "payload": payload})
        assert response.status_code == 201
        heard = stream.message()
    event = response.json()["event"]
    assert set(event) == {"id", "createdAt", "userId", "conversationId", "payload"}
    assert (event["userId"], event["conversationId"], event["payload"]) == (ann.id, conversation, payload)
    assert ann.get(f"/events/{event['id']}").json() == {"event": event}
    assert heard["payload"]["text"] == f"event {payload['type']} {payload.get('data', {})}"
    assert heard["userId"] == "bot"


def test_a_conversation_starts_once(ann: Person, conversation: str) -> None:
    body = {"conversationId": conversation, "payload": {"type": "conversation_started", "data": {"from": "test"}}}
    with ann.listening(conversation) as stream:
        for is_initial in (True, False, False):
            event = ann.post("/events", body).json()["event"]
            expected = {"from": "test", "status": {"isInitial": is_initial}}
            assert event["payload"] == {"type": "conversation_started", "data": expected}
            assert ann.get(f"/events/{event['id']}").json()["event"] == event
            assert stream.message()["payload"]["text"] == f"event conversation_started {expected}"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "conversationId"),
        ({"conversationId": "c"}, "payload"),
        ({"conversationId": "c", "payload": {"data": {}}}, "payload.type"),
        ({"conversationId": "c", "payload": {"type": "custom"}}, "payload.data"),
        ({"conversationId": "c", "payload": {"type": "custom", "data": []}}, "payload.data"),
        ({"conversationId": "c", "payload": {"type": "conversation_started", "data": "x"}}, "payload.data"),
        ({"conversationId": "c", "payload": {"type": "x"}, "bindConversation": 1}, "bindConversation"),
        ({"conversationId": "c", "payload": {"type": "x"}, "bindUser": "no"}, "bindUser"),
    ],
)
def test_a_wrong_event_is_refused_by_the_name_of_its_field(ann: Person, body: dict[str, Any], field: str) -> None:
    response = ann.post("/events", body)
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith(f"{field} ")


def test_an_event_of_nowhere_is_not_found(ann: Person) -> None:
    body = {"conversationId": "conv_0", "payload": {"type": "custom", "data": {}}}
    assert error_of(ann.post("/events", body)) == (404, "ResourceNotFound")
    assert error_of(ann.get("/events/event_0")) == (404, "ResourceNotFound")
