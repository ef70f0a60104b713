"""Handlers: isolated from each other, in order, and safe to change at any time."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

pytestmark = pytest.mark.every_browser


@run_in_pyodide
async def test_a_handler_that_raises_harms_nobody(selenium_client, helper_url):
    import asyncio

    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:

        @client.on("message")
        def plain(message):
            raise ZeroDivisionError("plain")

        @client.on("message")
        async def coroutine(message):
            await asyncio.sleep(0)
            raise ZeroDivisionError("coroutine")

        @client.on("conversation")
        def conversation(conversation_id):
            raise ZeroDivisionError("conversation")

        @client.on("message_sent")
        def message_sent(message):
            raise ZeroDivisionError("message_sent")

        @client.on("error")
        def error(error):
            raise ZeroDivisionError("error")

        @client.on("*")
        def star(event, value):
            raise ZeroDivisionError("star")

        events = Events(client)
        await client.connect()
        sent = await client.send_message("hello")
        assert sent.id
        answer = await events.next("message", lambda message: message.payload.text == "echo: hello")
        assert answer
        told = {str(error) for error in events.values("error")}
        while "coroutine" not in told:
            told.add(str(await events.next("error")))
        assert told >= {"plain", "conversation", "message_sent"}
        assert "error" not in told, "an error in a handler of errors is only logged, or it would never end"
        assert "star" not in told


@run_in_pyodide
async def test_values_reach_handlers_in_order_and_nothing_waits_for_a_slow_one(selenium_client):
    import asyncio

    from webchat_py.emitter import Emitter

    emitter = Emitter()
    quick, slow, done = [], [], asyncio.Event()
    gate = asyncio.Event()

    @emitter.on("message")
    async def take_time(value):
        await gate.wait()
        slow.append(value)
        if value == 4:
            done.set()

    emitter.on("message", quick.append)
    for value in range(5):
        emitter.emit("message", value)
    assert quick == [0, 1, 2, 3, 4]
    assert slow == []
    gate.set()
    await done.wait()
    assert slow == [0, 1, 2, 3, 4]


@run_in_pyodide
async def test_once_off_and_twice_the_same(selenium_client):
    from webchat_py.emitter import Emitter

    emitter = Emitter()
    got = []
    unsubscribe = emitter.on("message", got.append)
    emitter.on("message", got.append)
    emitter.emit("message", 1)
    assert got == [1], "the same handler counts once"
    unsubscribe()
    unsubscribe()
    emitter.emit("message", 2)
    assert got == [1]

    emitter.once("message", got.append)
    emitter.emit("message", 3)
    emitter.emit("message", 4)
    assert got == [1, 3]

    @emitter.once("conversation")
    async def once(value):
        got.append(value)

    assert callable(once)
    emitter.off("conversation", once)
    emitter.emit("conversation", 5)
    assert got == [1, 3]

    both = []
    emitter.on("*", lambda event, value: both.append((event, value)))
    emitter.emit("message", 6)
    emitter.emit_unnamed("message", 7)
    assert both == [("message", 6), ("signal:message", 7)], "what a server named like an event is not taken for it"
    assert got == [1, 3]


@run_in_pyodide
async def test_handlers_may_change_while_an_event_is_handed_on(selenium_client):
    from webchat_py.emitter import Emitter

    emitter = Emitter()
    got = []

    def late(value):
        got.append(("late", value))

    def first(value):
        got.append(("first", value))
        emitter.off("message", second)
        emitter.on("message", late)

    def second(value):
        got.append(("second", value))

    def again(value):
        got.append(("again", value))
        if value == 1:
            emitter.emit("message", 2)

    for handler in (first, second, again):
        emitter.on("message", handler)
    emitter.emit("message", 1)
    assert got == [("first", 1), ("again", 1), ("first", 2), ("again", 2), ("late", 2)]


@run_in_pyodide
async def test_what_waits_for_a_removed_handler_is_dropped(selenium_client):
    import asyncio

    from webchat_py.emitter import Emitter

    emitter = Emitter()
    got, gate, started = [], asyncio.Event(), asyncio.Event()

    async def slow(value):
        started.set()
        await gate.wait()
        got.append(value)

    emitter.on("message", slow)
    emitter.emit("message", 1)
    emitter.emit("message", 2)
    await started.wait()
    emitter.off("message", slow)
    gate.set()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*(task for task in others if "_drain" in repr(task)))
    assert got == [1]


@run_in_pyodide
async def test_the_client_can_be_used_inside_a_handler(selenium_client, helper_url):
    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        events = Events(client)

        @client.on("message")
        async def converse(message):
            if message.payload.text == "welcome":
                await client.send_message("from inside")
                await client.new_conversation()
                await client.disconnect()

        await client.connect()
        await client.new_conversation()
        await events.next("connection", lambda connection: connection.state == "closed")
        assert "from inside" in [message.payload.text for message in events.values("message_sent")]
        assert len(events.values("conversation")) == 2
