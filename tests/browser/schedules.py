"""Schedules of tests/delivery in real time, made by a seed; and what must have come of each.

The vocabulary is the same; times are such that a schedule takes a few seconds.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from webchat_server.faults import parse

from tests.delivery.schedule import Action, Break, EndStreams, Restart, Say, SayElsewhere, Send, Silence

WAITS = (0.0, 0.0, 0.03, 0.1, 0.3)  # seconds
WAYS = ("none", "no-dedupe", "no-metadata", "oldest-first")
"""What the server does at all times."""
RESTARTS: list[list[Action]] = [
    [Say(2), Send(), Restart(0.2), Send(), Say()],
    [Say(10, 0.02), Restart(0.5), Send(), Send()],
    [Send(), Send(), Send(), Restart(0.0)],
    [EndStreams("hard"), Say(3), Restart(0.2), Say(2)],
    [SayElsewhere(), Send(), Restart(0.2), Break("duplicate:times=3"), Send()],
]
LOSSES: list[list[Action]] = [
    [EndStreams("clean"), Say(3)],
    [Say(20, 0.01), EndStreams("hard"), Send()],
    [Say(20, 0.01), EndStreams("cut"), SayElsewhere()],
    [EndStreams("stall"), Say(2), Send()],
    [Break("drop-clean:times=1"), Send()],
    [Break("drop-hard:times=2"), Say(5)],
    [Break("cut:times=2"), Say(3), Send()],
    [Break("drop-hard:after=0.02:times=2"), EndStreams("clean"), Say(3)],
    [Break("hold-first-byte:times=1:seconds=1.5"), EndStreams("hard"), Say(2), Send()],
    [Silence(0.5), Send(), Say(2)],
    [Send(), Silence(2.5), Say(2)],
    [Break("delay-signals:seconds=0.3:times=3"), Say(3), EndStreams("hard")],
]
OTHERS: list[list[Action]] = [
    [Break("lose-signal:times=2"), Say(2), Send()],
    [Break("duplicate:times=9"), Say(3), Send(), SayElsewhere()],
    [Break("reorder:times=2:signal=message_created"), Say(4)],
    [Break("status:status=503:lasting=1:on=/listen"), EndStreams("clean"), Say(2)],
    [Break("status:status=429:times=1:retry_after=1:on=/listen"), EndStreams("hard"), Say(2), Send()],
    [Break("status:status=500:times=2:on=GET /messages"), EndStreams("hard"), Say(2), Send()],
    [Break("html:times=1:on=GET /messages"), EndStreams("clean"), Say(2)],
    [Break("lose-answer:times=1:on=GET /messages"), EndStreams("cut"), Say(2)],
    [Break("status:status=503:lasting=1:on=POST /messages"), Send(), Send()],
    [Break("status:status=429:times=1:retry_after=1:on=POST /messages"), Send(), Send(), Say()],
]
DOUBTS: list[list[Action]] = [
    [Break("status:status=500:times=1:on=POST /messages"), Send()],
    [Break("lose-answer:times=1:on=POST /messages"), Send(), EndStreams("hard"), Send()],
    [Break("lose-answer:times=1:on=POST /messages"), Break("lose-signal:times=6"), Send(), Send()],
    [Break("lose-request:times=1:on=POST /messages"), Send(), Say()],
    [Break("late:seconds=1:times=1:on=POST /messages"), Send(), Send()],
    [Break("delay-answer:seconds=1:times=2:on=POST /messages"), Send(), Send(), Say()],
    [Break("delay:seconds=1:times=1:on=POST /messages"), Send(), EndStreams("clean")],
]
"""A message that may or may not have arrived costs the grace period, so each schedule has one of these."""


@dataclass(frozen=True)
class Schedule:
    """`steps` are pairs: the seconds since the step before, and what happens then."""

    ways: str
    steps: tuple[tuple[float, Action], ...]

    @classmethod
    def of(cls, seed: int) -> Schedule:
        """The one that is made by this seed. The server is killed once in each."""
        chance = Random(seed)
        ways = chance.choice(WAYS)
        scenes = [*chance.sample(LOSSES, 2), chance.choice(OTHERS), chance.choice(DOUBTS), chance.choice(RESTARTS)]
        chance.shuffle(scenes)
        return cls(ways, tuple((chance.choice(WAITS), action) for scene in scenes for action in scene))

    def plain(self) -> list[dict[str, Any]]:
        """The steps as player.py takes them."""
        return [{"wait": wait, "action": type(action).__name__, **_plain(action)} for wait, action in self.steps]

    def breaks(self, *kinds: str) -> bool:
        return any(isinstance(action, Break) and action.spec.startswith(kinds) for _, action in self.steps)


def faults_of(spec: str) -> list[dict[str, Any]]:
    """Faults as a running server takes them."""
    return [asdict(fault) for fault in parse(spec)]


def _plain(action: Action) -> dict[str, Any]:
    return {"faults": faults_of(action.spec)} if isinstance(action, Break) else asdict(action)


class Stored(NamedTuple):
    """A message as the database has it."""

    id: str
    author_id: str
    created_at: str
    text: str


def stored(data: Path) -> list[Stored]:
    """All messages of a server, in the order in which they were stored. It need not run."""
    columns = "id, user_id, created_at, json_extract(payload, '$.text')"
    return [Stored(*row) for row in _ask(data, f"SELECT {columns} FROM messages ORDER BY seq")]


def conversations(data: Path) -> list[str]:
    return [row[0] for row in _ask(data, "SELECT id FROM conversations")]


def _ask(data: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / "webchat.sqlite3")) as db:
        return db.execute(sql).fetchall()


def judge(schedule: Schedule, told: dict[str, Any], data: Path) -> None:
    """Raise `AssertionError` where the promise is broken. `told` is what player.py tells."""
    user, conversation = told["ours"]
    messages = stored(data)
    place = {message.id: number for number, message in enumerate(messages)}
    bot = [message for message in messages if message.author_id != user]
    own = Counter(message.text for message in messages if message.author_id == user)
    elsewhere = {message.text for message in messages if message.text.startswith("elsewhere")}

    # the bot's messages
    assert Counter(told["message"]) == Counter((message.id, message.text) for message in bot)
    heard = [place[one] for one, _ in told["message"]]
    if not schedule.breaks("reorder", "lose-signal"):
        # Where the history comes oldest first, its dates alone tell that it does.
        dated = schedule.ways == "oldest-first"
        assert heard == sorted(heard, key=lambda one: messages[one].created_at if dated else one)

    # the user's
    assert own == Counter([*told["sends"], *elsewhere])
    assert told["sends"] == {message.text: message.id for message in messages if message.text in told["sends"]}
    assert [text for _, text in told["message_sent"]] == list(told["sends"])
    assert Counter(text for _, text in told["own_message"]) == Counter(elsewhere)
    if schedule.ways != "no-metadata":
        assert sorted(told["sends"].values(), key=place.__getitem__) == list(told["sends"].values())

    # who and where one is
    assert told["ids"] == [(user, conversation)]
    assert told["conversations"] == [conversation] == conversations(data)
    assert told["errors"] == []
    assert told["states"][-1] == "connected"
