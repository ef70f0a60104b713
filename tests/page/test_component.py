"""The chat in other people's pages: in the corner of one with a style of its own, and two of them side by side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route, expect

from tests.page.reader import Reader, Watch, reading
from tests.page.test_files import LEAVE, PICTURE, pick, tray
from tests.page.test_looks import violations
from tests.page.test_safety import BATCH, CANARY, settle
from tests.support.files import FileServer
from tests.support.readme import block
from tests.support.server import WebchatServer
from tests.support.xss import ATTACKS

WEB = Path(__file__).resolve().parents[2] / "web"
CONFIG = WEB / "chat" / "chat.toml"
# Of what a page may set for everything in it
HOSTILE = """
* { color: rgb(1, 2, 3); letter-spacing: 9px; text-transform: uppercase; line-height: 3; }
html { font-size: 5px; direction: rtl; }
p, button, article, div, textarea { background: rgb(4, 5, 6) !important; display: inline !important; }
[role=log], #log, .bubble, header { display: none !important; }
"""
LOOK = """() => [...document.querySelectorAll("webchat-py")].flatMap(chat =>
    [...chat.shadowRoot.querySelectorAll("#chat, #chat *")].map(element => {
        const style = getComputedStyle(element);
        const names = ["color", "backgroundColor", "fontSize", "fontFamily", "letterSpacing", "textTransform",
            "lineHeight", "direction", "display", "textAlign", "width"];
        return [element.id || element.className, ...names.map(name => style[name])].join(" ");
    })
)"""
HOST = """() => [...document.querySelectorAll("body, body *:not(webchat-py)")].map(element => {
    const style = getComputedStyle(element);
    return [element.localName, style.color, style.backgroundColor, style.font, style.display, style.width].join(" ");
})"""


PYSCRIPT = '<script type="module" src="/vendor/pyscript/core.js"></script>'


def open_own(reader: Reader, body: str, policy: str = "", pyscript: str = PYSCRIPT) -> None:
    """Opens a page of somebody's own with this in it, that was no PyScript page until now."""
    page = '<!doctype html><html lang="en"><head><title>Mine</title></head>'
    page += f"<body><main><h1>Mine</h1>{body}</main>{pyscript}</body></html>"
    headers = {"content-type": "text/html", "content-security-policy": policy}
    reader.page.route("**/mine.html", lambda route: route.fulfill(body=page, headers=headers))
    reader.page.goto(f"{reader.url}/mine.html")


@pytest.fixture
def floating(reader: Reader) -> Reader:
    """A reader of the page with a chat in its corner."""
    reader.page.goto(f"{reader.url}/examples/floating.html")
    return reader


def opener(reader: Reader) -> Locator:
    return reader.page.get_by_role("button", name="Show chat")


def window(reader: Reader) -> Locator:
    return reader.page.get_by_role("region", name="Webchat").locator("#window")


def open_chat(reader: Reader) -> None:
    opener(reader).click()
    expect(reader.status).to_contain_text("Connected")
    expect(reader.messages("Bot").first).to_be_visible()


def test_it_opens_and_closes_and_the_focus_returns(floating: Reader) -> None:
    expect(opener(floating)).to_be_visible()
    expect(floating.box).to_be_hidden()
    opener(floating).press("Enter")
    expect(floating.box).to_be_focused()
    expect(floating.button("Close chat")).to_have_attribute("aria-expanded", "true")
    floating.page.keyboard.press("Escape")
    expect(opener(floating)).to_be_focused()
    expect(opener(floating)).to_have_attribute("aria-expanded", "false")
    opener(floating).press("Enter")
    floating.button("Close chat").click()
    expect(floating.box).to_be_hidden()


def test_escape_closes_the_innermost_only(floating: Reader) -> None:
    open_chat(floating)
    floating.button("Conversations").click()
    floating.page.keyboard.press("Escape")
    expect(floating.box).to_be_visible()
    floating.have_bot_send({"type": "image", "imageUrl": f"{floating.url}/demo-media/picture.png"})
    floating.page.get_by_role("button", name="Picture picture.png").click()
    floating.page.keyboard.press("Escape")
    expect(floating.page.get_by_role("dialog", name="Picture")).to_be_hidden()
    expect(floating.box).to_be_visible()
    floating.box.focus()
    floating.page.keyboard.press("Escape")
    expect(floating.box).to_be_hidden()


def test_who_never_opens_it_makes_no_user_and_who_has_is_remembered(floating: Reader) -> None:
    expect(opener(floating)).to_be_visible()
    started = "() => !document.querySelector('webchat-py').shadowRoot.getElementById('alerts').disabled"
    floating.page.wait_for_function(started)
    assert not floating.times_asked("initialize")
    open_chat(floating)
    assert floating.times_asked("initialize") == 1
    floating.say("remember me")
    expect(floating.messages("Bot").last).to_contain_text("echo: remember me")
    floating.page.reload()
    expect(floating.box).to_be_visible()
    floating.expect_texts(["Welcome", "remember me", "echo: remember me"])
    floating.button("Close chat").click()
    floating.page.reload()
    expect(opener(floating)).to_be_visible()
    expect(floating.box).to_be_hidden()


def test_what_comes_while_it_is_closed_is_counted(floating: Reader) -> None:
    open_chat(floating)
    texts = [{"type": "text", "text": text} for text in ("psst", "hey")]
    floating.page.route("**/messages", lambda route: (floating.button("Close chat").click(), route.continue_()))
    floating.say(json.dumps(texts))
    expect(opener(floating)).to_have_text("Show chat (2 new)")
    opener(floating).click()
    expect(floating.messages("Bot").last).to_contain_text("hey")
    floating.button("Close chat").click()
    expect(opener(floating)).to_have_text("Show chat")


def test_a_bot_opens_and_closes_it(floating: Reader) -> None:
    open_chat(floating)
    floating.say('{"webchat_visibility": {"visibility": "hide"}}')
    expect(opener(floating)).to_be_focused()


@pytest.mark.parametrize("width", [360, 1000])
def test_it_has_room_on_every_screen(floating: Reader, width: int, screenshot: Any) -> None:
    floating.page.set_viewport_size({"width": width, "height": 640})
    open_chat(floating)
    screenshot(floating.page, f"floating-{width}")
    box = window(floating).bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= width
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 640
    assert floating.page.evaluate("() => document.documentElement.scrollWidth") <= width
    floating.button("Close chat").click()
    expect(floating.box).to_be_hidden()
    # What is beside the button belongs to the page.
    floating.page.get_by_role("searchbox").click()


def test_neither_takes_the_others_style(floating: Reader) -> None:
    open_chat(floating)
    assert floating.page.evaluate("() => document.styleSheets.length") == 1
    chat, host = floating.page.evaluate(LOOK), floating.page.evaluate(HOST)
    # As the browser has it where no page says anything.
    floating.page.evaluate(
        "css => { const sheet = new CSSStyleSheet(); sheet.replaceSync(css);"
        " document.adoptedStyleSheets.push(sheet); self.sheet = sheet; }",
        HOSTILE,
    )
    assert floating.page.evaluate(LOOK) == chat
    assert floating.page.evaluate(HOST) != host, "what is hostile is seen: else the line above could not fail"
    floating.page.evaluate("() => { document.adoptedStyleSheets.pop(); document.styleSheets[0].disabled = true; }")
    unstyled = floating.page.evaluate(HOST)
    floating.page.evaluate("() => document.querySelector('webchat-py').remove()")
    assert floating.page.evaluate(HOST) == unstyled


def test_a_page_sets_the_colours_that_it_may(floating: Reader) -> None:
    open_chat(floating)
    send = floating.button("Send")
    color = "button => getComputedStyle(button).backgroundColor"
    assert send.evaluate(color) == "rgb(122, 62, 18)"
    floating.page.locator("webchat-py").evaluate("chat => chat.style.setProperty('--webchat-accent', '#123456')")
    assert send.evaluate(color) == "rgb(18, 52, 86)"


def test_a_bot_changes_nothing_of_the_page_around_it(floating: Reader) -> None:
    open_chat(floating)
    before = floating.page.evaluate(HOST)
    floating.have_bot_signal(webchat_config={"config": {"botName": "Ada", "color": "#ffd700", "themeMode": "dark"}})
    expect(floating.messages("Ada").first).to_be_visible()
    expect(floating.page).to_have_title("The Tea House")
    assert floating.page.evaluate(HOST) == before


def test_it_is_accessible_open_and_closed(floating: Reader) -> None:
    expect(opener(floating)).to_be_visible()
    assert violations(floating.page) == []
    open_chat(floating)
    assert violations(floating.page) == []
    floating.button("Conversations").click()
    assert violations(floating.page) == []


def test_with_the_element_all_that_it_held_is_gone(chromium: Browser, bot_server: WebchatServer) -> None:
    with reading(chromium, bot_server.url) as reader:
        reader.page.goto(f"{reader.url}/examples/floating.html")
        open_chat(reader)
        with reader.page.expect_event("requestfailed"):
            gone = reader.page.evaluate_handle("() => document.querySelector('webchat-py')")
            gone.evaluate("chat => chat.remove()")  # which ends the stream
        asked = len(reader.watch.requests)
        # Nobody listens any more: a handler that is gone would be an error in the console.
        gone.evaluate(
            """chat => {
                for (const button of chat.shadowRoot.querySelectorAll("button[type=button]")) button.click();
                window.dispatchEvent(new Event("online"));
                document.dispatchEvent(new Event("visibilitychange"));
            }"""
        )
        settle(reader.page)
        assert len(reader.watch.requests) == asked


def script_of(code: str, reader: Reader) -> str:
    code = code.replace("MODE", repr(reader.mode))
    chat = '<script type="module" src="/chat/chat.js"></script>'
    return f'{chat}<script type="py" config="/chat/chat.toml">{code}</script>'


RESOURCES = """
import asyncio
import gc

import js
import pyodide_js
import webchat_ui
from pyodide.ffi import create_proxy
from webchat_py import get_client

pyodide_js._module.enable_pyproxy_allocation_tracing()
held = pyodide_js._module.pyproxy_alloc_map


async def chat_and_close(times):
    for turn in range(times):
        element = js.document.createElement("webchat-py")
        js.document.body.append(element)
        client = get_client("local", js.location.origin, storage=None, mode=MODE)
        chat = webchat_ui.Chat(element, client)
        await client.wait_for("message")
        find = element.shadowRoot.getElementById
        find("message").value = "hello"
        find("composer").requestSubmit()
        await client.wait_for("message")
        find("conversations").click()
        await client.list_conversations()
        if turn % 2:  # and the other way round
            element.remove()
            await asyncio.sleep(0.01)
        await chat.close()
        element.remove()
    del element, client, chat, find
    for _ in range(50):  # what was cancelled ends within the next turns
        await asyncio.sleep(0)
    gc.collect()
    return held.size


js.chat_and_close = create_proxy(chat_and_close)
"""


def test_nothing_is_held_once_it_is_closed(reader: Reader) -> None:
    open_own(reader, script_of(RESOURCES, reader))
    reader.page.wait_for_function("() => window.chat_and_close")
    first, then = (reader.page.evaluate("times => chat_and_close(times)", times) for times in (2, 6))
    assert first == then


CLOSED = """
import js
import webchat_ui
from webchat_py import get_client

client = get_client("local", js.location.origin, storage=None, mode=MODE)
chat = webchat_ui.Chat(js.document.querySelector("webchat-py"), client)

async def close(_event):
    await chat.close()
    await client.connect()
    await client.new_conversation()
    await client.ask("nobody sees this")
    js.document.title = "asked"

js.document.getElementById("end").addEventListener("click", webchat_ui.shell.create_proxy(close))
"""


def test_a_client_of_the_pages_own_goes_on_without_its_chat(reader: Reader) -> None:
    open_own(reader, f'<webchat-py></webchat-py><button id="end">End</button>{script_of(CLOSED, reader)}')
    expect(reader.status).to_contain_text("Connected")
    reader.expect_texts(["Welcome"])
    reader.button("End").click()
    expect(reader.status).to_have_text("Ended")
    expect(reader.page).to_have_title("asked")
    reader.expect_texts(["Welcome"])
    expect(reader.status).to_have_text("Ended")
    for name in ("Conversations", "Alerts", "New conversation"):
        expect(reader.button(name)).to_be_disabled()
    expect(reader.button("Reconnect")).to_be_hidden()
    reader.page.keyboard.press("Tab")
    assert violations(reader.page) == []
    assert not reader.page.evaluate(
        "() => document.querySelector('webchat-py').shadowRoot.querySelector('#composer :focus')"
    )


@pytest.mark.only_pushpin
@pytest.mark.parametrize("missing", ["**/core.js", "**/pyodide.mjs", "**/*.wasm", "**/webchat_py_ui-*.whl"])
def test_a_chat_that_cannot_be_loaded_says_so_in_any_layout(reader: Reader, missing: str) -> None:
    reader.watch.expect("net::ERR_FAILED", "Failed to fetch", "wasm instantiation failed", "webchat")
    reader.page.route(missing, lambda route: route.abort())
    lines = block("A chat in your own page")
    open_own(reader, lines)
    expect(reader.status).to_contain_text("The chat could not be loaded")
    assert reader.page.evaluate(LEAVE)
    reader.say("hello?")
    expect(reader.messages("You")).to_contain_text("Waiting")
    assert not reader.page.evaluate(LEAVE), "the browser asks before that is lost"


@pytest.mark.only_pushpin
def test_a_page_that_lacks_a_part_of_the_chat_says_so(reader: Reader) -> None:
    reader.watch.expect("status of 404", "MIME type", "Failed to fetch", "pyodide.mjs")
    lines = block("A chat in your own page")
    open_own(reader, lines, pyscript="")
    expect(reader.status).to_contain_text("The chat could not be loaded")
    elsewhere = CONFIG.read_text().replace("/vendor/", "/elsewhere/")
    reader.page.route("**/chat.toml", lambda route: route.fulfill(body=elsewhere, content_type="text/plain"))
    open_own(reader, lines)
    expect(reader.status).to_contain_text("The chat could not be loaded")


@pytest.mark.only_pushpin
@pytest.mark.parametrize("height", [240, 340])
def test_one_can_write_however_low_it_is(reader: Reader, height: int) -> None:
    lines = block("A chat in your own page")
    open_own(reader, lines.replace("<webchat-py ", f'<webchat-py style="height: {height}px" '))
    expect(reader.status).to_contain_text("Connected")
    element = reader.page.locator("webchat-py").bounding_box()
    assert element
    reader.page.mouse.move(element["x"] + 30, element["y"] + 20)
    reader.page.mouse.wheel(0, 1000)
    reader.page.wait_for_function(
        "([bottom, id]) => document.querySelector('webchat-py').shadowRoot.getElementById(id)"
        ".getBoundingClientRect().bottom <= bottom",
        arg=[element["y"] + element["height"], "message"],
    )


@pytest.mark.only_pushpin
def test_an_error_of_the_page_around_it_is_not_one_of_the_chat(reader: Reader) -> None:
    reader.watch.expect("uncaught: ", "no such thing", "status of 404", "MIME type")
    # Modules, so that they fail behind `chat.js`
    errors = "<script type='module'>Promise.reject(new Error('no such thing')); noSuchThing()</script>"
    errors += "<script type='module' src='/nowhere.js'></script><img src='/nowhere.png' alt=''>"
    held: list[Route] = []
    reader.page.route("**/*.wasm", lambda route: held.append(route))
    open_own(reader, block("A chat in your own page") + errors)
    reader.page.wait_for_load_state("load")
    expect(reader.status).to_contain_text("Connecting")
    for route in held:
        route.continue_()
    reader.page.unroute("**/*.wasm")
    expect(reader.status).to_contain_text("Connected")


@pytest.mark.only_pushpin
def test_a_page_whose_style_does_not_come_is_still_of_use(floating: Reader) -> None:
    floating.watch.expect("net::ERR_FAILED")
    floating.page.route("**/chat/style.css", lambda route: route.abort())
    floating.page.reload()
    open_chat(floating)
    floating.say("hello")
    expect(floating.messages("Bot").last).to_contain_text("echo: hello")


@pytest.fixture(scope="module")
def attacked(chromium: Browser, bot_server: WebchatServer, mode: str) -> Iterator[Reader]:
    """The page with a chat in its corner, whose bot is hostile."""
    with reading(chromium, bot_server.url) as reader:
        reader.watch.expect("status of 404", "Content Security Policy", "local resource: blob:")
        reader.page.add_init_script(CANARY)
        reader.page.goto(f"{reader.url}/examples/floating.html")
        open_chat(reader)
        yield reader


@pytest.mark.only_pushpin
@pytest.mark.parametrize("start", range(0, len(ATTACKS), BATCH * 4))
def test_no_attack_harms_the_page_around_it(attacked: Reader, start: int) -> None:
    attacked.start_over()
    around = attacked.page.evaluate(HOST)
    attacks = range(start, min(start + BATCH * 4, len(ATTACKS)), 4)
    for number in attacks:
        attacked.say(f"attack {number}")
    expect(attacked.log.locator("article.bot")).to_have_count(1 + 16 * len(attacks))
    settle(attacked.page)
    assert attacked.page.evaluate("() => window.harmed") == []
    assert attacked.page.evaluate(HOST) == around


# --- two of them ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pair(chromium: Browser, tmp_path_factory: pytest.TempPathFactory, mode: str) -> Iterator[Page]:
    """A page with two chats, the first with the test bot, the second with one that echoes."""
    bots = ("--bot", "tests.page.bot:answer", "--bot", "echo=echo")
    with WebchatServer(tmp_path_factory.mktemp("pair"), "--web", str(WEB), *bots) as server:
        context = chromium.new_context()
        watch = Watch(server.url).over(context)
        watch.expect("Content Security Policy", "status of 404", "local resource: blob:")
        page = context.new_page()
        page.add_init_script(CANARY)
        page.goto(f"{server.url}/examples/two-chats.html")
        for chat in (first(page), second(page)):
            expect(chat.get_by_role("status")).to_contain_text("Connected")
        yield page
        context.close()
        watch.check()


def first(page: Page) -> Locator:
    return page.get_by_role("region").first


def second(page: Page) -> Locator:
    return page.get_by_role("region").last


def say(chat: Locator, text: str) -> None:
    chat.get_by_role("textbox", name="Message").fill(text)
    chat.get_by_role("textbox", name="Message").press("Enter")


def test_two_chats_talk_to_two_bots(pair: Page) -> None:
    say(first(pair), "to the first")
    expect(first(pair).get_by_role("log")).to_contain_text("echo: to the first")
    say(second(pair), "to the second")
    expect(second(pair).get_by_role("article")).to_have_count(2)
    expect(second(pair).get_by_role("article", name="Echo")).to_contain_text("to the second")
    expect(first(pair).get_by_role("log")).not_to_contain_text("to the second")
    assert violations(pair) == []


@pytest.mark.parametrize("start", range(0, len(ATTACKS), BATCH * 4))
def test_no_attack_on_one_of_two_does_harm(pair: Page, start: int) -> None:
    first(pair).get_by_role("button", name="New conversation").click()
    expect(first(pair).get_by_role("article")).to_have_count(1)
    attacks = range(start, min(start + BATCH * 4, len(ATTACKS)), 4)
    for number in attacks:
        say(first(pair), f"attack {number}")
    expect(first(pair).locator("article.bot")).to_have_count(1 + 16 * len(attacks))
    settle(pair)
    assert pair.evaluate("() => window.harmed") == []
    say(second(pair), ATTACKS[start])
    expect(second(pair).locator("article.bot").last).to_contain_text(ATTACKS[start].strip())
    assert pair.evaluate("() => window.harmed") == []


# --- three lines ------------------------------------------------------------------------------------------------


@pytest.mark.only_pushpin
def test_the_readmes_three_lines_put_a_chat_into_any_page(reader: Reader) -> None:
    lines = block("A chat in your own page")
    assert len(lines.splitlines()) == 3
    open_own(reader, lines)
    expect(reader.status).to_contain_text("Connected")
    reader.say("hello")
    expect(reader.messages("Bot").last).to_contain_text("echo: hello")


@pytest.mark.only_pushpin
def test_the_readmes_policy_is_enough_on_a_site_of_ones_own(
    chromium: Browser, bot_server: WebchatServer, tmp_path: Path
) -> None:
    for name in ("chat", "vendor"):
        (tmp_path / name).symlink_to(WEB / name)
    (tmp_path / "favicon.ico").touch()  # browsers ask for it
    lines, policy = (block("A chat in your own page", number) for number in (1, 2))
    lines = lines.replace("<webchat-py ", f'<webchat-py api-url="{bot_server.url}" ')
    (tmp_path / "index.html").write_text(f"<!doctype html><title>Mine</title>{lines}{PYSCRIPT}")
    policy = " ".join(policy.replace("http://127.0.0.1:8000", bot_server.url).split())
    site = FileServer(tmp_path, {"content-security-policy": policy})
    with site, reading(chromium, site.url) as reader:
        reader.page.goto(f"{site.url}/index.html")
        expect(reader.status).to_contain_text("Connected")
        reader.button("Alerts").click()
        picture = "async image => (await image.decode(), image.naturalWidth)"
        pick(reader, PICTURE)
        assert tray(reader).locator("img").evaluate(picture) == 1
        reader.say("hello")
        expect(reader.log).to_contain_text("got image")
        expect(reader.messages("Bot").filter(has_text="echo: hello")).to_be_visible()
        assert reader.messages("You").locator("img").evaluate(picture) == 1
        assert reader.watch.elsewhere()
        reader.watch.requests[:] = [url for url in reader.watch.requests if not url.startswith(f"{bot_server.url}/")]


def test_an_element_that_comes_back_begins_anew(floating: Reader) -> None:
    open_chat(floating)
    floating.say("before")
    expect(floating.messages("Bot").last).to_contain_text("echo: before")
    floating.page.evaluate(
        """async () => {
            const chat = document.querySelector("webchat-py");
            chat.remove();
            await new Promise(resolve => setTimeout(resolve));
            document.body.append(chat);
            const again = document.createElement("script");
            again.type = "py";
            again.setAttribute("config", "../chat/chat.toml");
            again.textContent = "import webchat_ui; webchat_ui.start(); webchat_ui.start()";
            document.body.append(again);
        }"""
    )
    expect(floating.status).to_contain_text("Connected")
    floating.expect_texts(["Welcome", "before", "echo: before"])
    floating.say("after")
    floating.expect_texts(["Welcome", "before", "echo: before", "after", "echo: after"])
