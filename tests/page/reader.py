"""The page as its reader meets it: by role and name, never by class or id."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, WebSocket, expect

# Python starts in three seconds on an idle machine, and in many more where the browser shares two cores.
expect.set_options(timeout=60_000)


CONNECTED = """() => {
    const status = document.querySelector("webchat-py")?.shadowRoot?.querySelector("[role=status]");
    return status?.textContent.startsWith("Connected");
}"""
# What asks for the same thing in mode "messaging", over the socket
_TYPES = {"conversations": "conversations.create", "events": "conversations.start", "messages": "messages.create"}


@dataclass
class Watch:
    """Collects what no page may do: requests to elsewhere, console errors (a refusal by the content security
    policy is one) and exceptions that nobody caught."""

    origin: str
    requests: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()

    def over(self, context: BrowserContext) -> Watch:
        context.on("request", lambda request: self.requests.append(request.url))
        context.on("requestfailed", self._failed)
        context.on("console", lambda message: self._said(message.type, message.text))
        context.on("weberror", lambda error: self.problems.append(f"uncaught: {error.error}"))
        return self

    def expect(self, *texts: str) -> None:
        """What a test brings about on purpose."""
        self.expected = texts

    def check(self) -> None:
        """Fails if something was wrong since the last time."""
        elsewhere, surprises = self.elsewhere(), self.surprises()
        self.requests.clear()
        self.problems.clear()
        assert (elsewhere, surprises) == ([], []), f"to elsewhere: {elsewhere}; surprises: {surprises}"

    def elsewhere(self) -> list[str]:
        """Requests that left the page's origin."""
        return [url for url in self.requests if not url.startswith((f"{self.origin}/", "data:", "blob:"))]

    def surprises(self) -> list[str]:
        """Problems that the test did not expect."""
        return [problem for problem in self.problems if not any(text in problem for text in self.expected)]

    def _failed(self, request: Request) -> None:
        # What the page's policy forbids was announced as a request, and never made.
        if request.failure == "csp":
            with suppress(ValueError):  # it was looked at in between
                self.requests.remove(request.url)

    def _said(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.problems.append(f"{kind}: {text}")


@dataclass
class Reader:
    """Somebody in front of the page."""

    page: Page
    watch: Watch
    url: str
    mode: str = "pushpin"
    sockets: list[WebSocket] = field(default_factory=list)
    frames: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        socket.on("framesent", lambda frame: self.frames.append(str(frame)))

    @property
    def log(self) -> Locator:
        return self.page.get_by_role("log", name="Conversation")

    @property
    def box(self) -> Locator:
        return self.page.get_by_role("textbox", name="Message")

    @property
    def status(self) -> Locator:
        return self.page.get_by_role("status")

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def messages(self, author: str) -> Locator:
        """The articles of "You" or "Bot", oldest first."""
        return self.log.get_by_role("article", name=author, exact=True)

    def expect_texts(self, texts: list[str], articles: Locator | None = None) -> None:
        """Waits until the articles, all of the log unless given, are as many as `texts` and contain them."""
        articles = articles or self.log.get_by_role("article")
        expect(articles).to_have_count(len(texts))
        expect(articles).to_contain_text(texts)

    def open(self, query: str = "") -> None:
        self.page.goto(self.address(query))

    def address(self, query: str = "") -> str:
        """Of the page in this mode."""
        mode = [f"mode={self.mode}"] if self.mode != "pushpin" else []
        query = "&".join([*filter(None, [query.removeprefix("?")]), *mode])
        return f"{self.url}/{query and '?' + query}"

    def route(self, what: str) -> str:
        """For a rule of the proxy: the request that creates this."""
        return f"ASK {_TYPES[what]}" if self.mode == "messaging" else f"POST /{what}"

    def times_asked(self, what: str) -> int:
        """How often the page has asked for this since `watch.requests` and `frames` were cleared."""
        if self.mode == "messaging":
            return sum(_TYPES[what] in frame for frame in self.frames)
        return sum(url.endswith(f"/{what}") for url in self.watch.requests)

    @property
    def failed_attempt(self) -> Literal["websocket", "requestfailed"]:
        """The page's event by which an attempt to reach a server that is down is noticed."""
        return "websocket" if self.mode == "messaging" else "requestfailed"

    @contextmanager
    def asking(self, what: str) -> Iterator[None]:
        """Waits until the page has asked for this: "events" or "messages"."""
        if self.mode == "messaging":
            with self.sockets[-1].expect_event("framesent", lambda frame: _TYPES[what] in str(frame)):
                yield
        else:
            with self.page.expect_response(f"**/{what}"):
                yield

    def open_connected(self, query: str = "") -> None:
        self.open(query)
        self.page.wait_for_function(CONNECTED)  # `expect` would look once a second
        expect(self.messages("Bot").first).to_be_visible()

    def start_over(self) -> None:
        with self.asking("events"):
            self.button("New conversation").click()
        self.expect_texts(["Welcome"])
        expect(self.box).to_be_focused()  # which comes last, and would take the focus from what follows

    def say(self, text: str) -> None:
        self.box.fill(text)
        self.box.press("Enter")

    def have_bot_send(self, *payloads: dict[str, Any]) -> Locator:
        """Makes the test bot send these; returns the last one's article, there to be seen."""
        expected = self.messages("Bot").count() + len(payloads)
        self.say(json.dumps(payloads))
        expect(self.messages("Bot")).to_have_count(expected)
        return self.messages("Bot").nth(expected - 1)

    def have_bot_signal(self, **signals: Any) -> None:
        """Makes the test bot send signals; returns when the page has got them."""
        with self.asking("messages"):
            self.say(json.dumps(signals))
        self.say("got it?")
        expect(self.log).to_contain_text("echo: got it?")

    def said(self, article: Locator) -> str:
        """What a message says, without its author and time."""
        return re.sub(r"^Bot:|\d+:\d\d\s[AP]M$", "", article.inner_text().strip()).strip()

    def stream_requests(self) -> list[str]:
        return [url for url in self.watch.requests if urlsplit(url).path.endswith(("/listen", "/initialize"))]


class Mode:
    """That of the test that runs; conftest.py sets it."""

    current = "pushpin"


@contextmanager
def reading(chromium: Browser, url: str, **options: Any) -> Iterator[Reader]:
    """A reader of the page at `url`, in the test's mode. `options` are those of Playwright's `new_context`."""
    context = chromium.new_context(**options)
    watch = Watch(url).over(context)
    try:
        yield Reader(context.new_page(), watch, url, Mode.current)
    finally:
        context.close()
    watch.check()


def session(reader: Reader) -> dict[str, Any]:
    """Who the reader is, and in which conversation, as the page keeps it."""
    kept: str = reader.page.evaluate("key => localStorage.getItem(key)", f"webchat_py {reader.url} local")
    data: dict[str, Any] = json.loads(kept)
    return data


def say_elsewhere(reader: Reader, text: str, server: str | None = None, answer: str | None = None) -> None:
    """The same user writes from another device, where the page's own way is cut to `server`; returns when the bot has
    answered with what contains `answer`, else with the echo."""
    kept = session(reader)
    with httpx.Client(base_url=f"{server or reader.url}/local/", headers={"x-user-key": kept["userToken"]}) as http:
        conversation = f"conversations/{kept['conversationId']}"
        with http.stream("GET", f"{conversation}/listen") as stream:
            payload = {"type": "text", "text": text}
            body = {"conversationId": kept["conversationId"], "payload": payload}
            http.post("messages", json=body).raise_for_status()
            next(line for line in stream.iter_lines() if (answer or f"echo: {text}") in line)


def delete_user(reader: Reader) -> None:
    """The user is deleted from elsewhere."""
    _delete(reader, "users/me")


def delete_conversation(reader: Reader) -> None:
    """The conversation is deleted from elsewhere."""
    _delete(reader, f"conversations/{session(reader)['conversationId']}")


def _delete(reader: Reader, path: str) -> None:
    key = session(reader)["userToken"]
    httpx.delete(f"{reader.url}/local/{path}", headers={"x-user-key": key}).raise_for_status()
