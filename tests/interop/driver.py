"""Plays a scenario on webchat_py, and tells what was seen in the neutral form that driver.js uses too.

Loaded into Pyodide as the module `driver`. A step is `{"do": …}`, see the methods that are named after them. A text
"$name.member" in it stands for what an earlier step saved with `as`.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from functools import reduce
from typing import Any

import js
from pyodide.ffi import to_js
from pyodide.http import pyfetch

from webchat_py import (
    ApiError,
    Audio,
    Connection,
    Credentials,
    File,
    Image,
    Message,
    NetworkError,
    RequestTimeout,
    SentFile,
    StateError,
    StreamError,
    Text,
    Typing,
    UploadError,
    User,
    Video,
    get_client,
)

PATIENCE = 10.0  # seconds
OTHERS = ("proxy", "delete_conversation")


class Stuck(BaseException):
    """The scenario cannot go on."""


async def run(scenario: str, api_url: str) -> str:
    told = json.loads(scenario)
    player = Player(api_url, told.get("options", {}))
    try:
        for step in told["steps"]:
            await player.perform(step)
        return json.dumps({"results": player.results, "events": player.events, "unordered": player.unordered})
    finally:
        for client in player.clients:
            await client.disconnect()


class Player:
    def __init__(self, api_url: str, options: dict[str, Any]) -> None:
        self.api_url = api_url
        names = {"apiUrl": "api_url", "mode": "mode"}
        given = {names[name]: value for name, value in options.items()}
        self.options = {"client_id": "interop", "api_url": api_url, **given}
        self.results: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.unordered: list[dict[str, Any]] = []
        self.saved: dict[str, Any] = {}
        self.taken: set[int] = set()
        self.more = asyncio.Event()
        self.removers: dict[str, Any] = {}
        self.keys: list[str] = []
        self.clients: list[Any] = []
        self.open_client()

    def open_client(self) -> None:
        self.client: Any = get_client(**self.options)
        self.clients.append(self.client)
        self.client.on("*", self.note)

    def note(self, name: str, value: Any, handler: str | None = None) -> None:
        event = {"event": name, "value": self.neutral(value)}
        if name == "message_sent":
            event["value"] = content(value)
        if name == "message_status":
            event["value"] = {"status": value.status, "clientId": value.client_id, "message": event["value"]}
        if name == "conversation":
            event["current"] = self.client.conversation_id
        if handler is not None:
            event["handler"] = handler
        self.events.append(event)
        self.more.set()

    async def perform(self, step: dict[str, Any]) -> None:
        outcome = await self.outcome(step)
        state = {"userId": self.client.user_id, "conversationId": self.client.conversation_id}
        # What is done to others reaches the client later, at no certain time
        self.results.append(outcome if step["do"] in OTHERS else {**outcome, **state})

    async def outcome(self, step: dict[str, Any]) -> dict[str, Any]:
        given = {name: value for name, value in self.filled_in(step).items() if name not in ("do", "as")}
        try:
            value = self.neutral(await getattr(self, f"do_{step['do']}")(**given))
        except Exception as error:  # noqa: BLE001 - whichever it is, it is told
            return {"do": step["do"], "error": self.neutral(error)}
        if "as" in step:
            self.saved[step["as"]] = value
        return {"do": step["do"], "value": value}

    def filled_in(self, value: Any) -> Any:
        match value:
            case str() if value.startswith("$"):
                return reduce(lambda saved, name: saved[name], value[1:].split("."), self.saved)
            case dict():
                return {name: self.filled_in(item) for name, item in value.items()}
            case list():
                return [self.filled_in(item) for item in value]
        return value

    def neutral(self, value: Any) -> Any:
        match value:
            case Exception():
                told = neutral_error(value)
                shown = f"{value!r} {value} {vars(value)}"
                return {**told, "holdsTheKey": True} if any(key in shown for key in self.keys) else told
            case Message():
                return {
                    "id": value.id,
                    "conversationId": value.conversation_id,
                    "authorId": value.author_id,
                    "sentOn": time(value.sent_on),
                    "block": value.block,
                    "disableInput": value.disable_input,
                }
            case User():
                told = {
                    "id": value.id,
                    "name": value.name,
                    "pictureUrl": value.picture_url,
                    "data": value.data,
                    "attributes": value.attributes,
                    "createdAt": time(value.created_at),
                    "updatedAt": time(value.updated_at),
                }
                return {name: item for name, item in told.items() if item is not None}
            case Credentials(user_id, user_token):
                return {"userId": user_id, "userToken": user_token}
            case Typing(is_typing, timeout):
                return {"isTyping": is_typing, "timeout": round(timeout * 1000)}
            case Connection(state):
                return state
            case SentFile(url, name, type, message):
                return {"fileUrl": url, "name": name, "type": type, "message": self.neutral(message)}
            case list():
                return [self.neutral(item) for item in value]
        return value

    async def tell_proxy(self, command: str, argument: dict[str, Any]) -> Any:
        try:
            answer = await pyfetch(f"{self.api_url}/-/{command}", method="POST", body=json.dumps(argument))
        except OSError as error:
            raise Stuck(f"the proxy did not take {command}: {error}") from None
        return json.loads(await answer.text())

    # The steps

    async def do_connect(self, credentials: dict[str, str] | None = None, data: dict[str, Any] | None = None) -> Any:
        given = credentials and Credentials(credentials["userId"], credentials["userToken"])
        answer = await self.client.connect(given, data)
        self.keys.append(answer.user_token)
        return answer

    async def do_disconnect(self) -> None:
        await self.client.disconnect()

    async def do_get_user(self) -> Any:
        return await self.client.get_user()

    async def do_update_user(self, data: dict[str, Any]) -> Any:
        return await self.client.update_user(data)

    async def do_send(self, text: str) -> Any:
        return await self.client.send_message(text)

    async def do_send_file(self, name: str, content: str, type: str = "") -> Any:
        options = to_js({"type": type}, dict_converter=js.Object.fromEntries)
        return await self.client.send_file(js.File.new(to_js([content]), name, options))

    async def do_send_event(self, data: dict[str, Any]) -> None:
        await self.client.send_event(data)

    async def do_new_conversation(self) -> Any:
        return await self.client.new_conversation()

    async def do_switch(self, conversation: str) -> None:
        await self.client.switch_conversation(conversation)

    async def do_exists(self, conversation: str) -> Any:
        return await self.client.conversation_exists(conversation)

    async def do_list(self) -> Any:
        return await self.client.list_messages()

    async def do_properties(self) -> dict[str, Any]:
        client = self.client
        return {
            "mode": client.mode,
            "clientId": client.client_id,
            "apiUrl": client.api_url,
            "userId": client.user_id,
            "conversationId": client.conversation_id,
        }

    async def do_new_client(self) -> None:
        """Another client of the same bot; the one before it goes on."""
        self.open_client()

    async def do_wait(self, event: str, fits: Any = None) -> None:
        """Wait for the next event of this name whose value has at least the members of `fits`."""
        try:
            async with asyncio.timeout(PATIENCE):
                while not self.take(event, fits):
                    self.more.clear()
                    await self.more.wait()
        except TimeoutError:
            raise Stuck(f"no {event} came, but {self.events}") from None

    def take(self, wanted: str, fits: Any) -> bool:
        for index, event in enumerate(self.events):
            if event["event"] == wanted and index not in self.taken and contains(event["value"], fits):
                self.taken.add(index)
                return True
        return False

    async def do_lose_stream(self, hard: bool = False) -> None:
        """End the stream, and wait until the client has noticed."""
        self.pass_over()
        await self.tell_proxy("end-streams", {"hard": hard})
        await self.do_wait("connection", "reconnecting")

    async def do_regain_stream(self) -> None:
        """Wait until the client has opened it again by itself."""
        await self.do_wait("connection", "connected")

    def pass_over(self) -> None:
        """Wait for none of the events so far."""
        self.taken.update(range(len(self.events)))

    async def do_bot_says(self, text: str, conversation: str) -> None:
        """Make the bot speak, whatever the client is doing."""
        payload = {"type": "custom", "data": {"bot": "say", "text": text}}
        await self.ask_server("POST", "/events", {"conversationId": conversation, "payload": payload})

    async def do_delete_conversation(self, conversation: str) -> None:
        """Delete it as another device of the user would."""
        await self.ask_server("DELETE", f"/conversations/{conversation}")

    async def ask_server(self, method: str, path: str, body: Any = None) -> None:
        headers = {"content-type": "application/json", "x-user-key": self.keys[-1]}
        more = {} if body is None else {"body": json.dumps(body)}
        await pyfetch(f"{self.api_url}/{self.options['client_id']}{path}", method=method, headers=headers, **more)

    async def do_on(self, event: str, handler: str, raises: bool = False) -> None:
        """Register a handler, which notes what it hears under its name, and raises if it is told to."""

        def hear(value: Any) -> None:
            self.note(event, value, handler)
            if raises:
                raise IndexError("a handler failed")

        self.removers[handler] = self.client.on(event, hear)
        self.client.on(event, hear)

    async def do_off(self, handler: str) -> None:
        """Remove it, twice."""
        self.removers[handler]()
        self.removers[handler]()

    async def do_proxy(self, command: str, **argument: Any) -> None:
        await self.tell_proxy(command, argument)

    async def do_together(self, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Start several steps at once. The order of their requests and events among each other is left open."""
        requests = [len(await self.tell_proxy("requests", {}))]
        events = [len(self.events)]
        outcomes = await asyncio.gather(*map(self.outcome, steps))
        events.append(len(self.events))
        requests.append(len(await self.tell_proxy("requests", {})))
        self.unordered.append({"requests": requests, "events": events})
        return outcomes


def content(message: Message) -> Any:
    """What the original tells of a message that was sent: its text, or the address of its file."""
    match message.payload:
        case Text(value) | Image(value) | Audio(value) | Video(value) | File(value):
            return value
    return message.text


def neutral_error(error: Exception) -> dict[str, Any]:
    match error:
        case ApiError():
            return {"kind": "api", "type": error.type, "code": error.code, "message": error.message}
        case UploadError():
            return {"kind": "upload", "status": error.status}
        case StateError():
            return {"kind": "state"}
        case RequestTimeout():
            return {"kind": "timeout"}
        case NetworkError():
            return {"kind": "network"}
        case StreamError():
            return {"kind": "stream", "message": str(error)}
    return {"kind": type(error).__name__, "message": str(error)}


def time(value: datetime | None) -> str | None:
    if value is None:
        return None
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def contains(value: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(value, dict) and all(contains(value.get(name), wanted) for name, wanted in part.items())
    return part is None or value == part
