"""Several conversations: found in a list, switched between, deleted after a question; and the history of one."""

from __future__ import annotations

import json
import sqlite3

import httpx
import pytest
from playwright.sync_api import Browser, Locator, Route, expect

from tests.page.reader import Reader, reading, session
from tests.support.server import WebchatServer


@pytest.fixture
def fresh(chromium: Browser, bot_server: WebchatServer) -> Reader:
    """A reader who is new to the server."""
    with reading(chromium, bot_server.url) as reader:
        reader.open_connected()
        yield reader


def hear_echo(reader: Reader, text: str) -> None:
    reader.say(text)
    expect(reader.messages("Bot").last).to_contain_text(f"echo: {text}")


def listed(reader: Reader) -> Locator:
    """The rows of the list, which is opened if it is not."""
    rows = reader.page.get_by_role("group", name="Conversations").get_by_role("listitem")
    if not rows.first.is_visible():
        reader.button("Conversations").click()
    expect(rows.get_by_role("button", name="Delete:").first).to_be_visible()
    return rows


def bot_says(server: WebchatServer, conversation_id: str, text: str) -> None:
    """The bot speaks by itself, in a conversation where nobody listens."""
    with sqlite3.connect(server.data / "webchat.sqlite3", timeout=30) as database:
        database.execute(
            "INSERT INTO messages (id, created_at, conversation_id, user_id, payload) "
            "VALUES (?, strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), ?, 'bot', ?)",
            (f"{conversation_id}-by-itself", conversation_id, json.dumps({"type": "text", "text": text})),
        )
    database.close()


@pytest.mark.both_modes
def test_an_old_conversation_is_found_and_gone_on_with(fresh: Reader) -> None:
    hear_echo(fresh, "old story")
    old = session(fresh)["conversationId"]
    fresh.start_over()
    hear_echo(fresh, "new story")
    rows = listed(fresh)
    expect(rows).to_have_count(2)
    if fresh.mode == "pushpin":
        expect(rows).to_contain_text(["echo: new story", "echo: old story"])
    expect(rows.filter(has_text="Open now")).to_have_count(1)
    expect(fresh.box).to_be_hidden()
    rows.filter(has_not_text="Open now").get_by_role("button").first.click()
    fresh.expect_texts(["Welcome", "old story", "echo: old story"])
    expect(fresh.box).to_be_focused()
    hear_echo(fresh, "and on")
    fresh.page.reload()
    fresh.expect_texts(["Welcome", "old story", "echo: old story", "and on", "echo: and on"])
    assert session(fresh)["conversationId"] == old


@pytest.mark.only_pushpin
def test_what_was_said_meanwhile_is_marked_until_it_is_seen(fresh: Reader, bot_server: WebchatServer) -> None:
    hear_echo(fresh, "old story")
    old = session(fresh)["conversationId"]
    fresh.start_over()
    expect(listed(fresh).filter(has_text="Unread")).to_have_count(0)
    fresh.page.keyboard.press("Escape")
    bot_says(bot_server, old, "are you still there?")
    unread = listed(fresh).filter(has_text="Unread")
    expect(unread).to_have_count(1)
    expect(unread).to_contain_text("are you still there?")
    unread.get_by_role("button").first.click()
    expect(fresh.log).to_contain_text("are you still there?")
    fresh.start_over()
    expect(listed(fresh)).to_have_count(3)
    expect(listed(fresh).filter(has_text="Unread")).to_have_count(0)


@pytest.mark.only_pushpin
def test_the_list_says_of_a_last_message_what_it_is(fresh: Reader) -> None:
    fresh.have_bot_send({"type": "image", "imageUrl": f"{fresh.url}/demo-media/picture.png"})
    expect(listed(fresh)).to_contain_text(["Picture"])
    fresh.page.keyboard.press("Escape")
    fresh.have_bot_send({"type": "markdown", "markdown": "a " * 500})
    expect(listed(fresh)).to_contain_text(["a a a"])
    assert len(listed(fresh).inner_text()) < 200


def test_a_page_holds_so_many_messages_and_shows_earlier_ones_when_they_are_wanted(fresh: Reader) -> None:
    """2,000 of them at most, of which a thousand leave at once: README, "The page"."""
    words = [{"type": "text", "text": "word"}] * 670
    for _ in range(3):
        fresh.say(json.dumps(words))
    articles = fresh.log.get_by_role("article")
    said = 1 + 3 * (1 + len(words))
    expect(articles).to_have_count(said - 1000)
    expect(fresh.messages("Bot").last).to_be_in_viewport()
    expect(fresh.log).not_to_contain_text("Welcome")
    fresh.page.get_by_role("button", name="Earlier messages").press("Enter")
    fresh.page.wait_for_function(
        "shown => document.querySelector('webchat-py').shadowRoot.querySelectorAll('article').length > shown",
        arg=said - 1000,
    )
    assert len(set(articles.evaluate_all("them => them.map(it => it.dataset.entry)"))) == articles.count()


@pytest.mark.both_modes
def test_deleting_asks_first(fresh: Reader) -> None:
    hear_echo(fresh, "to be deleted")
    fresh.start_over()
    row = listed(fresh).filter(has_not_text="Open now")
    question = fresh.page.get_by_role("alertdialog", name="Delete this conversation")
    row.get_by_role("button", name="Delete:").click()
    expect(question.get_by_role("button", name="Keep it")).to_be_focused()
    fresh.page.keyboard.press("Enter")
    expect(question).to_be_hidden()
    row.get_by_role("button", name="Delete:").click()
    fresh.page.keyboard.press("Escape")
    expect(question).to_be_hidden()
    expect(listed(fresh)).to_have_count(2)
    row.get_by_role("button", name="Delete:").click()
    question.get_by_role("button", name="Delete").click()
    expect(listed(fresh)).to_have_count(1)
    expect(listed(fresh)).to_contain_text("Open now")
    expect(fresh.page.locator("[aria-live=polite]")).to_contain_text("The conversation was deleted.")


@pytest.mark.both_modes
def test_after_the_current_one_is_deleted_another_is_open(fresh: Reader) -> None:
    hear_echo(fresh, "the other")
    fresh.start_over()
    for texts in (["Welcome", "the other", "echo: the other"], ["Welcome"]):
        listed(fresh).filter(has_text="Open now").get_by_role("button", name="Delete:").click()
        fresh.page.get_by_role("alertdialog").get_by_role("button", name="Delete").click()
        expect(listed(fresh)).to_have_count(1)
        fresh.button("Conversations").click()
        fresh.expect_texts(texts)
        expect(fresh.status).to_contain_text("Connected")
    hear_echo(fresh, "go on")


def test_the_list_is_left_by_keyboard_and_by_its_button(fresh: Reader) -> None:
    opener = fresh.button("Conversations")
    opener.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(listed(fresh).get_by_role("button").first).to_be_focused()
    fresh.page.keyboard.press("Escape")
    expect(opener).to_be_focused()
    expect(opener).to_have_attribute("aria-expanded", "false")
    expect(fresh.box).to_be_visible()
    opener.press("Enter")
    expect(listed(fresh).get_by_role("button").first).to_be_focused()
    fresh.page.keyboard.press("Enter")
    expect(fresh.box).to_be_focused()
    fresh.expect_texts(["Welcome"])


@pytest.mark.only_pushpin
def test_a_list_that_cannot_be_read_says_why(fresh: Reader) -> None:
    fresh.watch.expect("status of 500")
    fresh.page.route("**/conversations", lambda route: route.fulfill(status=500, body=""))
    fresh.button("Conversations").click()
    expect(fresh.page.get_by_role("group", name="Conversations")).to_contain_text(
        "The conversations cannot be listed. The server failed"
    )
    fresh.page.unroute("**/conversations")
    fresh.page.keyboard.press("Escape")
    expect(listed(fresh)).to_have_count(1)


@pytest.mark.only_pushpin
def test_a_conversation_that_is_gone_meanwhile_cannot_be_opened_and_the_current_one_stays(fresh: Reader) -> None:
    fresh.watch.expect("status of 404")
    gone = session(fresh)
    fresh.start_over()
    row = listed(fresh).filter(has_not_text="Open now")
    headers = {"x-user-key": gone["userToken"]}
    httpx.delete(f"{fresh.url}/local/conversations/{gone['conversationId']}", headers=headers).raise_for_status()
    row.get_by_role("button").first.click()
    expect(fresh.log).to_contain_text("The conversation cannot be opened.")
    hear_echo(fresh, "still here")


# --- the history ------------------------------------------------------------------------------------------------


def fill(reader: Reader, server: WebchatServer, number: int) -> None:
    """Gives the conversation so many messages of long ago."""
    kept = session(reader)
    rows = (
        (
            f"{kept['conversationId']}-{count}",
            f"2025-01-{1 + count // 100:02}T00:{count % 100 // 60:02}:{count % 100 % 60:02}.000Z",
            kept["conversationId"],
            json.dumps({"type": "text", "text": f"number {count}."}),
        )
        for count in range(number)
    )
    with sqlite3.connect(server.data / "webchat.sqlite3", timeout=30) as database:
        database.execute("DELETE FROM messages WHERE conversation_id = ?", (kept["conversationId"],))
        database.executemany(
            "INSERT INTO messages (id, created_at, conversation_id, user_id, payload) VALUES (?, ?, ?, 'bot', ?)", rows
        )
    database.close()


def reload_filled(reader: Reader, server: WebchatServer, number: int) -> None:
    fill(reader, server, number)
    reader.page.reload()
    expect(reader.status).to_contain_text("Connected")
    expect(reader.messages("Bot").last).to_contain_text(f"number {number - 1}.")


@pytest.mark.both_modes
def test_earlier_messages_come_while_one_scrolls_up_and_nothing_jumps(fresh: Reader, bot_server: WebchatServer) -> None:
    reload_filled(fresh, bot_server, 230)
    expect(fresh.messages("Bot").last).to_be_in_viewport()
    assert fresh.messages("Bot").count() < 120, "only what is near is there"
    looked_at = fresh.messages("Bot").first
    text = fresh.said(looked_at).split(".")[0]
    looked_at = fresh.log.get_by_role("article").filter(has_text=f"{text}.")
    while fresh.messages("Bot").count() < 230:
        before = fresh.messages("Bot").count()
        first = fresh.messages("Bot").first.element_handle()
        first.scroll_into_view_if_needed()
        place = first.bounding_box()
        expect(fresh.messages("Bot")).not_to_have_count(before)
        fresh.page.evaluate("() => new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(resolve)))")
        assert abs(first.bounding_box()["y"] - place["y"]) <= 1
    texts = [f"number {count}." for count in range(230)]
    expect(fresh.messages("Bot")).to_contain_text(texts)
    expect(fresh.button("Earlier messages")).to_be_hidden()
    expect(looked_at).to_have_count(1)
    assert "number" not in fresh.page.locator("[aria-live=polite]").inner_text(), "it is not read aloud"
    hear_echo(fresh, "now")
    expect(fresh.messages("Bot").last).to_be_in_viewport()


@pytest.mark.only_pushpin
def test_earlier_messages_that_cannot_be_read_are_told_and_one_press_away(
    fresh: Reader, bot_server: WebchatServer
) -> None:
    fresh.watch.expect("status of 500")
    failing: list[Route] = []

    def fail(route: Route) -> None:
        failing.append(route)
        route.fulfill(status=500, body="")

    fill(fresh, bot_server, 90)
    fresh.page.route("**/messages?*", fail)
    fresh.page.route("**/messages", fail)
    fresh.page.reload()
    expect(fresh.status).to_contain_text("Connected")
    fresh.messages("Bot").first.scroll_into_view_if_needed()
    expect(fresh.log).to_contain_text("Earlier messages are not shown. The server failed")
    assert len(failing) < 5, "it does not ask over and over"
    fresh.page.unroute_all()
    fresh.button("Earlier messages").click()
    expect(fresh.messages("Bot")).to_have_count(90)


@pytest.mark.only_pushpin
def test_a_page_of_the_conversation_that_was_left_holds_up_nothing(fresh: Reader, bot_server: WebchatServer) -> None:
    fresh.watch.expect("net::ERR_FAILED")
    hear_echo(fresh, "the other")
    fresh.start_over()
    reload_filled(fresh, bot_server, 90)
    long = session(fresh)["conversationId"]
    held: list[Route] = []
    fresh.page.route(f"**/{long}/messages?*", lambda route: held.append(route))
    fresh.messages("Bot").first.scroll_into_view_if_needed()
    listed(fresh).filter(has_text="echo: the other").get_by_role("button").first.click()
    fresh.expect_texts(["Welcome", "the other", "echo: the other"])
    for route in held:
        route.abort()
    hear_echo(fresh, "and on")
    expect(fresh.log).not_to_contain_text("Earlier messages are not shown")
