"""What a bot may change around the conversation, and what it may not."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.page.reader import Reader, reading
from tests.support.server import WebchatServer
from tests.support.xss import ATTACKS


def configure(reader: Reader, **config: Any) -> None:
    reader.have_bot_signal(webchat_config={"config": config})


@pytest.fixture
def plain(chromium: Browser, bot_server: WebchatServer) -> Any:
    """A reader whose page no bot has changed yet."""
    with reading(chromium, bot_server.url) as reader:
        reader.open_connected()
        yield reader


def color_of(element: Locator, name: str) -> str:
    return str(element.evaluate(f"element => getComputedStyle(element)['{name}']"))


def test_a_bot_names_and_describes_itself(plain: Reader) -> None:
    configure(plain, botName="Ada", botDescription="Knows engines", composerPlaceholder="Ask me")
    expect(plain.page.get_by_role("heading", name="Ada", exact=True)).to_be_visible()
    expect(plain.page.get_by_text("Knows engines", exact=True)).to_be_visible()
    expect(plain.page).to_have_title("Ada")
    expect(plain.box).to_have_attribute("placeholder", "Ask me")
    if plain.mode == "pushpin":  # the other mode has no typing
        plain.say("typing")
        expect(plain.page.get_by_text("Ada is typing…")).to_be_visible()
    plain.say("who?")
    expect(plain.messages("Ada").last).to_contain_text("echo: who?")
    expect(plain.messages("Ada")).to_have_count(3)
    expect(plain.page.locator("[aria-live=polite]")).to_contain_text("Ada: echo: who?")


def test_a_bot_has_a_picture_and_colours(plain: Reader) -> None:
    configure(plain, botAvatar=f"{plain.url}/demo-media/picture.png", color="#ffd700", themeMode="dark")
    header = plain.page.locator("header")
    expect(header.locator("img")).to_have_js_property("complete", True)
    assert header.locator("img").evaluate("image => image.naturalWidth") > 0
    send = plain.button("Send")
    assert color_of(send, "backgroundColor") == "rgb(255, 215, 0)"
    assert color_of(send, "color") == "rgb(0, 0, 0)"
    assert color_of(plain.page.locator("header").locator(".."), "backgroundColor") == "rgb(22, 27, 33)"
    configure(plain, color="#123456", themeMode="light")
    assert color_of(send, "backgroundColor") == "rgb(18, 52, 86)"
    assert color_of(send, "color") == "rgb(255, 255, 255)"
    assert color_of(plain.page.locator("header").locator(".."), "backgroundColor") == "rgb(255, 255, 255)"


@pytest.mark.parametrize("address", ["demo-media/missing.png", "demo-media/notes.txt"])
def test_a_picture_of_the_bot_that_cannot_be_shown_is_not(plain: Reader, address: str) -> None:
    plain.watch.expect("status of 404")
    with plain.page.expect_console_message(lambda message: "botAvatar" in message.text):
        configure(plain, botAvatar=f"{plain.url}/{address}")
    expect(plain.page.locator("header img")).to_have_count(0)


def test_however_much_a_bot_says_of_itself_the_conversation_keeps_its_room(plain: Reader) -> None:
    plain.page.set_viewport_size({"width": 320, "height": 640})
    configure(plain, botName="W" * 60, botDescription="Wide " * 40, composerPlaceholder="W" * 60)
    assert plain.log.bounding_box()["height"] > 320  # type: ignore[index]
    assert plain.page.evaluate("() => document.documentElement.scrollHeight") == 640
    assert plain.page.evaluate("() => document.documentElement.scrollWidth") == 320


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_colour_like_the_panels_leaves_an_edge(plain: Reader, theme: str) -> None:
    configure(plain, color={"light": "#ffffff", "dark": "#161b21"}[theme], themeMode=theme)
    send = plain.button("Send")
    assert color_of(send, "borderTopColor") != color_of(send, "backgroundColor")


@pytest.mark.parametrize(
    "value",
    [7, None, [], {}, "", " ", "\u200b\u202e", "x" * 1000, "red;background:url(canary)", "javascript:x", *ATTACKS[:3]],
)
def test_a_setting_that_does_not_fit_changes_nothing(chatter: Reader, value: object) -> None:
    look = """() => {
        const find = selector => document.querySelector("webchat-py").shadowRoot.querySelector(selector);
        return [
            document.title, find("header").innerText, find("#chat").style.cssText, find("textarea").placeholder,
            find("header").querySelectorAll("img").length,
        ];
    }"""
    before = chatter.page.evaluate(look)
    fits_some = isinstance(value, str) and 0 < len(value.strip()) <= 200
    names = {"botAvatar", "color", "themeMode", "whatever", "__proto__"}
    if not fits_some:
        names |= {"botName", "composerPlaceholder"}
    configure(chatter, **dict.fromkeys(names, value))
    assert chatter.page.evaluate(look) == before


@pytest.mark.parametrize("data", [{}, {"config": None}, {"config": "dark"}, {"config": []}])
def test_settings_that_are_none_do_no_harm(chatter: Reader, data: dict[str, Any]) -> None:
    chatter.have_bot_signal(webchat_config=data)
    expect(chatter.status).to_contain_text("Connected")


def test_a_bot_hides_the_chat_and_the_reader_gets_it_back(chatter: Reader) -> None:
    opener = chatter.page.get_by_role("button", name="Show chat")
    expect(opener).to_be_hidden()
    chatter.box.focus()
    chatter.say('{"webchat_visibility": {"visibility": "hide"}}')
    expect(opener).to_be_focused()
    expect(chatter.box).to_be_hidden()
    chatter.page.keyboard.press("Enter")
    expect(chatter.box).to_be_focused()
    expect(opener).to_be_hidden()
    chatter.say("still here")
    expect(chatter.messages("Bot").last).to_contain_text("echo: still here")


def test_what_comes_while_the_chat_is_hidden_is_counted(plain: Reader) -> None:
    signals = '{"webchat_visibility": {"visibility": "toggle"}}'
    plain.say(signals)
    opener = plain.page.get_by_role("button", name="Show chat")
    expect(opener).to_be_visible()
    plain.page.evaluate(
        """() => {
            const texts = ["psst", "hey"].map(text => ({ type: "text", text }));
            const root = document.querySelector("webchat-py").shadowRoot;
            root.getElementById("message").value = JSON.stringify(texts);
            root.getElementById("composer").requestSubmit();
        }"""
    )
    expect(opener).to_have_text("Show chat (2 new)")
    opener.click()
    expect(plain.messages("Bot").last).to_contain_text("hey")
    plain.say(signals)
    expect(opener).to_have_text("Show chat")


def test_an_odd_visibility_changes_nothing(chatter: Reader) -> None:
    chatter.have_bot_signal(webchat_visibility={"visibility": "explode"})
    chatter.have_bot_signal(webchat_visibility={"visibility": "show"})
    expect(chatter.box).to_be_visible()


def test_an_event_of_the_bots_own_is_shown_with_its_data_until_the_conversation_is_left(chatter: Reader) -> None:
    chatter.have_bot_signal(custom={"event": {"action": "checkout", "items": [{"name": "<b>Mug</b>"}]}})
    expect(chatter.log).to_contain_text("The bot has sent an event")
    expect(chatter.log.get_by_role("term")).to_have_text(["action", "items 1 name"])
    expect(chatter.log.get_by_role("definition")).to_have_text(["checkout", "<b>Mug</b>"])
    expect(chatter.page.locator("[aria-live=polite]")).to_contain_text(re.compile("sent an event"))
    chatter.start_over()
    expect(chatter.log).not_to_contain_text("checkout")
