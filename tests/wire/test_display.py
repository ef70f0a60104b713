"""What a notebook shows: everything from a bot as text, and nothing but harmless elements and checked addresses."""

from __future__ import annotations

import json
import pickle
import re
import time
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest

from webchat_py import Bloc, Conversation, Message, Payload, Text, Unknown, User
from webchat_py.wire.models import MessageList
from webchat_py.wire.payloads import parse_payload
from webchat_py.wire.untrusted import MAX_DEPTH

ELEMENTS = {"a", "article", "audio", "b", "code", "div", "i", "img", "li", "pre", "span", "time", "ul", "video"}
ATTRIBUTES = {
    *("alt", "aria-label", "class", "controls", "datetime", "dir", "href", "loading", "preload"),
    *("referrerpolicy", "rel", "role", "src", "style", "target", "title"),
}
ADDRESSES = re.compile(r"(https?://|mailto:|tel:|data:image/png;base64,)\S+")


class Page(HTMLParser):
    """What a browser makes of some HTML; fails for all that a bot could have smuggled in."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert self.open == [], "an element is not closed"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        assert tag in ELEMENTS
        for name, value in attributes:
            assert name in ATTRIBUTES
            if name in ("href", "src"):
                assert value
                assert ADDRESSES.fullmatch(value)
                self.addresses.append(value)
            if name == "style":
                assert re.fullmatch(r"[a-z0-9:;.%(),\s-]*", value or "")
        if tag != "img":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def message(payload: Payload, author_id: str = "bot") -> Message:
    return Message("m1", "c1", author_id, datetime(2026, 3, 4, 5, 6, tzinfo=UTC), payload)


def shown(value: Any) -> Page:
    return Page(value._repr_html_())


def payloads(text: str, url: str) -> list[dict[str, Any]]:
    """Every type of payload, with these in all of its fields."""
    option = {"label": text, "value": text}
    card = {
        "title": text,
        "subtitle": text,
        "imageUrl": url,
        "actions": [{"action": "url", "label": text, "value": url}],
    }
    say = {"action": text, "label": text, "value": text}
    plain: list[dict[str, Any]] = [
        {"type": "text", "text": text},
        {"type": "markdown", "markdown": text},
        {"type": "image", "imageUrl": url},
        {"type": "audio", "audioUrl": url},
        {"type": "video", "videoUrl": url},
        {"type": "file", "fileUrl": url, "title": text},
        {"type": "location", "latitude": 1.5, "longitude": -2, "title": text, "address": text},
        {"type": "card", **card},
        {"type": "carousel", "items": [card, {**card, "actions": [say]}]},
        {"type": "choice", "text": text, "options": [option]},
        {"type": "dropdown", "text": text, "options": [option]},
        {"type": "custom", "url": url, "name": text, "data": {text: [text, url]}},
        {"type": text, "anything": {text: url}},
    ]
    return [*plain, {"type": "bloc", "items": plain}, {"type": "text", "text": 1, "html": text}]


@pytest.mark.parametrize("payload", payloads("hello", "https://example.org/a.png"), ids=lambda payload: payload["type"])
def test_every_payload_is_shown(payload: dict[str, Any]) -> None:
    page = shown(message(parse_payload(payload)))
    if "hello" in str(payload):
        assert "hello" in page.text
    if "example.org" in str(payload):
        assert "https://example.org/a.png" in page.addresses or "https://example.org/a.png" in page.text


HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" style="position:fixed" x="',
    "</pre></div></article><iframe srcdoc='<script>alert(1)</script>'>",
    "[a](javascript:alert(1)) ![b](x onerror=alert(1))",
    "<!-- <script>alert(1)</script>",
    "<![CDATA[<script>alert(1)</script>]]>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "\ud800<b>",
    "\0<b>",
]
ADDRESSES_TO_REFUSE = [
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " javascript:alert(1)",
    "java\tscript:alert(1)",
    "\x01javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:image/svg+xml;base64,PHN2Zz4=",
    "vbscript:x",
    "file:///etc/passwd",
    "//example.org/x",
    "https://example.org/a b",
    "https://example.org/\nx",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_text(text: str) -> None:
    visible = text.encode("utf-8", "replace").decode()
    for payload in payloads(text, f"https://example.org/{text}"):
        page = shown(message(parse_payload(payload), author_id=text))
        assert visible in page.text
    page = shown(User(text, name=text, picture_url=text, data={text: text}, attributes={text: text}))
    assert page.text.count(visible) >= 2
    assert visible in shown(Conversation(text, last_message=message(Text(text)))).text
    assert visible in shown(MessageList([message(Text(text), author_id=text)], "me")).text


@pytest.mark.parametrize("url", ADDRESSES_TO_REFUSE)
def test_address_that_leads_elsewhere_than_the_web_is_no_link(url: str) -> None:
    for payload in payloads("hello", url):
        addresses = shown(message(parse_payload(payload))).addresses
        assert [address for address in addresses if "openstreetmap" not in address] == [], payload
    assert shown(User("u", picture_url=url)).addresses == []


def test_tex_is_left_alone() -> None:
    html = message(Text(r"$\href{javascript:alert(1)}{x}$"))._repr_html_()
    assert re.match(r'<div class="tex2jax_ignore mathjax_ignore"', html)


def test_blocs_within_blocs_are_shown_as_deep_as_they_are_read() -> None:
    payload: Payload = Text("in the middle")
    for _ in range(MAX_DEPTH // 2):
        payload = Bloc([payload])
    page = shown(message(payload))
    assert page.text.count("in the middle") == 1


def test_value_that_is_no_json_is_shown_all_the_same() -> None:
    assert "<object object" in shown(message(Unknown("odd", object()))).text


def test_date_that_no_clock_knows_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    early = message(Text("hello"))
    early.sent_on = datetime(1, 1, 1, tzinfo=UTC)
    assert "hello" in shown(early).text
    early.sent_on = None
    assert "hello" in shown(early).text
    monkeypatch.undo()
    time.tzset()


def test_list_says_who_wrote() -> None:
    messages = MessageList([message(Text("hi"), "me"), message(Text("hello"), "bot")], "me")
    assert re.fullmatch(r"You [-\d: ]+hiBot [-\d: ]+hello", shown(messages).text)
    assert messages == [message(Text("hi"), "me"), message(Text("hello"), "bot")]


def test_list_survives_pickling() -> None:
    messages = MessageList([message(Text("hi"), "me")], "me")
    copy = pickle.loads(pickle.dumps(messages))
    assert (copy, copy.own_id, type(copy)) == (messages, "me", MessageList)


def test_a_part_of_a_list_is_shown_like_the_whole() -> None:
    messages = MessageList([message(Text("hi"), "me"), message(Text("hello"), "bot")], "me")
    assert shown(messages[:1]).text == shown(MessageList(messages[:1], "me")).text
    assert "You" in shown(messages[:1]).text
    assert messages[1].text == "hello"


def test_data_that_is_nested_deeply_is_shown_as_short_as_it_came() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep, *range(20)]
    page = shown(message(Unknown("deep", {"type": "deep", "deep": deep})))
    assert len(page.text) < 2 * len(json.dumps(deep))
