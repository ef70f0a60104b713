"""The original client, `@botpress/webchat` 2.2.2, as Python sees it. Loaded into Pyodide as the module `original`."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import js
from in_browser import Events, tell
from pyodide.code import run_js
from pyodide.ffi import JsProxy, create_proxy, to_js
from pyodide.http import pyfetch

from webchat_py import WebchatClient, get_client

CLIENT_ID = "interop"
WENT_WRONG = json.dumps({"id": "err_7f3a", "code": 500, "type": "Internal", "message": "It went wrong"})

# In a frame, with which everything ends that the original does not end by itself
OPEN = run_js("""
    async (source, clientId, apiUrl) => {
        const frame = document.body.appendChild(document.createElement("iframe"));
        const { getClient } = await frame.contentWindow.eval("(source) => import(source)")(source);
        return getClient({ clientId, apiUrl });
    }
""")
CALL = run_js("""
    (client, name, values) => client[name](...values).then(
        (value) => ({ value }),
        (reason) => ({ failed: true, reason }),
    )
""")


class Rejected(Exception):
    """A promise of the original's was rejected, with `reason`."""

    def __init__(self, reason: Any) -> None:
        super().__init__(getattr(reason, "message", None))
        self.reason = reason


class Original:
    """The original client, under Python's names: `new_conversation` is its `newConversation`. So are its events.

    A call begins at once, not when it is awaited. Values are plain ones of Python.
    """

    def __init__(self, client: JsProxy) -> None:
        self._client = client

    def on(self, event: str, handler: Callable[..., object]) -> None:
        def tell_all(event: Any) -> None:
            handler(_snake_case(event.type), _plain(event.payload))

        def tell_one(value: Any) -> None:
            handler(_plain(value))

        self._client.on(_camel_case(event), create_proxy(tell_all if event == "*" else tell_one))

    def __getattr__(self, name: str) -> Any:
        name = _camel_case(name)
        value = getattr(self._client, name)
        if not callable(value):
            return value
        return lambda *values: asyncio.ensure_future(_settled(CALL(self._client, name, to_js([*map(_to_js, values)]))))


async def open_both(original_url: str, our_url: str, connect: bool = True) -> tuple[Original, WebchatClient]:
    """A client of each kind; connected, unless told otherwise."""
    original = Original(await OPEN(js.originalSource, CLIENT_ID, original_url))
    ours = get_client(CLIENT_ID, our_url)
    if connect:
        await original.connect()
        await ours.connect()
    return original, ours


async def signal(client: Original | WebchatClient, type: str, data: dict[str, Any]) -> None:
    """Make the bot send a signal."""
    await client.send_event({"bot": "signal", "type": type, "data": data})


async def bot_says(proxy: str, key: str, conversation_id: str, *texts: str) -> None:
    """Make the bot speak unasked, whatever the clients are doing; return when the server has it all."""
    headers = {"content-type": "application/json", "x-user-key": key}
    for text in texts:
        payload = {"type": "custom", "data": {"bot": "say", "text": text}}
        body = json.dumps({"conversationId": conversation_id, "payload": payload})
        answer = await pyfetch(f"{proxy}/{CLIENT_ID}/events", method="POST", headers=headers, body=body)
        assert answer.ok, answer.status
        while text not in await stored_texts(proxy, key, conversation_id):
            pass


async def stored_texts(proxy: str, key: str, conversation_id: str) -> list[str]:
    """The texts of a conversation as the server has them, oldest first, all pages."""
    address = f"{proxy}/{CLIENT_ID}/conversations/{conversation_id}/messages"
    texts: list[str] = []
    token = ""
    while True:
        answer = await (
            await pyfetch(f"{address}?nextToken={token}" if token else address, headers={"x-user-key": key})
        ).json()
        texts += (message["payload"].get("text", "") for message in answer["messages"])
        token = answer["meta"].get("nextToken")
        if not token:
            return texts[::-1]


async def everything_is_here(client: Original | WebchatClient, events: Events) -> None:
    """Return when all that the server has sent so far is there: what it sends now comes behind it."""
    await signal(client, "custom", {"event": {"mark": len(events.seen)}})
    await events.next("custom_event", lambda event: event.get("mark") is not None)


async def open_streams_become(number: int, proxy: str) -> None:
    """Return when the proxy has so many open streams; a closed one it notices a little later."""
    async with asyncio.timeout(15):
        while await tell(proxy, "open-streams") != number:
            pass


async def refuse(proxy: str, route: str, times: int = 1, status: int = 500, body: str = WENT_WRONG) -> None:
    """Let the proxy answer the next requests of this route with an error."""
    await tell(proxy, "rule", route=route, times=times, status=status, body=body)


async def _settled(promise: Any) -> Any:
    outcome = await promise
    if hasattr(outcome, "failed"):
        raise Rejected(outcome.reason)
    return _plain(outcome.value)


def _to_js(value: Any) -> Any:
    if value is None or isinstance(value, JsProxy):
        return value
    return js.JSON.parse(json.dumps(value))  # to_js would make undefined of a None in it, which is left out of JSON


def _plain(value: Any) -> Any:
    """`value` as JSON would carry it; an error stays what it is."""
    if not isinstance(value, JsProxy) or hasattr(value, "stack"):
        return value
    return json.loads(js.JSON.stringify(value))


def _camel_case(name: str) -> str:
    return re.sub("_(.)", lambda match: match[1].upper(), name)


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)
