"""Bad input gets a clear error, before anything is sent, and the client stays usable."""

from __future__ import annotations

from pytest_pyodide import run_in_pyodide


@run_in_pyodide
def test_what_get_client_does_not_take(selenium_client):
    import pytest

    from webchat_py import get_client

    with pytest.raises(TypeError, match="client_id"):
        get_client()
    good = {"client_id": "local", "api_url": "https://example.com"}
    for wrong, error, words in [
        ({"client_id": ""}, ValueError, "client_id is empty.*Advanced Settings"),
        ({"client_id": "  "}, ValueError, "client_id is empty"),
        ({"client_id": None}, TypeError, "client_id is a str, not NoneType"),
        ({"api_url": None}, TypeError, "api_url is a str, not NoneType"),
        ({"api_url": ""}, ValueError, "absolute address such as"),
        ({"api_url": "/api"}, ValueError, "absolute address such as .* not '/api'"),
        ({"api_url": "example.com"}, ValueError, "absolute address"),
        ({"api_url": "//example.com"}, ValueError, "absolute address"),
        ({"api_url": "ftp://example.com"}, ValueError, "absolute address"),
        ({"api_url": "https://"}, ValueError, "absolute address"),
        ({"api_url": "https://a b"}, ValueError, "absolute address"),
        ({"api_url": "https://example.com?x=1"}, ValueError, "absolute address"),
        ({"api_url": "https://me:secret@example.com"}, ValueError, "absolute address"),
        ({"mode": "pinning"}, ValueError, "mode is 'pushpin' or 'messaging', not 'pinning'"),
        ({"event_source": "websocket"}, ValueError, "event_source is 'auto'"),
        ({"timeout": 0}, ValueError, "timeout is in seconds"),
        ({"timeout": 10**9}, ValueError, "timeout is in seconds"),
        ({"timeout": float("nan")}, ValueError, "timeout is in seconds"),
    ]:
        with pytest.raises(error, match=words):
            get_client(**{**good, **wrong})


@run_in_pyodide
def test_an_api_url_with_a_path_or_a_slash_at_its_end_is_repaired(selenium_client):
    from webchat_py import get_client

    assert get_client("a", "https://example.com/").api_url == "https://example.com"
    assert get_client("a", "http://[::1]:8000/base/path//").api_url == "http://[::1]:8000/base/path"
    assert get_client("a").api_url == "https://webchat.botpress.cloud"


@run_in_pyodide
async def test_what_is_nested_too_deeply_is_refused(selenium_client, helper_url):
    from in_browser import error_of

    from webchat_py import Custom, Unknown, get_client

    deep, within = {}, {}
    for _ in range(1_000):
        deep = {"a": deep}
    within["me"] = [within, within]
    client = get_client("local", helper_url)
    await client.connect()
    await client.new_conversation()
    for wrong in (deep, within):
        for call in (
            client.send_event(wrong),
            client.send_message("hello", metadata=wrong),
            client.send_message(Unknown("shop", wrong)),
            client.send_message(Custom("url", "name", wrong)),
            client.update_user(wrong),
        ):
            error = await error_of(call)
            assert isinstance(error, ValueError), error
            assert "nested too deeply" in str(error)
    assert {message.author_id for message in await client.list_messages()} == {"bot"}
    await client.disconnect()


@run_in_pyodide
async def test_what_the_client_does_not_take(selenium_client, helper_url):
    import pytest
    from in_browser import Events, error_of

    from webchat_py import Choice, Text, get_client

    client = get_client("local", helper_url)
    events = Events(client)
    assert type(await error_of(client.connect("user_01"))) is TypeError
    await client.connect()
    for payload, error, words in [
        ("", ValueError, "text is empty"),
        (Text(""), ValueError, "text is empty"),
        (None, TypeError, "not NoneType"),
        (7, TypeError, "not int"),
        ({"type": "text", "text": "a dict"}, TypeError, "a payload such as Text"),
        (Choice("?", "no options"), TypeError, "options"),
        (Text(7), TypeError, "text"),
    ]:
        with pytest.raises(error, match=words):
            await client.send_message(payload)
    with pytest.raises(TypeError, match="metadata is a dict"):
        await client.send_message("Hi", metadata=["no dict"])
    with pytest.raises(TypeError, match="JSON serializable"):
        await client.send_message("Hi", metadata={"when": object()})
    for wrong, error in [("", ValueError), (None, TypeError)]:
        with pytest.raises(error, match="id is"):
            await client.switch_conversation(wrong)
    with pytest.raises(ValueError, match="limit is at least 1"):
        await client.list_messages(limit=0)
    assert events.seen == [], "nothing was sent, not even a conversation opened"

    sent = await client.send_message("still here")
    assert sent.id
    await client.disconnect()


@run_in_pyodide
async def test_calls_that_do_not_fit_the_state(selenium_client, helper_url):
    import asyncio

    from in_browser import error_of

    from webchat_py import Credentials, StateError, get_client

    client = get_client("local", helper_url)
    calls = [
        lambda: client.send_message("Hi"),
        client.new_conversation,
        lambda: client.switch_conversation("conv_01"),
        client.list_messages,
    ]
    for call in calls:
        error = await error_of(call())
        assert isinstance(error, StateError)
        assert "connect()" in str(error)
    await client.disconnect()

    both = await asyncio.gather(client.connect(), client.connect())
    assert both[0] == both[1]
    assert "disconnect()" in str(await error_of(client.connect()))
    assert "disconnect()" in str(await error_of(client.connect(Credentials("somebody else", "key"))))
    await client.disconnect()
    await client.disconnect()
    for call in calls:
        assert isinstance(await error_of(call()), StateError)


@run_in_pyodide
def test_an_event_that_does_not_exist(selenium_client):
    import pytest

    from webchat_py import get_client

    client = get_client("local")
    with pytest.raises(ValueError, match="no event 'messageSent'"):
        client.on("messageSent", print)
    with pytest.raises(ValueError, match="Did you mean 'is_typing'"):
        client.once("isTyping")
    with pytest.raises(ValueError, match="There are: conversation, message"):
        client.off("xyz", print)
    with pytest.raises(TypeError, match="not str"):
        client.on("message", "print")
    client.off("message", print)


@run_in_pyodide
async def test_an_unknown_conversation_leaves_the_old_one_working(selenium_client, helper_url):
    from in_browser import Events, error_of

    from webchat_py import NotFound, get_client

    for event_source in ("fetch", "native"):
        async with get_client("local", helper_url, event_source=event_source) as client:
            events = Events(client)
            await client.connect()
            error = await error_of(client.switch_conversation("conv_that_is_not"))
            assert isinstance(error, NotFound), error
            assert client.conversation_id is None
            assert [c.state for c in events.values("connection")] == ["connecting", "closed"]

            conversation = await client.new_conversation()
            await events.next("message")
            for unknown in ("conv_that_is_not", "../users/me", "a b/ü?#"):
                assert isinstance(await error_of(client.switch_conversation(unknown)), NotFound)
            assert client.conversation_id == conversation
            await client.send_message("still here")
            assert (await events.next("message")).payload.text == "echo: still here"
            assert events.values("error") == []
