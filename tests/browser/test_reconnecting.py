"""A stream that is lost: it is opened again, and every message reaches the handlers once and in order.

The real server stands behind a proxy; both go wrong as told. What another device of the same user says goes to the
server directly (`in_browser.Device`).
"""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

from tests.support.proxy import FaultyProxy

pytestmark = pytest.mark.every_browser

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@STREAMS
@run_in_pyodide
async def test_what_is_said_while_the_stream_is_lost_arrives_once_and_in_order(
    selenium_either_client, faulty_url, event_source
):
    from in_browser import Device, Events, hit_streams, tell, wake

    from webchat_py import Connection, WebchatError, get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        device = await Device.beside(faulty_url, credentials.user_token, conversation)

        async def end_cleanly():
            await tell(faulty_url, "end-streams")

        async def end_hard():
            await tell(faulty_url, "end-streams", hard=True)

        async def end_in_the_middle_of_an_event():
            await hit_streams(faulty_url, "cut")

        expected = ["welcome"]
        for end in (end_cleanly, end_hard, end_in_the_middle_of_an_event):
            await tell(faulty_url, "rule", route="GET /listen", status=503, body="{}")
            await end()
            lost = await events.next("connection")
            assert lost.state == "reconnecting"
            assert isinstance(lost.cause, WebchatError)
            first, second = f"{end.__name__} 1", f"{end.__name__} 2"
            await device.say(first, f"echo: {first}")
            await device.say(second, f"echo: {second}")
            assert client.conversation_id == conversation
            listed = [message.text for message in await client.list_messages(limit=2)]
            assert listed == [f"echo: {second}", second], "the history can be read meanwhile"
            await tell(faulty_url, "clear")
            wake("online")
            assert await events.next("connection") == Connection("connected", recovered=4)
            expected += [first, f"echo: {first}", second, f"echo: {second}"]
            await client.send_message("live")
            await events.next("message", lambda message: message.text == "echo: live")
            expected += ["live", "echo: live"]

        assert await device.texts() == expected
        both = [value for name, value in events.seen if name in ("message", "own_message")]
        assert [message.text for message in both] == [text for text in expected if text != "live"]
        assert len(events.values("own_message")) == 6
        assert len(events.values("message_sent")) == 3
        assert events.values("conversation") == [conversation]
        assert events.values("error") == []
        assert (await tell(faulty_url, "requests")).count("POST /local/conversations") == 1


@STREAMS
@run_in_pyodide
async def test_a_history_that_fails_is_read_again_and_nothing_is_told_before(selenium_client, faulty_url, event_source):
    from in_browser import Device, Events, tell, until

    from webchat_py import get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        device = await Device.beside(faulty_url, credentials.user_token, conversation)
        await tell(faulty_url, "rule", route="GET /listen", status=503, body="{}")
        await tell(faulty_url, "rule", route="GET /messages", status=500, body="{}")
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        await device.say("missed", "echo: missed")
        await tell(faulty_url, "clear", route="GET /listen")

        async def is_reading():
            requests = await tell(faulty_url, "requests")
            return requests[-1].endswith("/messages") and await tell(faulty_url, "open-streams")

        await until(is_reading)
        # This one comes by the new stream, and is in the history as well.
        await device.say("live", "echo: live")
        assert len(events.values("message")) == 1
        assert events.values("connection")[-1].state == "reconnecting"
        await tell(faulty_url, "clear")
        connected = await events.next("connection")
        assert (connected.state, connected.recovered) == ("connected", 4)
        both = [value for name, value in events.seen if name in ("message", "own_message")]
        assert [message.text for message in both] == ["welcome", "missed", "echo: missed", "live", "echo: live"]
        assert events.values("error") == []


@STREAMS
@run_in_pyodide
async def test_a_server_that_is_killed_and_started_again(selenium_either_client, killable, event_source):
    import asyncio

    from in_browser import Events, tell, wake

    from webchat_py import NetworkError, StreamError, get_client

    url, proxy = killable
    async with get_client("local", url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")

        await tell(proxy, "kill")
        lost = await events.next("connection")
        assert lost.state == "reconnecting"
        # To WebKitGTK's network a stream that breaks off has ended.
        assert isinstance(lost.cause, NetworkError | StreamError)
        typed = [asyncio.ensure_future(client.send_message(word)) for word in ("first", "second", "third")]
        for word in ("first", "second", "third"):
            pending = await events.next("message_status")
            assert (pending.text, pending.status, pending.id) == (word, "pending", None)
            assert pending.conversation_id == conversation
        assert events.values("message_sent") == []

        await tell(proxy, "start")
        wake("online")
        sent = await asyncio.gather(*typed)
        await events.next("message", lambda message: message.text == "echo: third")
        assert [message.text for message in sent] == ["first", "second", "third"]
        assert events.values("message_sent") == sent
        assert [m.text for m in events.values("message")] == ["welcome", "echo: first", "echo: second", "echo: third"]
        listed = await client.list_messages()
        own = [message for message in reversed(listed) if message.author_id == credentials.user_id]
        assert [message.id for message in own] == [message.id for message in sent]
        assert len(listed) == 7
        states = [connection.state for connection in events.values("connection")]
        assert states == ["connecting", "connected", "reconnecting", "connected"]
        assert (client.user_id, client.conversation_id) == (credentials.user_id, conversation)
        assert events.values("conversation") == [conversation]
        assert events.values("error") == []


@STREAMS
@run_in_pyodide
async def test_a_stream_that_has_fallen_silent_is_found_and_opened_again(selenium_client, faulty_url, event_source):
    import pytest
    from in_browser import Events, hit_streams, tell, until

    from webchat_py import Connection, StreamError, get_client

    # The server sends a ping every 0.2 s.
    async with get_client("local", faulty_url, event_source=event_source, idle_timeout=1.5) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await events.next("message")
        with pytest.raises(TimeoutError):
            await client.wait_for("connection", timeout=2)
        await hit_streams(faulty_url, "stall")
        assert [message.text for message in await client.ask("unheard", silence=0.1)] == ["echo: unheard"]
        lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert isinstance(lost.cause, StreamError)
        assert "1.5 s" in str(lost.cause)
        assert await events.next("connection") == Connection("connected", recovered=1)
        assert [message.text for message in events.values("message")] == ["welcome", "echo: unheard"]

        async def one_is_open():
            return await tell(faulty_url, "open-streams") == 1

        await until(one_is_open)


@STREAMS
@run_in_pyodide
async def test_a_stream_that_is_silent_before_its_first_ping_is_found_too(selenium_client, helper_url, event_source):
    from in_browser import Events

    from webchat_py import StreamError, get_client

    # This server sends its first ping after 30 s.
    async with get_client("local", helper_url, event_source=event_source, idle_timeout=0.5) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert isinstance(lost.cause, StreamError)
        await events.next("connection", lambda connection: connection.state == "connected")
        assert [message.text for message in events.values("message")] == ["welcome"]


@STREAMS
@run_in_pyodide
async def test_what_is_said_before_the_first_byte_of_a_held_stream_is_found(selenium_client, faulty_url, event_source):
    from in_browser import Device, Events, tell

    from webchat_py import Connection, get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        device = await Device.beside(faulty_url, credentials.user_token, conversation)
        await tell(faulty_url, "rule", route="GET /listen", act="hold")
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        sent = await client.send_message("hello")
        assert sent.conversation_id == conversation, "it does not wait for a stream that does not report its opening"
        await device.until_stored("echo: hello")
        await device.say("said meanwhile", "echo: said meanwhile")
        assert events.values("connection")[-1].state == "reconnecting"
        await tell(faulty_url, "clear")
        assert await events.next("connection") == Connection("connected", recovered=3)
        texts = [message.text for message in events.values("message")]
        assert texts == ["welcome", "echo: hello", "echo: said meanwhile"]
        assert [message.text for message in events.values("own_message")] == ["said meanwhile"]
        assert events.values("message_sent") == [sent]


@run_in_pyodide
async def test_it_waits_as_long_as_the_server_asks_but_tries_at_once_when_the_network_is_back(
    selenium_client, faulty_url
):
    import asyncio

    import pytest
    from in_browser import Events, tell, wake

    from webchat_py import get_client

    # All ask for an hour.
    refusals = [{"status": status, "body": "{}", "headers": {"Retry-After": "3600"}} for status in (429, 503)]
    stream = {"content_type": "text/event-stream", "body": "retry: 3600000\ndata: ping\n\n"}

    async def begin(*answers):
        client = get_client("local", faulty_url, event_source="fetch")
        events = Events(client)
        await client.connect()
        route = f"GET /{await client.new_conversation()}/listen"
        for answer in reversed(answers):
            await tell(faulty_url, "rule", route=route, times=1, **answer)
        return client, events

    async def is_connected(events):
        await events.next("connection", lambda connection: connection.state == "connected")

    async def attempts_once_it_could_have_tried_again():
        # Without being asked to wait, the next attempts are within 0.5 and 1 s of the ones before.
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 2)
        requests = await tell(faulty_url, "requests")
        return [sum(f"{client.conversation_id}/listen" in request for request in requests) for client, _ in begun]

    # What a stream asks for holds until another one says something else.
    begun = [await begin(refusals[0]), await begin(refusals[1]), await begin(stream, {"status": 503, "body": "{}"})]
    await tell(faulty_url, "end-streams")
    for _, events in begun:
        await events.next("connection", lambda connection: connection.state == "reconnecting")
    assert await attempts_once_it_could_have_tried_again() == [2, 2, 2]
    wake("online")
    for _, events in begun[:2]:
        await is_connected(events)
    assert await attempts_once_it_could_have_tried_again() == [3, 3, 3]
    assert begun[2][1].values("connection")[-1].state == "reconnecting"
    wake("online")
    await is_connected(begun[2][1])
    for client, _ in begun:
        await client.disconnect()


@STREAMS
@run_in_pyodide
async def test_the_id_of_the_last_event_is_sent_back(selenium_either_client, faulty_url, event_source):
    from in_browser import tell, until

    from webchat_py import get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        await client.connect()
        first = await client.new_conversation()
        with_id = {"content_type": "text/event-stream", "body": "id: 7/ü\ndata: ping\n\n"}
        await tell(faulty_url, "rule", route="GET /listen", times=1, **with_id)
        await tell(faulty_url, "end-streams")

        async def streams():
            return [request for request in await tell(faulty_url, "requests") if "/listen" in request]

        async def is_open_again():
            return len(await streams()) == 3

        await until(is_open_again)
        await client.new_conversation()
        opened = await streams()
        ids = [request.partition("lastEventId=")[2].partition("&")[0] for request in opened]
        assert ids == ["", "", "7%2F%C3%BC", ""]
        assert [first in request for request in opened] == [True, True, True, False]


@STREAMS
@run_in_pyodide
async def test_a_page_that_comes_back_from_the_browsers_cache_opens_its_stream_again(
    selenium_client, faulty_url, event_source
):
    from in_browser import Device, Events, tell
    from js import Object, PageTransitionEvent, self

    from webchat_py import get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        init = Object.new()
        init.persisted = True
        self.dispatchEvent(PageTransitionEvent.new("pageshow", init))
        lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert "asleep" in str(lost.cause)
        await events.next("connection", lambda connection: connection.state == "connected")
        device = await Device.beside(faulty_url, credentials.user_token, conversation)
        await device.say("hello", "echo: hello")
        assert (await events.next("message")).text == "echo: hello"
        assert await tell(faulty_url, "open-streams") == 1


@run_in_pyodide
async def _begin(selenium, url):
    import in_browser

    from webchat_py import get_client

    client = in_browser.client = get_client("local", url)
    events = in_browser.events = in_browser.Events(client)
    await client.connect()
    await client.new_conversation()
    await events.next("message")


@run_in_pyodide
async def _lost(selenium):
    from in_browser import client, events

    from webchat_py import NetworkError

    lost = await events.next("connection", lambda connection: connection.state == "offline")
    assert isinstance(lost.cause, NetworkError)
    assert events.values("error") == []
    assert client.conversation_id


@run_in_pyodide
async def _found(selenium):
    from in_browser import client, events

    assert (await events.next("connection", lambda connection: connection.state == "connected")).cause is None
    assert (await client.send_message("hello")).id
    assert (await events.next("message")).text == "echo: hello"
    await client.disconnect()


@pytest.mark.missing_in("firefox", "webkit", because="cannot be told that there is no network by a test")
def test_without_a_network_it_is_offline_and_comes_back_with_it(selenium_client, helper_url):
    command = selenium_client.driver.execute_cdp_cmd
    command("Network.enable", {})
    network = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    with FaultyProxy(helper_url) as proxy:
        _begin(selenium_client, proxy.url)
        try:
            # Streams that are open stay so, and are silent no less than where a cable was pulled.
            command("Network.emulateNetworkConditions", {**network, "offline": True})
            _lost(selenium_client)
        finally:
            command("Network.emulateNetworkConditions", {**network, "offline": False})
        _found(selenium_client)


@STREAMS
@run_in_pyodide
async def test_another_conversation_can_be_chosen_while_the_stream_is_lost(selenium_client, faulty_url, event_source):
    import asyncio

    from in_browser import Events, tell, wake

    from webchat_py import get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        first = await client.new_conversation()
        await events.next("message")
        await tell(faulty_url, "rule", route=f"GET /{first}/listen", status=503, body="{}")
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        waiting = asyncio.ensure_future(client.send_message("for the first one"))
        await events.next("message_status")
        second = await client.new_conversation()
        assert (await waiting).conversation_id == first, "a message goes where it was written"
        assert (await client.send_message("for the second one")).conversation_id == second
        await events.next("message", lambda message: message.text == "echo: for the second one")
        seen = len(await tell(faulty_url, "requests"))
        wake("online")
        await client.send_message("and more")
        later = (await tell(faulty_url, "requests"))[seen:]
        assert not any("/listen" in request for request in later), "nobody waits for the first one's stream any more"
        assert [connection.state for connection in events.values("connection")][-1] == "connected"

        await tell(faulty_url, "clear")
        await client.switch_conversation(first)
        texts = [message.text for message in await client.list_messages()]
        assert texts == ["echo: for the first one", "for the first one", "welcome"]


@STREAMS
@run_in_pyodide
async def test_choosing_the_same_conversation_opens_its_lost_stream_at_once(selenium_client, faulty_url, event_source):
    from in_browser import Device, Events, error_of, tell

    from webchat_py import WebchatError, get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        device = await Device.beside(faulty_url, credentials.user_token, conversation)
        busy = {"status": 503, "body": "{}", "headers": {"Retry-After": "3600"}}
        await tell(faulty_url, "rule", route="GET /listen", **busy)
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert isinstance(await error_of(client.switch_conversation(conversation)), WebchatError)
        assert events.values("connection")[-1].state == "reconnecting", "it is still tried"
        await device.say("meanwhile", "echo: meanwhile")
        await tell(faulty_url, "clear")
        await client.switch_conversation(conversation)
        connected = await events.next("connection", lambda connection: connection.state == "connected")
        assert connected.recovered == 2
        assert [message.text for message in events.values("message")] == ["welcome", "echo: meanwhile"]
        await client.send_message("live")
        assert (await events.next("message", lambda message: message.text == "echo: live")).id
        assert len(events.values("message")) == 3
        assert events.values("conversation") == [conversation]
        assert events.values("error") == []


@STREAMS
@run_in_pyodide
async def test_a_user_that_the_server_does_not_know_any_more(selenium_either_client, faulty_url, event_source):
    import asyncio

    from in_browser import Events, error_of, faults, tell

    from webchat_py import SessionExpired, StateError, get_client

    client = get_client("local", faulty_url, event_source=event_source)
    events = Events(client)
    for how in ("a message is refused", "the stream is refused"):
        old = await client.connect()
        await client.new_conversation()
        await events.next("message")
        seen = len(await tell(faulty_url, "requests"))
        await faults(faulty_url, {"kind": "expire-keys"})
        if how == "the stream is refused":
            await tell(faulty_url, "end-streams")
            await events.next("connection", lambda connection: connection.state == "reconnecting")
        waiting = [asyncio.ensure_future(error_of(client.send_message(word))) for word in ("one", "two")]
        assert {type(error) for error in await asyncio.gather(*waiting)} == {SessionExpired}
        closed = await events.next("connection", lambda connection: connection.state == "closed")
        assert isinstance(closed.cause, SessionExpired)
        assert events.values("session_expired")[-1] is closed.cause
        assert (client.user_id, client.conversation_id is None) == (None, False)
        failed = [message.text for message in events.values("message_status") if message.status == "failed"]
        assert failed[-2:] == ["one", "two"]
        assert isinstance(await error_of(client.send_message("three")), SessionExpired)
        requests = (await tell(faulty_url, "requests"))[seen:]
        assert requests.count("GET /local/users/me") == 1, "it is asked once, and then believed"
        assert not any(request == "POST /local/users" for request in requests)

        new = await client.connect()
        assert new.user_id != old.user_id
        assert client.conversation_id is None
        assert (await client.send_message("as somebody else")).author_id == new.user_id
        assert await client.list_conversations()
        texts = [message.text for message in await client.list_messages()]
        assert "one" not in texts
        await client.disconnect()
        events = Events(client)
        assert isinstance(await error_of(client.send_message("four")), StateError)
    assert len(events.values("error")) == 0


@STREAMS
@pytest.mark.parametrize("when", ["while it is open", "while it is lost"])
@run_in_pyodide
async def test_a_conversation_that_is_gone(selenium_client, faulty_url, event_source, when):
    import asyncio

    from in_browser import Device, Events, error_of, tell, wake

    from webchat_py import ConversationGone, get_client

    async with get_client("local", faulty_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        conversation = await client.new_conversation()
        await events.next("message")
        device = await Device.beside(faulty_url, credentials.user_token, conversation)
        waiting = []
        if when == "while it is lost":
            await tell(faulty_url, "rule", route="GET /listen", status=503, body="{}")
            await tell(faulty_url, "end-streams")
            await events.next("connection", lambda connection: connection.state == "reconnecting")
            waiting = [asyncio.ensure_future(error_of(client.send_message(word))) for word in ("one", "two")]
            await events.next("message_status", lambda message: message.text == "two")
        await device.delete_conversation()
        await tell(faulty_url, "clear")
        wake("online")
        closed = await events.next("connection", lambda connection: connection.state == "closed")
        assert isinstance(closed.cause, ConversationGone)
        assert conversation in str(closed.cause)
        assert events.values("error") == [closed.cause]
        assert [type(error) for error in await asyncio.gather(*waiting)] == [ConversationGone] * len(waiting)
        assert client.conversation_id == conversation
        for call in (client.send_message("three"), client.send_event({"four": 4}), client.send_file(b"5", "five.txt")):
            assert isinstance(await error_of(call), ConversationGone)
        requests = await tell(faulty_url, "requests")
        assert requests.count("POST /local/conversations") == 1, "no other one is opened in silence"
        assert "POST /local/messages" not in requests

        other = await client.new_conversation()
        assert (await client.send_message("here")).conversation_id == other
        assert (await events.next("message", lambda message: message.text == "echo: here")).conversation_id == other


@STREAMS
@run_in_pyodide
async def test_disconnecting_while_the_stream_is_lost_leaves_nothing(selenium_either_client, faulty_url, event_source):
    import asyncio

    from in_browser import Events, error_of, tell, wake

    from webchat_py import Connection, StateError, get_client

    tasks = len(asyncio.all_tasks())
    client = get_client("local", faulty_url, event_source=event_source)
    events = Events(client)
    for act in ({"status": 503, "body": "{}"}, {"act": "cut"}, {"act": "hold"}):
        await client.connect()
        await client.new_conversation()
        await tell(faulty_url, "rule", route="GET /listen", **act)
        await tell(faulty_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        sending = asyncio.ensure_future(error_of(client.send_message("never")))
        await events.next("message_status", lambda message: message.text == "never")
        await client.disconnect()
        assert isinstance(await sending, StateError)
        assert events.values("connection")[-1] == Connection("closed")
        assert (client.user_id, client.conversation_id) == (None, None)
        requests = await tell(faulty_url, "requests")
        wake("online")
        assert len(asyncio.all_tasks()) == tasks
        assert await tell(faulty_url, "requests") == requests
        assert "POST /local/messages" not in requests
        await tell(faulty_url, "clear")
    while await tell(faulty_url, "open-streams") or await tell(faulty_url, "held"):
        pass
