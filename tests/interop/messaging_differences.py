"""Where webchat_py does not do what the original does in mode "messaging", and why a user would thank us for it."""

from __future__ import annotations

import re
from typing import Any

from tests.interop.comparison import ABSENT, Row, fits
from tests.interop.differences import (
    CONVERSATION,
    CREDENTIALS,
    EVERYWHERE,
    METADATA,
    USER,
    Change,
    Reason,
    Value,
    by_hand,
    event,
    has_come_to,
    message,
    reason,
    stays,
    text,
)

LOSSES = ("stream *", "event after a lost stream", "bot speaks while the stream is lost")
GONE = {
    "kind": "ConversationGone",
    "message": "The conversation <conv 1> is gone: Conversation does not exist",
}
NO_CONVERSATION = {"error": {"kind": "Error", "message": "Conversation does not exist"}}
HANDLER_FAILED = {"error": {"kind": "RangeError", "message": "a handler failed"}}
LOGIN = {"clientId": "interop"}


def is_push(_original: Value, ours: Value) -> bool:
    """`user.updated` comes to a client that another one replaces, before or after the scenario has ended."""
    made = event("conversation.new", {"userId": USER, "conversationId": CONVERSATION})
    changed = event("user.updated", {"userId": USER, "userData": {"plan": "silver"}})
    return fits(made, ours) or fits(changed, ours)


def is_value(_original: Value, ours: Value) -> bool:
    return "value" in ours


def asked(type: str, body: Value) -> dict[str, Any]:
    return {"method": "ASK", "path": type, "body": body}


def appeared(type: str, body: Value) -> Change:
    return f"request ASK {type}", ABSENT, asked(type, body)


def vanished(type: str, body: Value) -> Change:
    return f"request ASK {type}", asked(type, body), ABSENT


def listed(conversation: Value = "<conv 1>", limit: int = 50) -> dict[str, Any]:
    return {"conversationId": conversation, "limit": limit}


def posted(words: str, conversation: Value = "<conv 1>") -> Change:
    """Our request that sends a text."""
    payload = {"type": "text", "text": words, "metadata": METADATA}
    return appeared("messages.create", {"conversationId": conversation, "payload": payload})


def sent(words: str) -> Change:
    return "event message_sent", ABSENT, event("message_sent", words)


def one_conversation(*steps: str) -> tuple[Change, ...]:
    """The original makes two conversations, and is in the second after these steps; ours makes one."""
    return (
        vanished("conversations.create", {}),
        vanished("conversations.start", {"id": "<conv 2>"}),
        ("request ASK messages.create: body.conversationId", "<conv 2>", "<conv 1>"),
        *((f"step {step}: conversationId", "<conv 2>", "<conv 1>") for step in steps),
        ("event conversation", {**event("conversation", "<conv 2>"), "current": None}, ABSENT),
    )


def refused(*steps: str) -> tuple[Change, ...]:
    """Calls that fail in both, with a name for it in ours only."""
    return tuple(
        change
        for step in steps
        for change in ((f"{step}: error.kind", "Error", "state"), (f"{step}: error.message", re.compile(".*"), ABSENT))
    )


def without_author(told: dict[str, Any]) -> dict[str, Any]:
    """As the original tells what a bot says."""
    return {name: value for name, value in told.items() if name != "authorId"}


REASONS: tuple[Reason, ...] = (
    # What is there in addition, in every scenario
    *(
        reason(
            "Defect 3: no event for a lost, retrying or restored connection",
            EVERYWHERE,
            ("event connection", ABSENT, event("connection", state)),
        )
        for state in ("connecting", "connected", "reconnecting", "closed")
    ),
    *(
        reason(
            "Gain: the event `message_status` tells what becomes of a message",
            EVERYWHERE,
            ("event message_status", ABSENT, has_come_to(status)),
        )
        for status in ("pending", "sent")
    ),
    reason(
        "Gain: the event `message_status` tells what becomes of a message",
        "conversation is deleted",
        ("event message_status", ABSENT, has_come_to("failed")),
    ),
    reason(
        "Gain: the event `conversation` comes when the conversation is the current one",
        EVERYWHERE,
        ("event conversation: current", None, CONVERSATION),
    ),
    reason(
        "Gain: the event `conversation` comes when the conversation is the current one",
        "several conversations",
        ("event conversation: current", "<conv 1>", "<conv 2>"),
        ("event conversation: current", "<conv 2>", "<conv 1>"),
    ),
    reason(
        "Gain: a message can be recognised, whatever becomes of the answer to it",
        EVERYWHERE,
        ("request ASK messages.create: body.payload.metadata", ABSENT, METADATA),
    ),
    reason(
        "Gain: what is sent or made is returned",
        EVERYWHERE,
        ("step * send: value", None, message(text(re.compile(".+")))),
        ("step * new_conversation: value", None, CONVERSATION),
    ),
    reason(
        "Gain: what is sent or made is returned",
        ("two sends at once*", "send while a conversation is made"),
        ("step * together: send: value", None, message(text(re.compile("one|two")))),
    ),
    reason(
        "Gain: what is sent or made is returned",
        "send while a conversation is made",
        ("step * together: new_conversation: value", None, CONVERSATION),
    ),
    reason(
        "Gain: the whole history is read, not the newest 20 messages",
        EVERYWHERE,
        ("request ASK messages.list: body.limit", 20, 50),
    ),
    reason(
        "Defect 11: one payload that does not fit, and every trigger, makes `listMessages()` fail as a whole",
        EVERYWHERE,
        ("step * list: outcome", {"error": {"kind": "ZodError", "message": re.compile("(?s).*")}}, is_value),
    ),
    reason(
        "Defect 16: the bot's `authorId` is undefined in pushes and null in lists",
        EVERYWHERE,
        ("event message: value.authorId", ABSENT, "bot"),
    ),
    reason(
        "Gain: `get_user` works, as the protocol has it",
        EVERYWHERE,
        appeared("users.get", {}),
        (
            "step * get_user: outcome",
            {"error": {"kind": "Error", "message": "Get user is not supported in messaging mode"}},
            is_value,
        ),
    ),
    reason(
        "Gain: what the mode cannot do has an error of its own",
        ("update the user", "calls *"),
        ("step * update_user: error.kind", "Error", "NotSupportedInMode"),
        (
            "step * update_user: error.message",
            "Update user is not supported in messaging mode",
            "Mode 'messaging' has no update_user",
        ),
    ),
    reason(
        "Defect 14: `conversationExists` sees only the latest 20",
        EVERYWHERE,
        vanished("conversations.list", {"limit": 20}),
        appeared("conversations.get", {"id": re.compile(".+")}),
    ),
    reason(
        "Gain: after `disconnect` one is nobody, and in no conversation",
        EVERYWHERE,
        ("step * disconnect: userId", USER, None),
        ("step * disconnect: conversationId", re.compile("<conv 1>|conv_1"), None),
    ),
    # Who one is
    reason(
        "Defect 8: login failures are strings, not errors",
        ("no server", "connect fails"),
        ("step * connect: error.kind", "text", "network"),
        ("step * connect: error.message", "websocket error", ABSENT),
    ),
    reason(
        "Defect 19: one non-string value in the user data loses all of it, silently",
        "user data",
        (
            "request GET /listen?*",
            {"method": "GET", "path": '/listen?{"plan":"gold","größe":[1,{"a":null}]}', "body": None},
            ABSENT,
        ),
        vanished("login", LOGIN),
        (
            "step 1 connect: outcome",
            {"value": CREDENTIALS},
            {
                "error": {
                    "kind": "ValueError",
                    "message": "user_data['größe'] is no str, and a Messaging server takes no other values",
                }
            },
        ),
        ("step *: userId", "<user 1>", None),
        *refused("step 2 get_user"),
    ),
    *(
        reason(
            "Gain: where the server makes another user in silence, the event `session_expired` tells of it",
            scenario,
            ("request GET /listen*", ABSENT, {"method": "GET", "path": path, "body": None}),
            appeared("login", {**LOGIN, "creds": {"userId": "<user 1>", "userToken": key}}),
            (
                "event session_expired",
                ABSENT,
                event(
                    "session_expired",
                    {
                        "kind": "SessionExpired",
                        "message": re.compile("The server does not know the user user_of_nobody, or .*"),
                    },
                ),
            ),
        )
        for scenario, path, key in (
            ("credentials that do not belong together", "/listen", "<key 2>"),
            ("unknown credentials", '/listen?{"plan":"gold"}', "<key 1>"),
        )
    ),
    reason(
        "Ours logs in as the new user by its credentials, so that user is numbered first",
        "credentials that do not belong together",
        ("step 1 connect: value.userId", "<user 1>", "<user 2>"),
        ("step 1 connect: userId", "<user 1>", "<user 2>"),
        ("step 3 connect: value.userId", "<user 2>", "<user 1>"),
        ("step 3 connect: userId", "<user 2>", "<user 1>"),
    ),
    reason(
        "Gain: `connect()` of who is connected returns the credentials, or says that it is another user",
        "connect twice",
        ("step 2 connect: outcome", {"value": None}, {"error": {"kind": "state"}}),
        ("step 3 connect: value", None, CREDENTIALS),
    ),
    reason(
        "Defect 10: `connect()` while another is in progress returns nothing at once instead of waiting for it",
        "connect twice at once",
        ("step 1 together: connect: value", None, CREDENTIALS),
    ),
    reason(
        "Gain: `disconnect()` ends a login that is under way",
        "disconnect while connecting",
        ("request GET /listen", {"method": "GET", "path": "/listen", "body": None}, ABSENT),
        vanished("login", LOGIN),
        ("step 1 together: connect: outcome", {"value": CREDENTIALS}, {"error": {"kind": "state"}}),
        ("step *: userId", "<user 1>", None),
        ("step 2 properties: value.userId", "<user 1>", None),
    ),
    reason(
        "Defect 15: after `disconnect()` and `connect()` as another user the old `conversationId` is kept",
        "disconnect and connect again",
        appeared("conversations.create", {}),
        appeared("conversations.start", {"id": "<conv 2>"}),
        ("request ASK messages.create: body.conversationId", "<conv 1>", "<conv 2>"),
        ("step 4 connect: conversationId", "<conv 1>", None),
        ("step 5 send: outcome", NO_CONVERSATION, {"value": message(text("Hello"))}),
        ("step 5 send: conversationId", "<conv 1>", "<conv 2>"),
        ("event conversation", ABSENT, {**event("conversation", "<conv 2>"), "current": "<conv 2>"}),
        sent("Hello"),
    ),
    # Calls without a connection
    reason(
        "Gain: what cannot be done without a connection is not done by halves",
        "calls *",
        *refused("step * get_user"),
        ("step * switch: outcome", {"value": None}, {"error": {"kind": "state"}}),
        ("step * switch: conversationId", "conv_1", None),
    ),
    reason(
        "Gain: what cannot be done without a connection is not done by halves",
        "calls before connect",
        ("event conversation", {**event("conversation", "conv_1"), "current": None}, ABSENT),
    ),
    reason(
        "Gain: what cannot be done without a connection is not done by halves",
        "calls after disconnect",
        ("event conversation", {**event("conversation", "conv_1"), "current": "<conv 1>"}, ABSENT),
    ),
    reason(
        "Gain: after `disconnect` one is nobody, and in no conversation",
        "calls after disconnect",
        ("step *: userId", USER, None),
        ("step *: conversationId", "<conv 1>", None),
    ),
    # Conversations
    reason(
        "Gain: where there is no conversation there are no messages",
        "list before there is a conversation",
        vanished("messages.list", {"limit": 20}),
        (
            "step 2 list: outcome",
            {"error": {"kind": "Error", "message": '"conversationId" is required'}},
            {"value": []},
        ),
    ),
    reason(
        "Gain: a conversation that one switches to is there, and its history is known",
        ("several conversations", "come back with stored credentials"),
        appeared("messages.list", listed()),
    ),
    reason(
        "Gain: what a bot says on the creation of a conversation is read from its history",
        EVERYWHERE,
        appeared("messages.list", {"conversationId": CONVERSATION, "limit": 50}),
    ),
    reason(
        "Gain: what has no name of its own is seen by `*`",
        EVERYWHERE,
        ("event *.*", ABSENT, is_push),
    ),
    reason(
        "Gain: the event `conversation` comes when another one is the current one",
        "several conversations",
        ("event conversation", {**event("conversation", "<conv 1>"), "current": "<conv 1>"}, ABSENT),
    ),
    reason(
        "Defect 9: two `sendMessage` at once without a conversation make two",
        "two sends at once without a conversation",
        *one_conversation("2 together", "3 send"),
    ),
    reason(
        "Defect 9: two `sendMessage` at once without a conversation make two",
        "send while a conversation is made",
        *one_conversation("2 together"),
    ),
    reason(
        "Gain: a switch to no conversation fails, and one stays where one was",
        "switch to no conversation",
        appeared("messages.list", listed("conv_of_nobody")),
        ("request ASK messages.create: body.conversationId", "conv_of_nobody", "<conv 1>"),
        (
            "step 3 switch: outcome",
            {"value": None},
            {
                "error": {
                    "kind": "api",
                    "type": "ResourceNotFound",
                    "code": 404,
                    "message": "Conversation does not exist",
                }
            },
        ),
        ("step 3 switch: conversationId", "conv_of_nobody", "<conv 1>"),
        ("step 4 send: outcome", NO_CONVERSATION, {"value": message(text("Hello"))}),
        ("step 4 send: conversationId", "conv_of_nobody", "<conv 1>"),
        ("event conversation", {**event("conversation", "conv_of_nobody"), "current": "<conv 1>"}, ABSENT),
        sent("Hello"),
    ),
    # Losses
    reason(
        "Defect 1: a dropped connection of a new user comes back as another user",
        (*LOSSES, "answer to a send is lost"),
        ("request ASK login: body.creds", ABSENT, CREDENTIALS),
    ),
    reason(
        "Defect 4: messages of the gap are missed",
        (*LOSSES, "answer to a send is lost"),
        appeared("messages.list", listed()),
    ),
    reason(
        "Defect 1: a dropped connection of a new user comes back as another user",
        "stream *",
        ("step * list: outcome", NO_CONVERSATION, is_value),
        ("step 8 send: outcome", NO_CONVERSATION, {"value": message(text("after"))}),
        sent("after"),
    ),
    reason(
        "Defect 1: a dropped connection of a new user comes back as another user",
        "event after a lost stream",
        ("step 7 send_event: outcome", NO_CONVERSATION, {"value": None}),
    ),
    reason(
        "Defect 4: messages of the gap are missed",
        "bot speaks while the stream is lost",
        (
            "step 7 list: outcome",
            NO_CONVERSATION,
            {"value": [message(text("one"), author="bot"), message(text("before"))]},
        ),
        ("event message", ABSENT, event("message", message(text("one"), author="bot"))),
    ),
    reason(
        "Gain: that a conversation is gone is told once and for all",
        "conversation is deleted",
        ("step 6 send: error.kind", "Error", "ConversationGone"),
        ("step 6 send: error.message", "Conversation does not exist", GONE["message"]),
        ("event error", ABSENT, event("error", GONE)),
    ),
    reason(
        "Defect 7: no request has a timeout, and none fails when the connection breaks",
        "answer to a send is lost",
        (
            "step 5 send: outcome",
            {"error": {"kind": "Error", "message": "it never ends"}},
            {"value": message(text("Hello"))},
        ),
        sent("Hello"),
    ),
    # What is pushed
    reason(
        "Defect 16: `sentOn` is a string although typed as a date",
        "date with another zone",
        ("event message: value.sentOn", "2025-01-05T10:00:03+00:00", "2025-01-05T10:00:03.000Z"),
    ),
    reason(
        "Defect 13: `message` events of other conversations and of one's own other tabs are not told apart",
        "message of another conversation",
        ("event message", event("message", without_author(by_hand(text("by hand"), "conv_of_nobody"))), ABSENT),
        (
            "event message_created",
            ABSENT,
            event("message_created", by_hand(text("by hand"), conversation="conv_of_nobody")),
        ),
    ),
    reason(
        "Defect 13: `message` events of other conversations and of one's own other tabs are not told apart",
        "own message from elsewhere",
        ("event message", event("message", by_hand(text("by hand"), author=USER)), ABSENT),
        ("event own_message", ABSENT, event("own_message", by_hand(text("by hand"), author=USER))),
    ),
    reason(
        "Gain: a message that comes twice is told once",
        "message that comes twice",
        ("event message", event("message", without_author(by_hand(text("by hand")))), ABSENT),
    ),
    *(
        reason(
            "Defect 12: a pushed payload that does not fit is lost",
            f"payload: {name}",
            ("event message", ABSENT, event("message", message(block, author="bot"))),
        )
        for name, block in {
            "bloc": {"type": "column", "blocks": [text("one"), {"type": "image", "url": "https://example.com/a.png"}]},
            "custom": {"type": "custom", "url": "https://example.com/widget.js", "name": "Widget", "data": {"size": 7}},
            "poll": {"type": "poll", "question": "Why?", "answers": [1, None]},
        }.items()
    ),
    # Handlers
    reason(
        "Gain: a handler that raises harms no call, and the event `error` tells of it",
        "handler of * that raises",
        ("step * send: outcome", HANDLER_FAILED, {"value": message(text("Hello"))}),
        ("event error", ABSENT, event("error", {"kind": "IndexError", "message": "a handler failed"})),
        sent("Hello"),
    ),
    reason(
        "Gain: a handler that raises harms no call, and the event `error` tells of it",
        "handler of conversation that raises",
        vanished("conversations.create", {}),
        appeared("conversations.start", {"id": "<conv 1>"}),
        posted("Hello"),
        ("step 3 new_conversation: outcome", HANDLER_FAILED, {"value": "<conv 1>"}),
        *stays("3 new_conversation", "4 send", "5 list"),
        ("step 5 list: value", [], [message(text("Hello"))]),
        ("event conversation", {**event("conversation", "<conv 2>"), "current": None, "handler": "bad"}, ABSENT),
        ("event conversation", ABSENT, {**event("conversation", "<conv 1>"), "current": "<conv 1>"}),
    ),
)

ROWS = tuple(
    Row(reason.scenarios, where, original, ours, reason.title)
    for reason in REASONS
    for where, original, ours in reason.changes
)
