"""The session: what is stored, what comes back, and what a storage or another page may do to it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from webchat_py.session import Session, Unsent, scope_of
from webchat_py.wire.errors import WebchatError
from webchat_py.wire.models import Credentials

pytestmark = pytest.mark.asyncio

ADA = Credentials("ada", "key-of-ada")
BOB = Credentials("bob", "key-of-bob")


class Memory:
    """A storage as a user would write one. Each use takes a turn of the event loop."""

    def __init__(self) -> None:
        self.items: dict[str, str] = {}
        self.broken: dict[str, Exception] = {}

    async def get(self, key: str) -> str | None:
        await self._work("get")
        return self.items.get(key)

    async def set(self, key: str, value: str) -> None:
        await self._work("set")
        self.items[key] = value

    async def remove(self, key: str) -> None:
        await self._work("remove")
        self.items.pop(key, None)

    async def _work(self, method: str) -> None:
        await asyncio.sleep(0)
        if method in self.broken:
            raise self.broken[method]


class Origin:
    """A browser's storage and Web Locks, and the pages that are open in it."""

    def __init__(self, web_locks: bool = True) -> None:
        self.storage = Memory()
        self.holders: dict[str, Page] = {}
        self.web_locks = web_locks

    def page(self, scope: str = "scope") -> Page:
        return Page(self, scope)


def call_later(seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
    return asyncio.get_running_loop().call_later(seconds, callback).cancel


class Page:
    """One page: its locks, and its session."""

    def __init__(self, origin: Origin, scope: str) -> None:
        self.origin = origin
        self.errors: list[WebchatError] = []
        self.session = Session(origin.storage, scope, self, self.errors.append, call_later)

    @asynccontextmanager
    async def locked(self, name: str) -> AsyncGenerator[None]:
        while (release := await self.try_lock(name)) is None:  # noqa: ASYNC110 - as simple as can be
            await asyncio.sleep(0)
        try:
            yield
        finally:
            release()

    async def try_lock(self, name: str) -> Callable[[], None] | None:
        await asyncio.sleep(0)
        if not self.origin.web_locks:
            return lambda: None
        if name in self.origin.holders:
            return None
        self.origin.holders[name] = self
        return lambda: self.release(name)

    def release(self, name: str) -> None:
        assert self.origin.holders.pop(name) is self

    async def die(self) -> None:
        """As when the reader closes or reloads the page: what was not written is not, and its locks are free."""
        if self.session._writer is not None:
            self.session._writer.cancel()
            await asyncio.wait({self.session._writer})
        for name in [name for name, holder in self.origin.holders.items() if holder is self]:
            del self.origin.holders[name]


def message(client_id: str, **changes: Any) -> Unsent:
    fields = {
        "user_id": ADA.user_id,
        "client_id": client_id,
        "conversation_id": "conversation",
        "payload": {"type": "text", "text": f"text of {client_id}"},
        "metadata": {"clientMessageId": client_id, "mood": ["good"]},
        "reply_to": None,
        "failed": False,
    }
    return Unsent(**{**fields, **changes})


async def open_page(origin: Origin, credentials: Credentials = ADA, scope: str = "scope") -> Page:
    page = origin.page(scope)
    await page.session.save_credentials(credentials)
    return page


async def settle(page: Page) -> None:
    """Wait until the page has written what it has."""
    while page.session._writer is not None:
        await asyncio.wait({page.session._writer})


def ids(messages: list[Unsent]) -> list[str]:
    return [message.client_id for message in messages]


# Who one is, and where


async def test_the_next_page_has_the_user_and_the_conversation() -> None:
    origin = Origin()
    page = await open_page(origin)
    await page.session.save_conversation("conversation")
    assert await origin.page().session.load() == (ADA, "conversation")


async def test_nothing_is_stored_at_first() -> None:
    assert await Origin().page().session.load() == (None, None)


async def test_the_same_user_again_keeps_the_conversation_also_with_another_key() -> None:
    origin = Origin()
    page = await open_page(origin)
    await page.session.save_conversation("conversation")
    changed = Credentials("ada", "new-key")
    await (await open_page(origin)).session.save_credentials(changed)
    assert await origin.page().session.load() == (changed, "conversation")


async def test_another_user_takes_over_neither_conversation_nor_messages() -> None:
    origin = Origin()
    page = await open_page(origin)
    await page.session.save_conversation("conversation")
    page.session.keep(message("1"))
    await settle(page)
    await page.session.save_credentials(BOB)
    page.session.keep(message("2", user_id=BOB.user_id))
    await settle(page)
    await page.die()
    other = origin.page()
    assert await other.session.load() == (BOB, None)
    assert ids(await other.session.adopt()) == ["2"]
    assert '"ada"' not in str(origin.storage.items)


async def test_a_page_of_the_old_user_does_not_change_what_the_new_one_has_stored() -> None:
    origin = Origin()
    old = await open_page(origin)
    new = await open_page(origin, BOB)
    await new.session.save_conversation("of bob")
    await old.session.save_conversation("of ada")
    assert await origin.page().session.load() == (BOB, "of bob")


async def test_scopes_do_not_mix() -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    await page.session.close()
    other = origin.page("other")
    assert await other.session.load() == (None, None)
    await other.session.save_credentials(ADA)
    assert await other.session.adopt() == []
    await other.session.forget()
    assert await origin.page().session.load() == (ADA, None)


def parts() -> list[tuple[str, str, str | None]]:
    return [
        ("https://host", "bot", None),
        ("https://host", "bot", "key"),
        ("https://host", "bot key", None),
        ("https://host", "bot", "key#unsent"),
        ("https://host", "bot#unsent", None),
        ("https://host/bot", "key", None),
        ("https://host:80", "bot", None),
        ("https://host", "80", "bot"),
    ]


async def test_no_two_chats_have_the_same_scope() -> None:
    scopes = {scope_of(*part) for part in parts()}
    assert len(scopes) == len(parts())
    assert not any("#" in scope for scope in scopes)


CORRUPT = [
    "",
    "no json, but a secret",
    "null",
    '["secret"]',
    "[" * 100_000,
    '{"userId": "", "userToken": "secret", "conversationId": null}',
    '{"userId": "ada", "userToken": "secret\\n", "conversationId": null}',
    '{"userId": "ada", "userToken": "secret"}',
    '{"userId": "ada", "userToken": "secret", "conversationId": 1}',
    '{"userId": 1, "userToken": "secret", "conversationId": null}',
]


@pytest.mark.parametrize("text", CORRUPT)
async def test_a_corrupt_session_is_dropped_and_not_shown(text: str, caplog: pytest.LogCaptureFixture) -> None:
    origin = Origin()
    origin.storage.items["scope"] = text
    page = origin.page()
    assert await page.session.load() == (None, None)
    assert "cannot be read" in caplog.text
    assert "secret" not in caplog.text
    assert origin.storage.items == {}
    assert page.errors == []


async def test_what_is_no_text_is_dropped() -> None:
    origin = Origin()
    origin.storage.items["scope"] = b"{}"  # type: ignore[assignment]  # as a user's storage may give it
    assert await origin.page().session.load() == (None, None)


async def test_two_pages_that_start_at_once_make_one_user() -> None:
    origin = Origin()
    made = []

    async def start(name: str) -> Credentials:
        session = origin.page().session
        async with session.lock():
            credentials, _ = await session.load()
            if credentials is None:
                await asyncio.sleep(0.01)
                credentials = Credentials(name, "key")
                made.append(credentials)
                await session.save_credentials(credentials)
        return credentials

    first, second = await asyncio.gather(start("first"), start("second"))
    assert [first] == [second] == made


# What is unsent


async def test_unsent_messages_come_back_as_they_were_in_their_order() -> None:
    origin = Origin()
    page = await open_page(origin)
    kept = [
        message("2", failed=True, mark=("newest", "2026-11-22T10:00:00+00:00")),
        message("1", reply_to="another", sent_on="2026-11-22T10:00:00+00:00"),
        message("3", mark=("newest", None)),
    ]
    for unsent in kept:
        page.session.keep(unsent)
    await settle(page)
    await page.die()
    assert await (await open_page(origin)).session.adopt() == kept


@pytest.mark.parametrize("turns", range(12))
async def test_what_changes_while_it_is_being_written_is_stored_as_it_is_last(turns: int) -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    page.session.keep(message("2"))
    for _ in range(turns):
        await asyncio.sleep(0)
    page.session.keep(message("2", failed=True))
    page.session.drop("1")
    await settle(page)
    await page.die()
    assert await (await open_page(origin)).session.adopt() == [message("2", failed=True)]


async def test_what_is_sent_leaves_nothing_behind() -> None:
    origin = Origin()
    page = await open_page(origin)
    before = dict(origin.storage.items)
    page.session.keep(message("1"))
    await settle(page)
    assert origin.storage.items != before
    page.session.drop("1")
    await settle(page)
    assert origin.storage.items == before
    assert origin.holders == {}


async def test_messages_of_a_living_page_are_its_own() -> None:
    origin = Origin()
    page, other = await open_page(origin), await open_page(origin)
    page.session.keep(message("1"))
    await settle(page)
    assert await other.session.adopt() == []
    other.session.keep(message("2"))
    await settle(other)
    await page.die()
    assert ids(await other.session.adopt()) == ["1"]
    assert await other.session.adopt() == []


async def test_of_two_pages_one_adopts() -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    await settle(page)
    await page.die()
    pages = [await open_page(origin) for _ in range(3)]
    adopted = await asyncio.gather(*(page.session.adopt() for page in pages))
    assert sorted(map(ids, adopted)) == [[], [], ["1"]]


async def test_what_was_adopted_is_kept_on() -> None:
    origin = Origin()
    for name in ("1", "2", "3"):
        page = await open_page(origin)
        await page.session.adopt()
        page.session.keep(message(name))
        await settle(page)
        await page.die()
    page = await open_page(origin)
    assert ids(await page.session.adopt()) == ["1", "2", "3"]
    page.session.drop("2")
    await settle(page)
    await page.die()
    assert ids(await (await open_page(origin)).session.adopt()) == ["1", "3"]


async def test_nobody_gets_the_messages_of_another_user() -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    await settle(page)
    await page.die()
    assert await (await open_page(origin, BOB)).session.adopt() == []
    assert "text of 1" not in str(origin.storage.items)
    assert await (await open_page(origin)).session.adopt() == []


async def test_without_a_user_nothing_is_adopted_and_nothing_lost() -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    await settle(page)
    await page.die()
    assert await origin.page().session.adopt() == []
    assert ids(await (await open_page(origin)).session.adopt()) == ["1"]


async def test_without_web_locks_every_page_is_adopted_from() -> None:
    origin = Origin(web_locks=False)
    page, other = await open_page(origin), await open_page(origin)
    page.session.keep(message("1"))
    await settle(page)
    assert ids(await other.session.adopt()) == ["1"]


def entry(**changes: Any) -> list[Any]:
    fields = {"client_id": "1", "conversation_id": "c", "payload": {}, "metadata": {}, "reply_to": None}
    return ["page", {"user_id": "ada", **fields, "failed": False, **changes}]


@pytest.mark.parametrize(
    "stored",
    [
        "secret",
        {"secret": 1},
        ["secret"],
        [["page"]],
        [["page", "secret"]],
        [["page", "ada", entry()[1]]],
        [[1, entry()[1]]],
        [entry(user_id=1)],
        [entry(secret=1)],
        [entry(client_id=None)],
        [entry(conversation_id=1)],
        [entry(payload="secret")],
        [entry(failed=1)],
        [entry(sent_on=1)],
        [entry(mark="secret")],
        [entry(mark=["secret"])],
        [entry(mark=[None, None])],
    ],
)
async def test_a_corrupt_list_is_dropped_and_not_shown(stored: Any, caplog: pytest.LogCaptureFixture) -> None:
    origin = Origin()
    page = await open_page(origin)
    origin.storage.items["scope#unsent"] = json.dumps(stored)
    assert await page.session.adopt() == []
    assert "cannot be read" in caplog.text
    assert "secret" not in caplog.text
    page.session.keep(message("1"))
    await settle(page)
    await page.die()
    assert ids(await (await open_page(origin)).session.adopt()) == ["1"]


async def test_the_list_above_is_one_but_for_the_changes() -> None:
    origin = Origin()
    page = await open_page(origin)
    origin.storage.items["scope#unsent"] = json.dumps([entry()])
    assert ids(await page.session.adopt()) == ["1"]


# The end of it


async def test_a_session_that_could_not_be_read_once_is_not_lost() -> None:
    origin = Origin()
    await open_page(origin)
    origin.storage.broken = {"get": OSError()}
    page = origin.page()
    assert await page.session.load() == (None, None)
    await page.session.save_credentials(BOB)
    origin.storage.broken = {}
    assert await origin.page().session.load() == (ADA, None)


async def test_a_storage_that_does_not_answer_holds_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        async def get(self, key: str) -> str | None:
            await asyncio.Event().wait()
            return None

        async def set(self, key: str, value: str) -> None:
            await asyncio.Event().wait()

        async def remove(self, key: str) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("webchat_py.session.PATIENCE", 0.01)
    page = Origin().page()
    session = Session(Silent(), "scope", page, page.errors.append, call_later)
    assert await session.load() == (None, None)
    await session.save_credentials(ADA)
    session.keep(message("1"))
    await session.forget()
    await session.close()
    assert {str(error) for error in page.errors} == {"The storage did not answer within 0.01 s"}


async def test_an_empty_storage_that_has_a_length_is_one() -> None:
    class Sized(dict[str, str]):
        async def get(self, key: str) -> str | None:  # type: ignore[override]  # a user's own
            return super().get(key)

        async def set(self, key: str, value: str) -> None:
            self[key] = value

        async def remove(self, key: str) -> None:
            self.pop(key, None)

    storage, page = Sized(), Origin().page()
    await Session(storage, "scope", page, page.errors.append, call_later).save_credentials(ADA)
    assert await Session(storage, "scope", page, page.errors.append, call_later).load() == (ADA, None)


async def test_forgetting_leaves_nothing() -> None:
    origin = Origin()
    gone, page = await open_page(origin), await open_page(origin)
    gone.session.keep(message("1"))
    page.session.keep(message("2"))
    await settle(gone)
    await gone.die()
    await page.session.forget()
    await page.session.close()
    assert origin.storage.items == {}
    assert origin.holders == {}


async def test_a_page_that_lives_on_does_not_bring_the_forgotten_user_back() -> None:
    origin = Origin()
    page, other = await open_page(origin), await open_page(origin)
    page.session.keep(message("1"))
    await settle(page)
    await other.session.forget()
    await page.session.save_conversation("conversation")
    assert await origin.page().session.load() == (None, None)
    page.session.drop("1")
    await settle(page)
    assert origin.storage.items == {}


async def test_closing_writes_everything_and_frees_the_messages_also_for_the_same_session() -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    await page.session.close()
    assert origin.holders == {}
    assert await page.session.load() == (ADA, None)
    assert ids(await page.session.adopt()) == ["1"]


async def test_without_a_storage_nothing_is_kept_and_nothing_fails() -> None:
    origin = Origin()
    page = origin.page()
    session = Session(None, "scope", page, page.errors.append, call_later)
    async with session.lock():
        await session.save_credentials(ADA)
        assert origin.holders == {}
    await session.save_conversation("conversation")
    session.keep(message("1"))
    session.drop("1")
    session.keep(message("2"))
    assert await session.load() == (None, None)
    assert await session.adopt() == []
    await session.forget()
    await session.close()
    assert page.errors == []


# A storage that fails


async def test_a_storage_that_fails_is_told_once_without_what_it_holds(caplog: pytest.LogCaptureFixture) -> None:
    origin = Origin()
    page = origin.page()
    origin.storage.broken = {name: OSError("key-of-ada") for name in ("get", "set", "remove")}
    assert await page.session.load() == (None, None)
    await page.session.save_credentials(ADA)
    await page.session.save_conversation("conversation")
    page.session.keep(message("1"))
    assert await page.session.adopt() == []
    page.session.drop("1")
    await page.session.forget()
    await page.session.close()
    # Of reading and of removing: what could not be read is not written over.
    assert [str(error) for error in page.errors] == ["The storage failed with OSError"] * 2
    assert "The storage failed with OSError" in caplog.text
    assert "key-of-ada" not in caplog.text + repr(page.errors)
    assert origin.holders == {}


async def test_a_full_storage_is_told_again_when_it_had_room_in_between() -> None:
    origin = Origin()
    page = origin.page()
    full = WebchatError("full")
    for broken in ({"set": full}, {"set": full}, {}, {"set": full}):
        origin.storage.broken = broken
        await page.session.save_credentials(ADA)
    assert page.errors == [full, full]


async def test_what_cannot_be_read_is_not_overwritten() -> None:
    origin = Origin()
    page = await open_page(origin)
    page.session.keep(message("1"))
    await page.session.close()
    other = await open_page(origin)
    origin.storage.broken = {"get": OSError()}
    other.session.keep(message("2"))
    await settle(other)
    origin.storage.broken = {}
    other.session.keep(message("3"))
    await settle(other)
    await other.die()
    assert ids(await (await open_page(origin)).session.adopt()) == ["1", "2", "3"]


async def test_a_storage_without_its_methods_is_told() -> None:
    origin = Origin()
    page = origin.page()
    session = Session(object(), "scope", page, page.errors.append, call_later)  # type: ignore[arg-type]  # a user's mistake
    assert await session.load() == (None, None)
    assert [str(error) for error in page.errors] == ["The storage failed with AttributeError"]


async def test_no_key_is_in_a_repr() -> None:
    page = await open_page(Origin())
    assert "key-of-ada" not in repr(page.session) + repr(vars(page.session))
