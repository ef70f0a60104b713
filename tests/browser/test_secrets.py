"""The user key stays where it belongs: in a header, or in the URL of a stream that was asked for."""

from __future__ import annotations

from pytest_pyodide import run_in_pyodide


@run_in_pyodide
async def test_the_key_goes_into_no_url_of_another_origin_unless_asked_for(selenium_client, proxy_url):
    from in_browser import tell

    from webchat_py import get_client

    async def requests_with(event_source):
        before = len(await tell(proxy_url, "requests"))
        async with get_client("local", proxy_url, event_source=event_source) as client:
            credentials = await client.connect()
            await client.send_message("hello")
            await client.list_messages()
        requests = (await tell(proxy_url, "requests"))[before:]
        return credentials.user_token, requests

    for event_source in ("auto", "fetch"):
        key, requests = await requests_with(event_source)
        assert len(requests) >= 5
        assert not any(key in request or "?" in request for request in requests)
    key, requests = await requests_with("native")
    assert [request.partition("?")[0].rpartition("/")[2] for request in requests if key in request] == ["listen"]


@run_in_pyodide
async def test_the_key_is_in_no_log_repr_or_error(selenium_client, proxy_url):
    import gc
    import logging

    from in_browser import Events, error_of, tell, wake

    from webchat_py import get_client

    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    log = logging.getLogger("webchat_py")
    log.addHandler(Handler())
    log.setLevel(logging.DEBUG)
    for event_source in ("native", "fetch"):
        client = get_client("local", proxy_url, event_source=event_source)
        events = Events(client)
        credentials = await client.connect()
        await client.send_message("hello")
        errors = []
        for act in ({"act": "cut"}, {"status": 403, "body": "{}"}, {"status": 200, "body": "{}"}):
            await tell(proxy_url, "rule", route="GET /listen", **act)
            await tell(proxy_url, "end-streams", hard=True)
            lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
            errors += [lost.cause, await error_of(client.new_conversation())]
            await tell(proxy_url, "clear")
            wake("online")
            await events.next("connection", lambda connection: connection.state == "connected")
        shown = [repr(credentials), str(credentials), repr(client), repr(events.seen), *lines]
        for error in errors:
            shown += [repr(error), str(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
        assert credentials.user_token
        assert not any(credentials.user_token in text for text in shown)
        assert any("POST /messages: 201" in line for line in lines), "the log does say something"
        await client.disconnect()
    gc.collect()


@run_in_pyodide
async def test_the_token_of_a_socket_is_in_no_log_repr_or_error(selenium_client, sockets_url):
    import logging

    from in_browser import Events, error_of, faults, hit_streams

    from webchat_py import Credentials, get_client

    lines = []

    class Handler(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record))

    log = logging.getLogger("webchat_py")
    log.addHandler(Handler())
    log.setLevel(logging.DEBUG)
    client = get_client("local", sockets_url, "messaging", on_expired="raise")
    events = Events(client)
    credentials = await client.connect()
    await client.send_message("hello")
    await hit_streams(sockets_url, "hard")
    lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
    await events.next("connection", lambda connection: connection.state == "connected")
    await faults(sockets_url, {"kind": "lose-answer", "on": "GET /conversations"})
    errors = [lost.cause, await error_of(client.list_conversations()), await error_of(client.send_message(""))]
    await faults(sockets_url)
    await client.disconnect()
    errors.append(await error_of(client.connect(Credentials("nobody", credentials.user_token))))
    shown = [repr(credentials), str(credentials), repr(client), repr(events.seen), *lines]
    for error in errors:
        shown += [repr(error), str(error), repr(vars(error)), repr(error.__cause__), repr(error.__context__)]
    assert credentials.user_token
    assert not any(credentials.user_token in text for text in shown)
    assert any("socket was closed" in line for line in lines), "the log does say something"
