"""Plays one schedule and tells what happens in it. A test that fails prints the command."""

from __future__ import annotations

import sys
from typing import Any

from . import schedule as names
from .oracle import judge
from .schedule import Schedule, play
from .world import Terms, World, run_in_world


def tell(world: World) -> list[str]:
    """What went over the network and what the user saw, in the order of time; then what is stored."""
    lines = [(one.time, f"    {one.method} {one.path} {one.body} -> {one.status}") for one in world.network.exchanges]
    lines += [(seen.time, f"{seen.event}: {_short(seen.value)}") for seen in world.seen]
    lines += [(one.time, f"send {one.text!r}") for one in world.sendings]
    lines += [(one.ended, f"send {one.text!r} ended: {one.error or 'sent'}") for one in world.sendings if one.ended]
    told = [f"{time:9.3f}  {line}" for time, line in sorted(lines, key=lambda pair: pair[0])]
    if world.client.conversation_id:
        told += [f"   stored  {one.id} {one.author_id} {one.text!r}" for one in world.stored()]
    return told


def _short(value: Any) -> str:
    if hasattr(value, "payload"):
        return f"{value.id} {value.text!r} {value.status or ''}"
    return repr(value)


def main() -> None:
    schedule: Schedule = eval(sys.argv[1], vars(names) | {"Terms": Terms})

    async def run(world: World) -> None:
        try:
            judge(schedule, await play(world, schedule))
        finally:
            sys.stdout.writelines(f"{line}\n" for line in tell(world))

    run_in_world(schedule.terms, run)
    sys.stdout.write("The promise is kept.\n")


main()
