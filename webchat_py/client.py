"""`get_client` and the client that it returns."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable
from types import TracebackType
from typing import Any, Literal, Protocol

from .channel import Channel
from .emitter import Emitter, log
from .operations import Operation, Operations
from .wire.errors import ServerError, StateError, WebchatError
from .wire.ledger import Ledger
from .wire.models import Connection, ConnectionState, Credentials, Message, Typing
from .wire.payloads import Payload, Text, payload_to_wire
from .wire.rest import Page
from .wire.signals import MessageCreated, Signal, TypingChanged

DEFAULT_API_URL = "https://webchat.botpress.cloud"
_ABSOLUTE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_MAX_TIMEOUT = 2_147_483
"""Seconds; browsers keep the milliseconds of a timer in 32 bits and fire at once beyond that."""


class Backend(Protocol):
    """What the client needs of a mode. `pushpin.PushpinBackend` is one."""

    async def log_in(self, credentials: Credentials | None) -> Credentials: ...
    def log_out(self) -> None: ...
    async def create_conversation(self) -> str: ...
    async def start_conversation(self, conversation_id: str) -> None: ...
    async def create_message(
        self, conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None
    ) -> Message: ...
    async def list_messages(self, conversation_id: str, next_token: str | None) -> Page: ...
    async def listen(
        self, conversation_id: str, on_open: Callable[[], None], on_signal: Callable[[Signal], None]
    ) -> None: ...


def get_client(
    client_id: str,
    api_url: str = DEFAULT_API_URL,
    mode: Literal["pushpin"] = "pushpin",
    *,
    event_source: Literal["auto", "native", "fetch"] = "auto",
    timeout: float = 60.0,
) -> WebchatClient:
    """Make a client for one bot. Nothing is sent before `connect`.

    Args:
        client_id: names the bot. In the Botpress Workspace: the bot's Webchat tab, Advanced Settings.
        api_url: absolute address of the Webchat API.
        mode: `"pushpin"`, the hosted service's.
        event_source: how events are received. `"native"` is the browser's `EventSource`, which has to put the
            user key into the URL; `"fetch"` sends it as a header; `"auto"` is native where the API is on the
            page's own origin, and fetch elsewhere or where the server refuses native.
        timeout: seconds for each request.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument cannot be used; the message says why.
        RuntimeError: this is no browser.
    """
    _check_options(client_id, api_url, mode, event_source, timeout)
    try:
        from .browser.transport import BrowserTransport
    except ModuleNotFoundError as error:
        raise RuntimeError(f"webchat_py runs inside a browser, on Pyodide; there is no {error.name!r} here") from None
    from .pushpin import PushpinBackend
    from .wire.rest import quote

    api_url = api_url.rstrip("/")
    transport = BrowserTransport(f"{api_url}/{quote(client_id)}")
    backend = PushpinBackend(transport, event_source, timeout)
    return WebchatClient(client_id, api_url, mode, backend)


def _check_options(client_id: str, api_url: str, mode: str, event_source: str, timeout: float) -> None:
    for name, value in (("client_id", client_id), ("api_url", api_url)):
        if not isinstance(value, str):
            raise TypeError(f"{name} is a str, not {type(value).__name__}")
    if not client_id.strip():
        raise ValueError("client_id is empty. Copy it from the bot's Webchat tab, Advanced Settings")
    if not _ABSOLUTE_URL.fullmatch(api_url):
        raise ValueError(f"api_url is an absolute address such as {DEFAULT_API_URL!r}, not {api_url!r}")
    if mode != "pushpin":
        raise ValueError(f"mode is 'pushpin', not {mode!r}")
    if event_source not in ("auto", "native", "fetch"):
        raise ValueError(f"event_source is 'auto', 'native' or 'fetch', not {event_source!r}")
    if not 0 < timeout <= _MAX_TIMEOUT:
        raise ValueError(f"timeout is in seconds, above 0 and at most {_MAX_TIMEOUT}, not {timeout!r}")


class WebchatClient:
    """One user's side of the conversations with one bot. Made by `get_client`.

    While it is connected there is always an answer to "which conversation": sends wait for one that is being
    opened, changes of the conversation happen one after the other, and one that fails leaves the old
    conversation working.

    `on`, `once` and `off` register handlers, see `emitter.Emitter`. The events and their values:

        conversation    str: the id of what is now the current conversation
        message         Message: by somebody else, in the current conversation
        message_sent    Message: by this client; the server has it
        is_typing       Typing: ends by itself after its timeout, or with the next message
        connection      Connection: the state of the event stream
        error           Exception: went wrong outside of any call: a lost stream, a handler that raised
        *               every event, its name first; also signals without a name of their own
    """

    def __init__(self, client_id: str, api_url: str, mode: str, backend: Backend) -> None:
        self.client_id = client_id
        self.api_url = api_url
        self.mode = mode
        self._backend = backend
        self._events = Emitter()
        self.on = self._events.on
        self.once = self._events.once
        self.off = self._events.off
        self._operations = Operations()
        self._connecting: Operation[Credentials] | None = None
        self._credentials: Credentials | None = None
        self._channel: Channel | None = None
        self._changing = asyncio.Lock()
        self._sending = asyncio.Lock()
        self._unannounced = False
        self._ledger = Ledger()
        self._connection = Connection("closed")
        self._typing_ends: asyncio.Handle | None = None

    def __repr__(self) -> str:
        return f"<WebchatClient {self.client_id!r} {self._connection.state} at {self.api_url!r}>"

    async def __aenter__(self) -> WebchatClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    @property
    def user_id(self) -> str | None:
        """The id of the user, `None` before `connect` and after `disconnect`."""
        return self._credentials.user_id if self._credentials else None

    @property
    def conversation_id(self) -> str | None:
        """The id of the current conversation, `None` where there is none. A lost stream does not change it."""
        return self._channel.conversation_id if self._channel else None

    async def connect(self, credentials: Credentials | None = None) -> Credentials:
        """Say who one is. Opens no conversation: the first message does, or `new_conversation`.

        Args:
            credentials: those of an earlier `connect`, to be the same user again; without, a new user is made.

        Returns:
            The credentials to come back with. They are a new user's where the server did not know the given
            ones: compare `user_id`.

        Raises:
            StateError: the client is connected, or connecting, as somebody else.
            ValueError: the credentials hold the id of one user and the key of another.
            ApiError, NetworkError: the client stays disconnected and can be connected again.
        """
        if not isinstance(credentials, Credentials | None):
            raise TypeError(f"credentials are a Credentials(user_id, user_token), not {type(credentials).__name__}")
        if self._credentials is not None:
            if credentials is not None and credentials.user_id == self._credentials.user_id:
                return self._credentials
            raise StateError("The client is already connected. Call disconnect() first")
        if self._connecting is None or self._connecting.task.done():
            self._connecting = self._operations.start(self._log_in(credentials))
        elif credentials is not None:
            raise StateError("The client is connecting already. Await that call, or call disconnect() first")
        return await self._connecting.result()

    async def disconnect(self) -> None:
        """Close the stream and forget the user. Calls under way end with `StateError`. Never raises."""
        await self._operations.cancel()
        channel, self._channel = self._channel, None
        self._credentials = None
        self._unannounced = False
        self._backend.log_out()
        self._end_typing()
        if channel is not None:
            await channel.close()
        self._set_connection("closed")

    async def send_message(
        self,
        text_or_payload: str | Payload,
        metadata: dict[str, Any] | None = None,
        reply_to: str | None = None,
    ) -> Message:
        """Send a message to the current conversation; without one, a new conversation is opened first.

        Messages arrive in the order of the calls.

        Args:
            text_or_payload: the text, or a payload such as `Choice(...)`.
            metadata: kept by the server with the message. JSON values only.
            reply_to: the id of the message that this one answers.

        Returns:
            The message as the server has it.

        Raises:
            TypeError, ValueError: it cannot be sent; nothing was.
            StateError: the client is not connected.
            ApiError: the server refused it.
            NetworkError: no answer. It may have arrived all the same; the message's `client_id` in
                `list_messages` tells.
        """
        payload = _as_payload(text_or_payload)
        if not isinstance(metadata, dict | None):
            raise TypeError(f"metadata is a dict, not {type(metadata).__name__}")
        metadata = {"clientMessageId": os.urandom(16).hex(), **(metadata or {})}
        return await self._operations.run(self._send(payload, metadata, reply_to))

    async def new_conversation(self) -> str:
        """Open a new conversation, make it the current one and tell the bot.

        Returns:
            Its id.

        Raises:
            StateError: the client is not connected.
            ApiError, NetworkError, StreamError: the conversation from before, if any, still is the current one.
        """
        return await self._operations.run(self._new_conversation())

    async def switch_conversation(self, conversation_id: str) -> None:
        """Make another conversation of this user the current one. If its stream was lost, it is opened again.

        Raises:
            TypeError, ValueError: this is no id.
            StateError: the client is not connected.
            NotFound, Forbidden: there is no such conversation, or it is not this user's.
            ApiError, NetworkError, StreamError: as above, the conversation from before still is the current one.
        """
        if not isinstance(conversation_id, str):
            raise TypeError(f"A conversation's id is a str, not {type(conversation_id).__name__}")
        if not conversation_id:
            raise ValueError("The conversation's id is empty")
        await self._operations.run(self._switch_conversation(conversation_id))

    async def list_messages(self, limit: int | None = None, after: str | None = None) -> list[Message]:
        """The messages of the current conversation, newest first; `[]` where there is no conversation.

        Args:
            limit: return at most so many.
            after: the id of a message: return only those that are newer.

        Raises:
            ValueError: `limit` is below 1.
            StateError: the client is not connected.
            ApiError, NetworkError: there was no list to be had.
        """
        if limit is not None and limit < 1:
            raise ValueError(f"limit is at least 1, not {limit!r}")
        return await self._operations.run(self._list_messages(limit, after))

    async def _log_in(self, credentials: Credentials | None) -> Credentials:
        self._credentials = await self._backend.log_in(credentials)
        return self._credentials

    async def _require_user(self) -> None:
        if self._credentials is None and self._connecting is not None and not self._connecting.task.done():
            await self._connecting.result()
        if self._credentials is None:
            raise StateError("The client is not connected. Call connect() first")

    async def _send(self, payload: Payload, metadata: dict[str, Any], reply_to: str | None) -> Message:
        await self._require_user()
        async with self._sending:
            conversation_id = await self._ready_conversation()
            message = await self._backend.create_message(conversation_id, payload, metadata, reply_to)
        message.client_id = metadata["clientMessageId"]
        message.status = "sent"
        self._events.emit("message_sent", message)
        return message

    async def _new_conversation(self) -> str:
        await self._require_user()
        async with self._changing:
            return await self._create_conversation()

    async def _switch_conversation(self, conversation_id: str) -> None:
        await self._require_user()
        async with self._changing:
            if self._channel and self._channel.live and self._channel.conversation_id == conversation_id:
                return
            await self._open(conversation_id)

    async def _list_messages(self, limit: int | None, after: str | None) -> list[Message]:
        await self._require_user()
        if self._channel is None:
            return []
        messages: dict[str | int, Message] = {}
        tokens: set[str] = set()
        token: str | None = None
        while True:
            page = await self._backend.list_messages(self._channel.conversation_id, token)
            for message in page.messages:
                if message.id is not None and message.id == after:
                    return list(messages.values())
                # A message that arrives meanwhile moves another one to the next page, where it comes again.
                messages.setdefault(message.id or len(messages), message)
                if len(messages) == limit:
                    return list(messages.values())
            token = page.next_token
            if not token:
                return list(messages.values())
            if token in tokens:
                raise ServerError("The server's list of messages has no end", status=200, type="InvalidAnswer")
            tokens.add(token)

    async def _ready_conversation(self) -> str:
        """The current conversation, with an open stream; a new one where there is none."""
        async with self._changing:
            if self._channel is None:
                return await self._create_conversation()
            if not self._channel.live:
                await self._open(self._channel.conversation_id)
            if self._unannounced:
                await self._announce(self._channel.conversation_id)
            return self._channel.conversation_id

    async def _create_conversation(self) -> str:
        conversation_id = await self._backend.create_conversation()
        await self._open(conversation_id)
        await self._announce(conversation_id)
        return conversation_id

    async def _announce(self, conversation_id: str) -> None:
        """Tell the bot that a conversation has begun. If that fails the conversation is open all the same."""
        self._unannounced = True
        try:
            await self._backend.start_conversation(conversation_id)
        except WebchatError as error:
            log.warning("the bot was not told of the new conversation; the next message tells it", exc_info=error)
            self._events.emit("error", error)
        else:
            self._unannounced = False

    async def _open(self, conversation_id: str) -> None:
        """Make this the current conversation. First its stream is opened: if that fails, nothing changes."""
        channel = Channel(conversation_id, self._backend.listen)
        before = self._connection
        if self._channel is None or not self._channel.live:
            self._set_connection("connecting")
        try:
            await channel.open()
        except BaseException as error:
            self._set_connection(before.state, error if isinstance(error, Exception) else None)
            raise
        old, self._channel = self._channel, channel
        if old is None or old.conversation_id != conversation_id:
            self._unannounced = False
            self._ledger = Ledger()
            self._end_typing()
            self._events.emit("conversation", conversation_id)
        channel.deliver(self._on_signal, self._on_open, self._on_lost)
        if old is not None:
            await old.close()

    def _on_open(self, channel: Channel) -> None:
        if channel is self._channel:
            self._set_connection("connected")

    def _on_lost(self, channel: Channel, error: Exception) -> None:
        if channel is not self._channel:
            return
        self._end_typing()
        self._set_connection("offline", error)
        self._events.emit("error", error)

    def _on_signal(self, signal: Signal) -> None:
        match signal:
            case MessageCreated(message):
                self._on_message(message)
            case TypingChanged(typing):
                self._set_typing(typing)
            case unknown:
                self._events.emit_unnamed(unknown.type, unknown.data)

    def _on_message(self, message: Message) -> None:
        if message.conversation_id != self.conversation_id:
            self._events.emit_unnamed("message_created", message)
        elif message.author_id != self.user_id and message.id is not None and self._ledger.add(message.id):
            self._end_typing()
            self._events.emit("message", message)

    def _set_typing(self, typing: Typing) -> None:
        if self._typing_ends is not None:
            self._typing_ends.cancel()
            self._typing_ends = None
        if typing.is_typing:
            self._typing_ends = asyncio.get_running_loop().call_later(typing.timeout, self._end_typing)
        self._events.emit("is_typing", typing)

    def _end_typing(self) -> None:
        if self._typing_ends is not None:
            self._set_typing(Typing(is_typing=False, timeout=0.0))

    def _set_connection(self, state: ConnectionState, cause: Exception | None = None) -> None:
        if state == self._connection.state:
            return
        log.debug("connection: %s", state)
        self._connection = Connection(state, cause)
        self._events.emit("connection", self._connection)


def _as_payload(text_or_payload: str | Payload) -> Payload:
    """The payload to send. Raises before anything is sent if the server could only refuse it."""
    payload = Text(text_or_payload) if isinstance(text_or_payload, str) else text_or_payload
    if isinstance(payload, Text) and payload.text == "":
        raise ValueError("There is nothing to send: the text is empty")
    payload_to_wire(payload)
    return payload
