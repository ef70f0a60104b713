"""Markdown as nodes: marked makes HTML of it, and DOMPurify a fragment of harmless elements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from js import Object, RegExp
from pyodide.ffi import JsException, to_js

from .nodes import link, link_or_text, make, outward

if TYPE_CHECKING:
    from dom import DOMPurify, Element, Marked, Node, WebchatElement

    from .shell import Words

_WEB_ADDRESS = re.compile(r"""(https?://[^\s<>"]*[^\s<>".,;:!?'()\[\]])""")

# fmt: off
_TAGS = [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input",
    "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
]
# fmt: on


def render_text(text: str) -> Node:
    """Plain text, in which web addresses are links."""
    pieces = _WEB_ADDRESS.split(text)
    nodes = [link(piece, piece) if number % 2 else piece for number, piece in enumerate(pieces)]
    return make("div", *nodes, class_name="text")


class Libraries:
    """marked and DOMPurify, set to what a chat needs."""

    def __init__(self, marked: Marked, purify: DOMPurify) -> None:
        self._marked = marked
        self._purify = purify
        self._parse = to_js({"gfm": True, "breaks": True}, dict_converter=Object.fromEntries)
        self._sanitize = to_js(
            {
                "RETURN_DOM_FRAGMENT": True,
                "ALLOWED_TAGS": _TAGS,
                "ALLOWED_ATTR": ["align", "alt", "checked", "href", "src", "start", "type"],
                "ALLOWED_URI_REGEXP": RegExp.new("^(?:https?|mailto|tel):", "i"),
                "ALLOW_ARIA_ATTR": False,
                "ALLOW_DATA_ATTR": False,
            },
            dict_converter=Object.fromEntries,
        )

    def fragment(self, markdown: str) -> Element | None:
        """What the Markdown means, made harmless; `None` where it cannot be parsed, or is no document to DOMPurify,
        such as "<frameset>"."""
        try:
            html = self._marked.parse(markdown, self._parse)
            return self._purify.sanitize(html, self._sanitize) or None
        except JsException:
            return None


async def load_libraries(element: WebchatElement) -> Libraries | None:
    """What the element has loaded; `None` where that failed."""
    try:
        marked, purify = await element.libraries
    except JsException:
        return None
    return Libraries(marked, purify.default)


def render_markdown(markdown: str, libraries: Libraries | None, say: Words) -> Node:
    """What the Markdown means; its source where that is nothing one could see, or is not known."""
    fragment = libraries.fragment(markdown) if libraries else None
    if fragment is None:
        return render_text(markdown)
    for image in fragment.querySelectorAll("img"):
        image.replaceWith(_instead_of_image(image))
    for box in fragment.querySelectorAll("input"):
        box.replaceWith("☑" if box.hasAttribute("checked") else "☐")
    for anchor in fragment.querySelectorAll("a[href]"):
        outward(anchor)
    for table in fragment.querySelectorAll("table"):
        _let_scroll(table, say)
    return make("div", fragment, class_name="markdown") if fragment.textContent.strip() else render_text(markdown)


def _let_scroll(table: Element, say: Words) -> None:
    """A table may be wider than the screen; then it scrolls in a box of its own, by keyboard too."""
    box = make("div", class_name="wide", role="group", aria_label=say("table"), tabindex="0")
    table.replaceWith(box)
    box.append(table)


def _instead_of_image(image: Element) -> Node | str:
    """A link: the page fetches nothing from a place that a bot's text names until the reader asks for it."""
    address = image.getAttribute("src") or ""
    text = image.getAttribute("alt") or address
    return text if image.closest("a") else link_or_text(address, text)
