"""The chat page's main journey in every browser. What it does in full is tested in tests/page, in Chromium."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.support.proxy import FaultyProxy
from tests.support.visitor import Visitor

pytestmark = pytest.mark.every_browser

OPTIONS = [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]
CARD = {"title": "Mug", "subtitle": "12 euros", "actions": [{"action": "say", "label": "Buy", "value": "buy"}]}
# Each with what is to be seen of it
PAYLOADS: list[tuple[dict[str, Any], str]] = [
    ({"type": "text", "text": "plain"}, "plain"),
    ({"type": "markdown", "markdown": "# Hours\n\n- one\n- two"}, "Hours"),
    ({"type": "image", "imageUrl": "/demo-media/picture.png"}, ""),
    ({"type": "audio", "audioUrl": "/demo-media/sound.wav"}, ""),
    ({"type": "video", "videoUrl": "/demo-media/video.webm"}, ""),
    ({"type": "file", "fileUrl": "/demo-media/notes.txt", "title": "notes.txt"}, "notes.txt"),
    ({"type": "location", "latitude": 1, "longitude": 2, "title": "Here"}, "Show on a map"),
    ({"type": "card", **CARD}, "Mug"),
    ({"type": "carousel", "items": [CARD, CARD]}, "12 euros"),
    ({"type": "dropdown", "text": "Which colour?", "options": OPTIONS}, "Which colour?"),
    ({"type": "bloc", "items": [{"type": "text", "payload": {"text": "in a bloc"}}]}, "in a bloc"),
    ({"type": "custom", "name": "Basket", "url": "https://example.org", "data": {"a": 1}}, "Basket"),
    ({"type": "poll", "question": "What?"}, "What?"),
    ({"type": "choice", "text": "Which size?", "options": OPTIONS}, "Which size?"),
]
DROP = """
const data = new DataTransfer(), [target, name, text] = arguments;
data.items.add(new File([text], name, { type: "text/plain" }));
target.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true, composed: true }));
"""


@pytest.mark.parametrize("mode", ["pushpin", "messaging"])
def test_a_talk_with_every_payload_that_goes_on_after_a_reload(visitor: Visitor, mode: str) -> None:
    visitor.open(f"?mode={mode}")
    visitor.hears("Welcome")
    visitor.say("hello")
    visitor.hears("echo: hello")
    local = json.dumps([payload for payload, _ in PAYLOADS]).replace('"/demo-media', f'"{visitor.url}/demo-media')
    visitor.say(local)
    visitor.until(lambda: len(visitor.all("article", "Bot")) == 2 + len(PAYLOADS))
    said = visitor.texts("Bot")[2:]
    assert [seen in text for text, (_, seen) in zip(said, PAYLOADS, strict=True)] == [True] * len(PAYLOADS)
    assert visitor.violations() == []
    visitor.one("button", "Large").click()
    visitor.hears("echo: l")
    own, told = visitor.texts("You"), visitor.texts("Bot")
    visitor.reload()
    visitor.until(lambda: len(visitor.all("article", "Bot")) == len(told))
    assert visitor.texts("Bot") == told
    assert visitor.texts("You") == own
    visitor.say("still there?")
    visitor.hears("echo: still there?")


def test_the_keyboard_is_enough(visitor: Visitor) -> None:
    visitor.open()
    visitor.hears("Welcome")

    def press(*keys: str) -> None:
        ActionChains(visitor.driver).send_keys(*keys).perform()

    visitor.driver.execute_script("document.activeElement?.blur()")
    stops = []
    while not stops or stops[-1] != "message":
        press(Keys.TAB)
        stops.append(visitor.focused.get_attribute("id") or visitor.focused.get_attribute("value"))
        assert len(stops) < 12, stops
    way = ["conversations", "alerts", "new-conversation", "log", "positive", "negative", "attach", "message"]
    assert stops == way
    press("two")
    ActionChains(visitor.driver).key_down(Keys.SHIFT).send_keys(Keys.ENTER).key_up(Keys.SHIFT).perform()
    press("lines", Keys.ENTER)
    visitor.hears("echo: two")
    assert "two\nlines" in visitor.texts("You")[-1]


def test_the_box_grows_with_its_text_and_shrinks_when_it_is_sent(visitor: Visitor) -> None:
    visitor.open()
    box = visitor.one("textbox", "Message")
    height = box.size["height"]
    for _ in range(4):
        box.send_keys("line")
        box.send_keys(Keys.SHIFT, Keys.ENTER)
    assert box.size["height"] > 2 * height
    box.send_keys(Keys.ENTER)
    visitor.hears("echo: line")
    visitor.until(lambda: box.size["height"] == height)


def test_a_file_is_sent_and_a_conversation_found_again(visitor: Visitor) -> None:
    visitor.open()
    visitor.hears("Welcome")
    visitor.driver.execute_script(DROP, visitor.one("log", "Conversation"), "notes.txt", "hello")
    visitor.until(lambda: visitor.one("button", "Remove notes.txt"))
    visitor.one("button", "Send").click()
    visitor.hears("got file")
    visitor.one("button", "New conversation").click()
    visitor.until(lambda: len(visitor.all("article")) == 1)
    visitor.one("button", "Conversations").click()
    visitor.until(lambda: visitor.one("button", "Delete: got file"))
    assert visitor.violations() == []
    (old,) = (button for button in visitor.all("button") if "got file" in visitor.text(button))
    old.click()
    visitor.until(lambda: len(visitor.all("article")) == 3)


def test_a_picked_file_is_sent_with_its_progress(visitor: Visitor, page_proxy: FaultyProxy, notes: Path) -> None:
    upload(visitor, page_proxy, notes)
    page_proxy.clear()
    visitor.hears("got file")
    (own,) = visitor.texts("You")
    assert "notes.txt" in own
    assert "Sent" in own
    assert visitor.one("progressbar") is None
    assert b"hello" in page_proxy.bodies


def test_an_upload_is_cancelled(visitor: Visitor, page_proxy: FaultyProxy, notes: Path) -> None:
    upload(visitor, page_proxy, notes)
    visitor.one("button", "Cancel").click()
    visitor.until(lambda: not visitor.all("article", "You"))
    visitor.until(lambda: not page_proxy.held)  # the browser has given up the request
    page_proxy.clear()
    visitor.say("that was it")
    visitor.hears("echo: that was it")
    assert len(visitor.all("article")) == 3


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes.txt"
    path.write_text("hello")
    return path


def upload(visitor: Visitor, page_proxy: FaultyProxy, path: Path) -> None:
    """Pick a file and send it, until the browser says that all of it is under way; the proxy holds it."""
    visitor.open()
    visitor.hears("Welcome")
    page_proxy.requests.clear()
    page_proxy.bodies.clear()
    page_proxy.rule(route="PUT ", act="hold")
    # What is picked with has no role: it is hidden, and a button opens it
    picker = visitor.driver.find_element(By.CSS_SELECTOR, "webchat-py").shadow_root
    picker.find_element(By.CSS_SELECTOR, "input[type=file]").send_keys(str(path))
    visitor.until(lambda: visitor.one("button", f"Remove {path.name}"))
    visitor.one("button", "Send").click()
    bar = visitor.until(lambda: visitor.one("progressbar", f"Upload of {path.name}"))
    visitor.until(lambda: page_proxy.held == 1)
    visitor.until(lambda: bar.get_property("value") == 1)
    assert "Uploading… 100" in visitor.texts("You")[0]
