"""Each payload as a person meets it: what shows, what can be done with it, and what if it is not there."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Locator, expect

from tests.page.reader import Reader

SIZES = [{"label": "Small one", "value": "s"}, {"label": "Large one", "value": "l"}]
ACTIONS = [
    {"action": "say", "label": "Buy", "value": "buy it"},
    {"action": "postback", "label": "Ask", "value": "ask about it"},
    {"action": "url", "label": "Look", "value": "https://example.org/mug"},
]


def media(reader: Reader, name: str) -> str:
    return f"{reader.url}/demo-media/{name}"


def cards(*titles: str) -> dict[str, Any]:
    return {"type": "carousel", "items": [{"title": title, "actions": ACTIONS} for title in titles]}


def expect_loaded(media: Locator) -> None:
    """Waits until the browser knows how big or long it is."""
    media.evaluate(
        """media => media.tagName === "IMG"
            ? media.decode()
            : media.readyState || new Promise(resolve => media.addEventListener("loadedmetadata", resolve))"""
    )


# --- pictures, sounds, films, files, places ---------------------------------------------------------------------


def test_a_picture_opens_large_and_gives_the_focus_back(chatter: Reader) -> None:
    article = chatter.have_bot_send({"type": "image", "imageUrl": media(chatter, "picture.png?a#b")})
    picture = article.get_by_role("img", name="Picture picture.png", exact=True)
    expect_loaded(picture)
    dialog = chatter.page.get_by_role("dialog", name="Picture")
    expect(dialog).to_be_hidden()

    article.get_by_role("button", name="Picture picture.png").press("Enter")
    large = dialog.get_by_role("img", name="Picture picture.png")
    expect_loaded(large)
    expect(large).to_be_in_viewport()
    chatter.page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(article.get_by_role("button", name="Picture picture.png")).to_be_focused()

    for close in (dialog.get_by_role("button", name="Close").click, lambda: chatter.page.mouse.click(3, 3)):
        picture.click()
        expect(dialog).to_be_visible()
        close()
        expect(dialog).to_be_hidden()


def test_nothing_moves_when_a_picture_or_film_is_there_at_last(chatter: Reader) -> None:
    """What is below keeps its place, because the room is there before."""
    held: list[Any] = []
    chatter.page.route("**/demo-media/*?slow", lambda route: held.append(route))
    chatter.have_bot_send(
        {"type": "image", "imageUrl": media(chatter, "picture.png?slow")},
        {"type": "video", "videoUrl": media(chatter, "video.webm?slow")},
        {"type": "card", "title": "Mug", "imageUrl": media(chatter, "picture.png?slow"), "actions": []},
    )
    end = chatter.have_bot_send({"type": "text", "text": "the end"})
    articles, heights = chatter.log.get_by_role("article"), "articles => articles.map(article => article.offsetHeight)"
    before = articles.evaluate_all(heights)
    assert held
    for route in held:
        route.continue_()
    expect_loaded(chatter.log.get_by_role("img", name="Picture picture.png"))
    expect_loaded(chatter.log.locator("video"))
    expect_loaded(chatter.log.get_by_role("img", name="Picture of Mug"))
    assert articles.evaluate_all(heights) == before
    expect(end).to_be_visible()
    chatter.page.unroute("**/demo-media/*?slow")


@pytest.mark.parametrize(("kind", "file"), [("audio", "sound.wav"), ("video", "video.webm")])
def test_a_sound_and_a_film_can_be_played(chatter: Reader, kind: str, file: str) -> None:
    article = chatter.have_bot_send({"type": kind, f"{kind}Url": media(chatter, file)})
    name = {"audio": "Sound", "video": "Video"}[kind]
    player = article.get_by_label(f"{name} {file}", exact=True)
    expect(player).to_have_attribute("controls", "")
    player.evaluate("player => { player.muted = true; return player.play() }")
    expect(player).to_have_js_property("ended", True)


def test_a_file_is_a_link_with_its_name(chatter: Reader) -> None:
    named = {"type": "file", "fileUrl": media(chatter, "notes.txt"), "title": "My notes"}
    unnamed = {"type": "file", "fileUrl": "https://example.org/a/f%C3%BCr%20dich.pdf?x=1"}
    broken = {"type": "file", "fileUrl": "https://example.org/100%.pdf"}
    for payload, name in ((named, "My notes"), (unnamed, "für dich.pdf"), (broken, "100%.pdf")):
        link = chatter.have_bot_send(payload).get_by_role("link", name=name, exact=True)
        expect(link).to_have_attribute("href", str(payload["fileUrl"]))
        expect(link).to_have_attribute("rel", "noopener noreferrer")
        expect(link).to_have_attribute("target", "_blank")


def test_a_place_has_words_and_a_map(chatter: Reader) -> None:
    place = {"type": "location", "latitude": 48.8584, "longitude": -2, "title": "Tower", "address": "Paris"}
    article = chatter.have_bot_send(place)
    expect(article).to_contain_text("Tower")
    expect(article).to_contain_text("Paris")
    expect(article).to_contain_text("48.8584, -2")
    link = article.get_by_role("link", name="Show on a map")
    url = "https://www.openstreetmap.org/?mlat=48.858400&mlon=-2.000000#map=16/48.858400/-2.000000"
    expect(link).to_have_attribute("href", url)


def test_a_place_that_is_nowhere_has_no_map(chatter: Reader) -> None:
    article = chatter.have_bot_send({"type": "location", "latitude": 10**400, "longitude": 500})
    expect(article).to_contain_text("500")
    expect(article.get_by_role("link")).to_have_count(0)


@pytest.mark.parametrize(("kind", "word"), [("image", "Picture"), ("audio", "Sound"), ("video", "Video")])
def test_what_cannot_be_fetched_is_said_and_linked(chatter: Reader, kind: str, word: str) -> None:
    chatter.watch.expect("status of 404")
    article = chatter.have_bot_send({"type": kind, f"{kind}Url": media(chatter, "gone.bin")})
    expect(article).to_contain_text(f"{word} that cannot be shown here: gone.bin")
    expect(article.get_by_role("link", name="gone.bin")).to_have_attribute("href", media(chatter, "gone.bin"))
    expect(article.get_by_role("img")).to_have_count(0)


@pytest.mark.parametrize("kind", ["image", "audio", "video"])
@pytest.mark.parametrize("url", ["javascript:alert(1)", "/users", "data:text/html,hello", "ftp://example.org/a", " "])
def test_an_address_of_another_kind_is_not_fetched(chatter: Reader, kind: str, url: str) -> None:
    article = chatter.have_bot_send({"type": kind, f"{kind}Url": url})
    expect(article).to_contain_text("cannot be shown here")
    expect(article.get_by_role("link")).to_have_count(0)
    assert not article.locator("img, audio, video").count()


# --- cards ------------------------------------------------------------------------------------------------------


def test_a_card_shows_itself_and_its_buttons_send(chatter: Reader) -> None:
    card = {"type": "card", "title": "Blue mug", "subtitle": "12 €", "imageUrl": media(chatter, "picture.png")}
    article = chatter.have_bot_send({**card, "actions": ACTIONS})
    group = article.get_by_role("group", name="Blue mug")
    expect(group).to_contain_text("12 €")
    expect_loaded(group.get_by_role("img", name="Picture of Blue mug"))
    link = group.get_by_role("link", name="Look")
    expect(link).to_have_attribute("href", "https://example.org/mug")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    for label, value in (("Buy", "buy it"), ("Ask", "ask about it"), ("Buy", "buy it")):
        group.get_by_role("button", name=label).click()
        expect(chatter.messages("Bot").last).to_contain_text(f"echo: {value}")


def test_an_action_that_leads_nowhere_is_only_words(chatter: Reader) -> None:
    actions = [
        {"action": "url", "label": "A", "value": "javascript:x"},
        {"action": "url", "label": "B", "value": "/users"},
    ]
    group = chatter.have_bot_send({"type": "card", "title": "Odd", "actions": actions}).get_by_role("group")
    expect(group).to_contain_text("A")
    expect(group).to_contain_text("B")
    expect(group.get_by_role("link")).to_have_count(0)
    expect(group.get_by_role("button")).to_have_count(0)


def test_a_carousel_turns_by_button_and_by_keyboard(chatter: Reader) -> None:
    chatter.page.set_viewport_size({"width": 400, "height": 700})
    article = chatter.have_bot_send(cards("One", "Two", "Three"))
    one, three = (article.get_by_role("group", name=name, exact=True) for name in ("One", "Three"))
    expect(one).to_be_in_viewport(ratio=0.9)
    expect(three).not_to_be_in_viewport()
    following = article.get_by_role("button", name="Next card")
    following.click()
    expect(article.get_by_role("group", name="Two", exact=True)).to_be_in_viewport(ratio=0.9)
    expect(one).not_to_be_in_viewport(ratio=0.9)
    article.get_by_role("button", name="Previous card").click()
    expect(one).to_be_in_viewport(ratio=0.9)
    article.get_by_role("button", name="Previous card").click()
    expect(three).to_be_in_viewport(ratio=0.9)
    following.click()
    expect(one).to_be_in_viewport(ratio=0.9)

    article.get_by_role("list", name="Cards").focus()
    chatter.page.keyboard.press("End")
    chatter.page.keyboard.press("ArrowRight")
    expect(article.get_by_role("group", name="Two", exact=True)).to_be_in_viewport(ratio=0.9)
    three.get_by_role("button", name="Buy").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: buy it")


def test_odd_carousels_show_something(chatter: Reader) -> None:
    expect(chatter.have_bot_send(cards())).to_contain_text("Nothing to choose from")
    alone = chatter.have_bot_send(cards("Only one"))
    expect(alone.get_by_role("group", name="Only one")).to_be_visible()
    expect(alone.get_by_role("button", name="Next card")).to_have_count(0)


# --- questions --------------------------------------------------------------------------------------------------


def test_a_list_is_chosen_from_once_also_after_a_reload(chatter: Reader) -> None:
    article = chatter.have_bot_send({"type": "dropdown", "text": "Which size?", "options": SIZES})
    expect(article).to_contain_text("Which size?")
    article.get_by_role("combobox", name="Which size?").select_option(label="Large one")
    article.get_by_role("button", name="Choose").dblclick()
    expect(chatter.messages("Bot").last).to_contain_text("echo: l")
    expect(chatter.messages("You")).to_have_count(2)
    expect(article.get_by_role("button", name="Choose")).to_be_focused()

    for _ in range(2):
        expect(chatter.messages("Bot").last).to_contain_text("echo: l")
        listed = chatter.log.get_by_role("combobox", name="Which size?")
        expect(listed).to_be_disabled()
        expect(listed).to_have_value("l")
        expect(chatter.log.get_by_role("button", name="Choose")).to_be_disabled()
        chatter.page.reload()
        expect(chatter.status).to_contain_text("Connected")


# --- several in one, and data -----------------------------------------------------------------------------------


def test_a_bloc_shows_all_that_is_in_it(chatter: Reader) -> None:
    items = [
        {"type": "text", "payload": {"text": "first"}},
        {"type": "markdown", "payload": {"markdown": "**second**"}},
        {"type": "choice", "payload": {"text": "Which size?", "options": SIZES}},
    ]
    article = chatter.have_bot_send({"type": "bloc", "items": items})
    words = article.inner_text()
    assert words.index("first") < words.index("second") < words.index("Which size?")
    expect(article.get_by_role("strong")).to_have_text("second")
    article.get_by_role("button", name="Small one").click()
    expect(chatter.messages("Bot").last).to_contain_text("echo: s")
    expect(article.get_by_role("button", name="Small one", pressed=True)).to_be_disabled()


def test_an_empty_bloc_says_so(chatter: Reader) -> None:
    expect(chatter.have_bot_send({"type": "bloc", "items": []})).to_contain_text("An empty message")


def test_a_component_of_the_bots_own_shows_its_data(chatter: Reader) -> None:
    data = {"total": 3, "lines": ["<b>a</b>", "b"]}
    custom = {"type": "custom", "url": "https://example.org/c.js", "name": "Basket", "data": data}
    article = chatter.have_bot_send(custom)
    expect(article).to_contain_text("Basket")
    expect(article.get_by_role("term")).to_have_text(["total", "lines 1", "lines 2"])
    expect(article.get_by_role("definition")).to_have_text(["3", "<b>a</b>", "b"])
    expect(chatter.have_bot_send({**custom, "data": "plain"}).get_by_role("definition")).to_have_text(["plain"])


def test_a_message_without_words_is_announced_by_its_name(chatter: Reader) -> None:
    chatter.have_bot_send({"type": "image", "imageUrl": media(chatter, "picture.png")})
    expect(chatter.page.locator("[aria-live=polite]")).to_contain_text("Bot: Picture picture.png")


def test_a_task_list_shows_what_is_done(chatter: Reader) -> None:
    article = chatter.have_bot_send({"type": "markdown", "markdown": "- [x] bought\n- [ ] paid\n\n~~old~~"})
    expect(article.get_by_role("listitem")).to_have_text(["☑ bought", "☐ paid"])
    expect(article.get_by_role("deletion")).to_have_text("old")
    expect(article.get_by_role("checkbox")).to_have_count(0)
