"""`get_client`: from arguments to a client, with everything checked that can be."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from .client import WebchatClient
from .wire.calls import is_header_value, quote

if TYPE_CHECKING:
    from .backend import Backend
    from .session import Locks, Storage

EventSourceChoice = Literal["auto", "native", "fetch"]

DEFAULT_API_URL = "https://webchat.botpress.cloud"
_ABSOLUTE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_SERVER_URL = re.compile(r"(https?|wss?)://[^\s/?#@]+/?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_STORAGE = ("get", "set", "remove")
_MAX_TIMEOUT = 2_147_483
"""Seconds; browsers keep the milliseconds of a timer in 32 bits and fire at once beyond that."""


class Parts(NamedTuple):
    """What of a client has to do with the browser. `blocking` has other ones."""

    backend: Callable[[str, str, EventSourceChoice, dict[str, str], float], Backend]
    """Makes one of api_url, client_id, event_source, headers and timeout."""
    storage: Callable[[Any], Storage]
    locks: Locks


def get_client(
    client_id: str,
    api_url: str = DEFAULT_API_URL,
    mode: Literal["pushpin", "messaging"] = "pushpin",
    *,
    event_source: EventSourceChoice = "auto",
    storage: Literal["local", "session", "indexeddb"] | Storage | None = None,
    storage_key: str | None = None,
    on_expired: Literal["new_user", "raise"] = "new_user",
    headers: dict[str, str] | None = None,
    timeout: float = 60.0,
    idle_timeout: float = 45.0,
    retry_for: float = 60.0,
    _parts: Callable[[str], Parts] | None = None,
) -> WebchatClient:
    """Make a client for one bot. Nothing is sent before `connect`.

    Args:
        client_id: names the bot. In the Botpress Workspace: the bot's Webchat tab, Advanced Settings.
        api_url: absolute address of the Webchat API; of the server in mode `"messaging"`, without a path.
        mode: `"pushpin"`, the hosted service's, or `"messaging"`, that of a Botpress Messaging server. Calls that it
            does not know raise `NotSupportedInMode`.
        event_source: how events are received. `"native"` is the browser's `EventSource`, which has to put the
            user key into the URL; `"fetch"` sends it as a header; `"auto"` is native where the API is on the
            page's own origin, and fetch elsewhere or where the server refuses native. Mode `"messaging"` has a
            WebSocket instead.
        storage: where user, conversation and unsent messages are kept over a reload, for `connect` and `start`:
            the browser's `localStorage`, `sessionStorage` or IndexedDB, or an object with async `get(key)`,
            `set(key, value)` and `remove(key)` of strings. What is kept holds the user key.
        storage_key: keeps several chats with the same bot on one origin apart.
        on_expired: what `connect` and `start` do where the server does not know the user any more: go on as a new
            one, after the event `session_expired`, or raise `SessionExpired`; what is stored then stays until
            `disconnect(forget=True)`.
        headers: sent with every request to the API, and with the fetch stream. `EventSource` cannot send any, nor
            can a WebSocket.
        timeout: seconds for each request.
        idle_timeout: seconds after which a silent stream counts as lost. Servers send something every 30 s. In mode
            "messaging" no fewer than the server allows itself, which are 45.
        retry_for: seconds that a message is tried to be sent for.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument cannot be used; the message says why.
        RuntimeError: this is no browser.

    Example:
        client = get_client("the client id")
    """
    _check_options(client_id, api_url, mode)
    _check_choice("event_source", event_source, ("auto", "native", "fetch"))
    _check_choice("on_expired", on_expired, ("new_user", "raise"))
    for name, seconds in (("timeout", timeout), ("idle_timeout", idle_timeout), ("retry_for", retry_for)):
        _check_seconds(name, seconds)
    if not (storage is None or isinstance(storage, str) or all(hasattr(storage, name) for name in _STORAGE)):
        raise TypeError(f"storage is a name, or an object with async get, set and remove, not {type(storage).__name__}")
    if not isinstance(storage_key, str | None):
        raise TypeError(f"storage_key is a str, not {type(storage_key).__name__}")
    headers = _checked_headers(headers)
    if mode == "messaging":
        _check_messaging(api_url, event_source, headers)
    parts = (_parts or _browser_parts)(mode)
    from .session import Session, scope_of

    api_url = api_url.rstrip("/")
    backend = parts.backend(api_url, client_id, event_source, headers, timeout)
    kept_in = parts.storage(storage) if isinstance(storage, str) else storage
    scope = scope_of(api_url, client_id, storage_key)
    return WebchatClient(
        client_id,
        api_url,
        mode,
        backend,
        session=lambda on_error: Session(kept_in, scope, parts.locks, on_error, backend.call_later),
        idle_timeout=idle_timeout,
        retry_for=retry_for,
        random=_random,
        on_expired=on_expired,
    )


def _browser_parts(mode: str) -> Parts:
    try:
        from .browser import locks
        from .browser.storage import storage
    except ModuleNotFoundError as error:
        raise RuntimeError(f"webchat_py runs inside a browser, on Pyodide; there is no {error.name!r} here") from None

    return Parts(_messaging_backend if mode == "messaging" else _pushpin_backend, storage, locks)


def _pushpin_backend(
    api_url: str, client_id: str, event_source: EventSourceChoice, headers: dict[str, str], timeout: float
) -> Backend:
    from .browser.transport import BrowserTransport
    from .pushpin import PushpinBackend

    return PushpinBackend(BrowserTransport(f"{api_url}/{quote(client_id)}"), event_source, headers, timeout)


def _messaging_backend(
    api_url: str, client_id: str, _event_source: EventSourceChoice, _headers: dict[str, str], timeout: float
) -> Backend:
    from .browser.websocket import SocketTransport
    from .messaging import MessagingBackend

    return MessagingBackend(SocketTransport(api_url), client_id, timeout)


def _random() -> float:
    """A number from 0 to 1; the module `random` is slow to import."""
    return int.from_bytes(os.urandom(4)) / 2**32


def _check_options(client_id: str, api_url: str, mode: str) -> None:
    for name, value in (("client_id", client_id), ("api_url", api_url)):
        if not isinstance(value, str):
            raise TypeError(f"{name} is a str, not {type(value).__name__}")
    if client_id.strip() in ("", ".", ".."):
        raise ValueError("client_id is empty. Copy it from the bot's Webchat tab, Advanced Settings")
    _check_choice("mode", mode, ("pushpin", "messaging"))
    if mode == "pushpin" and not _ABSOLUTE_URL.fullmatch(api_url):
        raise ValueError(f"api_url is an absolute address such as {DEFAULT_API_URL!r}, not {api_url!r}")


def _check_messaging(api_url: str, event_source: str, headers: dict[str, str]) -> None:
    if api_url == DEFAULT_API_URL:
        raise ValueError("mode 'messaging' needs the address of your Messaging server as api_url")
    if not _SERVER_URL.fullmatch(api_url):
        raise ValueError(f"api_url is scheme, host and port, such as 'http://localhost:3100', not {api_url!r}")
    if event_source != "auto":
        raise ValueError(f"event_source is for mode 'pushpin'; mode 'messaging' cannot do {event_source!r}")
    if headers:
        raise ValueError("headers cannot be sent in mode 'messaging': browsers send none with a WebSocket")


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} is {', '.join(map(repr, choices[:-1]))} or {choices[-1]!r}, not {value!r}")


def _check_seconds(name: str, value: float) -> None:
    if not 0 < value <= _MAX_TIMEOUT:
        raise ValueError(f"{name} is in seconds, above 0 and at most {_MAX_TIMEOUT}, not {value!r}")


def _checked_headers(headers: dict[str, str] | None) -> dict[str, str]:
    checked = {}
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is no name of a header")
        # The value may be a secret, so it is not shown.
        if not is_header_value(value):
            raise ValueError(f"The value of the header {name!r} is no printable ASCII text")
        checked[name.lower()] = value
    return checked
