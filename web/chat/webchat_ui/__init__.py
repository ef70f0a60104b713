"""A chat for web pages: what it knows (state), how that looks (view, payloads), what happens when (controls).

In a page with the element `<webchat-py>` of `chat.js`:

    import webchat_ui
    webchat_ui.start()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from js import Event, document, location

from webchat_py import get_client

from .controls import WAIT_FOR_NETWORK, Chat
from .payloads import Kit
from .shell import Shell
from .view import View

if TYPE_CHECKING:
    from dom import WebchatElement

__all__ = ["Chat", "mount", "start"]


def start() -> list[Chat]:
    """Puts a chat into each `<webchat-py>` of the page, as its attributes say; see `mount`.

    Returns the new chats; elements that have one are left alone. An element whose attributes do not fit says so in its
    place.
    """
    elements = [element for element in document.querySelectorAll("webchat-py") if not element.started]
    chats = [mount(element) for element in elements]
    return [chat for chat in chats if chat is not None]


def mount(element: WebchatElement, **settings: Any) -> Chat | None:
    """Puts a chat into one `<webchat-py>`.

    Args:
        element: its attributes `client-id`, `api-url`, `mode`, `event-source` and `storage-key` are arguments of
            `webchat_py.get_client`. Without `api-url` the chat talks to the page's own origin.
        settings: more arguments of `get_client`, which go before the attributes.

    Raises `ValueError` where there is a chat in it already.

    Returns the chat, or `None` where the settings do not fit; the element says so then.
    """
    if element.started:
        raise ValueError("There is a chat in this element already")
    names = ("client_id", "api_url", "mode", "event_source", "storage_key")
    given = {name: element.getAttribute(name.replace("_", "-")) for name in names}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    defaults = {"client_id": "local", "api_url": location.origin, "storage": "local", "retry_for": WAIT_FOR_NETWORK}
    try:
        return Chat(element, get_client(**{**defaults, **chosen, **settings}))
    except ValueError as error:
        shell = Shell(element)
        View(shell, Kit(shell.say)).connection("offline", error)
        element.dispatchEvent(Event.new("started"))
        return None
