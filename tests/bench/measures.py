"""What is measured. Each measure yields rows; what a row compares was measured in turns, pair by pair."""

from __future__ import annotations

import gzip
import json
import secrets
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import httpx
from playwright.sync_api import Page

from tests.bench.laboratory import PEERS, PYODIDE, ROOT, Laboratory

T = TypeVar("T")

NAMES = {
    "fetch": "webchat_py, fetch stream",
    "native": "webchat_py, native stream",
    "original": "@botpress/webchat 2.2.2",
    "low": "@botpress/webchat-client 0.7.3",
}
GIVEN_UP = 5.0
"""Seconds in which a client that has its network again asks for its stream, or never."""
FRAME = 'event: message\ndata: {"type":"message_created","data":%s}\n\n'


@dataclass
class Row:
    """`values` of `who`, and what they are divided by: those of `against`, each measured beside its own."""

    what: str
    who: str
    unit: str
    values: Sequence[float]
    against: str = ""
    others: Sequence[float] = field(default_factory=list)

    @property
    def ratios(self) -> list[float]:
        return [value / other for value, other in zip(self.values, self.others, strict=True)] if self.others else []

    def as_json(self) -> dict[str, Any]:
        told = asdict(self) | {"ratios": self.ratios}
        for name in ("values", "others", "ratios"):
            series = told[name] = [round(value, 4) for value in told[name]]
            if series:
                told[f"{name} lowest, median, highest"] = [min(series), statistics.median(series), max(series)]
        return told


def in_turns(clients: Sequence[str], run: Callable[[str], T], pairs: int) -> dict[str, list[T]]:
    """What each client's runs return, A B A B. The first round does not count: it warms all up."""
    seen: dict[str, list[T]] = {who: [] for who in clients}
    for _ in range(pairs + 1):
        for who in clients:
            seen[who].append(run(who))
    return {who: each[1:] for who, each in seen.items()}


def compared(what: str, unit: str, values: dict[str, list[float]], against: Sequence[str] = ("original",)) -> list[Row]:
    """A row for each client that is not itself compared against."""
    return [
        Row(what, NAMES[who], unit, values[who], NAMES[other], values[other])
        for who in values
        for other in against
        if who not in against
    ]


def any_id() -> str:
    """A client id of its own for each run: the browser remembers the preflight of an address."""
    return secrets.token_hex(8)


# --- connecting -------------------------------------------------------------------------------------------------


def first_answer(lab: Laboratory, pairs: int) -> Iterator[Row]:
    for milliseconds in (0, 50, 100):
        lab.link.round_trip = milliseconds / 1000
        for way in ("connect", "start"):

            def run(who: str, way: str = way) -> float:
                return float(lab.measure(who, "firstAnswer", way, any_id(), lab.link.url))

            values = in_turns(tuple(NAMES), run, pairs)
            yield from compared(f"{way}() to the first answer, {milliseconds} ms added", "ms", values)
    lab.link.round_trip = 0


def in_a_row(lab: Laboratory, _pairs: int) -> Iterator[Row]:
    """Round trips of `first_answer` that had to wait for each other: the longest chain of requests without overlap."""
    lab.link.round_trip = 0.05
    ways = [(who, way) for way in ("connect", "start") for who in ("fetch", "native")]
    for who, way in [*ways, ("original", "connect"), ("low", "connect")]:
        requests = _requests(lab, who, way)
        chains: list[tuple[float, int]] = []
        for request in requests:
            before = max((length for end, length in chains if end <= request.began), default=0)
            chains.append((request.answered, before + 1 + request.has_preflight))
        longest = max(length for _, length in chains)
        sent = sum(1 + request.has_preflight for request in requests)
        yield Row(f"{way}() to the first answer: round trips in a row", NAMES[who], "", [longest])
        yield Row(f"{way}() to the first answer: requests with preflights", NAMES[who], "", [sent])
    lab.link.round_trip = 0


@dataclass
class Request:
    url: str
    is_preflight: bool
    began: float
    answered: float = 0
    has_preflight: bool = False


def _requests(lab: Laboratory, who: str, way: str) -> list[Request]:
    """What is answered until the bot's answer is there, in the order of their beginnings."""
    requests: dict[str, Request] = {}

    def on_request(event: dict[str, Any]) -> None:
        request = event["request"]
        if request["url"].startswith(lab.link.url):
            requests[event["requestId"]] = Request(request["url"], request["method"] == "OPTIONS", event["timestamp"])

    def on_response(event: dict[str, Any]) -> None:
        if event["requestId"] in requests:
            requests[event["requestId"]].answered = event["timestamp"]

    lab.network.on("Network.requestWillBeSent", on_request)
    lab.network.on("Network.responseReceived", on_response)
    lab.network.send("Network.enable")
    lab.measure(who, "firstAnswer", way, any_id(), lab.link.url)
    lab.network.send("Network.disable")
    lab.network.remove_listener("Network.requestWillBeSent", on_request)
    lab.network.remove_listener("Network.responseReceived", on_response)
    preflights = {request.url for request in requests.values() if request.is_preflight}
    answered = [request for request in requests.values() if request.answered and not request.is_preflight]
    for request in answered:
        request.has_preflight = request.url in preflights
    return sorted(answered, key=lambda request: request.began)


# --- listening --------------------------------------------------------------------------------------------------


def burst(lab: Laboratory, pairs: int) -> Iterator[Row]:
    number = 10_000

    def run(who: str) -> float:
        conversation_id = lab.measure(who, "open", any_id(), lab.link.url)
        lab.measure(who, "hear", number)
        frames = (frame(conversation_id, f"This is message {count} of many.") for count in range(number))
        lab.link.inject("".join(frames).encode())
        took = lab.measure(who, "heard")["took"]
        lab.measure(who, "close")
        return float(took)

    yield from compared("a burst of 10,000 messages", "ms", in_turns(tuple(NAMES), run, pairs), ("original", "low"))


def latency(lab: Laboratory, pairs: int) -> Iterator[Row]:
    def run(who: str) -> list[float]:
        conversation_id = lab.measure(who, "open", any_id(), lab.link.url)
        number = 200
        lab.measure(who, "hear", number)
        for _ in range(number):
            lab.link.inject(frame(conversation_id, f"@{time.time() * 1000:.3f}").encode())
            time.sleep(0.01)
        delays: list[float] = lab.measure(who, "heard")["delays"]
        lab.measure(who, "close")
        return delays

    delays = in_turns(tuple(NAMES), run, pairs)
    medians = {who: [statistics.median(each) for each in runs] for who, runs in delays.items()}
    tails = {who: [statistics.quantiles(each, n=20)[-1] for each in runs] for who, runs in delays.items()}
    yield from compared("a message every 10 ms: delay, median", "ms", medians)
    yield from compared("a message every 10 ms: delay, 95th percentile", "ms", tails)


def frame(conversation_id: str, text: str) -> str:
    """A message of the bot's as the local server sends it."""
    message = {
        "id": f"msg_{secrets.token_hex(13)}",
        "createdAt": "2026-11-26T02:08:13.980Z",
        "conversationId": conversation_id,
        "userId": "bot",
        "payload": {"type": "text", "text": text},
    }
    return FRAME % json.dumps(message, separators=(",", ":"))


def recovery(lab: Laboratory, pairs: int) -> Iterator[Row]:
    """The network is down for a second, and the bot speaks meanwhile."""
    lost: dict[str, int] = dict.fromkeys(("fetch", "native", "original"), 0)

    def run(who: str) -> float:
        known = conversation_of(lab, 0)
        lab.measure(who, "open", known["clientId"], lab.link.url, known)
        lab.measure(who, "hear", 1_000_000)
        opened = lab.link.opened_streams()
        with lab.link.down():
            say(lab, known, "said meanwhile")
            time.sleep(1)
        began = time.perf_counter()
        comes_back = lab.link.has_opened(opened + 1, within=GIVEN_UP)
        if comes_back:
            say(lab, known, "last")
        heard = lab.measure(who, "heard")["texts"] if comes_back else []
        took = (time.perf_counter() - began) * 1000
        lost[who] += "said meanwhile" not in heard
        lab.measure(who, "close")
        return took

    values = in_turns(tuple(lost), run, pairs)
    for who in ("fetch", "native"):
        yield Row("after a second without network: until all is told", NAMES[who], "ms", values[who])
    for who, number in lost.items():
        yield Row(f"of {pairs + 1} messages of that second: lost", NAMES[who], "", [number])


def say(lab: Laboratory, known: dict[str, Any], text: str) -> None:
    """Has the bot say it, behind the client's back."""
    body = {"conversationId": known["conversationId"], "payload": {"type": "custom", "data": {"say": text}}}
    url = f"{lab.server.url}/{known['clientId']}/events"
    httpx.post(url, headers={"x-user-key": known["userToken"]}, json=body).raise_for_status()


# --- history and memory -----------------------------------------------------------------------------------------


def history(lab: Laboratory, pairs: int) -> Iterator[Row]:
    known = conversation_of(lab, 20_000)
    clients = ("fetch", "original", "low")

    def everything(who: str) -> float:
        told = lab.measure(who, "list")
        assert told["count"] == known["count"], told
        return float(told["took"])

    for who in clients:
        lab.measure(who, "open", known["clientId"], lab.link.url, known)
    values = in_turns(clients, everything, pairs)
    yield from compared("20,000 messages listed", "ms", values)
    newer: list[float] = []
    for _ in range(pairs):
        newest = lab.measure("fetch", "list")["newest"]
        add_messages(lab, known["conversationId"], 10)
        told = lab.measure("fetch", "list", newest)
        assert told["count"] == 10, told
        newer.append(told["took"])
    what = "ten newer messages listed, against all 20,000"
    yield Row(what, NAMES["fetch"], "ms", newer, NAMES["original"], values["original"])
    for who in clients:
        lab.measure(who, "close")


def memory(lab: Laboratory, pairs: int) -> Iterator[Row]:
    known = conversation_of(lab, 10_000)
    held: dict[str, list[float]] = {}
    for who in ("fetch", "original", "low"):
        lab.measure(who, "open", known["clientId"], lab.link.url, known)
        held[who] = [_bytes_held(lab, who, known["count"]) / 1_000_000 for _ in range(pairs)]
        lab.measure(who, "close")
    yield from compared("memory of 10,000 messages", "MB", held)
    lab.page.evaluate("() => proxies.count()")
    lab.measure("fetch", "connectOften", 3, any_id(), lab.link.url)  # what the first use keeps
    before = lab.page.evaluate("() => proxies.left()")
    lab.measure("fetch", "connectOften", 1000, any_id(), lab.link.url)
    left = lab.page.evaluate("() => proxies.left()") - before
    yield Row("proxies left after 1,000 connects", NAMES["fetch"], "", [left])


def _bytes_held(lab: Laboratory, who: str, number: int) -> float:
    """By the list of so many messages. Python tells it by itself; JavaScript's heap is weighed with it and without."""
    if who == "fetch":
        return float(lab.measure(who, "bytesHeld", number))
    lab.measure(who, "keep")
    heavy = _heap(lab)
    lab.measure(who, "drop")
    return heavy - _heap(lab)


def _heap(lab: Laboratory) -> float:
    lab.network.send("HeapProfiler.collectGarbage")
    return float(lab.network.send("Runtime.getHeapUsage")["usedSize"])


def conversation_of(lab: Laboratory, number: int) -> dict[str, Any]:
    """A conversation with so many messages, and who may read it."""
    client_id = any_id()
    with httpx.Client(base_url=f"{lab.server.url}/{client_id}") as http:
        user = http.post("/users", json={}).json()
        headers = {"x-user-key": user["key"]}
        conversation_id = http.post("/conversations", headers=headers, json={}).json()["conversation"]["id"]
    add_messages(lab, conversation_id, number)
    return {
        "clientId": client_id,
        "userId": user["user"]["id"],
        "userToken": user["key"],
        "conversationId": conversation_id,
        "count": number,
    }


def add_messages(lab: Laboratory, conversation_id: str, number: int) -> None:
    payload = json.dumps({"type": "text", "text": "This is a message of many."})
    began = time.time()
    rows = [
        (f"msg_{secrets.token_hex(13)}", _wire_time(began + count / 1000), conversation_id, "bot", payload)
        for count in range(number)
    ]
    database = sqlite3.connect(lab.server.data / "webchat.sqlite3", timeout=30)
    with database:
        database.executemany(
            "INSERT INTO messages (id, created_at, conversation_id, user_id, payload) VALUES (?, ?, ?, ?, ?)", rows
        )
    database.close()


def _wire_time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- loading ----------------------------------------------------------------------------------------------------


def size(_lab: Laboratory, _pairs: int) -> Iterator[Row]:
    ours = next(PYODIDE.glob("webchat_py-*.whl")).stat().st_size / 1000
    esbuild = ROOT / "web" / "node_modules" / ".bin" / "esbuild"
    for who, bundle in (("original", "webchat-2.2.2.mjs"), ("low", "webchat-client-0.7.3.mjs")):
        minified = subprocess.run([esbuild, "--minify", PEERS / bundle], check=True, capture_output=True).stdout
        theirs = len(gzip.compress(minified)) / 1000
        yield Row("to load beyond the runtime, with gzip", "webchat_py, its wheel", "kB", [ours], NAMES[who], [theirs])


BARE = "/examples/"
"""A page that is all but empty."""
WATCH = """
addEventListener("DOMContentLoaded", async () => {
    const chat = document.querySelector("webchat-py");
    if (!chat) { // the page that only loads Pyodide
        await (await import("/vendor/pyodide/pyodide.mjs")).loadPyodide();
        globalThis.done = performance.now();
        return;
    }
    await customElements.whenDefined("webchat-py");
    const frame = chat.shadowRoot.getElementById("chat"); // hidden until its style is there
    if (frame.hidden) await new Promise(resolve => new MutationObserver(resolve).observe(frame, { attributes: true }));
    globalThis.typed = performance.now();
    const connection = chat.shadowRoot.getElementById("connection");
    const look = () => { if (connection.dataset.state === "connected") globalThis.done ??= performance.now(); };
    new MutationObserver(look).observe(connection, { attributes: true });
});
"""


def page_start(lab: Laboratory, pairs: int) -> Iterator[Row]:
    """From the navigation on, cold and from the cache, beside a page that only loads Pyodide."""

    def run(path: str) -> dict[str, dict[str, float]]:
        with lab.browser.new_context() as context:
            # No route: where there is one, Playwright switches the browser's cache off.
            context.add_init_script(WATCH)
            page = context.new_page()
            cold, warm = (_opened(page, lab.page_server + path) for _ in ("cold", "warm"))
            assert warm["loaded"] < cold["loaded"] / 50, "the second time it came from the cache"
            return {"cold": cold, "warm": warm}

    seen = in_turns(("/", BARE), run, pairs)
    for state in ("cold", "warm"):
        chat, bare = ([each[state] for each in seen[path]] for path in ("/", BARE))
        typed, done, loaded = [each["typed"] for each in chat], *([each["done"] for each in of] for of in (chat, bare))
        yield Row(f"page opened until a key can be typed, {state}", "the chat page", "ms", typed)
        what = f"page opened until connected, {state}"
        yield Row(what, "the chat page", "ms", done, "bare loadPyodide()", loaded)


def _opened(page: Page, url: str) -> dict[str, float]:
    page.goto(url)
    page.wait_for_function("() => globalThis.done", timeout=120_000)
    seen: dict[str, float] = page.evaluate(
        """() => {
            const sizes = performance.getEntriesByType("resource").map(entry => entry.transferSize);
            const loaded = sizes.reduce((one, other) => one + other);
            return { typed: globalThis.typed, done: globalThis.done, loaded };
        }"""
    )
    return seen


# --- a long talk ------------------------------------------------------------------------------------------------

LONG_TALK = """() => {
    const { shadowRoot } = document.querySelector("webchat-py");
    const log = shadowRoot.getElementById("log");
    const frame = () => new Promise(requestAnimationFrame);
    self.keys = [];
    shadowRoot.getElementById("message").addEventListener("keydown", async ({ timeStamp }) => {
        await frame();
        setTimeout(() => self.keys.push(performance.now() - timeStamp)); // by then it is drawn
    });
    self.shown = () => log.querySelectorAll("article").length;
    self.toTop = () => { log.scrollTop = 0; };
    self.toEnd = () => { log.scrollTop = log.scrollHeight; };
    self.scroll = async () => {
        const frames = [];
        for (let before = await frame(); log.scrollTop > 0 && frames.length < 120; ) {
            log.scrollTop -= 200;
            const now = await frame();
            frames.push(now - before);
            before = now;
        }
        return frames;
    };
}"""


def long_talk(lab: Laboratory, pairs: int) -> Iterator[Row]:
    """Typing and scrolling with 2,000 messages in the log, beside 50, while the bot says something now and then."""
    rows: dict[str, dict[int, list[float]]] = {"a key": {}, "a frame": {}, "memory": {}}
    for number in (50, 2000):
        known = conversation_of(lab, number)
        address = f"{lab.page_server}/?client={known['clientId']}"
        session = {name: known[name] for name in ("userId", "userToken", "conversationId")}
        kept = [f"webchat_py {lab.page_server} {known['clientId']}", json.dumps(session)]
        with lab.browser.new_context() as context:
            context.add_init_script(f"localStorage.setItem(...{json.dumps(kept)})")
            page = context.new_page()
            page.goto(address)
            page.wait_for_selector("[data-state=connected]", timeout=120_000)
            page.evaluate(LONG_TALK)
            while page.evaluate("() => shown()") < number:
                page.evaluate("() => toTop()")
                page.evaluate("() => new Promise(requestAnimationFrame)")
            box = page.get_by_role("textbox")
            for _ in range(pairs):
                page.evaluate("() => { keys.length = 0; }")
                for _ in range(20):
                    say(lab, known, "and another")
                    box.press_sequentially("type", delay=25)
                page.wait_for_function("() => keys.length === 80")
                delays: list[float] = page.evaluate("() => keys")
                rows["a key"].setdefault(number, []).append(statistics.quantiles(delays, n=20)[-1])
                page.evaluate("() => toEnd()")
                frames: list[float] = page.evaluate("() => scroll()")
                rows["a frame"].setdefault(number, []).append(statistics.quantiles(frames, n=20)[-1])
            network = context.new_cdp_session(page)
            network.send("HeapProfiler.collectGarbage")
            used = float(network.send("Runtime.getHeapUsage")["usedSize"]) / 1_000_000
            rows["memory"][number] = [used]
    few, many = "50 messages in the log", "2,000 messages in the log"
    for what, unit in (("a key", "ms"), ("a frame", "ms"), ("memory", "MB")):
        names = {
            "a key": "typing while the bot speaks: a key is drawn after, 95th percentile",
            "a frame": "scrolling: from frame to frame, 95th percentile",
            "memory": "JavaScript's memory of the page",
        }
        yield Row(names[what], many, unit, rows[what][2000], few, rows[what][50])


MEASURES = (first_answer, in_a_row, burst, latency, history, memory, size, page_start, long_talk, recovery)
