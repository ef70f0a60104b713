from __future__ import annotations

import re
import secrets
from typing import Any

import httpx
import jwt
import pytest

from tests.server.conftest import MakePerson, error_of
from tests.server.people import Person, fetch


def test_a_new_user_is_what_was_asked_for(http: httpx.Client, root: str) -> None:
    body = {"name": "Ann", "pictureUrl": "https://example.org/ann.png", "userData": {"plan": "gold"}}
    response = http.post(f"{root}/users", json=body)
    assert response.status_code == 201
    user = response.json()["user"]
    assert user["createdAt"] == user["updatedAt"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", user["createdAt"])
    assert {"id", "createdAt", "updatedAt"} == set(user) - {"name", "pictureUrl", "data"}
    assert (user["name"], user["pictureUrl"], user["data"]) == ("Ann", "https://example.org/ann.png", {"plan": "gold"})


@pytest.mark.parametrize("content", [b"", b"{}"])
def test_a_user_needs_no_details(http: httpx.Client, root: str, content: bytes) -> None:
    response = http.post(f"{root}/users", content=content)
    assert response.status_code == 201
    assert set(response.json()["user"]) == {"id", "createdAt", "updatedAt"}


def test_the_key_is_a_token_of_the_users_id(ann: Person) -> None:
    assert jwt.get_unverified_header(ann.key)["alg"] == "HS256"
    assert jwt.decode(ann.key, options={"verify_signature": False}) == {"id": ann.id}


def test_a_user_reads_themselves(ann: Person) -> None:
    response = ann.get("/users/me")
    assert response.status_code == 200
    assert (response.json()["user"]["id"], response.json()["user"]["name"]) == (ann.id, "Ann")


def test_an_update_changes_what_it_names_and_nothing_else(person: MakePerson) -> None:
    ann = person(name="Ann", userData={"plan": "gold"})
    before = ann.get("/users/me").json()["user"]
    assert ann.put("/users/me", {}).json()["user"] == {
        **before,
        "updatedAt": ann.get("/users/me").json()["user"]["updatedAt"],
    }
    user = ann.put("/users/me", {"name": "Anne", "pictureUrl": "/a.png"}).json()["user"]
    assert (user["name"], user["pictureUrl"], user["data"]) == ("Anne", "/a.png", {"plan": "gold"})
    assert ann.put("/users/me", {"userData": {"city": "Paris"}}).json()["user"]["data"] == {"city": "Paris"}
    user = ann.put("/users/me", {"userData": None}).json()["user"]
    assert "data" not in user
    assert user["name"] == "Anne"
    assert ann.get("/users/me").json()["user"] == user


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": 1}, "name"),
        ({"pictureUrl": ["x"]}, "pictureUrl"),
        ({"userData": "gold"}, "userData"),
        ({"userData": [1]}, "userData"),
    ],
)
def test_wrong_details_are_refused_by_name(ann: Person, body: dict[str, Any], field: str) -> None:
    for response in (ann.post("/users", body), ann.put("/users/me", body)):
        assert error_of(response) == (400, "InvalidPayload")
        assert response.json()["message"].startswith(f"{field} ")
    assert ann.get("/users/me").json()["user"]["name"] == "Ann"


def _unsigned(key: str) -> str:
    return jwt.encode(jwt.decode(key, options={"verify_signature": False}), None, "none")


@pytest.mark.parametrize(
    "forge",
    [
        lambda key: "",
        lambda key: "nonsense",
        lambda key: key[:-2] + ("AA" if key[-2:] != "AA" else "BB"),
        _unsigned,
        lambda key: jwt.encode({"id": "user_0"}, "x" * 32, "HS256"),
        lambda key: "\xe9" * 20,
    ],
    ids=["empty", "no token", "changed signature", "unsigned", "other secret", "not ASCII"],
)
def test_only_keys_that_the_server_gave_out_open_doors(http: httpx.Client, ann: Person, forge: Any) -> None:
    headers = {b"x-user-key": forge(ann.key).encode("latin-1")}
    response = http.get(f"{ann.root}/users/me", headers=headers)
    assert error_of(response) == (401, "Unauthorized")
    assert response.json()["message"] == "Invalid user key"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/users/me"),
        ("PUT", "/users/me"),
        ("DELETE", "/users/me"),
        ("POST", "/conversations"),
        ("GET", "/conversations"),
        ("GET", "/conversations/x"),
        ("DELETE", "/conversations/x"),
        ("GET", "/conversations/x/messages"),
        ("GET", "/conversations/x/listen"),
        ("GET", "/conversations/x/participants"),
        ("POST", "/conversations/x/participants"),
        ("GET", "/conversations/x/participants/y"),
        ("DELETE", "/conversations/x/participants/y"),
        ("POST", "/messages"),
        ("GET", "/messages/x"),
        ("DELETE", "/messages/x"),
        ("POST", "/events"),
        ("GET", "/events/x"),
        ("POST", "/files"),
    ],
)
def test_everything_but_making_a_user_needs_a_key(http: httpx.Client, root: str, method: str, path: str) -> None:
    assert error_of(fetch(http, method, f"{root}{path}")) == (401, "Unauthorized")


def test_a_key_counts_for_its_own_bot_only(http: httpx.Client, ann: Person) -> None:
    elsewhere = ann.root + secrets.token_hex(2)
    assert error_of(http.get(f"{elsewhere}/users/me", headers={"x-user-key": ann.key})) == (401, "Unauthorized")


def test_a_deleted_user_is_gone_with_their_conversations(person: MakePerson) -> None:
    ann, ben = person(), person()
    conversation = ann.conversation()
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id})
    own = ben.conversation()
    with ben.listening(conversation) as stream, ann.listening(conversation) as own_stream:
        response = ann.delete("/users/me")
        assert (response.status_code, response.json()) == (200, {})
        assert stream.ends()
        assert own_stream.ends()
    assert error_of(ann.get("/users/me")) == (401, "Unauthorized")
    assert error_of(ben.get(f"/conversations/{conversation}")) == (404, "ResourceNotFound")
    assert ben.get(f"/conversations/{own}").status_code == 200
