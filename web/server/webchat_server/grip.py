"""Signals by way of Pushpin, a proxy that holds the event streams while this server only publishes to them (GRIP).

The answer to a stream's request tells Pushpin to hold it and to which channels it listens; what is posted to Pushpin's
control port goes to all streams of a channel. So streams outlive this process, and several processes can share a
Pushpin. Each stream has three channels: that of its conversation, which carries the signals, and those of its user and
of the two together, by which it can be ended.

A stream is let in before it is held: one that asks in the very moment in which its conversation is deleted may stay
open, silent but for its pings.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
from base64 import b64encode
from collections import deque
from math import ceil
from typing import Any
from urllib.parse import urlencode, urlsplit

from starlette.requests import Request
from starlette.responses import Response

from .errors import Internal
from .hub import GREETING, PING, First, signal_frame

log = logging.getLogger(__name__)

# Pushpin's control port refuses bodies of more than 1,000,000 bytes, whatever its settings say
_MAX_BODY = 900_000
# What waits for a Pushpin that takes nothing; readers find what they missed in the list of messages
_MAX_WAITING = 10_000
_TIMEOUT = 5.0
_AGAIN = "held"


class GripHub:
    """Publishes to the Pushpin whose control port is at `control_url`. `ping_interval` is in seconds, rounded up to
    whole ones; Pushpin may ping up to a second earlier."""

    def __init__(self, control_url: str, ping_interval: float) -> None:
        self._control = urlsplit(control_url)
        self._ping = f"{b64encode(PING.encode()).decode()}; format=base64; timeout={ceil(ping_interval)}"
        self._waiting: deque[bytes] = deque(maxlen=_MAX_WAITING)
        self._sender: asyncio.Task[None] | None = None

    def stream(self, request: Request, conversation_id: str, user_id: str, first: First | None = None) -> Response:
        if "grip-sig" not in request.headers:
            raise Internal("This server publishes through Pushpin, and this request did not come through it")
        headers = {
            "Content-Type": "text/event-stream",
            "Grip-Hold": "stream",
            "Grip-Channel": ", ".join((conversation_id, user_id, _both(conversation_id, user_id))),
            "Grip-Keep-Alive": self._ping,
        }
        body = GREETING
        if first and _AGAIN in request.query_params:
            body = signal_frame(first.type, first.data)
        elif first:
            # What is published before the stream is held is lost to it. So Pushpin is told to hold it first, then
            # to ask once more for what it begins with; signals that come meanwhile are sent after that
            query = urlencode({**first.query, _AGAIN: "1"})
            headers["Grip-Link"] = f"<{request.scope['raw_path'].decode()}?{query}>; rel=next; timeout=0"
        return Response(body, headers=headers)

    def publish(self, conversation_id: str, type: str, data: Any) -> None:
        item = _item(conversation_id, content=signal_frame(type, data))
        if len(item) > _MAX_BODY:
            log.warning("a signal to %s is too big for Pushpin: its readers are to read the messages", conversation_id)
            item = _item(conversation_id, action="close")
        self._put(item)

    def close(self, conversation_id: str | None = None, user_id: str | None = None) -> None:
        channel = _both(conversation_id, user_id) if conversation_id and user_id else conversation_id or user_id
        if channel:
            self._put(_item(channel, action="close"))

    async def stop(self) -> None:
        if self._sender:
            await asyncio.wait([self._sender], timeout=_TIMEOUT)

    def _put(self, item: bytes) -> None:
        self._waiting.append(item)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send_all())

    async def _send_all(self) -> None:
        while self._waiting:
            batch = self._next_batch()
            try:
                await asyncio.to_thread(self._post, b'{"items":[' + b",".join(batch) + b"]}")
            except (OSError, http.client.HTTPException) as error:
                log.error("Pushpin has not taken %d signals: %s", len(batch), error or type(error).__name__)

    def _next_batch(self) -> list[bytes]:
        """What fits into one request, in order."""
        batch, size = list[bytes](), 0
        while self._waiting and (not batch or size + len(self._waiting[0]) <= _MAX_BODY):
            batch.append(self._waiting.popleft())
            size += len(batch[-1]) + 1
        return batch

    def _post(self, body: bytes) -> None:
        # A connection for each: one that is kept may have ended with the Pushpin that was there before
        connection = http.client.HTTPConnection(self._control.netloc, timeout=_TIMEOUT)
        try:
            path = f"{self._control.path.rstrip('/')}/publish/"
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            if answer.status != 200:
                raise http.client.HTTPException(f"{answer.status} {answer.read(200).decode(errors='replace').strip()}")
        finally:
            connection.close()


def _both(conversation_id: str, user_id: str) -> str:
    return f"{conversation_id}-{user_id}"


def _item(channel: str, **what: str) -> bytes:
    return json.dumps({"channel": channel, "formats": {"http-stream": what}}, separators=(",", ":")).encode()
