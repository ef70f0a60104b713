"""Mode "messaging": what goes wrong is told as an error that says what to do, and nothing stays half done."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide


@run_in_pyodide
def test_what_get_client_does_not_take_in_this_mode(selenium_client):
    import pytest

    from webchat_py import get_client

    good = {"client_id": "local", "api_url": "http://localhost:3100", "mode": "messaging"}
    for wrong, words in [
        ({"api_url": "https://webchat.botpress.cloud"}, "needs the address of your Messaging server as api_url"),
        ({"api_url": ""}, "api_url is scheme, host and port, such as 'http://localhost:3100', not ''"),
        ({"api_url": "localhost:3100"}, "scheme, host and port"),
        ({"api_url": "http://localhost:3100/messaging"}, "not 'http://localhost:3100/messaging'"),
        ({"api_url": "http://localhost:3100/socket.io/"}, "scheme, host and port"),
        ({"api_url": "http://localhost:3100?x=1"}, "scheme, host and port"),
        ({"api_url": "http://me:secret@localhost:3100"}, "scheme, host and port"),
        ({"event_source": "native"}, "event_source is for mode 'pushpin'"),
        ({"headers": {"x-tenant": "a"}}, "headers cannot be sent in mode 'messaging'"),
    ]:
        with pytest.raises(ValueError, match=words):
            get_client(**{**good, **wrong})
    without = {name: value for name, value in good.items() if name != "api_url"}
    with pytest.raises(ValueError, match="needs the address of your Messaging server as api_url"):
        get_client(**without)
    assert get_client(**{**good, "api_url": "ws://localhost:3100/"}).api_url == "ws://localhost:3100"


@run_in_pyodide
async def test_credentials_that_the_server_does_not_know_make_no_other_user_in_silence(selenium_client, sockets_url):
    from in_browser import Events, all_streams_end, error_of

    from webchat_py import Credentials, SessionExpired, get_client

    first = get_client("local", sockets_url, "messaging")
    known = await first.connect()
    await first.disconnect()
    wrong = Credentials(known.user_id, "no-such-token")
    strict = get_client("local", sockets_url, "messaging", on_expired="raise")
    error = await error_of(strict.connect(wrong))
    assert type(error) is SessionExpired
    assert known.user_id in str(error)
    assert "no-such-token" not in str(error)
    assert strict.user_id is None

    for unknown in (wrong, Credentials("no id of this server", "x")):
        client = get_client("local", sockets_url, "messaging")
        events = Events(client)
        credentials = await client.connect(unknown)
        assert credentials.user_id == client.user_id != known.user_id
        assert events.names() == ["session_expired"]
        await client.disconnect()
        await all_streams_end(sockets_url)


@run_in_pyodide
async def test_a_session_that_ends_in_mid_chat_is_told_and_loses_nothing(selenium_client, sockets_url):
    import asyncio

    from in_browser import Events, all_streams_end, error_of, faults, hit_streams

    from webchat_py import SessionExpired, get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    conversation = await client.new_conversation()
    await faults(
        sockets_url,
        {"kind": "expire-keys", "on": "GET /users/me"},
        {"kind": "delay", "on": "GET /users/me", "seconds": 0.1},
    )
    await hit_streams(sockets_url, "hard")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    sending = asyncio.ensure_future(error_of(client.send_message("Who am I?")))
    expired = await events.next("session_expired")
    assert type(expired) is SessionExpired
    assert await sending is expired
    assert (client.user_id, client.conversation_id) == (None, conversation)
    assert events.values("connection")[-1].state == "closed"
    assert events.values("message_status")[-1].status == "failed"
    assert await error_of(client.get_user()) is expired
    await all_streams_end(sockets_url)
    await client.disconnect()


@run_in_pyodide
async def test_what_is_too_large_is_said_before_it_is_sent(selenium_client, scripted_url):
    import json

    from in_browser import error_of
    from pyodide.http import pyfetch

    from webchat_py import TooLarge, get_client

    opening = json.dumps({"sid": "a", "pingInterval": 25000, "pingTimeout": 20000, "maxPayload": 3000})
    script = json.dumps([f"0{opening}", None, "40{}", '42["login",{"userId":"u","userToken":"t"}]', None])
    client = get_client("local", scripted_url, "messaging")
    await client.connect(user_data={"name": "too large", "script": script})
    error = await error_of(client.add_feedback("m" * 3000, "positive"))
    assert type(error) is TooLarge
    assert not error.retryable
    assert "the server does not take more than 3,000 at once" in str(error)
    error = await error_of(client.send_message("ü" * 1_500))
    assert type(error) is TooLarge
    assert str(error).startswith("This is too large: 3,1"), "these are bytes"
    assert client.conversation_id is None, "none was made for it"
    (seen,) = await (await pyfetch(f"{scripted_url}/seen/too large")).json()
    assert seen == ['40{"clientId":"local"}']
    await client.disconnect()


@run_in_pyodide
async def test_a_server_that_is_none(selenium_client):
    import asyncio

    import js
    from in_browser import error_of

    from webchat_py import NetworkError, get_client

    for url in (js.location.origin, "http://127.0.0.1:9"):  # a web server, and nothing at all
        client = get_client("local", url, "messaging")
        async with asyncio.timeout(20):
            error = await error_of(client.connect())
        assert type(error) is NetworkError
        assert "Is api_url the address of a Messaging server?" in str(error)
        assert (client.user_id, error.retryable) == (None, True)


@run_in_pyodide
async def test_what_is_said_in_a_login_that_is_none(selenium_client, scripted_url):
    import asyncio
    import json

    from in_browser import error_of, until
    from pyodide.http import pyfetch

    from webchat_py import InvalidRequest, NetworkError, RequestTimeout, ServerError, StreamError, get_client

    opening = '0{"sid":"a","pingInterval":25000,"pingTimeout":20000}'

    async def is_left(name):
        seen = await (await pyfetch(f"{scripted_url}/seen/{name}")).json()
        return [frames[-1:] for frames in seen] == [["left"]]

    for number, (script, expected, words) in enumerate(
        [
            ([], RequestTimeout, "the login within 1 s"),
            ([opening], RequestTimeout, "the login within 1 s"),
            ([opening, None, "40{}"], RequestTimeout, "the login within 1 s"),
            (["hello"], NetworkError, "Is api_url the address of a Messaging server"),
            (["0{"], NetworkError, "a frame without JSON"),
            (["0[]"], NetworkError, "no terms of Engine.IO"),
            ([["0{}"]], NetworkError, "no text"),
            (["40{}"], NetworkError, "out of turn"),
            ([opening, opening], NetworkError, "out of turn"),
            ([opening, None, "44{"], NetworkError, "a frame without JSON"),
            ([opening, None, '44{"message":"an error occurred authenticating socket"}'], ServerError, "an error"),
            ([opening, None, "44[]"], InvalidRequest, "it does not say why"),
            ([opening, None, '44{"message":"Client not found"}'], InvalidRequest, "not found. Is client_id right?"),
            ([opening, None, '44{"message":"No thanks"}'], InvalidRequest, "refused the login: No thanks"),
            ([opening, None, "40{}", '42["login"'], NetworkError, "no frame|without JSON"),
            ([opening, None, "40{}", '42["login",7]'], StreamError, "answer to the login"),
            ([opening, None, "40{}", '42["login",{"userId":""}]'], StreamError, "answer to the login"),
            ([opening, None, "40{}", '42["login",{"userId":"a","userToken":"b\\n"}]'], StreamError, "the login"),
            ([opening, None, "41"], NetworkError, "ended"),
            ([opening, 1000], NetworkError, "code 1000"),
            ([1009], NetworkError, "Is api_url the address of a Messaging server"),
        ]
    ):
        name = f"login {number}"
        client = get_client("local", scripted_url, "messaging", timeout=1)
        async with asyncio.timeout(10):
            error = await error_of(client.connect(user_data={"name": name, "script": json.dumps(script)}))
        assert isinstance(error, expected), (script, error)
        assert any(word in str(error) for word in words.split("|")), (script, error)
        assert client.user_id is None
        await until(lambda name=name: is_left(name))


@run_in_pyodide
async def test_what_is_said_instead_of_an_answer(selenium_client, scripted_url):
    import asyncio
    import json

    from in_browser import error_of

    from webchat_py import NetworkError, RequestTimeout, ServerError, TooLarge, get_client

    begin = ['0{"sid":"a"}', None, "40{}", '42["login",{"userId":"u","userToken":"t"}]', None]

    for script, expected, words in [
        ([], RequestTimeout, "users.get within 1 s"),
        (['42["message",{"request":"another","data":{}}]'], RequestTimeout, "users.get"),
        (['42["message",7]', '42["message"]', "42[]", '42["other",{}]', '431["x"]'], RequestTimeout, "users.get"),
        (['42["message",{"request":"$request","data":7}]'], ServerError, "not the expected shape"),
        (['42["message",{"request":"$request","data":{"error":true}}]'], ServerError, "None"),
        (['42["message",{"request":"$request","data":{"error":true,"message":[7]}}]'], ServerError, "[7]"),
        (["42["], NetworkError, "broke before the answer came"),
        (["hello"], NetworkError, "broke before the answer came"),
        (["41"], NetworkError, "ended"),
        (["1"], NetworkError, "ended"),
        ([1009], TooLarge, "bytes, and the server does not take it in one piece"),
        ([["binary"]], NetworkError, "no text"),
    ]:
        client = get_client("local", scripted_url, "messaging", timeout=1)
        data = {"name": "answers", "script": json.dumps([*begin, *script])}
        await client.connect(user_data=data)
        async with asyncio.timeout(10):
            error = await error_of(client.get_user())
        assert isinstance(error, expected), (script, error)
        assert words in str(error), (script, error)
        assert client.user_id == "u", "it is not logged out by that"
        await client.disconnect()


@run_in_pyodide
async def test_only_what_was_too_large_is_refused_as_too_large(selenium_client, scripted_url):
    import asyncio
    import json

    from in_browser import error_of

    from webchat_py import NetworkError, TooLarge, get_client

    begin = ['0{"sid":"a"}', None, "40{}", '42["login",{"userId":"u","userToken":"t"}]', None, None]
    client = get_client("local", scripted_url, "messaging")
    await client.connect(user_data={"name": "1009", "script": json.dumps([*begin, 1009])})
    small, large = await asyncio.gather(
        error_of(client.get_user()), error_of(client.add_feedback("m" * 999, "positive"))
    )
    assert type(small) is NetworkError
    assert type(large) is TooLarge
    await client.disconnect()


@run_in_pyodide
async def test_a_client_that_leaves_says_so(selenium_client, scripted_url):
    import json

    from in_browser import until
    from pyodide.http import pyfetch

    from webchat_py import get_client

    script = ['0{"sid":"a"}', None, "40{}", '42["login",{"userId":"u","userToken":"t"}]']
    client = get_client("local", scripted_url, "messaging")
    await client.connect(user_data={"name": "leaving", "script": json.dumps(script)})
    await client.disconnect()

    async def has_left():
        (frames,) = await (await pyfetch(f"{scripted_url}/seen/leaving")).json()
        return frames[-2:] == ["41", "left"]

    await until(has_left)


@pytest.mark.fresh_page
@run_in_pyodide
async def test_a_server_that_the_pages_policy_forbids_is_told_at_once(selenium_client, sockets_url):
    import asyncio

    import js
    from in_browser import error_of

    from webchat_py import NetworkError, get_client

    policy = js.document.createElement("meta")
    policy.httpEquiv, policy.content = "Content-Security-Policy", "connect-src 'none'"
    js.document.head.append(policy)
    async with asyncio.timeout(10):
        assert type(await error_of(get_client("local", sockets_url, "messaging").connect())) is NetworkError


@run_in_pyodide
async def test_a_close_in_the_middle_of_a_request_neither_loses_nor_doubles_a_message(selenium_client, sockets_url):
    from in_browser import Events, faults

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    await client.new_conversation()
    for kind in ("lose-answer", "lose-request"):
        await faults(sockets_url, {"kind": kind, "on": "POST /messages", "times": 1})
        assert (await client.send_message(kind)).status == "sent"
        await events.next("message", lambda message, kind=kind: message.text == f"echo: {kind}")
    texts = [message.text for message in await client.list_messages()]
    assert sorted(texts) == ["echo: lose-answer", "echo: lose-request", "lose-answer", "lose-request", "welcome"]
    assert events.values("own_message") == []
    await client.disconnect()


@run_in_pyodide
async def test_what_this_mode_cannot_do_is_refused_before_anything_is_sent(selenium_client, sockets_url):
    from in_browser import error_of

    from webchat_py import NotSupportedInMode, Text, get_client

    client = get_client("local", sockets_url, "messaging")
    error = await error_of(client.connect(name="Ada"))
    assert type(error) is NotSupportedInMode
    assert "user_data" in str(error)
    await client.connect()
    calls = {
        "update_user": lambda: client.update_user({"a": "b"}),
        "delete_user": client.delete_user,
        "send_file": lambda: client.send_file(b"content", "a.txt"),
        "get_message": lambda: client.get_message("m"),
        "update_message": lambda: client.update_message("m", Text("x")),
        "delete_message": lambda: client.delete_message("m"),
        "remove_feedback": lambda: client.remove_feedback("m"),
        "get_event": lambda: client.get_event("e"),
        "send_message(reply_to)": lambda: client.send_message("Hi", reply_to="m"),
        "add_feedback(comment)": lambda: client.add_feedback("m", "positive", "why"),
        "list_participants": client.list_participants,
        "get_participant": lambda: client.get_participant("u"),
        "add_participant": lambda: client.add_participant("u"),
        "remove_participant": lambda: client.remove_participant("u"),
    }
    for _ in ("without a conversation", "with one"):
        for name, call in calls.items():
            error = await error_of(call())
            assert type(error) is NotSupportedInMode, (name, error)
            assert name in str(error)
            assert "messaging" in str(error)
        if client.conversation_id is None:
            assert await client.list_conversations() == []
            await client.new_conversation()
    await client.disconnect()
