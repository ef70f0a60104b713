"""The server goes away and comes back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.page.reader import Reader, delete_conversation, delete_user, reading, say_elsewhere
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer

LOST = (
    "net::ERR_CONNECTION_REFUSED",
    "net::ERR_INCOMPLETE_CHUNKED_ENCODING",
    "net::ERR_CONNECTION_RESET",
    "net::ERR_EMPTY_RESPONSE",
    "Connection closed before receiving a handshake response",
)
API = ("GET /initialize", "GET /me", "GET /listen", "GET /messages", "POST /messages")


def record_status(reader: Reader) -> Callable[[], list[str]]:
    """Keeps every word that the status line says from now on; returns a function that gives them."""
    reader.page.evaluate(
        """() => {
            const line = document.querySelector("webchat-py").shadowRoot.querySelector("[role=status]");
            self.said = [line.querySelector("strong").textContent];
            new MutationObserver(() => {
                const word = line.querySelector("strong").textContent;
                if (word !== self.said.at(-1)) self.said.push(word);
            }).observe(line, {childList: true, subtree: true, characterData: true});
        }"""
    )
    return lambda: reader.page.evaluate("() => self.said")


@pytest.mark.both_modes
def test_what_is_written_while_the_server_is_down_arrives_once_when_it_is_back(
    chromium: Browser, own_server: WebchatServer
) -> None:
    with reading(chromium, own_server.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        said = record_status(reader)
        own_server.kill()
        expect(reader.status).to_contain_text("Reconnecting")
        expect(reader.status).to_contain_text("What you write is kept")
        for text in ("one", "two"):
            reader.say(text)
            expect(reader.messages("You").last).to_contain_text(text)
            expect(reader.messages("You").last).to_contain_text("Waiting")
        reader.box.fill("half a sent")
        assert said() == ["Connected", "Reconnecting"]

        own_server.restart()
        everything = ["Welcome", "one", "two", "echo: one", "echo: two"]
        expect(reader.messages("Bot")).to_have_count(3)
        expect(reader.messages("You")).to_contain_text(["Sent", "Sent"])
        reader.expect_texts(["one", "two"], reader.messages("You"))
        reader.expect_texts(["Welcome", "echo: one", "echo: two"], reader.messages("Bot"))
        assert said() == ["Connected", "Reconnecting", "Connected"]
        expect(reader.box).to_have_value("half a sent")
        reader.page.reload()
        expect(reader.log.get_by_role("article")).to_have_count(len(everything))


def test_what_was_written_before_a_reload_arrives_once_after_it(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        for route in API:
            proxy.rule(route=route, act="cut")
        proxy.end_streams(hard=True)
        expect(reader.status).to_contain_text("Reconnecting")
        reader.say("one")
        reader.say("two")
        expect_stored(reader, "one", "two")
        reader.page.reload()
        expect(reader.status).to_contain_text("The server cannot be reached")
        reader.say("three")
        expect(reader.messages("You").last).to_contain_text("Waiting")

        proxy.clear()
        expect(reader.status).to_contain_text("Connected")
        expect(reader.messages("Bot")).to_have_count(4)
        reader.page.reload()
        expect(reader.messages("Bot")).to_have_count(4)
        said = reader.messages("You").all_inner_texts()
        assert len(said) == 3
        assert all(sum(text in article for article in said) == 1 for text in ("one", "two", "three"))


def test_what_was_missed_is_shown_once_and_in_its_place(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        reader.say("before")
        expect(reader.messages("Bot").last).to_contain_text("echo: before")
        for route in API:
            proxy.rule(route=route, act="cut")
        proxy.end_streams(hard=True)
        expect(reader.status).to_contain_text("Reconnecting")
        reader.say("waiting")
        say_elsewhere(reader, "from another device", bot_server.url)
        proxy.clear()
        everything = ["Welcome", "before", "echo: before", "from another device", "echo: from another device"]
        reader.expect_texts([*everything, "waiting", "echo: waiting"])


def test_a_server_that_is_still_down_is_told(chromium: Browser, own_server: WebchatServer) -> None:
    with reading(chromium, own_server.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        own_server.kill()
        with reader.page.expect_event(reader.failed_attempt):
            reader.button("Reconnect").click()
        expect(reader.status).to_contain_text("Reconnecting")
        expect(reader.button("Reconnect")).to_be_visible()
        for _ in range(2):
            with reader.page.expect_event(reader.failed_attempt):
                reader.button("New conversation").click()
            expect(
                reader.log.get_by_text("There is no new conversation. The server cannot be reached.")
            ).to_be_visible()
        expect(reader.log.get_by_text("There is no new conversation.")).to_have_count(1)
        reader.expect_texts(["Welcome"])

        own_server.restart()
        reader.button("Reconnect").focus()
        reader.page.keyboard.press("Enter")
        expect(reader.status).to_contain_text("Connected")
        expect(reader.log).not_to_contain_text("There is no new conversation.")
        expect(reader.box).to_be_focused()


def test_a_browser_without_a_network_says_so_and_sends_when_it_is_back(
    chromium: Browser, bot_server: WebchatServer
) -> None:
    """The stream stays open then, as it does where a cable is pulled, and nothing comes over it."""
    with reading(chromium, bot_server.url) as reader:
        reader.watch.expect("net::ERR_INTERNET_DISCONNECTED")
        reader.open_connected()
        reader.page.context.set_offline(True)
        expect(reader.status).to_contain_text("Offline")
        expect(reader.status).to_contain_text("What you write is kept and sent later.")
        reader.say("in a tunnel")
        expect(reader.messages("You").last).to_contain_text("Waiting")
        reader.page.context.set_offline(False)
        expect(reader.status).to_contain_text("Connected")
        reader.expect_texts(["Welcome", "in a tunnel", "echo: in a tunnel"])


@pytest.mark.only_pushpin
def test_a_message_that_the_bot_fails_at_is_sent_all_the_same(chatter: Reader) -> None:
    chatter.say("fail")
    message = chatter.messages("You").last
    for _ in range(2):
        expect(message).to_contain_text("Sent, but the bot failed to answer.")
        expect(message.get_by_role("button", name="Try again")).to_be_hidden()
        chatter.say("and now?")
        expect(chatter.messages("Bot").last).to_contain_text("echo: and now?")
        message = chatter.messages("You").nth(0)


def test_a_double_click_makes_one_conversation(chatter: Reader) -> None:
    chatter.watch.requests.clear()
    chatter.frames.clear()
    chatter.button("New conversation").dblclick()
    chatter.expect_texts(["Welcome"])
    chatter.say("and now?")
    expect(chatter.messages("Bot").last).to_contain_text("echo: and now?")
    assert chatter.times_asked("conversations") == 1


def test_a_message_whose_answer_was_lost_is_there_once(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("net::ERR_EMPTY_RESPONSE")
        reader.open_connected()
        proxy.rule(route=reader.route("messages"), act="lose", times=1)
        reader.say("only once")
        message = reader.messages("You").last
        expect(message).to_contain_text("Sent")
        expect(message.get_by_role("button", name="Try again")).to_be_hidden()
        reader.page.reload()
        expect(reader.status).to_contain_text("Connected")
        expect(reader.messages("You")).to_have_count(1)


WRITTEN = "text => Object.values(localStorage).some(it => it.includes(text) && it.includes('\"failed\": true'))"
"""Whether the client has written that a message failed, which it does soon after it has told so."""


@pytest.mark.only_pushpin
def test_a_message_that_was_refused_says_why_and_can_be_tried_again(
    chromium: Browser, bot_server: WebchatServer
) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("status of 400")
        reader.open_connected()
        refusal = {"id": "1", "code": 400, "type": "InvalidPayload", "message": "Not like this"}
        proxy.rule(route="POST /messages", status=400, body=json.dumps(refusal), times=1)
        reader.say("once more")
        expect(reader.messages("You").last).to_contain_text("Not sent. The server answered: Not like this")
        reader.page.wait_for_function(WRITTEN, arg="once more")
        reader.page.reload()
        message = reader.messages("You").last
        expect(message).to_contain_text("Not sent.")
        message.get_by_role("button", name="Try again").focus()
        reader.page.keyboard.press("Enter")
        expect(message).to_contain_text("Sent")
        expect(reader.box).to_be_focused()
        expect(message.get_by_role("button", name="Try again")).to_be_hidden()
        reader.expect_texts(["Welcome", "once more", "echo: once more"])


def test_a_session_that_ends_is_told_and_nothing_that_was_written_is_lost(
    chromium: Browser, bot_server: WebchatServer
) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("status of 401", "status of 404", *LOST)
        reader.open_connected()
        proxy.rule(route=reader.route("messages"), act="cut")
        reader.say("on its way")
        # In mode "messaging" that cuts the connection
        expect(reader.messages("You").last).to_contain_text(re.compile("Sending|Waiting"))
        delete_user(reader)
        expect(reader.status).to_contain_text("The server does not know you any more")
        expect(reader.messages("You").last).to_contain_text("Not sent. The server does not know you any more")
        proxy.clear()
        expect_to_go_on(reader)


def test_a_conversation_that_ends_is_told_and_nothing_that_was_written_is_lost(
    chromium: Browser, bot_server: WebchatServer
) -> None:
    with reading(chromium, bot_server.url) as reader:
        reader.watch.expect("status of 404", *LOST)
        reader.open_connected()
        delete_conversation(reader)
        if reader.mode == "messaging":
            reader.say("Is it there?")  # its server tells nobody who does not ask
        expect(reader.status).to_contain_text("This conversation does not exist any more")
        expect_to_go_on(reader)


def expect_stored(reader: Reader, *texts: str) -> None:
    reader.page.evaluate(
        """async (texts) => {
            const end = Date.now() + 30_000;
            while (!texts.every((text) => JSON.stringify(Object.values(localStorage)).includes(text))) {
                if (Date.now() > end) throw new Error(`not all of ${texts} are stored`);
                await new Promise((resolve) => setTimeout(resolve, 10));
            }
        }""",
        texts,
    )


def expect_to_go_on(reader: Reader) -> None:
    expect(reader.button("Reconnect")).to_be_hidden()
    reader.say("too late")
    expect(reader.messages("You").last).to_contain_text("Not sent.")
    written = reader.messages("You").all()
    reader.button("New conversation").click()
    expect(reader.status).to_contain_text("Connected")
    expect(reader.messages("Bot")).to_have_count(1)
    for number, message in enumerate(written, start=1):
        message.get_by_role("button", name="Try again").click()
        expect(message).to_contain_text("Sent")
        expect(reader.messages("Bot")).to_have_count(1 + number)
    expect(reader.messages("You")).to_have_count(len(written))
    expect(reader.messages("Bot").last).to_contain_text("echo: too late")


@pytest.mark.only_pushpin
def test_a_server_that_refuses_the_native_stream_is_read_by_fetch(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("status of 401", "status of 404")
        proxy.rule(route="GET /initialize", status=404, body="{}")
        proxy.rule(route="GET /listen", status=401, body="{}", times=1)
        reader.open_connected()
        reader.say("hello")
        expect(reader.messages("Bot").last).to_contain_text("echo: hello")
        native, fetched = (request for request in proxy.requests if "/listen" in request)
        assert "?x-user-key=" in native
        assert "?" not in fetched
