"""The chat in the reader's language, and from right to left."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.page.reader import Reader, reading
from tests.page.test_looks import violations
from tests.support.server import WebchatServer

CHAT = Path(__file__).resolve().parents[2] / "web" / "chat"
SEND = {"en": "Send", "de": "Senden", "fr": "Envoyer", "ar": "إرسال"}
CLOCK = dict.fromkeys(("en", "de", "fr"), r"\d\d:\d\d") | {"ar": r"\d+:\d\d [صم]", "nl": r"\d+:\d\d\s[AP]M"}
CONNECTED = {"en": "Connected", "de": "Verbunden", "fr": "Connecté", "ar": "متصل"}


def table() -> tuple[dict[str, Any], dict[str, str]]:
    script = "import('./texts.js').then(({TEXTS, LANGUAGES}) => console.log(JSON.stringify([TEXTS, LANGUAGES])))"
    told = subprocess.run(["node", "-e", script], cwd=CHAT, check=True, capture_output=True, text=True).stdout
    texts, languages = json.loads(told)
    return texts, languages


def test_each_text_is_there_in_each_language_with_the_same_gaps() -> None:
    texts, languages = table()
    for key, row in texts.items():
        assert set(row) == set(languages), key
        gaps = {frozenset(re.findall(r"\{(\w+)\}", json.dumps(column)) or ["none"]) for column in row.values()}
        assert len(gaps) == 1, f"{key}: {gaps}"
        for code, column in row.items():
            forms = [column] if isinstance(column, str) else column.values()
            assert all(form.strip() for form in forms), f"{key}, {code}"
            assert isinstance(column, str) or "other" in column, f"{key}, {code}"


def test_each_text_is_used_and_each_that_is_used_is_there() -> None:
    texts, _ = table()
    source = "".join(
        file.read_text() for file in CHAT.rglob("*") if file.suffix in (".py", ".js") and file.name != "texts.js"
    )
    used = set(re.findall(r"""["'](\w+)["']""", source))
    assert set(texts) - used - {"soundNamed", "videoNamed"} == set(), "which are made of two parts"
    said = set(re.findall(r"""\bsay\(\s*"(\w+)\"""", source)) | set(re.findall(r'\bsay\w*: "(\w+)"', source))
    assert said
    assert said - set(texts) == set()


@pytest.mark.parametrize("locale", ["en-GB", "de-AT", "fr-FR", "ar-EG", "nl-NL"])
def test_the_browser_chooses_the_language(chromium: Browser, bot_server: WebchatServer, locale: str) -> None:
    code = locale[:2] if locale[:2] in SEND else "en"
    with reading(chromium, bot_server.url, locale=locale) as reader:
        reader.page.add_init_script(f"Object.defineProperty(navigator, 'languages', {{ value: ['{locale}'] }})")
        reader.open()
        expect(reader.status).to_contain_text(CONNECTED[code])
        expect(reader.button(SEND[code])).to_be_visible()
        reader.page.get_by_role("textbox").fill("hallo")
        reader.page.keyboard.press("Enter")
        expect(reader.page.get_by_role("log")).to_contain_text("echo: hallo")
        time = reader.page.get_by_role("log").locator("time").last.inner_text()
        assert re.fullmatch(CLOCK[code if locale != "nl-NL" else "nl"], time), time
        assert time.isascii() or code in ("ar", "en"), "Arabic has digits of its own"
        assert violations(reader.page) == []


def test_the_attribute_goes_before_the_browser(reader: Reader) -> None:
    reader.page.add_init_script(
        "addEventListener('DOMContentLoaded', () => {}); new MutationObserver((_, observer) => {"
        " const chat = document.querySelector('webchat-py'); if (chat && !chat.lang) chat.lang = 'de'; })"
        ".observe(document, { childList: true, subtree: true })"
    )
    reader.open()
    expect(reader.status).to_contain_text("Verbunden")


@pytest.mark.both_modes
def test_from_right_to_left_nothing_is_on_the_wrong_side(
    chromium: Browser, bot_server: WebchatServer, screenshot: Any
) -> None:
    with reading(chromium, bot_server.url, locale="ar-EG") as reader:
        reader.open()
        log = reader.page.get_by_role("log")
        expect(log).to_contain_text("Welcome")
        options = [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]
        card = {"title": "Mug", "actions": [{"action": "say", "label": "Buy", "value": "b"}]}
        payloads = [
            {"type": "carousel", "items": [card | {"title": f"Mug {number}"} for number in range(4)]},
            {"type": "dropdown", "text": "Which size?", "options": options},
            {"type": "markdown", "markdown": "- one\n- two\n\n> quoted"},
            {"type": "text", "text": "مرحبا بكم"},
        ]
        box = reader.page.get_by_role("textbox")
        box.fill(json.dumps(payloads))
        box.press("Enter")
        expect(log.locator("article.bot")).to_have_count(1 + len(payloads))
        for width in (360, 1000):
            reader.page.set_viewport_size({"width": width, "height": 640})
            screenshot(reader.page, f"rtl-{width}")
            middle = width / 2
            own, bot = (log.locator(f"article.{who} .bubble").last.bounding_box() for who in ("own", "bot"))
            send, area = reader.button("إرسال").bounding_box(), log.bounding_box()
            assert own
            assert bot
            assert send
            assert area
            assert own["x"] - area["x"] < 32, "one's own are on the left"
            assert area["x"] + area["width"] - bot["x"] - bot["width"] < 32, "the bot's on the right"
            assert send["x"] < middle, "what goes on is on the left"
            size = "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
            assert reader.page.evaluate(size) == [width, 640]
            assert log.evaluate("log => log.scrollWidth <= log.clientWidth")
        cards = log.get_by_role("group", name="Mug")
        turn = reader.button("البطاقة التالية")
        reader.page.set_viewport_size({"width": 360, "height": 640})
        expect(cards.nth(2)).not_to_be_in_viewport()  # by then the window is as small as it was told to be
        # Where a window was made smaller the browser may have turned it.
        log.locator(".carousel").evaluate(
            "it => { it.scrollIntoView({ block: 'center' }); it.firstElementChild.scrollLeft = 0; }"
        )
        for number in (1, 2, 3, 0):
            turn.click()
            expect(cards.nth(number)).to_be_in_viewport(ratio=0.9)
        assert violations(reader.page) == []
