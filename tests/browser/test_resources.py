"""What the client takes it gives back: proxies, listeners, timers, tasks and connections."""

from __future__ import annotations

import pytest
from pytest_pyodide import run_in_pyodide

COUNT_TIMERS_AND_STREAMS = """
self.held = {timers: new Set(), streams: new Set(), listeners: 0};
const {setTimeout, clearTimeout, EventSource} = self;
const count = (target, name, change) => {
    const original = target.prototype[name];
    target.prototype[name] = function (...rest) { self.held.listeners += change; return original.apply(this, rest); };
};
self.setTimeout = (callback, ms, ...rest) => {
    const timer = setTimeout((...all) => { self.held.timers.delete(timer); callback(...all); }, ms, ...rest);
    // The event loop's own timers run to their end even when they are not needed any more; these are the client's.
    if (ms === 54321) self.held.timers.add(timer);
    return timer;
};
self.clearTimeout = (timer) => { self.held.timers.delete(timer); clearTimeout(timer); };
count(EventSource, "addEventListener", 1);
count(EventSource, "removeEventListener", -1);
"""


@run_in_pyodide
async def _rounds(selenium, url, event_source, number):
    import asyncio
    import gc

    from in_browser import Events, error_of, tell
    from js import held

    from webchat_py import get_client

    def counts():
        gc.collect()
        return {
            "timers": held.timers.size,
            "listeners": held.listeners,
            "tasks": len(asyncio.all_tasks()),
        }

    before = counts()
    for turn in range(number):
        client = get_client("local", url, event_source=event_source, timeout=54.321)
        events = Events(client)
        await client.connect()
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
            await tell(url, "end-streams", hard=turn % 2 == 0)
            await events.next("connection", lambda connection: connection.state == "offline")
        await client.disconnect()
        del client, events, given_up, task
    # Cancelled tasks end within the next turns of the loop.
    async with asyncio.timeout(15):
        while counts() != before or await tell(url, "open-streams"):  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(0)
    return before, counts()


@pytest.mark.driver_timeout(400)
@pytest.mark.parametrize("event_source", ["fetch", "native"])
def test_nothing_is_left_behind_after_200_rounds(selenium_client, proxy_url, event_source):
    selenium_client.run_js(COUNT_TIMERS_AND_STREAMS)
    # What is loaded or cached once is no leak.
    _rounds(selenium_client, proxy_url, event_source, 7)
    selenium_client.enable_pyproxy_tracing()
    proxies = selenium_client.get_num_proxies()
    before, after = _rounds(selenium_client, proxy_url, event_source, 200)
    assert after == before
    assert selenium_client.get_num_proxies() == proxies
