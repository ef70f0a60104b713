"""What a hostile bot may do in a notebook, where a cell's output is trusted: be read, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.conftest import FULL
from tests.notebook.notebook import Notebook, notebook
from tests.support.files import FileServer
from tests.support.server import WebchatServer
from tests.support.xss import ATTACKS, payloads

ROOT = Path(__file__).resolve().parents[2]
CANARY = "window.harmed = []; window.harm = what => window.harmed.push(String(what))"
AT_ONCE = 12  # attacks that the widget shows at once: 14 messages each, of the 200 that it keeps
LIVE = range(0, len(ATTACKS), AT_ONCE) if FULL else range(0, len(ATTACKS), len(ATTACKS) // 2 + 1)

# All that stands in an output, by what it is: our own HTML has no other elements and attributes than these.
LOOK = """cell => {
    const elements = "a article audio b code div i img li pre span time ul video";
    const attributes = "alt aria-label class controls datetime dir href loading preload referrerpolicy rel role src"
        + " style target title";
    const found = [];
    for (const element of cell.querySelectorAll(".jp-RenderedHTML *")) {
        if (!elements.split(" ").includes(element.localName)) found.push(element.localName);
        for (const { name, value } of element.attributes) {
            if (!attributes.split(" ").includes(name)) found.push(`${name}=${value}`);
            if (name === "style" && /url|expression|position|behavior|9999/.test(value)) found.push(value);
        }
        if (element.hasAttribute("href") && !/^(https?|mailto|tel):/.test(element.href)) found.push(element.href);
        if (element.src && !/^(https?:|data:image\\/(png|jpeg|gif|webp|avif|bmp);base64,)/.test(element.src))
            found.push(element.src);
        // JupyterLab makes this of "noopener noreferrer"
        if (element.localName === "a" && element.rel !== "noopener") found.push("a link that tells");
    }
    return found;
}"""

INSTALL = """
import micropip
from js import location
from pyodide.http import pyfetch

await micropip.install(f"{location.origin}/vendor/webchat_py-0.1.0-py3-none-any.whl")
exec(await (await pyfetch("%s/xss.py")).string())
from webchat_py.wire.models import Conversation, Message, MessageList, User
from webchat_py.wire.payloads import parse_payload

def message(payload, attack):
    return Message(attack, attack, attack, None, parse_payload(payload), {attack: attack}, attack, attack)

messages = [message(payload, attack) for attack in ATTACKS for payload in payloads(attack)]
"""


@pytest.fixture(scope="module")
def hostile_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a server whose bot attacks."""
    with WebchatServer(tmp_path_factory.mktemp("data"), "--bot", "tests.page.bot:answer") as server:
        yield server.url


@pytest.fixture
def exposed(attacked: Notebook) -> Notebook:
    """That notebook, where no test before has failed: one that was taken over gives no verdict of its own."""
    assert not attacked.spoiled, "an attack of an earlier test has worked here, or that test found no end"
    attacked.spoiled = True
    return attacked


@pytest.fixture(scope="module")
def attacked(chromium: Browser, webchat_server: WebchatServer) -> Iterator[Notebook]:
    """A notebook in a browser that ignores the site's policy, with all attacks as messages in its kernel. What it
    would fetch from elsewhere gets no further than here."""
    with (
        FileServer(ROOT / "tests" / "support") as attacks,
        notebook(chromium, f"{webchat_server.url}/lite", "Quickstart", CANARY, bypass_csp=True) as opened,
    ):
        opened.page.route(lambda url: "127.0.0.1" not in url, lambda route: route.abort())
        opened.run(INSTALL % attacks.url)
        yield opened


def harmed(opened: Notebook) -> Any:
    """What attacks have done, once all that is shown has been loaded or has failed, and all animations have begun."""
    # our own pictures are lazy, those of an attack that works are not
    opened.page.wait_for_function("[...document.images].every(image => image.loading === 'lazy' || image.complete)")
    opened.page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return opened.page.evaluate("() => window.harmed")


def check(opened: Notebook, cell: Locator) -> None:
    assert cell.evaluate(LOOK) == []
    assert harmed(opened) == []
    here = opened.page.url.partition("/lite")[0]
    assert not [url for url in opened.requests if url.startswith(here) and "canary" in url]
    opened.spoiled = False


def test_no_attack_in_a_message_runs(exposed: Notebook) -> None:
    cell = exposed.run('MessageList(messages, "me")')
    articles = cell.get_by_role("article")
    expect(articles).to_have_count(len(ATTACKS) * len(payloads("")))
    assert all(articles.all_inner_texts()), "each message shows something"
    check(exposed, cell)
    exposed.clear(cell)


def test_no_attack_in_a_user_or_a_conversation_runs(exposed: Notebook) -> None:
    # all in one output, for of more than 50 a notebook shows the first ones
    code = """
from IPython.display import HTML
shown = [it for attack in ATTACKS for it in (
    User(attack, attack, attack, {attack: attack}, {attack: [attack]}),
    Conversation(attack, last_message=message(payloads(attack)[0], attack)),
)]
HTML("".join(it._repr_html_() for it in shown))"""
    cell = exposed.run(code)
    expect(cell.get_by_role("article")).to_have_count(len(ATTACKS))
    check(exposed, cell)
    exposed.clear(cell)


@pytest.mark.parametrize("first", LIVE)
def test_no_attack_on_the_widget_runs(exposed: Notebook, hostile_url: str, first: int) -> None:
    numbers = range(first, min(first + AT_ONCE, len(ATTACKS)))
    code = f"""
from webchat_py import get_client
client = get_client("local", {hostile_url!r})
await client.connect(name=ATTACKS[{first}], picture_url=ATTACKS[{first}])
client.widget()"""
    cell = exposed.run(code)
    exposed.run(f'for number in {list(numbers)}:\n    await client.ask(f"attack {{number}}", silence=0.3)')
    expect(cell.get_by_text("That was it")).to_have_count(len(numbers))
    check(exposed, cell)
    exposed.run("await client.disconnect()")
    exposed.clear(cell)


def test_attack_that_works_is_seen(exposed: Notebook) -> None:
    code = """
from IPython.display import HTML
HTML("<img src=canary onerror=harm('image')><a href=\\"javascript:harm('link')\\">x</a>")"""
    cell = exposed.run(code)
    expect(exposed.outputs(cell)).to_have_count(1)
    assert cell.evaluate(LOOK) == ["onerror=harm('image')", "javascript:harm('link')"]
    exposed.page.wait_for_function("() => window.harmed.includes('image')")
