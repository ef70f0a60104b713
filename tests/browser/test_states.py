"""Calls at the same time, in any order: what was begun in a conversation ends there, and no state gets stuck."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@run_in_pyodide
async def test_what_was_sent_before_a_switch_stays_in_its_conversation(selenium_either_client, helper_url):
    import asyncio

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        await client.connect()
        other = await client.new_conversation()
        first = await client.new_conversation()
        switched = asyncio.Event()

        async def switch():
            await client.switch_conversation(other)
            switched.set()

        sent = await asyncio.gather(
            client.send_message("one"),
            client.send_message("two"),
            client.send_file(bytes(1_000_000), "large.bin"),
            client.send_event({"three": 3}),
            switch(),
            client.send_message("four"),
        )
        assert switched.is_set()
        assert [sent[0].conversation_id, sent[1].conversation_id, sent[2].message.conversation_id] == [first] * 3
        assert sent[5].conversation_id == other == client.conversation_id


@run_in_pyodide
async def test_connecting_again_after_giving_up_works_at_once(selenium_client, proxy_url):
    import asyncio

    from in_browser import tell

    from webchat_py import get_client

    async with get_client("local", proxy_url) as client:
        await tell(proxy_url, "rule", route="POST /users", act="hold", times=1)
        try:
            async with asyncio.timeout(0.3):
                await client.connect()
        except TimeoutError:
            credentials = await client.connect()
        assert client.user_id == credentials.user_id
        same = await client.connect(credentials)
        assert same == credentials


@STREAMS
@run_in_pyodide
async def test_a_stream_lost_during_a_failing_switch_comes_back(selenium_client, proxy_url, event_source):
    import asyncio

    from in_browser import Events, error_of, tell

    from webchat_py import NotFound, get_client

    client = get_client("local", proxy_url, event_source=event_source)
    events = Events(client)
    await client.connect()
    conversation = await client.new_conversation()
    await tell(proxy_url, "rule", route="GET /nowhere/listen", act="hold", times=1)
    switching = asyncio.ensure_future(error_of(client.switch_conversation("nowhere")))
    while not any("nowhere/listen" in request for request in await tell(proxy_url, "requests")):
        pass
    await tell(proxy_url, "end-streams")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await events.next("connection", lambda connection: connection.state == "connected")
    # The stream says nothing, so the conversation itself is asked for, and is not there.
    assert isinstance(await switching, NotFound)
    states = [connection.state for connection in events.values("connection")]
    assert states == ["connecting", "connected", "reconnecting", "connected"]
    assert client.conversation_id == conversation
    await client.send_message("hello")
    assert (await events.next("message", lambda message: message.text == "echo: hello")).id
    await client.disconnect()


@run_in_pyodide
async def test_nobody_is_logged_in_while_a_disconnect_ends_the_other_calls(selenium_client, proxy_url):
    import asyncio

    from in_browser import error_of, tell

    from webchat_py import StateError, get_client

    client = get_client("local", proxy_url)
    await client.connect()
    conversation = await client.new_conversation()
    await tell(proxy_url, "rule", route="POST /messages", act="hold", times=1)

    async def retry():
        error = await error_of(client.send_message("first"))
        return error, await error_of(client.switch_conversation(conversation))

    retrying = asyncio.ensure_future(retry())
    while "POST /local/messages" not in await tell(proxy_url, "requests"):
        pass
    await client.disconnect()
    assert [type(error) for error in await retrying] == [StateError, StateError]
    assert (client.user_id, client.conversation_id) == (None, None)
    while await tell(proxy_url, "open-streams"):
        pass


@STREAMS
@run_in_pyodide
async def test_a_cancelled_future_in_a_handler_ends_neither_stream_nor_order(selenium_client, helper_url, event_source):
    import asyncio

    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        cancelled = asyncio.get_running_loop().create_future()
        cancelled.cancel()
        heard = []

        @client.on("message")
        def plain(message):
            cancelled.result()

        @client.on("message")
        async def coroutine(message):
            heard.append(message.text)
            await cancelled

        events = Events(client)
        await client.connect()
        await client.new_conversation()
        for word in ("one", "two", "three"):
            await client.send_message(word)
            await events.next("message", lambda message, word=word: message.text == f"echo: {word}")
        while len(events.values("error")) < 8:
            await events.next("error")
        assert heard == ["welcome", "echo: one", "echo: two", "echo: three"]
        assert {type(error) for error in events.values("error")} == {RuntimeError}


@run_in_pyodide
async def test_an_answer_comes_from_the_conversation_that_was_asked(selenium_client, helper_url):
    import asyncio

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        await client.connect()
        await client.new_conversation()
        sent = client.wait_for("message_sent")
        asking = asyncio.ensure_future(client.ask("say nothing", timeout=2, silence=0.3))
        await sent
        await client.new_conversation()  # whose greeting is no answer
        answers = await asyncio.gather(asking, return_exceptions=True)
        assert isinstance(answers[0], TimeoutError)


@run_in_pyodide
async def test_ids_and_keys_that_cannot_be_sent_are_refused_first(selenium_client, proxy_url):
    import pytest
    from in_browser import tell

    from webchat_py import Credentials, get_client

    async with get_client("local", proxy_url) as client:
        for key in ["", "a\nb", "schlüssel", None]:
            with pytest.raises(ValueError, match="user_token") as caught:
                await client.connect(Credentials("user_01", key))
            assert not key or key not in str(caught.value)
        for wrong in [{"user_data": {"a": object()}}, {"name": 7}, {"picture_url": b"x"}, {"user_data": [1]}]:
            with pytest.raises(TypeError):
                await client.connect(**wrong)
        assert await tell(proxy_url, "requests") == []
        await client.connect()
        for call in [client.delete_message, client.get_event, client.conversation_exists, client.switch_conversation]:
            for wrong in [".", "..", ""]:
                with pytest.raises(ValueError, match="id is"):
                    await call(wrong)
        with pytest.raises(TypeError, match="reply_to"):
            await client.send_message("Hi", reply_to=7)
        with pytest.raises(FileNotFoundError):
            await client.send_file("no/such/file")
        assert await tell(proxy_url, "requests") == ["POST /local/users"]


@run_in_pyodide
async def test_the_star_is_not_handed_a_signal_under_an_events_name(selenium_client, helper_url):
    import json

    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        events = Events(client)
        await client.connect()
        await client.send_message("signal " + json.dumps({"type": "message", "data": {"text": "no message"}}))
        assert await events.next("signal:message") == {"text": "no message"}
