"""The promise, row by row: one fault, and what the user of the client gets."""

from __future__ import annotations

import asyncio

from .world import World, simulated


@simulated()
async def test_without_any_fault_everything_arrives_once(world: World) -> None:
    await world.enter()
    await world.say("one", "two")
    message = await world.client.send_message("three")
    await asyncio.sleep(5)
    assert world.texts("message") == world.said() == ["one", "two"]
    assert world.sent() == ["three"]
    assert message.text == "three"


@simulated()
async def test_a_stream_that_is_cut_hard(world: World) -> None:
    await world.enter()
    await world.say("before")
    await asyncio.sleep(1)
    world.end_streams("hard")
    await world.say("meanwhile", "and again")
    await world.settle()
    await world.say("after")
    await asyncio.sleep(1)
    assert world.texts("message") == world.said() == ["before", "meanwhile", "and again", "after"]
