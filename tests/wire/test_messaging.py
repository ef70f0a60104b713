"""Mode "messaging" without a socket: frames, logins, requests, pushes and payloads, from values to values."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.test_fuzz import ANY_JSON, show
from webchat_py.wire import messaging, messaging_payloads
from webchat_py.wire.blocks import to_block
from webchat_py.wire.calls import Call, Page
from webchat_py.wire.errors import (
    ApiError,
    InvalidRequest,
    NotFound,
    NotSupportedInMode,
    ServerError,
    SessionExpired,
    WebchatError,
)
from webchat_py.wire.models import Credentials, Message
from webchat_py.wire.payloads import (
    Action,
    Card,
    Carousel,
    Choice,
    Custom,
    Dropdown,
    Image,
    Markdown,
    Misfit,
    Option,
    Payload,
    Text,
    Unknown,
)
from webchat_py.wire.signals import Happened, MessageCreated, UnknownSignal
from webchat_py.wire.socketio import Ended, Refused, SocketIO, Told

OPENING = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}'
MESSAGE = {
    "id": "m1",
    "conversationId": "c1",
    "sentOn": "2026-11-22T12:53:44.072Z",
    "payload": {"type": "text", "text": "Hello"},
}


CASES = settings(max_examples=20_000 if os.environ.get("WEBCHAT_TEST_FULL") == "1" else 1_000)
DIGITS = ["0", "1", "2", "3", "4", "40", "41", "42", "44", "5", "6"]
PUSHES = ["message.new", "conversation.new", "user.updated", ""]
ANY_TEXT = ANY_JSON.map(json.dumps)


def joined() -> SocketIO:
    """A connection that has joined."""
    protocol = SocketIO({"clientId": "a"})
    protocol.receive(OPENING)
    protocol.receive('40{"sid":"b"}')
    return protocol


# Frames


def test_a_connection_from_its_opening_to_its_end() -> None:
    protocol = SocketIO({"clientId": "a"})
    assert protocol.receive(OPENING) == ('40{"clientId":"a"}', None)
    assert (protocol.silence, protocol.max_packet) == (45.0, 1_000_000)
    assert protocol.receive('40{"sid":"b"}') == (None, None)
    assert protocol.receive('42["login",{"userId":"u"}]') == (None, Told("login", {"userId": "u"}))
    assert protocol.receive('427["message",{"a":[1]},"more"]') == (None, Told("message", {"a": [1]}))
    assert protocol.receive("2") == ("3", None)
    assert protocol.receive("41") == (None, Ended())
    assert protocol.receive("1") == (None, Ended())


def test_a_refusal() -> None:
    protocol = SocketIO({})
    protocol.receive(OPENING)
    assert protocol.receive('44{"message":"Client not found"}') == (None, Refused("Client not found"))


@pytest.mark.parametrize("frame", ["3", "6", "5", '43["x"]', "45-x", "42", "42[]", "42[7]", '42{"a":1}'])
def test_what_means_nothing_here_is_passed_over(frame: str) -> None:
    assert joined().receive(frame) == (None, None)


@pytest.mark.parametrize("frame", ["", "4", "7", "hello", "0{}", '40{"sid":"b"}', '44{"message":"x"}', "42[", "\0"])
def test_what_is_no_frame_or_comes_out_of_turn_is_refused(frame: str) -> None:
    with pytest.raises(Misfit):
        joined().receive(frame)


@pytest.mark.parametrize(
    ("terms", "silence", "limit"),
    [
        ({"pingInterval": 1000, "pingTimeout": 500, "maxPayload": 10}, 1.5, 10),
        ({}, 45.0, 1_000_000),
        ({"pingInterval": 10**400, "pingTimeout": 10**400, "maxPayload": 0}, 600.0, 1_000_000),
        ({"pingInterval": 1000, "pingTimeout": -1}, 1.0, 1_000_000),
        ({"pingInterval": 1, "pingTimeout": 1}, 1.0, 1_000_000),
        ({"pingInterval": "x", "pingTimeout": True, "maxPayload": True}, 45.0, 1_000_000),
    ],
)
def test_the_servers_terms(terms: dict[str, Any], silence: float, limit: int) -> None:
    protocol = SocketIO({})
    protocol.receive(f"0{json.dumps(terms)}")
    assert (protocol.silence, protocol.max_packet) == (silence, limit)


@CASES
@given(st.lists(st.text(max_size=6) | st.builds("{}{}".format, st.sampled_from(DIGITS), ANY_TEXT), max_size=4))
def test_any_text_as_frames(frames: list[str]) -> None:
    for protocol in (SocketIO({}), joined()):
        for frame in frames:
            try:
                reply, _ = protocol.receive(frame)
            except Misfit:
                break
            assert reply is None or reply[0] in "34"


# Logins


@pytest.mark.parametrize(
    ("given_id", "sent"),
    [
        ("D2CDBD33-3B4D-4F4D-8E0C-7D1C4A8E060A", "d2cdbd33-3b4d-4f4d-8e0c-7d1c4a8e060a"),
        ("Shop", "Shop"),
    ],
)
def test_a_client_id_goes_out_as_the_server_knows_it(given_id: str, sent: str) -> None:
    assert messaging.auth(given_id, None) == {"clientId": sent}


def test_what_a_login_says() -> None:
    credentials = Credentials("u", "secret")
    who = {"clientId": "a", "creds": {"userId": "u", "userToken": "secret"}}
    assert messaging.auth("a", credentials) == who
    assert messaging.query(messaging.Profile()) == ""
    assert messaging.query(messaging.Profile({"a&b": "ü ="})) == "&userData=%7B%22a%26b%22%3A%22%C3%BC%20%3D%22%7D"


def test_a_login_of_a_known_user_has_no_token() -> None:
    known = Credentials("u", "t")
    assert messaging.read_login({"userId": "u"}, known) == known
    assert messaging.read_login({"userId": "v", "userToken": "w"}, known) == Credentials("v", "w")
    for wrong in ({"userId": "v"}, {}, None, {"userId": 7, "userToken": "w"}, {"userId": "v", "userToken": "a\r\nb"}):
        with pytest.raises(Misfit):
            messaging.read_login(wrong, known)
    with pytest.raises(Misfit):
        messaging.read_login({"userId": "u"}, None)


# Requests and their answers


@pytest.mark.parametrize(
    ("text", "kind", "retryable"),
    [
        ("Conversation does not exist", NotFound, False),
        ('"id" must be a valid GUID', NotFound, False),
        ('"payload" must be of type object', InvalidRequest, False),
        ("route x does not exist", InvalidRequest, False),
        ("an error occurred", ServerError, True),
        ("something new", ServerError, True),
    ],
)
def test_errors_are_told_by_their_texts(text: str, kind: type[ApiError], retryable: bool) -> None:
    with pytest.raises(kind) as caught:
        messaging.read_answer(messaging.get_user(), {"error": True, "message": text})
    assert type(caught.value) is kind
    assert (caught.value.message, caught.value.retryable) == (text, retryable)
    assert str(caught.value) == text, "there is no HTTP to speak of"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ('"creds.userId" must be a valid GUID', SessionExpired, "none that it gave"),
        ('"clientId" is required', InvalidRequest, "Is client_id right?"),
        ("Client not found", InvalidRequest, "Is client_id right?"),
        ("No thanks", InvalidRequest, "No thanks"),
        ("an error occurred authenticating socket", ServerError, "an error"),
    ],
)
def test_a_refused_login_says_what_to_do(text: str, kind: type[WebchatError], words: str) -> None:
    error = messaging.login_refused(text)
    assert type(error) is kind
    assert str(error).endswith(words if "?" in words else text)
    assert words in str(error)


def test_a_longer_history_is_asked_for_until_the_oldest_known_is_in_it() -> None:
    def answer(call: Call[Page[Message]], count: int) -> Page[Message]:
        limit = call.request.data["limit"]
        return call.read([{**MESSAGE, "id": f"m{n}"} for n in range(min(limit, count))])

    seen: list[str | None] = []
    token: str | None = None
    asked = 0
    while asked == 0 or token is not None:
        page = answer(messaging.list_messages("c1", token), 1000)
        seen += [message.id for message in page.items]
        token, asked = page.next_token, asked + 1
    assert seen == [f"m{n}" for n in range(1000)]
    assert asked == 4  # of 50, 200, 800 and 3200


def test_triggers_are_no_messages_and_an_odd_item_is_one() -> None:
    items = [{**MESSAGE, "payload": {"type": "trigger", "trigger": {}}}, MESSAGE, 7, {**MESSAGE, "payload": 7}]
    page = messaging.list_messages("c1").read(items)
    assert [(message.id, message.payload) for message in page.items] == [
        ("m1", Text("Hello")),
        (None, Unknown("", 7)),
        ("m1", Unknown("", 7)),
    ]


def test_what_is_too_large_is_told_in_bytes_and_without_http() -> None:
    text = "This is too large: 4,000 bytes, and the server does not take"
    assert str(messaging.too_large(4000, 3000)) == f"{text} more than 3,000 at once"
    assert str(messaging.too_large(4000, None)) == f"{text} it in one piece"


def test_the_client_id_travels_in_the_payload() -> None:
    data = messaging.create_message("c", Text("Hello"), {"clientMessageId": "mine"}).request.data
    assert data["payload"] == {"type": "text", "text": "Hello", "metadata": {"clientMessageId": "mine"}}


def test_letters_are_sent_as_letters_and_half_a_letter_as_an_escape() -> None:
    call = messaging.create_message("c", Text("Привет"), {})
    assert "Привет" in messaging.encode_request(call.request, "r")
    call = messaging.create_message("c", Text("\ud83d"), {})
    assert r"\ud83d" in messaging.encode_request(call.request, "r")


def test_metadata_in_a_payload_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match=r"send_message\(metadata=...\)"):
        messaging.create_message("c", Unknown("shop", {"metadata": {"mine": 1}}), {})


def test_what_a_bot_sends_back_is_not_the_users() -> None:
    echo = {**MESSAGE, "payload": {"type": "text", "text": "Hello", "metadata": {"clientMessageId": "mine"}}}
    assert messaging.parse_message({**echo, "authorId": "u"}).client_id == "mine"
    message = messaging.parse_message({**echo, "authorId": None})
    assert (message.client_id, message.metadata) == (None, {"clientMessageId": "mine"})


def test_feedback_is_a_number() -> None:
    for value, number in (("positive", 1), ("negative", -1)):
        assert messaging.add_feedback("m", value).request.data == {"messageId": "m", "feedback": number}


def test_what_the_mode_has_not() -> None:
    with pytest.raises(NotSupportedInMode, match=r"Mode 'messaging' has no send_message\(reply_to\)"):
        messaging.create_message("c", Text("x"), {}, "m1")
    with pytest.raises(NotSupportedInMode, match="update_user"):
        messaging.update_user(messaging.Profile())


CALLS: list[Call[Any]] = [
    messaging.get_user(),
    messaging.create_conversation(),
    messaging.get_conversation("c"),
    messaging.list_conversations(),
    messaging.list_messages("c"),
    messaging.create_message("c", Text("Hi"), {}),
    messaging.send_event("c", {}),
    messaging.add_feedback("m", "negative"),
]
ANY_MESSAGE = ANY_JSON | st.fixed_dictionaries(
    {"id": st.text(max_size=3), "conversationId": st.just("c"), "payload": ANY_JSON}, optional={"authorId": ANY_JSON}
)


@CASES
@given(st.sampled_from(CALLS), ANY_MESSAGE | st.lists(ANY_MESSAGE, max_size=3))
def test_any_json_as_an_answer(call: Call[Any], answer: Any) -> None:
    try:
        value = messaging.read_answer(call, json.loads(json.dumps(answer)))
    except ApiError as error:
        show(error)
        return
    for item in value.items if isinstance(value, Page) else [value]:
        show(item)


# Pushes


def test_a_pushed_message() -> None:
    push = {"userId": "u", "conversationId": "c1", "channel": "messaging", "message": MESSAGE}
    assert messaging.read_push("message.new", push) == MessageCreated(
        Message("m1", "c1", "bot", datetime(2026, 11, 22, 12, 53, 44, 72000, UTC), Text("Hello"))
    )


@pytest.mark.parametrize(
    ("trigger", "event", "value"),
    [
        ({"type": "webchat-visibility", "visibility": "hide"}, "webchat_visibility", "hide"),
        ({"type": "webchat-config", "config": {"a": 1}}, "webchat_config", {"a": 1}),
        ({"type": "custom-event", "event": {"a": 1}}, "custom_event", {"a": 1}),
    ],
)
def test_triggers_are_events(trigger: Any, event: str, value: Any) -> None:
    message = {**MESSAGE, "payload": {"type": "trigger", "trigger": trigger}}
    assert messaging.read_push("message.new", {"message": message}) == Happened(event, value, "c1")


@pytest.mark.parametrize(
    "trigger", [None, 7, {}, {"type": "fly"}, {"type": "webchat-visibility", "visibility": "maybe"}, {"type": []}]
)
def test_a_trigger_that_nobody_knows_is_handed_on(trigger: Any) -> None:
    message = {**MESSAGE, "payload": {"type": "trigger", "trigger": trigger}}
    assert isinstance(messaging.read_push("message.new", {"message": message}), UnknownSignal)


@CASES
@given(st.sampled_from(PUSHES), ANY_JSON | st.fixed_dictionaries({"message": ANY_MESSAGE}))
def test_any_json_as_a_push(kind: str, data: Any) -> None:
    signal = messaging.read_push(kind, data)
    if isinstance(signal, MessageCreated):
        show(signal.message)
    else:
        assert isinstance(signal, Happened | UnknownSignal)


# Payloads

CARD = {
    "type": "card",
    "title": "Shoe",
    "image": "https://example.com/a.png",
    "actions": [
        {"action": "Say something", "title": "More", "text": "more"},
        {"action": "Open URL", "title": "Open", "url": "https://example.com"},
        {"action": "Postback", "title": "Buy", "payload": "buy"},
    ],
}
ACTIONS = [
    Action("say", "More", "more"),
    Action("url", "Open", "https://example.com"),
    Action("postback", "Buy", "buy"),
]
PAIRS: list[tuple[dict[str, Any], Payload]] = [
    ({"type": "text", "text": "Hi"}, Text("Hi")),
    ({"type": "text", "text": "**Hi**", "markdown": True}, Markdown("**Hi**")),
    ({"type": "quick_reply", "text": "Small", "payload": "s"}, Text("Small", "s")),
    ({"type": "image", "image": "https://example.com/a.png"}, Image("https://example.com/a.png")),
    (CARD, Card("Shoe", image_url="https://example.com/a.png", actions=ACTIONS)),
    (
        {"type": "carousel", "items": [CARD]},
        Carousel([Card("Shoe", image_url="https://example.com/a.png", actions=ACTIONS)]),
    ),
    (
        {"type": "single-choice", "text": "Size?", "choices": [{"title": "Small", "value": "s"}]},
        Choice("Size?", [Option("Small", "s")]),
    ),
    (
        {"type": "dropdown", "text": "Size?", "options": [{"label": "Small", "value": "s"}]},
        Dropdown("Size?", [Option("Small", "s")]),
    ),
    ({"type": "custom", "url": "https://a.example/a.js", "name": "A"}, Custom("https://a.example/a.js", "A")),
    ({"type": "zap", "volts": 1}, Unknown("zap", {"type": "zap", "volts": 1})),
]


@pytest.mark.parametrize(("there", "here"), PAIRS, ids=[there["type"] for there, _ in PAIRS])
def test_the_servers_payloads_are_the_same_dataclasses(there: dict[str, Any], here: Payload) -> None:
    assert messaging_payloads.parse(there) == here
    assert messaging_payloads.write(here) == there


def test_the_block_of_a_card_is_that_of_the_original() -> None:
    buttons = [("action", "More", "more"), ("link", "Open", "https://example.com"), ("action", "Buy", "buy")]
    blocks = [
        {"type": "image", "url": "https://example.com/a.png"},
        {"type": "text", "text": "## Shoe"},
        {
            "type": "row",
            "blocks": [
                {"type": "button", "variant": variant, "text": text, "buttonValue": value, "reusable": True}
                for variant, text, value in buttons
            ],
        },
    ]
    column = {"type": "column", "horizontalAlignment": "center", "blocks": blocks}
    assert to_block(messaging_payloads.parse(CARD), "g") == {"type": "bubble", "block": column}


@pytest.mark.parametrize(
    "odd",
    [
        {"type": "text"},
        {"type": "text", "text": 7},
        {"type": "text", "markdown": True},
        {"type": "card", "title": "A", "actions": "none"},
        {"type": "card", "title": "A", "actions": [7]},
        {"type": "card", "title": "A", "actions": [{"action": "Fly"}]},
        {"type": "carousel", "items": 7},
        {"type": "single-choice", "text": "A"},
        {"type": "single-choice", "text": "A", "choices": [7]},
        {"type": "dropdown"},
    ],
)
def test_what_does_not_fit_its_type_is_handed_on_as_it_came(odd: dict[str, Any]) -> None:
    assert messaging_payloads.parse(odd) == Unknown(odd["type"], odd)
