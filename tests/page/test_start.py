"""Before Python is up, and when it never is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.page.reader import Reader, reading
from tests.page.test_files import LEAVE
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer


def hold(reader: Reader, pattern: str) -> list[Route]:
    """Keeps requests for `pattern` waiting. The test lets them go with `release`."""
    held: list[Route] = []
    reader.page.route(pattern, lambda route: held.append(route))
    return held


def release(reader: Reader, held: list[Route], pattern: str) -> None:
    for route in held:
        route.continue_()
    reader.page.unroute(pattern)


def test_what_is_sent_before_python_is_up_arrives_in_order(reader: Reader) -> None:
    held = hold(reader, "**/*.wasm")
    with reader.page.expect_request("**/*.wasm"):
        reader.open()
    expect(reader.status).to_contain_text("Connecting")
    expect(reader.status).to_contain_text("You can write already")
    texts = ["first", "second\nwith a break", "third"]
    for text in texts:
        reader.say(text)
    reader.expect_texts(["first", "second", "third"])
    expect(reader.messages("You")).to_contain_text(["Waiting"] * 3)
    reader.box.fill("half a sent")
    release(reader, held, "**/*.wasm")

    expect(reader.messages("You")).to_contain_text(["Sent"] * 3)
    echoes = reader.messages("Bot").filter(has_text="echo:")
    reader.expect_texts(["echo: first", "echo: second with a break", "echo: third"], echoes)
    reader.expect_texts(["first", "second with a break", "third"], reader.messages("You"))
    expect(reader.box).to_have_value("half a sent")
    expect(reader.box).to_be_focused()


def test_a_message_keeps_its_place_on_the_page_when_python_takes_over(reader: Reader) -> None:
    held = hold(reader, "**/*.wasm")
    with reader.page.expect_request("**/*.wasm"):
        reader.open()
    reader.say("do not move")
    article = reader.messages("You").element_handle()
    before = reader.messages("You").bounding_box()
    release(reader, held, "**/*.wasm")
    expect(reader.messages("You")).to_contain_text("Sent")
    assert article.evaluate("article => article.isConnected"), "it was drawn anew"
    assert reader.messages("You").bounding_box()["y"] == before["y"]


@pytest.mark.parametrize("missing", ["**/*.wasm", "**/core.js", "**/*.whl", "**/webchat_py_ui-*.whl"])
def test_a_page_that_cannot_load_says_so_and_keeps_the_text(reader: Reader, missing: str) -> None:
    reader.watch.expect("net::ERR_FAILED", "Failed to fetch", "wasm instantiation failed", "webchat_py", "webchat")
    reader.page.route(missing, lambda route: route.abort())
    reader.open()
    reader.say("hello?")
    reader.box.fill("still typing")
    expect(reader.status).to_contain_text("Offline")
    expect(reader.status).to_contain_text("could not be loaded")
    expect(reader.messages("You")).to_contain_text("hello?")
    expect(reader.box).to_have_value("still typing")


@pytest.mark.only_pushpin
def test_server_down_at_start(chromium: Browser, own_server: WebchatServer) -> None:
    with reading(chromium, own_server.url) as reader:
        reader.watch.expect("net::ERR_CONNECTION_REFUSED")
        # The page has to come from somewhere: the server goes down between page and first request.
        held = hold(reader, "**/local/initialize")
        with reader.page.expect_request("**/local/initialize"):
            reader.open()
        reader.say("is anybody there")
        own_server.kill()
        release(reader, held, "**/local/initialize")
        expect(reader.status).to_contain_text("Offline")
        expect(reader.status).to_contain_text("The server cannot be reached")
        expect(reader.messages("You")).to_contain_text("is anybody there")
        assert not reader.page.evaluate(LEAVE), "the browser asks before that is lost"
        reader.box.fill("half a sent")

        own_server.restart()
        reader.button("Reconnect").click()
        expect(reader.status).to_contain_text("Connected")
        expect(reader.button("Reconnect")).to_be_hidden()
        expect(reader.messages("Bot").last).to_contain_text("echo: is anybody there")
        expect(reader.messages("You")).to_have_count(1)
        expect(reader.box).to_have_value("half a sent")
        assert reader.page.evaluate(LEAVE)


def test_an_address_with_a_wrong_setting_is_explained(reader: Reader) -> None:
    reader.open("?event_source=telepathy")
    expect(reader.status).to_contain_text("Offline")
    expect(reader.status).to_contain_text("event_source is 'auto', 'native' or 'fetch', not 'telepathy'")


SHIFTS = """() => {
    // What shifts inside of the chat is told by its place only.
    const there = ({ x, y, width, height }) => {
        const root = document.querySelector("webchat-py").shadowRoot;
        return root.elementFromPoint(x + width / 2, y + height / 2);
    };
    // The words below a message are others when its status is.
    const moved = ({ currentRect }) => !there(currentRect)?.closest(".meta");
    window.shifts = [];
    new PerformanceObserver(list => {
        const sources = list.getEntries().flatMap(entry => entry.sources).filter(moved);
        window.shifts.push(...sources.map(({ currentRect }) => there(currentRect)?.outerHTML ?? "nothing"));
    }).observe({ type: "layout-shift", buffered: true });
}"""


def test_nothing_shifts_while_the_page_starts_and_is_used(reader: Reader) -> None:
    reader.page.add_init_script(f"({SHIFTS})()")
    reader.open_connected()
    reader.say("hello")
    expect(reader.messages("Bot").last).to_contain_text("echo: hello")
    assert reader.page.evaluate("() => window.shifts") == []
    # What does shift is seen: else the line above could not fail.
    reader.page.evaluate("() => { document.querySelector('main').style.marginTop = '5rem' }")
    reader.page.wait_for_function("() => window.shifts.length")


def test_no_key_is_lost_while_python_takes_over(reader: Reader) -> None:
    reader.page.goto(reader.address(), wait_until="commit")
    typed = ""
    while "Connected" not in reader.status.inner_text():
        reader.box.press("k")
        typed += "k"
    expect(reader.box).to_have_value(typed)
    expect(reader.box).to_be_focused()
    assert typed


def test_a_second_visit_takes_what_it_has_from_the_cache(reader: Reader) -> None:
    protocol = reader.page.context.new_cdp_session(reader.page)
    protocol.send("Network.enable")
    loaded: list[float] = []
    protocol.on("Network.loadingFinished", lambda event: loaded.append(event["encodedDataLength"]))
    reader.open_connected()
    first = sum(loaded)
    loaded.clear()
    reader.page.reload()
    expect(reader.status).to_contain_text("Connected")
    assert first > 1_000_000
    assert sum(loaded) < first / 50, "only that nothing has changed"


SENSELESS = "The server failed, or its answer made no sense"
BAD_ANSWERS: list[tuple[dict[str, Any], str]] = [
    ({"body": '{"id": "err_1", "code": 403, "type": "Forbidden", "message": "Not you"}'}, "Not you"),
    ({"content_type": "text/html", "body": "<h1>It works!</h1>"}, SENSELESS),
    ({"body": ""}, SENSELESS),
    ({"body": '{"user": []}'}, SENSELESS),
    ({"status": 503, "body": ""}, SENSELESS),
]


@pytest.mark.only_pushpin
def test_answers_that_are_none_are_told_and_do_no_harm(chromium: Browser, bot_server: WebchatServer) -> None:
    with FaultyProxy(bot_server.url) as proxy, reading(chromium, proxy.url) as reader:
        reader.watch.expect("status of 503", "MIME type")
        for number, (answer, words) in enumerate(BAD_ANSWERS):
            for route in ("GET /initialize", "POST /users"):
                proxy.rule(route=route, **answer)
            with reader.page.expect_response("**/local/users"):
                if number:
                    reader.button("Reconnect").click()
                else:
                    reader.open()
            expect(reader.status).to_contain_text("Offline")
            expect(reader.status).to_contain_text(words)
        proxy.clear()
        reader.say("are you well?")
        expect(reader.messages("Bot").last).to_contain_text("echo: are you well?")
        expect(reader.status).to_contain_text("Connected")
