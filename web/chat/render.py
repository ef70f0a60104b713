"""How things look: from payloads to nodes, and the parts of the page that change.

Everything that came from a bot is untrusted. It becomes text nodes; only Markdown becomes HTML, which
DOMPurify turns into a fragment of harmless elements. No markup is ever written as a string.
"""

from __future__ import annotations

import re
from dataclasses import asdict, is_dataclass
from datetime import datetime
from functools import singledispatch
from itertools import islice
from typing import TYPE_CHECKING

from pyodide.ffi import JsException
from pyscript import document, js_modules, window
from pyscript.ffi import to_js

from webchat_py import Choice, Markdown, Text, Unknown

from .state import DELIVERY_WORDS, Delivery, Entry, fields, is_over, status_words

if TYPE_CHECKING:
    from dom import Element, Node

_WEB_ADDRESS = re.compile(r"""(https?://[^\s<>"]*[^\s<>".,;:!?'()\[\]])""")

# fmt: off
_MARKDOWN_TAGS = [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li",
    "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
]
# fmt: on

_SANITIZE = to_js(
    {
        "RETURN_DOM_FRAGMENT": True,
        "ALLOWED_TAGS": _MARKDOWN_TAGS,
        "ALLOWED_ATTR": ["alt", "href", "src", "start"],
        "ALLOWED_URI_REGEXP": window.RegExp.new("^(?:https?|mailto|tel):", "i"),
        "ALLOW_ARIA_ATTR": False,
        "ALLOW_DATA_ATTR": False,
    }
)
_PARSE = to_js({"gfm": True, "breaks": True})

_MAX_FIELDS = 40
_MAX_ANNOUNCED = 5


def make(tag: str, *children: Node | str, class_name: str = "") -> Element:
    """A new element. Strings among its children become text nodes."""
    element = document.createElement(tag)
    element.className = class_name
    element.append(*children)
    return element


def link(url: str, text: str) -> Element:
    """A link that opens beside the page and tells the other side nothing about it."""
    anchor = make("a", text)
    anchor.setAttribute("href", url)
    return _outward(anchor)


def _outward(anchor: Element) -> Element:
    anchor.setAttribute("target", "_blank")
    anchor.setAttribute("rel", "noopener noreferrer")
    return anchor


@singledispatch
def render(payload: object) -> Node:
    """The node that shows a payload. Register another function here for another type of payload."""
    kind = type(payload).__name__.lower()
    return _fallback(kind, asdict(payload) if is_dataclass(payload) and not isinstance(payload, type) else payload)


@render.register(Unknown)
def _(payload: Unknown) -> Node:
    data = payload.data
    if isinstance(data, dict):
        data = {key: value for key, value in data.items() if key != "type"}
    return _fallback(payload.type, data)


def _fallback(kind: str, data: object) -> Node:
    rows: list[Node] = []
    for name, value in islice(fields(data), _MAX_FIELDS):
        rows += [make("dt", name), make("dd", value)]
    heading = f"A message of the type “{kind}”" if kind else "A message of no known type"
    return make("div", make("p", heading), make("dl", *rows), class_name="unknown")


@render.register(Text)
def _(payload: Text) -> Node:
    return _text(payload.text)


def _text(text: str) -> Node:
    pieces = _WEB_ADDRESS.split(text)
    nodes = [link(piece, piece) if number % 2 else piece for number, piece in enumerate(pieces)]
    return make("div", *nodes, class_name="text")


@render.register(Markdown)
def _(payload: Markdown) -> Node:
    try:
        html = js_modules.marked.parse(payload.markdown, _PARSE)
        fragment = js_modules.dompurify.default.sanitize(html, _SANITIZE)
    except JsException:
        return _text(payload.markdown)
    for image in fragment.querySelectorAll("img"):
        image.replaceWith(_instead_of_image(image))
    for anchor in fragment.querySelectorAll("a[href]"):
        _outward(anchor)
    for table in fragment.querySelectorAll("table"):
        _let_scroll(table)
    return make("div", fragment, class_name="markdown") if fragment.textContent.strip() else _text(payload.markdown)


def _let_scroll(table: Element) -> None:
    """A table may be wider than the screen; then it scrolls in a box of its own, by keyboard too."""
    box = make("div", class_name="wide")
    box.setAttribute("role", "group")
    box.setAttribute("aria-label", "Table")
    box.setAttribute("tabindex", "0")
    table.replaceWith(box)
    box.append(table)


def _instead_of_image(image: Element) -> Node | str:
    """A link: the page fetches nothing from a place that a bot's text names until the reader asks for it."""
    address = image.getAttribute("src") or ""
    text = image.getAttribute("alt") or address
    if image.closest("a") or not address.startswith(("http://", "https://")):
        return text
    return link(address, text)


@render.register(Choice)
def _(payload: Choice) -> Node:
    buttons = []
    for option in payload.options:
        button = make("button", option.label, class_name="option")
        button.setAttribute("type", "button")
        button.setAttribute("value", option.value)
        buttons.append(button)
    options = make("div", *buttons, class_name="options")
    options.setAttribute("role", "group")
    options.setAttribute("aria-label", payload.text)
    return make("div", make("p", payload.text), options, class_name="choice")


class View:
    """The page's changing parts: the log with an article for each entry, status, typing, announcements."""

    def __init__(self) -> None:
        self._log = document.getElementById("log")
        self._connection = document.getElementById("connection")
        self._status = document.getElementById("status")
        self._reconnect = document.getElementById("reconnect")
        self._typing = document.getElementById("typing")
        self._announcer = document.getElementById("announcer")
        self._articles: dict[Entry, Element] = {}
        self._entries: dict[str, Entry] = {}
        self._shown = 0

    def show(self, entry: Entry, before: Entry | None = None) -> None:
        """Shows a new entry, at the end or before another one."""
        template = document.getElementById("own-message" if entry.own else "bot-message")
        article = template.content.firstElementChild.cloneNode(True)
        if before is None:
            self._log.append(article)
        else:
            self._articles[before].before(article)
        self.adopt(entry, article)

    def adopt(self, entry: Entry, article: Element) -> None:
        """Takes an article that is in the log already as the one of this entry."""
        self._shown += 1
        key = str(self._shown)
        article.dataset.entry = key
        self._entries[key] = entry
        self._articles[entry] = article
        article.querySelector(".bubble").replaceChildren(render(entry.payload))
        self.update(entry)

    def update(self, entry: Entry) -> None:
        """Shows what may change of an entry: time, delivery, the option that was taken."""
        article = self._articles[entry]
        if entry.arrived and entry.message is not None and entry.message.sent_on is not None:
            time = article.querySelector("time")
            time.setAttribute("datetime", entry.message.sent_on.isoformat())
            time.textContent = _clock(entry.message.sent_on)
        if entry.delivery is not None:
            article.dataset.delivery = entry.delivery.value
            article.querySelector(".delivery").textContent = f"{DELIVERY_WORDS[entry.delivery]} {entry.problem}"
            article.querySelector(".retry").hidden = entry.delivery is not Delivery.FAILED
        if entry.taken is not None:
            for button in article.querySelectorAll("button.option"):
                # Not "disabled": that would throw the keyboard's focus off the button that was just pressed.
                button.setAttribute("aria-disabled", "true")
                button.setAttribute("aria-pressed", str(button.value == entry.taken).lower())

    def remove(self, entry: Entry) -> None:
        article = self._articles.pop(entry)
        del self._entries[article.dataset.entry]
        article.remove()

    def entry_of(self, element: Element) -> Entry | None:
        """The entry whose article `element` is in."""
        article = element.closest("article")
        return self._entries.get(article.dataset.entry) if article else None

    def queued(self) -> list[Element]:
        """The articles that the reader made before Python was there."""
        return list(self._log.querySelectorAll("article[data-delivery='queued']"))

    def read_aloud(self, entry: Entry) -> None:
        bubble = self._articles[entry].querySelector(".bubble")
        self.announce(f"{'You' if entry.own else 'Bot'}: {bubble.innerText}")

    def announce(self, text: str) -> None:
        """Has a screen reader say this when it is next silent. What is said already makes room."""
        self._announcer.append(make("p", text))
        while self._announcer.childElementCount > _MAX_ANNOUNCED:
            self._announcer.firstElementChild.remove()

    def notice(self, text: str) -> None:
        """Says something of the page's own between the messages."""
        self._log.append(make("p", text, class_name="notice"))
        self.announce(text)

    def connection(self, state: str, cause: Exception | None = None) -> None:
        word, hint = status_words(state, cause)
        self._connection.dataset.state = state
        self._status.replaceChildren(make("strong", word), f" {hint}")
        self._reconnect.hidden = state in ("connecting", "connected") or is_over(cause)

    def typing(self, is_typing: bool) -> None:
        self._typing.hidden = not is_typing

    def scroll_to_end(self) -> None:
        self._log.scrollTop = self._log.scrollHeight


def _clock(moment: datetime) -> str:
    """The reader's local time, with the day where that is not today."""
    try:
        local = moment.astimezone()
    except (OverflowError, ValueError):
        return ""
    return f"{local:%H:%M}" if local.date() == datetime.now().astimezone().date() else f"{local:%d %b %Y, %H:%M}"
