"""The server goes away and comes back."""

from __future__ import annotations

from playwright.sync_api import Browser, expect

from tests.page.reader import reading, say_elsewhere
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer

LOST = ("net::ERR_CONNECTION_REFUSED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING", "net::ERR_CONNECTION_RESET")


def test_a_killed_server_is_told_and_what_was_written_is_sent_after_its_restart(
    chromium: Browser, own_server: WebchatServer
) -> None:
    with reading(chromium, own_server.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        own_server.kill()
        expect(reader.status).to_contain_text("Offline")
        expect(reader.status).to_contain_text("What you write is kept")

        reader.say("into the void")
        message = reader.messages("You").last
        expect(message).to_contain_text("into the void")
        expect(message).to_contain_text("Not sent. The server cannot be reached")
        reader.box.fill("half a sent")

        own_server.restart()
        message.get_by_role("button", name="Try again").click()
        expect(message).to_contain_text("Sent")
        expect(reader.status).to_contain_text("Connected")
        expect(reader.messages("Bot").last).to_contain_text("echo: into the void")
        expect(reader.messages("You")).to_have_count(1)
        expect(message.get_by_role("button", name="Try again")).to_be_hidden()
        expect(reader.box).to_have_value("half a sent")


def test_reconnecting_shows_what_was_missed_once(chromium: Browser, own_server: WebchatServer) -> None:
    with reading(chromium, own_server.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        reader.say("before")
        expect(reader.messages("Bot").last).to_contain_text("echo: before")
        own_server.kill()
        expect(reader.status).to_contain_text("Offline")
        own_server.restart()
        say_elsewhere(reader, "from another tab")
        reader.button("Reconnect").click()
        expect(reader.status).to_contain_text("Connected")
        everything = ["Welcome", "before", "echo: before", "from another tab", "echo: from another tab"]
        reader.expect_texts(everything)
        reader.say("after")
        reader.expect_texts([*everything, "after", "echo: after"])


def test_reconnecting_to_a_server_that_is_still_down_stays_offline(
    chromium: Browser, own_server: WebchatServer
) -> None:
    with reading(chromium, own_server.url) as reader:
        reader.watch.expect(*LOST)
        reader.open_connected()
        own_server.kill()
        with reader.page.expect_event("requestfailed"):
            reader.button("Reconnect").click()
        expect(reader.status).to_contain_text("Offline")
        expect(reader.button("Reconnect")).to_be_visible()
        reader.button("New conversation").click()
        expect(reader.log).to_contain_text("There is no new conversation. The server cannot be reached.")
        reader.expect_texts(["Welcome"])


def test_a_message_whose_answer_was_lost_is_not_doubled_by_trying_again(
    chromium: Browser, bot_server: WebchatServer
) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("net::ERR_EMPTY_RESPONSE")
        reader.open_connected()
        proxy.rule(route="POST /messages", act="lose", times=1)
        reader.say("only once")
        message = reader.messages("You").last
        expect(message).to_contain_text("Not sent")
        message.get_by_role("button", name="Try again").click()
        expect(message).to_contain_text("Sent")
        reader.page.reload()
        expect(reader.status).to_contain_text("Connected")
        expect(reader.messages("You")).to_have_count(1)


def test_a_server_that_refuses_the_native_stream_is_read_by_fetch(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("status of 401")
        proxy.rule(route="GET /listen", status=401, body="{}", times=1)
        reader.open_connected()
        reader.say("hello")
        expect(reader.messages("Bot").last).to_contain_text("echo: hello")
        native, fetched = (request for request in proxy.requests if "/listen" in request)
        assert "?x-user-key=" in native
        assert "?" not in fetched
