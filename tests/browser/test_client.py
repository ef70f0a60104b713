"""The client's main journey, in a real browser against the real server on another origin."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

pytestmark = pytest.mark.every_browser

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@STREAMS
@run_in_pyodide
async def test_hello_is_answered(selenium_either_client, helper_url, event_source):
    from in_browser import Events

    from webchat_py import Connection, Credentials, Text, get_client

    client = get_client("local", helper_url + "/", event_source=event_source)
    events = Events(client)
    assert (client.client_id, client.api_url, client.mode) == ("local", helper_url, "pushpin")
    assert (client.user_id, client.conversation_id) == (None, None)

    credentials = await client.connect()
    assert isinstance(credentials, Credentials)
    assert client.user_id == credentials.user_id
    assert client.conversation_id is None

    sent = await client.send_message("hello", metadata={"shop": 7})
    assert sent.payload == Text("hello")
    assert sent.id
    assert sent.author_id == client.user_id
    assert sent.conversation_id == client.conversation_id
    assert sent.client_id
    assert sent.metadata == {"shop": 7, "clientMessageId": sent.client_id}
    assert sent.status == "sent"
    assert sent.sent_on is not None

    assert (await events.next("connection")).state == "connecting"
    assert await events.next("conversation") == client.conversation_id
    assert await events.next("connection") == Connection("connected")
    answer = await events.next("message", lambda message: message.payload == Text("echo: hello"))
    assert answer.author_id != client.user_id
    assert answer.conversation_id == client.conversation_id
    # The stream and the answer to the request race; both tell once, in either order.
    if not events.values("message_sent"):
        await events.next("message_sent")
    assert events.values("message_sent") == [sent]
    assert [message.payload.text for message in events.values("message")] == ["welcome", "echo: hello"]
    assert events.values("error") == []

    await client.disconnect()
    assert await events.next("connection") == Connection("closed")
    assert (client.user_id, client.conversation_id) == (None, None)


@STREAMS
@run_in_pyodide
async def test_every_payload_in_both_directions(selenium_either_client, helper_url, event_source):
    import json

    from in_browser import Events

    from webchat_py import (
        Action,
        Audio,
        Bloc,
        Card,
        Carousel,
        Choice,
        Custom,
        Dropdown,
        File,
        Image,
        Location,
        Markdown,
        Option,
        Text,
        Unknown,
        Video,
        get_client,
    )
    from webchat_py.wire.payloads import payload_to_wire

    sizes = [Option("Small", "s"), Option("Large", "l")]
    card = Card("Shoe", "Red", "http://x/i.png", [Action("say", "Buy", "buy"), Action("url", "Look", "http://x/")])
    async with get_client("local", helper_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await events.next("message")
        for payload in [
            Text("Grüße 👋", "hi"),
            Markdown("**bold**"),
            Image("http://x/i.png"),
            Audio("http://x/a.mp3"),
            Video("http://x/v.mp4"),
            File("http://x/f.pdf", "Bill"),
            Location(48.2, 16.4, "Wien", "Here"),
            card,
            Carousel([card, Card("Sock", class_name="small")]),
            Choice("Size?", sizes, disable_free_text=True),
            Dropdown("Size?", sizes),
            Bloc([Text("Hi"), Image("http://x/i.png")]),
            Custom("http://x/w.js", "Weather", {"town": "Wien"}),
            Unknown("poll", {"type": "poll", "question": "Why?", "answers": [1, None]}),
        ]:
            await client.send_message(json.dumps(payload_to_wire(payload)))
            answer = await events.next("message")
            assert answer.payload == payload
            assert answer.text
            assert answer.block
            sent = await client.send_message(payload)
            assert sent.payload == payload
            await events.next("message")  # the bot repeats its text, if it has one


@run_in_pyodide
async def test_list_messages_is_newest_first_over_all_pages(selenium_either_client, helper_url):
    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        events = Events(client)
        await client.connect()
        assert await client.list_messages() == []
        await client.new_conversation()
        await events.next("message")
        expected = ["welcome"]
        for number in range(60):
            await client.send_message(f"{number}")
            await events.next("message")
            expected += [f"{number}", f"echo: {number}"]
        expected.reverse()

        messages = await client.list_messages()
        assert [message.payload.text for message in messages] == expected
        assert [m.payload.text for m in await client.list_messages(limit=3)] == expected[:3]
        after = messages[70].id
        assert [m.payload.text for m in await client.list_messages(after=after)] == expected[:70]
        assert [m.payload.text for m in await client.list_messages(limit=5, after=after)] == expected[:5]
        assert len(await client.list_messages(after="no such message")) == len(expected)


@STREAMS
@run_in_pyodide
async def test_switching_goes_back_and_only_the_current_conversation_speaks(
    selenium_either_client, proxy_url, event_source
):
    from in_browser import Events, tell

    from webchat_py import get_client

    async with (
        get_client("local", proxy_url, event_source=event_source) as client,
        get_client("local", proxy_url, event_source=event_source) as elsewhere,
    ):
        events = Events(client)
        await elsewhere.connect(await client.connect())
        first = await client.new_conversation()
        await events.next("message")
        second = await client.new_conversation()
        assert second != first
        assert await events.next("conversation") == second == client.conversation_id
        await events.next("message")

        seen = []
        client.on("conversation", lambda conversation_id: seen.append((conversation_id, client.conversation_id)))
        await client.switch_conversation(first)
        assert seen == [(first, first)]
        requests = await tell(proxy_url, "requests")
        await client.switch_conversation(first)
        assert await tell(proxy_url, "requests") == requests, "it is the current one already"
        assert seen == [(first, first)]
        assert [m.payload.text for m in await client.list_messages()] == ["welcome"]

        # The bot speaks in the one that was left: to another client of this user.
        await elsewhere.switch_conversation(second)
        answer = elsewhere.wait_for("message", timeout=15)
        await elsewhere.send_message("in the other")
        assert (await answer).payload.text == "echo: in the other"

        await client.send_message("back again")
        answer = await events.next("message")
        assert (answer.payload.text, answer.conversation_id) == ("echo: back again", first)
        assert len(events.values("message")) == 3
        assert events.values("message_created") == [], "nothing listens to the one that was left"
        states = [connection.state for connection in events.values("connection")]
        assert states == ["connecting", "connected"]


@run_in_pyodide
async def test_the_same_user_comes_back_with_credentials(selenium_either_client, helper_url):
    import pytest

    from webchat_py import Credentials, get_client

    first = get_client("local", helper_url)
    credentials = await first.connect()
    conversation = await first.new_conversation()
    await first.send_message("remember me")
    await first.disconnect()

    again = get_client("local", helper_url)
    assert await again.connect(credentials) == credentials
    await again.switch_conversation(conversation)
    assert "remember me" in [message.payload.text for message in await again.list_messages()]
    assert await again.connect(credentials) == credentials
    await again.disconnect()

    unknown = await again.connect(Credentials("user_x", "no such key"))
    assert unknown.user_id not in ("user_x", credentials.user_id)
    await again.disconnect()

    mixed = Credentials(unknown.user_id, credentials.user_token)
    with pytest.raises(ValueError, match="another user"):
        await again.connect(mixed)
    assert again.user_id is None


@STREAMS
@run_in_pyodide
async def test_typing_ends_by_itself_and_with_the_next_message(selenium_either_client, helper_url, event_source):
    from in_browser import Events

    from webchat_py import Typing, get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.new_conversation()
        await events.next("message")

        await client.send_message("type shortly")
        assert await events.next("is_typing") == Typing(is_typing=True, timeout=0.2)
        assert await events.next("is_typing") == Typing(is_typing=False, timeout=0.0)

        await client.send_message("typing, answer")
        assert (await events.next("is_typing")).is_typing
        assert not (await events.next("is_typing")).is_typing
        assert (await events.next("message")).payload.text == "typed"

        await client.send_message("typing")
        assert (await events.next("is_typing")).is_typing
        await client.new_conversation()
        assert not (await events.next("is_typing")).is_typing
        await events.next("conversation")  # which would be behind, if only the greeting had ended it


@STREAMS
@run_in_pyodide
async def test_a_signal_without_a_name_of_its_own_reaches_the_star(selenium_either_client, helper_url, event_source):
    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.send_message("confetti")
        assert await events.next("confetti") == {"pieces": 3}


@run_in_pyodide
async def test_messages_arrive_in_the_order_of_the_calls(selenium_either_client, helper_url):
    import asyncio

    from webchat_py import get_client

    async with get_client("local", helper_url) as client:
        # Not even connected yet: everything waits for what it needs, in order.
        connecting = asyncio.ensure_future(client.connect())
        await asyncio.sleep(0)
        # The longer ones take longer to arrive: the short ones would overtake them, were they sent at once.
        words = [f"{number}" * (800_000 >> 2 * number) for number in range(8)]
        sent = await asyncio.gather(*(client.send_message(word) for word in words))
        credentials = await connecting
        assert [message.payload.text for message in sent] == words
        assert len({message.conversation_id for message in sent}) == 1
        listed = [m for m in await client.list_messages() if m.author_id == credentials.user_id]
        assert [message.payload.text for message in reversed(listed)] == words
