"""What both clients are put through, as data. driver.js and driver.py say what each step does.

No step waits for a while: to see that nothing more came, a scenario makes the bot send a marker (`until_marked`), which
comes behind everything else on the same stream.

No scenario breaks the connection while a stream is being opened: the original then goes on trying in the background,
for ever, on a port that another scenario's proxy may get.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.interop.payloads import KNOWN, UNKNOWN

Step = dict[str, Any]


@dataclass(frozen=True, eq=False)
class Scenario:
    """`options`: `mode`, and `apiUrl` in place of the server's."""

    name: str
    steps: list[Step]
    options: dict[str, str] = field(default_factory=dict)


# The `type`s of errors and their codes, from the API's description
ERRORS = {
    "Unknown": 500,
    "Internal": 500,
    "Unauthorized": 401,
    "PaymentRequired": 402,
    "Forbidden": 403,
    "QuotaExceeded": 403,
    "ResourceNotFound": 404,
    "MethodNotFound": 405,
    "RelationConflict": 409,
    "ReferenceConstraint": 409,
    "ResourceLockedConflict": 409,
    "AlreadyExists": 409,
    "PayloadTooLarge": 413,
    "LimitExceeded": 413,
    "UnsupportedMediaType": 415,
    "RateLimited": 429,
    "InvalidPayload": 400,
    "InvalidJsonSchema": 400,
    "InvalidDataFormat": 400,
    "InvalidIdentifier": 400,
    "ReferenceNotFound": 400,
    "InvalidQuery": 400,
    "Runtime": 400,
    "BreakingChanges": 400,
    "ResourceGone": 410,
    "OperationTimeout": 504,
}

# Steps

CONNECT = {"do": "connect", "as": "me"}
NEW_CONVERSATION = {"do": "new_conversation"}
LIST = {"do": "list"}
GET_USER = {"do": "get_user"}
RENAME = {"do": "update_user", "data": {"name": "Ada"}}
ANSWER = {"do": "send_event", "data": {"bot": "answer"}}
WHERE_AM_I = {"do": "properties", "as": "here"}
LOSE_STREAM = {"do": "lose_stream"}
REGAIN_STREAM = {"do": "regain_stream"}


def send(text: str) -> Step:
    return {"do": "send", "text": text}


def send_event(**data: Any) -> Step:
    return {"do": "send_event", "data": data}


def signal(type: str, data: dict[str, Any]) -> Step:
    return send_event(bot="signal", type=type, data=data)


def wait(event: str, fits: Any = None) -> Step:
    return {"do": "wait", "event": event, "fits": fits}


def until_marked(mark: int = 1) -> list[Step]:
    return [signal("custom", {"event": {"mark": mark}}), wait("custom_event", {"mark": mark})]


def rule(route: str, times: int = 1, **what: Any) -> Step:
    return {"do": "proxy", "command": "rule", "route": route, "times": times, **what}


def error_body(type: str, code: int, message: str = "It went wrong") -> str:
    return json.dumps({"id": "err_7f3a", "code": code, "type": type, "message": message})


def refuse(route: str, type: str, times: int = 1) -> Step:
    return rule(route, times, status=ERRORS[type], body=error_body(type, ERRORS[type]))


def together(*steps: Step) -> Step:
    return {"do": "together", "steps": list(steps)}


def message(conversation: str = "$here.conversationId", **different: Any) -> dict[str, Any]:
    """The data of a `message_created`, as the server would send it."""
    return {
        "id": "msg_by_hand",
        "createdAt": "2025-01-05T10:00:03.000Z",
        "userId": "bot",
        "conversationId": conversation,
        "payload": {"type": "text", "text": "by hand"},
        **different,
    }


# Scenarios


def users() -> Iterator[Scenario]:
    yield Scenario("properties", [WHERE_AM_I, CONNECT, WHERE_AM_I, NEW_CONVERSATION, WHERE_AM_I, {"do": "disconnect"}])
    yield Scenario("mode pushpin by name", [WHERE_AM_I, CONNECT, send("Hello")], {"mode": "pushpin"})
    # No browser asks this port, so there is no answer, at once
    yield Scenario("no server", [CONNECT], {"apiUrl": "http://127.0.0.1:1"})
    yield Scenario("user data", [{**CONNECT, "data": {"plan": "gold", "größe": [1, {"a": None}]}}, GET_USER])
    yield Scenario(
        "update the user",
        [
            {**CONNECT, "data": {"plan": "gold"}},
            {"do": "update_user", "data": {"plan": "silver"}},
            GET_USER,
            {"do": "update_user", "data": {}},
            GET_USER,
        ],
    )
    yield Scenario(
        "come back with stored credentials",
        [
            {**CONNECT, "data": {"plan": "gold"}},
            send("remember me"),
            WHERE_AM_I,
            {"do": "disconnect"},
            {"do": "new_client"},
            {"do": "connect", "credentials": "$me"},
            {"do": "exists", "conversation": "$here.conversationId"},
            {"do": "switch", "conversation": "$here.conversationId"},
            LIST,
            send("here I am"),
            GET_USER,
        ],
    )
    yield Scenario(
        "come back with new data",
        [
            {**CONNECT, "data": {"plan": "gold"}},
            {"do": "new_client"},
            {"do": "connect", "credentials": "$me", "data": {"plan": "silver"}},
            GET_USER,
        ],
    )
    nobody = {"userId": "user_of_nobody", "userToken": "key-of-nobody"}
    yield Scenario("unknown credentials", [{"do": "connect", "credentials": nobody, "data": {"a": 1}}, GET_USER])
    yield Scenario(
        "credentials that do not belong together",
        [
            CONNECT,
            {"do": "new_client"},
            {"do": "connect", "credentials": {"userId": "user_of_nobody", "userToken": "$me.userToken"}},
        ],
    )
    yield Scenario(
        "credentials cannot be checked",
        [
            CONNECT,
            {"do": "new_client"},
            refuse("GET /users/me", "Internal"),
            {"do": "connect", "credentials": "$me"},
            {"do": "connect", "credentials": "$me", "data": {"a": 1}},
        ],
    )
    yield Scenario("connect twice", [CONNECT, {"do": "connect"}, {"do": "connect", "credentials": "$me"}])
    yield Scenario("connect twice at once", [together({"do": "connect"}, {"do": "connect"}), GET_USER])
    yield Scenario("connect fails", [refuse("POST /users", "Internal"), CONNECT, CONNECT, GET_USER])
    yield Scenario(
        "disconnect and connect again", [CONNECT, send("Hello"), {"do": "disconnect"}, CONNECT, send("Hello")]
    )
    yield Scenario("disconnect while connecting", [together({"do": "connect"}, {"do": "disconnect"}), WHERE_AM_I])


def before_connect() -> Iterator[Scenario]:
    steps: list[Step] = [
        GET_USER,
        RENAME,
        send("Hello"),
        {"do": "send_file", "name": "a.txt", "content": "a"},
        send_event(a=1),
        NEW_CONVERSATION,
        {"do": "switch", "conversation": "conv_1"},
        {"do": "disconnect"},
    ]
    yield Scenario("calls before connect", steps)
    yield Scenario("calls after disconnect", [CONNECT, NEW_CONVERSATION, {"do": "disconnect"}, *steps])
    yield Scenario("questions before connect", [{"do": "exists", "conversation": "conv_1"}, LIST])


def conversations() -> Iterator[Scenario]:
    yield Scenario("hello", [CONNECT, NEW_CONVERSATION, send("Hello"), ANSWER, wait("message"), LIST])
    yield Scenario("text before there is a conversation", [CONNECT, send("Hello"), send("again"), LIST])
    file = {"do": "send_file", "name": "a.txt", "content": "a"}
    yield Scenario("file before there is a conversation", [CONNECT, file, send("again")])
    yield Scenario("event before there is a conversation", [CONNECT, send_event(a=1), send("again"), LIST])
    yield Scenario("list before there is a conversation", [CONNECT, LIST])
    yield Scenario(
        "several conversations",
        [
            CONNECT,
            NEW_CONVERSATION,
            {**WHERE_AM_I, "as": "first"},
            send("in the first"),
            NEW_CONVERSATION,
            {**WHERE_AM_I, "as": "second"},
            send("in the second"),
            LIST,
            {"do": "switch", "conversation": "$first.conversationId"},
            LIST,
            send("again in the first"),
            {"do": "switch", "conversation": "$first.conversationId"},
            {"do": "exists", "conversation": "$second.conversationId"},
        ],
    )
    yield Scenario("two sends at once", [CONNECT, NEW_CONVERSATION, together(send("one"), send("two"))])
    yield Scenario(
        "two sends at once without a conversation", [CONNECT, together(send("one"), send("two")), send("three")]
    )
    yield Scenario("send while a conversation is made", [CONNECT, together(NEW_CONVERSATION, send("one"))])
    yield Scenario("no such conversation", [CONNECT, {"do": "exists", "conversation": "conv_of_nobody"}])
    yield Scenario("id with all kinds of characters", [CONNECT, {"do": "exists", "conversation": "a b/c?d#é%2F"}])
    yield Scenario(
        "somebody else's conversation",
        [
            CONNECT,
            NEW_CONVERSATION,
            WHERE_AM_I,
            {"do": "new_client"},
            {"do": "connect"},
            {"do": "exists", "conversation": "$here.conversationId"},
        ],
    )
    yield Scenario(
        "switch to no conversation",
        [CONNECT, NEW_CONVERSATION, {"do": "switch", "conversation": "conv_of_nobody"}, send("Hello")],
    )
    yield Scenario(
        "conversation cannot be made",
        [CONNECT, refuse("POST /conversations", "QuotaExceeded"), NEW_CONVERSATION, send("Hello")],
    )
    yield Scenario(
        "stream cannot be opened",
        [CONNECT, refuse("GET /listen", "Internal"), NEW_CONVERSATION, NEW_CONVERSATION, send("Hello")],
    )
    yield Scenario(
        "bot cannot be told of the conversation",
        [CONNECT, refuse("POST /events", "InvalidPayload"), send("Hello"), send("again")],
    )


def losses() -> Iterator[Scenario]:
    begin = [CONNECT, NEW_CONVERSATION, WHERE_AM_I, send("before")]
    for name, hard in (("ends", False), ("breaks off", True)):
        lose_stream = {"do": "lose_stream", "hard": hard}
        yield Scenario(f"stream {name}", [*begin, lose_stream, REGAIN_STREAM, LIST, send("after"), LIST])
    yield Scenario("event after a lost stream", [*begin, LOSE_STREAM, REGAIN_STREAM, send_event(a=1)])
    closed = rule("GET /listen", status=503, body=error_body("Internal", 500))
    said = [{"do": "bot_says", "text": words, "conversation": "$here.conversationId"} for words in ("one", "two")]
    open_again = {"do": "proxy", "command": "clear"}
    yield Scenario(
        "bot speaks while the stream is lost", [*begin, closed, LOSE_STREAM, *said, open_again, REGAIN_STREAM, LIST]
    )
    deleted = {"do": "delete_conversation", "conversation": "$here.conversationId"}
    yield Scenario("conversation is deleted", [*begin, deleted, wait("error"), send("after")])


def sends() -> Iterator[Scenario]:
    begin = [CONNECT, NEW_CONVERSATION, WHERE_AM_I]
    refusal = refuse("POST /messages", "RateLimited")
    yield Scenario("send is refused for once", [*begin, refusal, send("Hello"), LIST])
    loss = rule("POST /messages", act="lose")
    yield Scenario("answer to a send is lost", [*begin, loss, send("Hello"), LIST])


def lists() -> Iterator[Scenario]:
    texts = [f"number {number}" for number in range(7)]
    yield Scenario("list over several pages", [CONNECT, *map(send, texts), ANSWER, *until_marked(), LIST])
    yield Scenario("empty list", [CONNECT, NEW_CONVERSATION, LIST])
    newer, older = (message("conv_1", id=f"msg_{number}") for number in (2, 1))
    pages = [
        {"messages": [newer], "meta": {"nextToken": "a b/c&d=é+?"}},
        {"messages": [], "meta": {"nextToken": "next"}},
        {"messages": [older], "meta": {"nextToken": ""}},
    ]
    answers = [rule("GET /messages", body=json.dumps(page)) for page in reversed(pages)]
    yield Scenario("tokens of all kinds of characters", [CONNECT, NEW_CONVERSATION, *answers, LIST])
    dates = [
        "2025-01-05T10:00:03Z",
        "2025-01-05T10:00:03.1Z",
        "2025-01-05T10:00:03.123456Z",
        "2025-01-05T12:00:03+02:00",
    ]
    messages = [message("conv_1", id=f"msg_{number}", createdAt=date) for number, date in enumerate(dates)]
    page = rule("GET /messages", body=json.dumps({"messages": messages, "meta": {}}))
    yield Scenario("dates of a list", [CONNECT, NEW_CONVERSATION, page, LIST])


def files() -> Iterator[Scenario]:
    for kind, name in [("image", "photo.png"), ("audio", "tone.mp3"), ("video", "clip.mp4"), ("file", "a.bin")]:
        file = {"do": "send_file", "name": name, "content": "content of the file"}
        yield Scenario(f"upload: {kind}", [CONNECT, NEW_CONVERSATION, file, LIST])
    traps = {"do": "send_file", "name": "Résumé & Notes 最終 #1?.txt", "content": "Grüße", "type": "text/plain"}
    yield Scenario("upload: file with a name full of traps", [CONNECT, NEW_CONVERSATION, traps])
    empty = {"do": "send_file", "name": "empty.txt", "content": ""}
    yield Scenario("upload: empty file", [CONNECT, NEW_CONVERSATION, empty])
    unnamed_type = {"do": "send_file", "name": "photo", "content": "content of the file", "type": "image/png"}
    yield Scenario("upload: type that the name does not tell", [CONNECT, NEW_CONVERSATION, unnamed_type])
    photo = {"do": "send_file", "name": "photo.png", "content": "content of the file"}
    yield Scenario("upload: refused", [CONNECT, NEW_CONVERSATION, rule("PUT ", status=403, body="denied"), photo, LIST])
    yield Scenario(
        "upload: not announced", [CONNECT, NEW_CONVERSATION, refuse("POST /files", "PayloadTooLarge"), photo, LIST]
    )


def events() -> Iterator[Scenario]:
    begin = [CONNECT, NEW_CONVERSATION, WHERE_AM_I]
    yield Scenario(
        "typing",
        [
            *begin,
            signal("typing_started", {"timeout": 40000}),
            signal("typing_stopped", {}),
            signal("typing_started", {}),
            signal("typing_stopped", {}),
            *until_marked(),
        ],
    )
    yield Scenario(
        "typing, then a message",
        [*begin, send("text"), signal("typing_started", {"timeout": 40000}), ANSWER, *until_marked()],
    )
    yield Scenario(
        "custom event",
        [*begin, signal("custom", {"event": {"action": "checkout", "items": [1, None]}}), *until_marked()],
    )
    shown = [signal("webchat_visibility", {"visibility": value}) for value in ("show", "hide", "toggle")]
    yield Scenario("visibility", [*begin, *shown, *until_marked()])
    yield Scenario(
        "config", [*begin, signal("webchat_config", {"config": {"botName": "Ada", "a": None}}), *until_marked()]
    )
    moved = {"oldStatus": "pending", "newStatus": "processing"}
    sent = message(userId="$me.userId", metadata={"clientMessageId": "0" * 32})
    yield Scenario(
        "delivery state", [*begin, signal("message_status_changed", {"message": sent, **moved}), *until_marked()]
    )
    yield Scenario("unknown signal", [*begin, signal("confetti", {"pieces": 3}), *until_marked()])
    yield Scenario(
        "date with another zone",
        [*begin, signal("message_created", message(createdAt="2025-01-05T10:00:03+00:00")), *until_marked()],
    )
    yield Scenario(
        "empty text",
        [*begin, signal("message_created", message(payload={"type": "text", "text": ""})), *until_marked()],
    )
    extra = message(metadata={"a": 1}, isBot=True, payload={"type": "text", "text": "by hand", "more": 1})
    yield Scenario("fields that nobody knows", [*begin, signal("message_created", extra), *until_marked()])
    yield Scenario(
        "message of another conversation",
        [*begin, signal("message_created", message("conv_of_nobody")), *until_marked()],
    )
    own = message(userId="$me.userId")
    yield Scenario("own message from elsewhere", [*begin, signal("message_created", own), *until_marked()])
    twice = signal("message_created", message())
    yield Scenario("message that comes twice", [*begin, twice, twice, *until_marked()])


def handlers() -> Iterator[Scenario]:
    hear = {"do": "on", "event": "custom_event", "handler": "ear"}
    yield Scenario(
        "handler",
        [CONNECT, NEW_CONVERSATION, hear, *until_marked(1), {"do": "off", "handler": "ear"}, *until_marked(2)],
    )
    bad = {"do": "on", "event": "message_sent", "handler": "bad", "raises": True}
    yield Scenario("handler of message_sent that raises", [CONNECT, NEW_CONVERSATION, bad, send("Hello"), LIST])
    bad = {"do": "on", "event": "conversation", "handler": "bad", "raises": True}
    yield Scenario("handler of conversation that raises", [CONNECT, bad, NEW_CONVERSATION, send("Hello"), LIST])


def payloads() -> Iterator[Scenario]:
    for kind, variants in [*KNOWN.items(), *((name, {name: payload}) for name, payload in UNKNOWN.items())]:
        yield Scenario(f"payload: {kind}", [CONNECT, *map(send, variants), ANSWER, *until_marked(), LIST])


def errors() -> Iterator[Scenario]:
    for kind in ERRORS:
        yield Scenario(f"error: {kind}", [CONNECT, refuse("PUT /users/me", kind), RENAME, RENAME])
    bodies: dict[str, dict[str, Any]] = {
        "type that nobody knows": {"status": 418, "body": error_body("Teapot", 418)},
        "code that is not the status": {"status": 400, "body": error_body("ResourceNotFound", 404)},
        "HTML": {"status": 502, "body": "<h1>Bad gateway</h1>", "content_type": "text/html"},
        "empty": {"status": 503},
        "JSON of another shape": {"status": 404, "body": '{"error": "not found"}'},
        "with status 200": {"status": 200, "body": error_body("Forbidden", 403)},
    }
    for name, what in bodies.items():
        yield Scenario(f"error: {name}", [CONNECT, rule("PUT /users/me", **what), RENAME, RENAME])
    every_call = [
        refuse("POST /messages", "Forbidden"),
        send("Hello"),
        refuse("POST /events", "Forbidden"),
        send_event(a=1),
        refuse("GET /messages", "Forbidden"),
        LIST,
        refuse("PUT /users/me", "Forbidden"),
        RENAME,
        send("again"),
    ]
    yield Scenario("error of each call", [CONNECT, NEW_CONVERSATION, *every_call])
    for name in ("HTML", "code that is not the status", "JSON of another shape"):
        answer = rule("GET /conversations/conv_1", **(bodies[name] | ({"status": 404} if name == "HTML" else {})))
        yield Scenario(f"conversation exists? {name}", [CONNECT, answer, {"do": "exists", "conversation": "conv_1"}])


PARTS = (users, before_connect, conversations, losses, sends, lists, files, events, handlers, payloads, errors)
SCENARIOS = {scenario.name: scenario for part in PARTS for scenario in part()}
assert len(SCENARIOS) == sum(1 for part in PARTS for _ in part()), "two scenarios have one name"
