"""Messages, users and conversations as HTML for a notebook. Loaded when a notebook asks for it.

The output of an executed cell is trusted: script in it would run. So everything that came from a bot or a server is
escaped, links and media are checked, Markdown stays the text that it is, and TeX between `$` is left alone (MathJax
makes links of it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape
from typing import Any

from .blocks import DEFAULT_PLACE, plain_text
from .models import Conversation, Message, User
from .payloads import (
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
    Payload,
    Text,
    Unknown,
    Video,
)

# What a browser would read as another scheme, such as one with a tab in it, does not begin like these.
_LINK = re.compile(r"https?://\S+|(?:mailto|tel):\S+", re.IGNORECASE)
_MEDIA = re.compile(r"https?://\S+", re.IGNORECASE)
_PICTURE = re.compile(r"https?://\S+|data:image/(?:png|jpeg|gif|webp|avif|bmp);base64,[a-z0-9+/]+={0,2}", re.IGNORECASE)
_MAP = "https://www.openstreetmap.org/?mlat={0}&mlon={1}#map=16/{0}/{1}"
_INDENTED = 2_000
"""Characters of JSON that are laid out in lines."""
_UNTOUCHED = "tex2jax_ignore mathjax_ignore"
_SMALL = "font-size:85%;opacity:.75"
_BOX = "border:1px solid rgba(128,128,128,.5);border-radius:6px;padding:.4em .6em;margin:.25em 0;max-width:40em"


def message_html(message: Message) -> str:
    """One message; its author is told by id."""
    return _root(_article(message, message.author_id))


def messages_html(messages: Iterable[Message], own_id: str | None) -> str:
    """Messages in the order in which they come; `own_id` is the user's."""
    return _root("".join(_article(message, author(message, own_id)) for message in messages))


def log_html(messages: Iterable[Message], own_id: str | None, notes: Iterable[str]) -> str:
    """A conversation, oldest message first, and what else there is to say of it."""
    articles = "".join(_article(message, author(message, own_id)) for message in messages)
    ends = "".join(f'<div style="{_SMALL}">{_escape(note)}</div>' for note in notes)
    return _root(f'<div role="log" aria-label="Conversation">{articles}</div>{ends}')


def user_html(user: User) -> str:
    """Who somebody is."""
    picture = _picture(user.picture_url, "4em") if user.picture_url else ""
    name = f"<b>{_escape(user.name)}</b> " if user.name else ""
    rows = [("data", user.data), ("attributes", user.attributes)]
    details = "".join(f"<div>{name}: {_data(value)}</div>" for name, value in rows if value)
    return _root(f'<div style="{_BOX}">{picture}{name}<code>{_escape(user.id)}</code>{details}</div>')


def conversation_html(conversation: Conversation) -> str:
    """A conversation of a list, with its last message where the server sends it."""
    last = conversation.last_message
    article = _article(last, last.author_id) if last else ""
    when = _time(conversation.updated_at or conversation.created_at)
    return _root(f'<div style="{_BOX}"><code>{_escape(conversation.id)}</code> {when}{article}</div>')


def author(message: Message, own_id: str | None) -> str:
    """Who wrote a message, as the chat page calls them."""
    return "You" if own_id is not None and message.author_id == own_id else "Bot"


def _root(content: str) -> str:
    return f'<div class="{_UNTOUCHED}" style="text-align:left">{content}</div>'


def _article(message: Message, name: str) -> str:
    status = f" · {_escape(message.status)}" if message.status else ""
    head = f"<b>{_escape(name)}</b> {_time(message.sent_on)}{status}"
    label, title = _escape(name), _escape(message.author_id)
    return (
        f'<article aria-label="{label}" title="{title}" style="margin:.4em 0"><div style="{_SMALL}">{head}</div>'
        f"{_payload(message.payload)}</article>"
    )


def _escape(text: str) -> str:
    # What JSON can hold and no page can: half of a pair of surrogates.
    return escape(text.encode("utf-8", "replace").decode())


def _time(date: Any) -> str:
    if date is None:
        return ""
    try:
        shown = date.astimezone()
    except (OverflowError, ValueError):  # a year that no clock knows
        shown = date
    return f'<time datetime="{_escape(date.isoformat())}">{shown:%Y-%m-%d %H:%M}</time>'


def _payload(payload: Payload) -> str:
    match payload:
        case Text(text) | Markdown(text):
            return _text(text)
        case Image(url):
            return _picture(url, "16em")
        case Audio(url):
            return _player("audio", url)
        case Video(url):
            return _player("video", url)
        case File(url, title):
            return f"<div>📎 {_link(url, title or url)}</div>"
        case Location():
            return _place(payload)
        case Card():
            return _card(payload)
        case Carousel(cards):
            return "".join(map(_card, cards))
        case Choice(text, options) | Dropdown(text, options):
            return f"{_text(text)}<ul>{''.join(f'<li>{_escape(option.label)}</li>' for option in options)}</ul>"
        case Bloc(items):
            return "".join(map(_payload, items))
        case Custom(url, name, data):
            return f"<div>{_link(url, name)} {_data(data)}</div>"
        case Unknown(kind, data):
            return f"<div><i>{_escape(kind or 'unknown')}</i> {_data(data)}</div>"
    return _text(plain_text(payload))


def _text(text: str) -> str:
    return f'<div dir="auto" style="white-space:pre-wrap;overflow-wrap:anywhere">{_escape(text)}</div>'


def _link(url: str, label: str) -> str:
    if not _LINK.fullmatch(url):
        return f"<span>{_escape(label)}</span>"
    return f'<a href="{_escape(url)}" target="_blank" rel="noopener noreferrer">{_escape(label)}</a>'


def _picture(url: str, height: str) -> str:
    if not _PICTURE.fullmatch(url):
        return _text(url)
    style = f"max-height:{height};max-width:100%"
    return f'<div><img src="{_escape(url)}" alt="" loading="lazy" referrerpolicy="no-referrer" style="{style}"></div>'


def _player(kind: str, url: str) -> str:
    if not _MEDIA.fullmatch(url):
        return _text(url)
    return f'<div><{kind} controls preload="none" src="{_escape(url)}" style="max-width:100%"></{kind}></div>'


def _place(place: Location) -> str:
    words = [word for word in (place.title, place.address) if word] or [DEFAULT_PLACE]
    return f"<div>📍 {_link(_MAP.format(place.latitude, place.longitude), ', '.join(words))}</div>"


def _card(card: Card) -> str:
    picture = _picture(card.image_url, "10em") if card.image_url else ""
    subtitle = _text(card.subtitle) if card.subtitle else ""
    actions = "".join(f"<li>{_action(action)}</li>" for action in card.actions)
    return f'<div style="{_BOX}">{picture}<b>{_escape(card.title)}</b>{subtitle}<ul>{actions}</ul></div>'


def _action(action: Action) -> str:
    return _link(action.value, action.label) if action.action == "url" else _escape(action.label)


def _data(data: Any) -> str:
    try:
        text = json.dumps(data, ensure_ascii=False)
        # Indented, what is nested deeply is a hundred times as long.
        if len(text) < _INDENTED:
            text = json.dumps(data, ensure_ascii=False, indent=1)
    except (TypeError, ValueError):  # not from a server: somebody made it by hand
        text = repr(data)
    return f'<pre style="white-space:pre-wrap;display:inline">{_escape(text)}</pre>'
