"""Requests as values, and what answers mean."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webchat_py.wire import errors, rest
from webchat_py.wire.models import Conversation, Credentials, Event, User
from webchat_py.wire.payloads import Misfit, Text, Unknown

JSON = "application/json"


def answer(body: Any, status: int = 200, **more: str) -> rest.Response:
    text = body if isinstance(body, str) else json.dumps(body)
    return rest.Response(status, text, **{"content_type": JSON, **more})


def error(kind: str, code: Any = 400) -> dict[str, Any]:
    return {"id": "err_7f3a", "code": code, "type": kind, "message": "No such thing"}


def message(number: int) -> dict[str, Any]:
    payload = {"type": "text", "text": str(number)}
    return {
        "id": f"msg_{number}",
        "userId": "u",
        "conversationId": "c",
        "createdAt": "2025-01-05T10:00:00Z",
        "payload": payload,
    }


def test_a_new_user() -> None:
    call = rest.create_user(rest.Profile())
    assert (call.request.method, call.request.path, call.request.body) == ("POST", "/users", "{}")
    body = {"user": {"id": "user_01"}, "key": "opaque"}
    assert rest.read_answer(call, answer(body, 201)) == Credentials("user_01", "opaque")


BODIES = [
    (
        rest.create_user(rest.Profile({"plan": "gold"}, "Ada", "http://x/a.png")),
        "POST /users",
        {"userData": {"plan": "gold"}, "name": "Ada", "pictureUrl": "http://x/a.png"},
    ),
    (rest.get_user(), "GET /users/me", None),
    (rest.update_user(rest.Profile(name="Ada")), "PUT /users/me", {"name": "Ada"}),
    (rest.update_user(rest.Profile({})), "PUT /users/me", {"userData": {}}),
    (rest.delete_user(), "DELETE /users/me", None),
    (rest.create_conversation(), "POST /conversations", {}),
    (rest.get_conversation("a/b"), "GET /conversations/a%2Fb", None),
    (rest.delete_conversation("c"), "DELETE /conversations/c", None),
    (rest.list_conversations(), "GET /conversations", None),
    (rest.list_conversations("n&t"), "GET /conversations?nextToken=n%26t", None),
    (rest.list_participants("c"), "GET /conversations/c/participants", None),
    (rest.get_participant("c", "u"), "GET /conversations/c/participants/u", None),
    (rest.add_participant("c", "u"), "POST /conversations/c/participants", {"userId": "u"}),
    (rest.remove_participant("c", "u"), "DELETE /conversations/c/participants/u", None),
    (rest.get_message("m"), "GET /messages/m", None),
    (
        rest.update_message("m", Text("Hi"), {"a": 1}),
        "PUT /messages/m",
        {"payload": {"type": "text", "text": "Hi"}, "metadata": {"a": 1}},
    ),
    (rest.update_message("m", None, None), "PUT /messages/m", {}),
    (rest.delete_message("m"), "DELETE /messages/m", None),
    (rest.add_feedback("m", "positive", None), "PUT /messages/m/feedback", {"value": "positive"}),
    (rest.add_feedback("m", "negative", "no"), "PUT /messages/m/feedback", {"value": "negative", "comment": "no"}),
    (rest.remove_feedback("m"), "DELETE /messages/m/feedback", None),
    (
        rest.send_event("c", {"a": 1}),
        "POST /events",
        {"conversationId": "c", "payload": {"type": "custom", "data": {"a": 1}}},
    ),
    (rest.get_event("e"), "GET /events/e", None),
    (
        rest.create_file("k-a.txt", 3, "text/plain"),
        "POST /files",
        {
            "key": "k-a.txt",
            "size": 3,
            "contentType": "text/plain",
            "accessPolicies": ["public_content"],
            "index": False,
        },
    ),
]


@pytest.mark.parametrize(("call", "line", "body"), BODIES, ids=[line for _, line, _ in BODIES])
def test_requests(call: rest.Call[Any], line: str, body: Any) -> None:
    assert f"{call.request.method} {call.request.path}" == line
    assert (None if call.request.body is None else json.loads(call.request.body)) == body


def test_answers_become_typed_values() -> None:
    at = "2025-01-05T10:00:00Z"
    date = datetime(2025, 1, 5, 10, tzinfo=UTC)
    user = {"id": "u", "name": "Ada", "pictureUrl": "p", "data": {"a": 1}, "createdAt": at, "updatedAt": at}
    assert rest.read_answer(rest.get_user(), answer({"user": user})) == User(
        "u", "Ada", "p", {"a": 1}, created_at=date, updated_at=date
    )
    bare = {"participants": [{"id": "u", "data": None, "name": None}], "meta": {}}
    assert rest.read_answer(rest.list_participants("c"), answer(bare)).items == [User("u")]
    conversations = {"conversations": [{"id": "c", "createdAt": at, "lastMessage": message(3)}, {"id": "d"}]}
    first, second = rest.read_answer(rest.list_conversations(), answer(conversations)).items
    assert (first.id, first.created_at, first.last_message and first.last_message.id) == ("c", date, "msg_3")
    assert second == Conversation("d")
    event = {"id": "e", "userId": "u", "conversationId": "c", "createdAt": at, "payload": {"type": "custom"}}
    assert rest.read_answer(rest.get_event("e"), answer({"event": event})) == Event(
        "e", "c", "u", date, {"type": "custom"}
    )
    file = {"id": "f", "uploadUrl": "http://x/up", "url": "http://x/f", "contentType": "text/plain", "key": "k"}
    upload = rest.read_answer(rest.create_file("k", 3, "text/plain"), answer({"file": file}))
    assert upload == rest.Upload("http://x/up", "http://x/f", "text/plain", "f")
    assert rest.read_answer(rest.delete_message("m"), answer({})) is None


def test_a_message_is_sent_with_its_metadata() -> None:
    request = rest.create_message("conv_01", Text("Grüß dich"), {"clientMessageId": "c1"}, "msg_01").request
    assert (request.method, request.path) == ("POST", "/messages")
    assert json.loads(request.body or "") == {
        "conversationId": "conv_01",
        "payload": {"type": "text", "text": "Grüß dich"},
        "metadata": {"clientMessageId": "c1"},
        "replyTo": "msg_01",
    }


def test_a_number_that_json_does_not_have_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        rest.create_message("conv_01", Text("Hi"), {"price": float("inf")})


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("conv_01-a.b~", "conv_01-a.b~"),
        ("../users/me?x=1#y", "..%2Fusers%2Fme%3Fx%3D1%23y"),
        ("ü 100%", "%C3%BC%20100%25"),
        ("\ud800", "%3F"),
    ],
)
def test_ids_cannot_change_the_path(text: str, quoted: str) -> None:
    assert rest.quote(text) == quoted
    assert rest.listen(text).path == f"/conversations/{quoted}/listen"


def test_a_page_of_messages() -> None:
    call = rest.list_messages("conv_01", "a+b")
    assert call.request.path == "/conversations/conv_01/messages?nextToken=a%2Bb"
    page = rest.read_answer(call, answer({"messages": [message(2), message(1)], "meta": {"nextToken": "next"}}))
    assert [m.id for m in page.items] == ["msg_2", "msg_1"]
    assert page.next_token == "next"


@pytest.mark.parametrize(
    "meta", [{}, {"meta": {}}, {"meta": None}, {"meta": {"nextToken": None}}, {"meta": {"nextToken": ""}}]
)
def test_the_last_page_has_no_token(meta: dict[str, Any]) -> None:
    page = rest.read_answer(rest.list_messages("c"), answer({"messages": [], **meta}))
    assert not page.next_token


def test_one_odd_message_does_not_hide_the_others() -> None:
    odd = {"id": 7, "payload": "?"}
    page = rest.read_answer(rest.list_messages("conv_01"), answer({"messages": [message(2), odd, None, message(1)]}))
    messages = list(page.items)
    assert [m.id for m in messages] == ["msg_2", None, None, "msg_1"]
    assert messages[1].payload == Unknown("", odd)
    assert messages[1].conversation_id == "conv_01"


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("Unauthorized", errors.Unauthorized),
        ("Forbidden", errors.Forbidden),
        ("QuotaExceeded", errors.Forbidden),
        ("ResourceNotFound", errors.NotFound),
        ("MethodNotFound", errors.NotFound),
        ("AlreadyExists", errors.Conflict),
        ("PayloadTooLarge", errors.TooLarge),
        ("RateLimited", errors.RateLimited),
        ("InvalidPayload", errors.InvalidRequest),
        ("Internal", errors.ServerError),
        ("Unknown", errors.ServerError),
    ],
)
def test_the_type_decides_which_error_it_is(kind: str, expected: type[errors.ApiError]) -> None:
    with pytest.raises(expected) as caught:
        rest.read_answer(rest.create_conversation(), answer(error(kind, 499), 418))
    raised = caught.value
    assert (raised.status, raised.code, raised.type, raised.id) == (418, 499, kind, "err_7f3a")
    assert raised.message == "No such thing"
    assert "No such thing" in str(raised)


@pytest.mark.parametrize(
    ("status", "expected", "retryable"),
    [
        (400, errors.InvalidRequest, False),
        (401, errors.Unauthorized, False),
        (403, errors.Forbidden, False),
        (404, errors.NotFound, False),
        (408, errors.InvalidRequest, True),
        (409, errors.Conflict, False),
        (410, errors.NotFound, False),
        (413, errors.TooLarge, False),
        (418, errors.InvalidRequest, False),
        (429, errors.RateLimited, True),
        (500, errors.ServerError, True),
        (503, errors.ServerError, True),
        (304, errors.ServerError, False),
    ],
)
@pytest.mark.parametrize("body", ["<h1>Bad gateway</h1>", "", "[]", error("Newfangled")])
def test_without_a_known_type_the_status_decides(
    status: int, expected: type[errors.ApiError], retryable: bool, body: Any
) -> None:
    with pytest.raises(expected) as caught:
        rest.read_answer(rest.create_conversation(), answer(body, status))
    assert type(caught.value) is expected
    assert caught.value.retryable is retryable
    assert caught.value.status == status


def test_an_error_in_a_2xx_is_an_error() -> None:
    with pytest.raises(errors.NotFound) as caught:
        rest.read_answer(rest.get_conversation("c"), answer(error("ResourceNotFound", 404), 200))
    assert caught.value.status == 404


def test_a_message_that_looks_like_an_error_is_none() -> None:
    body = {"conversation": {"id": "c"}, "type": "note", "message": "All is well", "code": 200}
    assert rest.read_answer(rest.get_conversation("c"), answer(body)).id == "c"


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("<!doctype html>", "text/html, instead of JSON"),
        ("", "an empty body, instead of JSON"),
        pytest.param("[" * 100_000, "instead of JSON", id="nested deeper than the stack"),
        ("null", "'user' is missing"),
        ('{"user": {"id": "u"}}', "'key' is missing"),
        ('{"user": {"id": 7}, "key": "k"}', "'user.id' is not a text"),
        ('{"user": {"id": "u"}, "key": "a\\nb"}', "'key' cannot be sent"),
    ],
)
def test_an_answer_that_is_none_says_what_is_wrong(body: str, hint: str) -> None:
    with pytest.raises(errors.ServerError, match=hint) as caught:
        rest.read_answer(rest.create_user(rest.Profile()), answer(body, content_type="text/html; charset=utf-8"))
    # It is some proxy's or login page's, which goes away.
    assert caught.value.retryable


@pytest.mark.parametrize(
    ("header", "seconds"), [("7", 7.0), ("", None), ("Wed, 21 Oct", None), ("-1", None), ("²", None)]
)
@pytest.mark.parametrize("body", [error("RateLimited", 429), "slow down"])
def test_retry_after_is_in_seconds(header: str, seconds: float | None, body: Any) -> None:
    with pytest.raises(errors.RateLimited) as caught:
        rest.read_answer(rest.create_user(rest.Profile()), answer(body, 429, retry_after=header))
    assert caught.value.retry_after == seconds


CALLS = [
    rest.create_user(rest.Profile()),
    rest.get_user(),
    rest.create_conversation(),
    rest.get_conversation("c"),
    rest.create_message("c", Text("Hi"), {}),
    rest.list_messages("c"),
    rest.send_event("c", {}),
]
KEYS = st.sampled_from(
    ["user", "id", "key", "conversation", "message", "messages", "meta", "nextToken", "type", "code", "payload"]
)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda value: st.lists(value, max_size=3) | st.dictionaries(KEYS, value, max_size=4),
    max_leaves=8,
)


@given(st.sampled_from(CALLS), ANY_JSON, st.integers(100, 599))
def test_any_answer_is_read_or_is_an_api_error(call: rest.Call[Any], body: Any, status: int) -> None:
    try:
        rest.read_answer(call, answer(body, status))
    except errors.ApiError:
        return
    assert 200 <= status < 300


def test_no_secret_is_shown() -> None:
    assert "s3cret" not in repr(Credentials("user_01", "s3cret"))
    assert "s3cret" not in repr(answer({"key": "s3cret"}))
    assert "s3cret" not in repr(rest.Request("POST", "/users", "s3cret"))
    with pytest.raises(errors.ServerError) as caught:
        rest.read_answer(rest.create_user(rest.Profile()), answer({"key": "s3cret"}))
    assert "s3cret" not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        errors.StateError("not now"),
        errors.UploadError("refused", 403),
        errors.NotSupportedInMode("messaging", "get_event()", "Ask."),
        errors.NotFound("There is none", status=404, type="ResourceNotFound", id="err_1"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_error_survives_being_pickled(error: errors.WebchatError) -> None:
    """As pytest-pyodide does with what is raised in a page."""
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (type(error), str(error), vars(error))


INIT = {"conversation": {"id": "c"}, "messages": [message(2), message(1)], "user": {"id": "u", "userKey": "k"}}


def test_the_beginning_that_a_server_gives() -> None:
    beginning = rest.read_beginning(INIT)
    assert beginning.credentials == Credentials("u", "k")
    assert beginning.conversation_id == "c"
    assert [one.id for one in beginning.messages] == ["msg_2", "msg_1"]
    assert rest.initialize(None).path == "/initialize"
    assert rest.initialize("c/1").path == "/initialize?conversationId=c%2F1"


@pytest.mark.parametrize(
    "change",
    [
        {"conversation": {"id": ""}},
        {"conversation": []},
        {"messages": {}},
        {"user": {"id": "u"}},
        {"user": {"userKey": "k"}},
        {"user": {"id": "u", "userKey": "line\nfeed"}},
    ],
)
def test_a_beginning_that_lacks_something_is_none(change: dict[str, Any]) -> None:
    with pytest.raises(Misfit):
        rest.read_beginning({**INIT, **change})


@given(st.recursive(st.none() | st.text(), lambda value: st.lists(value) | st.dictionaries(st.text(), value)))
def test_anything_else_is_no_beginning(value: Any) -> None:
    with pytest.raises(Misfit):
        rest.read_beginning(value)
