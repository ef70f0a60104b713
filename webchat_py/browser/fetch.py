"""HTTP requests through `pyodide.http.pyfetch`, ended by an `AbortController`."""

from __future__ import annotations

from types import TracebackType
from typing import Any

import js
from pyodide.ffi import JsException
from pyodide.http import FetchResponse, pyfetch

from ..wire.errors import NetworkError, RequestTimeout
from ..wire.rest import Request, Response

NO_ANSWER = (
    "No answer from the server: it is not reachable, or it does not allow this page's origin (CORS). "
    "Browsers do not tell scripts which."
)


def _give_errors_a_stack() -> None:
    """WebKit: what it throws of its own accord, such as the `TypeError` of a failed fetch, has no `stack`, and Pyodide
    (up to 314 at least) takes for an error only what has one: who awaits such a promise would wait for ever."""
    if not hasattr(js.AbortSignal.abort().reason, "stack"):
        descriptor = js.Object.new()
        descriptor.value, descriptor.writable, descriptor.configurable = "", True, True
        js.Object.defineProperty(js.Error.prototype, "stack", descriptor)


_give_errors_a_stack()


class Deadline:
    """An `AbortController` that aborts when the block is left, or after `seconds` in it (`None`: no limit)."""

    def __init__(self, seconds: float | None = None) -> None:
        self._controller = js.AbortController.new()
        self._timer: int | None = None
        if seconds is not None:
            # A browser function as the callback, since it needs no proxy; a timer of the event loop would run
            # to its end even when it is not needed any more.
            abort = self._controller.abort.bind(self._controller)
            self._timer = js.setTimeout(abort, int(seconds * 1000))

    @property
    def signal(self) -> Any:
        return self._controller.signal

    @property
    def passed(self) -> bool:
        return bool(self._controller.signal.aborted)

    def __enter__(self) -> Deadline:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            js.clearTimeout(self._timer)
        self._controller.abort()


async def fetch(url: str, request: Request, headers: dict[str, str], deadline: Deadline) -> FetchResponse:
    """Start a request and wait for the answer's head. Raises `OSError` or `JsException` if there is none."""
    options: dict[str, Any] = {"method": request.method, "headers": headers, "cache": "no-store"}
    if request.body is not None:
        options["body"] = request.body
    return await pyfetch(url, signal=deadline.signal, **options)


async def read(response: FetchResponse) -> Response:
    """Read an answer to its end. Raises `JsException` if it breaks off."""
    headers = response.headers
    return Response(
        status=response.status,
        # Not the method of Pyodide's own: where a body breaks off it takes for granted that the signal was aborted,
        # and fails with an AttributeError for want of a reason (seen in Pyodide 314).
        text=await response.js_response.text(),
        content_type=headers.get("content-type", ""),
        retry_after=headers.get("retry-after", ""),
    )


async def send(url: str, request: Request, headers: dict[str, str], timeout: float) -> Response:
    """Send a request and read the whole answer.

    Args:
        timeout: seconds for all of it.

    Raises:
        RequestTimeout: it took longer.
        NetworkError: there was no answer, or it broke off.
    """
    with Deadline(timeout) as deadline:
        try:
            return await read(await fetch(url, request, headers, deadline))
        except (OSError, JsException) as error:
            # pyfetch raises AbortError, an OSError, for every failure of the network; only the signal tells.
            if deadline.passed:
                raise RequestTimeout(f"No answer to {request.method} {request.path} within {timeout:g} s") from None
            raise NetworkError(f"{request.method} {request.path}: {NO_ANSWER}") from error
