"""What survives a reload: who one is, in which conversation, and what is not sent yet."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TypeVar

from .pauses import done_within
from .wire.calls import is_header_value, quote
from .wire.errors import WebchatError
from .wire.models import Credentials
from .wire.ports import CallLater
from .wire.untrusted import loads

T = TypeVar("T")

log = logging.getLogger("webchat_py")


class Storage(Protocol):
    """Keeps strings. `get` of what is not there is `None`, `remove` of it no error."""

    async def get(self, key: str) -> str | None: ...
    async def set(self, key: str, value: str) -> None: ...
    async def remove(self, key: str) -> None: ...


class Locks(Protocol):
    """Keeps the pages of one origin apart. See `browser.locks`."""

    def locked(self, name: str) -> AbstractAsyncContextManager[None]: ...
    async def try_lock(self, name: str) -> Callable[[], None] | None: ...


@dataclass(slots=True)
class Unsent:
    """A message that may not have arrived.

    `user_id` is its author's, `payload` as on the wire; `mark` is the id and the date of the newest message before the
    first attempt.
    """

    user_id: str
    client_id: str
    conversation_id: str
    payload: dict[str, Any]
    metadata: dict[str, Any]
    reply_to: str | None
    failed: bool
    sent_on: str | None = None
    mark: tuple[str, str | None] | None = None


_Entry = tuple[str, Unsent]  # of the list: the page and the message

PATIENCE = 5.0
"""Seconds for a storage to answer. One that does not has failed: nobody waits for it for ever."""


def scope_of(api_url: str, client_id: str, storage_key: str | None) -> str:
    """What the things of one server, bot and chat are stored under: the same for no two, and without a `#`."""
    return f"webchat_py {api_url} {quote(client_id)} {quote(storage_key or '')}".rstrip()


class Session:
    """One client's view of what is stored. Without a storage it keeps nothing.

    All pages share the user and the conversation, stored under the scope, and a list of what is unsent. There a page
    only touches its own messages. While it has any it holds a Web Lock, by which others know that it lives.

    A storage that fails, or does not answer, breaks nothing. It is logged and told to `on_error`, once until it works
    again.
    """

    def __init__(
        self,
        storage: Storage | None,
        scope: str,
        locks: Locks,
        on_error: Callable[[WebchatError], None],
        call_later: CallLater,
    ) -> None:
        self._storage = storage
        self._call_later = call_later
        self._scope = scope
        self._list = f"{scope}#unsent"
        self._locks = locks
        self._on_error = on_error
        self._failing: set[str] = set()
        self._turn = asyncio.Lock()
        self._writer: asyncio.Task[None] | None = None
        self._dirty = False
        self._start_over()

    def _start_over(self) -> None:
        self._credentials: Credentials | None = None
        self._unsent: dict[str, Unsent] = {}
        self._taken_over: dict[str, Unsent] = {}
        self._page = f"{self._scope}#{os.urandom(8).hex()}"
        self._leave: Callable[[], None] | None = None

    def lock(self) -> AbstractAsyncContextManager[None]:
        """Hold this around "load, else make a user, then save", so that two pages do not make two users."""
        return nullcontext() if self._storage is None else self._locks.locked(self._scope)

    async def load(self) -> tuple[Credentials | None, str | None]:
        """The stored user and conversation."""
        async with self._turn:
            self._credentials, conversation_id = await self._stored()
        return self._credentials, conversation_id

    async def save_credentials(self, credentials: Credentials) -> None:
        """Be this user from now on. What was another one's, conversation and messages, is dropped."""
        if any(unsent.user_id != credentials.user_id for unsent in self._unsent.values()):
            self._unsent = {key: one for key, one in self._unsent.items() if one.user_id == credentials.user_id}
            self._taken_over = {key: one for key, one in self._taken_over.items() if key in self._unsent}
            self._write_soon()
        self._credentials = credentials
        async with self._turn:
            stored, conversation_id = await self._stored()
            same = stored and stored.user_id == credentials.user_id
            await self._save(credentials, conversation_id if same else None)

    async def save_conversation(self, conversation_id: str) -> None:
        """Come back to this conversation, unless another page has become another user or forgotten this one."""
        async with self._turn:
            stored, _ = await self._stored()
            if stored and self._credentials and stored.user_id == self._credentials.user_id:
                await self._save(stored, conversation_id)

    async def forget(self) -> None:
        """Remove all of it. Only what other living pages have unsent stays until they end."""
        self._credentials = None
        self._unsent.clear()
        async with self._turn:
            await self._use("remove", self._scope)
            await self._write(adopt=True)

    async def adopt(self) -> list[Unsent]:
        """Take over what this user's pages that are gone have not sent, and what a call that was cancelled took over.

        Any of it may have arrived.
        """
        if not self._credentials:
            return []
        async with self._turn:
            await self._write(adopt=True)
            taken_over, self._taken_over = self._taken_over, {}
        return list(taken_over.values())

    def keep(self, unsent: Unsent) -> None:
        """Add a message, or what has become of it. It is written soon."""
        self._unsent[unsent.client_id] = unsent
        self._write_soon()

    def drop(self, client_id: str) -> None:
        """The message needs no further care, and is soon not stored any more."""
        if self._unsent.pop(client_id, None):
            self._write_soon()

    async def close(self) -> None:
        """Finish writing. What is unsent stays, to be adopted by any page, this one among them."""
        while self._writer:
            await asyncio.wait({self._writer})
        if self._leave:
            self._leave()
        self._start_over()

    async def _stored(self) -> tuple[Credentials | None, str | None]:
        return await self._read(self._scope, _parse_session) or (None, None)

    async def _save(self, credentials: Credentials, conversation_id: str | None) -> None:
        user_id, token = credentials.user_id, credentials.user_token
        data = {"userId": user_id, "userToken": token, "conversationId": conversation_id}
        # What could not be read must not be overwritten.
        if "get" not in self._failing:
            await self._use("set", self._scope, json.dumps(data))

    def _write_soon(self) -> None:
        self._dirty = self._storage is not None
        if self._dirty and not self._writer:
            self._writer = asyncio.ensure_future(self._write_latest())

    async def _write_latest(self) -> None:
        try:
            while self._dirty:
                async with self._turn:
                    await self._write()
        finally:
            self._writer = None

    async def _write(self, adopt: bool = False) -> None:
        """Bring the list up to date; with `adopt`, make this page's what is in it of pages that are gone."""
        if self._storage is None:
            return
        async with self._locks.locked(self._list):
            stored = await self._read(self._list, _parse_list) or []
            self._dirty = False
            if "get" in self._failing:
                return  # What could not be read must not be overwritten.
            others = [entry for entry in stored if entry[0] != self._page]
            gone = [page for page in dict.fromkeys(entry[0] for entry in others) if adopt and await self._is_gone(page)]
            me = self._credentials.user_id if self._credentials else ""
            adopted = {message.client_id: message for page, message in others if page in gone and message.user_id == me}
            self._unsent = adopted | self._unsent
            self._taken_over |= adopted
            if self._unsent and not self._leave:
                self._leave = await self._locks.try_lock(self._page)
            entries = [entry for entry in others if entry[0] not in gone]
            entries += [(self._page, message) for message in self._unsent.values()]
            if entries:
                text = json.dumps([(page, asdict(message)) for page, message in entries])
                await self._use("set", self._list, text)
            elif stored:
                await self._use("remove", self._list)
        if self._leave and not self._unsent:
            self._leave()
            self._leave = None

    async def _is_gone(self, page: str) -> bool:
        release = await self._locks.try_lock(page)
        if release:
            release()
        return release is not None

    async def _read(self, key: str, parse: Callable[[Any], T]) -> T | None:
        text = await self._use("get", key)
        if text is None:
            return None
        try:
            return parse(loads(text))
        except (AttributeError, TypeError, ValueError):
            # Not the text, which may hold a key, and not the error, which may quote it.
            log.warning("what was stored as %r cannot be read and is dropped", key)
            await self._use("remove", key)
            return None

    async def _use(self, method: str, *args: str) -> Any:
        if self._storage is None:
            return None
        try:
            use = asyncio.ensure_future(getattr(self._storage, method)(*args))
            try:
                if not await done_within(PATIENCE, self._call_later, use):
                    raise WebchatError(f"The storage did not answer within {PATIENCE:g} s")
                result = use.result()
            finally:
                use.cancel()
        except Exception as error:  # noqa: BLE001 - a user's own storage may raise anything
            if method not in self._failing:
                self._failing.add(method)
                self._report(error)
            return None
        self._failing.discard(method)
        return result

    def _report(self, error: Exception) -> None:
        if not isinstance(error, WebchatError):
            # Its type only: its text may hold what was to be stored.
            error = WebchatError(f"The storage failed with {type(error).__name__}")
        log.warning("%s: a reload may start anew", error)
        self._on_error(error)


def _parse_session(data: Any) -> tuple[Credentials, str | None]:
    match data:
        case {"userId": str(user_id), "userToken": token, "conversationId": str() | None as conversation_id}:
            if user_id and is_header_value(token):
                return Credentials(user_id, token), conversation_id or None
    raise ValueError("no session")


def _parse_list(data: Any) -> list[_Entry]:
    return [_parse_entry(*entry) for entry in data]


def _parse_entry(page: Any, message: Any) -> _Entry:
    unsent, mark = Unsent(**message), message.get("mark")
    match page, unsent, mark:
        case (
            str(),
            Unsent(str(), str(), str(), dict(), dict(), str() | None, bool(), str() | None),
            None | [str(), str() | None],
        ):
            unsent.mark = mark and (mark[0], mark[1])
            return page, unsent
    raise ValueError("no message")
