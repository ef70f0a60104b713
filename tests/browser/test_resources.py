"""What the client takes it gives back: proxies, listeners, timers, tasks and connections."""

from __future__ import annotations

import os

import pytest
from pytest_pyodide import run_in_pyodide

ROUNDS = 200 if os.environ.get("WEBCHAT_TEST_FULL") == "1" else 50
COUNT_TIMERS_AND_STREAMS = """
self.held = {timers: new Map(), intervals: new Set(), listeners: 0};
const {setTimeout, clearTimeout, setInterval, clearInterval, EventSource, WebSocket} = self;
const count = (target, name, change) => {
    const original = target.prototype[name];
    target.prototype[name] = function (...rest) { self.held.listeners += change; return original.apply(this, rest); };
};
self.setTimeout = (callback, ms, ...rest) => {
    const timer = setTimeout((...all) => { self.held.timers.delete(timer); callback(...all); }, ms, ...rest);
    // The event loop's own timers run to their end even when they are not needed any more: those of `asyncio.timeout`
    // for a refusal (10 s) and for an event that a test waits for (15 s), and those without a delay.
    if (ms > 50 && !(ms > 9000 && ms < 15100)) self.held.timers.set(timer, ms);
    return timer;
};
self.clearTimeout = (timer) => { self.held.timers.delete(timer); clearTimeout(timer); };
self.setInterval = (...all) => { const timer = setInterval(...all); self.held.intervals.add(timer); return timer; };
self.clearInterval = (timer) => { self.held.intervals.delete(timer); clearInterval(timer); };
for (const target of [EventSource, WebSocket]) {
    count(target, "addEventListener", 1);
    count(target, "removeEventListener", -1);
}
"""


@run_in_pyodide
async def _rounds(selenium, url, event_source, number):
    import asyncio
    import contextlib
    import gc

    from in_browser import Events, error_of, tell, wake
    from js import held, navigator

    from webchat_py import get_client

    async def counts():
        gc.collect()
        return {
            "timers": [int(ms) for ms in held.timers.values()],
            "intervals": held.intervals.size,
            "listeners": held.listeners,
            "locks": len((await navigator.locks.query()).held),
            "streams": await tell(url, "open-streams"),
            "tasks": len(asyncio.all_tasks()),
        }

    async def lose_the_stream(events, hard=False):
        await tell(url, "end-streams", hard=hard)
        await events.next("connection", lambda connection: connection.state == "reconnecting")

    before = await counts()
    for turn in range(number):
        seconds = {"timeout": 50, "idle_timeout": 50, "retry_for": 50}  # which no timer of the event loop takes
        client = get_client("local", url, event_source=event_source, storage=[None, "local"][turn % 2], **seconds)
        events = Events(client)
        await (client.start() if turn % 2 else client.connect())
        first = await client.new_conversation()
        await client.send_message("hello")
        await events.next("message", lambda message: message.payload.text == "echo: hello")
        await client.new_conversation()
        await client.switch_conversation(first)
        await error_of(client.switch_conversation("conv_that_is_not"))
        await client.send_file(b"abc", "a.txt", on_progress=lambda sent, total: None)
        given_up = [
            asyncio.ensure_future(client.send_message("given up")),
            asyncio.ensure_future(
                client.send_file(bytes(100_000), "given-up.bin", on_progress=lambda sent, total: None)
            ),
            asyncio.ensure_future(client.ask("given up")),
            client.wait_for("message"),
        ]
        for _ in range(turn % 7):
            await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        if turn % 3 == 1:
            await lose_the_stream(events, hard=turn % 2 == 0)
            wake("online")
            await events.next("connection", lambda connection: connection.state == "connected")
        if turn % 3 == 2:
            await tell(url, "rule", route="GET /listen", status=503, body="{}")
            await lose_the_stream(events)
            given_up = [asyncio.ensure_future(client.send_message(word)) for word in ("given up", "kept")]
            await events.next("message_status", lambda message: message.text == "kept")
            given_up[0].cancel()
        await client.disconnect(forget=turn % 4 == 3)
        await tell(url, "clear")
        await asyncio.gather(*given_up, return_exceptions=True)
        del client, events, given_up, task
    # Cancelled tasks end within the next turns of the loop.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(15):
            while await counts() != before:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0)
    return before, await counts()


@pytest.mark.driver_timeout(400)
@pytest.mark.parametrize(("event_source", "number"), [("fetch", ROUNDS), ("native", ROUNDS)])
def test_nothing_is_left_behind_after_many_rounds(selenium_client, proxy_url, event_source, number):
    selenium_client.run_js(COUNT_TIMERS_AND_STREAMS)
    # What is loaded or cached once is no leak.
    _rounds(selenium_client, proxy_url, event_source, 7)
    selenium_client.enable_pyproxy_tracing()
    proxies = selenium_client.get_num_proxies()
    before, after = _rounds(selenium_client, proxy_url, event_source, number)
    assert after == before
    assert selenium_client.get_num_proxies() == proxies


@run_in_pyodide
async def _rounds_over_a_socket(selenium, url, number):
    import asyncio
    import contextlib
    import gc

    from in_browser import Events, all_streams_end, error_of, faults, hit_streams, wake
    from js import held

    from webchat_py import get_client

    def counts():
        gc.collect()
        return {
            "timers": [int(ms) for ms in held.timers.values()],
            "listeners": held.listeners,
            "tasks": len(asyncio.all_tasks()),
        }

    before = counts()
    for turn in range(number):
        seconds = {"timeout": 50, "idle_timeout": 50, "retry_for": 50}  # which no timer of the event loop takes
        client = get_client("local", url, "messaging", storage=[None, "local"][turn % 2], **seconds)
        events = Events(client)
        await (client.start() if turn % 2 else client.connect())
        first = await client.new_conversation()
        await client.send_message("hello")
        await events.next("message", lambda message: message.payload.text == "echo: hello")
        await client.new_conversation()
        await client.switch_conversation(first)
        await error_of(client.switch_conversation("conv_that_is_not"))
        calls = client.send_message("given up"), client.ask("given up"), client.get_user()
        given_up = [*map(asyncio.ensure_future, calls), client.wait_for("message")]
        for _ in range(turn % 7):
            await asyncio.sleep(0)
        for task in given_up:
            task.cancel()
        if turn % 3:
            await faults(url, *[{"kind": "lose-answer", "on": "POST /messages", "times": 1}][: turn % 3 - 1])
            await hit_streams(url, ["clean", "hard"][turn % 2])
            await events.next("connection", lambda connection: connection.state == "reconnecting")
            wake("online")
            await client.send_message("kept")
        await client.disconnect(forget=turn % 4 == 3)
        await asyncio.gather(*given_up, return_exceptions=True)
        del client, events, given_up, task, calls
    await all_streams_end(url)
    # Cancelled tasks end within the next turns of the loop.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(15):
            while counts() != before:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0)
    return before, counts()


@pytest.mark.driver_timeout(400)
def test_nothing_is_left_behind_after_many_rounds_over_a_socket(selenium_client, sockets_url):
    selenium_client.run_js(COUNT_TIMERS_AND_STREAMS)
    _rounds_over_a_socket(selenium_client, sockets_url, 7)  # what is loaded or cached once is no leak
    selenium_client.enable_pyproxy_tracing()
    proxies = selenium_client.get_num_proxies()
    before, after = _rounds_over_a_socket(selenium_client, sockets_url, ROUNDS)
    assert after == before
    assert selenium_client.get_num_proxies() == proxies
