from __future__ import annotations

import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.conftest import MakePerson
from tests.server.people import Person, eventually
from tests.support.server import WebchatServer


def test_the_bot_answers(ann: Person, conversation: str) -> None:
    assert ann.hear_bot(conversation, "hello") == {"type": "text", "text": "echo: hello"}


def test_what_the_bot_says_is_a_message_like_any_other(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        own = ann.say(conversation, "hello")
        answer = stream.from_bot()
    assert set(answer) == {"id", "createdAt", "userId", "conversationId", "payload"}
    assert ann.history(conversation) == [answer, own]
    assert ann.get(f"/messages/{answer['id']}").json()["message"] == answer


def test_the_bot_hears_payloads_of_all_types(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        payload = {"type": "image", "imageUrl": "/a.png"}
        ann.post("/messages", {"conversationId": conversation, "payload": payload})
        assert stream.from_bot()["payload"]["text"] == "payload image"


def test_the_bot_knows_who_speaks(person: MakePerson, server: WebchatServer) -> None:
    ann = person(name="Ann", pictureUrl="/ann.png", userData={"plan": "gold"})
    said = ann.hear_bot(ann.conversation(), "who")["text"]
    assert said == f"{ann.id} Ann /ann.png {{'plan': 'gold'}} {server.url}/x"
    nobody = person()
    said = nobody.hear_bot(nobody.conversation(), "who")["text"]
    assert said == f"{nobody.id} None None {{}} {server.url}/x"


def test_signals_reach_the_listeners(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        said = ann.say(conversation, "signals")
        assert [stream.signal() for _ in range(9)] == [
            {"type": "message_created", "data": said},
            _status(said, "pending", "processing"),
            {"type": "typing_started", "data": {"timeout": 1500}},
            {"type": "typing_stopped", "data": {}},
            {"type": "custom", "data": {"event": {"action": "checkout"}}},
            {"type": "webchat_visibility", "data": {"visibility": "toggle"}},
            {"type": "webchat_config", "data": {"config": {"botName": "Ada"}}},
            {"type": "confetti", "data": {"pieces": 3}},
            _status(said, "processing", "processed"),
        ]


def _status(message: dict[str, Any], old: str, new: str, **more: str) -> dict[str, Any]:
    data = {"message": message, "oldStatus": old, "newStatus": new, **more}
    return {"type": "message_status_changed", "data": data}


@pytest.mark.parametrize(("text", "reason"), [("raise", "The bot failed"), ("hang", "The bot took too long")])
def test_a_message_that_the_bot_failed_at_says_so_and_no_more(
    ann: Person, conversation: str, text: str, reason: str
) -> None:
    with ann.listening(conversation) as stream:
        said = ann.say(conversation, text)
        assert [stream.signal() for _ in range(3)] == [
            {"type": "message_created", "data": said},
            _status(said, "pending", "processing"),
            _status(said, "processing", "failed", failureReason=reason),
        ]


def test_messages_of_one_conversation_are_answered_in_order(ann: Person, conversation: str) -> None:
    with ann.listening(conversation) as stream:
        for text in ("slowly", "one", "slowly", "two"):
            ann.say(conversation, text)
        answers = [stream.from_bot()["payload"]["text"] for _ in range(4)]
    assert answers == ["after a while", "echo: one", "after a while", "echo: two"]


def test_conversations_do_not_wait_for_each_other(ann: Person, conversation: str) -> None:
    ann.say(conversation, "hang")
    assert ann.hear_bot(ann.conversation(), "hello")["text"] == "echo: hello"
    assert len(ann.history(conversation)) == 1


@pytest.mark.parametrize(
    ("text", "logged"),
    [
        ("raise", "LookupError: this bot is broken"),
        ("exit", "SystemExit: bye"),
        ("bad payload", "payload.options[0].value is missing"),
        ("no payload", "TypeError: a bot sends a text, or a payload as a dict with a type, and no list"),
        ("not a number", "is not JSON"),
        ("hang", "did not end within 1 s"),
        ("hang on", "did not end within 1 s"),
        ("thread", "did not end within 1 s"),
        ("outlive", "did not end within 1 s"),
    ],
)
def test_a_bot_that_fails_is_logged_and_answers_the_next_message(
    ann: Person, conversation: str, text: str, logged: str, log: Callable[[], str]
) -> None:
    with ann.listening(conversation) as stream:
        ann.say(conversation, text)
        ann.say(conversation, "hello")
        assert stream.from_bot()["payload"]["text"] == "echo: hello"
    assert logged in log()
    assert conversation in log()
    assert len(ann.history(conversation)) == 3


def test_a_bot_that_blocks_its_thread_does_not_block_the_others(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--bot", "tests.server.bots:answer", "--bot-timeout", "2") as server:
        ann = Person(http, f"{server.url}/x")
        blocked, other = ann.conversation(), ann.conversation()
        ann.say(blocked, "block")
        started = time.monotonic()
        assert ann.get("/users/me").status_code == 200
        assert time.monotonic() - started < 1
        # Its loop is known to be blocked after 5 s; from then on there is another one
        assert eventually(lambda: _answers(ann, other))
        assert eventually(lambda: _answers(ann, blocked))
        assert "a bot blocks its event loop" in server.log
        started = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - started < 4


def _answers(person: Person, conversation: str) -> bool:
    person.say(conversation, "hello")
    return any(message["userId"] == "bot" for message in person.history(conversation)[:5])


def test_a_bot_whose_conversation_is_deleted_is_the_only_one_to_know(
    server: WebchatServer, ann: Person, conversation: str
) -> None:
    ann.say(conversation, "slowly")
    ann.delete(f"/conversations/{conversation}")
    assert eventually(lambda: f"the bot failed in {conversation}" in server.log)
    assert ann.hear_bot(ann.conversation(), "hello")["text"] == "echo: hello"


def test_bots_do_not_hold_up_the_end(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--bot", "tests.server.bots:answer") as server:
        ann = Person(http, f"{server.url}/x")
        for text in ("hang", "hang on", "thread", "outlive"):
            ann.say(ann.conversation(), text)
        conversation = ann.conversation()
        with ann.listening(conversation) as stream:
            started = time.monotonic()
            assert server.stop(signal.SIGINT) == 0
            assert time.monotonic() - started < 4
            assert stream.ends()
        assert "Traceback" not in server.log


def test_a_bot_of_ones_own_is_taken_from_the_current_folder(tmp_path: Path, http: httpx.Client) -> None:
    (tmp_path / "mybots.py").write_text("async def shout(chat):\n    await chat.send(chat.text.upper())\n")
    with WebchatServer(tmp_path / "data", "--bot", "mybots:shout", folder=tmp_path) as server:
        ann = Person(http, f"{server.url}/x")
        assert ann.hear_bot(ann.conversation(), "hello")["text"] == "HELLO"


def test_the_echo_bot_repeats_any_payload(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path, "--bot", "echo") as server:
        ann = Person(http, f"{server.url}/x")
        conversation = ann.conversation()
        with ann.listening(conversation) as stream:
            for payload in ({"type": "text", "text": "hello"}, {"type": "poll", "question": [1, None]}):
                ann.post("/messages", {"conversationId": conversation, "payload": payload})
                assert stream.from_bot()["payload"] == payload


def test_several_bots_are_told_apart_by_the_client_id(tmp_path: Path, http: httpx.Client) -> None:
    (tmp_path / "mybots.py").write_text("async def name(chat):\n    await chat.send(f'for {chat.client_id}')\n")
    bots = ("--bot", "echo", "--bot", "shop=mybots:name", "--bot", "a=b=mybots:name")
    with WebchatServer(tmp_path / "data", *bots, folder=tmp_path) as server:
        for client_id, answer in [("x", "hello"), ("shop", "for shop"), ("a=b", "for a=b")]:
            person = Person(http, f"{server.url}/{client_id}")
            assert person.hear_bot(person.conversation(), "hello")["text"] == answer


def test_without_a_choice_there_are_the_demo_and_an_echo(tmp_path: Path, http: httpx.Client) -> None:
    with WebchatServer(tmp_path) as server:
        ann, bob = Person(http, f"{server.url}/x"), Person(http, f"{server.url}/echo")
        assert "Nice to meet you" in ann.hear_bot(ann.conversation(), "hello")["text"]
        assert bob.hear_bot(bob.conversation(), "hello")["text"] == "hello"
