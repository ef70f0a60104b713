"""Anything that a server may say: bytes as a stream, JSON as a signal, JSON as an answer. Nothing of it raises what
is not documented, and whatever comes out can be shown. 5,000 cases each; 100,000 with `./build.sh test --full`."""

from __future__ import annotations

import json
import os
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from webchat_py.conversation import CurrentConversation
from webchat_py.delivery import Delivery
from webchat_py.emitter import EVENTS, Emitter
from webchat_py.session import Session
from webchat_py.wire import rest
from webchat_py.wire.errors import ApiError
from webchat_py.wire.models import Message
from webchat_py.wire.payloads import Text, Unknown, payload_to_wire
from webchat_py.wire.signals import TypingChanged, parse_signal
from webchat_py.wire.sse import SSEDecoder

CASES = settings(max_examples=100_000 if os.environ.get("WEBCHAT_TEST_FULL") == "1" else 5_000)

# fmt: off
KEYS = [
    "type", "data", "id", "userId", "conversationId", "createdAt", "payload", "metadata", "clientMessageId",
    "replyTo", "text", "markdown", "imageUrl", "audioUrl", "videoUrl", "fileUrl", "fileId", "title", "latitude",
    "longitude", "address", "subtitle", "actions", "action", "label", "value", "items", "options", "disableFreeText",
    "className", "url", "name", "timeout", "visibility", "config", "event", "participant", "participantId", "user",
    "key", "conversation", "conversations", "message", "messages", "participants", "meta", "nextToken", "file",
    "uploadUrl", "contentType", "code", "lastMessage", "oldStatus", "newStatus",
]
# fmt: on
# fmt: off
TYPES = [
    "text", "markdown", "image", "audio", "video", "file", "location", "card", "carousel", "choice", "dropdown",
    "bloc", "custom", "poll", "message_created", "message_updated", "typing_started", "typing_stopped",
    "webchat_visibility", "webchat_config", "participant_added", "participant_removed", "message_status_changed",
    "processing", "processed", "failed", "Unauthorized", "RateLimited", "ResourceNotFound", "show",
]
# fmt: on
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(TYPES)
)
ANY_JSON = st.recursive(
    SCALARS,
    lambda value: st.lists(value, max_size=3) | st.dictionaries(st.sampled_from(KEYS), value, max_size=5),
    max_leaves=12,
)
ANY_PAYLOAD = ANY_JSON | st.builds(
    lambda kind, fields: {**fields, "type": kind},
    st.sampled_from(TYPES),
    st.dictionaries(st.sampled_from(KEYS), ANY_JSON, max_size=4),
)
ANY_MESSAGE = ANY_JSON | st.fixed_dictionaries(
    {
        "id": st.text(max_size=3),
        "userId": st.sampled_from(["bot", "me"]),
        "conversationId": st.just("conv"),
        "payload": ANY_PAYLOAD,
    },
    optional={"createdAt": SCALARS, "metadata": ANY_JSON, "replyTo": SCALARS, "feedback": ANY_JSON},
)
ANY_STATUS = st.fixed_dictionaries({"message": ANY_MESSAGE, "newStatus": SCALARS})
ANY_SIGNAL = ANY_JSON | st.fixed_dictionaries({"type": st.sampled_from(TYPES), "data": ANY_MESSAGE | ANY_STATUS})

CALLS: list[rest.Call[Any]] = [
    rest.create_user(rest.Profile()),
    rest.get_user(),
    rest.create_conversation(),
    rest.get_conversation("conv"),
    rest.list_conversations(),
    rest.list_participants("conv"),
    rest.get_participant("conv", "user"),
    rest.create_message("conv", Text("Hi"), {}),
    rest.list_messages("conv"),
    rest.get_message("msg"),
    rest.get_event("event"),
    rest.send_event("conv", {}),
    rest.create_file("key", 3, "text/plain"),
    rest.delete_message("msg"),
]


def show(value: Any) -> None:
    """Look at a value in every way a program would."""
    f"{value} {value!r}"
    if isinstance(value, Message):
        assert isinstance(value.text, str)
        assert isinstance(value.block, dict)
        assert value.disable_input in (None, True, False)
        if not isinstance(value.payload, Unknown) or isinstance(value.payload.data, dict):
            json.dumps(payload_to_wire(value.payload))


def tell(text: str) -> list[tuple[str, Any]]:
    """What a client tells its users when its stream says `text`."""
    told: list[tuple[str, Any]] = []
    events = Emitter()
    for event in EVENTS[:-1]:
        events.on(event, show)  # type: ignore[call-overload]
    events.on("*", lambda event, value: told.append((event, value)))
    events.on("error", lambda error: (_ for _ in ()).throw(error))
    signal = parse_signal(text)
    assert (signal is None) == (text == "ping"), "nothing is dropped in silence"
    # Typing sets a timer, for which there is no event loop here.
    if signal is not None and not isinstance(signal, TypingChanged):
        backend: Any = None  # it is asked for nothing
        conversation = CurrentConversation(backend, events, 45.0, float, lambda _id: None)
        session = Session(None, "", backend, lambda _error: None, backend)
        conversation.belongs_to("me", Delivery(backend, conversation, events, session, 60.0, float))
        conversation._id = "conv"
        conversation._take(signal)
        assert told, "nothing is dropped in silence"
    assert not [value for event, value in told if event == "error" and isinstance(value, Exception)], told
    return told


@CASES
@given(ANY_SIGNAL)
def test_any_json_as_a_signal(signal: Any) -> None:
    for _, value in tell(json.dumps(signal)):
        show(value)


@CASES
@given(
    st.lists(
        st.binary(max_size=40) | st.sampled_from([b"data: ", b"\n\n", b"\r", b"event: error\n", b"{}"]), max_size=8
    )
)
def test_any_bytes_as_a_stream(chunks: list[bytes]) -> None:
    decoder = SSEDecoder()
    for chunk in chunks:
        for event in decoder.feed(chunk):
            tell(event.data)


@CASES
@given(
    st.sampled_from(CALLS),
    ANY_JSON.map(json.dumps)
    | st.text(max_size=20)
    | st.builds(
        lambda key, value: json.dumps({key: value}), st.sampled_from(KEYS), ANY_MESSAGE | st.lists(ANY_MESSAGE)
    ),
    st.sampled_from([200, 201, 204, 304, 400, 401, 404, 429, 500, 503]),
    st.text(max_size=5),
)
def test_any_json_as_an_answer(call: rest.Call[Any], text: str, status: int, header: str) -> None:
    response = rest.Response(status, text, header, header)
    try:
        value = rest.read_answer(call, response)
    except ApiError as error:
        show(error)
        return
    for item in value.items if isinstance(value, rest.Page) else [value]:
        show(item)
