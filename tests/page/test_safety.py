"""What a hostile bot or upload may do: be read, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import Error as PlaywrightError

from tests.conftest import FULL
from tests.page.reader import Reader, reading, session
from tests.support.server import WebchatServer
from tests.support.xss import ATTACKS

WEB = Path(__file__).resolve().parents[2] / "web"
CANARY = "window.harmed = []; window.harm = what => window.harmed.push(String(what))"
BATCH = 24
BATCHES = range(0, len(ATTACKS), BATCH)

LOOK = """() => {
    const found = [];
    const forbidden = ["style", "ping", "srcset", "formaction", "background", "srcdoc"];
    const inside = document.querySelector("webchat-py").shadowRoot.querySelectorAll("#chat *");
    for (const element of [...document.querySelectorAll("main > *"), ...inside]) {
        const name = element.localName;
        // The page's own drawings have a class, which nothing of a bot can have.
        if (element.closest("svg.icon") && /^(svg|path)$/.test(name)) continue;
        if (element.namespaceURI !== "http://www.w3.org/1999/xhtml") found.push(`${name} of another language`);
        if (/^(script|iframe|object|embed|form|style|link|base|meta|template|frame.*)$/.test(name)
            && !(name === "form" && !element.closest("[role=log]"))) found.push(name);
        for (const { name, value } of element.attributes) {
            if (name.startsWith("on") || forbidden.includes(name))
                found.push(`${name}=${value}`);
        }
        if (element.closest("[role=log]") && element.hasAttribute("href")) {
            if (!/^(https?|mailto|tel):/.test(element.href)) found.push(`a link to ${element.href}`);
            if (element.rel !== "noopener noreferrer" || element.target !== "_blank") found.push("a link that tells");
        }
        if (element.src && !/^(https?|blob|data:image\\/(png|jpeg|gif|webp|avif|bmp);base64,)/.test(element.src))
            found.push(`fetches ${element.src}`);
    }
    return found;
}"""


@pytest.fixture(scope="module")
def exposed(chromium: Browser, bot_server: WebchatServer, mode: str) -> Iterator[Reader]:
    """A reader whose browser ignores the content security policy: nothing but the page itself protects him. What it
    would fetch from elsewhere, as its policy lets no browser do, gets no further than here."""
    with reading(chromium, bot_server.url, bypass_csp=True) as reader:
        reader.watch.expect("status of 404", "net::ERR_", "local resource: blob:")
        reader.page.add_init_script(CANARY)
        reader.page.route(re.compile(f"^(?!{re.escape(bot_server.url)}/)"), lambda route: route.abort())
        reader.open_connected()
        yield reader
        reader.watch.requests.clear()


@pytest.fixture(scope="module")
def guarded(chromium: Browser, bot_server: WebchatServer, mode: str) -> Iterator[Reader]:
    """A reader whose browser keeps to the policy, as every reader's does."""
    with reading(chromium, bot_server.url) as reader:
        reader.watch.expect("status of 404", "Content Security Policy", "local resource: blob:")
        reader.page.add_init_script(CANARY)
        reader.open_connected()
        yield reader


def suffer(reader: Reader, first: int) -> None:
    """Everything that a bot can put these attacks in, shown."""
    reader.start_over()
    attacks = ATTACKS[first : first + BATCH]
    for number in range(first, first + len(attacks)):
        reader.say(f"attack {number}")
    each = 16  # of which the last says that it was it
    expect(reader.log.locator("article.bot")).to_have_count(1 + each * len(attacks))


@pytest.mark.parametrize("first", BATCHES)
def test_nothing_of_a_bot_becomes_more_than_words_links_and_media(exposed: Reader, first: int) -> None:
    suffer(exposed, first)
    articles = exposed.log.locator("article.bot")
    assert all(re.sub(r"\W", "", text) for text in articles.all_inner_texts()), "each message shows something"
    assert exposed.page.evaluate(LOOK) == []
    press_all(exposed.page)
    settle(exposed.page)
    assert exposed.page.evaluate("() => window.harmed") == []
    assert not [url for url in exposed.watch.requests if url.startswith(exposed.url) and "canary" in url]


def press_all(page: Page) -> None:
    """Every button in the log, and every link that a browser would not simply follow to elsewhere."""
    page.evaluate(
        """() => {
            const root = document.querySelector("webchat-py").shadowRoot;
            for (const link of root.querySelectorAll("[role=log] a")) {
                if (!/^(https?|mailto|tel):/.test(link.href)) {
                    link.target = "";
                    link.click();
                }
            }
            for (const button of root.querySelectorAll("[role=log] button.picture")) {
                button.click();
                root.querySelector("dialog[open]").close();
            }
        }"""
    )


def settle(page: Page) -> None:
    """What would run does so when the page is next idle."""
    page.evaluate("() => new Promise(resolve => requestIdleCallback(() => requestIdleCallback(resolve)))")


@pytest.mark.parametrize("first", BATCHES if FULL else BATCHES[-3:])
def test_no_attack_leaves_the_origin_or_ends_the_chat(guarded: Reader, first: int) -> None:
    suffer(guarded, first)
    settle(guarded.page)
    assert guarded.page.evaluate("() => window.harmed") == []
    assert guarded.watch.elsewhere() == [], "what its policy forbids is not even asked for"
    guarded.say("still there?")
    expect(guarded.log).to_contain_text("echo: still there?")


def test_what_a_reader_writes_is_words_too(exposed: Reader) -> None:
    exposed.start_over()
    for attack in ATTACKS[:BATCH]:
        exposed.say(attack)
    expect(exposed.messages("You")).to_contain_text(["Sent"] * BATCH)
    assert exposed.page.evaluate(LOOK) == []
    settle(exposed.page)
    assert exposed.page.evaluate("() => window.harmed") == []


def test_the_canary_sings(exposed: Reader) -> None:
    """An attack that is let in is seen: else the tests above could not fail."""
    exposed.page.evaluate(
        "html => document.querySelector('webchat-py').shadowRoot.querySelector('#chat')"
        ".append(new Range().createContextualFragment(html))",
        ATTACKS[0],
    )
    exposed.page.wait_for_function("() => window.harmed.length")
    assert exposed.page.evaluate(LOOK) == ["onerror=harm('0')"]
    assert exposed.page.evaluate("() => window.harmed.splice(0)") == ["0"]
    assert any("canary" in url for url in exposed.watch.requests)
    exposed.page.evaluate("() => document.querySelector('webchat-py').shadowRoot.querySelector('#chat > img').remove()")


def test_the_policy_is_in_force(chatter: Reader) -> None:
    """The second wall behind the rendering: even markup that got in would not run."""
    seen = chatter.page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
            const target = document.createElement("a");
            target.setAttribute("onclick", "window.harmed = true");
            document.body.append(target);
            target.click();
        })"""
    )
    assert seen == "script-src-attr"
    assert chatter.page.evaluate("() => window.harmed") is None
    chatter.watch.problems.clear()


def test_no_markup_is_made_of_strings() -> None:
    """DOMPurify makes a fragment, and everything else is made node by node."""
    ways = (
        r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|setHTML|document\.write|\beval\(|Function\("
    )
    files = [file for file in (WEB / "chat").rglob("*") if file.suffix in (".py", ".js")]
    assert len(files) > 10
    assert [file.name for file in files if re.search(ways, file.read_text())] == []


# --- hostile uploads --------------------------------------------------------------------------------------------

SCRIPT = "<script>localStorage.setItem('harmed', location.href)</script>"
SVG = f'<svg xmlns="http://www.w3.org/2000/svg">{SCRIPT}</svg>'
UPLOADS = [
    ("evil.html", "text/html", SCRIPT),
    ("evil.xhtml", "application/xhtml+xml", f'<html xmlns="http://www.w3.org/1999/xhtml">{SCRIPT}</html>'),
    ("evil.svg", "image/svg+xml", SVG),
    ("evil.png", "text/html", SCRIPT),
    ("evil.png", "image/png", SCRIPT),
    ("evil.html", "image/png", SCRIPT),
    ("evil.xml", "text/xml", f'<x xmlns:h="http://www.w3.org/1999/xhtml"><h:{SCRIPT[1:-9]}</h:script></x>'),
    ("evil.js", "text/javascript", "localStorage.setItem('harmed', 1)"),
    ("evil.pdf", "application/pdf", SCRIPT),
    ("evil.mp4", "video/mp4", SCRIPT),
    ("evil", "", SCRIPT),
]


def upload(reader: Reader, name: str, type: str, content: str) -> str:
    """Uploads as the reader, and returns the address."""
    kept = session(reader)
    with httpx.Client(headers={"x-user-key": kept["userToken"]}) as http:
        body = {"key": name, "contentType": type or "application/octet-stream", "size": len(content), "index": False}
        answer = http.post(f"{reader.url}/local/files", json={**body, "accessPolicies": ["public_content"]})
        file = answer.raise_for_status().json()["file"]
        headers = {"content-type": type} if type else {}
        httpx.put(file["uploadUrl"], content=content, headers=headers).raise_for_status()
    url: str = file["url"]
    return url


def harmed(page: Page) -> Any:
    return page.evaluate("() => localStorage.getItem('harmed')")


@pytest.mark.only_pushpin
@pytest.mark.parametrize(("name", "type", "content"), UPLOADS)
def test_an_upload_cannot_act_as_the_page(chatter: Reader, name: str, type: str, content: str) -> None:
    chatter.watch.expect("Content Security Policy")  # the upload's own, under which nothing of it works
    url = upload(chatter, name, type, content)
    article = chatter.have_bot_send({"type": "file", "fileUrl": url, "title": "Open me"})
    chatter.have_bot_send(*({"type": kind, f"{kind}Url": url} for kind in ("image", "audio", "video")))
    expect(article.get_by_role("link", name="Open me")).to_have_attribute("href", url)
    opened = chatter.page.context.new_page()
    with suppress(PlaywrightError):  # it is downloaded, and the tab stays as it was
        opened.goto(url)
    settle(chatter.page)
    assert harmed(chatter.page) is None
    opened.close()


@pytest.mark.only_pushpin
def test_an_upload_that_acts_as_the_page_would_be_seen(chatter: Reader) -> None:
    url = upload(chatter, "evil.html", "text/html", SCRIPT)
    other = chatter.page.context.new_page()
    other.route(url, lambda route: route.fulfill(body=SCRIPT, content_type="text/html"))
    other.goto(url)
    chatter.page.wait_for_function("() => localStorage.getItem('harmed')")  # which is another process's
    assert harmed(chatter.page) == url
    chatter.page.evaluate("() => localStorage.removeItem('harmed')")
    other.close()


# --- the user key -----------------------------------------------------------------------------------------------


@pytest.mark.only_pushpin
@pytest.mark.parametrize("event_source", ["native", "fetch"])
def test_the_user_key_is_nowhere_to_be_seen(chromium: Browser, bot_server: WebchatServer, event_source: str) -> None:
    with reading(chromium, bot_server.url) as reader:
        said: list[str] = []
        reader.page.on("console", lambda message: said.append(message.text))
        reader.open_connected(f"?event_source={event_source}")
        key = session(reader)["userToken"]
        reader.have_bot_send({"type": "custom", "url": "https://example.org", "name": "x", "data": {"a": 1}})
        reader.have_bot_signal(custom={"event": {"a": 1}})
        reader.page.reload()
        expect(reader.log).to_contain_text("echo: got it?")
        assert key not in reader.page.content()
        assert key not in json.dumps(said)
        telling = [url for url in reader.watch.requests if key in url]
        # the first stream of all is opened by somebody who has no key yet
        assert telling == (reader.stream_requests()[1:] if event_source == "native" else [])


# --- other origins ----------------------------------------------------------------------------------------------


@pytest.mark.both_modes
def test_the_page_talks_to_another_server_only_where_its_own_allows_it(
    chromium: Browser, bot_server: WebchatServer, tmp_path: Path
) -> None:
    with reading(chromium, bot_server.url) as reader:
        reader.watch.expect("Content Security Policy")
        reader.open("?api=http://127.0.0.1:9")
        expect(reader.log.get_by_text("its security policy does not allow it").first).to_be_visible()
        expect(reader.status).to_contain_text("Offline")
        assert not [url for url in reader.watch.requests if ":9/" in url]
    allowed = ("--allow-api", bot_server.url, "--allow-media", bot_server.url)
    with WebchatServer(tmp_path, "--web", str(WEB), *allowed) as server, reading(chromium, server.url) as reader:
        reader.open_connected(f"?api={bot_server.url}")
        expect(reader.messages("Bot")).to_contain_text("Welcome")
        picture = reader.have_bot_send({"type": "image", "imageUrl": f"{bot_server.url}/demo-media/picture.png"})
        expect(picture.get_by_role("img")).to_have_js_property("complete", True)
        assert picture.get_by_role("img").evaluate("image => image.naturalWidth") > 0
        if reader.mode == "messaging":
            assert reader.sockets[-1].url.startswith(bot_server.url.replace("http", "ws"))
        else:
            urls = [url for url in reader.watch.requests if "/local/" in url]
            assert {url.split("/local/")[0] for url in urls} == {bot_server.url}
        reader.open_connected(f"?api={bot_server.url}&event_source=native")
        assert not [url for url in reader.watch.requests if "user-key" in url], "whatever a link asks for"
        reader.watch.requests[:] = [url for url in reader.watch.requests if not url.startswith(bot_server.url)]


def test_a_picture_from_elsewhere_is_a_link_unless_it_is_allowed(chatter: Reader) -> None:
    chatter.watch.expect("Content Security Policy")
    article = chatter.have_bot_send({"type": "image", "imageUrl": "https://example.org/cat.png"})
    expect(article).to_contain_text("cannot be shown here")
    expect(article.get_by_role("link", name="cat.png")).to_have_attribute("href", "https://example.org/cat.png")
