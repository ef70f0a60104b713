"""`get_client`: from arguments to a client, with everything checked that can be."""

from __future__ import annotations

import re
from typing import Literal

from .client import WebchatClient
from .wire.rest import is_header_value, quote

DEFAULT_API_URL = "https://webchat.botpress.cloud"
_ABSOLUTE_URL = re.compile(r"https?://[^\s/?#@]+(/[^\s?#]*)?")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_MAX_TIMEOUT = 2_147_483
"""Seconds; browsers keep the milliseconds of a timer in 32 bits and fire at once beyond that."""


def get_client(
    client_id: str,
    api_url: str = DEFAULT_API_URL,
    mode: Literal["pushpin"] = "pushpin",
    *,
    event_source: Literal["auto", "native", "fetch"] = "auto",
    headers: dict[str, str] | None = None,
    timeout: float = 60.0,
) -> WebchatClient:
    """Make a client for one bot. Nothing is sent before `connect`.

    Args:
        client_id: names the bot. In the Botpress Workspace: the bot's Webchat tab, Advanced Settings.
        api_url: absolute address of the Webchat API.
        mode: `"pushpin"`, the hosted service's.
        event_source: how events are received. `"native"` is the browser's `EventSource`, which has to put the
            user key into the URL; `"fetch"` sends it as a header; `"auto"` is native where the API is on the
            page's own origin, and fetch elsewhere or where the server refuses native.
        headers: sent with every request to the API, and with the fetch stream. `EventSource` cannot send any.
        timeout: seconds for each request.

    Raises:
        TypeError: an argument has the wrong type.
        ValueError: an argument cannot be used; the message says why.
        RuntimeError: this is no browser.

    Example:
        client = get_client("the client id")
    """
    _check_options(client_id, api_url, mode, event_source, timeout)
    headers = _checked_headers(headers)
    try:
        from .browser.transport import BrowserTransport
    except ModuleNotFoundError as error:
        raise RuntimeError(f"webchat_py runs inside a browser, on Pyodide; there is no {error.name!r} here") from None
    from .pushpin import PushpinBackend

    api_url = api_url.rstrip("/")
    transport = BrowserTransport(f"{api_url}/{quote(client_id)}")
    backend = PushpinBackend(transport, event_source, headers, timeout)
    return WebchatClient(client_id, api_url, mode, backend)


def _check_options(client_id: str, api_url: str, mode: str, event_source: str, timeout: float) -> None:
    for name, value in (("client_id", client_id), ("api_url", api_url)):
        if not isinstance(value, str):
            raise TypeError(f"{name} is a str, not {type(value).__name__}")
    if client_id.strip() in ("", ".", ".."):
        raise ValueError("client_id is empty. Copy it from the bot's Webchat tab, Advanced Settings")
    if not _ABSOLUTE_URL.fullmatch(api_url):
        raise ValueError(f"api_url is an absolute address such as {DEFAULT_API_URL!r}, not {api_url!r}")
    if mode != "pushpin":
        raise ValueError(f"mode is 'pushpin', not {mode!r}")
    if event_source not in ("auto", "native", "fetch"):
        raise ValueError(f"event_source is 'auto', 'native' or 'fetch', not {event_source!r}")
    if not 0 < timeout <= _MAX_TIMEOUT:
        raise ValueError(f"timeout is in seconds, above 0 and at most {_MAX_TIMEOUT}, not {timeout!r}")


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
