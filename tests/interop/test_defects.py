"""What is wrong with the original JavaScript client, `@botpress/webchat` 2.2.2, is not wrong with webchat_py.

Each test is named after what a user of webchat_py can rely on; its docstring has the defect and its number in the
README's table. Where the original gets into the defect quickly, the test shows that, too. Missing is 35, that the
original needs React and a page.

Both clients talk to the same server, whose bot is bot.py, each through a proxy of its own.
"""

from __future__ import annotations

import json

from pytest_pyodide import run_in_pyodide

# Streams


@run_in_pyodide
async def test_a_lost_stream_is_opened_again(selenium_both, original_url, our_url):
    """Defect 1: no reconnect after stream loss; state drops to `user_created`, `conversationId` vanishes."""
    from in_browser import Events, tell
    from original import bot_says, open_both, open_streams_become, refuse

    original, ours = await open_both(original_url, our_url, connect=False)
    original_events, events = Events(original), Events(ours)
    await original.connect()
    key = (await ours.connect()).user_token
    await ours.new_conversation()
    conversation = ours.conversation_id
    for hard, refusals in ((False, 0), (True, 0), (False, 2)):
        await original.new_conversation()
        await tell(original_url, "end-streams", hard=hard)
        await original_events.next("error")
        assert original.conversation_id is None

        await refuse(our_url, "GET /listen", times=refusals, status=503)
        await tell(our_url, "end-streams", hard=hard)
        await events.next("connection", lambda connection: connection.state == "reconnecting")
        assert ours.conversation_id == conversation
        await events.next("connection", lambda connection: connection.state == "connected")
        await bot_says(our_url, key, conversation, f"{hard}, {refusals}")
        assert (await events.next("message")).text == f"{hard}, {refusals}"
    assert events.values("conversation") == [conversation]
    assert events.values("error") == []
    await open_streams_become(1, our_url)
    assert await tell(original_url, "open-streams") == 0


@run_in_pyodide
async def test_what_is_sent_after_a_loss_goes_to_the_same_conversation(selenium_both, original_url, our_url):
    """Defect 2: after a loss the next `sendMessage`, `sendFile` or `sendEvent` silently starts a new conversation."""
    import asyncio

    from in_browser import Events, tell
    from original import CLIENT_ID, open_both, refuse

    async def count(url, request):
        return [one.partition("?")[0] for one in await tell(url, "requests")].count(request)

    original, ours = await open_both(original_url, our_url)
    original_events, events = Events(original), Events(ours)
    for client in (original, ours):
        await client.send_message("before")
    conversations = original.conversation_id, ours.conversation_id

    await tell(original_url, "end-streams")
    await original_events.next("error")
    await original.send_message("after")
    assert original.conversation_id != conversations[0]
    assert await count(original_url, f"POST /{CLIENT_ID}/conversations") == 2

    await refuse(our_url, "GET /listen", times=1000, status=503)
    await tell(our_url, "end-streams")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    calls = (
        asyncio.ensure_future(ours.send_message("after")),
        asyncio.ensure_future(ours.send_event({"bot": "answer"})),
        asyncio.ensure_future(ours.send_file(b"content", "a.txt")),
    )
    listen = f"GET /{CLIENT_ID}/conversations/{conversations[1]}/listen"
    while await count(our_url, listen) < 3:
        pass
    assert await count(our_url, f"POST /{CLIENT_ID}/messages") == 1, "they wait"
    await tell(our_url, "clear")
    message, _, file = await asyncio.gather(*calls)
    assert {message.conversation_id, file.message.conversation_id, ours.conversation_id} == {conversations[1]}
    assert [heard.text for heard in (await events.next("message"), await events.next("message"))] == [
        "echo: before",
        "echo: after",
    ]
    assert await count(our_url, f"POST /{CLIENT_ID}/conversations") == 1


@run_in_pyodide
async def test_what_was_said_while_the_stream_was_lost_arrives(selenium_both, original_url, our_url):
    """Defect 3: messages produced while disconnected are never recovered; `listMessages()` returns `[]` in that
    state."""
    from in_browser import Events, tell
    from original import bot_says, everything_is_here, open_both, refuse

    texts = ["one", "two", "three", "four", "five", "six", "seven"]  # on several pages of the history

    original, ours = await open_both(original_url, our_url, connect=False)
    original_events, events = Events(original), Events(ours)
    original_key, key = (await original.connect())["userToken"], (await ours.connect()).user_token
    for client in (original, ours):
        await client.send_message("before")
    conversations = original.conversation_id, ours.conversation_id
    await refuse(our_url, "GET /listen", times=1000, status=503)
    for url in (original_url, our_url):
        await tell(url, "end-streams")
    await original_events.next("error")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await bot_says(original_url, original_key, conversations[0], *texts)
    await bot_says(our_url, key, conversations[1], *texts)
    await tell(our_url, "clear")

    connected = await events.next("connection", lambda connection: connection.state == "connected")
    assert connected.recovered == len(texts)
    await everything_is_here(ours, events)
    assert [message.text for message in events.values("message")] == texts
    assert [message.text for message in await ours.list_messages()] == [*reversed(texts), "before"]
    assert original_events.values("message") == []
    assert await original.list_messages() == []


@run_in_pyodide
async def test_a_stream_that_says_nothing_counts_as_lost(selenium_both, original_url, our_url):
    """Defect 36: a dead peer is noticed only after 45 s of silence, for the server's pings have to come."""
    import asyncio

    from in_browser import Events, tell
    from original import CLIENT_ID, bot_says, open_both

    from webchat_py import StreamError, get_client

    original, _ = await open_both(original_url, our_url)
    ours = get_client(CLIENT_ID, our_url, idle_timeout=2)
    key = (await ours.connect()).user_token
    events = Events(ours)
    for url in (original_url, our_url):
        await tell(url, "rule", route="GET /listen", act="hold", times=1)
    hanging = asyncio.ensure_future(original.new_conversation())
    conversation = await ours.new_conversation()
    await bot_says(our_url, key, conversation, "Is anybody there?")
    lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
    assert type(lost.cause) is StreamError
    assert "2 s" in str(lost.cause)
    assert (await events.next("message")).text == "Is anybody there?"
    await events.next("connection", lambda connection: connection.state == "connected")

    # One that was open before
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await events.next("connection", lambda connection: connection.state == "connected")
    assert len(events.values("message")) == 1
    assert not hanging.done()
    await ours.disconnect()


@run_in_pyodide
async def test_disconnect_closes_the_stream(selenium_both, original_url, our_url):
    """Defect 4: `disconnect()` does not close the stream."""
    from in_browser import tell
    from original import open_both, open_streams_become

    original, ours = await open_both(original_url, our_url)
    await original.new_conversation()
    await ours.new_conversation()
    assert await tell(our_url, "open-streams") == 1
    await original.disconnect()
    await ours.disconnect()
    await open_streams_become(0, our_url)
    assert await tell(original_url, "open-streams") == 1


@run_in_pyodide
async def test_a_conversation_that_was_left_is_silent(selenium_both, original_url, our_url):
    """Defect 5: `newConversation` and `switchConversation` leave the previous stream open; switching back duplicates
    every message."""
    from in_browser import Events, tell
    from original import everything_is_here, open_both, open_streams_become

    async def come_back(client):
        events = Events(client)
        await client.new_conversation()
        first = client.conversation_id
        await client.new_conversation()
        await client.switch_conversation(first)
        await client.send_message("Hello")
        await client.send_event({"bot": "answer"})
        await everything_is_here(client, events)
        return events

    original, ours = await open_both(original_url, our_url)
    events = await come_back(original)
    await events.next("custom_event")  # the mark, once more
    assert len(events.values("message")) == 2
    assert await tell(original_url, "open-streams") == 3

    events = await come_back(ours)
    assert [message.text for message in events.values("message")] == ["echo: Hello"]
    await open_streams_become(1, our_url)


@run_in_pyodide
async def test_the_seventh_conversation_opens_like_the_first(selenium_both, original_url, our_url):
    """Defect 6: leaked streams use up the browser's six connections to a host, so that `newConversation()` hangs."""
    import asyncio

    from original import open_both, open_streams_become

    async def open_seven(client):
        for _ in range(7):
            await client.new_conversation()

    original, ours = await open_both(original_url, our_url)
    hanging = asyncio.ensure_future(open_seven(original))
    # By another name, for no connection is left to this one
    await open_streams_become(6, original_url.replace("127.0.0.1", "localhost"))
    await open_seven(ours)
    assert (await ours.send_message("Hello")).conversation_id == ours.conversation_id
    await open_streams_become(1, our_url)
    assert not hanging.done()


@run_in_pyodide
async def test_the_end_of_an_old_conversation_does_not_touch_the_new_one(selenium_both, original_url, our_url):
    """Defect 7: loss of an old, leaked stream demotes a healthy current conversation."""
    from in_browser import Events
    from original import CLIENT_ID, everything_is_here, open_both
    from pyodide.http import pyfetch

    async def leave_and_delete(client, url, key):
        events = Events(client)
        await client.new_conversation()
        old = client.conversation_id
        await client.new_conversation()
        address = f"{url}/{CLIENT_ID}/conversations/{old}"
        assert (await pyfetch(address, method="DELETE", headers={"x-user-key": key})).status == 200
        return events

    original, ours = await open_both(original_url, our_url, connect=False)
    events = await leave_and_delete(original, original_url, (await original.connect())["userToken"])
    await events.next("error")
    assert original.conversation_id is None

    events = await leave_and_delete(ours, our_url, (await ours.connect()).user_token)
    current = ours.conversation_id
    await everything_is_here(ours, events)
    assert ours.conversation_id == current
    assert events.values("error") == []
    assert [connection.state for connection in events.values("connection")] == ["connecting", "connected"]


@run_in_pyodide
async def test_a_stream_that_cannot_be_opened_is_an_error_that_says_why(selenium_both, original_url, our_url):
    """Defect 13: stream-open failures reject with a plain event object, not an `Error`."""
    import json

    from in_browser import error_of
    from original import open_both, refuse

    from webchat_py import Forbidden

    body = json.dumps({"id": "err_1", "code": 403, "type": "Forbidden", "message": "Closed today"})
    original, ours = await open_both(original_url, our_url)
    await refuse(original_url, "GET /listen", status=403, body=body)
    reason = (await error_of(original.new_conversation())).reason
    assert reason.type == "error"
    assert not hasattr(reason, "message")

    await refuse(our_url, "GET /listen", status=403, body=body)
    error = await error_of(ours.new_conversation())
    assert type(error) is Forbidden
    assert "Closed today" in str(error)


@run_in_pyodide
async def test_no_stream_is_opened_in_the_background(selenium_both, original_url, our_url):
    """Defect 14: a network failure while opening leaves a background stream that retries for ever, survives
    `disconnect()`, and later holds an unread connection."""
    import asyncio

    from in_browser import Events, error_of, tell
    from original import open_both, open_streams_become

    from webchat_py import NetworkError

    original, ours = await open_both(original_url, our_url)
    for client, url in ((ours, our_url), (original, original_url)):
        await tell(url, "rule", route="GET /listen", act="cut", times=1)
        error = await error_of(client.new_conversation())
        assert client is original or type(error) is NetworkError
        await client.disconnect()
    await open_streams_become(1, original_url)
    assert await tell(our_url, "open-streams") == 0
    listens = [request for request in await tell(our_url, "requests") if request.endswith("/listen")]
    assert len(listens) == 1

    tasks = asyncio.all_tasks()
    await ours.connect()
    events = Events(ours)
    await ours.new_conversation()
    await tell(our_url, "rule", route="GET /listen", act="cut")
    await tell(our_url, "end-streams")
    await events.next("connection", lambda connection: connection.state == "reconnecting")
    await ours.disconnect()
    assert asyncio.all_tasks() == tasks, "nothing goes on trying"


@run_in_pyodide
async def test_the_error_event_tells_the_cause(selenium_both, original_url, our_url):
    """Defect 21: the `error` event hides the cause."""
    from in_browser import Events, tell
    from original import open_both, refuse

    from webchat_py import ConversationGone, NetworkError, StreamError

    original, ours = await open_both(original_url, our_url)
    original_events, our_events = Events(original), Events(ours)
    for hard, kind, words in ((False, StreamError, "The server ended"), (True, NetworkError, "broke off")):
        await original.send_message("Hello")
        await tell(original_url, "end-streams", hard=hard)
        error = await original_events.next("error")
        assert error.message == "Connection to conversation lost"

        await ours.send_message("Hello")
        await tell(our_url, "end-streams", hard=hard)
        lost = await our_events.next("connection", lambda connection: connection.state == "reconnecting")
        assert type(lost.cause) is kind
        assert words in str(lost.cause)
        await our_events.next("connection", lambda connection: connection.state == "connected")
    assert our_events.values("error") == [], "it was no end"

    await refuse(our_url, "GET /listen", status=404, body="")
    await refuse(our_url, f"GET /{ours.conversation_id}", status=404, body="")
    await tell(our_url, "end-streams")
    end = await our_events.next("error")
    assert type(end) is ConversationGone
    assert our_events.values("connection")[-1].cause is end


# Who one is


@run_in_pyodide
async def test_two_connects_at_once_give_the_same_credentials(selenium_both, original_url, our_url):
    """Defect 8: the second concurrent `connect()` resolves `undefined`."""
    import asyncio

    from original import open_both

    original, ours = await open_both(original_url, our_url, connect=False)
    first, second = await asyncio.gather(original.connect(), original.connect())
    assert first["userToken"]
    assert second is None

    first, second = await asyncio.gather(ours.connect(), ours.connect())
    assert first.user_token
    assert second == first


@run_in_pyodide
async def test_a_client_whose_connect_failed_can_be_connected(selenium_both, original_url, our_url):
    """Defect 9: a failed `POST /users` leaves `user_creating` for ever: a later `connect()` resolves `undefined`,
    everything else throws."""
    from in_browser import error_of
    from original import open_both, refuse

    original, ours = await open_both(original_url, our_url, connect=False)
    for client, url in ((original, original_url), (ours, our_url)):
        await refuse(url, "POST /users")
        assert "It went wrong" in str(await error_of(client.connect()))
    assert await original.connect() is None
    assert original.user_id is None
    assert "Unexpected state" in str(await error_of(original.send_message("Hello")))

    assert (await ours.connect()).user_id == ours.user_id
    assert (await ours.send_message("Hello")).author_id == ours.user_id


@run_in_pyodide
async def test_disconnect_ends_what_is_under_way(selenium_both, original_url, our_url):
    """Defect 16: `disconnect()` during an in-flight `connect` or creation is undone, and the pending message is still
    sent."""
    import asyncio

    from in_browser import error_of, tell
    from original import CLIENT_ID, open_both

    from webchat_py import StateError

    async def disconnect_during(route, call):
        """Only when the server has been asked, so that there is something to end."""
        await tell(our_url, "rule", route=route, act="hold", times=1)
        calling = asyncio.ensure_future(call)
        while not await tell(our_url, "held"):
            pass
        await ours.disconnect()
        return await error_of(calling)

    original, ours = await open_both(original_url, our_url, connect=False)
    connecting = original.connect()
    await original.disconnect()
    await connecting
    assert original.user_id is not None
    sending = original.send_message("never")
    await original.disconnect()
    await sending
    assert f"POST /{CLIENT_ID}/messages" in await tell(original_url, "requests")

    assert type(await disconnect_during("POST /users", ours.connect())) is StateError
    assert ours.user_id is None
    await ours.connect()
    assert type(await disconnect_during("POST /conversations", ours.send_message("never"))) is StateError
    assert (ours.user_id, ours.conversation_id) == (None, None)
    await ours.connect()
    await ours.send_message("Hello")
    assert [message.text for message in await ours.list_messages()] == ["Hello"]
    assert (await tell(our_url, "requests")).count(f"POST /{CLIENT_ID}/messages") == 1


@run_in_pyodide
async def test_credentials_of_two_users_are_refused(selenium_both, original_url, our_url):
    """Defect 26: `userId` in credentials is trusted without comparing it with the key's user."""
    from in_browser import error_of
    from original import open_both

    from webchat_py import Credentials

    original, ours = await open_both(original_url, our_url, connect=False)
    token = (await original.connect())["userToken"]
    await original.disconnect()
    await original.connect({"userId": "user_of_somebody_else", "userToken": token})
    assert original.user_id == "user_of_somebody_else"

    error = await error_of(ours.connect(Credentials("user_of_somebody_else", token)))
    assert type(error) is ValueError
    assert "do not belong together" in str(error)
    assert ours.user_id is None


@run_in_pyodide
async def test_no_error_holds_the_user_key(selenium_both, original_url, our_url):
    """Defect 27: state errors carry user id and user key in `.state` (leaks into logs)."""
    import traceback

    import js
    from in_browser import error_of
    from original import open_both

    from webchat_py import Credentials, StateError

    original, ours = await open_both(original_url, our_url, connect=False)
    token = (await original.connect())["userToken"]
    first = original.send_message("one")
    reason = (await error_of(original.send_message("two"))).reason
    assert token in js.JSON.stringify(reason.state)
    await first

    token = (await ours.connect()).user_token
    for call in (ours.connect(), ours.connect(Credentials("user_01", token)), ours.list_participants()):
        error = await error_of(call)
        assert type(error) is StateError
        assert token not in repr((error, error.args, vars(error))) + "".join(traceback.format_exception(error))


@run_in_pyodide
async def test_cookies_of_the_page_stay_there(selenium_both, original_url, our_url):
    """Defect 28: sends the host page's `XSRF-TOKEN` cookie to the API, as `X-XSRF-TOKEN`.

    A server that does not expect that header, as the proxy, does not allow it, so that the original cannot connect.
    """
    from in_browser import error_of, tell
    from js import document
    from original import open_both

    original, ours = await open_both(original_url, our_url, connect=False)
    document.cookie = "XSRF-TOKEN=secret-of-the-page"
    try:
        assert str(await error_of(original.connect())) == "Network Error"
        await ours.connect()
        await ours.send_message("Hello")
    finally:
        document.cookie = "XSRF-TOKEN=; max-age=0"
    sent = await tell(our_url, "headers")
    assert len(sent) >= 5
    assert "secret-of-the-page" not in repr(sent)
    await original.disconnect()
    await original.connect()


@run_in_pyodide
async def test_users_have_a_name_and_a_picture(selenium_both, original_url, our_url):
    """Defect 34: `getUser` hides id, name, picture; `updateUser` and `connect` cannot set name or picture."""
    from original import open_both

    picture = "https://example.com/ada.png"
    original, ours = await open_both(original_url, our_url, connect=False)
    await original.connect(None, {"plan": "gold"})
    updated = await original.update_user({"data": {"plan": "silver"}, "name": "Ada", "pictureUrl": picture})
    assert not {"name", "pictureUrl"} & updated.keys()
    assert await original.get_user() == {"data": {"plan": "silver"}}

    await ours.connect(user_data={"plan": "gold"}, name="Ada")
    await ours.update_user(picture_url=picture)
    user = await ours.get_user()
    assert (user.id, user.name, user.picture_url, user.data) == (ours.user_id, "Ada", picture, {"plan": "gold"})


# Conversations


@run_in_pyodide
async def test_a_conversation_that_could_not_be_made_can_be_made_later(selenium_both, original_url, our_url):
    """Defect 10: failed conversation creation (REST or stream) leaves `conversation_creating` for ever: sends throw,
    `newConversation` and `switchConversation` silently do nothing."""
    from in_browser import error_of
    from original import CLIENT_ID, open_both, refuse

    from webchat_py import get_client

    for route in ("POST /conversations", "GET /listen"):
        original, ours = await open_both(original_url, our_url)
        for client, url in ((original, original_url), (ours, our_url)):
            await refuse(url, route)
            await error_of(client.new_conversation())
            assert client.conversation_id is None
        assert await original.new_conversation() is None
        assert original.conversation_id is None
        assert "Unexpected state" in str(await error_of(original.send_message("Hello")))

        conversation = await ours.new_conversation()
        assert (await ours.send_message("Hello")).conversation_id == conversation
        assert [made.id for made in await ours.list_conversations()] == [conversation], "no attempt left one behind"

    # What one user could not open is nothing to another
    credentials = await get_client(CLIENT_ID, our_url).connect()
    ours = get_client(CLIENT_ID, our_url)
    for route in ("GET /initialize", "GET /listen"):
        await refuse(our_url, route)
    await error_of(ours.start())
    await ours.connect(credentials)
    assert [made.id for made in await ours.list_conversations()] == []
    await ours.new_conversation()


@run_in_pyodide
async def test_a_switch_that_fails_leaves_the_old_conversation_working(selenium_both, original_url, our_url):
    """Defect 11: `switchConversation` to an unknown or forbidden id loses the previous conversation, and is a trap."""
    from in_browser import Events, error_of
    from original import open_both

    from webchat_py import Forbidden, NotFound

    original, ours = await open_both(original_url, our_url)
    await original.new_conversation()
    of_somebody_else = original.conversation_id
    conversation = await ours.new_conversation()
    await error_of(original.switch_conversation("conv_of_nobody"))
    assert original.conversation_id is None
    assert "Unexpected state" in str(await error_of(original.send_message("Hello")))

    events = Events(ours)
    assert type(await error_of(ours.switch_conversation("conv_of_nobody"))) is NotFound
    assert type(await error_of(ours.switch_conversation(of_somebody_else))) is Forbidden
    assert ours.conversation_id == conversation
    assert events.values("connection") == [], "its stream stayed open"
    await ours.send_message("Hello")
    await ours.send_event({"bot": "answer"})
    assert (await events.next("message")).text == "echo: Hello"


@run_in_pyodide
async def test_a_message_is_sent_though_the_bot_could_not_be_told_of_the_conversation(
    selenium_both, original_url, our_url
):
    """Defect 12: failed `conversation_started` event: the message is not sent and the call rejects although the
    conversation is live; the event is never retried."""
    from in_browser import Events, error_of, tell, until
    from original import CLIENT_ID, open_both, refuse

    async def sent(url):
        requests = await tell(url, "requests")
        return [requests.count(f"POST /{CLIENT_ID}/{kind}") for kind in ("events", "messages")]

    original, ours = await open_both(original_url, our_url)
    for url in (original_url, our_url):
        await refuse(url, "POST /events")
    assert "It went wrong" in str(await error_of(original.send_message("one")))
    assert original.conversation_id is not None
    await original.send_message("two")
    assert await sent(original_url) == [1, 1]

    events = Events(ours)
    await ours.send_message("one")
    await ours.send_message("two")

    async def is_told_again():
        return await sent(our_url) == [2, 2]

    await until(is_told_again)
    assert events.values("error") == []


@run_in_pyodide
async def test_two_messages_at_once_open_one_conversation(selenium_both, original_url, our_url):
    """Defect 15: two sends without a conversation: the second throws `Unexpected state: conversation_creating`."""
    import asyncio

    from in_browser import error_of
    from original import open_both

    original, ours = await open_both(original_url, our_url)
    first = original.send_message("one")
    assert str(await error_of(original.send_message("two"))) == "Unexpected state: conversation_creating"
    await first

    one, two = await asyncio.gather(ours.send_message("one"), ours.send_message("two"))
    assert one.conversation_id == two.conversation_id == ours.conversation_id
    assert [message.text for message in await ours.list_messages()] == ["two", "one"]


@run_in_pyodide
async def test_whether_a_conversation_exists_is_told_by_the_status(selenium_both, original_url, our_url):
    """Defect 25: `conversationExists` and `userExists` depend on the JSON `type`; a plain 404 rejects as `Unknown`
    500; 403 rejects."""
    import json

    from in_browser import error_of
    from original import open_both, refuse

    forbidden = json.dumps({"id": "err_1", "code": 403, "type": "Forbidden", "message": "Not yours"})
    html = "<h1>Not found</h1>"
    original, ours = await open_both(original_url, our_url, connect=False)
    stored = await original.connect()
    credentials = await ours.connect()
    for status, body in ((404, html), (403, forbidden)):
        for url in (original_url, our_url):
            await refuse(url, "GET /conv_1", status=status, body=body)
        assert (await error_of(original.conversation_exists("conv_1"))).reason.isApiError
        assert await ours.conversation_exists("conv_1") is False
    conversation = await ours.new_conversation()
    assert await ours.conversation_exists(conversation) is True

    for client, url in ((original, original_url), (ours, our_url)):
        await client.disconnect()
        await refuse(url, "GET /users/me", times=2, status=404, body=html)
    assert str(await error_of(original.connect(stored))) == html
    assert (await ours.connect(credentials)).user_id != credentials.user_id, "a new user"


@run_in_pyodide
async def test_an_error_with_status_200_is_an_error(selenium_both, original_url, our_url):
    """Defect 37: a 2xx with an error body is taken as success."""
    import json

    from in_browser import error_of
    from original import open_both, refuse

    from webchat_py import NotFound, RateLimited

    gone = json.dumps({"id": "err_1", "code": 404, "type": "ResourceNotFound", "message": "Gone"})
    busy = json.dumps({"id": "err_2", "code": 429, "type": "RateLimited", "message": "Later"})
    original, ours = await open_both(original_url, our_url)
    for url in (original_url, our_url):
        await refuse(url, "POST /messages", status=200, body=busy)
        await refuse(url, "GET /conv_1", status=200, body=gone)
    assert await original.conversation_exists("conv_1") is True
    await original.send_message("Hello")
    assert await original.list_messages() == []

    assert await ours.conversation_exists("conv_1") is False
    await ours.send_message("Hello")
    assert [message.text for message in await ours.list_messages()] == ["Hello"], "it was sent again"
    await refuse(our_url, "PUT /users/me", status=200, body=busy)
    assert type(await error_of(ours.update_user({"a": 1}))) is RateLimited
    await refuse(our_url, "GET /users/me", status=200, body=gone)
    assert type(await error_of(ours.get_user())) is NotFound


@run_in_pyodide
async def test_conversations_messages_and_users_can_be_listed_and_deleted(selenium_both, original_url, our_url):
    """Defect 38: `listConversations`, `deleteConversation`, `getMessage`, `deleteMessage`, participants, `deleteUser`
    exist in the API but not in the public client."""
    from in_browser import error_of
    from original import open_both

    from webchat_py import NotFound, get_client

    original, ours = await open_both(original_url, our_url)
    for name in ("list_conversations", "delete_conversation", "get_message", "delete_message", "delete_user"):
        assert not hasattr(original, name)
        assert hasattr(ours, name)

    first = await ours.new_conversation()
    second = await ours.new_conversation()
    assert {conversation.id for conversation in await ours.list_conversations()} == {first, second}
    await ours.delete_conversation(first)
    assert [conversation.id for conversation in await ours.list_conversations()] == [second]

    message = await ours.send_message("Hello")
    assert (await ours.get_message(message.id)).text == "Hello"
    await ours.delete_message(message.id)
    assert type(await error_of(ours.get_message(message.id))) is NotFound

    guest = get_client(ours.client_id, our_url)
    of_the_guest = await guest.connect(name="Bob")
    await ours.add_participant(guest.user_id)
    assert (await ours.get_participant(guest.user_id)).name == "Bob"
    assert {user.id for user in await ours.list_participants()} == {ours.user_id, guest.user_id}
    await ours.remove_participant(guest.user_id)
    assert [user.id for user in await ours.list_participants()] == [ours.user_id]

    await guest.delete_user()
    assert guest.user_id is None
    assert (await guest.connect(of_the_guest)).user_id != of_the_guest.user_id, "a new user"


# Files


@run_in_pyodide
async def test_an_upload_that_was_refused_sends_no_message(selenium_both, original_url, our_url):
    """Defect 17: the upload's status is unchecked: a 403 still produces a message with a dead URL."""
    import js
    from in_browser import error_of
    from original import open_both, refuse
    from pyodide.ffi import to_js

    from webchat_py import UploadError

    file = js.File.new(to_js(["content"]), "photo.png")
    original, ours = await open_both(original_url, our_url)
    for url in (original_url, our_url):
        await refuse(url, "PUT ", status=403, body="denied")
    dead = (await original.send_file(file))["fileUrl"]
    assert [message["payload"]["url"] for message in await original.list_messages()] == [dead]
    assert (await js.fetch(dead)).status == 404

    error = await error_of(ours.send_file(file))
    assert type(error) is UploadError
    assert error.status == 403
    assert await ours.list_messages() == []


@run_in_pyodide
async def test_an_upload_tells_its_progress_keeps_its_type_and_can_be_cancelled(selenium_both, original_url, our_url):
    """Defect 18: upload: no progress, no cancel, no timeout, whole file in memory, MIME type of the file not
    forwarded."""
    import asyncio

    import js
    from in_browser import tell
    from original import open_both
    from pyodide.ffi import to_js

    picture = js.File.new(
        to_js(["content"]), "picture", to_js({"type": "image/png"}, dict_converter=js.Object.fromEntries)
    )
    original, ours = await open_both(original_url, our_url)
    assert (await original.send_file(picture))["type"] == "file"
    assert (await ours.send_file(picture)).type == "image"

    told = []
    size = 3_000_000
    await ours.send_file(bytes(size), "large.bin", on_progress=lambda sent, total: told.append((sent, total)))
    assert told == sorted(told)
    assert told[-1] == (size, size)

    await tell(our_url, "rule", route="PUT ", act="hold", times=1)
    sending = asyncio.ensure_future(ours.send_file(picture))
    while not await tell(our_url, "held"):
        pass
    sending.cancel()
    while await tell(our_url, "held"):
        pass
    assert sending.cancelled()
    assert len(await ours.list_messages()) == 2


@run_in_pyodide
async def _upload_equal_names(selenium_both, original_url, our_url):
    import js
    from original import open_both
    from pyodide.ffi import to_js

    original, ours = await open_both(original_url, our_url)
    for client in (original, ours):
        for content in ("one", "two"):
            await client.send_file(js.File.new(to_js([content]), "notes.txt"))
    urls = [message.payload.file_url for message in await ours.list_messages()]
    return [await (await js.fetch(url)).text() for url in urls]


def test_files_of_the_same_name_do_not_collide(selenium_both, original_proxy, our_proxy):
    """Defect 19: the upload key is the bare file name although keys must be unique per bot: equal names of different
    users collide."""
    contents = _upload_equal_names(selenium_both, original_proxy.url, our_proxy.url)
    assert contents == ["two", "one"]

    def keys(proxy):
        sent = zip(proxy.requests, proxy.bodies, strict=True)
        return [json.loads(body)["key"] for request, body in sent if request == "POST /interop/files"]

    assert keys(original_proxy) == ["notes.txt", "notes.txt"]
    one, two = keys(our_proxy)
    assert one != two
    assert one.endswith("notes.txt")


@run_in_pyodide
async def test_limits_have_an_effect(selenium_both, original_url, our_url):
    """Defect 20: 100 MiB limits have no effect in a browser.

    There, they are the original's own. Ours limits what it keeps of one event, and leaves requests to the server,
    whose refusal comes before a byte of the file is sent.
    """
    from in_browser import Events, error_of, tell
    from original import open_both

    from webchat_py import StreamError, TooLarge

    _, ours = await open_both(original_url, our_url)
    await ours.new_conversation()
    error = await error_of(ours.send_file(bytes(100 * 1024 * 1024 + 1), "large.bin"))
    assert type(error) is TooLarge
    assert not any(request.startswith("PUT") for request in await tell(our_url, "requests"))

    events = Events(ours)
    endless = {"content_type": "text/event-stream", "body": "data: " + "x" * (17 * 1024 * 1024)}
    await tell(our_url, "rule", route="GET /listen", times=1, **endless)
    await ours.new_conversation()
    lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
    assert type(lost.cause) is StreamError


# Messages


@run_in_pyodide
async def test_a_message_is_known_by_its_id_and_followed_on_its_way(selenium_both, original_url, our_url):
    """Defect 32: `sendMessage`: text only, returns no id, no metadata, no idempotency, no delivery state."""
    from in_browser import Events, error_of, tell
    from original import everything_is_here, open_both

    from webchat_py import Choice, Option

    original, ours = await open_both(original_url, our_url)
    assert await original.send_message("Hello") is None

    events = Events(ours)
    choice = Choice("Size?", [Option("Small", "s")])
    message = await ours.send_message(choice, metadata={"shop": 7})
    assert (message.status, message.payload, message.metadata["shop"]) == ("sent", choice, 7)
    assert (await ours.get_message(message.id)).client_id == message.client_id
    await events.next("message_status", lambda told: told.status == "processed")
    told = events.values("message_status")
    assert [message.status for message in told] == ["pending", "sent", "processing", "processed"]
    assert {message.client_id for message in told} == {message.client_id}
    assert [message.id for message in told] == [None, message.id, message.id, message.id]

    # The server has it, and its answer is lost. Trying again is all that a user of the original can do
    for url in (original_url, our_url):
        await tell(url, "rule", route="POST /messages", act="lose", times=1)
    assert str(await error_of(original.send_message("again"))) == "Network Error"
    await original.send_message("again")
    assert len(await original.list_messages()) == 3

    again = await ours.send_message("again")
    await everything_is_here(ours, events)
    assert [listed.id for listed in await ours.list_messages()] == [again.id, message.id]
    assert [sent.id for sent in events.values("message_sent")] == [message.id, again.id]
    assert events.values("own_message") == []


@run_in_pyodide
async def test_a_message_is_sent_again_until_it_arrives(selenium_both, original_url, our_url):
    """Defect 33: no retry, no back-off, no `Retry-After` handling for 429, 5xx and network errors."""
    import asyncio

    from in_browser import Events, error_of, tell
    from original import CLIENT_ID, open_both, refuse

    from webchat_py import ServerError, get_client

    async def attempts(url):
        return (await tell(url, "requests")).count(f"POST /{CLIENT_ID}/messages")

    original, ours = await open_both(original_url, our_url)
    faults = (
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 503, "headers": {"Retry-After": "1"}},
        {"act": "cut"},
    )
    now = asyncio.get_running_loop().time
    for number, fault in enumerate(faults):
        for url in (original_url, our_url):
            await tell(url, "rule", route="POST /messages", times=1, **fault)
        await error_of(original.send_message(f"{number}"))

        started = now()
        await ours.send_message(f"{number}")
        assert now() - started >= 1
        assert await attempts(our_url) == 2 * (number + 1)
    assert await original.list_messages() == []
    assert [message.text for message in await ours.list_messages()] == ["2", "1", "0"]

    # Not for ever
    await refuse(our_url, "POST /messages", times=1000, status=503)
    async with get_client(CLIENT_ID, our_url, retry_for=1) as impatient:
        await impatient.connect()
        events = Events(impatient)
        error = await error_of(impatient.send_message("Hello"))
        assert type(error) is ServerError
        assert error.status == 503
        failed = await events.next("message_status", lambda told: told.status == "failed")
        await tell(our_url, "clear")
        again = await impatient.resend(failed)
        assert again.client_id == failed.client_id
        assert [message.text for message in await impatient.list_messages()] == ["Hello"]


@run_in_pyodide
async def test_a_message_with_an_odd_field_arrives(selenium_both, original_url, our_url):
    """Defect 22: one out-of-schema field drops a whole message with only a debug log (time zone form, empty text, new
    types such as `bloc`)."""
    from in_browser import Events
    from original import everything_is_here, open_both, signal

    bloc = {"type": "bloc", "items": [{"type": "text", "payload": {"text": "one"}}]}
    odd = [
        {"createdAt": "2025-01-05T10:00:03+00:00", "payload": {"type": "text", "text": "another zone"}},
        {"payload": {"type": "text", "text": ""}},
        {"payload": bloc},
        {"replyTo": None, "payload": {"type": "file", "fileUrl": "https://example.com/a", "title": None}},
        {"createdAt": "some day", "payload": {"type": "text", "text": "no date"}},
        {"payload": {"type": "card", "title": "Shoe"}},
        {"payload": {"type": "poll", "question": "Why?"}},
        {"payload": {"type": "text", "text": "as it should be"}},
    ]

    async def hear(client):
        events = Events(client)
        await client.new_conversation()
        for number, different in enumerate(odd):
            usual = {"id": f"msg_{number}", "createdAt": "2025-01-05T10:00:03Z", "userId": "bot"}
            await signal(client, "message_created", {**usual, "conversationId": client.conversation_id, **different})
        await everything_is_here(client, events)
        return events.values("message")

    original, ours = await open_both(original_url, our_url)
    assert [message["id"] for message in await hear(original)] == ["msg_7"]
    messages = await hear(ours)
    assert [message.id for message in messages] == [f"msg_{number}" for number in range(8)]
    assert [message.text for message in messages[:4]] == ["another zone", "", "one", "File: https://example.com/a"]


@run_in_pyodide
async def test_an_unknown_payload_does_not_spoil_the_list(selenium_both, original_url, our_url):
    """Defect 23: one unknown payload type makes `listMessages()` reject entirely."""
    from in_browser import Events, error_of
    from original import everything_is_here, open_both

    from webchat_py import Unknown

    original, ours = await open_both(original_url, our_url)
    for client in (original, ours):
        events = Events(client)
        await client.send_message("poll")
        await client.send_event({"bot": "answer"})
        await everything_is_here(client, events)
    assert str(await error_of(original.list_messages())) == "Unsuported message type"

    unknown, known = await ours.list_messages()
    assert unknown.payload == Unknown("poll", {"type": "poll", "question": "Why?", "answers": [1, None]})
    assert known.text == "poll"


@run_in_pyodide
async def test_a_list_of_messages_can_be_short_and_has_none_twice(selenium_both, original_url, our_url):
    """Defect 24: `listMessages()` always loads everything; no limit, no cursor, no dates filter; duplicates possible
    if messages arrive meanwhile."""
    import json

    from in_browser import tell
    from original import open_both

    async def pages(url):
        requests = [request.partition("?")[0] for request in await tell(url, "requests")]
        return sum(request.startswith("GET") and request.endswith("/messages") for request in requests)

    original, ours = await open_both(original_url, our_url)
    for client in (original, ours):
        for text in ("one", "two", "three", "four", "five", "six", "seven"):
            await client.send_message(text)
    assert len(await original.list_messages()) == 7
    assert await pages(original_url) == 3

    newest = await ours.list_messages(limit=2)
    assert [message.text for message in newest] == ["seven", "six"]
    assert await pages(our_url) == 1
    newer = await ours.list_messages(after=newest[1].id)
    assert [message.text for message in newer] == ["seven"]
    assert await pages(our_url) == 2

    def message(number):
        usual = {"createdAt": "2025-01-05T10:00:03Z", "userId": "bot", "conversationId": "conv_1"}
        return {**usual, "id": f"msg_{number}", "payload": {"type": "text", "text": f"{number}"}}

    # What the server would send if message 3 came between the two requests
    for url in (original_url, our_url):
        for numbers, meta in (((1, 0), {}), ((2, 1), {"nextToken": "more"})):
            page = json.dumps({"messages": [message(number) for number in numbers], "meta": meta})
            await tell(url, "rule", route="GET /messages", times=1, body=page)
    assert [message["id"] for message in await original.list_messages()] == ["msg_2", "msg_1", "msg_1", "msg_0"]
    assert [message.text for message in await ours.list_messages()] == ["2", "1", "0"]


@run_in_pyodide
async def test_typing_ends_by_itself(selenium_both, original_url, our_url):
    """Defect 39: `isTyping` is never cleared by the client itself."""
    from in_browser import Events
    from original import everything_is_here, open_both, signal

    original, ours = await open_both(original_url, our_url)
    original_events, our_events = Events(original), Events(ours)
    for client in (original, ours):
        await client.new_conversation()
        await signal(client, "typing_started", {"timeout": 50})
    assert (await our_events.next("is_typing")).is_typing
    assert not (await our_events.next("is_typing")).is_typing
    await everything_is_here(original, original_events)
    assert original_events.values("is_typing") == [{"isTyping": True, "timeout": 50}]


@run_in_pyodide
async def test_who_wrote_a_message_can_be_asked(selenium_both, original_url, our_url):
    """Defect 40: multi-participant conversations: other humans' messages look like bot messages (only `authorId`
    differs)."""
    from in_browser import Events
    from original import open_both

    from webchat_py import get_client

    original, ada = await open_both(original_url, our_url)
    assert not hasattr(original, "get_participant")

    events = Events(ada)
    conversation = await ada.new_conversation()
    async with get_client(ada.client_id, our_url) as bob:
        await bob.connect(name="Bob")
        await ada.add_participant(bob.user_id)
        assert (await events.next("participant_added")).name == "Bob"
        await bob.switch_conversation(conversation)
        await bob.send_message("Hi, Ada")
        by_bob = await events.next("message")
        assert by_bob.text == "Hi, Ada"
        await bob.send_event({"bot": "answer"})
        by_bot = await events.next("message")
        assert by_bot.text == "echo: Hi, Ada"
    people = {user.id: user.name for user in await ada.list_participants()}
    assert people[by_bob.author_id] == "Bob"
    assert by_bot.author_id not in people


@run_in_pyodide
async def test_what_the_server_said_can_be_told_apart(selenium_both, original_url, our_url):
    """Defect 41: `file` blocks leak raw wire fields; `markdown` vs `text` and `postback` vs `say` cannot be told apart
    after mapping."""
    from in_browser import Events
    from original import open_both

    from webchat_py import Markdown, Text

    async def ask(client):
        events = Events(client)
        for name in ("file", "text", "markdown", "card"):
            await client.send_message(name)
        await client.send_event({"bot": "answer"})
        return [await events.next("message") for _ in range(4)]

    original, ours = await open_both(original_url, our_url)
    file, text, markdown, card = [message["payload"] for message in await ask(original)]
    assert file == {"type": "file", "url": "https://example.com/a.pdf", "fileUrl": "https://example.com/a.pdf"}
    assert text["block"]["type"] == markdown["block"]["type"] == "text"
    postback, say, _ = card["block"]["blocks"][-1]["blocks"]
    assert {**postback, "text": "", "buttonValue": ""} == {**say, "text": "", "buttonValue": ""}

    file, text, markdown, card = await ask(ours)
    assert file.block == {"type": "file", "url": "https://example.com/a.pdf"}
    assert (type(text.payload), type(markdown.payload)) == (Text, Markdown)
    assert [action.action for action in card.payload.actions] == ["postback", "say", "url"]


@run_in_pyodide
async def test_class_name_and_metadata_are_kept(selenium_both, original_url, our_url):
    """Defect 42: `className` (except in `file`) and message `metadata` are lost."""
    from in_browser import Events
    from original import open_both, signal

    from webchat_py import Text

    async def hear(client):
        events = Events(client)
        await client.new_conversation()
        message = {
            "id": "msg_1",
            "createdAt": "2025-01-05T10:00:03Z",
            "userId": "bot",
            "conversationId": client.conversation_id,
            "payload": {"type": "text", "text": "Hello", "className": "loud"},
            "metadata": {"shop": 7},
        }
        await signal(client, "message_created", message)
        return await events.next("message")

    original, ours = await open_both(original_url, our_url)
    message = await hear(original)
    assert "metadata" not in message
    assert message["payload"] == {"type": "bubble", "block": {"type": "text", "text": "Hello"}}

    message = await hear(ours)
    assert message.metadata == {"shop": 7}
    assert message.payload == Text("Hello", class_name="loud")
    await ours.send_message(Text("Hi", class_name="quiet"), metadata={"shop": 8})
    (listed,) = await ours.list_messages()
    assert listed.payload.class_name == "quiet"
    assert listed.metadata["shop"] == 8


# Handlers


@run_in_pyodide
async def test_a_handler_that_raises_harms_nobody(selenium_both, original_url, our_url):
    """Defect 29: listener exceptions break the client: a throwing `conversation` listener leaves
    `conversation_creating`; a throwing `messageSent` listener rejects a message that was sent."""
    from in_browser import Events, error_of
    from original import open_both

    def fail(_value):
        raise ZeroDivisionError("in a handler")

    original, ours = await open_both(original_url, our_url)
    original.on("message_sent", fail)
    assert "in a handler" in str(await error_of(original.send_message("Hello")))
    assert len(await original.list_messages()) == 1
    original.on("conversation", fail)
    assert "in a handler" in str(await error_of(original.new_conversation()))
    assert "Unexpected state" in str(await error_of(original.send_message("Hello")))

    events = Events(ours)
    ours.on("message_sent", fail)
    ours.on("conversation", fail)
    conversation = await ours.new_conversation()
    assert isinstance(await events.next("error"), ZeroDivisionError)
    assert (await ours.send_message("Hello")).conversation_id == conversation
    assert isinstance(await events.next("error"), ZeroDivisionError)


@run_in_pyodide
async def test_a_handler_knows_the_current_conversation(selenium_both, original_url, our_url):
    """Defect 30: `conversationId` is undefined inside the `conversation` handler."""
    from original import open_both

    original, ours = await open_both(original_url, our_url)
    for client, known in ((original, False), (ours, True)):
        seen = []
        client.on("conversation", lambda told, client=client, seen=seen: seen.append((told, client.conversation_id)))
        await client.new_conversation()
        assert seen == [(client.conversation_id, client.conversation_id if known else None)]


@run_in_pyodide
async def test_a_handler_can_be_removed_and_the_next_message_awaited(selenium_both, original_url, our_url):
    """Defect 31: no `off` / `once`; no way to await the next message."""
    from original import open_both

    original, ours = await open_both(original_url, our_url)
    assert not any(hasattr(original, name) for name in ("off", "once", "wait_for"))

    heard = {"on": [], "once": [], "off": []}
    ours.on("message", heard["on"].append)
    ours.once("message", heard["once"].append)
    ours.on("message", heard["off"].append)
    ours.off("message", heard["off"].append)
    for text in ("one", "two"):
        answer = ours.wait_for("message", timeout=15)
        await ours.send_message(text)
        await ours.send_event({"bot": "answer"})
        assert (await answer).text == f"echo: {text}"
    assert {name: len(messages) for name, messages in heard.items()} == {"on": 2, "once": 1, "off": 0}
