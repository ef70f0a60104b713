"""Mode "messaging" in simulated time: what one socket for all conversations brings with it."""

from __future__ import annotations

import asyncio
from unittest import mock

import webchat_server.messaging

from .world import Memory, Terms, World, run_in_world, simulated


@simulated(mode="messaging")
async def test_what_comes_while_the_conversation_is_changed_is_told_once(world: World) -> None:
    first = await world.enter()
    second = await world.client.new_conversation()
    await asyncio.sleep(1)
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


@simulated(mode="messaging", enter="start")
async def test_a_connect_that_is_given_up_leaves_no_socket(world: World) -> None:
    async def store_slowly(_storage: Memory, _key: str, _value: str) -> None:
        await asyncio.sleep(0.1)

    given_up = 0
    with mock.patch.object(Memory, "set", store_slowly):
        for milliseconds in range(0, 1000, 20):
            try:
                async with asyncio.timeout(milliseconds / 1000):
                    await world.client.connect()
            except TimeoutError:
                given_up += 1
                await asyncio.sleep(1)
                assert (world.client.user_id, world.network.streams) == (None, 0), f"given up after {milliseconds} ms"
            else:
                await world.client.disconnect()
    assert 5 < given_up < 40


@simulated(mode="messaging")
async def test_what_comes_while_there_is_no_conversation_is_seen_by_a_handler_of_all_events(world: World) -> None:
    credentials = await world.client.connect()
    conversation_id = await world.client.new_conversation()
    await world.client.disconnect()
    await world.client.connect(credentials)
    world.seen.clear()
    await world.host.say(conversation_id, "elsewhere")
    await asyncio.sleep(1)
    assert [(seen.event, seen.value.text) for seen in world.seen] == [("message_created", "elsewhere")]


@simulated(mode="messaging")
async def test_what_comes_elsewhere_is_seen_after_the_conversation_was_changed(world: World) -> None:
    await world.client.connect()
    first = await world.client.new_conversation()
    await world.client.new_conversation()
    await world.client.new_conversation()
    await asyncio.sleep(1)
    world.seen.clear()
    await world.host.say(first, "elsewhere")
    await asyncio.sleep(1)
    assert [(seen.event, seen.value.text) for seen in world.seen] == [("message_created", "elsewhere")]


@simulated(mode="messaging")
async def test_a_connection_over_which_pings_come_is_kept(world: World) -> None:
    await world.client.connect()
    await asyncio.sleep(100)
    assert (await world.client.get_user()).id == world.user_id
    assert len([one for one in world.network.exchanges if one.path.startswith("/socket.io/")]) == 1


def test_a_server_that_sends_pings_seldom_is_not_taken_for_lost() -> None:
    async def main(world: World) -> None:
        await world.enter()
        await asyncio.sleep(300)
        assert world.connections() == ["connecting", "connected"]

    with mock.patch.object(webchat_server.messaging, "PING_INTERVAL", 100):
        run_in_world(Terms(mode="messaging"), main)


@simulated(mode="messaging")
async def test_what_the_bot_says_before_anybody_listens_is_told(world: World) -> None:
    await world.client.connect()
    world.fault("delay-answer:times=1:seconds=2:on=POST /conversations")
    opening = asyncio.create_task(world.client.new_conversation())
    await asyncio.sleep(1)
    (conversation_id,) = world.host.conversations()
    await world.host.say(conversation_id, "early")
    assert await opening == conversation_id
    await world.host.say(conversation_id, "late")
    await world.settle()
    assert world.texts("message") == ["early", "late"]
