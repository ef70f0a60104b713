"""What goes wrong between the client and the server: each ends in the documented error, and the client stays usable.

The real server stands behind a proxy that answers, cuts and holds as told (tests/support/proxy.py).
"""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

pytestmark = pytest.mark.every_browser

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@run_in_pyodide
async def test_answers_that_make_no_sense(selenium_client, proxy_url):
    import json

    from in_browser import error_of, tell

    from webchat_py import NotFound, ServerError, get_client

    client = get_client("local", proxy_url)
    gone = {"id": "err_1", "code": 404, "type": "ResourceNotFound", "message": "Gone"}
    for route, call in [
        ("POST /users", client.connect),
        ("POST /conversations", client.new_conversation),
        ("GET /messages", client.list_messages),
    ]:
        for status, content_type, body, error, words in [
            (200, "text/html", "<h1>Welcome</h1>", ServerError, "200 with text/html, instead of JSON"),
            (200, "application/json", "", ServerError, "200 with an empty body"),
            (200, "application/json", '{"unexpected": 1}', ServerError, "has not the expected shape"),
            (200, "application/json", "[" * 100_000, ServerError, "instead of JSON"),
            (200, "application/json", json.dumps(gone), NotFound, "Gone"),
            (502, "text/html", "<h1>Bad gateway</h1>", ServerError, "502 with text/html"),
        ]:
            rule = {"route": route, "times": 1, "status": status, "content_type": content_type, "body": body}
            await tell(proxy_url, "rule", **rule)
            raised = await error_of(call())
            assert type(raised) is error, (route, body, raised)
            assert words in str(raised)
        await call()
    await client.disconnect()


@run_in_pyodide
async def test_a_message_whose_answer_makes_no_sense_is_looked_for_and_sent_again(selenium_client, proxy_url):
    import asyncio

    from in_browser import Device, Events, tell

    from webchat_py import get_client

    async def send(name, rule):
        """Send a message of which nobody says that it arrived. Each client has data of its own on the server."""
        async with get_client(name, proxy_url) as client:
            events = Events(client)
            key = (await client.connect()).user_token
            device = await Device.beside(proxy_url, key, await client.new_conversation(), name)
            await device.until_stored("welcome")
            await tell(proxy_url, "rule", route=f"POST /{name}/messages", times=1, **rule)
            sent = await client.send_message("Hi")
            stored = await device.stored()
            assert [message["id"] for message in stored if message["payload"]["text"] == "Hi"] == [sent.id]
            requests = [request for request in await tell(proxy_url, "requests") if f"/{name}/" in request]
            first = requests.index(f"POST /{name}/messages")
            assert f"GET /{name}/conversations/{sent.conversation_id}/messages" in requests[first:]
            assert requests.count(f"POST /{name}/messages") == 2
            assert events.values("message_sent") == [sent]
            return

    await asyncio.gather(
        send("page", {"content_type": "text/html", "body": "<h1>Welcome</h1>"}),
        send("empty", {"body": ""}),
        send("unexpected", {"body": '{"unexpected": 1}'}),
        send("deep", {"body": "[" * 100_000}),
        send("gateway", {"status": 502, "content_type": "text/html", "body": "<h1>Bad gateway</h1>"}),
    )


@run_in_pyodide
async def test_a_message_that_is_refused_is_not_sent_again(selenium_client, proxy_url):
    import json

    from in_browser import Events, error_of, tell

    from webchat_py import InvalidRequest, NotFound, get_client

    async with get_client("local", proxy_url) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await events.next("message")
        for status, code, name, error in [
            (200, 404, "ResourceNotFound", NotFound),
            (404, 404, "ResourceNotFound", NotFound),
            (400, 400, "InvalidPayload", InvalidRequest),
        ]:
            body = json.dumps({"id": "err_1", "code": code, "type": name, "message": "Not this one"})
            await tell(proxy_url, "rule", route="POST /messages", times=1, status=status, body=body)
            refused = await error_of(client.send_message("Hi"))
            assert type(refused) is error
            assert "Not this one" in str(refused)
            assert [(await events.next("message_status")).status for _ in range(2)] == ["pending", "failed"]
        assert (await tell(proxy_url, "requests")).count("POST /local/messages") == 3
        assert [message.text for message in await client.list_messages()] == ["welcome"]
        assert (await client.send_message("Hi")).id, "the conversation is there all the same"


@run_in_pyodide
async def test_a_server_that_is_not_there(selenium_client):
    from in_browser import Events, error_of

    from webchat_py import NetworkError, get_client

    client = get_client("local", "http://127.0.0.1:1")
    events = Events(client)
    error = await error_of(client.connect())
    assert type(error) is NetworkError
    assert error.retryable
    assert "POST /users" in str(error)
    assert client.user_id is None
    assert type(await error_of(client.connect())) is NetworkError, "the client can be connected again"
    assert events.seen == []


@run_in_pyodide
async def test_a_request_that_takes_too_long_is_aborted(selenium_client, proxy_url):
    from in_browser import error_of, tell

    from webchat_py import NetworkError, RequestTimeout, get_client

    client = get_client("local", proxy_url, timeout=0.2)
    await tell(proxy_url, "rule", route="POST /users", act="hold", times=1)
    error = await error_of(client.connect())
    assert type(error) is RequestTimeout
    assert "within 0.2 s" in str(error)
    patient = get_client("local", proxy_url)
    await patient.connect()
    await tell(proxy_url, "rule", route="POST /conversations", act="cut", times=1)
    assert type(await error_of(patient.new_conversation())) is NetworkError
    await patient.new_conversation()
    await patient.disconnect()


@run_in_pyodide
async def test_an_answer_that_breaks_off_is_a_failure_of_the_network(selenium_either_client, proxy_url):
    from in_browser import Events, error_of, tell

    from webchat_py import NetworkError, ServerError, get_client

    async with get_client("local", proxy_url, event_source="fetch") as client:
        events = Events(client)
        half = {"act": "break off", "times": 1, "body": '{"user": '}
        await tell(proxy_url, "rule", route="POST /users", **half)
        error = await error_of(client.connect())
        # To WebKitGTK's network an answer that breaks off is a whole one; then it is no JSON.
        assert type(error) in (NetworkError, ServerError)
        await client.connect()
        await client.new_conversation()
        await tell(proxy_url, "rule", route="GET /listen", status=503, **half)
        await tell(proxy_url, "rule", route="GET /messages", **half)
        await tell(proxy_url, "end-streams")
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert (await events.next("connection")).state == "connected"
        assert events.values("error") == []


@STREAMS
@run_in_pyodide
async def test_a_stream_that_does_not_open_leaves_no_half_open_conversation(
    selenium_either_client, proxy_url, event_source
):
    from in_browser import Events, error_of, tell

    from webchat_py import NetworkError, ServerError, StreamError, StreamRefused, WebchatError, get_client

    client = get_client("local", proxy_url, event_source=event_source)
    events = Events(client)
    await client.connect()
    refused = StreamRefused if event_source == "native" else ServerError
    not_a_stream = StreamRefused if event_source == "native" else StreamError
    for rule, error in [
        ({"status": 503, "body": "{}"}, refused),
        ({"status": 200, "body": "{}"}, not_a_stream),
        ({"act": "cut"}, NetworkError),
    ]:
        # Not once: Firefox repeats a safe request up to ten times whose connection was closed without an answer.
        await tell(proxy_url, "rule", route="GET /listen", **rule)
        raised = await error_of(client.new_conversation())
        await tell(proxy_url, "clear")
        # After those ten times Firefox's EventSource is closed for good.
        assert type(raised) is error or (event_source == "native" and type(raised) is StreamRefused), raised
        assert isinstance(raised, WebchatError)
        assert client.conversation_id is None
    states = [connection.state for connection in events.values("connection")]
    assert states == ["connecting", "closed"] * 3
    assert events.values("conversation") == []

    await client.send_message("hello")
    assert (await events.next("message", lambda m: m.payload.text == "echo: hello")).id
    assert await tell(proxy_url, "open-streams") == 1
    await client.disconnect()
    while await tell(proxy_url, "open-streams"):
        pass


@STREAMS
@run_in_pyodide
async def test_a_stream_that_ends_at_once_is_told_and_opened_again(selenium_either_client, proxy_url, event_source):
    from in_browser import Events, tell

    from webchat_py import WebchatError, get_client

    client = get_client("local", proxy_url, event_source=event_source)
    events = Events(client)
    await client.connect()
    await tell(proxy_url, "rule", route="GET /listen", act="empty stream", times=1)
    try:
        conversation = await client.new_conversation()
    except WebchatError:
        # Whether the browser told the opening before the end, or only the end, is up to it.
        assert client.conversation_id is None
    else:
        lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert isinstance(lost.cause, WebchatError)
        assert client.conversation_id == conversation
        await events.next("connection", lambda connection: connection.state == "connected")
    await client.send_message("hello")
    assert (await events.next("message", lambda m: m.payload.text == "echo: hello")).id
    assert [message.payload.text for message in events.values("message")] == ["welcome", "echo: hello"]
    assert events.values("error") == []
    await client.disconnect()


@STREAMS
@pytest.mark.parametrize("hard", [False, True], ids=["cleanly", "hard"])
@run_in_pyodide
async def test_a_lost_stream_is_told_and_opened_again_and_the_conversation_stays(
    selenium_either_client, proxy_url, event_source, hard
):
    from in_browser import Events, tell

    from webchat_py import Connection, WebchatError, get_client

    client = get_client("local", proxy_url, event_source=event_source)
    events = Events(client)
    await client.connect()
    conversation = await client.new_conversation()
    await events.next("message")

    await tell(proxy_url, "rule", route="GET /listen", act="cut", times=1)
    await tell(proxy_url, "end-streams", hard=hard)
    lost = await events.next("connection")
    assert (lost.state, lost.recovered) == ("reconnecting", 0)
    assert isinstance(lost.cause, WebchatError)
    assert client.conversation_id == conversation

    sent = await client.send_message("hello again")
    assert await events.next("connection") == Connection("connected"), "it waits for the stream"
    assert sent.conversation_id == conversation
    assert (await events.next("message")).payload.text == "echo: hello again"
    assert events.values("conversation") == [conversation]
    texts = [message.payload.text for message in await client.list_messages()]
    assert texts == ["echo: hello again", "hello again", "welcome"]
    assert events.values("error") == [], "it has not ended for good"
    await client.disconnect()
    assert events.values("connection")[-1] == Connection("closed")


@run_in_pyodide
async def test_the_bot_is_told_of_the_conversation_later_if_it_could_not_be_at_first(selenium_client, proxy_url):
    from in_browser import Events, tell

    from webchat_py import get_client

    async with get_client("local", proxy_url) as client:
        events = Events(client)
        await client.connect()
        await tell(proxy_url, "rule", route="POST /events", status=503, body="{}", times=1)
        conversation = await client.new_conversation()
        assert client.conversation_id == conversation
        assert (await events.next("message")).text == "welcome"
        assert not events.values("error")


@run_in_pyodide
async def test_disconnecting_ends_what_is_under_way(selenium_client, proxy_url):
    import asyncio

    from in_browser import Events, tell

    from webchat_py import StateError, get_client

    client = get_client("local", proxy_url)
    events = Events(client)
    for route, call in [
        ("POST /users", client.connect),
        ("POST /conversations", client.new_conversation),
        ("GET /listen", client.new_conversation),
        ("POST /messages", lambda: client.send_message("never")),
    ]:
        if route != "POST /users":
            await client.connect()
        await tell(proxy_url, "rule", route=route, act="hold", times=1)
        seen = len(await tell(proxy_url, "requests"))
        waiting = [asyncio.ensure_future(call()) for _ in range(2)]
        while not any(r.split("?")[0].endswith(route.split()[1]) for r in (await tell(proxy_url, "requests"))[seen:]):
            pass
        await client.disconnect()
        results = await asyncio.gather(*waiting, return_exceptions=True)
        assert [type(result) for result in results] == [StateError, StateError], results
        assert (client.user_id, client.conversation_id) == (None, None)
    assert events.values("message_sent") == []
    while await tell(proxy_url, "open-streams"):
        pass
    await client.connect()
    assert (await client.send_message("after all")).id
    await client.disconnect()


@run_in_pyodide
async def test_a_cancelled_call_ends_its_request_and_only_its_own(selenium_client, proxy_url):
    import asyncio

    from in_browser import tell

    from webchat_py import get_client

    async with get_client("local", proxy_url) as client:
        await tell(proxy_url, "rule", route="POST /users", act="hold", times=1)
        first, second = (asyncio.ensure_future(client.connect()) for _ in range(2))
        while "POST /local/users" not in await tell(proxy_url, "requests"):
            pass
        first.cancel()
        await asyncio.wait([first])
        assert first.cancelled()
        assert not second.done(), "another caller still waits for the same attempt"
        second.cancel()
        await asyncio.wait([second])
        await client.connect()
        conversation = await client.new_conversation()
        await tell(proxy_url, "rule", route="POST /messages", act="hold", times=1)
        sending = asyncio.ensure_future(client.send_message("given up"))
        behind = asyncio.ensure_future(client.send_message("behind it"))
        while "POST /local/messages" not in await tell(proxy_url, "requests"):
            pass
        sending.cancel()
        assert (await behind).conversation_id == conversation
        assert sending.cancelled()
        texts = [message.payload.text for message in await client.list_messages()]
        assert "given up" not in texts


@run_in_pyodide
async def test_a_list_of_messages_without_an_end_is_an_error(selenium_client, proxy_url):
    from in_browser import error_of, tell

    from webchat_py import ServerError, get_client

    async with get_client("local", proxy_url) as client:
        await client.connect()
        await client.new_conversation()
        page = '{"messages": [], "meta": {"nextToken": "again"}}'
        await tell(proxy_url, "rule", route="GET /messages", body=page)
        assert "no end" in str(await error_of(client.list_messages()))
        assert isinstance(await error_of(client.list_messages()), ServerError)


@run_in_pyodide
async def test_too_large_an_event_ends_the_stream_with_a_clear_error(selenium_client, proxy_url):
    from in_browser import Events, tell

    from webchat_py import StreamError, get_client

    async with get_client("local", proxy_url, event_source="fetch") as client:
        events = Events(client)
        await client.connect()
        rule = {"status": 200, "content_type": "text/event-stream", "body": "data: " + "x" * (17 * 1024 * 1024)}
        await tell(proxy_url, "rule", route="GET /listen", times=1, **rule)
        await client.new_conversation()
        lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert isinstance(lost.cause, StreamError)
        assert "16" in str(lost.cause)
        await events.next("connection", lambda connection: connection.state == "connected")
        await client.send_message("hello")
        await events.next("message", lambda message: message.payload.text == "echo: hello")
        assert [message.payload.text for message in events.values("message")] == ["welcome", "echo: hello"]
        assert events.values("error") == []


@STREAMS
@run_in_pyodide
async def test_a_stream_that_does_not_report_its_opening_holds_nothing_up(
    selenium_either_client, proxy_url, event_source
):
    from in_browser import Events, tell

    from webchat_py import get_client

    async with get_client("local", proxy_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await tell(proxy_url, "rule", route="GET /listen", act="hold", times=1)
        sent = await client.send_message("hello")
        assert sent.id
        assert client.conversation_id == sent.conversation_id
        assert [connection.state for connection in events.values("connection")] == ["connecting"]
    assert events.values("connection")[-1].state == "closed"
    while await tell(proxy_url, "held"):
        pass
