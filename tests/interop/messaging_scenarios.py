"""What both clients are put through in mode "messaging": the scenarios of the other mode, as far as it has them.

Missing are those of what is not in this mode: uploads, typing, and what REST requests are answered.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.interop import scenarios
from tests.interop.scenarios import (
    CONNECT,
    LIST,
    LOSE_STREAM,
    NEW_CONVERSATION,
    REGAIN_STREAM,
    WHERE_AM_I,
    Scenario,
    Step,
    rule,
    send,
    send_event,
    together,
)

PARTS = (
    scenarios.users,
    scenarios.before_connect,
    scenarios.conversations,
    scenarios.lists,
    scenarios.events,
    scenarios.handlers,
    scenarios.payloads,
)
LEFT_OUT = ("mode pushpin by name", "typing", "typing, then a message", "unknown credentials")


def shared() -> Iterator[Scenario]:
    for part in PARTS:
        for scenario in part():
            steps = [step for step in scenario.steps if step["do"] != "send_file"]
            if scenario.name not in LEFT_OUT and not any(step["do"] == "proxy" for step in steps):
                yield _in_this_mode(scenario.name, steps, scenario.options)


def own() -> Iterator[Scenario]:
    """What is a little different here, as user data holds texts only, and the original tells of no loss."""
    nobody = {"userId": "user_of_nobody", "userToken": "key-of-nobody"}
    steps = [{"do": "connect", "credentials": nobody, "data": {"plan": "gold"}}, {"do": "get_user"}]
    yield _in_this_mode("unknown credentials", steps)
    refusal = rule("GET /listen", status=503)
    yield _in_this_mode("connect fails", [refusal, CONNECT, CONNECT, {"do": "get_user"}])
    begin = [CONNECT, NEW_CONVERSATION, WHERE_AM_I, send("before")]
    for name, hard in (("ends", False), ("breaks off", True)):
        lose_stream = {"do": "lose_stream", "hard": hard}
        yield _in_this_mode(f"stream {name}", [*begin, lose_stream, REGAIN_STREAM, LIST, send("after"), LIST])
    yield _in_this_mode("event after a lost stream", [*begin, LOSE_STREAM, REGAIN_STREAM, send_event(a=1)])
    said = {"do": "bot_says", "text": "one", "conversation": "$here.conversationId"}
    # At once, since it may be that it is back before the bot has spoken
    back = together(said, REGAIN_STREAM)
    yield _in_this_mode("bot speaks while the stream is lost", [*begin, LOSE_STREAM, back, LIST])
    deleted = {"do": "delete_conversation", "conversation": "$here.conversationId"}
    yield _in_this_mode("conversation is deleted", [*begin, deleted, send("after")])
    loss = rule("ASK messages.create", act="lose")
    yield _in_this_mode("answer to a send is lost", [*begin[:3], loss, send("Hello")])


def _in_this_mode(name: str, steps: list[Step], options: dict[str, str] | None = None) -> Scenario:
    return Scenario(name, steps, {**(options or {}), "mode": "messaging"})


SCENARIOS = {scenario.name: scenario for part in (shared, own) for scenario in part()}
