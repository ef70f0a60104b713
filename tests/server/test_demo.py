"""The demo bot: every one of its commands, as a user meets it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.server.people import Person
from tests.support.server import WebchatServer

PAYLOADS = {
    "text": "text",
    "markdown": "markdown",
    "image": "imageUrl",
    "audio": "audioUrl",
    "video": "videoUrl",
    "file": "fileUrl",
    "location": "latitude",
    "card": "actions",
    "carousel": "items",
    "choice": "options",
    "dropdown": "options",
    "bloc": "items",
    "custom": "name",
}
MEDIA = {
    "image": (b"\x89PNG\r\n", "image/png"),
    "audio": (b"RIFF", "audio/wav"),
    "video": (b"\x1aE\xdf\xa3", "video/webm"),
    "file": (b"This file", "text/plain"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebchatServer]:
    with WebchatServer(tmp_path_factory.mktemp("data")) as server:
        yield server


@pytest.fixture
def root(demo: WebchatServer) -> str:
    return f"{demo.url}/local"


def _urls(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from _urls(item)
    elif isinstance(value, str) and "://" in value:
        yield value


def test_it_greets_who_opens_a_conversation(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        payload = {"type": "conversation_started", "data": {}}
        ann.post("/events", {"conversationId": conversation, "payload": payload})
        assert "help" in stream.from_bot()["payload"]["text"]


def test_it_greets_only_once(ann: Person, conversation: str) -> None:
    payload = {"type": "conversation_started", "data": {}}
    with ann.listening(conversation) as stream:
        for _ in range(2):
            ann.post("/events", {"conversationId": conversation, "payload": payload})
        ann.say(conversation, "text")
        assert stream.from_bot()["payload"]["text"].startswith("Welcome!")
        assert stream.from_bot()["payload"]["text"] == "This is plain text."


@pytest.mark.parametrize("text", ["hello", "Hi", " HELLO! "])
def test_it_answers_a_greeting(ann: Person, conversation: str, text: str) -> None:
    assert ann.hear_bot(conversation, text)["text"].startswith("Hello, Ann!")


def test_help_lists_all_it_can_do_and_each_of_it_works(ann: Person, conversation: str) -> None:
    payload = ann.hear_bot(conversation, "help")
    assert payload["type"] == "choice"
    commands = [option["value"] for option in payload["options"]]
    assert {*PAYLOADS, "unknown", "slow", "event", "visibility", "config"} == set(commands)
    for command in commands:
        assert not str(ann.hear_bot(conversation, command)).startswith("{'type': 'text', 'text': 'You said")


@pytest.mark.parametrize(("name", "field"), PAYLOADS.items())
def test_it_shows_every_payload_by_name(
    ann: Person, conversation: str, demo: WebchatServer, name: str, field: str
) -> None:
    payload = ann.hear_bot(conversation, name)
    assert payload["type"] == name
    assert payload[field]
    for url in _urls(payload):
        assert url.startswith(f"{demo.url}/"), "the demo needs something from elsewhere"
        assert ann.http.get(url).status_code == 200


@pytest.mark.parametrize(("name", "expected"), MEDIA.items())
def test_its_media_are_what_they_are_called(
    ann: Person, conversation: str, name: str, expected: tuple[bytes, str]
) -> None:
    response = ann.http.get(ann.hear_bot(conversation, name)[PAYLOADS[name]])
    start, media_type = expected
    assert response.content.startswith(start)
    assert response.headers["content-type"].startswith(media_type)


def test_unknown_is_of_a_type_that_no_client_knows(ann: Person, conversation: str) -> None:
    assert ann.hear_bot(conversation, "unknown")["type"] not in PAYLOADS


@pytest.mark.parametrize(
    ("command", "type", "data"),
    [
        ("slow", "typing_started", {"timeout": 2000}),
        ("event", "custom", {"event": {"action": "demo", "answer": 42}}),
        ("visibility", "webchat_visibility", {"visibility": "toggle"}),
        ("config", "webchat_config", {"config": {"botName": "Demo bot"}}),
    ],
)
def test_it_sends_signals_and_says_so(
    ann: Person, conversation: str, command: str, type: str, data: dict[str, Any]
) -> None:
    with ann.listening(conversation) as stream:
        ann.say(conversation, command)
        assert [stream.signal()["type"] for _ in range(2)] == ["message_created", "message_status_changed"]
        assert stream.signal() == {"type": type, "data": data}
        assert stream.from_bot()["payload"]["text"]


def test_everything_else_is_repeated_with_a_hint(ann: Person, conversation: str) -> None:
    said = ann.hear_bot(conversation, "What is <b>this</b>?")["text"]
    assert "What is <b>this</b>?" in said
    assert "help" in said


def test_it_thanks_for_a_file_and_answers_an_event(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        payload = {"type": "image", "imageUrl": "/a.png"}
        ann.post("/messages", {"conversationId": conversation, "payload": payload})
        assert "image" in stream.from_bot()["payload"]["text"]
        event = {"type": "custom", "data": {}}
        ann.post("/events", {"conversationId": conversation, "payload": event})
        assert "custom" in stream.from_bot()["payload"]["text"]


def test_only_its_own_media_are_served(http: httpx.Client, demo: WebchatServer) -> None:
    for name in ("demo.py", "..%2fdemo.py", "nowhere.png", "%00", "."):
        assert http.get(f"{demo.url}/demo-media/{name}").status_code == 404
