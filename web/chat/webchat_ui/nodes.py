"""Elements, made without a string of markup: what came from a bot becomes text nodes and checked addresses."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from js import document

if TYPE_CHECKING:
    from dom import Element, Node

# What the browser would read as another scheme, such as one with a tab in it, does not begin like these.
_LINK = re.compile(r"https?://\S+|(?:mailto|tel):\S+", re.IGNORECASE)
_MEDIA = re.compile(r"(?:https?://|blob:)\S+", re.IGNORECASE)
_RASTER = re.compile(r"data:image/(?:png|jpeg|gif|webp|avif|bmp);base64,[a-z0-9+/]+={0,2}", re.IGNORECASE)


def make(tag: str, *children: Node | str, class_name: str = "", **attributes: str) -> Element:
    """A new element. Strings among its children become text nodes. `_` in the name of an attribute stands for `-`."""
    element = document.createElement(tag)
    if class_name:
        element.className = class_name
    for name, value in attributes.items():
        element.setAttribute(name.replace("_", "-"), value)
    element.append(*children)
    return element


def button(label: str | Node, class_name: str, **attributes: str) -> Element:
    return make("button", label, class_name=class_name, type="button", **attributes)


def link(url: str, text: str) -> Element:
    """A link that opens beside the page and tells the other side nothing about it. `url` has been checked."""
    return outward(make("a", text, href=url))


def outward(anchor: Element) -> Element:
    anchor.setAttribute("target", "_blank")
    anchor.setAttribute("rel", "noopener noreferrer")
    return anchor


def link_or_text(url: str, text: str) -> Element | str:
    """A link where the address leads to a web page, a mail or a call, and nothing but words elsewhere."""
    return link(url, text) if _LINK.fullmatch(url) else text


def can_play(url: str) -> bool:
    """Whether a sound or a film may be fetched from there."""
    return _MEDIA.fullmatch(url) is not None


def can_show(url: str) -> bool:
    """Whether a picture may be fetched from there."""
    return can_play(url) or _RASTER.fullmatch(url) is not None
