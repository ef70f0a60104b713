"""Mode "messaging": the same client on a Messaging server, over a real WebSocket."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

pytestmark = pytest.mark.every_browser


@run_in_pyodide
async def test_a_chat(selenium_either_client, helper_url):
    from in_browser import Events

    from webchat_py import Text, get_client

    client = get_client("local", helper_url, "messaging")
    events = Events(client)
    assert (client.mode, client.user_id, client.conversation_id) == ("messaging", None, None)
    credentials = await client.connect()
    assert credentials.user_id == client.user_id
    assert client.conversation_id is None
    assert await client.new_conversation() == client.conversation_id
    assert await events.next("conversation") == client.conversation_id
    assert (await events.next("message")).text == "welcome"
    message = await client.send_message("hello")
    assert (message.payload, message.author_id, message.status) == (Text("hello"), client.user_id, "sent")
    assert (await events.next("message")).text == "echo: hello"
    assert [one.text for one in await client.list_messages()] == ["echo: hello", "hello", "welcome"]
    assert [one.status for one in events.values("message_status")] == ["pending", "sent"]
    assert [one.state for one in events.values("connection")] == ["connecting", "connected"]
    await client.disconnect()
    assert events.names()[-1] == "connection"
