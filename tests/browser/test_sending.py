"""Sending while things go wrong: every message arrives once, in order, or its sender is told why not.

The real server stands behind a proxy; both go wrong as told. What another device of the same user says goes to the
server directly (`in_browser.Device`).
"""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@STREAMS
@run_in_pyodide
async def test_what_becomes_of_a_message_is_told(selenium_either_client, faulty_url, event_source):
    from in_browser import Events, faults

    from webchat_py import get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        # Late, the answer comes after the stream has told what the server did with the message.
        for late in ([], [{"kind": "delay-answer", "on": "POST /messages", "seconds": 0.3}]):
            await faults(faulty_url, *late)
            sent = await client.send_message("hello", metadata={"shop": 7})
            assert sent.metadata == {"shop": 7, "clientMessageId": sent.client_id}
            told = [events.next("message_status") for _ in range(4)]
            told = [await status for status in told]
            assert [message.status for message in told] == ["pending", "sent", "processing", "processed"]
            assert {message.client_id for message in told} == {sent.client_id}
            assert [message.id for message in told] == [None, sent.id, sent.id, sent.id]
            assert events.values("message_sent")[-1] == sent
        assert len(events.values("message_sent")) == 2


@STREAMS
@run_in_pyodide
async def test_what_is_sent_while_the_stream_is_lost_waits_and_stays_in_the_conversation(
    selenium_either_client, faulty_url, event_source
):
    import asyncio

    from in_browser import Events, tell, wake

    from webchat_py import File, get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        await tell(faulty_url, "rule", route="GET /listen", status=503, body="{}")
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        sending = [
            asyncio.ensure_future(client.send_message("one")),
            asyncio.ensure_future(client.send_event({"two": 2})),
            asyncio.ensure_future(client.send_message("three")),
            asyncio.ensure_future(client.send_file(b"4", "four.txt")),
        ]
        await events.next("message_status", lambda message: isinstance(message.payload, File))
        assert "POST /local/messages" not in await tell(faulty_url, "requests")
        await tell(faulty_url, "clear")
        wake("online")
        one, _, three, file = await asyncio.gather(*sending)
        assert {one.conversation_id, three.conversation_id, file.message.conversation_id} == {conversation}
        assert await events.next("custom_event") == {"heard": {"two": 2}}
        own = [m for m in await client.list_messages() if m.author_id == credentials.user_id]
        assert [message.id for message in reversed(own)] == [one.id, three.id, file.message.id]
        assert events.values("conversation") == [conversation]
        assert (await tell(faulty_url, "requests")).count("POST /local/conversations") == 1


@STREAMS
@run_in_pyodide
async def test_a_message_that_cannot_be_sent_fails_with_the_reason_and_can_be_sent_again(
    selenium_client, faulty_url, event_source
):
    import pytest
    from in_browser import Events, error_of, tell, wake

    from webchat_py import ServerError, WebchatError, get_client

    async with get_client("local", faulty_url, event_source=event_source, retry_for=1.0) as client:
        events = Events(client)
        await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        busy = {"status": 503, "body": '{"id": "err_1", "code": 503, "type": "Busy", "message": "Come back"}'}
        for route in ("POST /messages", "GET /listen"):
            await tell(faulty_url, "rule", route=route, **busy)
            if route == "GET /listen":
                await tell(faulty_url, "end-streams")
                lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
            error = await error_of(client.send_message(route))
            if route == "GET /listen":
                assert isinstance(error, WebchatError)
                assert error is lost.cause
            else:
                assert isinstance(error, ServerError)
                assert "Come back" in str(error)
            pending = await events.next("message_status")
            failed = await events.next("message_status")
            assert [pending.status, failed.status] == ["pending", "failed"]
            assert (failed.id, failed.text, failed.conversation_id) == (None, route, conversation)

            await tell(faulty_url, "clear")
            wake("online")
            sent = await client.resend(failed)
            assert sent.id
            assert sent.client_id == failed.client_id == pending.client_id
            assert [(await events.next("message_status")).status for _ in range(2)] == ["pending", "sent"]
            await events.next("message", lambda message, route=route: message.text == f"echo: {route}")
            with pytest.raises(ValueError, match="could not be sent"):
                await client.resend(sent)
        assert events.values("message_sent")[-1] == sent
        assert len(events.values("message_sent")) == 2
        texts = [message.text for message in reversed(await client.list_messages())]
        assert texts == ["welcome", "POST /messages", "echo: POST /messages", "GET /listen", "echo: GET /listen"]


@STREAMS
@run_in_pyodide
async def test_cancelling_gives_a_message_up_and_only_this_one(selenium_client, faulty_url, event_source):
    import asyncio

    from in_browser import Events, error_of, tell, wake

    from webchat_py import StateError, get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await events.next("message")
        await tell(faulty_url, "rule", route="GET /listen", status=503, body="{}")
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        sending = {word: asyncio.ensure_future(client.send_message(word)) for word in ("one", "given up", "three")}
        pending = await events.next("message_status", lambda message: message.text == "given up")
        assert isinstance(await error_of(client.resend(pending)), StateError), "it is being sent"
        sending["given up"].cancel()
        failed = await events.next("message_status", lambda message: message.status == "failed")
        assert (failed.text, failed.client_id) == ("given up", pending.client_id)
        await tell(faulty_url, "clear")
        wake("online")
        assert [(await sending[word]).text for word in ("one", "three")] == ["one", "three"]
        await events.next("message", lambda message: message.text == "echo: three")
        texts = [message.text for message in reversed(await client.list_messages())]
        assert [text for text in texts if not text.startswith("echo")] == ["welcome", "one", "three"]
        assert (await client.resend(failed)).text == "given up", "until one thinks better of it"


@STREAMS
@run_in_pyodide
async def test_a_message_whose_answer_is_lost_is_known_by_what_the_stream_says(
    selenium_either_client, faulty_url, event_source
):
    from in_browser import Events, tell

    from webchat_py import get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await tell(faulty_url, "rule", route="POST /messages", act="lose", times=1)
        sent = await client.send_message("hello")
        assert (sent.text, sent.status) == ("hello", "sent")
        await events.next("message", lambda message: message.text == "echo: hello")
        requests = await tell(faulty_url, "requests")
        assert requests.count("POST /local/messages") == 1
        assert not any(r.startswith("GET") and r.endswith("/messages") for r in requests), "nobody has to look for it"
        assert events.values("message_sent") == [sent]
        assert events.values("own_message") == []
        assert [message.id for message in await client.list_messages() if message.text == "hello"] == [sent.id]


@run_in_pyodide
async def test_a_message_without_an_answer_is_looked_for_before_it_is_sent_again(selenium_either_client, faulty_url):
    import asyncio

    from in_browser import Device, Events, faults, tell

    from webchat_py import get_client

    async def send(name, act):
        """Each client has data of its own on the server."""
        client = get_client(name, faulty_url)
        events = Events(client)
        key = (await client.connect()).user_token
        conversation = await client.new_conversation()
        device = await Device.beside(faulty_url, key, conversation, name)
        await device.until_stored("welcome")
        # So that nobody but the history can tell.
        await faults(faulty_url, {"kind": "lose-signal"})
        await tell(faulty_url, "rule", route=f"POST /{name}/messages", act=act, times=1)
        words = ["first", "second"]
        sent = await asyncio.gather(*(client.send_message(word) for word in words))
        stored = [message for message in await device.stored() if message["payload"]["text"] in words]
        assert [message["id"] for message in stored] == [message.id for message in sent]
        assert [message["metadata"]["clientMessageId"] for message in stored] == [m.client_id for m in sent]
        assert events.values("message_sent") == sent
        requests = [r.split()[0] for r in await tell(faulty_url, "requests") if f"/{name}/" in r and "/messages" in r]
        await client.disconnect()
        return requests

    arrived, lost = await asyncio.gather(send("arrived", "lose"), send("lost", "cut"))
    assert arrived == ["POST", "GET", "POST"], "the first, a look for it, and the second"
    assert lost == ["POST", "GET", "POST", "POST"], "the first once more"


@run_in_pyodide
async def test_where_it_cannot_be_told_whether_a_message_arrived_it_is_not_sent_twice(selenium_client, faulty_url):
    import asyncio

    from in_browser import Device, Events, error_of, faults, tell

    from webchat_py import DeliveryUncertain, get_client

    async with get_client("local", faulty_url) as client:
        events = Events(client)
        key = (await client.connect()).user_token
        device = await Device.beside(faulty_url, key, await client.new_conversation())
        await faults(faulty_url, {"kind": "no-metadata"}, {"kind": "lose-signal"})
        await tell(faulty_url, "rule", route="POST /messages", act="lose", times=1)
        sending = asyncio.ensure_future(error_of(client.send_message("the same")))
        await device.until_stored("echo: the same")
        await device.say("the same")
        error = await sending
        assert isinstance(error, DeliveryUncertain)
        assert not error.retryable
        assert [message.status for message in events.values("message_status")] == ["pending", "failed"]
        assert (await device.texts()).count("the same") == 2
        assert (await tell(faulty_url, "requests")).count("POST /local/messages") == 1


@run_in_pyodide
async def test_a_message_waits_as_long_as_a_busy_server_asks_and_those_behind_it_wait_too(selenium_client, faulty_url):
    import asyncio

    from in_browser import error_of, tell

    from webchat_py import RateLimited, get_client

    async with get_client("local", faulty_url) as client:
        await client.connect()
        await client.new_conversation()
        time = asyncio.get_running_loop().time
        busy = {"status": 429, "body": "{}"}
        await tell(faulty_url, "rule", route="POST /messages", times=1, **busy, headers={"Retry-After": "2"})
        began = time()
        sent = await asyncio.gather(*(client.send_message(word) for word in ("one", "two")))
        assert time() - began > 1.9
        texts = [message.text for message in reversed(await client.list_messages())]
        assert [text for text in texts if text in ("one", "two")] == ["one", "two"]
        requests = [r for r in await tell(faulty_url, "requests") if r.endswith("/messages")]
        assert [request.split()[0] for request in requests] == ["POST", "POST", "POST", "GET"]
        assert sent[0].status == "sent"

        # Longer than it is tried for.
        await tell(faulty_url, "rule", route="POST /messages", times=1, **busy, headers={"Retry-After": "3600"})
        error = await error_of(client.send_message("three"))
        assert isinstance(error, RateLimited)
        assert (error.retry_after, error.retryable) == (3600, True)
        assert (await tell(faulty_url, "requests")).count("POST /local/messages") == 4


@run_in_pyodide
async def test_an_event_is_sent_at_most_once(selenium_either_client, faulty_url):
    from in_browser import Events, error_of, tell

    from webchat_py import NetworkError, get_client

    async with get_client("local", faulty_url) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await tell(faulty_url, "rule", route="POST /events", act="lose", times=1)
        error = await error_of(client.send_event({"number": 1}))
        assert isinstance(error, NetworkError)
        assert error.retryable
        assert await events.next("custom_event") == {"heard": {"number": 1}}
        await client.send_event({"number": 2})
        assert await events.next("custom_event") == {"heard": {"number": 2}}
        assert len(events.values("custom_event")) == 2
        assert (await tell(faulty_url, "requests")).count("POST /local/events") == 3


@STREAMS
@run_in_pyodide
async def test_what_a_user_says_elsewhere_is_told_apart_from_what_this_client_sent(
    selenium_either_client, faulty_url, event_source
):
    from in_browser import Events, faults

    from webchat_py import get_client

    async with (
        get_client("local", faulty_url, event_source=event_source) as phone,
        get_client("local", faulty_url, event_source=event_source) as laptop,
    ):
        on_phone, on_laptop = Events(phone), Events(laptop)
        credentials = await phone.connect()
        await laptop.connect(credentials)
        await laptop.switch_conversation(await phone.new_conversation())
        for signals in ([], [{"kind": "duplicate"}]):
            await faults(faulty_url, *signals)
            sent = await phone.send_message("from the phone")
            told = await on_laptop.next("own_message")
            assert (told.id, told.text, told.author_id) == (sent.id, "from the phone", credentials.user_id)
            sent = await laptop.send_message("from the laptop")
            assert (await on_phone.next("own_message")).id == sent.id
            for events in (on_phone, on_laptop):
                await events.next("message", lambda message: message.text == "echo: from the laptop")
        for events, client in ((on_phone, phone), (on_laptop, laptop)):
            assert len(events.values("own_message")) == 2
            assert len(events.values("message_sent")) == 2
            assert len([m for m in events.values("message") if m.text.startswith("echo")]) == 4
            assert not any(message.author_id == client.user_id for message in events.values("message"))
