"""A server, or a proxy before it, that holds back a stream until there is something in it.

Firefox tells of a stream only when its first byte comes, whatever the server does; so there each server is like that.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_pyodide import run_in_pyodide

from tests.support.files import FileServer
from tests.support.server import WebchatServer

pytestmark = pytest.mark.every_browser

PEERS = Path(__file__).resolve().parents[2] / "build" / "peers"


@pytest.fixture(scope="module")
def held_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose streams show nothing, not even their headers, before the first ping or signal."""
    holding = ("--faults", "hold-first-byte", "--ping-interval", "4")
    with WebchatServer(tmp_path_factory.mktemp("data"), "--bot", "tests.support.bots:answer", *holding) as server:
        yield server.url


@pytest.fixture(scope="module")
def original_url() -> Iterator[str]:
    """The URL of the original client's module."""
    with FileServer(PEERS) as server:
        yield f"{server.url}/webchat-2.2.2.mjs"


@pytest.mark.parametrize("event_source", ["fetch", "native"])
@run_in_pyodide
async def test_the_first_answer_comes_while_the_original_waits_for_a_ping(
    selenium_client, held_url, original_url, event_source
):
    import asyncio

    from in_browser import Events
    from pyodide.code import run_js
    from pyodide.ffi import create_proxy

    from webchat_py import get_client

    answered = asyncio.Event()
    hear = create_proxy(lambda text: answered.set() if text == "echo: hello" else None)
    original = run_js("""async (module, apiUrl, hear) => {
        const { getClient } = await import(module);
        const client = getClient({ clientId: "local", apiUrl });
        client.on("message", ({ payload }) => hear((payload.block ?? payload).text));
        await client.connect();
        client.sendMessage("hello");
        return client;
    }""")
    theirs = await original(original_url, held_url, hear)
    async with get_client("local", held_url, event_source=event_source) as client:
        events = Events(client)
        await client.connect()
        await client.send_message("hello")
        await events.next("message", lambda message: message.text == "echo: hello")
        assert not answered.is_set(), "it began first, and waits for the first ping, four seconds after"
    await answered.wait()
    await theirs.disconnect()
    hear.destroy()
