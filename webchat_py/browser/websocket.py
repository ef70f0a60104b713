"""The browser's `WebSocket`, for mode "messaging"."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import js
from pyodide.ffi import JsException

from ..wire.errors import NetworkError
from . import lifecycle
from .events import listen

ABNORMAL = 1006
"""The code of an end that nobody announced."""


class Socket:
    """One connection. Raises `NetworkError` where the browser does not even try.

    Args:
        on_text: called with each text that comes; with `None` for what is no text.
        on_end: called once, with the code of its end. Browsers tell scripts 1006 for all that goes wrong.
    """

    def __init__(self, url: str, on_text: Callable[[str | None], None], on_end: Callable[[int], None]) -> None:
        try:
            self._socket = js.WebSocket.new(url)
        except JsException as error:
            raise NetworkError(f"The browser opens no WebSocket to this server ({error.name})") from None
        self._ends = ExitStack()
        self._ends.callback(listen(self._socket, ("message",), lambda event: on_text(_text_of(event.data))))
        self._ends.callback(listen(self._socket, ("close",), lambda event: self._end(event.code, on_end)))
        # Nothing follows it in Chromium where the page's policy forbids this server
        self._ends.callback(listen(self._socket, ("error",), lambda _event: self._end(ABNORMAL, on_end)))

    def send(self, text: str) -> None:
        """Only while it is open; later it is dropped."""
        self._socket.send(text)

    def close(self) -> None:
        """End it, now or again. Nothing more is told."""
        self._ends.close()
        self._socket.close()

    def _end(self, code: int, on_end: Callable[[int], None]) -> None:
        self._ends.close()
        on_end(code)


class SocketTransport(lifecycle.Page):
    """Opens sockets at one server, `root` (an absolute URL without a path)."""

    def __init__(self, root: str) -> None:
        self._root = root.replace("http", "ws", 1) if root.startswith("http") else root

    def open_socket(self, path: str, on_text: Callable[[str | None], None], on_end: Callable[[int], None]) -> Socket:
        return Socket(self._root + path, on_text, on_end)


def _text_of(data: Any) -> str | None:
    return data if isinstance(data, str) else None
