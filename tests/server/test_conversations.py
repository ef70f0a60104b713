from __future__ import annotations

import sqlite3
from contextlib import closing

import httpx
import pytest

from tests.server.conftest import MakePerson, error_of
from tests.server.people import TEXT, Person
from tests.support.server import WebchatServer


def test_a_conversation_is_made_and_read(ann: Person) -> None:
    response = ann.post("/conversations")
    assert response.status_code == 201
    conversation = response.json()["conversation"]
    assert set(conversation) == {"id", "createdAt", "updatedAt"}
    assert ann.get(f"/conversations/{conversation['id']}").json() == {"conversation": conversation}


def test_a_message_moves_the_conversations_time(ann: Person, conversation: str) -> None:
    message = ann.say(conversation, "nothing")
    assert ann.get(f"/conversations/{conversation}").json()["conversation"]["updatedAt"] == message["createdAt"]


def test_conversations_are_listed_newest_first_in_pages(ann: Person) -> None:
    made = [ann.conversation() for _ in range(7)]
    first = ann.get("/conversations").json()
    assert [item["id"] for item in first["conversations"]] == made[:1:-1]
    second = ann.get("/conversations", params=first["meta"]).json()
    assert [item["id"] for item in second["conversations"]] == made[1::-1]
    assert second["meta"] == {}


def test_a_list_holds_ones_own_conversations_only(person: MakePerson) -> None:
    ann, ben = person(), person()
    conversation = ann.conversation()
    assert ben.get("/conversations").json() == {"conversations": [], "meta": {}}
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id})
    assert [item["id"] for item in ben.get("/conversations").json()["conversations"]] == [conversation]


def test_a_deleted_conversation_is_gone_with_all_that_is_in_it(
    server: WebchatServer, ann: Person, conversation: str
) -> None:
    message = ann.say(conversation, "nothing")
    event = ann.post("/events", {"conversationId": conversation, "payload": {"type": "custom", "data": {}}}).json()
    with ann.listening(conversation) as stream:
        response = ann.delete(f"/conversations/{conversation}")
        assert (response.status_code, response.json()) == (200, {})
        assert stream.ends()
    for path in (
        f"/conversations/{conversation}",
        f"/conversations/{conversation}/messages",
        f"/conversations/{conversation}/listen",
        f"/messages/{message['id']}",
        f"/events/{event['event']['id']}",
    ):
        assert error_of(ann.get(path)) == (404, "ResourceNotFound")
    assert ann.get("/conversations").json()["conversations"] == []
    with closing(sqlite3.connect(server.data / "webchat.sqlite3")) as database:
        for table in ("messages", "events", "participants"):
            sql = f"SELECT * FROM {table} WHERE conversation_id = ?"
            assert database.execute(sql, (conversation,)).fetchall() == [], "it was only hidden"


@pytest.mark.parametrize("path", ["", "/messages", "/listen", "/participants", "/participants/x"])
@pytest.mark.parametrize("id", ["nope", "%00", "%F0%9F%98%80", "'; DROP TABLE users; --"])
def test_an_unknown_conversation_is_not_found(ann: Person, path: str, id: str) -> None:
    assert error_of(ann.get(f"/conversations/{id}{path}")) == (404, "ResourceNotFound")


def test_strangers_are_kept_out(person: MakePerson) -> None:
    ann, eve = person(), person()
    conversation = ann.conversation()
    message = ann.say(conversation, "nothing")["id"]
    payload = {"type": "custom", "data": {}}
    event = ann.post("/events", {"conversationId": conversation, "payload": payload}).json()["event"]["id"]
    place = f"/conversations/{conversation}"
    for response in (
        eve.get(place),
        eve.delete(place),
        eve.get(f"{place}/messages"),
        eve.get(f"{place}/listen"),
        eve.get(f"{place}/participants"),
        eve.post(f"{place}/participants", {"userId": eve.id}),
        eve.get(f"{place}/participants/{ann.id}"),
        eve.delete(f"{place}/participants/{ann.id}"),
        eve.post("/messages", {"conversationId": conversation, "payload": TEXT}),
        eve.get(f"/messages/{message}"),
        eve.delete(f"/messages/{message}"),
        eve.post("/events", {"conversationId": conversation, "payload": payload}),
        eve.get(f"/events/{event}"),
    ):
        assert error_of(response) == (403, "Forbidden")
    assert [item["id"] for item in ann.history(conversation)][-1] == message


def test_another_bots_data_does_not_exist(http: httpx.Client, ann: Person, conversation: str) -> None:
    message = ann.say(conversation, "nothing")["id"]
    other = Person(http, f"{ann.root}-other")
    for path in (f"/conversations/{conversation}", f"/messages/{message}"):
        assert error_of(other.get(path)) == (404, "ResourceNotFound")
    mine = other.conversation()
    response = other.post(f"/conversations/{mine}/participants", {"userId": ann.id})
    assert error_of(response) == (404, "ResourceNotFound")


def test_participants_come_and_go(person: MakePerson) -> None:
    ann, ben = person(name="Ann"), person(name="Ben")
    conversation = ann.conversation()
    place = f"/conversations/{conversation}/participants"
    response = ann.post(place, {"userId": ben.id})
    assert response.status_code == 200
    assert response.json()["participant"]["name"] == "Ben"
    assert ann.post(place, {"userId": ben.id}).status_code == 200
    assert [user["id"] for user in ben.get(place).json()["participants"]] == [ben.id, ann.id]
    assert ann.get(f"{place}/{ben.id}").json() == response.json()
    assert ben.say(conversation, "nothing")["userId"] == ben.id
    with ben.listening(conversation) as bens, ann.listening(conversation) as anns:
        assert ann.delete(f"{place}/{ben.id}").json() == {}
        assert bens.ends()
        ann.say(conversation, "still here")
        assert anns.message()["payload"]["text"] == "still here"
    assert error_of(ben.get(f"/conversations/{conversation}")) == (403, "Forbidden")
    assert error_of(ann.get(f"{place}/{ben.id}")) == (404, "ResourceNotFound")
    assert error_of(ann.delete(f"{place}/{ben.id}")) == (404, "ResourceNotFound")


def test_participants_are_managed_by_the_owner_only(person: MakePerson) -> None:
    ann, ben = person(), person()
    conversation = ann.conversation()
    place = f"/conversations/{conversation}/participants"
    ann.post(place, {"userId": ben.id})
    assert error_of(ben.post(place, {"userId": ben.id})) == (403, "Forbidden")
    assert error_of(ben.get(f"{place}/{ann.id}")) == (403, "Forbidden")
    assert error_of(ben.delete(f"{place}/{ben.id}")) == (403, "Forbidden")
    assert error_of(ben.delete(f"/conversations/{conversation}")) == (403, "Forbidden")
    assert error_of(ann.delete(f"{place}/{ann.id}")) == (400, "InvalidPayload")
    assert len(ann.get(place).json()["participants"]) == 2


def test_only_a_user_can_be_added(ann: Person, conversation: str) -> None:
    place = f"/conversations/{conversation}/participants"
    for stranger in ("nobody", "bot"):
        assert error_of(ann.post(place, {"userId": stranger})) == (404, "ResourceNotFound")
    for body in ({}, {"userId": 1}, {"userId": ""}):
        response = ann.post(place, body)
        assert error_of(response) == (400, "InvalidPayload")
        assert response.json()["message"].startswith("userId ")


def test_participants_are_listed_in_pages(person: MakePerson) -> None:
    ann, *others = (person() for _ in range(6))
    place = f"/conversations/{ann.conversation()}/participants"
    for other in others:
        ann.post(place, {"userId": other.id})
    first = ann.get(place).json()
    second = ann.get(place, params=first["meta"]).json()
    assert [user["id"] for user in first["participants"]] == [user.id for user in reversed(others)]
    assert [user["id"] for user in second["participants"]] == [ann.id]
