"""The two event streams: the browser's own `EventSource`, and a decoder of ours on a streaming fetch.

Both are coroutines that run as long as their stream does: they return when the server ends it, raise when it
is refused or lost, and close it when they are cancelled.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import js
from pyodide.ffi import JsException
from pyodide.http import FetchResponse

from ..wire.errors import NetworkError, StreamError, StreamRefused
from ..wire.ports import StreamListener
from ..wire.rest import Request, Response, error_from
from ..wire.sse import EventTooLarge, SSEDecoder
from .events import listen
from .fetch import NO_ANSWER, Deadline, fetch, read

EVENT_STREAM = "text/event-stream"
REFUSAL_WAIT = 10.0
"""Seconds for the body of an answer that refuses a stream; the stream itself has no time limit."""


async def listen_fetch(url: str, request: Request, headers: dict[str, str], listener: StreamListener) -> None:
    """Stream by fetch: knows status codes and sends headers.

    Args:
        listener: is told that it is open when the answer's head is there (in Firefox: with the first byte of its
            body), and the data of each event that has no name, or the name "message".

    Raises:
        ApiError: the server refused.
        StreamError: what it sent is no event stream.
        NetworkError: it could not be reached, or the connection broke.
    """
    with Deadline() as deadline:
        try:
            response = await fetch(url, request, {**headers, "accept": EVENT_STREAM}, deadline)
            if response.status != 200:
                raise error_from(await _refusal(response))
            content_type = response.headers.get("content-type", "")
            if content_type.partition(";")[0].strip().lower() != EVENT_STREAM:
                raise StreamError(f"The server answered with {content_type or 'no content type'}, not {EVENT_STREAM}")
            listener.on_open()
            await _read_events(response.js_response.body.getReader(), listener)
        except EventTooLarge as error:
            raise StreamError(str(error)) from None
        except (OSError, JsException) as error:
            raise NetworkError(f"The event stream broke off. {NO_ANSWER}") from error


async def _refusal(response: FetchResponse) -> Response:
    """The whole of an answer that is an error; its status alone where it does not end."""
    try:
        async with asyncio.timeout(REFUSAL_WAIT):
            return await read(response)
    except TimeoutError:
        return Response(response.status, "")


async def _read_events(reader: Any, listener: StreamListener) -> None:
    decoder = SSEDecoder()
    while not (result := await reader.read()).done:
        listener.on_bytes()
        for event in decoder.feed(result.value.to_bytes()):
            if event.type == "message":
                listener.on_event(event.data)
        if decoder.retry is not None:
            listener.retry = decoder.retry / 1000
        if decoder.last_event_id:
            listener.last_event_id = decoder.last_event_id


async def listen_native(url: str, listener: StreamListener) -> None:
    """Stream by the browser's `EventSource`: all that `listen_fetch` does, but browsers hide why it failed.

    Raises:
        StreamRefused: the server, or CORS, refused it.
        NetworkError: it was lost, or the server could not be reached.
    """
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    source = js.EventSource.new(url)

    def fail(_event: Any) -> None:
        # A server can name an event "error"; then the stream is still open.
        if ended.done() or source.readyState == js.EventSource.OPEN:
            return
        # EventSource would go on by itself from CONNECTING; when to try again is the client's to decide.
        if source.readyState == js.EventSource.CLOSED:
            ended.set_exception(StreamRefused("The server refused the event stream"))
        else:
            ended.set_exception(NetworkError(f"The event stream broke off. {NO_ANSWER}"))

    def message(event: Any) -> None:
        # Comments are hidden from scripts. A server that keeps a stream alive by them and not by pings is asked for a
        # new one now and then, which loses nothing; a dead stream that nobody notices would.
        listener.on_bytes()
        if event.lastEventId:
            listener.last_event_id = event.lastEventId
        listener.on_event(event.data)

    with ExitStack() as ends:
        ends.callback(source.close)
        ends.callback(listen(source, ("open",), lambda _event: listener.on_open()))
        ends.callback(listen(source, ("message",), message))
        ends.callback(listen(source, ("error",), fail))
        await ended
