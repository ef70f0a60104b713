"""A chat through a real Pushpin, which is killed under it and started again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide import run_in_pyodide

from tests.browser.schedules import conversations, stored
from tests.browser.test_delivery import load_player
from tests.support.pushpin import Pushpin
from tests.support.server import WebchatServer
from tests.support.steering import Steering


@run_in_pyodide
async def _chat(selenium_client, url, behind, steering, event_source):
    import asyncio

    from in_browser import Events
    from player import call, command

    from webchat_py import NetworkError, get_client

    async with get_client("local", url, event_source=event_source) as client:
        events = Events(client)
        key = (await client.connect()).user_token
        conversation = await client.new_conversation()
        sends = []

        def send(text):
            sends.append(asyncio.ensure_future(client.send_message(text)))

        async def say(*texts):
            said = {"type": "custom", "data": {"say": texts, "every": 0}}
            await call(f"{behind}/local", key, "/events", {"conversationId": conversation, "payload": said})

        async def heard(text):
            await events.next("message", lambda message: message.text == text)

        send("before")
        await say("bot 0", "bot 1")
        await heard("bot 1")
        for turn in ("first", "second"):
            await command(steering, "kill")
            lost = await events.next("connection", lambda connection: connection.state == "reconnecting")
            assert isinstance(lost.cause, NetworkError)
            send(f"{turn} in between")
            await say(f"{turn} 0", f"{turn} 1", f"{turn} 2")
            send(f"{turn} at the end")
            await command(steering, "restart")
            connected = await events.next("connection")
            # What was sent meanwhile may have been answered before the history was read.
            assert connected.state == "connected"
            assert connected.recovered >= 3
            await heard(f"echo: {turn} at the end")
            await say(f"{turn} live")
            await heard(f"{turn} live")
        return {
            "ours": (client.user_id, conversation),
            "sends": [(message.id, message.text) for message in await asyncio.gather(*sends)],
            "message": [(message.id, message.text) for message in events.values("message")],
            "own": [message.text for message in events.values("own_message")],
            "conversations": events.values("conversation"),
            "errors": [repr(error) for error in events.values("error")],
        }


@pytest.mark.parametrize("event_source", ["fetch", "native"])
def test_a_pushpin_that_is_killed_costs_nothing(selenium_client: Any, tmp_path: Path, event_source: str) -> None:
    load_player(selenium_client)
    arguments = ["--bot", "tests.browser.speaker:answer", "--ping-interval", "1"]
    with (
        Pushpin() as pushpin,
        WebchatServer(tmp_path, *arguments, "--grip-control", pushpin.control_url) as server,
        Steering(kill=pushpin.kill, restart=pushpin.restart) as steering,
    ):
        pushpin.start(server)
        told = _chat(selenium_client, pushpin.url, server.url, steering.url, event_source)
    user, conversation = told["ours"]
    messages = stored(tmp_path)
    assert told["sends"] == [(message.id, message.text) for message in messages if message.author_id == user]
    assert told["message"] == [(message.id, message.text) for message in messages if message.author_id != user]
    assert len(told["sends"]) == 5
    assert len(told["message"]) == 15
    assert told["own"] == []
    assert told["conversations"] == conversations(tmp_path) == [conversation]
    assert told["errors"] == []
