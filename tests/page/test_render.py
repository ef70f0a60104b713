"""What a bot sends, as it shows. Everything a bot sends is untrusted."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.page.reader import Reader


def markdown(reader: Reader, text: str) -> Locator:
    return reader.have_bot_send({"type": "markdown", "markdown": text})


def test_markdown_shows_as_what_it_means(chatter: Reader) -> None:
    article = markdown(
        chatter,
        "# Hours\n\nOpen **every** day, *really*.\nSecond line\n\n- one\n- two\n\n1. first\n\n"
        "> quoted\n\n```\ncode <b>\n```\n\n| Day | Time |\n|---|---|\n| Mon | 9 |",
    )
    expect(article.get_by_role("heading", name="Hours")).to_be_visible()
    expect(article.get_by_role("strong")).to_have_text("every")
    expect(article.get_by_role("emphasis")).to_have_text("really")
    expect(article.get_by_role("listitem")).to_have_text(["one", "two", "first"])
    expect(article.get_by_role("blockquote")).to_have_text("quoted")
    expect(article.get_by_role("code")).to_have_text("code <b>")
    expect(article.get_by_role("cell")).to_have_text(["Mon", "9"])
    assert ".\nSecond line" in article.inner_text()


@pytest.mark.parametrize(
    ("text", "href"),
    [
        ("[site](https://example.org/a?b=c)", "https://example.org/a?b=c"),
        ("[site](mailto:me@example.org)", "mailto:me@example.org"),
        ("[site](tel:+123)", "tel:+123"),
        ("![site](https://example.org/logo.png)", "https://example.org/logo.png"),
    ],
)
def test_a_link_opens_beside_the_page_and_tells_nothing(chatter: Reader, text: str, href: str) -> None:
    link = markdown(chatter, text).get_by_role("link", name="site")
    expect(link).to_have_attribute("href", href)
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    expect(link).to_have_attribute("target", "_blank")


@pytest.mark.parametrize(
    "text", ["[site](javascript:x)", "[site](//example.org)", "[site](file:///etc)", "[site](/users)"]
)
def test_other_links_are_words(chatter: Reader, text: str) -> None:
    article = markdown(chatter, text)
    expect(article).to_contain_text("site")
    expect(article.get_by_role("link")).to_have_count(0)


def test_addresses_in_plain_text_are_links(chatter: Reader) -> None:
    article = chatter.have_bot_send({"type": "text", "text": "See https://example.org/a_(b)?c=1, or\nask <us>."})
    link = article.get_by_role("link")
    expect(link).to_have_attribute("href", "https://example.org/a_(b)?c=1")
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    assert "See https://example.org/a_(b)?c=1, or\nask <us>." in article.inner_text()


def test_a_payload_the_page_does_not_know_can_be_read(chatter: Reader) -> None:
    poll = {"type": "poll", "question": "<b>Which?</b>", "answers": [{"label": "Yes", "votes": 2}]}
    article = chatter.have_bot_send(poll)
    expect(article).to_contain_text("poll")
    expect(article.get_by_role("term")).to_have_text(["question", "answers 1 label", "answers 1 votes"])
    expect(article.get_by_role("definition")).to_have_text(["<b>Which?</b>", "Yes", "2"])


@pytest.mark.parametrize(
    "payload",
    [
        {"type": "holodeck"},
        {"type": "choice", "text": "Nothing to choose", "options": []},
        {"type": "markdown", "markdown": "> " * 3000 + "deep"},
        {"type": "nest", "nest": [[[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]]]},
        {"type": "long", "items": ["x"] * 5000},
    ],
    ids=lambda payload: payload["type"],
)
def test_odd_payloads_show_something(chatter: Reader, payload: dict[str, object]) -> None:
    article = chatter.have_bot_send(payload)
    assert chatter.said(article)
    chatter.say("still there?")
    expect(chatter.messages("Bot").last).to_contain_text("echo: still there?")
