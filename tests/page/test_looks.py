"""How the page looks and feels: small screens, dark mode, the keyboard alone, scrolling, accessibility."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.page.reader import Reader, delete_conversation, reading, say_elsewhere
from tests.support.server import WebchatServer

AXE = Path(__file__).resolve().parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"

CHOICE = {
    "type": "choice",
    "text": "Which size would you like?",
    "options": [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}],
}
MARKDOWN = {
    "type": "markdown",
    "markdown": "## Hours\n\nOpen **every day**, see [our site](https://example.org/).\n\n- Mon to Fri\n- `code`\n\n"
    "> quoted\n\n| Day | Hours |\n|---|---|\n| Mon | 9 to 18 |",
}
WIDE = {
    "type": "markdown",
    "markdown": "Long_word_" * 30 + "\n\n```\n" + "code " * 60 + "\n```\n\n|" + "wide cell|" * 12 + "\n" + "|---" * 12,
}
CARD = {"type": "card", "title": "Blue mug", "actions": [{"action": "say", "label": "Buy", "value": "buy"}]}


def violations(page: Page) -> list[str]:
    """What axe-core finds wrong, best practices included."""
    page.evaluate(AXE.read_text())
    # What it would load for one rule (css-orientation-lock) it would put into the shadow root as a style, against the
    # page's policy.
    result: dict[str, Any] = page.evaluate("() => axe.run({ preload: false })")
    return [f"{found['id']}: {node['html']}" for found in result["violations"] for node in found["nodes"]]


def test_the_main_states_are_accessible_in_light_and_dark(
    chromium: Browser, own_server: WebchatServer, screenshot: Callable[[Page, str], None]
) -> None:
    found: dict[str, list[str]] = {}

    def examine(state: str) -> None:
        for color_scheme in ("light", "dark"):
            reader.page.emulate_media(color_scheme=color_scheme)
            found[f"{state}, {color_scheme}"] = violations(reader.page)
            screenshot(reader.page, f"{state}-{color_scheme}")
        reader.page.emulate_media(forced_colors="active")
        found[f"{state}, forced colours"] = violations(reader.page)
        screenshot(reader.page, f"{state}-forced")
        reader.page.emulate_media(forced_colors="none")

    with reading(chromium, own_server.url) as reader:
        reader.watch.expect("net::ERR_", "status of 404")
        runtime: list[Route] = []
        reader.page.route("**/*.wasm", lambda route: runtime.append(route))
        reader.open()
        examine("connecting")
        expect(reader.status).to_contain_text("Connecting")
        for route in runtime:
            route.continue_()
        expect(reader.status).to_contain_text("Connected")
        expect(reader.log).to_contain_text("Welcome")
        reader.have_bot_send(MARKDOWN, CARD, CHOICE)
        if reader.mode == "pushpin":  # the other mode has no typing
            reader.say("typing")
            expect(reader.page.get_by_text("Bot is typing…")).to_be_visible()
        examine("chatting")
        reader.button("Alerts").click()
        examine("alerts")
        reader.button("Large").click()
        expect(reader.messages("Bot").last).to_contain_text("echo: l")
        examine("taken")
        own_server.kill()
        expect(reader.status).to_contain_text("Reconnecting")
        reader.say("nobody home")
        expect(reader.messages("You").last).to_contain_text("Waiting")
        examine("reconnecting")
        own_server.restart()
        expect(reader.messages("Bot").last).to_contain_text("echo: nobody home")
        delete_conversation(reader)
        if reader.mode == "pushpin":  # a Messaging server tells nobody who does not ask
            expect(reader.status).to_contain_text("Offline")
        reader.say("too late")
        expect(reader.messages("You").last).to_contain_text("Not sent")
        expect(reader.status).to_contain_text("Offline")
        examine("offline")
    assert found == {state: [] for state in found}


def test_every_payload_is_accessible(chatter: Reader, screenshot: Callable[[Page, str], None]) -> None:
    media = f"{chatter.url}/demo-media"
    actions = [{"action": "url", "label": "Look", "value": "https://example.org"}, *CARD["actions"]]
    item = {"title": "Mug", "subtitle": "12 €", "imageUrl": f"{media}/picture.png", "actions": actions}
    payloads = [
        {"type": "text", "text": "See https://example.org"},
        MARKDOWN,
        {"type": "image", "imageUrl": f"{media}/picture.png"},
        {"type": "audio", "audioUrl": f"{media}/sound.wav"},
        {"type": "video", "videoUrl": f"{media}/video.webm"},
        {"type": "file", "fileUrl": f"{media}/notes.txt"},
        {"type": "location", "latitude": 1, "longitude": 2, "title": "Here"},
        {"type": "card", **item},
        {"type": "carousel", "items": [item, item, item]},
        {"type": "dropdown", "text": "Which size?", "options": CHOICE["options"]},
        {"type": "bloc", "items": [{"type": "markdown", "payload": {"markdown": "**a**"}}]},
        {"type": "custom", "url": "https://example.org", "name": "Basket", "data": {"a": 1}},
        {"type": "poll", "question": "What?"},
        {**CHOICE, "disableFreeText": True},
    ]
    chatter.have_bot_send(*payloads)
    found: dict[str, list[str]] = {}

    def examine(state: str) -> None:
        for color_scheme in ("light", "dark"):
            chatter.page.emulate_media(color_scheme=color_scheme)
            found[f"{state}, {color_scheme}"] = violations(chatter.page)
            screenshot(chatter.page, f"{state}-{color_scheme}")

    examine("payloads, box closed")
    chatter.page.get_by_role("button", name="Picture picture.png").first.click()
    examine("viewer")
    chatter.page.keyboard.press("Escape")
    chatter.button("Large").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    chatter.messages("Bot").first.scroll_into_view_if_needed()
    say_elsewhere(chatter, "below")
    expect(chatter.button("2 new messages")).to_be_visible()
    examine("new messages")
    chatter.say('{"webchat_visibility": {"visibility": "hide"}}')
    expect(chatter.button("Show chat")).to_be_visible()
    examine("hidden")
    chatter.button("Show chat").click()
    assert found == {state: [] for state in found}


def test_the_page_works_at_four_hundred_percent(chatter: Reader, screenshot: Callable[[Page, str], None]) -> None:
    """A window of 1280 by 720, enlarged four times, has 320 by 180 pixels of its own."""
    chatter.page.set_viewport_size({"width": 320, "height": 180})
    chatter.have_bot_send(CARD)
    chatter.say("so big")
    expect(chatter.messages("Bot").last).to_contain_text("echo: so big")
    screenshot(chatter.page, "zoom-400")
    assert chatter.page.evaluate("() => document.documentElement.scrollHeight") == 180
    for element in (
        chatter.messages("Bot").last,
        chatter.button("Buy"),
        chatter.button("New conversation"),
        chatter.box,
    ):
        element.scroll_into_view_if_needed()
        expect(element).to_be_in_viewport()
        assert element.evaluate(
            """element => {
                const { left, right, top, bottom } = element.getBoundingClientRect();
                const hit = element.getRootNode().elementFromPoint((left + right) / 2, (top + bottom) / 2);
                return left >= 0 && right <= innerWidth && (element.contains(hit) || hit.contains(element));
            }"""
        ), "it is under nothing else"


def test_nothing_is_wider_than_the_screen(chatter: Reader, screenshot: Callable[[Page, str], None]) -> None:
    long = "a" * 300
    options = [{"label": long, "value": "s"}]
    chatter.have_bot_send(
        WIDE,
        {"type": "text", "text": f"https://example.org/{long}"},
        {"type": "file", "fileUrl": f"https://example.org/{long}"},
        {"type": "location", "latitude": 1, "longitude": 2, "title": long},
        {"type": "dropdown", "text": long, "options": options},
        {"type": "choice", "text": long, "options": options},
        {"type": "carousel", "items": [CARD | {"title": long}, CARD]},
        {"type": "custom", "url": "https://example.org", "name": long, "data": {long: long}},
        CARD,
        CHOICE,
    )
    chatter.have_bot_signal(custom={"event": {long: long}})
    for width in (320, 480, 768, 1024, 1440):
        chatter.page.set_viewport_size({"width": width, "height": 640})
        for role in ("article", "button", "textbox", "status"):
            for element in chatter.page.get_by_role(role).all():
                box = element.bounding_box()
                assert box["x"] >= 0
                assert box["x"] + box["width"] <= width
        size = "() => [document.documentElement.scrollWidth, document.documentElement.scrollHeight]"
        assert chatter.page.evaluate(size) == [width, 640], "only the conversation scrolls"
        assert chatter.log.evaluate("log => log.scrollWidth <= log.clientWidth")
        screenshot(chatter.page, f"width-{width}")


FOCUSED = """() => {
    const element = document.querySelector("webchat-py").shadowRoot.activeElement;
    return element.ariaLabel || element.labels?.[0]?.innerText || element.innerText || element.querySelector("img").alt;
}"""
OUTLINE = "() => getComputedStyle(document.querySelector('webchat-py').shadowRoot.activeElement).outlineStyle"


def tab_stops(page: Page, key: str, until: str) -> list[str]:
    """Presses a key until the focus is there; returns the names of what had it on the way. All of it shows it."""
    stops: list[str] = []
    while not stops or stops[-1] != until:
        page.keyboard.press(key)
        stops.append(page.evaluate(FOCUSED))
        assert page.evaluate(OUTLINE) != "none", f"{stops[-1]!r} shows that it has the focus"
        assert len(stops) < 40, f"{key} does not reach {until!r}, only {stops}"
    return stops


def test_the_keyboard_is_enough(chatter: Reader) -> None:
    page, press = chatter.page, chatter.page.keyboard.press
    before = ["Conversations", "Alerts", "New conversation", "Conversation", "Helpful", "Not helpful"]
    attach = ["Attach file"] if chatter.mode == "pushpin" else []
    assert tab_stops(page, "Shift+Tab", "Conversations")[::-1] == before + attach
    assert tab_stops(page, "Tab", "Send") == [*before[1:], *attach, "Message", "Send"]
    press("Shift+Tab")
    page.keyboard.type("choice please")
    press("Enter")
    expect(chatter.messages("Bot").last).to_contain_text("echo: choice please")
    chatter.have_bot_send(CHOICE)
    assert tab_stops(page, "Shift+Tab", "Small")[-2:] == ["Large", "Small"]
    press("Tab")
    press("Enter")
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    assert page.evaluate(FOCUSED) == "Large", "the focus stays where it was"


def test_the_keyboard_goes_through_a_message_as_the_eye_does(chatter: Reader) -> None:
    page, press = chatter.page, chatter.page.keyboard.press
    picture = f"{chatter.url}/demo-media/picture.png"
    buy = {"action": "say", "value": "buy"}
    turning = [
        {"title": f"Mug {number}", "imageUrl": picture, "actions": [buy | {"label": f"Buy {number}"}]}
        for number in (1, 2, 3)
    ]
    page.set_viewport_size({"width": 360, "height": 700})
    chatter.have_bot_send(
        {"type": "image", "imageUrl": picture, "title": "A mug"},
        {"type": "carousel", "items": turning},
        {"type": "dropdown", "text": "Size?", "options": CHOICE["options"]},
        {"type": "location", "latitude": 1, "longitude": 2, "title": "Here"},
    )
    cards = [f"{what} {number}" for number in (1, 2, 3) for what in ("Picture of Mug", "Buy")]
    order = ["Cards", *cards, "Previous card", "Next card", "Size?", "Choose", "Show on a map"]
    order += ["Helpful", "Not helpful", *(["Attach file"] if chatter.mode == "pushpin" else [])]
    assert tab_stops(page, "Shift+Tab", "Picture picture.png")[::-1] == ["Picture picture.png", *order]

    press("Enter")
    expect(page.get_by_role("dialog", name="Picture")).to_be_visible()
    assert page.evaluate(FOCUSED) == "Close"
    press("Escape")
    assert page.evaluate(FOCUSED) == "Picture picture.png"
    tab_stops(page, "Tab", "Next card")
    expect(chatter.button("Buy 3")).to_be_in_viewport(ratio=1)
    for number in (1, 2):
        press("Enter")
        expect(chatter.button(f"Buy {number}")).to_be_in_viewport(ratio=1)
    assert tab_stops(page, "Tab", "Size?") == ["Size?"]
    page.keyboard.type("L")
    press("Tab")
    press("Enter")
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    assert page.evaluate(FOCUSED) == "Choose"


def test_the_jump_is_reached_and_left_by_keyboard(chatter: Reader) -> None:
    chatter.page.set_viewport_size({"width": 600, "height": 400})
    chatter.have_bot_send(*({"type": "text", "text": f"line {number}"} for number in range(20)))
    tab_stops(chatter.page, "Shift+Tab", "Conversation")
    chatter.page.keyboard.press("Home")
    expect(chatter.messages("Bot").first).to_be_in_viewport()
    say_elsewhere(chatter, "below")
    expect(chatter.button("2 new messages")).to_be_visible()
    assert tab_stops(chatter.page, "Shift+Tab", "2 new messages") == ["2 new messages"]
    chatter.page.keyboard.press("Enter")
    expect(chatter.messages("Bot").last).to_be_in_viewport()
    assert chatter.page.evaluate(FOCUSED) == "Conversation"


def test_the_newest_message_is_in_view_unless_the_reader_reads_above(chatter: Reader) -> None:
    chatter.page.set_viewport_size({"width": 600, "height": 500})
    chatter.have_bot_send(*({"type": "text", "text": f"line {number}"} for number in range(20)))
    expect(chatter.messages("Bot").last).to_be_in_viewport()
    chatter.page.set_viewport_size({"width": 400, "height": 300})
    expect(chatter.messages("Bot").last).to_be_in_viewport()

    chatter.messages("Bot").first.scroll_into_view_if_needed()
    chatter.say("back to the end")
    expect(chatter.messages("Bot").last).to_contain_text("echo: back to the end")
    expect(chatter.messages("Bot").last).to_be_in_viewport()

    chatter.messages("Bot").first.scroll_into_view_if_needed()
    above = chatter.messages("Bot").first.bounding_box()
    say_elsewhere(chatter, "from elsewhere")
    expect(chatter.messages("Bot").last).to_contain_text("echo: from elsewhere")
    assert chatter.messages("Bot").first.bounding_box() == above
    expect(chatter.messages("Bot").last).not_to_be_in_viewport()


@pytest.mark.only_pushpin
def test_nothing_moves_while_the_bot_types(chatter: Reader) -> None:
    before = [chatter.log.bounding_box(), chatter.box.bounding_box()]
    chatter.say("typing")
    expect(chatter.page.get_by_text("Bot is typing…")).to_be_visible()
    assert [chatter.log.bounding_box(), chatter.box.bounding_box()] == before


@pytest.mark.only_pushpin
def test_motion_is_reduced_when_asked(chatter: Reader) -> None:
    moving = "() => document.querySelector('webchat-py').shadowRoot.getAnimations().length"
    chatter.say("typing")
    expect(chatter.page.get_by_text("Bot is typing…")).to_be_visible()
    assert chatter.page.evaluate(moving) > 0
    chatter.page.emulate_media(reduced_motion="reduce")
    assert chatter.page.evaluate(moving) == 0
