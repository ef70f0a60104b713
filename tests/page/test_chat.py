"""The main job: to talk with a bot."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.page.reader import Reader, reading
from tests.support.server import WebchatServer


@pytest.mark.only_pushpin
@pytest.mark.parametrize("event_source", ["native", "fetch"])
def test_hello_is_answered_by_the_demo_bot(chromium: Browser, webchat_server: WebchatServer, event_source: str) -> None:
    with reading(chromium, webchat_server.url) as reader:
        reader.open_connected(f"?event_source={event_source}")
        greeted = reader.messages("Bot").count()
        reader.box.fill("hello")
        reader.box.press("Enter")
        expect(reader.messages("You")).to_contain_text("hello")
        expect(reader.messages("You")).to_contain_text("Sent")
        expect(reader.messages("Bot").nth(greeted)).to_be_visible()
        reader.button("New conversation").click()
        expect(reader.messages("You")).to_have_count(0)
        # The browser's own EventSource cannot send the key as a header; the first stream is opened without one.
        streams = ["x-user-key=" in url for url in reader.stream_requests()]
        assert streams == [False, event_source == "native"]


@pytest.mark.both_modes
def test_the_button_sends(chatter: Reader) -> None:
    chatter.box.fill("by mouse")
    chatter.button("Send").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: by mouse")
    expect(chatter.box).to_have_value("")
    expect(chatter.box).to_be_focused()


def test_shift_enter_breaks_the_line_and_the_breaks_are_kept(chatter: Reader) -> None:
    chatter.box.press_sequentially("one")
    chatter.box.press("Shift+Enter")
    chatter.box.press_sequentially("two")
    expect(chatter.messages("You")).to_have_count(0)
    chatter.box.press("Enter")
    expect(chatter.messages("You").get_by_text("one\ntwo")).to_be_visible()
    assert "one\ntwo" in chatter.messages("You").inner_text()
    expect(chatter.messages("Bot").last).to_contain_text("echo: one two")


def test_the_enter_that_ends_a_composition_does_not_send(chatter: Reader) -> None:
    chatter.box.focus()
    keyboard = chatter.page.context.new_cdp_session(chatter.page)
    keyboard.send("Input.imeSetComposition", {"text": "にほん", "selectionStart": 3, "selectionEnd": 3})
    # As a browser reports the key while an input method holds it: composing, with the key code 229.
    chatter.box.dispatch_event("keydown", {"key": "Enter", "isComposing": True, "bubbles": True, "cancelable": True})
    keyboard.send("Input.insertText", {"text": "日本"})
    expect(chatter.box).to_have_value("日本")
    expect(chatter.messages("You")).to_have_count(0)
    chatter.box.press("Enter")
    expect(chatter.messages("You")).to_contain_text("日本")


def test_the_enter_that_safari_sends_after_a_composition_does_not_send(chatter: Reader) -> None:
    chatter.box.fill("日本")
    # Safari says that the composition is over already; the key code is what is left of it.
    chatter.box.evaluate(
        """box => box.dispatchEvent(new KeyboardEvent("keydown",
            {key: "Enter", keyCode: 229, bubbles: true, cancelable: true}))"""
    )
    expect(chatter.box).to_have_value("日本")
    expect(chatter.messages("You")).to_have_count(0)


def test_nothing_is_sent_for_blanks(chatter: Reader) -> None:
    chatter.say(" \n ")
    chatter.say("something")
    expect(chatter.messages("Bot").last).to_contain_text("echo: something")
    expect(chatter.messages("You")).to_have_count(1)


@pytest.mark.both_modes
def test_a_choice_is_taken_once(chatter: Reader) -> None:
    options = [{"label": "Small one", "value": "s"}, {"label": "Large one", "value": "l"}]
    question = chatter.have_bot_send({"type": "choice", "text": "Which size?", "options": options})
    expect(question).to_contain_text("Which size?")
    question.get_by_role("button", name="Large one").dblclick()
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    expect(chatter.messages("You").last).to_contain_text("l")
    taken = question.get_by_role("button", name="Large one", pressed=True)
    expect(taken).to_be_disabled()
    expect(taken).to_be_visible()
    expect(question.get_by_role("button", name="Small one", pressed=False)).to_be_disabled()
    question.get_by_role("button", name="Small one").click(force=True)
    chatter.say("later")
    expect(chatter.messages("Bot").last).to_contain_text("echo: later")
    expect(chatter.messages("You")).to_have_count(3)


@pytest.mark.only_pushpin
def test_typing_shows_until_the_answer_comes(chatter: Reader) -> None:
    typing = chatter.page.get_by_text("Bot is typing…")
    expect(typing).to_be_hidden()
    chatter.say("typing")
    expect(typing).to_be_visible()
    chatter.say("answer me")
    expect(chatter.messages("Bot").last).to_contain_text("echo: answer me")
    expect(typing).to_be_hidden()


@pytest.mark.only_pushpin
def test_typing_ends_by_itself(chatter: Reader) -> None:
    typing = chatter.page.get_by_text("Bot is typing…")
    chatter.say("typing shortly")
    expect(typing).to_be_visible()
    expect(typing).to_be_hidden()


@pytest.mark.both_modes
def test_a_new_conversation_starts_empty(chatter: Reader) -> None:
    chatter.say("old story")
    expect(chatter.messages("Bot").last).to_contain_text("echo: old story")
    chatter.start_over()
    chatter.say("new story")
    expect(chatter.messages("Bot").last).to_contain_text("echo: new story")
    expect(chatter.log).not_to_contain_text("old story")


def test_new_messages_are_announced_once_and_history_is_not(chatter: Reader) -> None:
    announcements = chatter.page.locator("[aria-live=polite]")
    chatter.say("read this")
    expect(announcements).to_contain_text("Bot: echo: read this")
    assert announcements.inner_text().count("echo: read this") == 1
    expect(chatter.log).to_have_attribute("aria-live", "off")
    chatter.page.reload()
    expect(chatter.log).to_contain_text("echo: read this")
    expect(chatter.status).to_contain_text("Connected")
    expect(announcements).to_have_text("")
