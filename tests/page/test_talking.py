"""What makes it pleasant: days, what is new, alerts, and a box that closes where only a choice will do."""

from __future__ import annotations

import json
import re
import sqlite3
from datetime import datetime, timedelta
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.page.reader import Reader, reading, say_elsewhere, session
from tests.support.server import WebchatServer

OPTIONS = [{"label": "Small one", "value": "s"}, {"label": "Large one", "value": "l"}]
LINES = [{"type": "text", "text": f"line {number}"} for number in range(30)]


# --- days -------------------------------------------------------------------------------------------------------


def test_the_day_stands_above_the_first_message_of_another_day(chatter: Reader, bot_server: WebchatServer) -> None:
    chatter.say("today")
    expect(chatter.messages("Bot").last).to_contain_text("echo: today")
    expect(chatter.log.get_by_text(f"{datetime.now().astimezone():%A}")).to_have_count(0)

    send_back_to_2024(chatter, bot_server, "%Welcome%")
    chatter.page.reload()
    chatter.expect_texts(["Welcome", "today", "echo: today"])
    expect(chatter.status).to_contain_text("Connected")
    told = rf"Thursday, February 29, 2024.*Welcome.*{datetime.now().astimezone():%A, }\w+ \d+, .*today"
    expect(chatter.log).to_contain_text(re.compile(told, re.DOTALL))
    assert chatter.log.inner_text().count(f"{datetime.now().year}") == 1, "one line for each day"

    chatter.start_over()
    expect(chatter.log).not_to_contain_text("2024")
    expect(chatter.log).not_to_contain_text(f"{datetime.now().astimezone():%A}")


@pytest.mark.only_pushpin
def test_a_day_leaves_with_the_last_of_its_messages(chatter: Reader, bot_server: WebchatServer) -> None:
    send_back_to_2024(chatter, bot_server, "%")
    chatter.page.reload()
    expect(chatter.log).to_contain_text("February 29, 2024")
    expect(chatter.status).to_contain_text("Connected")
    greetings: list[Route] = []
    # What asks for the greeting is held back: until then nothing is there.
    chatter.page.route("**/events", lambda route: greetings.append(route))
    chatter.button("New conversation").click()
    expect(chatter.log.get_by_role("article")).to_have_count(0)
    for route in greetings:
        route.continue_()
    chatter.page.unroute("**/events")
    expect(chatter.log).to_contain_text("Welcome")


def send_back_to_2024(chatter: Reader, server: WebchatServer, payloads: str) -> None:
    """Gives a time long ago to what the conversation has, when the page does not look."""
    with sqlite3.connect(server.data / "webchat.sqlite3") as database:
        database.execute(
            "UPDATE messages SET created_at = '2024-02-29T12:34:00.000Z' WHERE conversation_id = ? AND payload LIKE ?",
            (session(chatter)["conversationId"], payloads),
        )
    database.close()


def test_a_message_tells_its_time(chatter: Reader) -> None:
    before = datetime.now()
    chatter.say("when?")
    expect(chatter.messages("You").last).to_contain_text("Sent")
    minutes = {f"{before + timedelta(minutes=later):%-I:%M}" for later in (0, 1)}
    assert any(minute in chatter.messages("You").last.inner_text() for minute in minutes)


# --- what is new ------------------------------------------------------------------------------------------------


def jump(reader: Reader) -> Any:
    return reader.page.get_by_role("button", name=re.compile("new messages?$"))


def test_what_is_new_below_is_counted_and_one_press_away(chatter: Reader) -> None:
    chatter.page.set_viewport_size({"width": 600, "height": 500})
    expect(jump(chatter)).to_be_hidden()
    chatter.have_bot_send(*LINES)
    expect(jump(chatter)).to_be_hidden()
    chatter.messages("Bot").first.scroll_into_view_if_needed()
    expect(jump(chatter)).to_be_hidden()
    say_elsewhere(chatter, "one")
    expect(jump(chatter)).to_have_text("2 new messages")
    say_elsewhere(chatter, "two")
    expect(jump(chatter)).to_have_text("4 new messages")
    expect(chatter.messages("Bot").last).not_to_be_in_viewport()

    jump(chatter).click()
    expect(chatter.messages("Bot").last).to_be_in_viewport()
    expect(jump(chatter)).to_be_hidden()
    expect(chatter.log).to_be_focused()

    say_elsewhere(chatter, "three")
    expect(chatter.messages("Bot").last).to_contain_text("echo: three")
    expect(chatter.messages("Bot").last).to_be_in_viewport()
    expect(jump(chatter)).to_be_hidden()


def test_scrolling_down_is_enough(chatter: Reader) -> None:
    chatter.page.set_viewport_size({"width": 600, "height": 500})
    chatter.have_bot_send(*LINES)
    chatter.messages("Bot").first.scroll_into_view_if_needed()
    say_elsewhere(chatter, "below")
    expect(jump(chatter)).to_be_visible()
    chatter.messages("Bot").last.scroll_into_view_if_needed()
    expect(jump(chatter)).to_be_hidden()


# --- alerts -----------------------------------------------------------------------------------------------------

HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
HEAR = """() => {
    window.heard = 0;
    const sound = document.querySelector("webchat-py").shadowRoot.querySelector("audio");
    sound.addEventListener("ended", () => { window.heard += 1; });
}"""


def expect_heard(reader: Reader, times: int) -> None:
    reader.page.evaluate(
        """async times => {
            const end = Date.now() + 30_000;
            while (window.heard < times && Date.now() < end) await new Promise(resolve => setTimeout(resolve, 10));
        }""",
        times,
    )
    assert reader.page.evaluate("() => window.heard") == times


def test_alerts_are_off_until_they_are_wanted_and_then_remembered(chromium: Browser, bot_server: WebchatServer) -> None:
    with reading(chromium, bot_server.url) as reader:
        reader.open_connected()
        alerts = reader.button("Alerts")
        expect(alerts).to_have_attribute("aria-pressed", "false")
        reader.page.evaluate(HEAR)
        reader.page.evaluate(HIDE, True)
        say_elsewhere(reader, "not wanted")
        expect(reader.messages("Bot").last).to_contain_text("echo: not wanted")
        expect(reader.page).to_have_title("Webchat")
        reader.page.evaluate(HIDE, False)

        alerts.click()
        expect(alerts).to_have_attribute("aria-pressed", "true")
        expect_heard(reader, 1)
        reader.page.evaluate(HIDE, True)
        for number in (1, 2):
            say_elsewhere(reader, f"wanted {number}")
            expect(reader.page).to_have_title(f"({number}) Webchat")
            expect_heard(reader, 1 + number)
        reader.page.evaluate(HIDE, False)
        expect(reader.page).to_have_title("Webchat")
        say_elsewhere(reader, "seen")
        expect(reader.messages("Bot").last).to_contain_text("echo: seen")
        expect(reader.page).to_have_title("Webchat")
        expect_heard(reader, 3)

        reader.page.reload()
        expect(reader.status).to_contain_text("Connected")
        expect(alerts).to_have_attribute("aria-pressed", "true")
        alerts.click()
        reader.page.reload()
        expect(reader.status).to_contain_text("Connected")
        expect(alerts).to_have_attribute("aria-pressed", "false")


# --- only choices -----------------------------------------------------------------------------------------------


def only(kind: str, disable: object = True, options: object = OPTIONS) -> dict[str, Any]:
    return {"type": kind, "text": "Which size?", "options": options, "disableFreeText": disable}


@pytest.mark.parametrize("kind", ["choice", "dropdown"])
def test_a_question_that_takes_no_free_text_closes_the_box_with_a_reason(chatter: Reader, kind: str) -> None:
    reason = chatter.page.locator("#closed", has_text="Choose one of the answers above.")
    article = chatter.have_bot_send(only(kind))
    expect(chatter.box).not_to_be_editable()
    expect(chatter.box).to_be_focused()
    expect(reason).to_be_visible()
    expect(chatter.page.locator("[aria-live=polite]")).to_contain_text("Choose one of the answers above.")
    said = chatter.messages("You").count()
    chatter.box.press("x")
    chatter.box.press("Enter")
    chatter.button("Send").click()

    chatter.page.reload()
    expect(chatter.status).to_contain_text("Connected")
    expect(reason).to_be_visible()
    expect(chatter.box).not_to_be_editable()

    if kind == "choice":
        article.get_by_role("button", name="Large one").click()
    else:
        article.get_by_role("combobox").select_option(label="Large one")
        article.get_by_role("button", name="Choose").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    expect(chatter.messages("You")).to_have_count(said + 1)
    expect(chatter.box).to_be_editable()
    expect(reason).to_be_hidden()
    chatter.say("free again")
    expect(chatter.messages("Bot").last).to_contain_text("echo: free again")


def test_the_box_is_closed_for_no_other_question(chatter: Reader) -> None:
    for payload in (only("choice", disable=False), only("choice", options=[])):
        chatter.have_bot_send(payload)
        expect(chatter.box).to_be_editable()
    chatter.have_bot_send(only("choice"), {"type": "text", "text": "Never mind."})
    expect(chatter.box).to_be_editable()
    chatter.have_bot_send({"type": "bloc", "items": [{"type": "choice", "payload": only("choice")}]})
    expect(chatter.box).not_to_be_editable()
    chatter.start_over()
    expect(chatter.box).to_be_editable()


def test_what_was_being_written_is_still_there_when_the_box_opens_again(chatter: Reader) -> None:
    chatter.box.fill("half a sent")
    say_elsewhere(chatter, json.dumps([only("choice")]), answer='"disableFreeText":true')
    expect(chatter.box).not_to_be_editable()
    chatter.box.press("Enter")
    chatter.button("Send").click()
    expect(chatter.box).to_have_value("half a sent")
    chatter.button("Small one").click()
    expect(chatter.box).to_be_editable()
    expect(chatter.box).to_have_value("half a sent")
    chatter.box.fill("")
