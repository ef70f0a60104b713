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
from dataclasses import asdict, dataclass, is_dataclass
from functools import singledispatch
from itertools import islice
from typing import TYPE_CHECKING

from js import decodeURIComponent
from pyodide.ffi import JsException

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

from .markdown import Libraries, render_markdown, render_text
from .nodes import button, can_play, can_show, link, link_or_text, make
from .state import MAX_ITEMS, fields, shown

if TYPE_CHECKING:
    from dom import Element, Node

    from .shell import Words

_MAX_FIELDS = 40
_MAP = "https://www.openstreetmap.org/?mlat={latitude}&mlon={longitude}#map=16/{latitude}/{longitude}"
_ENDING = re.compile(r"[?#].*", re.DOTALL)


@dataclass(slots=True)
class Kit:
    """What it takes to show a payload. `libraries` is `None` until it is loaded."""

    say: Words
    libraries: Libraries | None = None


@singledispatch
def render(payload: object, kit: Kit) -> Node:
    """The node that shows a payload. Register another function here for another type of payload."""
    return named_data(
        kit.say("ofType", type=type(payload).__name__.lower()),
        asdict(payload) if is_dataclass(payload) and not isinstance(payload, type) else payload,
        kit.say,
    )


@render.register(Unknown)
def _(payload: Unknown, kit: Kit) -> Node:
    data = payload.data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "type"}
    heading = kit.say("ofType", type=payload.type) if payload.type else kit.say("ofNoType")
    return named_data(heading, data, kit.say)


@render.register(Custom)
def _(payload: Custom, kit: Kit) -> Node:
    return named_data(payload.name or kit.say("ofOwnKind"), payload.data, kit.say)


def named_data(heading: str, data: object, say: Words) -> Node:
    """Decoded JSON as a list of names and values, cut off after many."""
    rows: list[Node] = []
    rest = fields(data)
    for name, value in islice(rest, _MAX_FIELDS):
        rows += [make("dt", name or say("value")), make("dd", value)]
    parts = [make("p", heading), *([make("dl", *rows)] if rows else [])]
    if next(rest, None) is not None:
        parts.append(make("p", say("more")))
    return make("div", *parts, class_name="data")


# Words


@render.register(Text)
def _(payload: Text, kit: Kit) -> Node:
    return render_text(payload.text)


@render.register(Markdown)
def _(payload: Markdown, kit: Kit) -> Node:
    return render_markdown(payload.markdown, kit.libraries, kit.say)


# Pictures, sounds, films, files, places


@render.register(Image)
def _(payload: Image, kit: Kit) -> Node:
    name = file_name(payload.image_url)
    return _picture(payload.image_url, kit.say("pictureNamed", name=name) if name else kit.say("pictureOfBot"), kit.say)


@render.register(Audio)
def _(payload: Audio, kit: Kit) -> Node:
    return _player("audio", payload.audio_url, kit.say)


@render.register(Video)
def _(payload: Video, kit: Kit) -> Node:
    return _player("video", payload.video_url, kit.say)


@render.register(File)
def _(payload: File, kit: Kit) -> Node:
    name = payload.title or file_name(payload.file_url) or payload.file_url or kit.say("fileUnnamed")
    return make("p", make("span", "↓ ", aria_hidden="true"), link_or_text(payload.file_url, name), class_name="file")


@render.register(Location)
def _(payload: Location, kit: Kit) -> Node:
    place = f"{payload.latitude}, {payload.longitude}"
    lines = [text for text in (payload.title, payload.address, place) if text]
    parts: list[Node] = [make("p", line) for line in lines]
    if abs(payload.latitude) <= 90 and abs(payload.longitude) <= 180:
        url = _MAP.format(latitude=f"{payload.latitude:.6f}", longitude=f"{payload.longitude:.6f}")
        parts.append(make("p", link(url, kit.say("map"))))
    return make("div", *parts, class_name="location")


def _picture(url: str, name: str, say: Words) -> Element:
    if not can_show(url):
        return unavailable("img", url, say)
    image = make("img", src=url, alt=name, loading="lazy", decoding="async", referrerpolicy="no-referrer")
    return button(image, "picture", aria_haspopup="dialog")


def _player(tag: str, url: str, say: Words) -> Element:
    if not can_play(url):
        return unavailable(tag, url, say)
    kind, name = {"audio": "sound", "video": "video"}[tag], file_name(url)
    label = say(f"{kind}Named", name=name) if name else say(kind)
    return make(tag, src=url, aria_label=label, controls="", preload="metadata", playsinline="")


UNAVAILABLE = {"img": "cannotShowPicture", "audio": "cannotShowSound", "video": "cannotShowVideo"}
"""What is said in place of an element that cannot show what it is for."""


def unavailable(tag: str, url: str, say: Words) -> Element:
    """Words in place of what cannot be shown, with its address if that can be visited."""
    words: list[Node | str] = [say(UNAVAILABLE[tag])]
    if url and not url.startswith("data:"):
        words += [": ", link_or_text(url, file_name(url) or url)]
    return make("p", *words, class_name="unavailable")


def file_name(url: str) -> str:
    """The last part of an address's path, for the eye; empty where there is none."""
    if not re.match(r"https?://", url, re.IGNORECASE):
        return ""
    name = _ENDING.sub("", url).split("/")[3:][-1:]
    try:
        return str(decodeURIComponent(name[0])) if name else ""
    except JsException:  # a broken escape
        return name[0]


# Cards


@render.register(Card)
def _(payload: Card, kit: Kit) -> Node:
    return _card(payload, kit.say)


@render.register(Carousel)
def _(payload: Carousel, kit: Kit) -> Node:
    say = kit.say
    cards = [make("li", _card(card, say)) for card in payload.items]
    if not cards:
        return make("p", say("nothingToChoose"), class_name="unavailable")
    strip = make("ul", *cards, class_name="strip", tabindex="0", aria_label=say("cards"))
    if len(cards) == 1:
        return make("div", strip, class_name="carousel", dir=say.direction)
    turns = make(
        "div",
        button("←", "turn", value="-1", aria_label=say("previousCard")),
        button("→", "turn", value="1", aria_label=say("nextCard")),
        class_name="turns",
    )
    label = say("cardCount", count=len(cards))
    return make("div", strip, turns, class_name="carousel", dir=say.direction, role="group", aria_label=label)


def _card(card: Card, say: Words) -> Element:
    parts: list[Node] = []
    if card.image_url:
        parts.append(_picture(card.image_url, say("pictureOf", title=card.title), say))
    parts.append(make("p", card.title, class_name="title"))
    if card.subtitle:
        parts.append(make("p", card.subtitle))
    if card.actions:
        parts.append(make("div", *map(_action, card.actions), class_name="options"))
    return make("div", *parts, class_name="card", role="group", aria_label=card.title or say("card"))


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
def _(payload: Choice, kit: Kit) -> Node:
    options = [button(option.label, "option", value=option.value) for option in payload.options]
    box = make("div", *options, class_name="options", role="group", aria_label=payload.text or kit.say("answers"))
    return make("div", make("p", payload.text), box, class_name="question")


@render.register(Dropdown)
def _(payload: Dropdown, kit: Kit) -> Node:
    choices = [make("option", option.label, value=option.value) for option in payload.options]
    listed = make("select", *choices, aria_label=payload.text or kit.say("answers"))
    row = make("div", listed, button(kit.say("choose"), "choose"), class_name="options")
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
def _(payload: Bloc, kit: Kit) -> Node:
    items = [render(item, kit) for item in shown(payload)]
    if not items:
        return make("p", kit.say("empty"), class_name="unavailable")
    if len(items) == MAX_ITEMS:
        items.append(make("p", kit.say("more"), class_name="unavailable"))
    return make("div", *items, class_name="bloc")
