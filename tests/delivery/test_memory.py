"""A chat that goes on for long: the client does not grow with what was said. 10,000 messages; 100,000 in full."""

from __future__ import annotations

import asyncio
import gc
import os
import tracemalloc
from pathlib import Path

import webchat_py

from .world import Terms, World, run_in_world

MESSAGES = 100_000 if os.environ.get("WEBCHAT_TEST_FULL") == "1" else 10_000
BATCH = 100
"""Messages between two losses of the stream; one message of the user's own goes with each batch."""
BOUND = 600_000
"""Bytes; the client remembers some 4,000 ids. 10,000 would take more, and 100,000 far more."""


def test_memory_does_not_grow_with_the_messages() -> None:
    async def main(world: World) -> None:
        told = 0

        def count(_message: object) -> None:
            nonlocal told
            told += 1

        world.client.off("*", world.see)
        world.client.on("message", count)
        await world.enter()
        tracemalloc.start()
        try:
            for _ in range(MESSAGES // BATCH):
                await world.say(*map(str, range(BATCH // 2)))
                world.end_streams("hard")
                await world.say(*map(str, range(BATCH // 2)))
                await world.client.send_message("go on")
                await asyncio.sleep(5)
                world.network.exchanges.clear()
            await world.settle()
            size = client_size()
        finally:
            tracemalloc.stop()
        assert told == MESSAGES
        assert size < BOUND, f"the client holds {size:,} bytes"

    run_in_world(Terms(), main)


def client_size() -> int:
    """Bytes that the client's own code has allocated and not given back."""
    gc.collect()
    package = Path(webchat_py.__file__).parent
    snapshot = tracemalloc.take_snapshot()
    mine = snapshot.filter_traces(
        [tracemalloc.Filter(True, f"{package}/*"), tracemalloc.Filter(True, f"{package}/*/*")]
    )
    return sum(trace.size for trace in mine.traces)
