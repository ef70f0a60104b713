"""The block tree of the original client, field by field, and the plain reading."""

from __future__ import annotations

from typing import Any

import pytest

from webchat_py.wire.models import Message
from webchat_py.wire.payloads import Custom, Unknown, parse_payload

OPTIONS = [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]
CARD = {
    "title": "Shoe",
    "subtitle": "Red",
    "imageUrl": "u",
    "actions": [
        {"action": "postback", "label": "Buy", "value": "buy"},
        {"action": "say", "label": "Ask", "value": "ask"},
        {"action": "url", "label": "Look", "value": "http://x/"},
    ],
}
CARD_COLUMN = {
    "type": "column",
    "horizontalAlignment": "center",
    "blocks": [
        {"type": "image", "url": "u"},
        {"type": "text", "text": "## Shoe"},
        {"type": "text", "text": "Red"},
        {
            "type": "row",
            "blocks": [
                {"type": "button", "variant": "action", "text": "Buy", "buttonValue": "buy", "reusable": True},
                {"type": "button", "variant": "action", "text": "Ask", "buttonValue": "ask", "reusable": True},
                {"type": "button", "variant": "link", "text": "Look", "buttonValue": "http://x/", "reusable": True},
            ],
        },
    ],
}


def bubble(block: Any) -> dict[str, Any]:
    return {"type": "bubble", "block": block}


def text(value: str) -> dict[str, Any]:
    return {"type": "text", "text": value}


def button(label: str, value: str) -> dict[str, Any]:
    return {"type": "button", "variant": "action", "text": label, "buttonValue": value, "groupId": "msg_1"}


# wire payload, block, disable_input, plain reading
READINGS: list[tuple[dict[str, Any], Any, bool | None, str]] = [
    ({"type": "text", "text": "Hi"}, bubble(text("Hi")), None, "Hi"),
    ({"type": "markdown", "markdown": "**Hi**"}, bubble(text("**Hi**")), None, "**Hi**"),
    ({"type": "image", "imageUrl": "u"}, {"type": "image", "url": "u"}, None, "Image: u"),
    ({"type": "audio", "audioUrl": "u"}, {"type": "audio", "url": "u"}, None, "Audio: u"),
    ({"type": "video", "videoUrl": "u"}, {"type": "video", "url": "u"}, None, "Video: u"),
    ({"type": "file", "fileUrl": "u"}, {"type": "file", "url": "u"}, None, "File: u"),
    (
        {"type": "file", "fileUrl": "u", "title": "Bill", "className": "c"},
        {"type": "file", "url": "u", "title": "Bill"},
        None,
        "File: Bill (u)",
    ),
    (
        {"type": "location", "latitude": 1.5, "longitude": 2, "address": "Wien", "title": "Here"},
        {"type": "location", "latitude": 1.5, "longitude": 2, "title": "Here"},
        None,
        "Location: Here, Wien (1.5, 2)",
    ),
    (
        {"type": "location", "latitude": 1.5, "longitude": 2, "address": "Wien"},
        {"type": "location", "latitude": 1.5, "longitude": 2, "title": "Wien"},
        None,
        "Location: Wien (1.5, 2)",
    ),
    (
        {"type": "location", "latitude": 1.5, "longitude": 2},
        {"type": "location", "latitude": 1.5, "longitude": 2, "title": "View on map"},
        None,
        "Location: 1.5, 2",
    ),
    ({"type": "card", **CARD}, bubble(CARD_COLUMN), None, "Shoe\nRed\n- Buy\n- Ask\n- Look (http://x/)"),
    (
        {"type": "card", "title": "Bare", "subtitle": "", "imageUrl": "", "actions": []},
        bubble({"type": "column", "horizontalAlignment": "center", "blocks": [text("## Bare")]}),
        None,
        "Bare",
    ),
    (
        {"type": "carousel", "items": [CARD, CARD]},
        {"type": "carousel", "blocks": [CARD_COLUMN, CARD_COLUMN]},
        None,
        "\n".join(["Shoe\nRed\n- Buy\n- Ask\n- Look (http://x/)"] * 2),
    ),
    (
        {"type": "choice", "text": "Size?", "options": OPTIONS, "disableFreeText": True},
        {
            "type": "column",
            "horizontalAlignment": "left",
            "blocks": [
                bubble(text("Size?")),
                {"type": "row", "blocks": [button("Small", "s"), button("Large", "l")]},
            ],
        },
        True,
        "Size?\n- Small\n- Large",
    ),
    (
        {"type": "choice", "text": "Size?", "options": [], "disableFreeText": False},
        bubble(text("Size?")),
        False,
        "Size?",
    ),
    (
        {"type": "dropdown", "text": "Size?", "options": OPTIONS},
        bubble(
            {
                "type": "column",
                "blocks": [text("Size?"), {"type": "dropdown", "label": "Size?", "options": OPTIONS}],
            }
        ),
        True,
        "Size?\n- Small\n- Large",
    ),
    (
        {"type": "dropdown", "text": "", "options": OPTIONS, "disableFreeText": False},
        bubble({"type": "column", "blocks": [{"type": "dropdown", "label": "", "options": OPTIONS}]}),
        False,
        "- Small\n- Large",
    ),
    (
        {
            "type": "bloc",
            "items": [{"type": "text", "payload": {"text": "Hi"}}, {"type": "image", "payload": {"imageUrl": "u"}}],
        },
        {"type": "column", "blocks": [bubble(text("Hi")), {"type": "image", "url": "u"}]},
        None,
        "Hi\nImage: u",
    ),
    (
        {"type": "custom", "url": "u", "name": "Weather", "data": {"town": "Wien"}},
        {"type": "custom", "url": "u", "name": "Weather", "data": {"town": "Wien"}},
        None,
        'Weather: {"town": "Wien"}',
    ),
    ({"type": "poll", "q": 1}, {"type": "poll", "q": 1}, None, 'poll: {"type": "poll", "q": 1}'),
]


@pytest.mark.parametrize(
    ("wire", "block", "disable_input", "plain"),
    READINGS,
    ids=[f"{number}-{r[0]['type']}" for number, r in enumerate(READINGS)],
)
def test_readings(wire: dict[str, Any], block: Any, disable_input: bool | None, plain: str) -> None:
    message = Message("msg_1", "conv_1", "bot", None, parse_payload(wire))
    assert message.block == block
    assert message.disable_input is disable_input
    assert message.text == plain


def test_what_is_no_payload_at_all_can_be_read_too() -> None:
    message = Message(None, "conv_1", "", None, Unknown("", [1, "a"]))
    assert message.text == '[1, "a"]'
    assert message.block == bubble(text('[1, "a"]'))
    assert Message(None, "c", "", None, Custom("u", "Clock")).text == "Clock"
