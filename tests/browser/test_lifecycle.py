"""Timers, and what the browser tells of the page's life."""

from __future__ import annotations

import time

import pytest
from pytest_pyodide import run_in_pyodide

# The clock can be put forward, intervals tick every 5 ms, and what is running is counted.
COUNTED = """
if (!self.counted) {
    const {setTimeout, clearTimeout, setInterval, clearInterval} = self;
    const now = Date.now;
    self.counted = {ahead: 0, timers: new Set(), intervals: new Set()};
    Date.now = () => now() + self.counted.ahead;
    self.setTimeout = (callback, ms, ...rest) => {
        const timer = setTimeout((...all) => { self.counted.timers.delete(timer); callback(...all); }, ms, ...rest);
        if (ms % 1000 === 77) self.counted.timers.add(timer);  // the tests' own, not the event loop's
        return timer;
    };
    self.clearTimeout = (timer) => { self.counted.timers.delete(timer); clearTimeout(timer); };
    self.setInterval = (callback, ms) => {
        const timer = setInterval(callback, ms === 10000 ? 5 : ms);
        self.counted.intervals.add(timer);
        return timer;
    };
    self.clearInterval = (timer) => { self.counted.intervals.delete(timer); clearInterval(timer); };
}
"""


@pytest.fixture
def selenium_counted(selenium_either_client):
    selenium_either_client.run(f"from pyodide.code import run_js\nrun_js({COUNTED!r})\nNone")
    return selenium_either_client


@run_in_pyodide
async def test_a_timer_calls_once_and_in_time(selenium_either_client):
    import asyncio
    import time

    from webchat_py.browser.lifecycle import call_later

    calls, done = [], asyncio.Event()
    began = time.monotonic()
    call_later(0.2, done.set)
    for seconds in (0.1, 0.05, 0):
        call_later(seconds, lambda seconds=seconds: calls.append(seconds))
    await done.wait()
    assert calls == [0, 0.05, 0.1]
    assert 0.19 < time.monotonic() - began < 5


@run_in_pyodide
async def test_a_cancelled_timer_does_not_call_and_leaves_nothing(selenium_counted):
    import asyncio

    from js import self

    from webchat_py.browser.lifecycle import call_later

    calls, done = [], asyncio.Event()
    cancel = call_later(0.077, lambda: calls.append("cancelled"))
    late = call_later(1000.077, lambda: calls.append("late"))
    assert self.counted.timers.size == 2
    cancel()
    cancel()
    late()
    assert self.counted.timers.size == 0
    cancel = call_later(0.15, done.set)
    await done.wait()
    cancel()  # It has called already.
    assert calls == []


@run_in_pyodide
async def test_a_timer_of_many_days_does_not_call_at_once(selenium_either_client):
    import asyncio

    from webchat_py.browser.lifecycle import call_later

    calls, done = [], asyncio.Event()
    cancels = [call_later(seconds, lambda: calls.append("too early")) for seconds in (1e7, float("inf"))]
    call_later(0.05, done.set)
    await done.wait()
    for cancel in cancels:
        cancel()
    assert calls == []


@run_in_pyodide
async def test_a_jump_of_the_clock_is_told_once(selenium_counted):
    import asyncio

    from js import self

    from webchat_py.browser.lifecycle import watch

    told = asyncio.Queue()
    end = watch(told.put_nowait)
    self.counted.ahead += 39_000  # the tick's 10 s, and less than 30 s
    await asyncio.sleep(0.05)
    assert told.empty()
    self.counted.ahead += 41_000
    assert await told.get() == "slept"
    self.counted.ahead -= 1_000_000
    await asyncio.sleep(0.05)
    assert told.empty()
    end()


@run_in_pyodide
async def test_online_and_offline_are_told_until_the_end(selenium_counted):
    from js import Event, navigator, self

    from webchat_py.browser.lifecycle import online, watch

    told, others = [], []
    end, other_end = watch(told.append), watch(others.append)
    assert self.counted.intervals.size == 2
    assert online() is navigator.onLine is True
    self.dispatchEvent(Event.new("offline"))
    self.dispatchEvent(Event.new("online"))
    end()
    end()
    self.dispatchEvent(Event.new("offline"))
    other_end()
    self.dispatchEvent(Event.new("online"))
    assert told == ["offline", "online"]
    assert others == ["offline", "online", "offline"]
    assert self.counted.intervals.size == 0


@run_in_pyodide
async def _watch(selenium):
    import json

    from webchat_py.browser.lifecycle import online, watch

    json.told = []
    json.end_of_watch = watch(lambda wake: json.told.append((wake, online())))


@run_in_pyodide
async def _told(selenium):
    import json

    told, json.told = json.told, []
    return told


@run_in_pyodide
async def _end(selenium):
    import json

    json.end_of_watch()


def eventually_told(selenium, expected):
    deadline = time.monotonic() + 20
    told = []
    while len(told) < len(expected) and time.monotonic() < deadline:
        told += _told(selenium)
    assert told == expected


def test_the_network_going_and_coming_is_told(selenium_client):
    driver = selenium_client.driver
    _watch(selenium_client)
    driver.execute_cdp_cmd("Network.enable", {})
    conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    for offline, told in ((True, ("offline", False)), (False, ("online", True))):
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**conditions, "offline": offline})
        eventually_told(selenium_client, [told])
    _end(selenium_client)


def test_the_page_being_looked_at_again_is_told(selenium_client):
    driver = selenium_client.driver
    page = driver.current_window_handle
    _watch(selenium_client)
    driver.switch_to.new_window("tab")
    driver.close()
    driver.switch_to.window(page)
    eventually_told(selenium_client, [("visible", True)])
    _end(selenium_client)


@run_in_pyodide
async def test_a_page_out_of_the_browsers_cache_is_told_and_a_new_one_is_not(selenium_client):
    from js import Object, PageTransitionEvent, self

    from webchat_py.browser.lifecycle import watch

    told = []
    end = watch(told.append)
    for persisted in (False, True):
        init = Object.new()
        init.persisted = persisted
        self.dispatchEvent(PageTransitionEvent.new("pageshow", init))
    end()
    assert told == ["restored"]


@run_in_pyodide
async def test_a_hidden_page_has_not_slept_and_neither_has_it_when_it_is_shown_again(selenium_client, counting):
    import asyncio

    from js import Event, document, self
    from pyodide.code import run_js

    from webchat_py.browser.lifecycle import watch

    run_js(counting)
    hide = run_js(
        "(state) => Object.defineProperty(document, 'visibilityState', {configurable: true, get: () => state})"
    )
    told = []
    end = watch(told.append)
    try:
        hide("hidden")
        document.dispatchEvent(Event.new("visibilitychange"))
        self.counted.ahead += 100_000
        await asyncio.sleep(0.05)
        assert told == []
        hide("visible")
        self.counted.ahead += 100_000
        document.dispatchEvent(Event.new("visibilitychange"))
        await asyncio.sleep(0.05)
        assert told == ["visible"]
    finally:
        end()
        run_js("delete document.visibilityState")


@pytest.fixture
def counting():
    return COUNTED


@run_in_pyodide
async def _rounds(selenium, number):
    import asyncio
    import gc

    from webchat_py.browser.lifecycle import call_later, watch

    for _ in range(number):
        end = watch(lambda wake: None)
        done = asyncio.Event()
        call_later(0.001, done.set)
        call_later(100, done.set)()
        await done.wait()
        end()
    gc.collect()


def test_no_proxy_is_left(selenium_either_client):
    _rounds(selenium_either_client, 2)
    selenium_either_client.enable_pyproxy_tracing()
    before = selenium_either_client.get_num_proxies()
    _rounds(selenium_either_client, 20)
    assert selenium_either_client.get_num_proxies() == before
