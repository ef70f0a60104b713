"""Markdown as nodes: marked makes HTML of it, and DOMPurify a fragment of harmless elements."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyodide.ffi import JsException
from pyscript import js_modules, window
from pyscript.ffi import to_js

from .nodes import link, link_or_text, make, outward

if TYPE_CHECKING:
    from dom import Element, Node

_WEB_ADDRESS = re.compile(r"""(https?://[^\s<>"]*[^\s<>".,;:!?'()\[\]])""")

# fmt: off
_TAGS = [
    "a", "b", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "input",
    "li", "ol", "p", "pre", "s", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "u", "ul",
]
# fmt: on

_SANITIZE = to_js(
    {
        "RETURN_DOM_FRAGMENT": True,
        "ALLOWED_TAGS": _TAGS,
        "ALLOWED_ATTR": ["align", "alt", "checked", "href", "src", "start", "type"],
        "ALLOWED_URI_REGEXP": window.RegExp.new("^(?:https?|mailto|tel):", "i"),
        "ALLOW_ARIA_ATTR": False,
        "ALLOW_DATA_ATTR": False,
    }
)
_PARSE = to_js({"gfm": True, "breaks": True})


def render_text(text: str) -> Node:
    """Plain text, in which web addresses are links."""
    pieces = _WEB_ADDRESS.split(text)
    nodes = [link(piece, piece) if number % 2 else piece for number, piece in enumerate(pieces)]
    return make("div", *nodes, class_name="text")


def render_markdown(markdown: str) -> Node:
    """What the Markdown means; its source where that is nothing one could see, or cannot be parsed."""
    try:
        html = js_modules.marked.parse(markdown, _PARSE)
        fragment = js_modules.dompurify.default.sanitize(html, _SANITIZE)
    except JsException:
        return render_text(markdown)
    if not fragment:  # DOMPurify has found no document in it, for such as "<frameset>"
        return render_text(markdown)
    for image in fragment.querySelectorAll("img"):
        image.replaceWith(_instead_of_image(image))
    for box in fragment.querySelectorAll("input"):
        box.replaceWith("☑" if box.hasAttribute("checked") else "☐")
    for anchor in fragment.querySelectorAll("a[href]"):
        outward(anchor)
    for table in fragment.querySelectorAll("table"):
        _let_scroll(table)
    return make("div", fragment, class_name="markdown") if fragment.textContent.strip() else render_text(markdown)


def _let_scroll(table: Element) -> None:
    """A table may be wider than the screen; then it scrolls in a box of its own, by keyboard too."""
    box = make("div", class_name="wide", role="group", aria_label="Table", tabindex="0")
    table.replaceWith(box)
    box.append(table)


def _instead_of_image(image: Element) -> Node | str:
    """A link: the page fetches nothing from a place that a bot's text names until the reader asks for it."""
    address = image.getAttribute("src") or ""
    text = image.getAttribute("alt") or address
    return text if image.closest("a") else link_or_text(address, text)
