from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest

from tests.server.conftest import MakePerson, error_of
from tests.server.people import Person, Stream, fetch
from tests.support.server import WebchatServer


def test_the_stream_is_an_event_stream_that_nobody_keeps(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        assert stream.response.headers["content-type"] == "text/event-stream"
        assert stream.response.headers["cache-control"] == "no-store"


def test_a_comment_comes_at_once(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        frame = stream.frame()
    assert frame
    assert frame.startswith(":")


def test_silence_is_broken_by_pings(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        stream.frame()
        started = time.monotonic()
        assert [stream.frame() for _ in range(3)] == ["event: message\ndata: ping"] * 3
        assert time.monotonic() - started > 0.5


def test_a_frame_is_one_event_with_one_line_of_json(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        message = ann.say(conversation, "two\nlines, 😀")
        while (frame := stream.frame() or "").startswith(":") or frame.endswith("ping"):
            pass
    event, data = frame.split("\n")
    assert event == "event: message"
    assert json.loads(data.removeprefix("data: ")) == {"type": "message_created", "data": message}


def test_every_reader_hears_everything_of_their_conversation_and_nothing_else(person: MakePerson) -> None:
    ann, ben = person(), person()
    conversation, other = ann.conversation(), ann.conversation()
    ann.post(f"/conversations/{conversation}/participants", {"userId": ben.id})
    with ann.listening(conversation) as one, ann.listening(conversation) as two, ben.listening(conversation) as three:
        ann.say(other, "elsewhere")
        said = [ann.say(conversation, "nothing"), ben.say(conversation, "nothing")]
        for stream in (one, two, three):
            assert [stream.message(), stream.message()] == said


@pytest.mark.parametrize("where", ["header", "query"])
def test_the_key_comes_in_the_header_or_in_the_query(ann: Person, conversation: str, where: str) -> None:
    url = f"{ann.root}/conversations/{conversation}/listen"
    key, no_key = {"x-user-key": ann.key}, dict[str, str]()
    headers, query = (key, no_key) if where == "header" else (no_key, key)
    with ann.http.stream("GET", url, headers=headers, params=query) as response:
        assert response.status_code == 200
        stream = Stream(response)
        message = ann.say(conversation, "nothing")
        assert stream.message() == message


def test_only_the_stream_takes_the_key_in_the_query(ann: Person) -> None:
    response = ann.http.get(f"{ann.root}/users/me", params={"x-user-key": ann.key})
    assert error_of(response) == (401, "Unauthorized")


def test_a_wrong_key_in_the_query_is_refused(ann: Person, conversation: str) -> None:
    response = fetch(ann.http, "GET", f"{ann.root}/conversations/{conversation}/listen?x-user-key=nonsense")
    assert error_of(response) == (401, "Unauthorized")


def test_keys_and_tokens_are_never_logged(server: WebchatServer, ann: Person, conversation: str) -> None:
    url = f"{ann.root}/conversations/{conversation}/listen"
    with ann.http.stream("GET", url, params={"x-user-key": ann.key}) as response:
        assert response.status_code == 200
    ann.http.get(f"{ann.root}/conversations/nowhere/listen", params={"x-user-key": ann.key})
    ann.http.get(f"{server.url}/nowhere", params={"x-user-key": ann.key})
    ann.call("PATCH", f"/users/me?x-user-key={ann.key}")
    file = ann.post("/files", {"key": "a.txt", "size": 1}).json()["file"]
    ann.http.put(file["uploadUrl"], content=b"x")
    ann.http.put(file["uploadUrl"], content=b"xx")
    log = server.log
    assert f"/conversations/{conversation}/listen" in log
    assert file["id"] in log
    for secret in (ann.key, ann.key.rpartition(".")[2], file["uploadUrl"].partition("token=")[2], "x-user-key="):
        assert secret not in log


def test_a_reader_who_goes_away_leaves_the_others_alone(
    server: WebchatServer, ann: Person, conversation: str, log: Callable[[], str]
) -> None:
    address = urlsplit(server.url)
    path = f"{urlsplit(ann.root).path}/conversations/{conversation}/listen"
    with ann.listening(conversation) as stream:
        for _ in range(5):
            with socket.create_connection((address.hostname, address.port)) as gone:
                gone.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nx-user-key: {ann.key}\r\n\r\n".encode())
                assert gone.recv(12) == b"HTTP/1.1 200"
        said = [ann.say(conversation, "nothing") for _ in range(3)]
        assert [stream.message() for _ in said] == said
    assert "Traceback" not in log()


def test_a_reader_who_does_not_read_does_not_hold_up_the_others(
    server: WebchatServer, ann: Person, conversation: str
) -> None:
    address = urlsplit(server.url)
    path = f"{urlsplit(ann.root).path}/conversations/{conversation}/listen"
    text = "x" * 500_000
    with socket.create_connection((address.hostname, address.port)) as idle, ann.listening(conversation) as stream:
        idle.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nx-user-key: {ann.key}\r\n\r\n".encode())
        assert idle.recv(12) == b"HTTP/1.1 200"
        for _ in range(12):
            ann.http.post(
                f"{ann.root}/messages",
                headers={"x-user-key": ann.key},
                json={"conversationId": conversation, "payload": {"type": "poll", "text": text}},
            ).raise_for_status()
            while stream.message()["userId"] == "bot":
                pass


def test_the_stream_answers_get_only(ann: Person, conversation: str) -> None:
    for method in ("HEAD", "POST"):
        response: httpx.Response = ann.call(method, f"/conversations/{conversation}/listen")
        assert response.status_code == 405
        assert response.headers["allow"] == "GET"
