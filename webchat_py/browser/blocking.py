"""Waiting without `await`, in a worker: by switching stacks where the browser can, else by requests that block."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import js
from pyodide.ffi import JsException, can_run_sync, run_sync

from ..wire.errors import NetworkError, RequestTimeout, StateError, UploadError
from ..wire.files import Attachment
from ..wire.ports import CallLater, Wake
from ..wire.rest import Request, Response
from .fetch import NO_ANSWER
from .transport import BrowserTransport

T = TypeVar("T")


def can_switch_stacks() -> bool:
    return bool(can_run_sync())


def run_switching(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in Pyodide's own event loop and wait for it. Raises `StateError` where that is not possible."""
    if not can_run_sync():
        coroutine.close()
        raise StateError("Python was called by JavaScript that does not wait for it, so nothing here can wait either")
    result: T = run_sync(coroutine)
    return result


class SyncTransport(BrowserTransport):
    """Requests that block the worker. It has no streams, and nobody can tell it about the page meanwhile."""

    def __init__(self, root: str, call_later: CallLater) -> None:
        super().__init__(root)
        self._call_later = call_later

    @property
    def same_origin(self) -> bool:
        return False  # what hangs on it is which of the streams is taken

    @property
    def call_later(self) -> CallLater:
        return self._call_later

    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]:
        return lambda: None

    async def send(self, request: Request, headers: dict[str, str], timeout: float) -> Response:
        what = f"{request.method} {request.path}"
        try:
            answer = _exchange(request.method, self._root + request.path, headers, request.body, timeout)
        except JsException as error:
            if error.name == "TimeoutError":
                raise RequestTimeout(f"No answer to {what} within {timeout:g} s") from None
            raise NetworkError(f"{what}: {NO_ANSWER}") from error
        return Response(
            status=answer.status,
            text=answer.responseText,
            content_type=answer.getResponseHeader("content-type") or "",
            retry_after=answer.getResponseHeader("retry-after") or "",
        )

    async def put(self, url: str, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> None:
        try:
            answer = _exchange("PUT", url, {"content-type": attachment.content_type}, attachment.body)
        except JsException:
            raise UploadError("The upload broke off: no connection") from None
        if not 200 <= answer.status < 300:
            raise UploadError(f"The file was refused with HTTP {answer.status}", answer.status)
        if on_progress is not None:
            on_progress(attachment.size, attachment.size)


def _exchange(method: str, url: str, headers: dict[str, str], body: Any, timeout: float = 0.0) -> Any:
    """Send a request and wait for the whole answer, for ever where `timeout` (seconds) is 0."""
    request = js.XMLHttpRequest.new()
    request.open(method, url, False)
    request.timeout = int(timeout * 1000 + 0.999)  # rounded up, for 0 is for ever
    for name, value in headers.items():
        request.setRequestHeader(name, value)
    request.send(body)
    return request
