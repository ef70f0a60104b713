"""Who listens to which conversation, and the frames they get.

A frame is `event: message`, one `data:` line of JSON, and a blank line. After some silence the bare word `ping` is sent
the same way: clients take 45 s without a byte for a lost connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

log = logging.getLogger(__name__)

# Firefox tells a page that a stream is open only when the first byte of the body has arrived
GREETING = ": listening\n\n"
# A reader that is this many frames behind is cut off: it finds what it missed in the list of messages
_MAX_BEHIND = 10_000


def signal_frame(type: str, data: Any) -> str:
    return _frame(json.dumps({"type": type, "data": data}, separators=(",", ":")))


def _frame(data: str) -> str:
    return f"event: message\ndata: {data}\n\n"


PING = _frame("ping")


@dataclass(frozen=True, slots=True)
class First:
    """A signal that one stream begins with. With `query` it is to be had again, for the same user and conversation."""

    type: str
    data: Any
    query: dict[str, str]


class Hub(Protocol):
    """Carries signals to those who listen."""

    def stream(self, request: Request, conversation_id: str, user_id: str, first: First | None = None) -> Response:
        """The answer to `request` that carries the conversation's signals from now on, after `first`."""

    def publish(self, conversation_id: str, type: str, data: Any) -> None:
        """Send the signal `{"type", "data"}` to all who listen to the conversation."""

    def close(self, conversation_id: str | None = None, user_id: str | None = None) -> None:
        """End the streams of this conversation, of this user, of both together, or all that end with this server."""

    async def stop(self) -> None:
        """Return when what was published is on its way. Nothing is published after this."""


class Listener:
    """One open stream of one user."""

    def __init__(self, conversation_id: str, user_id: str) -> None:
        self.conversation_id = conversation_id
        self.user_id = user_id
        self._frames: deque[str] = deque()
        self._changed = asyncio.Event()
        self._closed = False

    def push(self, frame: str) -> None:
        if len(self._frames) == _MAX_BEHIND:
            log.warning("a stream of %s is cut off: its reader is too slow", self.conversation_id)
            self._frames.clear()
            self.close()
        if not self._closed:
            self._frames.append(frame)
            self._changed.set()

    def close(self) -> None:
        """End the stream after what is already on its way."""
        self._closed = True
        self._changed.set()

    def push_signal(self, type: str, data: Any) -> None:
        """Send a signal to this listener only."""
        self.push(signal_frame(type, data))

    async def frames(self, ping_interval: float) -> AsyncIterator[str]:
        """What to send, for as long as the stream is open. `ping_interval` is in seconds."""
        yield GREETING
        while not self._closed:
            try:
                async with asyncio.timeout(ping_interval):
                    await self._changed.wait()
            except TimeoutError:
                yield PING
                continue
            self._changed.clear()
            while self._frames:
                yield self._frames.popleft()


class LocalHub:
    """Carries signals within this process. `ping_interval` is in seconds."""

    def __init__(self, ping_interval: float) -> None:
        self._ping_interval = ping_interval
        self._listeners: defaultdict[str, set[Listener]] = defaultdict(set)
        self._closed = False

    def stream(self, _: Request, conversation_id: str, user_id: str, first: First | None = None) -> Response:
        listener = self.listen(conversation_id, user_id)
        if first:
            listener.push_signal(first.type, first.data)
        return EventStream(self, listener, self._ping_interval)

    def listen(self, conversation_id: str, user_id: str) -> Listener:
        listener = Listener(conversation_id, user_id)
        self._listeners[conversation_id].add(listener)
        if self._closed:
            listener.close()
        return listener

    def leave(self, listener: Listener) -> None:
        listeners = self._listeners[listener.conversation_id]
        listeners.discard(listener)
        if not listeners:
            del self._listeners[listener.conversation_id]

    def publish(self, conversation_id: str, type: str, data: Any) -> None:
        listeners = self._listeners.get(conversation_id, ())
        if listeners:
            frame = signal_frame(type, data)
            for listener in listeners:
                listener.push(frame)

    def close(self, conversation_id: str | None = None, user_id: str | None = None) -> None:
        self._closed = self._closed or conversation_id is user_id is None
        for listeners in self._listeners.values():
            for listener in listeners:
                if conversation_id in (None, listener.conversation_id) and user_id in (None, listener.user_id):
                    listener.close()

    async def stop(self) -> None:
        """Nothing is on its way: `publish` has done it all."""


class EventStream(StreamingResponse):
    """The answer that carries a listener's frames, and takes the listener from the hub when it is over."""

    def __init__(self, hub: LocalHub, listener: Listener, ping_interval: float) -> None:
        super().__init__(listener.frames(ping_interval), headers={"Content-Type": "text/event-stream"})
        self._hub = hub
        self._listener = listener

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Not at the end of the frames: if the client has gone by now, they never begin
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._hub.leave(self._listener)
