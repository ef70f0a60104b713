"""Files: picked, dropped or pasted, seen before they go, on their way with progress, and sent once and in order."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Dialog, Locator, Route, expect

from tests.page.reader import Reader, delete_user, reading, say_elsewhere
from tests.page.test_looks import violations
from tests.support.server import WebchatServer

# One pixel
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)
PICTURE = {"name": "cat.png", "mimeType": "image/png", "buffer": PNG}
NOTES = {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"hello"}

LEAVE = "() => dispatchEvent(new Event('beforeunload', { cancelable: true }))"
"""Whether the page can be left without a question."""

GIVE = """(target, [kind, files]) => {
    const data = new DataTransfer();
    for (const [name, type, text] of files) data.items.add(new File([text], name, { type }));
    if (kind === "paste") {
        const event = new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true });
        return target.dispatchEvent(event);
    }
    for (const name of ["dragover", "drop"]) {
        const event = new DragEvent(name, { dataTransfer: data, bubbles: true, cancelable: true, composed: true });
        target.dispatchEvent(event);
        if (name === "dragover" && kind === "drag") return;
    }
}"""


def pick(reader: Reader, *files: Any) -> None:
    with reader.page.expect_file_chooser() as chooser:
        reader.button("Attach file").click()
    chooser.value.set_files(list(files))


def send_held(reader: Reader) -> list[Route]:
    """Sends what is in the tray; returns the request of the first upload, which waits until the test lets it go."""
    held: list[Route] = []
    reader.page.route("**/uploads/*", lambda route: held.append(route))
    with reader.page.expect_request("**/uploads/*"):
        reader.button("Send").click()
    expect(reader.messages("You").filter(has_text="Uploading")).to_have_count(1)
    return held


def tray(reader: Reader) -> Locator:
    return reader.page.get_by_role("group", name="Files to send")


@pytest.mark.only_pushpin
def test_several_files_are_seen_before_they_go_and_arrive_in_order(chatter: Reader) -> None:
    pick(chatter, PICTURE, NOTES)
    expect(tray(chatter).get_by_role("listitem")).to_contain_text(["cat.png (", "notes.txt (5 bytes)"])
    assert tray(chatter).locator("img").evaluate("async image => (await image.decode(), image.naturalWidth)") == 1
    expect(tray(chatter)).to_contain_text("Up to 100 MB each.")
    expect(chatter.box).to_be_focused()
    chatter.say("look")
    expect(tray(chatter)).to_be_hidden()
    expect(chatter.messages("You")).to_have_count(3)
    expect(chatter.log).to_contain_text("got image")
    expect(chatter.log).to_contain_text("got file")
    own = chatter.messages("You")
    expect(own).to_contain_text(["look", "Sent", "notes.txt"])
    expect(own.nth(1).get_by_role("button", name="Picture")).to_be_visible()
    expect(own.nth(2).get_by_role("link", name="notes.txt")).to_be_visible()
    expect(chatter.page.locator("[aria-live=polite]")).to_contain_text("notes.txt was sent.")
    said = chatter.log.get_by_role("article").all_inner_texts()
    chatter.page.reload()
    expect(chatter.status).to_contain_text("Connected")
    expect(chatter.log.get_by_role("article")).to_have_count(len(said))
    assert chatter.log.get_by_role("article").all_inner_texts() == said, "a reload changes nothing"


@pytest.mark.only_pushpin
def test_files_go_without_words_too(chatter: Reader) -> None:
    pick(chatter, NOTES)
    chatter.button("Send").click()
    expect(chatter.messages("You")).to_have_count(1)
    expect(chatter.log).to_contain_text("got file")


@pytest.mark.only_pushpin
@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_files_are_dropped_and_pasted(chatter: Reader, kind: str) -> None:
    target = chatter.box if kind == "paste" else chatter.log
    target.evaluate(GIVE, [kind, [["a.txt", "text/plain", "a"], ["b.txt", "text/plain", "b"]]])
    expect(tray(chatter).get_by_role("listitem")).to_contain_text(["a.txt (1 byte)", "b.txt (1 byte)"])
    expect(chatter.page.get_by_text("Drop files here")).to_be_hidden()
    chatter.box.press("Enter")
    expect(chatter.messages("You")).to_have_count(2)
    expect(chatter.messages("Bot").last).to_contain_text("got file")


@pytest.mark.only_pushpin
def test_where_files_can_be_dropped_is_shown(chatter: Reader) -> None:
    chatter.log.evaluate(GIVE, ["drag", [["a.txt", "text/plain", "a"]]])
    expect(chatter.page.get_by_text("Drop files here")).to_be_visible()
    chatter.page.get_by_text("Drop files here").dispatch_event("dragleave")
    expect(chatter.page.get_by_text("Drop files here")).to_be_hidden()


def test_text_is_pasted_as_ever(chatter: Reader) -> None:
    assert chatter.box.evaluate(GIVE, ["paste", []]), "the browser is left to do it"
    expect(tray(chatter)).to_be_hidden()


@pytest.mark.only_pushpin
def test_a_file_is_taken_away_again_by_keyboard(chatter: Reader) -> None:
    pick(chatter, PICTURE, NOTES)
    chatter.button("Remove cat.png").press("Enter")
    expect(tray(chatter).get_by_role("listitem")).to_contain_text(["notes.txt"])
    expect(chatter.box).to_be_focused()
    chatter.button("Remove notes.txt").press("Enter")
    expect(tray(chatter)).to_be_hidden()
    # The same one can be picked again.
    pick(chatter, NOTES)
    expect(tray(chatter).get_by_role("listitem")).to_have_count(1)
    chatter.button("Remove notes.txt").click()


@pytest.mark.only_pushpin
def test_an_upload_tells_its_progress_and_can_be_cancelled(chatter: Reader) -> None:
    pick(chatter, PICTURE, NOTES)
    send_held(chatter)
    first, second = chatter.messages("You").all()
    expect(first.get_by_role("progressbar", name="Upload of cat.png")).to_be_visible()
    expect(first).to_contain_text("Uploading… ")
    expect(first.locator("img")).to_be_visible()
    expect(second).to_contain_text("Waiting")
    second.get_by_role("button", name="Cancel").click()
    expect(chatter.messages("You")).to_have_count(1)
    with chatter.page.expect_event("requestfailed"):
        chatter.messages("You").get_by_role("button", name="Cancel").click()
    expect(chatter.messages("You")).to_have_count(0)
    expect(chatter.box).to_be_focused()
    expect(chatter.page.locator("[aria-live=polite]")).to_contain_text("cat.png is not sent.")
    chatter.page.unroute("**/uploads/*")
    chatter.say("that was it")
    chatter.expect_texts(["Welcome", "that was it", "echo: that was it"])


@pytest.mark.only_pushpin
def test_the_bar_shows_how_much_has_gone(chatter: Reader) -> None:
    protocol = chatter.page.context.new_cdp_session(chatter.page)
    line = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    protocol.send("Network.emulateNetworkConditions", line)
    pick(chatter, {"name": "big.bin", "mimeType": "", "buffer": bytes(20_000_000)})
    chatter.button("Send").click()
    bar = chatter.messages("You").get_by_role("progressbar", name="Upload of big.bin")
    shown = chatter.messages("You").get_by_text("Uploading… ")
    expect(shown).to_have_text(re.compile("Uploading… [1-9]"))
    before = bar.evaluate("bar => bar.value")
    assert 0 < before < 1
    expect(bar).not_to_have_js_property("value", before)
    assert bar.evaluate("bar => bar.value") > before
    chatter.messages("You").get_by_role("button", name="Cancel").click()
    protocol.detach()


ADDRESSES = """
const {createObjectURL, revokeObjectURL} = URL;
window.addresses = new Set();
URL.createObjectURL = file => { const url = createObjectURL(file); addresses.add(url); return url; };
URL.revokeObjectURL = url => { addresses.delete(url); revokeObjectURL(url); };
"""


@pytest.mark.only_pushpin
def test_a_preview_is_held_no_longer_than_it_is_seen(reader: Reader) -> None:
    reader.page.add_init_script(ADDRESSES)
    reader.open_connected()
    before = reader.page.evaluate("addresses.size")

    def held() -> int:
        now: int = reader.page.evaluate("addresses.size")
        return now - before

    pick(reader, PICTURE, PICTURE)
    assert held() == 2
    reader.button("Remove cat.png").first.click()
    assert held() == 1
    reader.button("Send").click()
    expect(reader.messages("You")).to_contain_text("Sent")
    expect(reader.messages("Bot").last).to_contain_text("got image")
    assert held() == 0
    route: list[Route] = []
    reader.page.route("**/uploads/*", lambda request: route.append(request))
    pick(reader, PICTURE)
    reader.button("Send").click()
    reader.messages("You").last.get_by_role("button", name="Cancel").click()
    assert held() == 0
    pick(reader, PICTURE)
    reader.button("Send").click()
    expect(reader.messages("You").last).to_contain_text("Uploading")
    pick(reader, PICTURE)
    assert held() == 2
    reader.page.evaluate("() => document.querySelector('webchat-py').remove()")
    reader.page.wait_for_function("before => addresses.size === before", arg=before)


@pytest.mark.only_pushpin
def test_a_session_that_expires_during_an_upload_loses_no_file(chatter: Reader) -> None:
    chatter.watch.expect("status of 401", "status of 403", "status of 404")
    pick(chatter, PICTURE, NOTES)
    held = send_held(chatter)
    delete_user(chatter)
    held[0].continue_()
    chatter.page.unroute("**/uploads/*")
    expect(chatter.messages("You")).to_contain_text(["Not sent.", "Not sent."])
    chatter.button("New conversation").click()
    expect(chatter.status).to_contain_text("Connected")
    for _ in range(2):
        chatter.messages("You").get_by_role("button", name="Try again").first.click()
    expect(chatter.log).to_contain_text("got image")
    expect(chatter.log).to_contain_text("got file")
    expect(chatter.messages("You")).to_contain_text(["Sent", "Sent"])


@pytest.mark.only_pushpin
def test_the_browser_asks_before_files_are_lost(chatter: Reader) -> None:
    asked: list[str] = []

    def stay(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss()

    assert chatter.page.evaluate(LEAVE), "nothing would be lost"
    chatter.page.on("dialog", stay)
    pick(chatter, NOTES)
    with chatter.page.expect_event("dialog"):
        chatter.page.evaluate("() => location.reload()")
    expect(tray(chatter)).to_contain_text("notes.txt")
    assert asked == ["beforeunload"]
    chatter.page.remove_listener("dialog", stay)
    held = send_held(chatter)
    assert not chatter.page.evaluate(LEAVE)
    held[0].continue_()
    chatter.page.unroute("**/uploads/*")
    expect(chatter.messages("Bot").last).to_contain_text("got file")
    assert chatter.page.evaluate(LEAVE)


@pytest.mark.only_pushpin
def test_the_tray_and_an_upload_are_accessible(chatter: Reader) -> None:
    pick(chatter, PICTURE, NOTES)
    assert violations(chatter.page) == []
    chatter.button("Remove notes.txt").click()
    held = send_held(chatter)
    assert violations(chatter.page) == []
    for route in held:
        route.abort()
    expect(chatter.messages("You").first).to_contain_text("Not sent.")
    assert violations(chatter.page) == []
    chatter.watch.expect("net::ERR_FAILED")
    chatter.page.unroute("**/uploads/*")
    chatter.button("Cancel").click()
    expect(chatter.messages("You")).to_have_count(0)


@pytest.mark.only_pushpin
def test_one_can_talk_while_a_file_is_on_its_way(chatter: Reader) -> None:
    pick(chatter, NOTES)
    held = send_held(chatter)
    chatter.say("meanwhile")
    expect(chatter.messages("Bot").last).to_contain_text("echo: meanwhile")
    held[0].continue_()
    chatter.page.unroute("**/uploads/*")
    chatter.expect_texts(["Welcome", "meanwhile", "echo: meanwhile", "notes.txt", "got file"])


@pytest.mark.only_pushpin
@pytest.mark.parametrize(
    ("route", "status", "words"),
    [
        ("**/uploads/*", 500, "The file could not be stored."),
        ("**/files", 413, "It is too large for the server."),
    ],
)
def test_a_file_that_could_not_be_stored_can_be_tried_again(
    chatter: Reader, route: str, status: int, words: str
) -> None:
    chatter.watch.expect("status of 500", "status of 413")
    chatter.page.route(route, lambda request: request.fulfill(status=status, body=""), times=1)
    pick(chatter, NOTES)
    chatter.button("Send").click()
    expect(chatter.messages("You")).to_contain_text(f"Not sent. {words}")
    chatter.messages("You").get_by_role("button", name="Try again").click()
    expect(chatter.messages("Bot").last).to_contain_text("got file")
    chatter.expect_texts(["Welcome", "notes.txt", "got file"])
    expect(chatter.messages("You")).to_contain_text("Sent")


def test_what_is_not_taken_is_said_before_the_upload(chromium: Browser, bot_server: WebchatServer) -> None:
    with reading(chromium, bot_server.url) as reader:
        limited = "addEventListener('DOMContentLoaded', () => { const chat = document.querySelector('webchat-py');"
        limited += " chat.setAttribute('accept', 'image/*, .pdf'); chat.setAttribute('max-file-size', '80'); })"
        reader.page.add_init_script(limited)
        if reader.mode == "messaging":
            reader.open_connected()
            expect(reader.button("Attach file")).to_be_hidden()
            reader.log.evaluate(GIVE, ["drop", [["a.pdf", "", "a"]]])
            expect(tray(reader)).to_contain_text("Files cannot be sent here.")
            return
        reader.open_connected()
        limits = "Up to 80 bytes each; types: image/*, .pdf."
        expect(reader.button("Attach file")).to_have_accessible_description(limits)
        pick(reader, PICTURE, NOTES, {"name": "A.PDF", "mimeType": "", "buffer": b"x" * 81})
        expect(tray(reader).get_by_role("listitem")).to_contain_text(
            ["cat.png", "notes.txt is of a type that is not taken.", "A.PDF is larger than 80 bytes."]
        )
        pick(reader, {"name": "B.PDF", "mimeType": "", "buffer": b"x" * 80})
        expect(tray(reader).get_by_role("listitem")).to_contain_text(["cat.png", "B.PDF"])
        reader.say("these")
        expect(reader.messages("You")).to_have_count(3)
        expect(reader.messages("Bot").last).to_contain_text("got file")


@pytest.mark.only_pushpin
def test_files_stay_while_the_bot_wants_one_of_its_answers(chatter: Reader) -> None:
    pick(chatter, NOTES)
    only = {"type": "choice", "text": "Which?", "disableFreeText": True, "options": [{"label": "One", "value": "1"}]}
    say_elsewhere(chatter, json.dumps([only]), answer='"disableFreeText":true')
    expect(chatter.box).not_to_be_editable()
    chatter.button("Send").click()
    chatter.button("One").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: 1")
    expect(tray(chatter)).to_contain_text("notes.txt")
    chatter.button("Send").click()
    expect(chatter.messages("Bot").last).to_contain_text("got file")


@pytest.mark.only_pushpin
def test_a_file_goes_to_no_other_conversation_than_that_in_which_it_was_picked(chatter: Reader) -> None:
    pick(chatter, PICTURE, NOTES)
    held = send_held(chatter)
    with chatter.asking("events"):
        chatter.button("New conversation").click()
    held[0].continue_()
    chatter.page.unroute("**/uploads/*")
    expect(chatter.messages("You")).to_have_count(1)
    expect(chatter.messages("You")).to_contain_text("Not sent. Another conversation is open now.")
    chatter.messages("You").get_by_role("button", name="Cancel").click()
    chatter.expect_texts(["Welcome"])


@pytest.mark.only_pushpin
def test_a_file_that_waits_while_another_conversation_is_opened_does_not_go_there(chatter: Reader) -> None:
    pick(chatter, PICTURE, NOTES)
    uploads = send_held(chatter)
    conversations: list[Route] = []
    chatter.page.route("**/conversations", lambda route: conversations.append(route))
    with chatter.page.expect_request("**/conversations"):
        chatter.button("New conversation").click()
    uploads[0].continue_()
    chatter.page.unroute("**/uploads/*")
    expect(chatter.messages("You").last).to_contain_text("Not sent. Another conversation is open now.")
    conversations[0].continue_()
    chatter.page.unroute("**/conversations")
    expect(chatter.messages("Bot")).to_have_count(1)
    chatter.button("Cancel").click()
    chatter.expect_texts(["Welcome"])


@pytest.mark.only_pushpin
def test_a_file_that_was_sent_before_there_was_a_connection_goes_when_there_is(reader: Reader) -> None:
    held: list[Route] = []
    reader.page.route("**/initialize", lambda route: held.append(route))
    reader.open()
    expect(reader.button("Attach file")).to_be_enabled()
    pick(reader, NOTES)
    reader.button("Send").click()
    expect(reader.messages("You")).to_contain_text("Waiting")
    for route in held:
        route.continue_()
    reader.page.unroute("**/initialize")
    expect(reader.log).to_contain_text("got file")
    expect(reader.messages("You")).to_contain_text("Sent")
