"""The current conversation: always at most one, changed by one call after the other, lost by none that fails."""

from __future__ import annotations

import asyncio
from typing import Protocol

from .channel import Channel, Listen
from .emitter import Emitter, log
from .wire.errors import StateError, WebchatError
from .wire.ledger import Ledger
from .wire.models import Connection, ConnectionState, Message, Typing
from .wire.signals import Happened, MessageCreated, Signal, TypingChanged


class ConversationBackend(Protocol):
    """What a mode does for conversations."""

    @property
    def listen(self) -> Listen: ...
    async def create_conversation(self) -> str: ...
    async def start_conversation(self, conversation_id: str) -> None: ...
    async def check_conversation(self, conversation_id: str) -> None: ...


class CurrentConversation:
    """Opens conversations, and tells the events of the current one.

    A change opens the new stream first, then swaps, then closes the old stream: whatever fails, the
    conversation from before still is the current one.
    """

    def __init__(self, backend: ConversationBackend, events: Emitter) -> None:
        self._backend = backend
        self._events = events
        self._own_id: str | None = None
        self._channel: Channel | None = None
        self._changing = asyncio.Lock()
        self._unannounced = False
        self._ledger = Ledger()
        self._connection = Connection("closed")
        self._typing_ends: asyncio.Handle | None = None

    @property
    def id(self) -> str | None:
        """Stays when the stream is lost."""
        return self._channel.conversation_id if self._channel else None

    @property
    def state(self) -> ConnectionState:
        return self._connection.state

    def belongs_to(self, user_id: str) -> None:
        """Say whose conversations these are: messages of this user are not told as somebody else's."""
        self._own_id = user_id

    async def create(self) -> str:
        """Open a new conversation and return its id."""
        async with self._changing:
            return await self._create()

    async def switch(self, conversation_id: str) -> None:
        """Make another conversation the current one; open the stream again if it is the same and was lost."""
        async with self._changing:
            if not (self._channel and self._channel.live and self.id == conversation_id):
                await self._open(conversation_id)

    async def ready(self) -> str:
        """The id of the current conversation, with an open stream; of a new one where there is none."""
        async with self._changing:
            if self._channel is None:
                return await self._create()
            conversation_id = self._channel.conversation_id
            if not self._channel.live:
                await self._open(conversation_id)
            if self._unannounced:
                await self._announce(conversation_id)
            return conversation_id

    def require(self) -> str:
        """The id of the current conversation; raises `StateError` where there is none."""
        if self._channel is None:
            raise StateError("There is no conversation yet. Call new_conversation() or switch_conversation() first")
        return self._channel.conversation_id

    async def close(self) -> None:
        """Leave the current conversation and go back to where there was none."""
        channel, self._channel = self._channel, None
        self._unannounced = False
        self._end_typing()
        self._set_connection("closed")
        if channel is not None:
            await channel.close()

    async def leave(self, conversation_id: str) -> None:
        """Close the current conversation if it is this one."""
        async with self._changing:
            if self.id == conversation_id:
                await self.close()

    async def _create(self) -> str:
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
        channel = Channel(conversation_id, self._backend.listen)
        before = self._connection.state
        if self._channel is None or not self._channel.live:
            self._set_connection("connecting")
        try:
            await channel.open()
            if not channel.opened:
                # It may still open, or be refused; a conversation that is not there is not worth the old one.
                await self._backend.check_conversation(conversation_id)
        except BaseException as error:
            await channel.close()
            # The old stream may have been lost meanwhile, and have said so.
            if self.state == "connecting":
                self._set_connection(before, error if isinstance(error, Exception) else None)
            raise
        old, self._channel = self._channel, channel
        if old is None or old.conversation_id != conversation_id:
            self._unannounced = False
            self._ledger = Ledger()
            self._end_typing()
            self._events.emit("conversation", conversation_id)
        if not channel.opened:
            self._set_connection("connecting")
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
            case Happened(event, value, conversation_id) if conversation_id in (None, self.id):
                self._events.emit(event, value)
            case Happened(event, value):
                self._events.emit_unnamed(event, value)
            case unknown:
                self._events.emit_unnamed(unknown.type, unknown.data)

    def _on_message(self, message: Message) -> None:
        if message.conversation_id != self.id:
            self._events.emit_unnamed("message_created", message)
        elif message.author_id != self._own_id and message.id is not None and self._ledger.add(message.id):
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
