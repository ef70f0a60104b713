"""The database file, where several processes have it."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

from webchat_server.database import Database


def test_several_may_be_the_first_to_open_it(tmp_path: Path) -> None:
    """SQLite says "database is locked" at once to all but one of those that change the journal's mode."""
    openers = 6
    barrier = Barrier(openers)

    def open_at_once(file: Path) -> None:
        barrier.wait()
        asyncio.run(Database(file).close())

    with ThreadPoolExecutor(openers) as pool:
        for number in range(40):
            list(pool.map(open_at_once, [tmp_path / f"{number}.sqlite3"] * openers))
