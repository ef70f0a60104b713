"""The pages of web/examples as `./build.sh run` serves them: what somebody sees who opens them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.server import WebchatServer

EXAMPLES = Path(__file__).resolve().parents[2] / "web" / "examples"
TIMEOUT = 60_000  # milliseconds
SHOWN = {
    "blocking": "That was it.",
    "floating": "Green, black, white.",
    "index": "PyScript: ten lines that show what a bot says",
    "pyodide": "Bot: I can show you these:",
    "pyscript": "Bot: I can show you these:",
    "pyscript-worker": "Bot: I can show you these:",
    "two-chats": "Two bots side by side",
}
"""What the two with the chat element do is tested in tests/page/test_component.py."""
HEAR_REFUSALS = "window.refused = []; addEventListener('securitypolicyviolation', it => refused.push(it.blockedURI))"
# From a timer, for what a test evaluates may also evaluate
TRY_TO_EVALUATE = """() => new Promise(done => setTimeout(() => {
    try { done(eval("'done'")); } catch (error) { done(error.name); }
}))"""
TRY_INLINE_SCRIPT = """() => {
    document.head.append(Object.assign(document.createElement("script"), { textContent: "window.inline = 'ran'" }));
    return window.inline ?? "refused";
}"""


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a browser that knows nothing yet. In the end no file was missing, and no policy was hurt."""
    page = chromium.new_page()
    page.set_default_timeout(TIMEOUT)
    page.add_init_script(HEAR_REFUSALS)
    problems: list[str] = []
    page.on("console", lambda it: problems.append(it.text) if it.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.context.close()
    assert problems == []


def opened(page: Page, server: WebchatServer, name: str) -> dict[str, str]:
    """Open an example; returns the headers that it came with."""
    response = page.goto(f"{server.url}/examples/{name}.html")
    assert response
    return response.headers


def say(page: Page, text: str) -> None:
    expect(page.get_by_role("button", name="Send")).to_be_enabled(timeout=TIMEOUT)
    page.get_by_label("Message").fill(text)
    page.get_by_role("button", name="Send").click()


def lines(page: Page) -> list[str]:
    return page.get_by_role("listitem").all_inner_texts()


def see(page: Page, name: str) -> None:
    expect(page.locator("body")).to_contain_text(SHOWN[name], timeout=TIMEOUT)
    assert page.evaluate("() => window.refused") == []


def test_every_example_is_known_here_and_told_of(page: Page, webchat_server: WebchatServer) -> None:
    names = {file.stem for file in EXAMPLES.glob("*.html")}
    assert names == set(SHOWN)
    opened(page, webchat_server, "index")
    see(page, "index")
    links = page.get_by_role("link").evaluate_all("links => links.map(link => link.pathname)")
    assert set(links) == {f"/examples/{name}.html" for name in names - {"index"}}


def test_ten_lines_of_pyscript_show_what_the_bot_says(page: Page, webchat_server: WebchatServer) -> None:
    opened(page, webchat_server, "pyscript")
    see(page, "pyscript")
    script = page.locator("script[type=py]").text_content() or ""
    assert len([line for line in script.splitlines() if line.strip()]) <= 10


def test_chat_in_pyscripts_worker_is_taken_up_after_a_reload(page: Page, webchat_server: WebchatServer) -> None:
    opened(page, webchat_server, "pyscript-worker")
    expect(page.get_by_text("Welcome!")).to_be_visible(timeout=TIMEOUT)
    say(page, "help")
    see(page, "pyscript-worker")
    before = [re.compile(f"^{start}") for start in ("Bot: Welcome!", "You: help$", "Bot: I can show you these:")]
    expect(page.get_by_role("listitem")).to_have_text(before)
    page.reload()
    expect(page.get_by_role("listitem")).to_have_text(before, timeout=TIMEOUT)


def test_chat_on_bare_pyodide_works_under_a_strict_policy(page: Page, webchat_server: WebchatServer) -> None:
    headers = opened(page, webchat_server, "pyodide")
    assert "script-src 'self' 'wasm-unsafe-eval'" in headers["content-security-policy"].split("; ")
    say(page, "help")
    see(page, "pyodide")
    assert "You: help" in lines(page)


def test_policy_of_bare_pyodide_is_in_force(chromium: Browser, webchat_server: WebchatServer) -> None:
    page = chromium.new_page()
    page.add_init_script(HEAR_REFUSALS)
    opened(page, webchat_server, "pyodide")
    assert page.evaluate(TRY_TO_EVALUATE) == "EvalError"
    assert page.evaluate(TRY_INLINE_SCRIPT) == "refused"
    assert page.evaluate("() => window.refused") == ["eval", "inline"]
    page.context.close()


def test_script_that_blocks_asks_one_question_after_the_other(page: Page, webchat_server: WebchatServer) -> None:
    opened(page, webchat_server, "blocking")
    see(page, "blocking")
    asked, greeting, *_, asked_again, card, end = lines(page)
    assert (asked, asked_again, end) == ("You: hello", "You: card", "That was it.")
    assert "Hello, Ada! Nice to meet you." in greeting
    assert "Bot: A card" in card
