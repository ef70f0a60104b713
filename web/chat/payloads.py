"""How each payload looks: a function for each type makes its node.

Everything that came from a bot is untrusted. It becomes text nodes and checked addresses (`nodes`); only Markdown
becomes HTML, which is sanitised (`markdown`). What a reader can do inside a message is in `widgets`; pressing what
sends something is in `controls`, which knows it by its class:

- `button.option` answers a question, once; `value` is what it sends;
- `button.choose` answers one with what its list shows;
- `button.action` of a card sends its `value`, as often as it is pressed.
"""

from __future__ import annotations

import re
from dataclasses import asdict, is_dataclass
from functools import singledispatch
from itertools import islice
from typing import TYPE_CHECKING

from pyodide.ffi import JsException
from pyscript import window

from webchat_py import (
    Action,
    Audio,
    Bloc,
    Card,
    Carousel,
    Choice,
    Custom,
    Dropdown,
    File,
    Image,
    Location,
    Markdown,
    Text,
    Unknown,
    Video,
)

from .markdown import render_markdown, render_text
from .nodes import button, can_play, can_show, link, link_or_text, make
from .state import MAX_ITEMS, fields, shown

if TYPE_CHECKING:
    from dom import Element, Node

_MAX_FIELDS = 40
_MORE = "There is more, which is not shown."
_MAP = "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
_ENDING = re.compile(r"[?#].*", re.DOTALL)


@singledispatch
def render(payload: object) -> Node:
    """The node that shows a payload. Register another function here for another type of payload."""
    kind = type(payload).__name__.lower()
    return named_data(
        f"A message of the type “{kind}”",
        asdict(payload) if is_dataclass(payload) and not isinstance(payload, type) else payload,
    )


@render.register(Unknown)
def _(payload: Unknown) -> Node:
    data = payload.data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "type"}
    heading = f"A message of the type “{payload.type}”" if payload.type else "A message of no known type"
    return named_data(heading, data)


@render.register(Custom)
def _(payload: Custom) -> Node:
    return named_data(payload.name or "A message of the bot's own kind", payload.data)


def named_data(heading: str, data: object) -> Node:
    """Decoded JSON as a list of names and values, cut off after many."""
    rows: list[Node] = []
    rest = fields(data)
    for name, value in islice(rest, _MAX_FIELDS):
        rows += [make("dt", name or "value"), make("dd", value)]
    parts = [make("p", heading), *([make("dl", *rows)] if rows else [])]
    if next(rest, None) is not None:
        parts.append(make("p", _MORE))
    return make("div", *parts, class_name="data")


# Words


@render.register(Text)
def _(payload: Text) -> Node:
    return render_text(payload.text)


@render.register(Markdown)
def _(payload: Markdown) -> Node:
    return render_markdown(payload.markdown)


# Pictures, sounds, films, files, places


@render.register(Image)
def _(payload: Image) -> Node:
    return _picture(payload.image_url, file_name(payload.image_url) or "from the bot")


@render.register(Audio)
def _(payload: Audio) -> Node:
    return _player("audio", "Sound", payload.audio_url)


@render.register(Video)
def _(payload: Video) -> Node:
    return _player("video", "Video", payload.video_url)


@render.register(File)
def _(payload: File) -> Node:
    name = payload.title or file_name(payload.file_url) or payload.file_url or "A file without a name"
    return make("p", make("span", "↓ ", aria_hidden="true"), link_or_text(payload.file_url, name), class_name="file")


@render.register(Location)
def _(payload: Location) -> Node:
    place = f"{payload.latitude}, {payload.longitude}"
    lines = [text for text in (payload.title, payload.address, place) if text]
    parts: list[Node] = [make("p", line) for line in lines]
    if abs(payload.latitude) <= 90 and abs(payload.longitude) <= 180:
        url = _MAP.format(latitude=f"{payload.latitude:.6f}", longitude=f"{payload.longitude:.6f}")
        parts.append(make("p", link(url, "Show on a map")))
    return make("div", *parts, class_name="location")


def _picture(url: str, name: str) -> Element:
    if not can_show(url):
        return unavailable("Picture", url)
    image = make("img", src=url, alt=f"Picture {name}", loading="lazy", decoding="async", referrerpolicy="no-referrer")
    return button(image, "picture", aria_haspopup="dialog")


def _player(tag: str, kind: str, url: str) -> Element:
    if not can_play(url):
        return unavailable(kind, url)
    label = f"{kind} {file_name(url)}".strip()
    return make(tag, src=url, aria_label=label, controls="", preload="metadata", playsinline="")


def unavailable(kind: str, url: str) -> Element:
    """Words in place of what cannot be shown, with its address if that can be visited."""
    words: list[Node | str] = [f"{kind} that cannot be shown here"]
    if url and not url.startswith("data:"):
        words += [": ", link_or_text(url, file_name(url) or url)]
    return make("p", *words, class_name="unavailable")


def file_name(url: str) -> str:
    """The last part of an address's path, for the eye; empty where there is none."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        return ""
    name = _ENDING.sub("", url).split("/")[3:][-1:]
    try:
        return str(window.decodeURIComponent(name[0])) if name else ""
    except JsException:  # a broken escape
        return name[0]


# Cards


@render.register(Card)
def _(payload: Card) -> Node:
    return _card(payload)


@render.register(Carousel)
def _(payload: Carousel) -> Node:
    cards = [make("li", _card(card)) for card in payload.items]
    if not cards:
        return make("p", "Nothing to choose from", class_name="unavailable")
    strip = make("ul", *cards, class_name="strip", tabindex="0", aria_label="Cards")
    if len(cards) == 1:
        return make("div", strip, class_name="carousel")
    turns = make(
        "div",
        button("←", "turn", value="-1", aria_label="Previous card"),
        button("→", "turn", value="1", aria_label="Next card"),
        class_name="turns",
    )
    return make("div", strip, turns, class_name="carousel", role="group", aria_label=f"{len(cards)} cards")


def _card(card: Card) -> Element:
    parts: list[Node] = []
    if card.image_url:
        parts.append(_picture(card.image_url, f"of {card.title}"))
    parts.append(make("p", card.title, class_name="title"))
    if card.subtitle:
        parts.append(make("p", card.subtitle))
    if card.actions:
        parts.append(make("div", *map(_action, card.actions), class_name="options"))
    return make("div", *parts, class_name="card", role="group", aria_label=card.title or "Card")


def _action(action: Action) -> Node | str:
    match action.action:
        case "say" | "postback":
            return button(action.label, "action", value=action.value)
        case "url":
            return link_or_text(action.value, action.label)
        case _:
            return make("span", action.label)


# Questions


@render.register(Choice)
def _(payload: Choice) -> Node:
    options = [button(option.label, "option", value=option.value) for option in payload.options]
    box = make("div", *options, class_name="options", role="group", aria_label=payload.text or "Answers")
    return make("div", make("p", payload.text), box, class_name="question")


@render.register(Dropdown)
def _(payload: Dropdown) -> Node:
    choices = [make("option", option.label, value=option.value) for option in payload.options]
    listed = make("select", *choices, aria_label=payload.text or "Answers")
    row = make("div", listed, button("Choose", "choose"), class_name="options")
    return make("div", make("p", payload.text), row, class_name="question")


def question_of(element: Element) -> int:
    """Which question of its message an element is in, counted from 0."""
    asked, article = element.closest(".question"), element.closest("article")
    questions = article.querySelectorAll(".question") if article else ()
    return next(number for number, question in enumerate(questions) if question.isSameNode(asked))


def mark_taken(article: Element, number: int, value: str) -> None:
    """Shows that a question was answered with `value`. It stays readable and can be left by keyboard."""
    question = list(article.querySelectorAll(".question"))[number]
    for option in question.querySelectorAll("button.option"):
        # Not "disabled": that would throw the keyboard's focus off the button that was just pressed.
        option.setAttribute("aria-disabled", "true")
        option.setAttribute("aria-pressed", str(option.value == value).lower())
    for choose in question.querySelectorAll("button.choose"):
        choose.setAttribute("aria-disabled", "true")
        listed = choose.previousElementSibling
        listed.value = value
        if listed.matches(":focus"):
            choose.focus()
        listed.disabled = True


# Several in one


@render.register(Bloc)
def _(payload: Bloc) -> Node:
    items = [render(item) for item in shown(payload)]
    if not items:
        return make("p", "An empty message", class_name="unavailable")
    if len(items) == MAX_ITEMS:
        items.append(make("p", _MORE, class_name="unavailable"))
    return make("div", *items, class_name="bloc")
