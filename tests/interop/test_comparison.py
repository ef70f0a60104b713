"""The comparison sees what it has to see: every way in which two clients can differ."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.interop.comparison import ABSENT, Difference, Record, Row, differences, normalised, unexplained

API = "http://127.0.0.1:5000"


def id_of(kind: str, number: int) -> str:
    return f"{kind}_{number:026x}"


def record(run: int = 0) -> Record:
    """What a client may have done; `run` changes what every run changes."""
    user, conversation, sent, heard = (
        id_of(kind, run * 10 + n) for n, kind in enumerate(("user", "conv", "msg", "msg"))
    )
    key, time = f"eyJ{run}.a{run}.b{run}", f"2030-05-0{run + 1}T10:00:00.000Z"
    metadata = {"clientMessageId": f"{run:032x}"}
    body = {"conversationId": conversation, "payload": {"type": "text", "text": "Hello"}, "metadata": metadata}
    button = {"type": "button", "groupId": f"{run}-group"}
    block = {"type": "row", "blocks": [button, button]}
    message = {"id": heard, "conversationId": conversation, "authorId": "bot", "sentOn": time, "block": block}
    own = {"id": sent, "conversationId": conversation, "authorId": user, "sentOn": time, "block": {"type": "text"}}
    state = {"userId": user, "conversationId": conversation}
    told = {
        "requests": [
            {"method": "POST", "path": "/users", "body": {}},
            {"method": "GET", "path": f"/conversations/{conversation}/listen", "body": None},
            {"method": "POST", "path": "/messages", "body": body},
            {"method": "POST", "path": "/messages", "body": {**body, "payload": {"type": "text", "text": "again"}}},
        ],
        "results": [
            {"do": "connect", "value": {"userId": user, "userToken": key}, **state, "conversationId": None},
            {"do": "send", "value": None, **state},
            {"do": "list", "value": [message, own], **state},
            {"do": "exists", "error": {"kind": "api", "type": "Forbidden", "code": 403}, **state},
        ],
        "events": [
            {"event": "conversation", "value": conversation, "current": conversation},
            {"event": "message_sent", "value": "Hello"},
            {"event": "message", "value": message},
            {"event": "message", "value": {**message, "id": id_of("msg", run * 10 + 9)}},
            {"event": "is_typing", "value": {"isTyping": True, "timeout": 5000}},
        ],
        "unordered": [],
    }
    separate: Record = json.loads(json.dumps(told))  # so that a change of one thing changes no other
    return separate


def compared(change: Callable[[Record], Any]) -> list[Difference]:
    changed = record(1)
    change(changed)
    return differences(normalised(record(), API, ""), normalised(changed, API, ""))


def test_two_runs_of_the_same_are_the_same() -> None:
    assert compared(lambda _: None) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda r: r["requests"].pop(0), {"request POST /users"}),
        (lambda r: r["requests"].append(r["requests"][0]), {"request POST /users"}),
        (lambda r: r["requests"].insert(0, r["requests"].pop()), {"request POST /messages"}),
        (lambda r: r["requests"][0].update(method="PUT"), {"request POST /users", "request PUT /users"}),
        (lambda r: r["requests"][0]["body"].update(a=1), {"request POST /users: body.a"}),
        (
            lambda r: r["requests"][2]["body"]["metadata"].update(clientMessageId="x"),
            {"request POST /messages: body.metadata.clientMessageId"},
        ),
        (
            lambda r: r["requests"][2]["body"].update(conversationId=id_of("conv", 99)),
            {"request POST /messages: body.conversationId"},
        ),
        (lambda r: r["events"].pop(3), {"event message", "step 3 list: value.1.id"}),
        (lambda r: r["events"].insert(3, r["events"][1]), {"event message_sent"}),
        (lambda r: r["events"].insert(1, r["events"].pop(0)), {"event conversation"}),
        (lambda r: r["events"][4]["value"].update(timeout=5), {"event is_typing"}),
        (lambda r: r["events"][0].update(current=None), {"event conversation: current"}),
        (lambda r: r["events"][2]["value"]["block"].update(type="column"), {"event message: value.block.type"}),
        (
            lambda r: r["events"][2]["value"]["block"]["blocks"][1].update(groupId="another"),
            {"event message: value.block.blocks.1.groupId"},
        ),
        (lambda r: r["results"][1].update(value=True), {"step 2 send: value"}),
        (
            lambda r: r["results"][2]["value"].reverse(),
            {
                f"step 3 list: value.{n}.{name}"
                for n in (0, 1)
                for name in ("id", "authorId", "block.type", "block.blocks")
            },
        ),
        (lambda r: r["results"][2]["value"].pop(), {"step 3 list: value"}),
        (lambda r: r["results"][2].update(conversationId=None), {"step 3 list: conversationId"}),
        (lambda r: r["results"][3]["error"].update(code=404), {"step 4 exists: error.code"}),
        (lambda r: r["results"][3].update(value=r["results"][3].pop("error")), {"step 4 exists: outcome"}),
    ],
)
def test_a_change_is_found(change: Callable[[Record], Any], where: set[str]) -> None:
    assert {found.where for found in compared(change)} == where


def test_what_comes_in_addition_tears_nothing_apart() -> None:
    """difflib, which looks for long runs, would find the two of the original at the end of ours."""

    def events(*names: str) -> Record:
        return {"requests": [], "results": [], "events": [{"event": name, "value": None} for name in names]}

    found = differences(events("a", "b", "a", "b"), events("a", "x", "b", "x", "a", "b"))
    assert [(one.where, one.original) for one in found] == [("event x", ABSENT)] * 2


def test_true_is_not_one() -> None:
    (found,) = differences(*({"requests": [], "events": [], "results": [{"do": "x", "value": v}]} for v in (1, True)))
    assert found == Difference("step 1 x: value", 1, True)


def test_the_order_of_what_is_started_at_once_is_open_and_that_of_the_rest_is_not() -> None:
    def swap(changed: Record) -> None:
        changed["requests"][2:4] = reversed(changed["requests"][2:4])

    def swap_what_is_open(changed: Record) -> None:
        swap(changed)
        changed["unordered"] = [{"requests": [2, 4], "events": [0, 0]}]

    original = {**record(), "unordered": [{"requests": [2, 4], "events": [0, 0]}]}
    changed = record(1)
    swap_what_is_open(changed)
    assert differences(normalised(original, API, ""), normalised(changed, API, "")) == []
    assert compared(swap)


def test_times_that_a_scenario_gives_are_compared() -> None:
    one, other = (
        {"requests": [{"method": "GET", "path": "/", "body": t}], "events": [], "results": [], "unordered": []}
        for t in ("2025-01-05T10:00:03.000Z", "2025-01-05T10:00:04.000Z")
    )
    assert differences(normalised(one, API, ""), normalised(other, API, "")) == []
    assert differences(*(normalised(r, API, "at 2025-01-05T10:00:03Z") for r in (one, other)))


@pytest.mark.parametrize(
    "row",
    [
        Row(("other",), "event message", {"a": 1}, ABSENT, ""),
        Row(("hello",), "event message_sent", {"a": 1}, ABSENT, ""),
        Row(("hello",), "event message", {"a": 2}, ABSENT, ""),
        Row(("hello",), "event message", {"a": 1, "b": 1}, ABSENT, ""),
        Row(("hello",), "event message", {"a": re.compile("1")}, ABSENT, ""),
        Row(("hello",), "event message", {"a": 1}, None, ""),
        Row(("hello",), "event message", {"a": 1}, lambda original, ours: original == ours, ""),
    ],
)
def test_a_row_allows_nothing_but_what_it_says(row: Row) -> None:
    found = [Difference("event message", {"a": 1}, ABSENT)]
    assert unexplained("hello", found, (row,)) == found
    assert unexplained("hello", found, (row, Row(("hel*",), "event *", {"a": 1}, ABSENT, ""))) == []
