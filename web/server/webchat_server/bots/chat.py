"""What a bot holds while it answers one message or event."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from .. import validation
from ..payloads import message_payload

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class User:
    """Who wrote. `data` is what the page told about them (`userData`)."""

    id: str
    name: str | None = None
    picture_url: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Event:
    """What is no message: `type` is `conversation_started`, `custom`, or a newer one; `data` is what it carries.

    Newer clients say `conversation_started` whenever they connect; `data["status"]["isInitial"]` is true only once.
    """

    type: str
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """One message or event of a user, as the bot gets it. `server_url` is the address the user called."""

    client_id: str
    conversation_id: str
    user: User
    server_url: str
    message: dict[str, Any] | None = None
    event: Event | None = None

    @property
    def payload(self) -> dict[str, Any] | None:
        return self.message["payload"] if self.message else None


class Outlet(Protocol):
    """Where a bot's words go. Called in the server's event loop."""

    async def post(self, conversation_id: str, payload: dict[str, Any]) -> dict[str, Any]: ...

    async def signal(self, conversation_id: str, type: str, data: dict[str, Any]) -> None: ...


class Chat:
    """One message or event of a user, and the means to answer it.

    Attributes: `user`; `text` (of a text message, else None); `payload` (of a message of any type, else None);
    `event` (else None); `client_id` (by which the page asked for a bot); `conversation_id`.
    """

    def __init__(self, heard: Heard, outlet: Outlet, server_loop: asyncio.AbstractEventLoop) -> None:
        self.user = heard.user
        self.payload = heard.payload
        self.text: str | None = (heard.payload or {}).get("text") if _is_text(heard.payload) else None
        self.event = heard.event
        self.client_id = heard.client_id
        self.conversation_id = heard.conversation_id
        self._server_url = heard.server_url
        self._outlet = outlet
        self._server_loop = server_loop
        self._ended = False

    async def send(self, message: str | Mapping[str, Any]) -> dict[str, Any]:
        """Say something: text, or a payload such as `{"type": "image", "imageUrl": ...}`. Returns the stored message.

        Raises `TypeError` for what is neither, and `InvalidPayload`, which names the field, for a payload that clients
        would not understand.
        """
        if not isinstance(message, str | Mapping):
            raise TypeError(f"a bot sends a text, or a payload as a dict with a type, and no {type(message).__name__}")
        payload = _json_object({"type": "text", "text": message} if isinstance(message, str) else message)
        message_payload(payload, "payload")
        return await self._in_server(self._outlet.post(self.conversation_id, payload))

    async def typing(self, seconds: float = 5) -> None:
        """Show that the bot is typing, until its next message or for so many seconds; 0 ends it. Does not wait."""
        if seconds > 0:
            await self.signal("typing_started", {"timeout": round(seconds * 1000)})
        else:
            await self.signal("typing_stopped", {})

    async def custom_event(self, event: Mapping[str, Any]) -> None:
        """Send the page an event of your own making."""
        await self.signal("custom", {"event": event})

    async def visibility(self, visibility: Literal["show", "hide", "toggle"]) -> None:
        """Ask the page to show or hide the chat."""
        await self.signal("webchat_visibility", {"visibility": visibility})

    async def config(self, config: Mapping[str, Any]) -> None:
        """Ask the page to change the chat's settings, such as `{"botName": "Ada"}`."""
        await self.signal("webchat_config", {"config": config})

    async def signal(self, type: str, data: Mapping[str, Any]) -> None:
        """Send any signal to those who listen now. Signals, unlike messages, are not stored."""
        await self._in_server(self._outlet.signal(self.conversation_id, type, _json_object(data)))

    def url(self, path: str) -> str:
        """The absolute address, as the user sees this server, of something that it serves."""
        return f"{self._server_url}/{path.lstrip('/')}"

    def end(self) -> None:
        """Let nothing more be said: the server has given up on this run of the bot."""
        self._ended = True

    async def _in_server(self, action: Coroutine[Any, Any, T]) -> T:
        # Bots have an event loop of their own, so that one that blocks it does not block the server
        if self._ended:
            action.close()
            raise RuntimeError("the bot took too long, and its turn is over")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(action, self._server_loop))


Bot = Callable[[Chat], Awaitable[None]]


def _is_text(payload: dict[str, Any] | None) -> bool:
    return payload is not None and payload.get("type") == "text"


def _json_object(value: Mapping[str, Any]) -> dict[str, Any]:
    return validation.parse(json.dumps(dict(value)).encode())
