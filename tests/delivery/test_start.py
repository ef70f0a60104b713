"""`start` in one request: what it takes, and what it does where the server chose other than what was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any
from unittest import mock

import pytest
from webchat_server import store

from webchat_py.wire.errors import ConversationGone

from . import world as world_module
from .world import Memory, Terms, World, run_in_world, simulated


def exchanged(world: World) -> list[str]:
    """The requests until now."""
    return [f"{one.method} {one.path.partition('?')[0].removeprefix('/bot')}" for one in world.network.exchanges]


async def leave(world: World) -> None:
    await world.client.disconnect()
    await asyncio.sleep(1)
    world.seen.clear()
    world.network.exchanges.clear()


@pytest.mark.parametrize("native", [False, True], ids=["fetch", "native"])
def test_a_first_start_is_one_request_and_tells_the_bot(native: bool) -> None:
    async def main(world: World) -> None:
        assert await world.client.start() == []
        assert world.connections() == ["connecting", "connected"]
        await asyncio.sleep(1)
        assert exchanged(world) == ["GET /initialize", "POST /events"]
        assert [event["type"] for event in world.host.events(world.conversation_id)] == ["conversation_started"]
        await world.say("hello")
        await asyncio.sleep(1)
        assert world.texts("message") == ["hello"]

    run_in_world(Terms(native=native, enter="start"), main)


@simulated(enter="start")
async def test_a_first_message_does_not_wait_until_the_bot_was_told(world: World) -> None:
    await world.client.start()
    world.fault("delay-answer:on=POST /events:seconds=5")
    await asyncio.wait_for(world.client.send_message("hi"), 2)
    assert exchanged(world) == ["GET /initialize", "POST /events", "POST /messages"]
    await asyncio.sleep(10)
    assert len(world.requests("POST", "/events")) == 1


@simulated(enter="start", echo=True)
async def test_a_question_waits_until_the_bot_was_told(world: World) -> None:
    await world.client.start()
    world.fault("delay-answer:on=POST /events:seconds=5")
    asking = asyncio.create_task(world.client.ask("hi"))
    await asyncio.sleep(4)
    assert not world.requests("POST", "/messages")
    assert len(await asking) == 1


@simulated(enter="start")
async def test_who_comes_back_gets_the_history_and_is_not_announced(world: World) -> None:
    await world.client.start()
    user_id, conversation_id = world.user_id, world.conversation_id
    await world.say("one", "two")
    await leave(world)
    assert [message.text for message in await world.client.start()] == ["two", "one"]
    await asyncio.sleep(1)
    assert (world.user_id, world.conversation_id) == (user_id, conversation_id)
    assert exchanged(world) == ["GET /initialize", "GET /conversations/" + conversation_id + "/messages"]
    assert world.texts("message") == []
    assert world.connections() == ["connecting", "connected"]


@simulated(enter="start")
async def test_what_is_said_between_the_history_and_the_stream_is_told(world: World) -> None:
    await world.client.start()
    await world.say("old")
    conversation_id = world.conversation_id
    await leave(world)
    world.fault("delay-signals:seconds=1:signal=init")
    world.fault("lose-signal:times=1:signal=message_created")
    starting = asyncio.create_task(world.client.start())
    await asyncio.sleep(0.5)
    await world.host.say(conversation_id, "in between")
    assert [message.text for message in await starting] == ["old"]
    await asyncio.sleep(2)
    await world.host.say(conversation_id, "later")
    await asyncio.sleep(2)
    assert world.texts("message") == ["in between", "later"]


@simulated(enter="start")
async def test_a_history_that_is_left_out_is_read(world: World) -> None:
    await world.client.start()
    await world.say("old")
    await leave(world)
    initialize: Callable[..., Any] = store.initialize
    with mock.patch.object(store, "initialize", lambda *args: (*initialize(*args)[:2], [], [])):
        assert [message.text for message in await world.client.start()] == ["old"]
    await asyncio.sleep(1)
    assert world.texts("message") == []


@pytest.mark.parametrize(
    "fault",
    [
        "status:status=404:on=/initialize",
        "html:status=200:on=/initialize",
        "lose-signal:signal=init",
    ],
)
def test_a_server_that_cannot_do_it_is_asked_step_by_step_and_not_again(fault: str) -> None:
    async def main(world: World) -> None:
        world.fault(fault)
        await world.client.start()
        assert exchanged(world)[0] == "GET /initialize"
        assert exchanged(world)[1:5] == ["POST /users", "POST /conversations", *listening(world), "POST /events"]
        assert world.network.streams == 1, "no stream of the attempt is left open"
        await leave(world)
        await world.client.start()
        assert "GET /initialize" not in exchanged(world)

    run_in_world(Terms(enter="start"), main)


def listening(world: World) -> list[str]:
    return [f"GET /conversations/{world.conversation_id}/listen"]


@simulated(enter="start")
async def test_a_lost_connection_says_nothing_about_the_server(world: World) -> None:
    world.fault("lose-request:on=/initialize:times=1")
    await world.client.start()
    await leave(world)
    await world.client.start()
    assert exchanged(world)[0] == "GET /initialize"


@simulated(enter="start")
async def test_a_user_who_is_not_known_any_more_is_told_and_becomes_a_new_one(world: World) -> None:
    await world.client.start()
    user_id = world.user_id
    await leave(world)
    world.host.api.keys.expire()
    await world.client.start()
    assert len(world.values("session_expired")) == 1
    assert world.user_id != user_id


@simulated(enter="start")
async def test_a_user_whom_the_server_did_not_know_for_once_stays_that_user(world: World) -> None:
    await world.client.start()
    user_id, conversation_id = world.user_id, world.conversation_id
    await leave(world)
    initialize: Callable[..., Any] = store.initialize
    with mock.patch.object(
        store, "initialize", lambda db, client_id, _user, *rest: initialize(db, client_id, None, *rest)
    ):
        await world.client.start()
    assert (world.user_id, world.conversation_id) == (user_id, conversation_id)
    assert not world.values("session_expired")


@simulated(enter="start")
async def test_a_conversation_that_is_gone_is_told_and_leaves_one_and_not_two(world: World) -> None:
    await world.client.start()
    gone = world.conversation_id
    await world.delete_conversation()
    await leave(world)
    assert await world.client.start() == []
    assert [type(error) for error in world.values("error")] == [ConversationGone]
    assert world.conversation_id != gone
    assert [one.id for one in await world.client.list_conversations()] == [world.conversation_id]
    assert [event["type"] for event in world.host.events(world.conversation_id)] == ["conversation_started"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_server_that_fails_for_once_is_asked_again(status: int) -> None:
    async def main(world: World) -> None:
        world.fault(f"status:status={status}:on=/initialize:times=1")
        await world.client.start()
        await leave(world)
        await world.client.start()
        assert exchanged(world)[0] == "GET /initialize"

    run_in_world(Terms(enter="start"), main)


class Slow(Memory):
    """A storage that takes its time, and does what it was asked for though nobody waits for it any more, as IndexedDB
    does."""

    async def get(self, key: str) -> str | None:
        await asyncio.sleep(0.02)
        return await super().get(key)

    async def set(self, key: str, value: str) -> None:
        await super().set(key, value)
        await asyncio.sleep(0.02)


MOMENTS = [number / 200 for number in range(100)]


@pytest.mark.parametrize("before", ["nothing", "a session"])
def test_a_start_that_is_cancelled_leaves_nothing_open_and_can_be_made_again(before: str) -> None:
    async def main(world: World, after: float) -> bool:
        if before == "a session":
            await world.client.start()
            await leave(world)
        starting = asyncio.create_task(world.client.start())
        await asyncio.sleep(after)
        starting.cancel()
        await asyncio.wait((starting,))
        await asyncio.sleep(3)
        cancelled = starting.cancelled()
        if cancelled:
            assert (world.client.user_id, world.client.conversation_id, world.network.streams) == (None, None, 0), after
        await world.client.start()
        await world.say("hello")
        await asyncio.sleep(2)
        assert world.texts("message") == ["hello"], after
        return cancelled

    _at_every_moment(main)


def test_a_start_that_is_cancelled_loses_nothing_of_what_was_not_sent() -> None:
    async def main(world: World, after: float) -> bool:
        await world.client.start()
        world.fault("lose-request:on=POST /messages")
        sending = world.send("unsent")
        await asyncio.sleep(1)
        await world.client.disconnect()
        await world.be_well()
        starting = asyncio.create_task(world.client.start())
        await asyncio.sleep(after)
        starting.cancel()
        await asyncio.wait((starting, sending.task))
        await world.client.start()
        await asyncio.sleep(30)
        assert world.sent() == ["unsent"], after
        return starting.cancelled()

    _at_every_moment(main)


def _at_every_moment(main: Callable[[World, float], Coroutine[Any, Any, bool]]) -> None:
    """Some of these moments come before the end of the start, and some after it."""
    cancelled: set[bool] = set()
    for after in MOMENTS:

        async def at(world: World, after: float = after) -> None:
            cancelled.add(await main(world, after))

        with mock.patch.object(world_module, "Memory", Slow):
            run_in_world(Terms(enter="start"), at)
    assert cancelled == {True, False}
