"""Where sessions are kept in the browser: `localStorage`, `sessionStorage` or IndexedDB.

All raise `WebchatError` where the browser keeps nothing, for its settings or for want of space.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import js
from pyodide.ffi import JsException

from ..wire.errors import WebchatError
from .events import listen
from .lifecycle import in_worker

DATABASE = STORE = "webchat_py"

log = logging.getLogger("webchat_py")


def storage(choice: Literal["local", "session", "indexeddb"]) -> WebStorage | IndexedDB:
    """The storage of this name. Raises `ValueError` for any other, and for "session" in a worker, which has none."""
    if choice not in ("local", "session", "indexeddb"):
        raise ValueError(f"storage is 'local', 'session', 'indexeddb', None or an object of yours, not {choice!r}")
    if choice == "indexeddb":
        return IndexedDB()
    if not in_worker():
        return WebStorage(f"{choice}Storage")
    if choice == "session":
        raise ValueError("There is no sessionStorage in a worker; storage='indexeddb' works there")
    log.warning("there is no localStorage in a worker: storage='local' means 'indexeddb' here")
    return IndexedDB()


class WebStorage:
    """`localStorage` or `sessionStorage`."""

    def __init__(self, name: str) -> None:
        self._name = name

    async def get(self, key: str) -> str | None:
        return self._call("getItem", key) or None

    async def set(self, key: str, value: str) -> None:
        self._call("setItem", key, value)

    async def remove(self, key: str) -> None:
        self._call("removeItem", key)

    def _call(self, method: str, *args: str) -> Any:
        with _refusals():
            return getattr(getattr(js, self._name), method)(*args)


class IndexedDB:
    """One store of strings in a database. It is opened for each use, so that nothing is held in between."""

    async def get(self, key: str) -> str | None:
        return await self._call("readonly", "get", key) or None

    async def set(self, key: str, value: str) -> None:
        await self._call("readwrite", "put", value, key)

    async def remove(self, key: str) -> None:
        await self._call("readwrite", "delete", key)

    async def _call(self, mode: str, method: str, *args: str) -> Any:
        with _refusals():
            request = js.indexedDB.open(DATABASE)
            end = listen(request, ("upgradeneeded",), lambda _event: request.result.createObjectStore(STORE))
            try:
                await _ended(request, "success", "error")
            finally:
                end()
            try:
                transaction = request.result.transaction(STORE, mode)
                asked = getattr(transaction.objectStore(STORE), method)(*args)
                await _ended(transaction, "complete", "abort")
                return asked.result
            finally:
                request.result.close()


async def _ended(target: Any, good: str, bad: str) -> None:
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def settle(event: Any) -> None:
        if not ended.done():
            ended.set_result(event.type)

    end = listen(target, (good, bad), settle)
    try:
        if await ended == bad:
            raise _refusal(target.error.name)
    finally:
        end()


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except JsException as error:
        raise _refusal(error.name) from None
    except AttributeError:  # It is null or missing.
        raise _refusal("no storage") from None


def _refusal(reason: str) -> WebchatError:
    return WebchatError(f"The browser keeps nothing for this page ({reason})")
