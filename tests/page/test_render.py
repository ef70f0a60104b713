"""What a bot sends, as it shows. Everything a bot sends is untrusted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.page.reader import Reader, reading
from tests.support.server import WebchatServer

ATTACKS = [
    "<img src=canary onerror=\"harm('img')\">",
    "<script>harm('script')</script>",
    "<svg onload=\"harm('svg')\"></svg>",
    "<iframe srcdoc=\"<script>parent.harm('iframe')</script>\"></iframe>",
    "<details open ontoggle=\"harm('details')\"><summary>x</summary></details>",
    "<a href=\"javascript:harm('html link')\">press me</a>",
    "[press me](javascript:harm('link'))",
    "[press me](JaVaScRiPt&colon;harm%28'entity'%29)",
    "[press me](data:text/html,<script>opener.harm('data')</script>)",
    "![press me](javascript:harm('image'))",
    "<form action=\"javascript:harm('form')\"><button>press me</button></form>",
    '<style>body { display: none }</style><p style="position:fixed;inset:0">covers all</p>',
    "<math><mtext><table><mglyph><style><!--</style><img src=canary onerror=\"harm('mxss')\">",
]


@pytest.fixture(scope="module")
def exposed(chromium: Browser, bot_server: WebchatServer) -> Iterator[Reader]:
    """A reader whose browser ignores the content security policy: nothing but the page itself protects him."""
    with reading(chromium, bot_server.url, bypass_csp=True) as reader:
        reader.watch.expect("status of 404", "Failed to launch 'javascript:")
        reader.page.add_init_script("window.harmed = []; window.harm = what => window.harmed.push(what)")
        reader.open_connected()
        yield reader


def markdown(reader: Reader, text: str) -> Locator:
    return reader.have_bot_send({"type": "markdown", "markdown": text})


def fields_of(text: str) -> list[dict[str, object]]:
    """`text` in every place that a payload has for one."""
    return [
        {"type": "text", "text": text},
        {"type": "markdown", "markdown": text},
        {"type": "choice", "text": text, "options": [{"label": text, "value": text}]},
        {"type": text, text: text, "items": [{text: [text]}]},
    ]


def press_all(article: Locator) -> None:
    for link in article.get_by_role("link").all():
        link.evaluate("link => { link.target = ''; link.click() }")


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_script_of_a_bot_runs(exposed: Reader, attack: str) -> None:
    reader = exposed
    before = reader.messages("Bot").count()
    reader.have_bot_send(*fields_of(attack))
    for number in range(before, before + 4):
        article = reader.messages("Bot").nth(number)
        assert reader.said(article), "a message shows something, whatever it is"
        press_all(article)
    # What would run does so when the page is next idle.
    reader.page.evaluate("() => new Promise(resolve => setTimeout(resolve, 100))")
    assert reader.page.evaluate("() => window.harmed") == []
    assert not any("canary" in url for url in reader.watch.requests)
    expect(reader.page.get_by_role("heading", name="Webchat")).to_be_visible()


def test_the_canary_sings(exposed: Reader) -> None:
    """An attack that is let in is seen: else the test above could not fail."""
    exposed.page.evaluate(
        "html => document.body.append(new Range().createContextualFragment(html))",
        ATTACKS[0],
    )
    exposed.page.wait_for_event("requestfinished")
    exposed.page.evaluate("() => new Promise(resolve => setTimeout(resolve, 100))")
    assert exposed.page.evaluate("() => window.harmed.splice(0)") == ["img"]
    assert any("canary" in url for url in exposed.watch.requests)
    exposed.watch.requests.clear()


def test_the_policy_is_in_force(chatter: Reader) -> None:
    """The second wall behind the rendering: even markup that got in would not run."""
    seen = chatter.page.evaluate(
        """() => new Promise(resolve => {
            document.addEventListener("securitypolicyviolation", event => resolve(event.effectiveDirective));
            const target = document.createElement("a");
            target.setAttribute("onclick", "window.harmed = true");
            document.body.append(target);
            target.click();
        })"""
    )
    assert seen == "script-src-attr"
    assert chatter.page.evaluate("() => window.harmed") is None
    chatter.watch.problems.clear()


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
