"""What the client may cost, counted: modules, requests, timers. Times are for `./build.sh bench`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from pytest_pyodide import run_in_pyodide

from tests.support.proxy import FaultyProxy

WHEEL = 120_000
"""Bytes. A third of them are docstrings and comments, which help() and tracebacks show in a notebook."""
SLOW_TO_IMPORT = {"email", "http", "mimetypes", "random", "urllib.parse", "uuid"}
LOADED_WHEN_USED = {
    "webchat_py.blocking",
    "webchat_py.browser.upload",
    "webchat_py.browser.websocket",
    "webchat_py.messaging",
    "webchat_py.widget",
    "webchat_py.wire.blocks",
    "webchat_py.wire.display",
    "webchat_py.wire.messaging",
}
IMPORT_ALONE = """
const { loadPyodide } = await import("./pyodide.mjs");
const python = await loadPyodide({ packages: [new URL(WHEEL, location.href).href] });
return python.runPython(`
    import json, sys
    known = set(sys.modules)
    def new():
        fresh = sorted(set(sys.modules) - known)
        known.update(fresh)
        return fresh
    import webchat_py
    imported = new()
    import pyodide.http
    pyfetch = new()
    webchat_py.get_client("budget", "http://127.0.0.1:1")
    json.dumps([imported, pyfetch, new()])
`);
"""


def test_the_wheel_does_not_grow_unnoticed(wheel: Path) -> None:
    assert wheel.stat().st_size <= WHEEL


def test_the_import_loads_what_is_always_needed(selenium_client: Any, wheel: Path) -> None:
    imported, pyfetch, first_client = map(
        set, json.loads(selenium_client.run_js(IMPORT_ALONE.replace("WHEEL", json.dumps(wheel.name))))
    )
    assert "webchat_py.client" in imported
    assert "webchat_py.browser.fetch" in first_client
    for loaded in (imported, first_client):
        assert loaded & (SLOW_TO_IMPORT | LOADED_WHEN_USED) == set()
        assert not {name for name in loaded if name.startswith("pyodide_http")}
    assert "urllib.parse" in pyfetch, "pyfetch does not load it any more: mend the README's words on it"


def test_the_wheel_requires_nothing(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        (metadata,) = [archive.read(name).decode() for name in archive.namelist() if name.endswith("/METADATA")]
    required = [line for line in metadata.splitlines() if line.startswith("Requires-Dist")]
    assert all("extra ==" in line for line in required)
    assert len(required) == 1, "sync-http"


@run_in_pyodide
async def _connect(selenium, url, way):
    from webchat_py import get_client

    client = get_client("budget", url)
    if way == "start":
        await client.start()
    else:
        await client.connect()
        await client.new_conversation()
    await client.send_message("hi")  # by then the bot is told, or about to be
    await client.disconnect()


@pytest.mark.parametrize(
    ("way", "needed"),
    [("connect", ["users", "conversations", "listen", "events"]), ("start", ["initialize", "events"])],
)
def test_no_more_requests_than_the_original_needs_to_be_connected(
    selenium_client: Any, helper_url: str, way: str, needed: list[str]
) -> None:
    with FaultyProxy(helper_url) as proxy:
        _connect(selenium_client, proxy.url, way)
        requests = [request.rpartition("/")[2] for request in proxy.requests if not request.startswith("OPTIONS")]
        assert sorted(requests) == sorted([*needed, "messages"])


@pytest.mark.parametrize("event_source", ["fetch", "native"])
@run_in_pyodide
async def test_messages_need_no_timer(selenium_client, helper_url, event_source):
    import json

    import js
    from in_browser import Events
    from pyodide.code import run_js
    from pyodide.http import pyfetch

    from webchat_py import get_client

    async with get_client("budget", helper_url, event_source=event_source) as client:
        events = Events(client)
        credentials = await client.connect()
        await client.new_conversation()
        run_js("""
            const { setTimeout } = self;
            self.counted = { timers: 0, end: () => { self.setTimeout = setTimeout; } };
            self.setTimeout = (callback, delay, ...rest) => {
                if (delay) counted.timers += 1;  // without a delay it is the event loop's own
                return setTimeout(callback, delay, ...rest);
            };
        """)
        try:
            for number in range(30):
                body = {
                    "conversationId": client.conversation_id,
                    "payload": {"type": "text", "text": f"number {number}"},
                }
                headers = {"content-type": "application/json", "x-user-key": credentials.user_token}
                url = f"{helper_url}/budget/messages"
                assert (await pyfetch(url, method="POST", headers=headers, body=json.dumps(body))).ok
            await events.next("message", lambda message: message.text == "echo: number 29")
        finally:
            js.counted.end()
        assert len(events.values("message")) >= 30
        assert js.counted.timers <= 3, "one for the silence of the stream, one of this test, one of the loop"


@run_in_pyodide
async def test_a_chunk_of_the_stream_is_awaited_once(selenium_client, helper_url):
    import js
    from in_browser import Events
    from pyodide.code import run_js

    from webchat_py import get_client

    async with get_client("budget", helper_url, event_source="fetch") as client:
        events = Events(client)
        credentials = await client.connect()
        await client.new_conversation()
        await events.next("message")
        # What JavaScript awaits itself is not counted.
        post = run_js("""
            const { prototype } = ReadableStreamDefaultReader, { read } = prototype, { then } = Promise.prototype;
            self.counted = { reads: 0, awaited: 0, end: () => {
                prototype.read = read;
                Promise.prototype.then = then;
            } };
            prototype.read = function () { counted.reads += 1; return read.call(this); };
            Promise.prototype.then = function (...both) { counted.awaited += 1; return then.apply(this, both); };
            async (url, key, conversationId) => {
                for (let number = 0; number < 30; number++) {
                    const payload = { type: "text", text: `number ${number}` };
                    await fetch(url, { method: "POST", body: JSON.stringify({ conversationId, payload }),
                        headers: { "content-type": "application/json", "x-user-key": key } });
                }
            }
        """)
        try:
            await post(f"{helper_url}/budget/messages", credentials.user_token, client.conversation_id)
            await events.next("message", lambda message: message.text == "echo: number 29")
        finally:
            js.counted.end()
        assert js.counted.reads >= 10, "the messages did not come in chunks of their own"
        assert js.counted.awaited <= js.counted.reads + 3
