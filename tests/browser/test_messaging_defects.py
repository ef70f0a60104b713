"""What is wrong with the existing clients of a Messaging server is not wrong with webchat_py.

They are the npm packages @botpress/messaging-socket 1.3.0 and @botpress/webchat 2.2.2 in its mode "messaging". Each
test is named after what a user of webchat_py can rely on; its docstring has the defect and its number in the README's
table of this mode.
"""

from __future__ import annotations

from pytest_pyodide import run_in_pyodide

# Reconnecting


@run_in_pyodide
async def test_a_connection_that_was_lost_comes_back_as_the_same_user(selenium_client, sockets_url):
    """Defect 1: a dropped connection of a new user comes back as another user."""
    from in_browser import Events, hit_streams

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    credentials = await client.connect()
    conversation = await client.new_conversation()
    assert await hit_streams(sockets_url, "hard") == 1
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await events.next("connection", lambda connection: connection.state == "connected")
    assert (client.user_id, client.conversation_id) == (credentials.user_id, conversation)
    assert (await client.get_user()).id == credentials.user_id
    message = await client.send_message("Still me?")
    assert (message.author_id, message.conversation_id) == (credentials.user_id, conversation)
    await events.next("message", lambda message: message.text == "echo: Still me?")
    assert "session_expired" not in events.names()
    await client.disconnect()


@run_in_pyodide
async def test_it_goes_on_trying_for_as_long_as_it_takes(selenium_client, sockets_url):
    """Defect 2: one failed retry ends the reconnection for good, and `connect()` returns nothing."""
    from in_browser import Events, faults, hit_streams

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    credentials = await client.connect()
    await client.new_conversation()
    await faults(sockets_url, {"kind": "lose-request", "on": "/listen", "times": 3})
    await hit_streams(sockets_url, "hard")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await events.next("connection", lambda connection: connection.state == "connected")
    assert await client.connect(credentials) == credentials
    await client.send_message("hello")
    await events.next("message", lambda message: message.text == "echo: hello")
    await client.disconnect()


@run_in_pyodide
async def test_a_connection_that_is_lost_and_comes_back_is_told(selenium_client, sockets_url):
    """Defect 3: no event for a lost, retrying or restored connection."""
    from in_browser import Events, hit_streams

    from webchat_py import NetworkError, get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    await client.new_conversation()
    for how in ("clean", "hard"):
        await hit_streams(sockets_url, how)
        lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert isinstance(lost.cause, NetworkError), lost
        await events.next("connection", lambda connection: connection.state == "connected")
    await client.disconnect()
    states = [connection.state for connection in events.values("connection")]
    assert states == ["connecting", "connected", *["reconnecting", "connected"] * 2, "closed"]


@run_in_pyodide
async def test_what_was_said_while_the_connection_was_lost_arrives(selenium_client, sockets_url):
    """Defect 4: messages of the gap are missed."""
    from in_browser import Device, Events, faults, hit_streams

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    credentials = await client.connect()
    conversation = await client.new_conversation()
    await events.next("message", lambda message: message.text == "welcome")
    device = Device.at(sockets_url, credentials.user_token, conversation)
    await faults(sockets_url, {"kind": "status", "on": "/listen"})
    await hit_streams(sockets_url, "hard")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await device.say("three answers", "one", "two", "three")
    await faults(sockets_url)
    connected = await events.next("connection", lambda connection: connection.state == "connected")
    assert connected.recovered == 4
    assert [message.text for message in events.values("message")] == ["welcome", "one", "two", "three"]
    assert [message.text for message in events.values("own_message")] == ["three answers"]
    await client.disconnect()


@run_in_pyodide
async def test_disconnect_while_it_reconnects_ends_that_and_connect_opens_no_second_socket(
    selenium_client, sockets_url
):
    """Defect 5: `disconnect()` during the wait for a retry does nothing, and `connect()` leaves two live sockets."""
    from in_browser import Events, all_streams_end, faults, hit_streams

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    credentials = await client.connect()
    conversation = await client.new_conversation()
    await faults(sockets_url, {"kind": "status", "on": "/listen"})
    await hit_streams(sockets_url, "hard")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    assert await client.connect(credentials) == credentials
    await client.disconnect()
    await faults(sockets_url)
    await all_streams_end(sockets_url)

    await client.connect(credentials)
    await client.switch_conversation(conversation)
    await faults(sockets_url, {"kind": "status", "on": "/listen"})
    await hit_streams(sockets_url, "hard")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    assert await client.connect(credentials) == credentials
    await faults(sockets_url)
    await events.next("connection", lambda connection: connection.state == "connected")
    await client.send_message("Twice?")
    await events.next("message", lambda message: message.text == "echo: Twice?")
    texts = [message.text for message in events.values("message")]
    assert texts.count("echo: Twice?") == 1
    assert events.values("own_message") == []
    await client.disconnect()
    await all_streams_end(sockets_url)


@run_in_pyodide
async def test_a_login_that_takes_too_long_leaves_no_socket_behind(selenium_client, sockets_url):
    """Defect 6: after the login timeout the attempt goes on, and leaves a live socket of a user nobody knows."""
    from in_browser import all_streams_end, error_of, faults

    from webchat_py import RequestTimeout, get_client

    await faults(sockets_url, {"kind": "delay-answer", "on": "POST /users", "seconds": 30})
    client = get_client("local", sockets_url, "messaging", timeout=0.3)
    error = await error_of(client.connect())
    assert type(error) is RequestTimeout
    assert str(error) == "No answer to the login within 0.3 s"
    assert client.user_id is None
    await all_streams_end(sockets_url)
    await faults(sockets_url)
    assert (await get_client("local", sockets_url, "messaging").connect()).user_token


# Requests


@run_in_pyodide
async def test_every_request_ends(selenium_client, sockets_url):
    """Defect 7: no request has a timeout, and none fails when the connection breaks or is closed for its size."""
    import asyncio

    from in_browser import error_of, faults

    from webchat_py import NetworkError, RequestTimeout, TooLarge, get_client

    client = get_client("local", sockets_url, "messaging", timeout=1)
    await client.connect()
    await faults(sockets_url, {"kind": "lose-answer", "on": "GET /conversations"})
    async with asyncio.timeout(0.9):  # it does not wait for the timeout
        error = await error_of(client.list_conversations())
    assert type(error) is NetworkError
    assert "broke" in str(error)
    await faults(sockets_url, {"kind": "delay-answer", "on": "GET /conversations", "seconds": 30})
    error = await error_of(client.list_conversations())
    assert type(error) is RequestTimeout
    assert str(error) == "No answer to conversations.list within 1 s"
    await faults(sockets_url)
    error = await error_of(client.send_message("x" * 1_000_000))
    assert type(error) is TooLarge
    assert "1,000,000" in str(error)
    assert client.conversation_id is None, "nothing was sent"
    assert await client.list_conversations() == []
    await client.disconnect()


@run_in_pyodide
async def test_a_login_fails_with_an_error(selenium_client, sockets_url):
    """Defect 8: login failures are strings, not errors."""
    from in_browser import error_of, faults

    from webchat_py import InvalidRequest, NetworkError, ServerError, get_client

    client = get_client("local", sockets_url, "messaging")
    await faults(sockets_url, {"kind": "status", "on": "POST /users"})
    error = await error_of(client.connect())
    assert (type(error), error.retryable) == (ServerError, True)
    await faults(sockets_url, {"kind": "lose-request", "on": "/listen"})
    assert type(await error_of(client.connect())) is NetworkError
    await faults(sockets_url)
    error = await error_of(get_client("no/client", sockets_url, "messaging").connect())
    assert (type(error), error.retryable) == (InvalidRequest, False)
    assert error.message == "The server refused the login: Client not found. Is client_id right?"
    assert (await client.connect()).user_id == client.user_id
    await client.disconnect()


@run_in_pyodide
async def test_two_sends_without_a_conversation_open_one(selenium_client, sockets_url):
    """Defect 9: two `sendMessage` at once without a conversation make two."""
    import asyncio

    from in_browser import Events

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    messages = await asyncio.gather(client.send_message("first"), client.send_message("second"))
    assert {message.conversation_id for message in messages} == {client.conversation_id}
    assert events.values("conversation") == [client.conversation_id]
    await events.next("message", lambda message: message.text == "echo: second")
    assert len(await client.list_conversations()) == 1
    texts = [message.text for message in await client.list_messages()]
    assert [text for text in reversed(texts) if text in ("first", "second")] == ["first", "second"]
    await client.disconnect()


@run_in_pyodide
async def test_connects_at_once_share_one_login(selenium_client, sockets_url):
    """Defect 10: `connect()` while another is in progress returns nothing at once instead of waiting for it."""
    import asyncio

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    first, second = await asyncio.gather(client.connect(), client.connect())
    assert first == second
    assert first.user_token
    assert first.user_id == client.user_id
    await client.disconnect()


# Messages


@run_in_pyodide
async def test_one_odd_message_does_not_break_the_history(selenium_client, sockets_url):
    """Defect 11: one payload that does not fit, and every trigger, makes `listMessages()` fail as a whole."""
    from in_browser import Events

    from webchat_py import Unknown, get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    await client.new_conversation()
    await events.next("message", lambda message: message.text == "welcome")
    odd = [{"type": "text", "text": 7}, {"type": "zap", "volts": 1}, {"a": 1}, {"type": "card", "actions": "none"}]
    for payload in odd:
        await client.send_message(Unknown("", payload))
    await client.send_event({"a": 1})
    await events.next("custom_event")  # the bot's, a trigger as well
    await client.send_message("after")
    messages = list(reversed(await client.list_messages()))
    assert [message.payload.data for message in messages if isinstance(message.payload, Unknown)] == odd
    assert messages[0].text == "welcome"
    assert "after" in [message.text for message in messages]
    assert len(messages) <= len(odd) + 2 + len(odd) + 1, "no trigger is among them"
    await client.disconnect()


@run_in_pyodide
async def test_a_pushed_message_that_does_not_fit_is_told(selenium_client, sockets_url):
    """Defect 12: a pushed payload that does not fit is lost, and a user's own trigger breaks another tab."""
    from in_browser import Events

    from webchat_py import Text, Unknown, get_client

    client, tab = (get_client("local", sockets_url, "messaging") for _ in range(2))
    events = Events(client)
    credentials = await client.connect()
    conversation = await client.new_conversation()
    assert (await events.next("message")).text == "welcome"
    await tab.connect(credentials)
    await tab.switch_conversation(conversation)
    await tab.send_message(Unknown("", {"type": "text", "text": 7}))
    assert (await events.next("own_message")).payload == Unknown("text", {"type": "text", "text": 7})
    await client.send_message('{"type": "poll", "question": "Why?"}')
    told = await events.next("message", lambda message: message.payload != Text("echo: 7"))
    assert told.payload == Unknown("poll", {"type": "poll", "question": "Why?"})
    await tab.send_event({"from": "the other tab"})
    told = await events.next("trigger")
    assert told["payload"] == {"type": "trigger", "payload": {"from": "the other tab"}}
    assert (await events.next("custom_event")) == {"heard": {"from": "the other tab"}}
    assert "error" not in events.names()
    await tab.disconnect()
    await client.disconnect()


@run_in_pyodide
async def test_other_conversations_and_tabs_are_told_apart(selenium_client, sockets_url):
    """Defect 13: `message` events of other conversations and of one's own other tabs are not told apart."""
    from in_browser import Events

    from webchat_py import get_client

    client, tab = (get_client("local", sockets_url, "messaging") for _ in range(2))
    events = Events(client)
    credentials = await client.connect()
    conversation = await client.new_conversation()
    await tab.connect(credentials)
    await tab.switch_conversation(conversation)
    await tab.send_message("here")
    assert (await events.next("own_message")).text == "here"
    await events.next("message", lambda message: message.text == "echo: here")
    elsewhere = await tab.new_conversation()
    # Seen by "*" only
    assert (await events.next("message_created")).text == "welcome"
    await tab.send_message("there")
    for text in ("there", "echo: there"):
        message = await events.next("message_created")
        assert (message.conversation_id, message.text) == (elsewhere, text)
    assert {message.conversation_id for message in events.values("message")} == {conversation}
    assert [message.text for message in events.values("own_message")] == ["here"]
    await tab.disconnect()
    await client.disconnect()


@run_in_pyodide
async def test_an_old_conversation_is_found(selenium_client, sockets_url):
    """Defect 14: `conversationExists` sees only the latest 20."""
    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    await client.connect()
    first = await client.new_conversation()
    for _ in range(21):
        await client.new_conversation()
    assert len(await client.list_conversations()) == 22
    assert await client.conversation_exists(first) is True
    assert await client.conversation_exists("conv_none") is False
    await client.delete_conversation(first)
    assert await client.conversation_exists(first) is False
    await client.disconnect()


@run_in_pyodide
async def test_another_user_does_not_get_the_old_conversation(selenium_client, sockets_url):
    """Defect 15: after `disconnect()` and `connect()` as another user the old `conversationId` is kept."""
    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    await client.connect()
    first = await client.new_conversation()
    await client.disconnect()
    assert (client.user_id, client.conversation_id) == (None, None)
    await client.connect()
    assert client.conversation_id is None
    message = await client.send_message("hello")
    assert message.conversation_id == client.conversation_id != first
    await client.disconnect()


@run_in_pyodide
async def test_dates_are_dates_and_a_bot_has_the_same_id_everywhere(selenium_client, sockets_url):
    """Defect 16: `sentOn` is a string although typed as a date; the bot's `authorId` is undefined in pushes and null
    in lists."""
    from datetime import datetime, timedelta

    from in_browser import Events

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    await client.new_conversation()
    pushed = await events.next("message")
    (listed,) = await client.list_messages()
    assert pushed == listed
    assert pushed.author_id == "bot"
    assert isinstance(pushed.sent_on, datetime)
    assert pushed.sent_on.utcoffset() == timedelta(0)
    await client.disconnect()


@run_in_pyodide
async def test_nothing_of_a_dropdown_or_a_markdown_text_is_dropped(selenium_client, sockets_url):
    """Defect 17: the dropdown's `message` and the `markdown` flag are dropped by the mapping."""
    from in_browser import Events

    from webchat_py import Dropdown, Markdown, Option, Unknown, get_client

    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect()
    options = [{"label": "Small", "value": "s"}]
    sent = await client.send_message(Unknown("", {"type": "dropdown", "message": "Size?", "options": options}))
    assert isinstance(sent.payload, Dropdown)
    assert (sent.payload.text, sent.payload.options) == ("Size?", [Option("Small", "s")])
    await client.send_message("markdown")
    answer = await events.next("message", lambda message: isinstance(message.payload, Markdown))
    assert answer.payload == Markdown("**bold**")
    listed = {message.id: message.payload for message in await client.list_messages()}
    assert (listed[sent.id], listed[answer.id]) == (sent.payload, answer.payload)
    await client.disconnect()


# User data


@run_in_pyodide
async def test_user_data_is_said_at_every_login(selenium_client, sockets_url):
    """Defect 18: reconnecting without `userData` makes the server report the data as gone."""
    from in_browser import Events, hit_streams

    from webchat_py import get_client

    data = {"plan": "gold", "name": "Ada & Göran"}
    client = get_client("local", sockets_url, "messaging")
    events = Events(client)
    await client.connect(user_data=data)
    await client.new_conversation()
    assert (await client.get_user()).data == data
    await hit_streams(sockets_url, "hard")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await events.next("connection", lambda connection: connection.state == "connected")
    assert (await client.get_user()).data == data
    await client.disconnect()


@run_in_pyodide
async def test_user_data_that_would_be_lost_is_refused(selenium_client, sockets_url):
    """Defect 19: one non-string value in the user data loses all of it, silently."""
    from in_browser import error_of

    from webchat_py import get_client

    client = get_client("local", sockets_url, "messaging")
    for value in (7, None, ["x"], {"a": "b"}, True):
        error = await error_of(client.connect(user_data={"plan": "gold", "odd": value}))
        assert type(error) is ValueError
        assert "user_data['odd']" in str(error)
    await client.connect(user_data={"plan": "gold"})
    assert (await client.get_user()).data == {"plan": "gold"}
    await client.disconnect()
