"""Coming back: the page is loaded again, and it is still the same reader in the same conversation."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

from tests.page.reader import Reader

CHOICE = {
    "type": "choice",
    "text": "Which size?",
    "options": [{"label": "Small one", "value": "s"}, {"label": "Large one", "value": "l"}],
}


def stored(reader: Reader) -> dict[str, str]:
    """Who the reader is, as the page keeps it in the browser, without what is on its way to the server."""
    items: dict[str, str] = reader.page.evaluate("() => ({...localStorage})")
    return {key: value for key, value in items.items() if "#" not in key}


def change_session(reader: Reader, **changes: str) -> None:
    ((key, kept),) = stored(reader).items()
    changed = json.dumps({**json.loads(kept), **changes})
    reader.page.evaluate("([key, value]) => localStorage.setItem(key, value)", [key, changed])


def hear_echo(reader: Reader, text: str) -> None:
    reader.say(text)
    expect(reader.messages("Bot").last).to_contain_text(f"echo: {text}")


@pytest.mark.both_modes
def test_a_reload_resumes_the_conversation(chatter: Reader) -> None:
    hear_echo(chatter, "remember me")
    before = stored(chatter)
    chatter.page.reload()
    chatter.expect_texts(["Welcome", "remember me", "echo: remember me"])
    expect(chatter.status).to_contain_text("Connected")
    assert stored(chatter) == before
    hear_echo(chatter, "and now")
    chatter.expect_texts(["Welcome", "remember me", "echo: remember me", "and now", "echo: and now"])


def test_what_is_sent_while_a_reload_starts_comes_after_the_history(chatter: Reader) -> None:
    hear_echo(chatter, "before")
    chatter.page.reload()
    hear_echo(chatter, "early")
    chatter.expect_texts(["Welcome", "before", "echo: before", "early", "echo: early"])


def test_what_an_earlier_page_did_not_know_to_be_sent_is_shown_where_it_was_said(chatter: Reader) -> None:
    held: list[Route] = []
    chatter.page.route("**/messages", lambda route: held.append(route))
    chatter.say("before")
    expect(chatter.messages("You").last).to_contain_text("Sending")
    unsent = chatter.page.evaluate("() => Object.entries(localStorage).filter(([key]) => key.includes('#'))")
    assert unsent
    held[0].continue_()
    chatter.page.unroute("**/messages")
    expect(chatter.messages("Bot").last).to_contain_text("echo: before")
    chatter.page.add_init_script(f"for (const [key, value] of {json.dumps(unsent)}) localStorage.setItem(key, value)")
    chatter.page.reload()
    hear_echo(chatter, "early")
    chatter.expect_texts(["Welcome", "before", "echo: before", "early", "echo: early"])


def test_a_taken_choice_stays_taken(chatter: Reader) -> None:
    chatter.have_bot_send(CHOICE)
    chatter.button("Large one").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    chatter.page.reload()
    expect(chatter.page.get_by_role("button", name="Large one", pressed=True)).to_be_disabled()
    expect(chatter.page.get_by_role("button", name="Small one", pressed=False)).to_be_disabled()


def test_the_newest_conversation_is_the_one_resumed(chatter: Reader) -> None:
    hear_echo(chatter, "old story")
    chatter.start_over()
    hear_echo(chatter, "new story")
    chatter.page.reload()
    chatter.expect_texts(["Welcome", "new story", "echo: new story"])


def test_each_client_has_a_session_of_its_own(chatter: Reader) -> None:
    hear_echo(chatter, "to the first")
    chatter.open_connected("?client=second")
    chatter.expect_texts(["Welcome"])
    first, second = sorted(stored(chatter))
    assert first.endswith(" local")
    assert second.endswith(" second")
    chatter.page.evaluate("key => localStorage.removeItem(key)", second)
    chatter.open_connected()
    chatter.expect_texts(["Welcome", "to the first", "echo: to the first"])


@pytest.mark.both_modes
def test_a_session_the_server_does_not_know_becomes_a_new_one_and_the_reader_is_told(chatter: Reader) -> None:
    chatter.watch.expect("status of 401")
    change_session(chatter, userToken="of-another-server")
    chatter.page.reload()
    expect(chatter.log).to_contain_text("The server does not know your earlier session any more")
    hear_echo(chatter, "fresh")
    chatter.page.reload()
    chatter.expect_texts(["Welcome", "fresh", "echo: fresh"])


def test_a_session_that_mixes_two_users_becomes_a_new_one(chatter: Reader) -> None:
    hear_echo(chatter, "before")
    change_session(chatter, userId="another")
    chatter.page.reload()
    chatter.expect_texts(["Welcome"])
    hear_echo(chatter, "fresh")
    chatter.page.reload()
    chatter.expect_texts(["Welcome", "fresh", "echo: fresh"])


def test_a_conversation_that_is_gone_becomes_a_new_one_and_the_reader_is_told(chatter: Reader) -> None:
    chatter.watch.expect("status of 404")
    change_session(chatter, conversationId="gone")
    chatter.page.reload()
    expect(chatter.log).to_contain_text("Your earlier conversation does not exist any more")
    chatter.expect_texts(["Welcome"])
    hear_echo(chatter, "fresh")


@pytest.mark.parametrize("value", ["not json", '{"userId": 1}', '{"userId": "", "userToken": "\\n"}'])
def test_a_corrupt_session_is_dropped(reader: Reader, value: str) -> None:
    key = f"webchat_py {reader.url} local"
    reader.watch.expect("cannot be read and is dropped")
    reader.page.add_init_script(f"localStorage.setItem({json.dumps(key)}, {json.dumps(value)})")
    reader.open_connected()
    hear_echo(reader, "fresh")
    ((kept_as, kept),) = stored(reader).items()
    assert kept_as == key
    assert set(json.loads(kept)) == {"userId", "userToken", "conversationId"}


def test_a_browser_that_keeps_nothing_can_chat_all_the_same(reader: Reader) -> None:
    reader.watch.expect("a reload may start anew")
    reader.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    reader.open_connected()
    hear_echo(reader, "hello")


def test_two_tabs_show_the_same_conversation(reader: Reader) -> None:
    reader.open_connected()
    other = Reader(reader.page.context.new_page(), reader.watch, reader.url, reader.mode)
    other.open_connected()
    reader.say("from the first")
    said = ["Welcome", "from the first", "echo: from the first"]
    reader.expect_texts(said)
    other.expect_texts(said)
    expect(other.messages("You")).to_contain_text(["Sent"])
    other.say("from the second")
    said += ["from the second", "echo: from the second"]
    other.expect_texts(said)
    reader.expect_texts(said)
    expect(reader.messages("You")).to_contain_text(["Sent", "Sent"])


def test_two_tabs_that_open_at_once_are_one_user_in_one_conversation(reader: Reader) -> None:
    other = Reader(reader.page.context.new_page(), reader.watch, reader.url, reader.mode)
    for tab in (reader, other):
        tab.page.goto(tab.address(), wait_until="commit")
    for tab in (reader, other):
        expect(tab.status).to_contain_text("Connected")
        tab.expect_texts(["Welcome"])
    made = [url for url in reader.watch.requests if url.endswith(("/users", "/initialize"))]
    made += [
        frame for tab in (reader, other) for frame in tab.frames if frame.startswith("40") and "creds" not in frame
    ]
    assert len(made) == 1
