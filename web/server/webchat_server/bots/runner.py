"""Runs bots: one conversation's messages in order, and nobody harmed by a bot that raises, hangs or blocks."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from typing import Any

from .. import store
from ..database import Database
from ..hub import Hub
from .chat import Bot, Chat, Heard

log = logging.getLogger(__name__)

_BEAT = 0.5
# A bots' loop that has not run for so many seconds is blocked by a bot that calls something like time.sleep
_BLOCKED = 5.0


class BotRunner:
    """Calls the bot for what users say; also the `Outlet` of its answers."""

    def __init__(self, bot: Bot, db: Database, hub: Hub, timeout: float) -> None:
        self._bot = bot
        self._db = db
        self._hub = hub
        self._timeout = timeout
        self._waiting: dict[str, deque[Heard]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._loop = _Loop()

    def hear(self, heard: Heard) -> None:
        """Have the bot answer this, after what came before it in the same conversation."""
        if heard.conversation_id in self._waiting:
            self._waiting[heard.conversation_id].append(heard)
            return
        self._waiting[heard.conversation_id] = deque([heard])
        worker = asyncio.create_task(self._answer_all(heard.conversation_id))
        self._workers.add(worker)
        worker.add_done_callback(self._workers.discard)

    async def stop(self) -> None:
        """Cancel all that is running. A bot that does not let itself be cancelled dies with the process."""
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        await asyncio.to_thread(self._loop.stop)

    async def post(self, conversation_id: str, payload: dict[str, Any]) -> dict[str, Any]:
        body = {"conversationId": conversation_id, "payload": payload}
        message = await self._db(store.add_message, store.BOT_ID, body)
        self._hub.publish(conversation_id, "message_created", message)
        return message

    async def signal(self, conversation_id: str, type: str, data: dict[str, Any]) -> None:
        self._hub.publish(conversation_id, type, data)

    async def _answer_all(self, conversation_id: str) -> None:
        waiting = self._waiting[conversation_id]
        try:
            while waiting:
                await self._answer(waiting.popleft())
        finally:
            del self._waiting[conversation_id]

    async def _answer(self, heard: Heard) -> None:
        self._publish_status(heard, "pending", "processing")
        failure = await self._run(heard)
        if failure:
            self._publish_status(heard, "processing", "failed", failureReason=failure)
        else:
            self._publish_status(heard, "processing", "processed")

    async def _run(self, heard: Heard) -> str | None:
        """Call the bot. Returns what may be told to the user when it failed; the log tells more."""
        chat = Chat(heard, self, asyncio.get_running_loop())
        run = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._guard(chat), self._running_loop()))
        try:
            await asyncio.wait((run,), timeout=self._timeout)
        finally:
            if not run.done():
                chat.end()  # first, or a bot that hears of its end could still say something
                run.cancel()
        if run.cancelled():
            log.error("the bot was stopped: it did not end within %g s in %s", self._timeout, heard.conversation_id)
            return "The bot took too long"
        if error := run.result():
            log.error("the bot failed in %s", heard.conversation_id, exc_info=error)
            return "The bot failed"
        return None

    def _publish_status(self, heard: Heard, old: str, new: str, **more: str) -> None:
        if heard.message:
            data = {"message": heard.message, "oldStatus": old, "newStatus": new, **more}
            self._hub.publish(heard.conversation_id, "message_status_changed", data)

    async def _guard(self, chat: Chat) -> BaseException | None:
        # Also what is not an Exception: sys.exit() in a bot would otherwise end the loop of all bots
        try:
            await self._bot(chat)
        except BaseException as error:  # noqa: BLE001 - it is handed on as a value
            return error
        return None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        if self._loop.is_blocked():
            log.error("a bot blocks its event loop (time.sleep, requests, ...); the other bots go on in a new one")
            self._loop = _Loop()
        return self._loop.loop


class _Loop:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._beat = time.monotonic()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="bots", daemon=True)
        self._thread.start()

    def is_blocked(self) -> bool:
        return time.monotonic() - self._beat > _BLOCKED

    def stop(self) -> None:
        """Cancel what runs in it, and wait a second for that."""
        self.loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(1)

    def _run(self) -> None:
        # The runner cancels all tasks when its main one has ended
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        while not self._stopping.is_set():
            self._beat = time.monotonic()
            try:
                async with asyncio.timeout(_BEAT):
                    await self._stopping.wait()
            except TimeoutError:
                continue
