"""Thumbs, comments, and messages that change after they were sent."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.page.reader import Reader, reading, session
from tests.page.test_looks import violations
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer


def kept(reader: Reader) -> list[dict[str, Any]]:
    """The conversation's messages as the server has them, newest first."""
    data = session(reader)
    url = f"{reader.url}/local/conversations/{data['conversationId']}/messages"
    messages: list[dict[str, Any]] = httpx.get(url, headers={"x-user-key": data["userToken"]}).json()["messages"]
    return messages


def thumb(reader: Reader, name: str) -> Locator:
    return reader.messages("Bot").last.get_by_role("button", name=name, exact=True)


def announced(reader: Reader) -> Locator:
    return reader.page.locator("[aria-live=polite]")


@pytest.mark.only_pushpin
def test_a_thumb_and_a_comment_reach_the_server_and_are_there_after_a_reload(chatter: Reader) -> None:
    thumb(chatter, "Not helpful").click()
    comment = chatter.page.get_by_role("textbox", name="Comment")
    expect(comment).to_be_focused()
    assert violations(chatter.page) == []
    expect(thumb(chatter, "Not helpful")).to_have_attribute("aria-pressed", "true")
    expect(announced(chatter)).to_contain_text("Thank you")
    assert kept(chatter)[0]["feedback"] == {"value": "negative"}
    comment.fill("Too short")
    chatter.button("Send comment").click()
    expect(comment).to_have_count(0)
    assert kept(chatter)[0]["feedback"] == {"value": "negative", "comment": "Too short"}
    chatter.page.reload()
    expect(thumb(chatter, "Not helpful")).to_have_attribute("aria-pressed", "true")
    expect(thumb(chatter, "Helpful")).to_have_attribute("aria-pressed", "false")


@pytest.mark.both_modes
def test_one_may_change_ones_mind_and_take_it_back(chatter: Reader) -> None:
    thumb(chatter, "Helpful").click()
    expect(thumb(chatter, "Helpful")).to_have_attribute("aria-pressed", "true")
    thumb(chatter, "Not helpful").click()
    expect(thumb(chatter, "Not helpful")).to_have_attribute("aria-pressed", "true")
    expect(thumb(chatter, "Helpful")).to_have_attribute("aria-pressed", "false")
    if chatter.mode == "messaging":  # which takes nothing back, and no comment
        expect(chatter.page.get_by_role("textbox", name="Comment")).to_have_count(0)
        return
    thumb(chatter, "Not helpful").click()
    expect(thumb(chatter, "Not helpful")).to_have_attribute("aria-pressed", "false")
    expect(chatter.page.get_by_role("textbox", name="Comment")).to_have_count(0)
    expect(announced(chatter)).to_contain_text("taken back")
    assert "feedback" not in kept(chatter)[0]


@pytest.mark.only_pushpin
def test_the_keyboard_gives_feedback_on_any_message(chatter: Reader) -> None:
    chatter.say("one more")
    expect(chatter.messages("Bot").last).to_contain_text("echo: one more")
    chatter.box.focus()
    press = chatter.page.keyboard.press
    newest, oldest = (chatter.messages("Bot").nth(number) for number in (1, 0))
    thumbs = [article.get_by_role("button", name="Not helpful") for article in (newest, oldest)]
    while not thumbs[0].evaluate("thumb => thumb.matches(':focus')"):
        press("Shift+Tab")
    press("ArrowDown")
    expect(thumbs[0]).to_be_focused()
    press("ArrowUp")
    expect(thumbs[1]).to_be_focused()
    press("Enter")
    expect(chatter.page.get_by_role("textbox", name="Comment")).to_be_focused()
    press("Escape")
    expect(oldest.get_by_role("button", name="Helpful", exact=True)).to_be_focused()
    assert kept(chatter)[-1]["feedback"] == {"value": "negative"}


@pytest.mark.only_pushpin
def test_feedback_that_is_refused_is_told(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("status of 404")
        reader.open_connected()
        body = '{"id": "e", "code": 404, "type": "RouteNotFound", "message": "No such route"}'
        proxy.rule(route="PUT /feedback", status=404, body=body)
        thumb(reader, "Helpful").click()
        expect(reader.log).to_contain_text("The feedback was not sent. The server answered: No such route")
        expect(thumb(reader, "Helpful")).to_have_attribute("aria-pressed", "false")


@pytest.mark.only_pushpin
def test_a_message_that_is_changed_changes_in_its_place(chatter: Reader) -> None:
    chatter.say("first thought")
    expect(chatter.messages("Bot").last).to_contain_text("echo: first thought")
    mine = kept(chatter)[1]
    article = chatter.messages("You").element_handle()
    url, headers = f"{chatter.url}/local/messages/{mine['id']}", {"x-user-key": session(chatter)["userToken"]}
    for text in ("**second** thought", "third thought"):
        payload = {"type": "markdown", "markdown": text}
        httpx.put(url, headers=headers, json={"payload": payload}).raise_for_status()
        expect(chatter.messages("You")).to_contain_text(text.replace("*", ""))
    chatter.expect_texts(["Welcome", "third thought", "echo: first thought"])
    assert article.evaluate("article => article.isConnected"), "the same, not another"
    assert chatter.messages("You").inner_text().count("Edited") == 1
    expect(chatter.messages("You")).to_contain_text("Sent")


@pytest.mark.only_pushpin
def test_a_question_that_was_answered_may_become_another_message(chatter: Reader) -> None:
    kept_here, headers = session(chatter), {"x-user-key": session(chatter)["userToken"]}
    options = [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]
    body = {
        "conversationId": kept_here["conversationId"],
        "payload": {"type": "choice", "text": "?", "options": options},
    }
    asked = httpx.post(f"{chatter.url}/local/messages", headers=headers, json=body).json()["message"]
    chatter.say("l")
    expect(chatter.button("Large")).to_have_attribute("aria-pressed", "true")
    payload = {"type": "text", "text": "Never mind"}
    httpx.put(f"{chatter.url}/local/messages/{asked['id']}", headers=headers, json={"payload": payload})
    expect(chatter.messages("You").first).to_contain_text("Never mind")
    expect(chatter.messages("You").first).to_contain_text("Edited")
