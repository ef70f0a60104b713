"""Mode "messaging" in simulated time: what one socket for all conversations brings with it."""

from __future__ import annotations

import asyncio

from .world import World, simulated


@simulated(mode="messaging")
async def test_what_comes_while_the_conversation_is_changed_is_told_once(world: World) -> None:
    first = await world.enter()
    second = await world.client.new_conversation()
    world.fault("delay-answer:times=1:seconds=2:on=/messages")
    switching = asyncio.create_task(world.client.switch_conversation(first))
    await asyncio.sleep(1)
    await world.host.say(second, "in the one that is left")
    await world.host.say(first, "in the one that is opened")
    await switching
    await world.settle()
    told = [(seen.event, seen.value.text) for seen in world.seen if seen.event.startswith("message")]
    assert told == [("message", "in the one that is left"), ("message", "in the one that is opened")]


@simulated(mode="messaging")
async def test_a_connection_that_falls_silent_is_opened_again(world: World) -> None:
    await world.enter()
    world.network.silent = True
    await asyncio.sleep(120)
    world.network.speak()
    await world.settle()
    assert world.connections() == ["connecting", "connected", "reconnecting", "connected"]
    await world.say("Back?")
    await world.settle()
    assert world.texts("message") == ["Back?"]


@simulated(mode="messaging", timeout=10.0)
async def test_those_who_need_a_connection_at_once_share_one(world: World) -> None:
    await world.enter()
    world.network.cut()
    await asyncio.sleep(2 * world.terms.latency)
    await asyncio.gather(*(world.client.get_user() for _ in range(5)))
    assert world.network.streams == 1
    assert len([one for one in world.network.exchanges if one.path.startswith("/socket.io/")]) == 2


@simulated(mode="messaging")
async def test_a_request_after_a_long_silence_goes_over_another_connection(world: World) -> None:
    await world.client.connect()
    world.faults.stall_streams()
    await asyncio.sleep(100)
    assert (await world.client.get_user()).id == world.user_id


@simulated(mode="messaging")
async def test_a_page_that_slept_does_not_trust_its_connection(world: World) -> None:
    await world.enter()
    world.faults.stall_streams()
    world.transport.wake("slept")
    await asyncio.sleep(5)
    await world.say("Awake?")
    await asyncio.sleep(1)
    assert world.texts("message") == ["Awake?"]
