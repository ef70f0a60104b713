"""Faults on purpose, as a client sees them: through real sockets, from a real server process."""

from __future__ import annotations

import asyncio
import random
import select
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import Message
from webchat_server.app import Settings, create_api, create_app
from webchat_server.bots import load
from webchat_server.faults import KINDS, Dropped, Fault, Faults

from tests.server.conftest import error_of
from tests.server.people import Person, Stream, eventually
from tests.server.test_command import run
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
MESSAGES = "POST /messages"

SetFaults = Callable[..., None]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    """A server that can be told to go wrong. Its bot says nothing, and a ping is far away."""
    options = ["--faults", "none", "--bot", "tests.server.bots:answer", "--page-size", "2", "--web", str(ROOT / "web")]
    with WebchatServer(tmp_path_factory.mktemp("faulty"), *options) as server:
        yield server


@pytest.fixture
def faults(server: WebchatServer, http: httpx.Client) -> Iterator[SetFaults]:
    """`faults({"kind": ...}, ...)` sets these and no others; when the test is over there are none."""

    def set_faults(*faults: dict[str, Any]) -> None:
        http.put(f"{server.url}/faults", json=list(faults)).raise_for_status()

    yield set_faults
    set_faults()


@pytest.fixture
def left(server: WebchatServer, http: httpx.Client) -> Callable[[], list[dict[str, Any]]]:
    """`left()` are the faults that the server has left."""
    return lambda: list(http.get(f"{server.url}/faults").raise_for_status().json())


@pytest.fixture
def hit_streams(server: WebchatServer, http: httpx.Client) -> Callable[[str], int]:
    """`hit_streams(how)` ends or stalls all open streams, and returns how many there were."""

    def hit(how: str) -> int:
        answer = http.post(f"{server.url}/faults/streams", json={"how": how}).raise_for_status().json()
        return int(answer["streams"])

    # A reader of an earlier test may have left without the server knowing
    assert eventually(lambda: hit("hard") == 0)
    return hit


def texts(person: Person, conversation: str) -> list[str]:
    return [message["payload"]["text"] for message in person.history(conversation)]


def said(stream: Stream) -> str:
    """The text of the next message of the stream."""
    text: str = stream.message()["payload"]["text"]
    return text


def message_body(conversation: str, text: str, **metadata: str) -> dict[str, Any]:
    more = {"metadata": metadata} if metadata else {}
    return {"conversationId": conversation, "payload": {"type": "text", "text": text}, **more}


def say_in_vain(person: Person, conversation: str, text: str) -> None:
    """Say something whose answer does not come, because the connection is reset."""
    with pytest.raises(httpx.ReadError, match="reset"):
        person.post("/messages", message_body(conversation, text))


class RawStream:
    """An event stream on a bare socket: all that has come, and how it ended."""

    def __init__(self, person: Person, conversation: str) -> None:
        url = urlsplit(person.root)
        self._socket = socket.create_connection((url.hostname, url.port), timeout=10)
        path = f"{url.path}/conversations/{conversation}/listen"
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nx-user-key: {person.key}\r\n\r\n".encode())
        self.received = b""

    def __enter__(self) -> RawStream:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read_until(self, end: bytes) -> None:
        while end not in self.received:
            chunk = self._socket.recv(65536)
            assert chunk, self.received
            self.received += chunk

    def read_to_the_end(self) -> str:
        """Read on. Returns "complete", "broken off" (an answer without its end), or "reset"."""
        try:
            while chunk := self._socket.recv(65536):
                self.received += chunk
        except ConnectionResetError:
            return "reset"
        return "complete" if self.received.endswith(b"\r\n0\r\n\r\n") else "broken off"

    def is_silent(self) -> bool:
        """Whether there is nothing to read now, neither bytes nor the end."""
        return select.select([self._socket], [], [], 0)[0] == []


# --- requests ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "type"),
    [
        (401, "Unauthorized"),
        (403, "Forbidden"),
        (404, "ResourceNotFound"),
        (429, "RateLimited"),
        (500, "Internal"),
        (503, "Unknown"),
    ],
)
def test_an_error_is_answered_as_often_as_asked_for(
    ann: Person, conversation: str, faults: SetFaults, status: int, type: str
) -> None:
    faults({"kind": "status", "on": MESSAGES, "status": status, "times": 2})
    for _ in range(2):
        response = ann.post("/messages", message_body(conversation, "x"))
        assert error_of(response) == (status, type)
        assert "retry-after" not in response.headers
    assert ann.history(conversation) == []
    ann.say(conversation, "nothing")
    assert texts(ann, conversation) == ["nothing"]


def test_an_error_says_when_to_try_again(ann: Person, faults: SetFaults) -> None:
    faults({"kind": "status", "status": 429, "retry_after": 7})
    response = ann.call("GET", "/users/me", headers={"origin": "https://example.org"})
    assert response.headers["retry-after"] == "7"
    assert response.headers["access-control-allow-origin"] == "https://example.org"
    assert response.headers["access-control-expose-headers"] == "Retry-After"


def test_a_fault_ends_when_its_time_is_over(ann: Person, faults: SetFaults, left: Callable[[], Any]) -> None:
    faults({"kind": "status", "lasting": 1})
    assert ann.get("/users/me").status_code == 503
    assert 0 < left()[0]["lasting"] < 1
    assert eventually(lambda: ann.get("/users/me").status_code == 200)
    assert left() == []


@pytest.mark.parametrize(("options", "status"), [({}, 200), ({"status": 502}, 502)])
def test_html_is_answered_instead_of_json(
    ann: Person, conversation: str, faults: SetFaults, options: dict[str, Any], status: int
) -> None:
    faults({"kind": "html", "on": MESSAGES, **options})
    response = ann.post("/messages", message_body(conversation, "x"))
    assert response.status_code == status
    assert response.headers["content-type"].startswith("text/html")
    assert response.text.startswith("<!doctype html>")
    assert ann.history(conversation) == []


def test_a_request_is_lost_and_not_carried_out(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "lose-request", "on": MESSAGES, "times": 1})
    say_in_vain(ann, conversation, "nothing")
    assert ann.history(conversation) == []


def test_an_answer_is_lost_and_the_request_carried_out(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "lose-answer", "on": MESSAGES, "times": 1})
    say_in_vain(ann, conversation, "nothing")
    assert texts(ann, conversation) == ["nothing"]


def test_the_opening_of_a_stream_is_lost(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "lose-answer", "on": "/listen", "times": 1})
    with RawStream(ann, conversation) as stream:
        assert stream.read_to_the_end() == "reset"
        assert stream.received == b""


def test_a_request_is_carried_out_late(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "late", "on": MESSAGES, "times": 1, "seconds": 2})
        started = time.monotonic()
        say_in_vain(ann, conversation, "late")
        assert time.monotonic() - started < 2
        ann.say(conversation, "nothing")
        assert (said(stream), said(stream)) == ("nothing", "late")
    assert time.monotonic() - started >= 2
    assert texts(ann, conversation).count("late") == 1


def test_what_is_carried_out_late_meets_the_servers_ways(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "no-metadata"}, {"kind": "late", "on": MESSAGES, "times": 1, "seconds": 0.1})
        with pytest.raises(httpx.ReadError, match="reset"):
            ann.post("/messages", message_body(conversation, "late", clientMessageId="1"))
        assert "metadata" not in stream.message()


def test_a_delayed_request_is_carried_out_though_the_client_gave_up(
    ann: Person, conversation: str, faults: SetFaults
) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "delay", "on": MESSAGES, "seconds": 0.5})
        with pytest.raises(httpx.ReadTimeout):
            ann.call("POST", "/messages", json=message_body(conversation, "nothing"), timeout=0.2)
        assert said(stream) == "nothing"


def test_a_delayed_request_waits_before_it_is_carried_out(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream, ThreadPoolExecutor(1) as pool:
        faults({"kind": "delay", "on": MESSAGES, "seconds": 1, "times": 1})
        started = time.monotonic()
        delayed = pool.submit(ann.say, conversation, "delayed")
        assert said(stream) == "delayed"
        assert time.monotonic() - started >= 1
        assert delayed.result()["payload"]["text"] == "delayed"


def test_a_delayed_answer_comes_after_the_signal(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream, ThreadPoolExecutor(1) as pool:
        faults({"kind": "delay-answer", "on": MESSAGES, "seconds": 2})
        delayed = pool.submit(ann.say, conversation, "nothing")
        message = stream.message()
        assert not delayed.done()
        assert delayed.result() == message


def test_no_metadata_is_kept(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "no-metadata"})
    with ann.listening(conversation) as stream:
        for _ in range(2):
            message = ann.say(conversation, "nothing", metadata={"clientMessageId": "1", "more": 2})
            assert "metadata" not in message
            assert stream.message() == message
    assert texts(ann, conversation) == ["nothing", "nothing"]
    assert all("metadata" not in message for message in ann.history(conversation))
    response = ann.call("POST", "/messages", content=b"no json")
    assert error_of(response) == (400, "InvalidPayload")


def test_a_used_client_message_id_is_not_refused(ann: Person, conversation: str, faults: SetFaults) -> None:
    metadata = {"clientMessageId": "1"}
    ann.say(conversation, "nothing", metadata=metadata)
    faults({"kind": "no-dedupe", "times": 1})
    second = ann.say(conversation, "nothing", metadata=metadata)
    assert second["metadata"] == metadata
    ann.say(conversation, "nothing", metadata=metadata)
    assert [message["metadata"] for message in ann.history(conversation)] == [metadata, metadata]


def test_the_history_comes_oldest_first(ann: Person, conversation: str, faults: SetFaults) -> None:
    messages = [ann.say(conversation, "nothing") for _ in range(5)]
    faults({"kind": "oldest-first"})
    assert ann.history(conversation) == messages
    faults()
    assert ann.history(conversation) == messages[::-1]


@pytest.mark.parametrize("start_turned", [True, False])
def test_a_page_goes_on_in_the_order_in_which_the_first_one_came(
    ann: Person, conversation: str, faults: SetFaults, start_turned: bool
) -> None:
    messages = [ann.say(conversation, "nothing") for _ in range(3)]
    path = f"/conversations/{conversation}/messages"
    turned = {"kind": "oldest-first"}
    faults(*[turned] if start_turned else [])
    first = ann.get(path).json()
    faults(*[] if start_turned else [turned])
    second = ann.get(path, params=first["meta"]).json()
    wanted = messages if start_turned else messages[::-1]
    assert first["messages"] + second["messages"] == wanted
    assert second["meta"] == {}


def test_keys_expire_and_new_ones_are_valid(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--faults", "none") as server:
        ann = Person(http, f"{server.url}/x")
        http.put(f"{server.url}/faults", json=[{"kind": "expire-keys"}])
        assert error_of(ann.get("/users/me")) == (401, "Unauthorized")
        ben = Person(http, f"{server.url}/x")
        assert ben.get("/users/me").status_code == 200
        server.restart()
        assert ben.get("/users/me").status_code == 200
        assert ann.get("/users/me").status_code == 401


# --- streams ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "end"), [("drop-clean", "complete"), ("drop-hard", "reset"), ("cut", "broken off")])
def test_a_stream_ends_at_a_signal(
    ann: Person, conversation: str, faults: SetFaults, left: Callable[[], Any], kind: str, end: str
) -> None:
    faults({"kind": kind, "signal": "message_created", "times": 1})
    with RawStream(ann, conversation) as stream:
        stream.read_until(b": listening")
        assert len(left()) == 1
        ann.say(conversation, "nothing")
        assert stream.read_to_the_end() == end
        assert (b"message_created" in stream.received) == (kind == "cut")
        assert b"nothing" not in stream.received
    assert texts(ann, conversation) == ["nothing"]
    with ann.listening(conversation) as again:
        ann.say(conversation, "hello")
        assert said(again) == "hello"


@pytest.mark.parametrize(("kind", "end"), [("drop-clean", "complete"), ("drop-hard", "reset"), ("cut", "broken off")])
def test_a_stream_ends_at_an_age(ann: Person, conversation: str, faults: SetFaults, kind: str, end: str) -> None:
    faults({"kind": kind, "after": 0.5})
    started = time.monotonic()
    with RawStream(ann, conversation) as stream:
        assert stream.read_to_the_end() == end
    assert time.monotonic() - started >= 0.5


def test_a_signal_before_that_age_is_sent(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "drop-hard", "after": 60})
    with ann.listening(conversation) as stream:
        ann.say(conversation, "nothing")
        assert said(stream) == "nothing"


@pytest.mark.parametrize(("how", "end"), [("clean", "complete"), ("hard", "reset"), ("cut", "broken off")])
def test_all_open_streams_are_ended_now(
    ann: Person, conversation: str, hit_streams: Callable[[str], int], how: str, end: str
) -> None:
    with RawStream(ann, conversation) as one, RawStream(ann, conversation) as two:
        one.read_until(b": listening")
        two.read_until(b": listening")
        assert hit_streams(how) == 2
        assert [stream.read_to_the_end() for stream in (one, two)] == [end, end]
        assert (b'data: {"type"' in one.received) == (how == "cut")
    assert hit_streams("hard") == 0


def test_a_stream_that_its_reader_left_is_not_there_to_be_ended(
    ann: Person, conversation: str, hit_streams: Callable[[str], int]
) -> None:
    with RawStream(ann, conversation) as stream:
        stream.read_until(b": listening")
    assert eventually(lambda: hit_streams("stall") == 0)


def test_streams_fall_silent_and_stay_open(ann: Person, conversation: str, hit_streams: Callable[[str], int]) -> None:
    with RawStream(ann, conversation) as stream:
        stream.read_until(b": listening\n\n\r\n")
        assert hit_streams("stall") == 1
        ann.say(conversation, "nothing")
        with ann.listening(conversation) as other:
            ann.say(conversation, "hello")
            assert said(other) == "hello"
            assert stream.is_silent()
            assert hit_streams("clean") == 2
        assert stream.read_to_the_end() == "complete"
        assert b"nothing" not in stream.received


def test_a_stream_falls_silent_at_a_signal_and_goes_on_later(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "stall", "times": 1, "seconds": 1})
        started = time.monotonic()
        ann.say(conversation, "nothing")
        ann.say(conversation, "hello")
        assert said(stream) == "nothing"
        assert time.monotonic() - started >= 1
        assert said(stream) == "hello"


def test_a_stream_falls_silent_at_an_age(tmp_path: Path, http: httpx.Client) -> None:
    options = ["--ping-interval", "0.1", "--faults", "stall:after=0.5:seconds=1:times=1"]
    with WebchatServer(tmp_path, *options) as server:
        ann = Person(http, f"{server.url}/x")
        with ann.listening(ann.conversation()) as stream:
            waits: list[float] = []
            while len(waits) < 50 and max(waits, default=0) < 0.8:
                started = time.monotonic()
                assert stream.frame() is not None
                waits.append(time.monotonic() - started)
            assert 2 < len(waits) < 50
            assert stream.frame() == "event: message\ndata: ping"


def test_a_signal_is_lost(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "lose-signal", "signal": "message_created", "times": 1})
        ann.say(conversation, "nothing")
        ann.say(conversation, "hello")
        assert said(stream) == "hello"
    assert texts(ann, conversation)[-1] == "nothing"


def test_signals_of_another_type_are_sent(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "lose-signal", "signal": "message_status_changed"})
        messages = [ann.say(conversation, "nothing") for _ in range(2)]
        assert [stream.signal() for _ in messages] == [{"type": "message_created", "data": m} for m in messages]


def test_a_signal_is_sent_twice(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "duplicate", "signal": "message_created", "times": 1})
        ann.say(conversation, "nothing")
        ann.say(conversation, "last")
        first = stream.message()
        assert stream.message() == first
        assert said(stream) == "last"
    assert texts(ann, conversation).count("nothing") == 1


def test_two_signals_come_the_other_way_round(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "reorder", "signal": "message_created", "times": 1, "seconds": 60})
        for text in ("nothing", "payload", "last"):
            ann.post("/messages", {"conversationId": conversation, "payload": {"type": "text", "text": text}})
        assert said(stream) == "payload"
        assert said(stream) == "nothing"


def test_a_signal_without_a_next_one_comes_late(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "reorder", "signal": "message_created", "times": 1, "seconds": 1})
        started = time.monotonic()
        ann.say(conversation, "nothing")
        assert stream.signal()["type"] == "message_status_changed"
        assert said(stream) == "nothing"
        assert time.monotonic() - started >= 1


def test_a_signal_that_is_held_waits_for_a_silent_stream(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults(
            {"kind": "reorder", "signal": "message_created", "seconds": 1},
            {"kind": "stall", "signal": "message_status_changed", "times": 1, "seconds": 2},
        )
        started = time.monotonic()
        ann.say(conversation, "nothing")
        assert said(stream) == "nothing"
        assert time.monotonic() - started >= 2


@pytest.mark.parametrize("by", ["a fault", "the server"])
def test_a_signal_that_is_held_when_the_stream_ends_is_not_lost(
    ann: Person, conversation: str, faults: SetFaults, hit_streams: Callable[[str], int], by: str
) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "reorder", "signal": "message_created", "seconds": 60})
        ann.say(conversation, "nothing")
        assert stream.signal()["type"] == "message_status_changed"
        if by == "a fault":
            hit_streams("clean")
        else:
            ann.delete(f"/conversations/{conversation}")
        assert said(stream) == "nothing"


def test_signals_are_delayed(ann: Person, conversation: str, faults: SetFaults) -> None:
    with ann.listening(conversation) as stream:
        faults({"kind": "delay-signals", "signal": "message_created", "seconds": 0.5})
        started = time.monotonic()
        for text in ("nothing", "hello"):
            ann.say(conversation, text)
        assert (said(stream), said(stream)) == ("nothing", "hello")
        assert time.monotonic() - started >= 1


def test_the_first_byte_is_held_back_until_the_first_signal(
    ann: Person, conversation: str, faults: SetFaults, log: Callable[[], str]
) -> None:
    faults({"kind": "hold-first-byte", "times": 1})
    with RawStream(ann, conversation) as stream:
        assert eventually(lambda: "fault: hold-first-byte" in log())
        ann.get("/users/me")
        assert stream.is_silent()
        ann.say(conversation, "nothing")
        stream.read_until(b'"text":"nothing"')
        assert stream.received.startswith(b"HTTP/1.1 200")
        assert stream.received.index(b": listening") < stream.received.index(b"message_created")


def test_the_first_byte_is_held_back_until_the_first_ping(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--ping-interval", "1", "--faults", "hold-first-byte") as server:
        ann = Person(http, f"{server.url}/x")
        started = time.monotonic()
        with ann.listening(ann.conversation()) as stream:
            assert time.monotonic() - started >= 1
            assert stream.frame() == ": listening"
            assert stream.frame() == "event: message\ndata: ping"


def test_the_first_byte_is_held_back_for_a_time(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "hold-first-byte", "seconds": 0.5})
    started = time.monotonic()
    with ann.listening(conversation) as stream:
        assert time.monotonic() - started >= 0.5
        assert stream.frame() == ": listening"


def test_a_stream_that_is_held_back_can_be_ended(
    ann: Person, conversation: str, faults: SetFaults, log: Callable[[], str], hit_streams: Callable[[str], int]
) -> None:
    faults({"kind": "hold-first-byte"})
    with RawStream(ann, conversation) as stream:
        assert eventually(lambda: "fault: hold-first-byte" in log())
        assert hit_streams("clean") == 1
        assert stream.read_to_the_end() == "complete"
        assert b": listening" in stream.received


# --- which requests, how often ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("on", "hit"),
    [
        ("", {"me", "history", "conversation", "say"}),
        ("GET", {"me", "history", "conversation"}),
        ("POST /messages", {"say"}),
        ("/messages", {"history", "say"}),
        ("GET /conversations/*/messages", {"history"}),
        ("GET /conversations/*", {"conversation"}),
        ("/me", {"me"}),
        ("DELETE /users/me", set()),
    ],
)
def test_a_fault_concerns_the_requests_that_it_names(
    ann: Person, conversation: str, faults: SetFaults, on: str, hit: set[str]
) -> None:
    calls: dict[str, Callable[[], httpx.Response]] = {
        "me": lambda: ann.get("/users/me"),
        "history": lambda: ann.get(f"/conversations/{conversation}/messages"),
        "conversation": lambda: ann.get(f"/conversations/{conversation}"),
        "say": lambda: ann.post("/messages", message_body(conversation, "nothing")),
    }
    faults({"kind": "status", "on": on})
    assert {name for name, call in calls.items() if call().status_code == 503} == hit


def test_a_fault_waits_for_a_request_that_it_can_concern(
    ann: Person, conversation: str, faults: SetFaults, left: Callable[[], Any]
) -> None:
    faults(*({"kind": kind, "times": 1} for kind in ("no-metadata", "no-dedupe", "oldest-first")))
    ann.get(f"/conversations/{conversation}")
    assert len(left()) == 3
    ann.say(conversation, "nothing")
    assert [fault["kind"] for fault in left()] == ["oldest-first"]
    ann.get(f"/conversations/{conversation}/messages")
    assert left() == []


def test_the_page_and_preflights_are_left_alone(
    server: WebchatServer, http: httpx.Client, ann: Person, faults: SetFaults
) -> None:
    faults({"kind": "status"})
    assert http.get(f"{server.url}/").status_code == 200
    assert http.get(f"{server.url}/chat/chat.js").status_code == 200
    assert http.options(f"{ann.root}/users/me").status_code == 204
    assert ann.get("/users/me").status_code == 503


def test_chance_decides(ann: Person, faults: SetFaults) -> None:
    faults({"kind": "status", "chance": 0.5})
    assert {ann.get("/users/me").status_code for _ in range(60)} == {200, 503}
    faults({"kind": "status", "chance": 0})
    assert {ann.get("/users/me").status_code for _ in range(60)} == {200}


def test_several_faults_meet(ann: Person, conversation: str, faults: SetFaults) -> None:
    faults({"kind": "delay", "seconds": 0.5}, {"kind": "status", "status": 404, "on": "GET"})
    started = time.monotonic()
    assert error_of(ann.get(f"/conversations/{conversation}")) == (404, "ResourceNotFound")
    assert time.monotonic() - started >= 0.5


def test_no_connection_is_used_twice(ann: Person, server: WebchatServer) -> None:
    """Browsers repeat a request by themselves when a connection is cut that they have used before."""
    for method, path in (("GET", "/users/me"), ("OPTIONS", "/users/me"), ("POST", "/conversations")):
        assert ann.call(method, path).headers["connection"] == "close"
    assert ann.http.get(server.url).headers["connection"] == "close"


# --- steering ---------------------------------------------------------------------------------------------------


def test_what_is_left_is_told(ann: Person, faults: SetFaults, left: Callable[[], Any]) -> None:
    faults({"kind": "status", "on": "/me", "status": 404, "times": 3}, {"kind": "duplicate", "chance": 0.5})
    ann.get("/users/me")
    assert left() == [
        {"kind": "status", "on": "/me", "chance": 1, "times": 2, "status": 404},
        {"kind": "duplicate", "chance": 0.5},
    ]
    ann.get("/users/me")
    ann.get("/users/me")
    assert left() == [{"kind": "duplicate", "chance": 0.5}]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ([{"kind": "nonsense"}], f"there is no fault 'nonsense'; the faults are {', '.join(KINDS)}"),
        ([{"kind": "delay", "second": 1}], "a fault has no 'second', only kind, on, signal, chance, times"),
        ([{"kind": "delay", "seconds": "soon"}], "delay: seconds=soon is no number from 0 to 86400"),
        ([{"kind": "delay", "seconds": -1}], "delay: seconds=-1 is no number from 0 to 86400"),
        ([{"kind": "delay", "on": "messages"}], 'delay: on=messages is not of the form "METHOD /path"'),
        ([{"kind": "delay", "on": 1}], 'delay: on=1 is not of the form "METHOD /path"'),
        ([{"kind": "delay", "signal": "custom"}], "delay has no option signal, only drop-clean"),
        ([{"kind": "duplicate", "after": 1}], "duplicate has no option after, only drop-clean"),
        ([{"kind": "status", "status": 100}], "status: status=100 is no number from 200 to 599"),
        ([{"on": "GET"}], "a fault is an object with a kind and options"),
        (["delay"], "a fault is an object with a kind and options"),
        ({"kind": "delay"}, "a fault is an object with a kind and options"),
        (3, "The body is no list of faults"),
    ],
)
def test_what_is_no_fault_is_refused_and_changes_nothing(
    server: WebchatServer, http: httpx.Client, faults: SetFaults, left: Callable[[], Any], body: Any, said: str
) -> None:
    faults({"kind": "duplicate"})
    response = http.put(f"{server.url}/faults", json=body)
    assert error_of(response) == (400, "InvalidPayload")
    assert said in response.json()["message"]
    assert left() == [{"kind": "duplicate", "chance": 1}]


def test_streams_are_hit_in_one_of_four_ways(server: WebchatServer, http: httpx.Client) -> None:
    response = http.post(f"{server.url}/faults/streams", json={"how": "gently"})
    assert error_of(response) == (400, "InvalidPayload")


def test_without_the_option_nothing_can_be_set(webchat_server: WebchatServer, http: httpx.Client) -> None:
    fault = [{"kind": "status"}]
    assert http.get(f"{webchat_server.url}/faults").status_code == 404
    assert http.put(f"{webchat_server.url}/faults", json=fault).status_code in (404, 405)
    assert http.post(f"{webchat_server.url}/faults/streams", json={"how": "clean"}).status_code in (404, 405)
    assert http.post(f"{webchat_server.url}/x/users").status_code == 201


def test_faults_are_set_by_the_command_line(tmp_path: Path, http: httpx.Client) -> None:
    spec = "status:on=POST /users:status=429:retry_after=1:times=1,html:on=/conversations:times=1"
    with WebchatServer(tmp_path, "--faults", spec) as server:
        refused = http.post(f"{server.url}/x/users")
        assert error_of(refused) == (429, "RateLimited")
        ann = Person(http, f"{server.url}/x")
        assert ann.post("/conversations").headers["content-type"].startswith("text/html")
        assert ann.post("/conversations").status_code == 201


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("nonsense", f"there is no fault 'nonsense'; the faults are {', '.join(KINDS)}"),
        ("", "there is no fault ''; the faults are "),
        ("delay,none", "there is no fault 'none'; the faults are "),
        ("delay:seconds", "delay: seconds= is no number from 0 to 86400"),
        ("delay:chance=nan", "delay: chance=nan is no number from 0 to 1"),
        ("delay:wait=1", "a fault has no 'wait', only kind, on"),
    ],
)
def test_a_wrong_list_is_named_in_one_sentence(tmp_path: Path, spec: str, said: str) -> None:
    result = run(tmp_path, "--faults", spec)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_nothing_but_faults_is_in_the_log(
    ann: Person, conversation: str, faults: SetFaults, log: Callable[[], str], hit_streams: Callable[[str], int]
) -> None:
    faults({"kind": "lose-answer", "on": MESSAGES, "times": 1}, {"kind": "cut", "times": 1})
    say_in_vain(ann, conversation, "nothing")
    for how in ("clean", "hard", "cut"):
        with RawStream(ann, conversation) as stream:
            stream.read_until(b": listening")
            hit_streams(how)
            stream.read_to_the_end()
    assert "fault: lose-answer at POST /messages" in log()
    assert "Traceback" not in log()
    assert "ERROR" not in log()
    assert ann.key not in log()


def test_nothing_is_reset_when_the_client_has_gone(
    ann: Person, conversation: str, faults: SetFaults, log: Callable[[], str]
) -> None:
    faults({"kind": "delay", "on": MESSAGES, "seconds": 0.5}, {"kind": "lose-answer", "on": MESSAGES})
    with pytest.raises(httpx.ReadTimeout):
        ann.call("POST", "/messages", json=message_body(conversation, "nothing"), timeout=0.2)
    assert eventually(lambda: "fault: lose-answer" in log())
    ann.get("/users/me")
    assert "ERROR" not in log()


# --- in process -------------------------------------------------------------------------------------------------


def test_others_than_this_machine_can_set_nothing(tmp_path: Path) -> None:
    async def scenario() -> list[int]:
        settings = Settings(data=tmp_path, faults=Faults())
        api = create_api(settings, load("echo"))
        transport = httpx.ASGITransport(create_app(settings, api), client=("192.0.2.1", 1234))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as stranger:
            answers = [
                await stranger.get("/faults"),
                await stranger.put("/faults", json=[{"kind": "html"}]),
                await stranger.post("/faults/streams", json={"how": "hard"}),
                await stranger.post("/x/users"),
            ]
        await api.bots.stop()
        await api.db.close()
        return [answer.status_code for answer in answers]

    assert asyncio.run(scenario()) == [403, 403, 403, 201]


def test_what_is_late_is_given_up_at_the_end() -> None:
    async def scenario() -> None:
        async def receive() -> Message:
            return {"type": "http.request"}

        async def never(*_: object) -> None:
            raise AssertionError

        faults = Faults([Fault("late", seconds=3600)])
        scope = {"type": "http", "method": "POST", "raw_path": b"/x/messages"}
        with pytest.raises(Dropped):
            await faults.around(never, lambda: None)(scope, receive, never)
        await faults.stop()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(scenario())


def test_the_same_seed_gives_the_same_faults() -> None:
    def outcomes(seed: int) -> list[bool]:
        faults = Faults([Fault("status", chance=0.5)], random.Random(seed))
        return [faults.fires("status", "GET /users/me") is not None for _ in range(100)]

    assert outcomes(1) == outcomes(1)
    assert outcomes(1) != outcomes(2)


def test_the_clock_is_the_one_handed_in() -> None:
    now = 0.0
    faults = Faults([Fault("status", lasting=10)], clock=lambda: now)
    now = 9.0
    assert [fault.lasting for fault in faults.active] == [1.0]
    now = 10.0
    assert faults.active == []


def test_faults_that_are_handed_in_stay_as_they_are() -> None:
    fault = Fault("status", times=1)
    faults = Faults([fault])
    assert faults.fires("status", "GET /users/me")
    assert faults.active == []
    assert fault.times == 1


def test_the_readme_names_every_fault() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    table = readme.partition("| kind | what happens |")[2].partition("\n\n")[0]
    named = [line.split("`")[1] for line in table.splitlines() if line.startswith("| `")]
    assert sorted(named) == sorted(KINDS)
