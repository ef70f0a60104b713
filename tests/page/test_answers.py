"""A question is answered once, whichever page it was answered on, and however late the answer gets there."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Browser, Locator, expect

from tests.page.reader import Reader, reading
from tests.page.test_connection import API, LOST
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer

YES_NO = [{"label": "Yes", "value": "yes"}, {"label": "No", "value": "no"}]


def question(text: str) -> dict[str, Any]:
    return {"type": "choice", "text": text, "options": YES_NO}


def asked(reader: Reader, text: str) -> Locator:
    return reader.log.get_by_role("group", name=text, exact=True)


def expect_open(question: Locator) -> None:
    expect(question.get_by_role("button", disabled=True)).to_have_count(0)
    expect(question.get_by_role("button", name="Yes", exact=True)).to_be_enabled()


def expect_taken(question: Locator, label: str) -> None:
    expect(question.get_by_role("button", name=label, exact=True, pressed=True)).to_be_disabled()
    expect(question.get_by_role("button", disabled=True)).to_have_count(2)
    expect(question.get_by_role("button", pressed=True)).to_have_count(1)


def test_what_is_taken_in_one_tab_is_taken_in_the_other(reader: Reader) -> None:
    reader.open_connected()
    other = Reader(reader.page.context.new_page(), reader.watch, reader.url, reader.mode)
    other.open_connected()
    reader.have_bot_send(question("Shall we?"))
    expect_open(asked(other, "Shall we?"))
    asked(reader, "Shall we?").get_by_role("button", name="Yes").click()
    expect_taken(asked(other, "Shall we?"), "Yes")


def test_an_answer_that_a_reload_brings_to_its_end_has_taken_the_choice(
    chromium: Browser, bot_server: WebchatServer
) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        reader.have_bot_send(question("Shall we?"))
        for route in API:
            proxy.rule(route=route, act="cut")
        proxy.end_streams(hard=True)
        expect(reader.status).to_contain_text("Reconnecting")
        asked(reader, "Shall we?").get_by_role("button", name="No").click()
        expect_taken(asked(reader, "Shall we?"), "No")
        reader.page.reload()
        expect(reader.status).to_contain_text("The server cannot be reached")
        proxy.clear()
        expect(reader.messages("Bot").last).to_contain_text("echo: no")
        expect_taken(asked(reader, "Shall we?"), "No")


def test_the_question_that_was_answered_is_taken_not_another_with_the_same_answers(chatter: Reader) -> None:
    chatter.have_bot_send(question("The first?"), question("The second?"))
    asked(chatter, "The first?").get_by_role("button", name="Yes").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: yes")
    for _ in range(2):
        expect_taken(asked(chatter, "The first?"), "Yes")
        expect_open(asked(chatter, "The second?"))
        chatter.page.reload()
        expect(chatter.status).to_contain_text("Connected")


def test_each_question_of_a_message_is_answered_by_itself(chatter: Reader) -> None:
    sizes = [{"label": "Small one", "value": "s"}, {"label": "Large one", "value": "l"}]
    items = [
        {"type": "choice", "payload": {"text": "Shall we?", "options": YES_NO}},
        {"type": "choice", "payload": {"text": "Really?", "options": YES_NO}},
        {"type": "dropdown", "payload": {"text": "Which size?", "options": sizes}},
    ]
    chatter.have_bot_send({"type": "bloc", "items": items})
    listed = chatter.log.get_by_role("combobox", name="Which size?")
    asked(chatter, "Really?").get_by_role("button", name="Yes").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: yes")
    expect_taken(asked(chatter, "Really?"), "Yes")
    expect_open(asked(chatter, "Shall we?"))
    expect(listed).to_be_enabled()
    expect(listed).to_have_value("s")
    listed.select_option(label="Large one")
    chatter.button("Choose").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    expect(listed).to_be_disabled()
    asked(chatter, "Shall we?").get_by_role("button", name="No").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: no")
    for _ in range(2):
        expect_taken(asked(chatter, "Shall we?"), "No")
        expect_taken(asked(chatter, "Really?"), "Yes")
        expect(chatter.log.get_by_role("combobox", name="Which size?")).to_have_value("l")
        chatter.page.reload()
        expect(chatter.status).to_contain_text("Connected")


def test_a_question_among_too_many_items_does_no_harm(chatter: Reader) -> None:
    items = [{"type": "text", "payload": {"text": f"item {number}"}} for number in range(120)]
    items.append({"type": "choice", "payload": {"text": "Too late?", "options": YES_NO}})
    article = chatter.have_bot_send({"type": "bloc", "items": items})
    expect(article).to_contain_text("There is more, which is not shown.")
    chatter.say("yes")
    expect(chatter.messages("Bot").last).to_contain_text("echo: yes")
