"""Carries requests and event streams through the browser. Tests on CPython put another one in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import JsException

from ..wire.files import Attachment
from ..wire.ports import StreamListener
from ..wire.rest import Request, Response
from . import lifecycle
from .eventsource import listen_fetch, listen_native
from .fetch import send


class BrowserTransport(lifecycle.Page):
    """Requests below one API root, `root` (an absolute URL without a `/` at its end)."""

    def __init__(self, root: str) -> None:
        self._root = root

    @property
    def same_origin(self) -> bool:
        """Whether the API is on the origin of this page (in a worker: of its script)."""
        try:
            return bool(js.URL.new(self._root).origin == js.location.origin)
        except JsException:
            return False

    async def send(self, request: Request, headers: dict[str, str], timeout: float) -> Response:
        return await send(self._root + request.path, request, headers, timeout)

    def attach(self, file: Any, name: str | None) -> Attachment:
        from . import upload  # few pages send files

        return upload.attach(file, name)

    async def put(self, url: str, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> None:
        from . import upload

        await upload.put(url, attachment, on_progress)

    async def listen_fetch(
        self,
        request: Request,
        headers: dict[str, str],
        listener: StreamListener,
    ) -> None:
        await listen_fetch(self._root + request.path, request, headers, listener)

    async def listen_native(self, path: str, listener: StreamListener) -> None:
        await listen_native(self._root + path, listener)
