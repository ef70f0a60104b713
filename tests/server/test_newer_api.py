"""What version 4 of the original client adds to the API."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from tests.server.conftest import ADMIN_SECRET, MakePerson, error_of
from tests.server.people import TEXT, Person, Stream, fetch
from tests.support.server import WebchatServer

# --- initialize -------------------------------------------------------------------------------------------------


@contextmanager
def initializing(http: httpx.Client, root: str, key: str | None = None, **query: str) -> Iterator[tuple[Any, Stream]]:
    """What the first signal says, and the stream that goes on."""
    headers = {"timeout": "60000", **({"x-user-key": key} if key is not None else {})}
    with http.stream("GET", f"{root}/initialize", headers=headers, params=query) as response:
        assert response.status_code == 200
        assert response.headers["content-type"] == "text/event-stream"
        stream = Stream(response)
        signal = stream.signal()
        assert signal["type"] == "init"
        yield signal["data"], stream


def test_initialize_makes_what_is_not_there(http: httpx.Client, root: str) -> None:
    with initializing(http, root) as (init, _):
        assert set(init) == {"conversation", "messages", "participants", "user"}
        assert set(init["conversation"]) == {"id", "createdAt", "updatedAt"}
        assert init["messages"] == []
        user = init["user"]
        assert init["participants"] == [{name: value for name, value in user.items() if name != "userKey"}]
    me = http.get(f"{root}/users/me", headers={"x-user-key": user["userKey"]}).json()["user"]
    assert me["id"] == user["id"]


def test_initialize_takes_up_where_one_was(http: httpx.Client, ann: Person, conversation: str) -> None:
    said = [ann.say(conversation, "nothing") for _ in range(7)]
    with initializing(http, ann.root, ann.key, conversationId=conversation) as (init, stream):
        assert init["user"]["id"] == ann.id
        assert init["conversation"]["id"] == conversation
        assert init["messages"] == said[:1:-1]
        new = ann.say(conversation, "nothing")
        assert stream.message() == new
    with initializing(http, ann.root, init["user"]["userKey"], conversationId=conversation) as (init, _):
        assert init["user"]["id"] == ann.id


def test_initialize_makes_a_conversation_for_a_known_user(http: httpx.Client, ann: Person, conversation: str) -> None:
    with initializing(http, ann.root, ann.key) as (init, _):
        assert init["user"]["id"] == ann.id
        assert init["conversation"]["id"] != conversation
        assert ann.get(f"/conversations/{init['conversation']['id']}").status_code == 200


@pytest.mark.parametrize("key", ["", "nonsense"])
def test_initialize_makes_a_user_where_the_key_is_wrong(
    http: httpx.Client, ann: Person, conversation: str, key: str
) -> None:
    with initializing(http, ann.root, key, conversationId=conversation) as (init, _):
        assert init["user"]["id"] != ann.id
        assert init["conversation"]["id"] != conversation, "a stranger got into the conversation"


def test_initialize_keeps_strangers_out_of_conversations(http: httpx.Client, person: MakePerson) -> None:
    ann, eve = person(), person()
    for conversation in (ann.conversation(), "nowhere", "\0"):
        with initializing(http, eve.root, eve.key, conversationId=conversation) as (init, _):
            assert init["user"]["id"] == eve.id
            assert init["conversation"]["id"] != conversation
            assert [user["id"] for user in init["participants"]] == [eve.id]


def test_initialize_takes_the_key_in_the_query(http: httpx.Client, ann: Person, server: WebchatServer) -> None:
    with initializing(http, ann.root, **{"x-user-key": ann.key}) as (init, _):
        assert init["user"]["id"] == ann.id
    assert ann.key not in server.log


def test_nothing_is_lost_or_doubled_between_the_first_signal_and_the_stream(
    http: httpx.Client, ann: Person, conversation: str
) -> None:
    with ThreadPoolExecutor(4) as pool:
        sending = [pool.submit(ann.say, conversation, "nothing") for _ in range(40)]
        with initializing(http, ann.root, ann.key, conversationId=conversation) as (init, stream):
            said = [future.result()["id"] for future in sending]
            last = ann.say(conversation, "nothing")["id"]
            heard = [message["id"] for message in reversed(init["messages"])]
            while heard[-1:] != [last]:
                heard.append(stream.message()["id"])
    history = [message["id"] for message in reversed(ann.history(conversation))]
    assert len(history) == len(said) + 1
    assert heard == history[-len(heard) :]


# --- messages ---------------------------------------------------------------------------------------------------


def test_a_message_is_changed_by_its_author_and_everybody_sees_it(person: MakePerson) -> None:
    ann, ben = person(), person()
    conversation = ann.conversation()
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id})
    said = ann.say(conversation, "nothing", metadata={"clientMessageId": "1", "a": 1})
    with ben.listening(conversation) as stream:
        response = ann.put(f"/messages/{said['id']}", {"payload": {"type": "markdown", "markdown": "*x*"}})
        assert response.status_code == 200
        changed = response.json()["message"]
        assert changed == {**said, "payload": {"type": "markdown", "markdown": "*x*"}}
        assert next(s for s in iter(stream.signal, None) if s["type"] == "message_updated")["data"] == changed
    assert ben.get(f"/messages/{said['id']}").json()["message"] == changed
    tagged = ann.put(f"/messages/{said['id']}", {"metadata": {"b": 2}}).json()["message"]
    assert tagged == {**changed, "metadata": {"b": 2}}
    assert ann.say(conversation, "again", metadata={"clientMessageId": "1"}) == tagged, "its id was free again"
    assert error_of(ben.put(f"/messages/{said['id']}", {"payload": TEXT})) == (403, "Forbidden")
    assert error_of(ann.put("/messages/msg_0", {"payload": TEXT})) == (404, "ResourceNotFound")
    response = ann.put(f"/messages/{said['id']}", {"payload": {"type": "text"}})
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith("payload.text ")
    assert ann.get(f"/messages/{said['id']}").json()["message"] == tagged


def test_feedback_is_kept_with_the_message(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        ann.say(conversation, "hello")
        answer = stream.from_bot()
    path = f"/messages/{answer['id']}"
    for feedback in ({"value": "positive"}, {"value": "negative", "comment": "no"}):
        response = ann.put(f"{path}/feedback", feedback)
        assert (response.status_code, response.json()) == (200, {})
        assert ann.get(path).json()["message"] == {**answer, "feedback": feedback}
        assert ann.history(conversation)[0]["feedback"] == feedback
    for _ in range(2):
        assert ann.delete(f"{path}/feedback").json() == {}
        assert ann.get(path).json()["message"] == answer


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "value"),
        ({"value": "good"}, "value"),
        ({"value": 1}, "value"),
        ({"value": "positive", "comment": 1}, "comment"),
    ],
)
def test_wrong_feedback_is_refused_by_the_name_of_its_field(
    ann: Person, conversation: str, body: dict[str, Any], field: str
) -> None:
    response = ann.put(f"/messages/{ann.say(conversation, 'nothing')['id']}/feedback", body)
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith(f"{field} ")


def test_feedback_is_the_participants_own(person: MakePerson) -> None:
    ann, eve = person(), person()
    message = ann.say(ann.conversation(), "nothing")["id"]
    assert error_of(eve.put(f"/messages/{message}/feedback", {"value": "positive"})) == (403, "Forbidden")
    assert error_of(eve.delete(f"/messages/{message}/feedback")) == (403, "Forbidden")
    assert error_of(eve.delete("/messages/msg_0/feedback")) == (404, "ResourceNotFound")


def test_a_list_of_conversations_shows_the_last_message_of_each(ann: Person) -> None:
    silent, talked = ann.conversation(), ann.conversation()
    ann.say(talked, "nothing")
    last = ann.say(talked, "nothing", metadata={"a": 1})
    listed = {item["id"]: item for item in ann.get("/conversations").json()["conversations"]}
    assert listed[talked]["lastMessage"] == last
    assert listed[talked]["updatedAt"] == last["createdAt"]
    assert "lastMessage" not in listed[silent]


# --- participants -----------------------------------------------------------------------------------------------


def test_who_comes_and_goes_is_told(person: MakePerson) -> None:
    ann, ben, cid = person(), person(name="Ben"), person()
    conversation = ann.conversation()
    place = f"/conversations/{conversation}/participants"
    with ann.listening(conversation) as stream:
        added = ann.post(place, {"userId": ben.id}).json()["participant"]
        ann.post(place, {"userId": ben.id})
        ann.post(place, {"userId": cid.id})
        ann.delete(f"{place}/{ben.id}")
        cid.delete("/users/me")
        signals = [stream.signal() for _ in range(4)]
    added_type, removed_type = "participant_added", "participant_removed"
    assert signals[0] == {"type": added_type, "data": {"conversationId": conversation, "participant": added}}
    assert added["name"] == "Ben"
    assert (signals[1]["type"], signals[1]["data"]["participant"]["id"]) == (added_type, cid.id)
    for signal, gone in zip(signals[2:], (ben, cid), strict=True):
        assert signal == {"type": removed_type, "data": {"conversationId": conversation, "participantId": gone.id}}


# --- users ------------------------------------------------------------------------------------------------------


def test_attributes_are_kept_changed_and_deleted_one_by_one(person: MakePerson) -> None:
    ann = person(attributes={"a": "1", "b": "2"})
    assert ann.get("/users/me").json()["user"]["attributes"] == {"a": "1", "b": "2"}
    user = ann.put("/users/me", {"attributes": {"a": None, "c": "3"}}).json()["user"]
    assert user["attributes"] == {"b": "2", "c": "3"}
    assert "attributes" not in ann.put("/users/me", {"attributes": {"b": None, "c": None}}).json()["user"]
    wrong: list[dict[str, Any]] = [{"attributes": []}, {"attributes": {"a": 1}}]
    for body in wrong:
        response = ann.put("/users/me", body)
        assert error_of(response) == (400, "InvalidPayload")
        assert response.json()["message"].startswith("attributes")


def test_an_admin_makes_keys_for_a_user(http: httpx.Client, ann: Person) -> None:
    admin = {"x-admin-secret": ADMIN_SECRET}
    response = http.post(f"{ann.root}/users/key", headers=admin, json={"id": ann.id})
    assert response.status_code == 200
    assert set(response.json()) == {"key"}
    user = http.get(f"{ann.root}/users/me", headers={"x-user-key": response.json()["key"]}).json()["user"]
    assert user["id"] == ann.id


def test_a_key_can_expire(http: httpx.Client, ann: Person) -> None:
    def key(expires_at: float) -> str:
        body = {"id": ann.id, "expiresAt": expires_at}
        response = http.post(f"{ann.root}/users/key", headers={"x-admin-secret": ADMIN_SECRET}, json=body)
        return str(response.raise_for_status().json()["key"])

    now = time.time() * 1000
    valid, expired = key(now + 3_600_000), key(now - 1000)
    assert http.get(f"{ann.root}/users/me", headers={"x-user-key": valid}).status_code == 200
    assert error_of(http.get(f"{ann.root}/users/me", headers={"x-user-key": expired})) == (401, "Unauthorized")
    assert jwt.decode(valid, options={"verify_signature": False})["exp"] == pytest.approx(now / 1000 + 3600, abs=1)
    assert key(10**300) != valid


@pytest.mark.parametrize("secret", [None, "", "wrong", ADMIN_SECRET + "x", "é"])
def test_keys_are_made_for_the_admin_only(http: httpx.Client, ann: Person, secret: str | None) -> None:
    headers = {} if secret is None else {b"x-admin-secret": secret.encode()}
    response = http.post(f"{ann.root}/users/key", headers=headers, json={"id": ann.id})
    assert error_of(response) == (401, "Unauthorized")


def test_the_admin_names_a_user_that_exists(http: httpx.Client, ann: Person) -> None:
    admin = {"x-admin-secret": ADMIN_SECRET}
    cases: list[tuple[dict[str, str], tuple[int, str]]] = [
        ({"id": "user_0"}, (404, "ResourceNotFound")),
        ({}, (400, "InvalidPayload")),
        ({"id": ann.id, "expiresAt": "tomorrow"}, (400, "InvalidPayload")),
    ]
    for body, expected in cases:
        assert error_of(http.post(f"{ann.root}/users/key", headers=admin, json=body)) == expected


def test_without_an_admin_secret_there_is_no_admin(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path) as server:
        ann = Person(http, f"{server.url}/x")
        for secret in ("", "None", ADMIN_SECRET):
            headers = {"x-admin-secret": secret}
            assert error_of(http.post(f"{ann.root}/users/key", headers=headers, json={"id": ann.id})) == (
                403,
                "Forbidden",
            )


# --- the rest ---------------------------------------------------------------------------------------------------


def test_a_file_can_expire(ann: Person) -> None:
    def upload(expires_at: str) -> httpx.Response:
        body = {"key": "a.txt", "size": 1, "accessPolicies": ["public_content"], "expiresAt": expires_at}
        file = ann.post("/files", body).json()["file"]
        assert file["expiresAt"] == expires_at
        ann.http.put(file["uploadUrl"], content=b"x", headers={"x-amz-tagging": "public=true"}).raise_for_status()
        return ann.http.get(file["url"])

    assert upload("2999-01-01T00:00:00Z").content == b"x"
    assert upload("2999-01-01T00:00:00.123+02:00").content == b"x"
    assert error_of(upload("2020-01-01T00:00:00Z")) == (404, "ResourceNotFound")


@pytest.mark.parametrize("date", [1, None, "", "tomorrow", "2020-01-01T00:00:00"])
def test_a_files_end_is_a_date(ann: Person, date: Any) -> None:
    response = ann.post("/files", {"key": "a.txt", "size": 1, "expiresAt": date})
    assert error_of(response) == (400, "InvalidPayload")
    assert response.json()["message"].startswith("expiresAt ")


def test_an_event_may_be_bound(ann: Person, conversation: str) -> None:
    payload = {"type": "custom", "data": {}}
    body = {"conversationId": conversation, "payload": payload, "bindConversation": True, "bindUser": False}
    assert ann.post("/events", body).status_code == 201


def test_metrics_are_taken_from_anybody(http: httpx.Client, root: str) -> None:
    response = http.post(f"{root}/p", json={"duration": 1.5, "event": "start", "properties": {}})
    assert (response.status_code, response.json()) == (200, {})
    assert error_of(http.post(f"{root}/p", json={})) == (400, "InvalidPayload")


def test_the_newer_operations_need_a_key_too(http: httpx.Client, root: str) -> None:
    for method, path in (("PUT", "/messages/x"), ("PUT", "/messages/x/feedback"), ("DELETE", "/messages/x/feedback")):
        assert error_of(fetch(http, method, f"{root}{path}")) == (401, "Unauthorized")
