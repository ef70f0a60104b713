"""One person with the chat page in two tabs, which share a user and a conversation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial

import pytest

from tests.support.proxy import FaultyProxy
from tests.support.visitor import Visitor

pytestmark = pytest.mark.every_browser

PENDING = """
const done = arguments[0];
navigator.locks.query().then(({ pending }) => done(pending.length));
"""
LOADED = "return Boolean(document.querySelector('webchat-py')?.shadowRoot);"


@pytest.fixture
def tabs(visitor: Visitor, page_proxy: FaultyProxy) -> Iterator[tuple[str, str]]:
    """Two tabs of the visitor's browser, by the names for `switch_to.window`; the second is the current one."""
    first = visitor.driver.current_window_handle
    visitor.driver.switch_to.new_window("tab")
    visitor.driver.get(f"{page_proxy.url}/favicon.svg")
    page_proxy.requests.clear()
    page_proxy.bodies.clear()
    yield first, visitor.driver.current_window_handle
    *others, last = visitor.driver.window_handles
    for other in others:
        visitor.driver.switch_to.window(other)
        visitor.driver.close()
    visitor.driver.switch_to.window(last)


def made(proxy: FaultyProxy) -> list[str]:
    """The requests that made a user: who is known names his conversation."""
    return [it for it in proxy.requests if it.endswith(("/users", "/initialize"))]


def sent(proxy: FaultyProxy) -> list[str]:
    """The texts that were sent, a text that was sent twice among them twice."""
    asked = zip(proxy.requests, proxy.bodies, strict=True)
    return [json.loads(body)["payload"]["text"] for request, body in asked if request.endswith("/messages") and body]


def shows(visitor: Visitor, said: list[str]) -> bool:
    """Whether these are the messages, and the visitor's own ones were sent."""
    shown = [visitor.text(article) for article in visitor.all("article")]
    arrived = len(shown) == len(said) and all(text in it for text, it in zip(said, shown, strict=True))
    return arrived and all("Sent" in it for it in visitor.texts("You"))


def test_two_tabs_show_the_same_conversation(visitor: Visitor, page_proxy: FaultyProxy, tabs: tuple[str, str]) -> None:
    said = ["Welcome"]
    for tab in tabs:
        visitor.driver.switch_to.window(tab)
        visitor.open()
        visitor.until(partial(shows, visitor, said))
    for tab, other, text in ((*tabs, "from the first"), (*reversed(tabs), "from the second")):
        visitor.driver.switch_to.window(tab)
        visitor.say(text)
        said += [text, f"echo: {text}"]
        for each in (tab, other):
            visitor.driver.switch_to.window(each)
            visitor.until(partial(shows, visitor, said))
    assert len(made(page_proxy)) == 1
    assert sent(page_proxy) == ["from the first", "from the second"]


def test_two_tabs_that_open_at_once_are_one_user(
    visitor: Visitor, page_proxy: FaultyProxy, tabs: tuple[str, str]
) -> None:
    page_proxy.rule(route="GET /initialize", act="hold")
    for tab in tabs:
        visitor.driver.switch_to.window(tab)
        visitor.driver.execute_script("location.href = arguments[0]", f"{visitor.url}/")
        visitor.until(lambda: page_proxy.held)
    # The other one waits for the first. It stays in front until it does: behind, WebKit lets it start very slowly.
    visitor.until(lambda: visitor.driver.execute_script(LOADED))
    visitor.until(lambda: visitor.driver.execute_async_script(PENDING))
    assert len(made(page_proxy)) == 1
    page_proxy.clear()
    for tab in tabs:
        visitor.driver.switch_to.window(tab)
        visitor.arrive()
        visitor.hears("Welcome")
        assert len(visitor.all("article")) == 1
    assert len(made(page_proxy)) == 1


def test_a_tab_sends_what_another_could_not_only_when_that_is_closed(
    visitor: Visitor, page_proxy: FaultyProxy, tabs: tuple[str, str]
) -> None:
    first, second = tabs
    visitor.driver.switch_to.window(first)
    visitor.open()
    visitor.hears("Welcome")
    page_proxy.rule(route="POST /messages", act="hold")
    visitor.say("of the first")
    visitor.until(lambda: page_proxy.held == 1)
    visitor.driver.switch_to.window(second)
    visitor.open()
    visitor.say("of the second")
    visitor.until(lambda: page_proxy.held == 2)
    assert sent(page_proxy) == ["of the first", "of the second"]
    visitor.driver.switch_to.window(first)
    visitor.driver.close()
    visitor.driver.switch_to.window(second)
    visitor.until(lambda: page_proxy.held == 1)
    page_proxy.clear()
    visitor.hears("echo: of the second")
    visitor.reload()
    visitor.hears("echo: of the first")
    assert sent(page_proxy) == ["of the first", "of the second", "of the first"]
    assert len(visitor.all("article", "You")) == 2
