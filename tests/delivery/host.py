"""The server's real application in this process: started, killed and started again on one data folder.

Everything of it is real but what needs threads: the database runs its transactions in the event loop, and so does the
bot. `store.now` tells the simulation's time.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock

from starlette.types import ASGIApp
from webchat_server import app as application
from webchat_server import database, store
from webchat_server.api import Api
from webchat_server.app import Settings
from webchat_server.bots import Bot
from webchat_server.database import Database
from webchat_server.faults import Dropped, Faults

from .network import Connection

T = TypeVar("T")
CLIENT_ID = "bot"
Model = dict[str, Any]

_BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class InlineDatabase(Database):
    """The server's transactions and SQL, without the thread. Others may run between any two transactions."""

    def __init__(self, file: Path) -> None:
        self._connection = database._open(file)
        self._connection.execute("PRAGMA synchronous = OFF")  # nobody pulls the plug of this machine

    async def close(self) -> None:
        self._connection.close()

    async def _run(self, work: Callable[[], T]) -> T:
        await asyncio.sleep(0)
        return work()


class _SameLoop:
    """In place of the bots' loop in a thread of its own: the loop that runs."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()

    def is_blocked(self) -> bool:
        return False


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as the database has it."""

    id: str
    author_id: str
    created_at: str
    text: str


class Host:
    """One machine with the server on it, and with faults between it and the network.

    `settings.faults` are the server's ways at all times: what `faults` has carried out late meets them, too.
    """

    def __init__(self, settings: Settings, bot: Bot, faults: Faults) -> None:
        self._settings = settings
        self._bot = bot
        self._faults = faults
        self._app: ASGIApp | None = None
        self._sockets: ASGIApp | None = None
        self.up = asyncio.Event()
        self.at_deletion: list[Stored] = []
        self._api: Api | None = None
        self._serving: set[asyncio.Task[object]] = set()
        self.coarse_time = False
        """Whether all messages of a minute get the same `createdAt`."""

    @property
    def running(self) -> bool:
        return self.up.is_set()

    @property
    def api(self) -> Api:
        assert self._api is not None, "the server is not running"
        return self._api

    def start(self) -> None:
        with (
            mock.patch.object(application, "Database", InlineDatabase),
            mock.patch("webchat_server.bots.runner._Loop", _SameLoop),
        ):
            self._api = application.create_api(self._settings, self._bot)
        self.up.set()
        app = application.create_app(self._settings, self._api)
        self._app = self._faults.around(app, self._api.keys.expire)
        self._sockets = self._faults.around_socket(app, self._api.keys.expire)

    async def kill(self) -> None:
        """As by SIGKILL: whatever it was doing is not done, unless a transaction was over."""
        if not self.running:
            return
        self.up.clear()
        tasks = (*self._serving, *self._faults._late, *self.api.bots._workers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.api.messaging.stop()
        await self.api.db.close()
        self._api = self._app = None

    def serve(self, connection: Connection) -> None:
        """Answer the request of a connection. What the application leaves unfinished is cut off."""
        app = self._sockets if connection.scope["type"] == "websocket" else self._app
        assert app is not None, "the server is not running"
        self._begin(_serve(app, connection))

    async def say(self, conversation_id: str, text: str) -> None:
        """Have the bot say something by itself."""
        await self._carry_out(self.api.bots.post(conversation_id, {"type": "text", "text": text}))

    async def say_as(self, user_id: str, conversation_id: str, text: str) -> None:
        """Say something as a user does in another tab."""
        await self._carry_out(self._say_as(user_id, conversation_id, text))

    async def delete(self, user_id: str, conversation_id: str) -> bool:
        """Delete a conversation, as its owner does in another tab. Returns whether it was done before a kill."""
        return await self._carry_out(self._delete(user_id, conversation_id))

    async def _say_as(self, user_id: str, conversation_id: str, text: str) -> None:
        body = {"conversationId": conversation_id, "payload": {"type": "text", "text": text}}
        message, _ = await self.api.db(store.create_message, CLIENT_ID, user_id, body)
        self.api.hub.publish(conversation_id, "message_created", message)

    async def _delete(self, user_id: str, conversation_id: str) -> None:
        def read_and_delete(*args: Any) -> Any:
            # In one step: what is stored in between is told, and would be in no history.
            self.at_deletion = self.stored(conversation_id)
            return store.delete_conversation(*args)

        await self.api.db(read_and_delete, CLIENT_ID, conversation_id, user_id)
        self.api.hub.close(conversation_id=conversation_id)

    def _begin(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        task = asyncio.create_task(work)
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        return task

    async def _carry_out(self, work: Coroutine[Any, Any, object]) -> bool:
        """Do it, unless the server is killed meanwhile. Returns whether it was done."""
        task = self._begin(work)
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
        return not task.cancelled()

    def stored(self, conversation_id: str) -> list[Stored]:
        """The messages of a conversation, in the order in which they were stored. The server need not run."""
        with closing(sqlite3.connect(self._settings.data / "webchat.sqlite3")) as db:
            sql = "SELECT id, user_id, created_at, payload FROM messages WHERE conversation_id = ? ORDER BY seq"
            rows = db.execute(sql, (conversation_id,)).fetchall()
        messages = [(one, author, date, json.loads(payload)) for one, author, date, payload in rows]
        return [
            Stored(one, author, date, payload["text"])
            for one, author, date, payload in messages
            if payload["type"] != "trigger"
        ]

    def conversations(self) -> list[str]:
        with closing(sqlite3.connect(self._settings.data / "webchat.sqlite3")) as db:
            return [conversation_id for (conversation_id,) in db.execute("SELECT id FROM conversations")]

    def events(self, conversation_id: str) -> list[Model]:
        """The payloads of a conversation's events. Mode "messaging" has them among the messages."""
        with closing(sqlite3.connect(self._settings.data / "webchat.sqlite3")) as db:
            sql = "SELECT payload FROM {} WHERE conversation_id = ? ORDER BY seq"
            events, messages = (
                [json.loads(payload) for (payload,) in db.execute(sql.format(table), (conversation_id,))]
                for table in ("events", "messages")
            )
        triggers = [payload["payload"] for payload in messages if payload["type"] == "trigger"]
        return events + [{"type": "custom", "data": data} for data in triggers]

    @contextmanager
    def clock(self) -> Iterator[None]:
        """While it lasts, the server takes the simulation's time for the time."""
        # Not from 0, which Engine.IO takes for no time at all
        time = mock.Mock(time=lambda: 1 + asyncio.get_running_loop().time())
        with (
            mock.patch.object(store, "now", self._now),
            mock.patch("engineio.async_socket.time", time),
            mock.patch("engineio.base_socket.time", time),
        ):
            yield

    def _now(self) -> str:
        seconds = asyncio.get_running_loop().time()
        time = _BEGINNING + timedelta(seconds=seconds - seconds % 60 if self.coarse_time else seconds)
        return time.isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


async def _serve(app: ASGIApp, connection: Connection) -> None:
    reset = True
    try:
        await app(connection.scope, connection.receive, connection.send)
    except Dropped as dropped:
        reset = dropped.reset
    finally:
        connection.cut(reset=reset)
