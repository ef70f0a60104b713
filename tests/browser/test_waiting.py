"""Waiting for an event, iterating over messages, asking a question: all can be cancelled, and leave nothing behind."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@STREAMS
@run_in_pyodide
async def test_wait_for_waits_from_the_call_on(selenium_either_client, helper_url, event_source):
    import asyncio

    import pytest

    from webchat_py import RequestTimeout, StateError, get_client

    client = get_client("local", helper_url, event_source=event_source)
    conversation = client.wait_for("conversation")
    await client.connect()
    greeting = client.wait_for("message", timeout=15)
    await client.send_message("hello")
    assert await conversation == client.conversation_id
    assert (await greeting).text == "welcome"
    with pytest.raises(RequestTimeout, match=r"no event 'custom_event' within 0\.05 s"):
        await client.wait_for("custom_event", timeout=0.05)
    with pytest.raises(TimeoutError):
        await client.wait_for("custom_event", timeout=0)
    with pytest.raises(ValueError, match="Did you mean"):
        client.wait_for("mesage")
    cancelled = client.wait_for("message")
    cancelled.cancel()
    forgotten = client.wait_for("message")
    waiting = asyncio.ensure_future(client.wait_for("custom_event"))
    await client.disconnect()
    with pytest.raises(StateError, match="disconnected"):
        await waiting
    assert forgotten.done()
    await asyncio.sleep(0)
    assert not any(client._events._taps.values()), "no listener is left"


@STREAMS
@run_in_pyodide
async def test_messages_are_iterated_until_the_client_is_disconnected(selenium_either_client, helper_url, event_source):
    import asyncio

    from in_browser import Events

    from webchat_py import get_client

    client = get_client("local", helper_url, event_source=event_source)
    events = Events(client)
    await client.connect()
    messages = client.messages()

    async def collect():
        return [message.text async for message in messages]

    collecting = asyncio.ensure_future(collect())
    for word in ("one", "two"):
        await client.send_message(word)
        await events.next("message", lambda message, word=word: message.text == f"echo: {word}")
    await client.disconnect()
    assert await collecting == ["welcome", "echo: one", "echo: two"]
    assert not any(client._events._taps.values())


@run_in_pyodide
async def test_a_reader_who_is_too_far_behind_is_told(selenium_client):
    import asyncio
    import gc

    import pytest

    from webchat_py import WebchatError
    from webchat_py.emitter import Emitter
    from webchat_py.waiting import BUFFER, Waiting

    events = Emitter()
    waiting = Waiting(events)
    messages = waiting.messages()
    for number in range(BUFFER + 5):
        events.emit("message", number)
    assert [await anext(messages) for _ in range(BUFFER)] == list(range(BUFFER))
    with pytest.raises(WebchatError, match="behind"):
        await anext(messages)
    assert not any(events._taps.values())

    dropped = waiting.messages()
    assert any(events._taps.values())
    del dropped
    gc.collect()
    assert not any(events._taps.values()), "an iterator that nobody holds listens no more"

    closed = waiting.messages()
    reading = asyncio.ensure_future(anext(closed))
    await asyncio.sleep(0)
    await closed.aclose()
    with pytest.raises(StopAsyncIteration):
        await reading


@STREAMS
@run_in_pyodide
async def test_ask_collects_the_answers(selenium_either_client, helper_url, event_source):
    import asyncio

    from webchat_py import get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        await client.connect()
        greeting = client.wait_for("message", timeout=15)
        await client.new_conversation()
        await greeting  # which would be taken for an answer
        answers = await client.ask("three answers", silence=0.5)
        assert [message.text for message in answers] == ["one", "two", "three"]
        slow = await client.ask("answer, type, answer", silence=0.2)
        assert [message.text for message in slow] == ["first", "second"], "silence does not count while it is typing"
        both = await asyncio.gather(*(client.ask(word, silence=0.2) for word in ("a", "b")))
        assert [[message.text for message in answers] for answers in both] == [["echo: a"], ["echo: b"]]


@run_in_pyodide
async def test_ask_does_not_take_the_greeting_for_an_answer(selenium_either_client, helper_url):
    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        await client.connect()
        assert [message.text for message in await client.ask("hello", silence=0.3)][-1] == "echo: hello"


@run_in_pyodide
async def test_ask_without_an_answer_times_out_and_cancels_cleanly(selenium_either_client, helper_url):
    import asyncio

    import pytest

    from webchat_py import RequestTimeout, StateError, get_client

    client = get_client("local", helper_url)
    await client.connect()
    greeting = asyncio.ensure_future(client.wait_for("message"))
    await client.new_conversation()
    await greeting  # or it could be taken for an answer
    with pytest.raises(RequestTimeout, match=r"no answer within 0\.1 s"):
        await client.ask("say nothing", timeout=0.1)
    with pytest.raises(ValueError, match="empty"):
        await client.ask("")
    asking = asyncio.ensure_future(client.ask("say nothing"))
    await client.wait_for("message_sent")
    asking.cancel()
    await asyncio.wait([asking])
    assert asking.cancelled()
    asking = asyncio.ensure_future(client.ask("say nothing"))
    await client.wait_for("message_sent")
    await client.disconnect()
    with pytest.raises(StateError):
        await asking
    assert not any(client._events._taps.values())


@run_in_pyodide
async def test_ask_inside_a_handler_does_not_lock_itself(selenium_either_client, helper_url):
    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        await client.connect()
        got = client.wait_for("custom_event", timeout=30)

        @client.on("message")
        async def converse(message):
            if message.text == "welcome":
                answers = await client.ask("from inside", silence=0.2)
                client._events.emit("custom_event", {"answers": [answer.text for answer in answers]})

        await client.new_conversation()
        assert await got == {"answers": ["echo: from inside"]}


@run_in_pyodide
async def test_history_fetches_a_page_when_it_is_needed(selenium_client, proxy_url):
    from in_browser import tell

    from webchat_py import get_client

    async with get_client("local", proxy_url) as client:
        await client.connect()
        assert [message async for message in client.history()] == []
        for number in range(60):
            await client.send_message(f"{number}")

        async def pages():
            return sum("GET" in request and "/messages" in request for request in await tell(proxy_url, "requests"))

        history = client.history()
        newest = await anext(history)
        assert newest.id
        assert await pages() == 1
        rest = [message async for message in history]
        assert await pages() > 1
        assert len({message.id for message in [newest, *rest]}) == len(rest) + 1
