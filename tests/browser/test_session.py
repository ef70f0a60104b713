"""The session in a real browser: what it is stored in, and the locks that keep pages apart."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

pytestmark = pytest.mark.every_browser


@pytest.fixture(params=["local", "session", "indexeddb"])
def choice(request):
    return request.param


@run_in_pyodide
async def test_what_is_stored_is_there_until_it_is_removed(selenium_client, choice):
    from webchat_py.browser.storage import storage

    first, second = storage(choice), storage(choice)
    assert await first.get("key") is None
    await first.set("key", "value")
    await first.set("other", "another")
    await first.set("key", "Ünicode \0 🙂")
    assert await second.get("key") == "Ünicode \0 🙂"
    await second.remove("key")
    await second.remove("key")
    assert await first.get("key") is None
    assert await first.get("other") == "another"
    await first.remove("other")


@run_in_pyodide
async def test_a_worker_has_indexeddb_only_and_says_so(selenium_worker_client):
    import logging

    from in_browser import error_of

    from webchat_py.browser.storage import storage

    records = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger("webchat_py").addHandler(handler)
    local, database = storage("local"), storage("indexeddb")
    assert [record.getMessage() for record in records] == [
        "there is no localStorage in a worker: storage='local' means 'indexeddb' here"
    ]
    await local.set("key", "value")
    assert await database.get("key") == "value"
    await database.remove("key")
    assert await local.get("key") is None

    async def choose(choice):
        storage(choice)

    error = await error_of(choose("session"))
    assert isinstance(error, ValueError)
    assert "worker" in str(error)


@run_in_pyodide
def test_no_other_storage_is_known(selenium_client):
    import pytest

    from webchat_py.browser.storage import storage

    with pytest.raises(ValueError, match=r"'local', 'session', 'indexeddb'.*not 'Local'"):
        storage("Local")


@run_in_pyodide
async def test_a_storage_that_the_browser_refuses_is_told_and_the_chat_goes_on(selenium_client, choice):
    from pyodide.code import run_js

    from webchat_py.browser import locks
    from webchat_py.browser.lifecycle import call_later
    from webchat_py.browser.storage import storage
    from webchat_py.session import Session, Unsent
    from webchat_py.wire.models import Credentials

    name = {"local": "localStorage", "session": "sessionStorage", "indexeddb": "indexedDB"}[choice]
    refusals = {
        "get() { throw new DOMException('no', 'SecurityError'); }": "Error",
        "value: null": "no storage",
        "value: undefined": "no storage",
    }
    kept = run_js(f"Object.getOwnPropertyDescriptor(self, '{name}')")
    try:
        for refusal, reason in refusals.items():
            run_js(f"Object.defineProperty(self, '{name}', {{configurable: true, {refusal}}}); null")
            errors = []
            session = Session(storage(choice), "refused", locks, errors.append, call_later)
            async with session.lock():
                assert await session.load() == (None, None)
                await session.save_credentials(Credentials("ada", "secret"))
            session.keep(Unsent("ada", "1", "c", {}, {}, None, False))
            await session.close()
            # Firefox tells the exception's name, where others tell that of its class.
            reasons = {reason, "SecurityError"} if reason == "Error" else {reason}
            said = {str(error) for error in errors}
            assert len(said) == 1
            assert said <= {f"The browser keeps nothing for this page ({reason})" for reason in reasons}
    finally:
        run_js("(name, kept) => Object.defineProperty(self, name, kept)")(name, kept)


@run_in_pyodide
async def _fill(selenium, choice, size):
    from webchat_py.browser.storage import storage
    from webchat_py.wire.errors import WebchatError

    try:
        await storage(choice).set("big", "x" * size)
    except WebchatError as error:
        return str(error)
    finally:
        await storage(choice).remove("big")


@pytest.mark.fresh_page
@pytest.mark.parametrize("storage", ["local", "session"])
def test_a_storage_without_room_is_told(selenium_client, storage):
    outcome = _fill(selenium_client, storage, 6_000_000)  # they have room for 5 MB at most
    assert outcome == "The browser keeps nothing for this page (QuotaExceededError)"
    assert _fill(selenium_client, storage, 1000) is None


@pytest.mark.fresh_page
@pytest.mark.missing_in("firefox", "webkit", because="has no command by which a test limits the room of a database")
def test_a_database_without_room_is_told(selenium_client):
    quota = {"origin": selenium_client.base_url}
    execute = selenium_client.driver.execute_cdp_cmd
    # Chromium remembers for 30 s how much room a database had, and clearing lets it forget that.
    execute("Storage.clearDataForOrigin", {**quota, "storageTypes": "all"})
    execute("Storage.overrideQuotaForOrigin", {**quota, "quotaSize": 100_000})
    try:
        outcome = _fill(selenium_client, "indexeddb", 6_000_000)
    finally:
        execute("Storage.overrideQuotaForOrigin", quota)
    assert outcome == "The browser keeps nothing for this page (QuotaExceededError)"
    assert _fill(selenium_client, "indexeddb", 1000) is None


# Locks


@run_in_pyodide
async def test_one_at_a_time_is_in_a_locked_block(selenium_either_client):
    import asyncio

    from webchat_py.browser.locks import locked

    inside, most, order = 0, 0, []

    async def enter(name, number):
        nonlocal inside, most
        async with locked(name):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.01)
            inside -= 1
            order.append(number)

    await asyncio.gather(*(enter("one", number) for number in range(5)))
    assert order == [0, 1, 2, 3, 4]
    assert most == 1
    async with locked("one"):
        await enter("another", 5)
    assert inside == 0


@run_in_pyodide
async def test_a_block_that_fails_or_is_cancelled_frees_its_lock(selenium_either_client):
    import asyncio

    from in_browser import error_of

    from webchat_py.browser.locks import locked

    async def fail():
        async with locked("freed"):
            raise OSError

    async def stay(entered):
        async with locked("freed"):
            entered.set()
            await asyncio.Event().wait()

    assert isinstance(await error_of(fail()), OSError)
    entered = asyncio.Event()
    task = asyncio.ensure_future(stay(entered))
    await entered.wait()
    task.cancel()
    async with locked("freed"):
        assert task.cancelled()


@run_in_pyodide
async def test_who_stops_waiting_does_not_get_the_lock_later(selenium_either_client):
    import asyncio

    from js import navigator

    from webchat_py.browser.locks import locked, try_lock

    async def waiters():
        return (await navigator.locks.query()).pending.length

    async def enter():
        async with locked("waited for"):
            raise AssertionError("it was cancelled before")

    release = await try_lock("waited for")
    task = asyncio.ensure_future(enter())
    async with asyncio.timeout(10):
        while await waiters() == 0:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
        task.cancel()
        while await waiters() != 0:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
    release()
    async with locked("waited for"):
        assert task.cancelled()


@run_in_pyodide
async def test_giving_up_at_any_moment_leaves_no_lock(selenium_either_client):
    import asyncio

    from js import navigator

    from webchat_py.browser.locks import locked, try_lock

    async def hold():
        async with locked("given up"):
            await asyncio.sleep(0.001)

    for turn in range(40):
        tasks = [asyncio.ensure_future(work) for work in (hold(), hold(), try_lock("given up"))]
        for _ in range(turn):
            await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        _, _, release = await asyncio.gather(*tasks, return_exceptions=True)
        if callable(release):
            release()
    async with asyncio.timeout(10):
        while (state := await navigator.locks.query()).held.length + state.pending.length:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)


@run_in_pyodide
async def test_a_lock_is_had_by_one_until_it_is_released(selenium_either_client):
    from webchat_py.browser.locks import locked, try_lock

    release = await try_lock("tried")
    assert await try_lock("tried") is None
    other = await try_lock("untried")
    release()
    release()
    async with locked("tried"):  # waits for the release
        assert await try_lock("tried") is None
    other()


@run_in_pyodide
async def test_the_lock_of_a_page_ends_with_it(selenium_client):
    import asyncio

    from js import document
    from pyodide.code import run_js

    from webchat_py.browser.locks import locked, try_lock

    page = document.createElement("iframe")
    document.body.append(page)
    await run_js(
        "(page) => new Promise(held => page.contentWindow.navigator.locks.request('page', () => {"
        "    held(); return new Promise(() => {}); }))"
    )(page)
    assert await try_lock("page") is None
    page.remove()
    async with asyncio.timeout(10), locked("page"):
        pass


@pytest.fixture(params=["value: undefined", "value: {request: () => Promise.reject(new DOMException('no'))}"])
def no_locks(request):
    return request.param


@run_in_pyodide
async def test_without_web_locks_nobody_waits(selenium_client, no_locks):
    from pyodide.code import run_js

    from webchat_py.browser.locks import locked, try_lock

    run_js(f"Object.defineProperty(navigator, 'locks', {{configurable: true, {no_locks}}}); null")
    try:
        async with locked("none"), locked("none"):
            first, second = await try_lock("none"), await try_lock("none")
            first()
            second()
    finally:
        run_js("delete navigator.locks")


# Together


@run_in_pyodide
async def test_unsent_messages_go_from_a_client_that_is_gone_to_one_that_is_there(selenium_either_client):
    from webchat_py.browser import locks
    from webchat_py.browser.lifecycle import call_later
    from webchat_py.browser.storage import storage
    from webchat_py.session import Session, Unsent
    from webchat_py.wire.models import Credentials

    def page():
        return Session(storage("local"), "together", locks, errors.append, call_later)

    errors = []
    first, second = page(), page()
    ada = Credentials("ada", "secret")
    await first.save_credentials(ada)
    await first.save_conversation("conversation")
    message = Unsent("ada", "1", "conversation", {"type": "text", "text": "Hello"}, {"a": [1]}, None, False)
    first.keep(message)
    async with first.lock():
        assert await second.load() == (ada, "conversation")
    while first._writer:
        await first._writer
    assert await second.adopt() == []
    await first.close()
    assert await second.adopt() == [message]
    await first.load()
    assert await first.adopt() == []
    await second.forget()
    await second.close()
    assert await page().load() == (None, None)
    assert errors == []


@run_in_pyodide
async def _rounds(selenium, number):
    import asyncio
    import gc

    from js import navigator

    from webchat_py.browser.locks import locked, try_lock
    from webchat_py.browser.storage import storage

    for _ in range(number):
        release = await try_lock("round")
        assert await try_lock("round") is None
        waiting = asyncio.ensure_future(locked("round").__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait({waiting})
        release()
        async with locked("round"):
            for choice in ("local", "indexeddb"):
                await storage(choice).set("round", "value")
                await storage(choice).get("round")
                await storage(choice).remove("round")
        given_up = asyncio.ensure_future(storage("indexeddb").set("round", "value"))
        await asyncio.sleep(0)
        given_up.cancel()
    while (state := await navigator.locks.query()).held.length + state.pending.length:  # noqa: ASYNC110 - no event tells
        await asyncio.sleep(0)
    await asyncio.sleep(0.05)
    gc.collect()


def test_no_proxy_is_left(selenium_either_client):
    _rounds(selenium_either_client, 2)
    selenium_either_client.enable_pyproxy_tracing()
    before = selenium_either_client.get_num_proxies()
    _rounds(selenium_either_client, 20)
    assert selenium_either_client.get_num_proxies() == before
