"""SQLite in one thread: what must last. Several processes may have the same file."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from .errors import Internal

P = ParamSpec("P")
T = TypeVar("T")

# Raised with every change of the schema, together with a step in _MIGRATIONS that leads there
_MIGRATIONS = [
    """
    CREATE TABLE users (
        id TEXT PRIMARY KEY, client_id TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
        name TEXT, picture_url TEXT, data TEXT
    );
    CREATE TABLE conversations (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL,
        owner_id TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
    );
    CREATE INDEX conversations_by_owner ON conversations (owner_id);
    CREATE TABLE participants (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
        UNIQUE (conversation_id, user_id)
    );
    CREATE INDEX participants_by_user ON participants (user_id);
    CREATE TABLE messages (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL, payload TEXT NOT NULL, metadata TEXT, reply_to TEXT, client_message_id TEXT
    );
    CREATE INDEX messages_by_conversation ON messages (conversation_id, seq);
    CREATE UNIQUE INDEX messages_by_client_id ON messages (user_id, client_message_id)
        WHERE client_message_id IS NOT NULL;
    CREATE TABLE events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, created_at TEXT NOT NULL,
        conversation_id TEXT NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
        user_id TEXT NOT NULL, payload TEXT NOT NULL
    );
    CREATE INDEX events_by_conversation ON events (conversation_id, seq);
    CREATE TABLE files (
        id TEXT PRIMARY KEY, client_id TEXT NOT NULL, user_id TEXT NOT NULL, created_at TEXT NOT NULL,
        updated_at TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, content_type TEXT NOT NULL,
        tags TEXT NOT NULL, access_policies TEXT NOT NULL, indexed INTEGER NOT NULL, status TEXT NOT NULL,
        upload_token TEXT NOT NULL
    );
    """,
    """
    ALTER TABLE users ADD COLUMN attributes TEXT;
    ALTER TABLE messages ADD COLUMN feedback TEXT;
    ALTER TABLE files ADD COLUMN expires_at TEXT;
    """,
]


# Another program that looks into the file may hold it for a moment: it is waited for, so many seconds
_PATIENCE = 3.0


class Database:
    """Runs functions of a connection, each as one transaction, one after the other in a thread of their own.

    `await database(work, *args)` returns what `work(connection, *args)` returns; what it wrote is on the disk by then.
    When it raises, nothing of what it wrote stays.
    """

    def __init__(self, file: Path) -> None:
        """Open the file, or make it. Raises `sqlite3.Error` if it is damaged or no database."""
        self._thread = ThreadPoolExecutor(1, "database")
        self._connection = self._thread.submit(_open, file).result()

    async def close(self) -> None:
        await self._run(self._connection.close)
        self._thread.shutdown()

    async def __call__(
        self, work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return await self._run(partial(self._transact, partial(work, self._connection, *args, **kwargs)))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _transact(self, work: Callable[[], T]) -> T:
        try:
            return self._attempt("BEGIN", work)
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                raise
        # It wanted to write what another process has changed since it was read, or is changing. So once more, from the
        # beginning, when nobody else writes
        try:
            return self._attempt("BEGIN IMMEDIATE", work)
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                raise Internal("Another program holds the database; try again", {"Retry-After": "1"}) from error
            raise

    def _attempt(self, begin: str, work: Callable[[], T]) -> T:
        with self._connection:
            self._connection.execute(begin)
            return work()


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _open(file: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(file, timeout=_PATIENCE)
    try:
        connection.row_factory = sqlite3.Row
        _use_wal(connection)
        # In WAL mode only FULL has each commit on the disk when it returns, even if the power fails right after it
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    """Waits itself: SQLite does not, as for other statements, while another process makes the same change."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > end:
                raise
            time.sleep(0.02)
        else:
            return


def _migrate(connection: sqlite3.Connection) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE")  # another process may be starting as well
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > len(_MIGRATIONS):
            raise sqlite3.DatabaseError("it was written by a newer version of this server")
        for script in _MIGRATIONS[version:]:
            for statement in script.split(";"):  # and not executescript, which would commit first
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")
