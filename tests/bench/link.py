"""The way between browser and server: it is as long as it is told to be, and frames can be put into open streams.

What goes through keeps its order and its bytes; each piece arrives half a round trip later in either direction. The
frames of a burst come from here because the local server, which stores each message, cannot send ten thousand at once.
"""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")

_STREAM = re.compile(rb"GET /[^/ ]+/(?:initialize|conversations/[^/ ]+/listen)[? ]")
_REQUEST = re.compile(rb"(GET|POST|PUT|DELETE|OPTIONS) /")


class Link:
    """Use as a context manager. `url` stands in for the server's; `round_trip` is in seconds and may be changed."""

    def __init__(self, upstream: str) -> None:
        self._upstream = urlsplit(upstream)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        self._streams: set[asyncio.StreamWriter] = set()
        self._opened = 0
        self._refuses = False
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()
        self.round_trip = 0.0
        self.url = ""

    def __enter__(self) -> Link:
        self._thread.start()
        self._server = self._run(asyncio.start_server(self._connect, "127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def inject(self, frames: bytes) -> None:
        """Put these frames into the one stream that is open, which is silent at the moment."""
        self._run(self._inject(frames))

    @contextmanager
    def down(self) -> Iterator[None]:
        """Reset all connections, and those that are made in this block."""
        self._refuses = True
        self._run(self._cut())
        try:
            yield
        finally:
            self._refuses = False

    def opened_streams(self) -> int:
        """How many streams have been opened so far."""
        return self._opened

    def has_opened(self, number: int, within: float) -> bool:
        """Wait until so many streams have been opened so far; `False` if they are not within so many seconds."""
        try:
            self._run(asyncio.wait_for(self._wait_for_streams(number), within))
        except TimeoutError:
            return False
        return True

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _inject(self, frames: bytes) -> None:
        (stream,) = self._streams
        # Uvicorn sends streams in chunks, so these are more of them.
        stream.write(b"%x\r\n%b\r\n" % (len(frames), frames))
        await stream.drain()

    async def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _wait_for_streams(self, number: int) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._opened >= number)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refuses:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(writer)
        there_reader, there_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        ways = [
            asyncio.ensure_future(self._carry(reader, there_writer, back=writer)),
            asyncio.ensure_future(self._carry(there_reader, writer)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self._streams.discard(writer)
            self._writers.discard(writer)
            for end in (writer, there_writer):
                end.close()
            self._tasks.discard(task)

    async def _carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, back: asyncio.StreamWriter | None = None
    ) -> None:
        """Everything from `source` to `target`. What the browser asks for tells whether the answer, on `back`, is a
        stream."""
        due: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        writing = asyncio.ensure_future(self._write(due, target))
        try:
            while data := await source.read(65536):
                if back is not None and _REQUEST.match(data):
                    await self._note(back, is_stream=_STREAM.match(data) is not None)
                due.put_nowait((self._loop.time() + self.round_trip / 2, data))
            due.put_nowait((self._loop.time() + self.round_trip / 2, b""))
            await writing
        finally:
            writing.cancel()

    async def _write(self, due: asyncio.Queue[tuple[float, bytes]], target: asyncio.StreamWriter) -> None:
        while True:
            when, data = await due.get()
            await asyncio.sleep(max(0, when - self._loop.time()))
            if not data:
                return
            target.write(data)
            await target.drain()

    async def _note(self, back: asyncio.StreamWriter, is_stream: bool) -> None:
        async with self._changed:
            if is_stream:
                self._streams.add(back)
                self._opened += 1
            else:
                self._streams.discard(back)
            self._changed.notify_all()
