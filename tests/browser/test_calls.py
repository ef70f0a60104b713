"""Users, conversations, messages, feedback, participants, events: each call of the API against the real server."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

STREAMS = pytest.mark.parametrize("event_source", ["fetch", "native"])


@run_in_pyodide
async def test_the_user_and_what_is_kept_of_them(selenium_either_client, helper_url):
    from in_browser import error_of

    from webchat_py import Unauthorized, get_client

    client = get_client("local", helper_url)
    credentials = await client.connect(user_data={"plan": "gold"}, name="Ada", picture_url="http://x/ada.png")
    user = await client.get_user()
    assert (user.id, user.name, user.picture_url) == (credentials.user_id, "Ada", "http://x/ada.png")
    assert user.data == {"plan": "gold"}
    assert user.created_at is not None
    changed = await client.update_user({"plan": "platinum"})
    assert (changed.name, changed.data) == ("Ada", {"plan": "platinum"})
    assert (await client.update_user(name="Grace")).data == {"plan": "platinum"}
    assert isinstance(await error_of(client.update_user(["no dict"])), TypeError)
    await client.disconnect()

    await client.connect(credentials, user_data={"plan": "silver"})
    assert (await client.get_user()).data == {"plan": "silver"}
    assert (await client.get_user()).name == "Grace"
    await client.disconnect()
    await client.connect(credentials)
    assert (await client.get_user()).data == {"plan": "silver"}, "what is not given stays"

    await client.delete_user()
    assert client.user_id is None
    again = await client.connect(credentials)
    assert again.user_id != credentials.user_id
    assert not isinstance(again, Unauthorized)
    await client.disconnect()


@STREAMS
@run_in_pyodide
async def test_conversations(selenium_either_client, helper_url, event_source):
    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        assert await client.list_conversations() == []
        first = await client.new_conversation()
        await client.send_message("hello")
        await events.next("message", lambda message: message.text == "echo: hello")
        second = await client.new_conversation()
        await events.next("message")
        listed = {conversation.id: conversation for conversation in await client.list_conversations()}
        assert set(listed) == {first, second}
        assert listed[first].last_message.text == "echo: hello"
        assert await client.conversation_exists(first) is True
        assert await client.conversation_exists("conv_that_is_not") is False

        await client.delete_conversation(first)
        assert client.conversation_id == second
        assert await client.conversation_exists(first) is False
        await client.delete_conversation(second)
        assert client.conversation_id is None
        assert events.values("connection")[-1].state == "closed"
        assert await client.list_conversations() == []
        assert (await client.send_message("a new one")).conversation_id not in (first, second)


@run_in_pyodide
async def test_a_conversation_of_somebody_else_does_not_exist(selenium_client, helper_url):
    from in_browser import error_of

    from webchat_py import Forbidden, get_client

    async with get_client("local", helper_url) as owner, get_client("local", helper_url) as stranger:
        await owner.connect()
        await stranger.connect()
        conversation = await owner.new_conversation()
        assert await stranger.conversation_exists(conversation) is False
        assert isinstance(await error_of(stranger.switch_conversation(conversation)), Forbidden)


@STREAMS
@run_in_pyodide
async def test_messages_and_feedback(selenium_either_client, helper_url, event_source):
    from in_browser import Events, error_of

    from webchat_py import NotFound, Text, get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()

        async def feedback():
            return (await client.get_message(answer.id)).feedback

        sent = await client.send_message("hello", reply_to=None, metadata={"a": 1})
        answer = await events.next("message", lambda message: message.text == "echo: hello")
        assert (await client.get_message(sent.id)).text == "hello"

        edited = await client.update_message(sent.id, Text("goodbye"), metadata={"b": 2})
        assert (edited.text, edited.metadata) == ("goodbye", {"b": 2})
        updated = await events.next("message_updated")
        assert (updated.id, updated.text) == (sent.id, "goodbye")
        reply = await client.send_message("to you", reply_to=answer.id)
        assert reply.reply_to == answer.id

        await client.add_feedback(answer.id, "positive", "well said")
        assert await feedback() == {"value": "positive", "comment": "well said"}
        await client.add_feedback(answer.id, "negative")
        assert await feedback() == {"value": "negative"}
        await client.remove_feedback(answer.id)
        assert await feedback() is None
        assert isinstance(await error_of(client.add_feedback(answer.id, "great")), ValueError)

        await client.delete_message(sent.id)
        assert isinstance(await error_of(client.get_message(sent.id)), NotFound)
        assert isinstance(await error_of(client.get_event("no such event")), NotFound)


@STREAMS
@run_in_pyodide
async def test_events_in_both_directions(selenium_either_client, helper_url, event_source):
    import pytest
    from in_browser import Events

    from webchat_py import get_client

    async with get_client("local", helper_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.send_event({"action": "checkout", "items": [1, None]})
        assert await events.next("custom_event") == {"heard": {"action": "checkout", "items": [1, None]}}
        await client.send_message("config")
        assert await events.next("webchat_config") == {"botName": "Ada"}
        await client.send_message("visibility")
        assert await events.next("webchat_visibility") == "hide"
        with pytest.raises(TypeError, match="dict"):
            await client.send_event("no dict")
        with pytest.raises(TypeError, match="JSON"):
            await client.send_event({"when": object()})


@STREAMS
@run_in_pyodide
async def test_participants(selenium_either_client, helper_url, event_source):
    from in_browser import Events, error_of

    from webchat_py import ConversationGone, Forbidden, StateError, get_client

    async with (
        get_client("local", helper_url, event_source=event_source) as owner,
        get_client("local", helper_url, event_source=event_source) as guest,
    ):
        owner_events, guest_events = Events(owner), Events(guest)
        await owner.connect(name="Ada")
        guest_id = (await guest.connect(name="Bob")).user_id
        assert isinstance(await error_of(owner.list_participants()), StateError)
        conversation = await owner.new_conversation()
        added = await owner.add_participant(guest_id)
        assert (added.id, added.name) == (guest_id, "Bob")
        assert (await owner_events.next("participant_added")).name == "Bob"
        assert {user.name for user in await owner.list_participants()} == {"Ada", "Bob"}
        for person, name in ((guest_id, "Bob"), (owner.user_id, "Ada")):
            assert (await owner.get_participant(person)).name == name

        await guest.switch_conversation(conversation)
        await guest.send_message("hello from Bob")
        from_bob = await owner_events.next("message", lambda message: message.author_id == guest_id)
        assert from_bob.text == "hello from Bob"
        assert isinstance(await error_of(guest.remove_participant(owner.user_id)), Forbidden)

        await owner.remove_participant(guest_id)
        assert await owner_events.next("participant_removed") == guest_id
        closed = await guest_events.next("connection", lambda connection: connection.state == "closed")
        assert isinstance(closed.cause, ConversationGone)
        assert guest_events.values("error") == [closed.cause]
        assert guest.conversation_id == conversation, "no other one takes its place in silence"


@run_in_pyodide
async def test_headers_of_ones_own_are_sent_with_every_request(selenium_client, proxy_url):
    import pytest
    from in_browser import tell

    from webchat_py import get_client

    async with get_client("local", proxy_url, headers={"X-Tenant": "acme", "x-user-key": "stolen"}) as client:
        await client.connect()
        await client.send_message("hello")
        await client.list_messages()
    headers = await tell(proxy_url, "headers")
    assert len(headers) >= 6
    assert {sent.get("x-tenant") for sent in headers} == {"acme"}
    assert "stolen" not in [sent.get("x-user-key") for sent in headers[1:]], "the user's own key goes before"
    for wrong in [{"a b": "c"}, {"": "c"}, {"a": "ü"}, {"a": "b\r\nc: d"}, {"a": 7}, {7: "a"}]:
        with pytest.raises(ValueError, match="header"):
            get_client("local", proxy_url, headers=wrong)
