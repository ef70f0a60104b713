"""Where webchat_py does not do what the original does, and why a user would thank us for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.interop.comparison import ABSENT, Row

Value = Any
Change = tuple[str, Value, Value | Callable[[Any, Any], bool]]


@dataclass(frozen=True)
class Reason:
    """A defect of the original, or a gain, and the changes that come of it: where, the original's value, ours."""

    title: str
    scenarios: tuple[str, ...]
    changes: tuple[Change, ...]


def reason(title: str, scenarios: str | tuple[str, ...], *changes: Change) -> Reason:
    return Reason(title, (scenarios,) if isinstance(scenarios, str) else scenarios, changes)


# Values that recur

EVERYWHERE = "*"
TIME = "<time>"
CONVERSATION = re.compile(r"<conv \d+>")
MESSAGE = re.compile(r"<msg \d+>")
USER = re.compile(r"<user \d+>")
METADATA = {"clientMessageId": "<client message id>"}
STARTED = {"type": "conversation_started", "data": {}}
FILE_URL = "<url of file 1>"
STATE_ERROR = {"error": {"kind": "state", "holdsTheKey": True}}
GONE = {
    "kind": "ConversationGone",
    "message": "The conversation <conv 1> is gone: No such conversation (HTTP 404, ResourceNotFound)",
}
WENT_WRONG = {"kind": "api", "type": "InvalidPayload", "code": 400, "message": "It went wrong"}
CREDENTIALS = {"userId": "<user 1>", "userToken": "<key 1>"}


def message(block: Value, id: Value = MESSAGE, author: Value = USER, sent_on: Value = TIME) -> dict[str, Any]:
    return {
        "id": id,
        "conversationId": CONVERSATION,
        "authorId": author,
        "sentOn": sent_on,
        "block": block,
        "disableInput": None,
    }


def text(words: Value) -> dict[str, Any]:
    return {"type": "bubble", "block": {"type": "text", "text": words}}


def request(method: str, path: str, body: Value = None) -> dict[str, Any]:
    return {"method": method, "path": path, "body": body}


def posted(words: str) -> dict[str, Any]:
    """Our request that sends a text."""
    payload = {"type": "text", "text": words}
    return request("POST", "/messages", {"conversationId": "<conv 1>", "payload": payload, "metadata": METADATA})


def event(name: str, value: Value) -> dict[str, Any]:
    return {"event": name, "value": value}


def stays(*steps: str) -> tuple[Change, ...]:
    """Steps after which the original has no conversation, and ours the one from before."""
    return tuple((f"step {step}: conversationId", None, "<conv 1>") for step in steps)


def no_other_conversation(*steps: str) -> tuple[Change, ...]:
    """The original opens another conversation, in which it is after these steps; ours is where it was."""
    return (
        vanished("POST", "/conversations", {}),
        vanished("GET", "/conversations/<conv 2>/listen"),
        vanished("POST", "/events", {"payload": STARTED, "conversationId": "<conv 2>"}),
        *((f"step {step}: conversationId", "<conv 2>", "<conv 1>") for step in steps),
        ("event conversation", {**event("conversation", "<conv 2>"), "current": None}, ABSENT),
    )


def refused_stream(where: str, status: int, type: str, words: str) -> tuple[Change, ...]:
    """The original rejects with a browser event in which the user key can be read; ours raises what the server said."""
    return (
        (f"{where}: error.kind", "no error", "api"),
        (f"{where}: error.status", status, ABSENT),
        (f"{where}: error.holdsTheKey", True, ABSENT),
        (f"{where}: error.type", ABSENT, type),
        (f"{where}: error.code", ABSENT, status),
        (f"{where}: error.message", ABSENT, words),
    )


def appeared(method: str, path: str, body: Value = None) -> Change:
    return f"request {method} {path}", ABSENT, request(method, path, body)


def vanished(method: str, path: str, body: Value = None) -> Change:
    return f"request {method} {path}", request(method, path, body), ABSENT


def opened_conversation() -> tuple[Change, ...]:
    """Ours opens a conversation where the original does nothing any more."""
    return (
        appeared("GET", "/conversations/<conv 1>/listen"),
        appeared("POST", "/events", {"conversationId": "<conv 1>", "payload": STARTED}),
        ("event conversation", ABSENT, {**event("conversation", "<conv 1>"), "current": "<conv 1>"}),
    )


def sent_after_all(step: str, words: str) -> tuple[Change, ...]:
    """Ours sends a text where the original is stuck."""
    return (
        ("request POST /messages", ABSENT, posted(words)),
        (f"{step}: outcome", STATE_ERROR, {"value": message(text(words))}),
        (f"{step}: conversationId", None, "<conv 1>"),
        ("event message_sent", ABSENT, event("message_sent", words)),
    )


def has_come_to(status: str) -> Callable[[Value, Value], bool]:
    """Our event that says so of a message that ours has sent. It may come at any time."""

    def fits(_original: Value, ours: Value) -> bool:
        told = ours["value"]
        message = told["message"]
        return bool(
            told["status"] == status
            and told["clientId"] == "<client message id>"
            and (message["id"] is None) == (status in ("pending", "failed"))
            and USER.fullmatch(message["authorId"])
        )

    return fits


def unknown_payload(block: dict[str, Any], name: str) -> Reason:
    listed = [message(block, author="bot"), message(text(name))]
    return reason(
        "Defect: a message of a new type is dropped, and one in a list makes `listMessages()` reject entirely",
        f"payload: {name}",
        ("event message", ABSENT, event("message", message(block, author="bot"))),
        (
            "step 6 list: outcome",
            {"error": {"kind": "Error", "message": "Unsuported message type"}},
            {"value": listed},
        ),
    )


def unclassified(name: str, type: str, code: int) -> Reason:
    return reason(
        "Defect: the type and code of an error that is newer than the original are hidden in its text",
        f"error: {name}",
        ("step 3 update_user: error.type", "Unknown", type),
        ("step 3 update_user: error.code", 500, code),
        (
            "step 3 update_user: error.message",
            f"An unclassified API error occurred: It went wrong (Type: {type}, Code: {code})",
            "It went wrong",
        ),
    )


def by_hand(block: Value, conversation: Value = CONVERSATION, author: Value = "bot") -> dict[str, Any]:
    told = message(block, id="msg_by_hand", author=author, sent_on="2025-01-05T10:00:03.000Z")
    return {**told, "conversationId": conversation}


REASONS = (
    # What is there in addition, in every scenario
    *(
        reason(
            "Gain: the event `connection` tells how the stream is doing",
            EVERYWHERE,
            ("event connection", ABSENT, event("connection", state)),
        )
        for state in ("connecting", "connected", "reconnecting", "closed")
    ),
    *(
        reason(
            "Defect: `sendMessage` has no delivery state",
            EVERYWHERE,
            ("event message_status", ABSENT, has_come_to(status)),
        )
        for status in ("pending", "sent", "processing", "processed")
    ),
    reason(
        "Defect: `sendMessage` has no delivery state",
        ("error of each call", "conversation is deleted"),
        ("event message_status", ABSENT, has_come_to("failed")),
    ),
    reason(
        "Defect: `conversationId` is undefined inside the `conversation` handler",
        EVERYWHERE,
        ("event conversation: current", None, CONVERSATION),
    ),
    reason(
        "Gain: `api_url` is the option as it was given, and can be given to another client",
        EVERYWHERE,
        ("step * properties: value.apiUrl", "<api>/interop", "<api>"),
    ),
    reason(
        "Defect: `sendMessage` has no metadata and no idempotency, so nobody can tell whether a message arrived",
        EVERYWHERE,
        ("request POST /messages: body.metadata", ABSENT, METADATA),
    ),
    reason(
        "Defect: `sendMessage` returns no id",
        EVERYWHERE,
        ("step * send: value", None, message(text(re.compile(".+")))),
    ),
    reason(
        "Gain: `new_conversation` returns the id",
        EVERYWHERE,
        ("step * new_conversation: value", None, CONVERSATION),
    ),
    reason(
        "Defect: `getUser` hides id, name, picture",
        EVERYWHERE,
        ("step * get_user: value.id", ABSENT, USER),
        ("step * get_user: value.createdAt", ABSENT, TIME),
        ("step * get_user: value.updatedAt", ABSENT, TIME),
    ),
    # Who one is
    reason(
        "Gain: coming back without new data changes nothing at the user, so nothing is sent",
        ("come back with stored credentials", "credentials that do not belong together"),
        ("request PUT /users/me", request("PUT", "/users/me", {}), ABSENT),
    ),
    reason(
        "Defect: `userId` in credentials is trusted without comparing it with the key's user",
        "credentials that do not belong together",
        (
            "step 3 connect: outcome",
            {"value": {"userId": "user_of_nobody", "userToken": "<key 1>"}},
            {"error": {"kind": "ValueError", "message": re.compile("These credentials do not belong together.*")}},
        ),
        ("step 3 connect: userId", "user_of_nobody", None),
    ),
    reason(
        "Gain: one stray refusal makes nobody another user: it is asked twice",
        "unknown credentials",
        appeared("GET", "/users/me"),
    ),
    reason(
        "Gain: the event `session_expired` tells that one has become another user, and why",
        "unknown credentials",
        (
            "event session_expired",
            ABSENT,
            event(
                "session_expired",
                {
                    "kind": "SessionExpired",
                    "message": re.compile("The server does not know the user user_of_nobody: .*"),
                },
            ),
        ),
    ),
    reason(
        "Gain: to connect again as the user one is asks the server nothing",
        "connect twice",
        ("request GET /users/me", request("GET", "/users/me"), ABSENT),
    ),
    reason(
        "Defect: the second concurrent `connect()` resolves `undefined`",
        "connect twice at once",
        ("step 1 together: connect: value", None, CREDENTIALS),
    ),
    reason(
        "Defect: a failed `POST /users` leaves `user_creating` forever",
        "connect fails",
        ("request POST /users", ABSENT, request("POST", "/users", {})),
        ("request GET /users/me", ABSENT, request("GET", "/users/me")),
        ("step 3 connect: value", None, CREDENTIALS),
        ("step 3 connect: userId", None, "<user 1>"),
        (
            "step 4 get_user: outcome",
            {"error": {"kind": "state"}},
            {"value": {"id": "<user 1>", "createdAt": TIME, "updatedAt": TIME}},
        ),
        ("step 4 get_user: userId", None, "<user 1>"),
    ),
    reason(
        "Defect: `disconnect()` during an in-flight `connect` is undone",
        "disconnect while connecting",
        ("request POST /users", request("POST", "/users", {}), ABSENT),
        ("step 1 together: connect: outcome", {"value": CREDENTIALS}, {"error": {"kind": "state"}}),
        ("step 1 together: userId", "<user 1>", None),
        ("step 2 properties: value.userId", "<user 1>", None),
        ("step 2 properties: userId", "<user 1>", None),
    ),
    reason(
        "Gain: a question that nobody can be asked is an error, not a made-up answer",
        "questions before connect",
        ("step 1 exists: outcome", {"value": False}, {"error": {"kind": "state"}}),
        ("step 2 list: outcome", {"value": []}, {"error": {"kind": "state"}}),
    ),
    # Conversations
    reason(
        "Defect: of two sends without a conversation, the second throws, and its error carries the user key",
        "two sends at once without a conversation",
        ("request POST /messages", ABSENT, posted("two")),
        ("step 2 together: send: value", None, message(text("one"))),
        ("step 2 together: send: outcome", STATE_ERROR, {"value": message(text("two"))}),
        ("event message_sent", ABSENT, event("message_sent", "two")),
    ),
    reason(
        "Defect: a send while a conversation is created throws, and its error carries the user key",
        "send while a conversation is made",
        ("request POST /messages", ABSENT, posted("one")),
        ("step 2 together: new_conversation: value", None, CONVERSATION),
        ("step 2 together: send: outcome", STATE_ERROR, {"value": message(text("one"))}),
        ("event message_sent", ABSENT, event("message_sent", "one")),
    ),
    reason(
        "Defect: `sendMessage` returns no id",
        "two sends at once",
        ("step 3 together: send: value", None, message(text(re.compile("one|two")))),
    ),
    reason(
        "Defect: `conversationExists` depends on the JSON `type`; a plain 404 rejects; 403 rejects",
        "somebody else's conversation",
        (
            "step 6 exists: outcome",
            {
                "error": {
                    "kind": "api",
                    "type": "Forbidden",
                    "code": 403,
                    "message": "You are not a participant in this conversation",
                }
            },
            {"value": False},
        ),
    ),
    *(
        reason(
            "Defect: `conversationExists` depends on the JSON `type`; a plain 404 rejects; 403 rejects",
            f"conversation exists? {name}",
            (
                "step 3 exists: outcome",
                {"error": {"kind": "api", "type": "Unknown", "code": 500, "message": words}},
                {"value": False},
            ),
        )
        for name, words in {
            "HTML": "<h1>Bad gateway</h1>",
            "JSON of another shape": 'An invalid error occurred: {"error":"not found"}',
        }.items()
    ),
    reason(
        "Defect: stream-open failures reject with a plain event object, not an `Error`",
        "switch to no conversation",
        *refused_stream("step 3 switch", 404, "ResourceNotFound", "No such conversation"),
    ),
    reason(
        "Defect: `switchConversation` to an unknown or forbidden id loses the previous conversation, and sends throw",
        "switch to no conversation",
        ("step 3 switch: conversationId", None, "<conv 1>"),
        *sent_after_all("step 4 send", "Hello"),
    ),
    reason(
        "Defect: a failed conversation creation leaves `conversation_creating` forever: sends throw",
        "conversation cannot be made",
        appeared("POST", "/conversations", {}),
        *opened_conversation(),
        *sent_after_all("step 4 send", "Hello"),
    ),
    reason(
        "Defect: stream-open failures reject with a plain event object, not an `Error`",
        "stream cannot be opened",
        *refused_stream("step 3 new_conversation", 500, "Internal", "It went wrong"),
    ),
    reason(
        "Defect: a failed conversation creation leaves `conversation_creating` forever: `newConversation` does nothing",
        "stream cannot be opened",
        *opened_conversation(),
        ("step 4 new_conversation: conversationId", None, "<conv 1>"),
        *sent_after_all("step 5 send", "Hello"),
    ),
    reason(
        "Defect: after a failed `conversation_started` event the message is not sent",
        "bot cannot be told of the conversation",
        ("request POST /messages", ABSENT, posted("Hello")),
        ("step 3 send: outcome", {"error": WENT_WRONG}, {"value": message(text("Hello"))}),
        ("event error", ABSENT, event("error", WENT_WRONG)),
        ("event message_sent", ABSENT, event("message_sent", "Hello")),
    ),
    reason(
        "Gain: taking up a conversation reads its newest messages, so that none that comes later can be missed",
        ("come back with stored credentials", "several conversations"),
        appeared("GET", "/conversations/<conv 1>/messages"),
    ),
    # Lost streams
    reason(
        "Defect: no reconnect after a lost stream, and `conversationId` vanishes",
        ("stream ends", "stream breaks off", "event after a lost stream", "bot speaks while the stream is lost"),
        appeared("GET", "/conversations/<conv 1>/listen"),
        ("event error", event("error", {"kind": "Error", "message": "Connection to conversation lost"}), ABSENT),
        *stays("* lose_stream", "* regain_stream"),
    ),
    reason(
        "Defect: after a loss the next send silently starts another conversation",
        ("stream ends", "stream breaks off"),
        *no_other_conversation("8 send", "9 list"),
        ("request POST /messages: body.conversationId", "<conv 2>", "<conv 1>"),
        vanished("GET", "/conversations/<conv 2>/messages"),
        ("step 9 list: value", [message(text("after"))], [message(text("after")), message(text("before"))]),
    ),
    reason(
        "Defect: after a loss the next event silently starts another conversation, and the bot misses it in this one",
        "event after a lost stream",
        *no_other_conversation("7 send_event"),
        ("request POST /events: body.conversationId", "<conv 2>", "<conv 1>"),
    ),
    reason(
        "Defect: messages that come while the stream is lost are never recovered, and `listMessages()` returns `[]`",
        ("stream ends", "stream breaks off", "event after a lost stream", "bot speaks while the stream is lost"),
        appeared("GET", "/conversations/<conv 1>/messages"),
    ),
    reason(
        "Defect: messages that come while the stream is lost are never recovered, and `listMessages()` returns `[]`",
        ("stream ends", "stream breaks off"),
        ("step 7 list: value", [], [message(text("before"))]),
        *stays("7 list"),
    ),
    reason(
        "Defect: messages that come while the stream is lost are never recovered, and `listMessages()` returns `[]`",
        "bot speaks while the stream is lost",
        *stays("7 bot_says", "8 bot_says", "11 list"),
        (
            "step 11 list: value",
            [],
            [message(text("two"), author="bot"), message(text("one"), author="bot"), message(text("before"))],
        ),
        ("event message", ABSENT, event("message", message(text("one"), author="bot"))),
        ("event message", ABSENT, event("message", message(text("two"), author="bot"))),
    ),
    reason(
        "Defect: after a loss the next send silently starts another conversation, even where this one was deleted",
        "conversation is deleted",
        appeared("GET", "/conversations/<conv 1>/listen"),
        appeared("GET", "/conversations/<conv 1>"),
        *no_other_conversation("7 send"),
        vanished("POST", "/messages", {"payload": {"type": "text", "text": "after"}, "conversationId": "<conv 2>"}),
        *stays("6 wait"),
        ("step 7 send: outcome", {"value": None}, {"error": GONE}),
        ("event message_sent", event("message_sent", "after"), ABSENT),
    ),
    reason(
        "Defect: the `error` event hides the cause",
        "conversation is deleted",
        ("event error: value.kind", "Error", GONE["kind"]),
        ("event error: value.message", "Connection to conversation lost", GONE["message"]),
    ),
    # Sends that fail
    reason(
        "Defect: no retry after a refusal",
        "send is refused for once",
        ("request POST /messages", ABSENT, posted("Hello")),
        (
            "step 5 send: outcome",
            {"error": {"kind": "api", "type": "RateLimited", "code": 429, "message": "It went wrong"}},
            {"value": message(text("Hello"))},
        ),
        ("step 6 list: value", [], [message(text("Hello"))]),
        ("event message_sent", ABSENT, event("message_sent", "Hello")),
    ),
    reason(
        "Defect: no idempotency, so that nobody can tell whether a message arrived; and its error carries the user key",
        "answer to a send is lost",
        (
            "step 5 send: outcome",
            {"error": {"kind": "api", "type": "Unknown", "code": 500, "message": "Network Error", "holdsTheKey": True}},
            {"value": message(text("Hello"))},
        ),
        ("event message_sent", ABSENT, event("message_sent", "Hello")),
    ),
    # Files
    reason(
        "Defect: the upload key is the bare file name, although keys must be unique per bot",
        ("file before there is a conversation", "upload: *"),
        ("request POST /files: body.key", re.compile(".+"), lambda original, ours: ours == f"<random>-{original}"),
    ),
    *(
        reason(
            "Defect: the MIME type of the file is not forwarded",
            scenarios,
            ("request POST /files: body.contentType", ABSENT, content_type),
        )
        for content_type, scenarios in {
            "text/plain": (
                "file before there is a conversation",
                "upload: file with a name full of traps",
                "upload: empty file",
            ),
            "image/png": (
                "upload: image",
                "upload: type that the name does not tell",
                "upload: refused",
                "upload: not announced",
            ),
            "audio/mpeg": ("upload: audio",),
            "video/mp4": ("upload: video",),
            "application/octet-stream": ("upload: file",),
        }.items()
    ),
    reason(
        "Defect: the MIME type of the file is not forwarded, so a picture becomes a file to download",
        "upload: type that the name does not tell",
        ("request POST /messages: body.payload.type", "file", "image"),
        ("request POST /messages: body.payload.fileUrl", FILE_URL, ABSENT),
        ("request POST /messages: body.payload.imageUrl", ABSENT, FILE_URL),
        ("step 3 send_file: value.type", "file", "image"),
    ),
    *(
        reason(
            "Gain: a plain file has its name as title, and `send_file` returns the message",
            scenario,
            ("request POST /messages: body.payload.title", ABSENT, name),
            (
                f"step {step} send_file: value.message",
                ABSENT,
                message({"type": "file", "url": FILE_URL, "title": name}),
            ),
        )
        for scenario, step, name in (
            ("file before there is a conversation", 2, "a.txt"),
            ("upload: file", 3, "a.bin"),
            ("upload: empty file", 3, "empty.txt"),
            ("upload: file with a name full of traps", 3, "Résumé & Notes 最終 #1?.txt"),
        )
    ),
    *(
        reason(
            "Gain: `send_file` returns the message",
            scenario,
            ("step 3 send_file: value.message", ABSENT, message({"type": kind, "url": FILE_URL})),
        )
        for scenario, kind in (
            ("upload: image", "image"),
            ("upload: audio", "audio"),
            ("upload: video", "video"),
            ("upload: type that the name does not tell", "image"),
        )
    ),
    reason(
        "Defect: `file` blocks leak raw wire fields",
        "upload: file",
        ("step 4 list: value.0.block.fileUrl", FILE_URL, ABSENT),
    ),
    reason(
        "Gain: a plain file has its name as title",
        "upload: file",
        ("step 4 list: value.0.block.title", ABSENT, "a.bin"),
    ),
    reason(
        "Defect: the status of the upload is unchecked: a 403 still produces a message with a dead URL",
        "upload: refused",
        (
            "request POST /messages",
            request(
                "POST",
                "/messages",
                {"payload": {"type": "image", "imageUrl": FILE_URL}, "conversationId": "<conv 1>"},
            ),
            ABSENT,
        ),
        (
            "step 4 send_file: outcome",
            {"value": {"fileUrl": FILE_URL, "name": "photo.png", "type": "image"}},
            {"error": {"kind": "upload", "status": 403}},
        ),
        ("step 5 list: value", [message({"type": "image", "url": FILE_URL})], []),
        ("event message_sent", event("message_sent", FILE_URL), ABSENT),
    ),
    # What comes over the stream
    reason(
        "Defect: `isTyping` is never cleared by the client itself",
        "typing, then a message",
        ("event is_typing", ABSENT, event("is_typing", {"isTyping": False, "timeout": 0})),
    ),
    reason(
        "Defect: a signal that is newer than the original is dropped with only a debug log",
        "unknown signal",
        ("event confetti", ABSENT, event("confetti", {"pieces": 3})),
    ),
    reason(
        "Defect: one out-of-schema field (time zone form, empty text) drops a whole message",
        "date with another zone",
        ("event message", ABSENT, event("message", by_hand(text("by hand")))),
    ),
    reason(
        "Defect: one out-of-schema field (time zone form, empty text) drops a whole message",
        "empty text",
        ("event message", ABSENT, event("message", by_hand(text("")))),
    ),
    reason(
        "Gain: a message of another conversation is not told as one of this",
        "message of another conversation",
        ("event message", event("message", by_hand(text("by hand"), conversation="conv_of_nobody")), ABSENT),
        (
            "event message_created",
            ABSENT,
            event("message_created", by_hand(text("by hand"), conversation="conv_of_nobody")),
        ),
    ),
    reason(
        "Gain: what one writes in another tab appears in this one, too",
        "own message from elsewhere",
        ("event own_message", ABSENT, event("own_message", by_hand(text("by hand"), author=USER))),
    ),
    reason(
        "Gain: a message that comes twice is told once",
        "message that comes twice",
        ("event message", event("message", by_hand(text("by hand"))), ABSENT),
    ),
    # Handlers
    reason(
        "Defect: a throwing `messageSent` listener rejects a message that was sent",
        "handler of message_sent that raises",
        (
            "step 4 send: outcome",
            {"error": {"kind": "RangeError", "message": "a handler failed"}},
            {"value": message(text("Hello"))},
        ),
        ("event message_sent", ABSENT, event("message_sent", "Hello")),
        ("event error", ABSENT, event("error", {"kind": "IndexError", "message": "a handler failed"})),
    ),
    reason(
        "Defect: a throwing `conversation` listener leaves `conversation_creating`",
        "handler of conversation that raises",
        (
            "request POST /events",
            ABSENT,
            request("POST", "/events", {"conversationId": "<conv 1>", "payload": STARTED}),
        ),
        ("request GET /conversations/<conv 1>/messages", ABSENT, request("GET", "/conversations/<conv 1>/messages")),
        (
            "step 3 new_conversation: outcome",
            {"error": {"kind": "RangeError", "message": "a handler failed"}},
            {"value": "<conv 1>"},
        ),
        ("step 3 new_conversation: conversationId", None, "<conv 1>"),
        *sent_after_all("step 4 send", "Hello"),
        ("step 5 list: conversationId", None, "<conv 1>"),
        ("step 5 list: value", [], [message(text("Hello"))]),
        ("event conversation", ABSENT, {**event("conversation", "<conv 1>"), "current": "<conv 1>"}),
        ("event error", ABSENT, event("error", {"kind": "IndexError", "message": "a handler failed"})),
    ),
    # Payloads
    reason(
        "Defect: `file` blocks leak raw wire fields",
        "payload: file",
        ("event message: value.block.fileUrl", "https://example.com/a.pdf", ABSENT),
        ("step 7 list: value.0.block.fileUrl", "https://example.com/a.pdf", ABSENT),
        ("step 7 list: value.1.block.fileUrl", "https://example.com/a.pdf", ABSENT),
    ),
    unknown_payload(
        {"type": "column", "blocks": [text("one"), {"type": "image", "url": "https://example.com/a.png"}]}, "bloc"
    ),
    unknown_payload(
        {"type": "custom", "url": "https://example.com/widget.js", "name": "Widget", "data": {"size": 7}}, "custom"
    ),
    unknown_payload({"type": "poll", "question": "Why?", "answers": [1, None]}, "poll"),
    # Errors
    reason(
        "Gain: a 401 is looked into, so that a user who is not known any more is told once and for all",
        "error: Unauthorized",
        appeared("GET", "/users/me"),
    ),
    reason(
        "Gain: a refused message is looked into, so that a conversation that is gone is told once and for all",
        "error of each call",
        appeared("GET", "/conversations/<conv 1>"),
    ),
    unclassified("ResourceGone", "ResourceGone", 410),
    unclassified("OperationTimeout", "OperationTimeout", 504),
    unclassified("type that nobody knows", "Teapot", 418),
    *(
        reason(
            "Defect: an answer that is not the API's ends as code 500, whatever its status, with the body as message",
            f"error: {name}",
            ("step 3 update_user: error.code", 500, code),
            ("step 3 update_user: error.message", words, re.compile(f"The server answered {code} .*")),
        )
        for name, code, words in (
            ("HTML", 502, "<h1>Bad gateway</h1>"),
            ("empty", 503, "Request failed with status code 503"),
            ("JSON of another shape", 404, 'An invalid error occurred: {"error":"not found"}'),
        )
    ),
    reason(
        "Defect: errors carry the user key (leaks into logs)",
        "error: empty",
        ("step 3 update_user: error.holdsTheKey", True, ABSENT),
    ),
    reason(
        "Defect: a 2xx with an error body is taken as success",
        "error: with status 200",
        (
            "step 3 update_user: outcome",
            {"value": None},
            {"error": {"kind": "api", "type": "Forbidden", "code": 403, "message": "It went wrong"}},
        ),
    ),
    reason(
        "Gain: no answer at all is told apart from an error of the server",
        "no server",
        ("step 1 connect: error.kind", "api", "network"),
        ("step 1 connect: error.type", "Unknown", ABSENT),
        ("step 1 connect: error.code", 500, ABSENT),
        ("step 1 connect: error.message", "Network Error", ABSENT),
    ),
)

ROWS = tuple(
    Row(reason.scenarios, where, original, ours, reason.title)
    for reason in REASONS
    for where, original, ours in reason.changes
)
