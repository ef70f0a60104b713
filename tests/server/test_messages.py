from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.server.conftest import MakePerson, error_of
from tests.server.people import TEXT, Person

_ACTION = {"action": "url", "label": "Go", "value": "https://example.org"}
_OPTION = {"label": "Small", "value": "s"}
_CARD = {"title": "T", "subtitle": "", "imageUrl": "", "actions": [_ACTION], "className": "big"}

GOOD: list[dict[str, Any]] = [
    TEXT,
    {"type": "text", "text": "Yes", "value": "yes", "className": "x", "more": {"a": [1, None, 2.5]}},
    {"type": "markdown", "markdown": "*x*"},
    {"type": "image", "imageUrl": "https://example.org/a.png", "fileId": "f"},
    {"type": "audio", "audioUrl": "/a.mp3"},
    {"type": "video", "videoUrl": "/a.mp4"},
    {"type": "file", "fileUrl": "/a.pdf", "title": "A"},
    {"type": "location", "latitude": 1, "longitude": -0.5, "address": "", "title": ""},
    {"type": "card", **_CARD},
    {"type": "card", "title": "T", "actions": []},
    {"type": "carousel", "items": [_CARD, {"title": "U", "actions": []}]},
    {"type": "carousel", "items": []},
    {"type": "choice", "text": "", "options": [_OPTION], "disableFreeText": True},
    {"type": "dropdown", "text": "Size?", "options": [], "disableFreeText": False},
    {"type": "bloc", "items": [{"type": "text", "payload": {"text": "x"}}]},
    {"type": "custom", "url": "/x.js", "name": "X", "data": 0},
    {"type": "poll", "question": 7},
    {"type": "text", "text": "NUL \0, astral 😀, U+2028 \u2028, \r\n"},
]

BAD: list[tuple[Any, str]] = [
    (None, "payload"),
    ("hello", "payload"),
    ([], "payload"),
    ({}, "payload.type"),
    ({"type": ""}, "payload.type"),
    ({"type": 1}, "payload.type"),
    ({"type": "text"}, "payload.text"),
    ({"type": "text", "text": ""}, "payload.text"),
    ({"type": "text", "text": None}, "payload.text"),
    ({"type": "text", "text": {"a": 1}}, "payload.text"),
    ({"type": "text", "text": "x", "value": 1}, "payload.value"),
    ({"type": "poll", "className": 1}, "payload.className"),
    ({"type": "markdown", "markdown": ""}, "payload.markdown"),
    ({"type": "image"}, "payload.imageUrl"),
    ({"type": "audio", "audioUrl": ""}, "payload.audioUrl"),
    ({"type": "video", "videoUrl": 1}, "payload.videoUrl"),
    ({"type": "file", "fileUrl": "x", "title": ""}, "payload.title"),
    ({"type": "file", "fileUrl": "x", "title": None}, "payload.title"),
    ({"type": "location", "latitude": "1", "longitude": 2}, "payload.latitude"),
    ({"type": "location", "latitude": True, "longitude": 2}, "payload.latitude"),
    ({"type": "location", "latitude": 1}, "payload.longitude"),
    ({"type": "card", "title": "x"}, "payload.actions"),
    ({"type": "card", "title": "x", "actions": {}}, "payload.actions"),
    ({"type": "card", "title": "x", "actions": [{**_ACTION, "action": "buy"}]}, "payload.actions[0].action"),
    ({"type": "card", "title": "x", "actions": [{**_ACTION, "action": []}]}, "payload.actions[0].action"),
    ({"type": "carousel", "items": [_CARD, {"title": "", "actions": []}]}, "payload.items[1].title"),
    ({"type": "choice", "text": "x", "options": [_OPTION, {"label": "y"}]}, "payload.options[1].value"),
    ({"type": "choice", "text": "x", "options": ["y"]}, "payload.options[0]"),
    ({"type": "choice", "text": "x", "options": [], "disableFreeText": 1}, "payload.disableFreeText"),
    ({"type": "dropdown", "options": []}, "payload.text"),
    ({"type": "bloc", "items": [{"type": "text"}]}, "payload.items[0].payload"),
    ({"type": "custom", "name": "x"}, "payload.url"),
]


@pytest.mark.parametrize("payload", GOOD, ids=lambda payload: str(payload["type"]))
def test_a_payload_is_kept_as_it_was_sent(ann: Person, conversation: str, payload: dict[str, Any]) -> None:
    with ann.listening(conversation) as stream:
        response = ann.post("/messages", {"conversationId": conversation, "payload": payload})
        assert response.status_code == 201
        message = response.json()["message"]
        assert stream.message() == message
    assert set(message) == {"id", "createdAt", "userId", "conversationId", "payload"}
    assert (message["userId"], message["conversationId"], message["payload"]) == (ann.id, conversation, payload)
    assert ann.get(f"/messages/{message['id']}").json() == {"message": message}
    assert message in ann.history(conversation)


@pytest.mark.parametrize(("payload", "field"), BAD, ids=lambda value: value if isinstance(value, str) else "")
def test_a_wrong_payload_is_refused_by_the_name_of_its_field(
    ann: Person, conversation: str, payload: Any, field: str
) -> None:
    response = ann.post("/messages", {"conversationId": conversation, "payload": payload})
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith(f"{field} ")
    assert ann.history(conversation) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"conversationId": None}, "conversationId"),
        ({"conversationId": ""}, "conversationId"),
        ({"conversationId": {}}, "conversationId"),
        ({"metadata": 1}, "metadata"),
        ({"metadata": None}, "metadata"),
        ({"metadata": {"clientMessageId": 1}}, "metadata.clientMessageId"),
        ({"metadata": {"clientMessageId": ""}}, "metadata.clientMessageId"),
        ({"replyTo": 1}, "replyTo"),
    ],
)
def test_other_wrong_fields_are_named_too(ann: Person, conversation: str, fields: dict[str, Any], field: str) -> None:
    response = ann.post("/messages", {"conversationId": conversation, "payload": TEXT, **fields})
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith(f"{field} ")


def test_a_message_to_nowhere_is_not_found(ann: Person) -> None:
    response = ann.post("/messages", {"conversationId": "conv_0", "payload": TEXT})
    assert error_of(response) == (404, "ResourceNotFound")
    assert error_of(ann.get("/messages/msg_0")) == (404, "ResourceNotFound")


def test_metadata_and_reply_come_back_everywhere(ann: Person, conversation: str) -> None:
    first = ann.say(conversation, "nothing")
    assert "metadata" not in first
    assert "replyTo" not in first
    with ann.listening(conversation) as stream:
        answer = ann.say(conversation, "nothing", metadata={"a": {"b": [1]}}, replyTo=first["id"])
        assert (answer["metadata"], answer["replyTo"]) == ({"a": {"b": [1]}}, first["id"])
        assert stream.message() == answer
    assert ann.history(conversation) == [answer, first]


def test_a_reply_is_to_a_message_of_the_same_conversation(ann: Person, conversation: str) -> None:
    elsewhere = ann.say(ann.conversation(), "nothing")["id"]
    for reply_to in ("msg_0", elsewhere):
        body = {"conversationId": conversation, "payload": TEXT, "replyTo": reply_to}
        assert error_of(ann.post("/messages", body)) == (400, "ReferenceNotFound")


def test_only_its_author_deletes_a_message(person: MakePerson) -> None:
    ann, ben = person(), person()
    conversation = ann.conversation()
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id})
    message = ben.say(conversation, "nothing")["id"]
    assert error_of(ann.delete(f"/messages/{message}")) == (403, "Forbidden")
    assert ann.get(f"/messages/{message}").status_code == 200
    assert ben.delete(f"/messages/{message}").json() == {}
    assert error_of(ben.get(f"/messages/{message}")) == (404, "ResourceNotFound")
    assert error_of(ben.delete(f"/messages/{message}")) == (404, "ResourceNotFound")
    assert ann.history(conversation) == []


# --- paging -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 10, 12])
def test_messages_are_listed_newest_first_in_pages(ann: Person, conversation: str, count: int) -> None:
    said = [ann.say(conversation, "nothing")["id"] for _ in range(count)]
    assert [message["id"] for message in ann.history(conversation)] == said[::-1]


def test_a_page_without_a_next_one_has_no_token(ann: Person, conversation: str) -> None:
    for _ in range(5):
        ann.say(conversation, "nothing")
    page = ann.get(f"/conversations/{conversation}/messages").json()
    assert len(page["messages"]) == 5
    assert page["meta"] == {}


def test_paging_goes_on_where_it_was_while_messages_arrive_and_vanish(ann: Person, conversation: str) -> None:
    path = f"/conversations/{conversation}/messages"
    said = [ann.say(conversation, "nothing")["id"] for _ in range(12)]
    seen: list[str] = []
    query: dict[str, str] | None = {}
    while query is not None:
        page = ann.get(path, params=query).json()
        seen += [message["id"] for message in page["messages"]]
        for _ in range(3):
            ann.say(conversation, "nothing")
        ann.delete(f"/messages/{seen[-1]}")  # the very entry from which the next page goes on
        query = page["meta"] or None
    assert seen == said[::-1]


@pytest.mark.parametrize("token", ["x", "!", "0", "%00", "é", "A" * 1000, "AAAA AAAA", "-1"])
def test_a_token_that_is_none_is_refused_or_harmless(ann: Person, conversation: str, token: str) -> None:
    said = ann.say(conversation, "nothing")
    response = ann.get(f"/conversations/{conversation}/messages", params={"nextToken": token})
    if response.status_code == 200:
        assert response.json()["messages"] in ([], [said])
    else:
        assert error_of(response) == (400, "InvalidQuery")


def test_an_empty_token_is_no_token(ann: Person, conversation: str) -> None:
    said = ann.say(conversation, "nothing")
    assert ann.get(f"/conversations/{conversation}/messages?nextToken=").json()["messages"] == [said]


def test_a_token_says_nothing_to_its_reader(ann: Person, conversation: str) -> None:
    said = [ann.say(conversation, "nothing") for _ in range(6)]
    token = ann.get(f"/conversations/{conversation}/messages").json()["meta"]["nextToken"]
    assert all(message["id"] not in token for message in said)


# --- once only --------------------------------------------------------------------------------------------------


def test_a_message_sent_again_is_the_one_that_was_stored(ann: Person, conversation: str) -> None:
    metadata = {"clientMessageId": secrets.token_hex(8)}
    first = ann.say(conversation, "once", metadata=metadata)
    with ann.listening(conversation) as stream:
        assert ann.say(conversation, "another text", metadata=metadata) == first
        last = ann.say(conversation, "nothing")
        while (message := stream.message())["userId"] == "bot":
            pass
        assert message == last, "the repeated message was published again"
    own = [message for message in ann.history(conversation) if message["userId"] == ann.id]
    assert own == [last, first]


def test_the_bot_hears_a_repeated_message_once(ann: Person, conversation: str) -> None:
    metadata = {"clientMessageId": secrets.token_hex(8)}
    with ann.listening(conversation) as stream:
        for _ in range(3):
            ann.say(conversation, "once", metadata=metadata)
        ann.say(conversation, "last")
        assert stream.from_bot()["payload"]["text"] == "echo: once"
        assert stream.from_bot()["payload"]["text"] == "echo: last"


def test_a_message_sent_twice_at_the_same_time_is_stored_once(ann: Person, conversation: str) -> None:
    def send(client_message_id: str) -> str:
        metadata = {"clientMessageId": client_message_id}
        return str(ann.say(conversation, "nothing", metadata=metadata)["id"])

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(send, ["a", "b", "c", "d"] * 6))
    assert len(set(ids)) == 4
    assert sorted(message["id"] for message in ann.history(conversation)) == sorted(set(ids))


def test_the_same_id_of_two_users_is_two_messages(person: MakePerson) -> None:
    ann, ben = person(), person()
    metadata = {"clientMessageId": "1"}
    messages = [one.say(one.conversation(), "nothing", metadata=metadata) for one in (ann, ben)]
    assert messages[0]["id"] != messages[1]["id"]


def test_messages_of_many_at_once_are_published_in_the_order_of_the_history(person: MakePerson) -> None:
    ann = person()
    conversation = ann.conversation()
    with ann.listening(conversation) as stream, ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: ann.say(conversation, "nothing"), range(40)))
        heard = [stream.message()["id"] for _ in range(40)]
    assert heard == [message["id"] for message in reversed(ann.history(conversation))]
