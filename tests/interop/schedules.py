"""Schedules of what people and networks do, which the original can be put through, too; and figures of what came of it.

A step is `{"pause": seconds before it, "do": …}`, where `do` is

    send    the user sends a message, and does not wait for the answer
    say     the bot says something unasked
    end     the event stream ends in good order
    reset   the connection of the event stream is reset
    kill    the server is killed
    start   it is started again, on the same data
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

Step = dict[str, Any]
LOSSES = ("end", "reset", "kill")
PAUSES = (0.0, 0.0, 0.1, 0.4)  # seconds


def schedule(seed: int) -> list[Step]:
    """A schedule that is the same for a seed."""
    random = Random(seed)
    steps = ["send"]
    for loss in random.sample(LOSSES, len(LOSSES)):
        around = ["send", "send", "say", "say", "say", loss]
        steps += random.sample(around, len(around))
    steps += ["say", "send", "say"]
    down = steps.index("kill") + 1
    steps[down:down] = ["send"] * random.randrange(3) + ["start"]
    return [{"pause": random.choice(PAUSES), "do": step} for step in steps]


@dataclass(frozen=True)
class Figures:
    """What came of a schedule, for one client. Messages are those of both directions.

    Attributes:
        lost: messages of the bot that no handler heard of, and of the user that the server does not have, though
            nobody was told.
        doubled: how often a handler heard of a message again, and the server has one again.
        out_of_order: messages that came behind one that was said later.
        conversations: how many the user ended up in.
        failed: sends that the user was told have failed.
        recovered: seconds from each loss, or from the start of the server, until there was a stream again; `None` where
            there never was. Ours opens it by itself, the original another conversation with the next message.
    """

    messages: int
    lost: int
    doubled: int
    out_of_order: int
    conversations: int
    failed: int
    recovered: tuple[float | None, ...]


def figures(told: dict[str, Any]) -> Figures:
    """The figures of what the page tells of one client, see players.py."""
    own = [text for texts in told["stored"] for text in texts if text in told["sent"]]
    ways = ((told["said"], told["heard"]), (told["sent"], own))
    return Figures(
        messages=sum(len(wanted) for wanted, _ in ways),
        lost=sum(len(set(wanted) - set(got) - set(told["failed"])) for wanted, got in ways),
        doubled=sum(len(got) - len(set(got)) for _, got in ways),
        out_of_order=sum(_late(wanted, got) for wanted, got in ways),
        conversations=len(told["stored"]),
        failed=len(told["failed"]),
        recovered=tuple(told["recovered"]),
    )


def _late(wanted: Sequence[str], got: Sequence[str]) -> int:
    places = [wanted.index(text) for text in got]
    return sum(place < max(places[:index], default=place) for index, place in enumerate(places))
