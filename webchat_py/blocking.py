"""The client without `await`, for code in a worker that may block.

    from webchat_py.blocking import get_client

    client = get_client("the client id")
    client.connect()
    for answer in client.ask("hi"):
        print(answer.text)

Where the browser can switch stacks (`pyodide.ffi.can_run_sync()`) the client of `webchat_py.get_client` runs behind it,
as everywhere, and goes on between the calls. Elsewhere the same client runs in an event loop of its own, only while a
call waits: its requests block the worker, and in place of the event stream it looks into the history. What is in no
history (typing, custom events and the like) is not heard there, there is no mode `"messaging"`, and `storage` is an
object of one's own or `None`.
"""

from __future__ import annotations

import asyncio
import time

# For loops that are not asyncio's own ("Extending asyncio" in Python's documentation).
from asyncio.events import _get_running_loop, _set_running_loop
from asyncio.tasks import _enter_task, _leave_task
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, nullcontext
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from . import factory
from .channel import Sink
from .client import WebchatClient
from .history import newest_first
from .pushpin import PushpinBackend
from .waiting import MessageIterator
from .wire.calls import quote
from .wire.errors import StateError
from .wire.ledger import Ledger
from .wire.models import Message
from .wire.signals import MessageCreated

if TYPE_CHECKING:
    from .backend import Backend
    from .registrar import BlockingWaiter
    from .widget import Widget

P = ParamSpec("P")
T = TypeVar("T")
C = TypeVar("C")
Run = Callable[[Coroutine[Any, Any, Any]], Any]

_NO_SWITCHING = "needs a browser that can switch stacks (pyodide.ffi.can_run_sync()), which this one cannot"
LOOK_EVERY = 0.4
"""Seconds between two looks into the history; below the `silence` of `ask`."""


def _taking_what(_source: Callable[P, WebchatClient]) -> Callable[[Callable[..., C]], Callable[P, C]]:
    return lambda function: function


@_taking_what(factory.get_client)
def get_client(*args: Any, **options: Any) -> BlockingClient:
    """Make a client as `webchat_py.get_client` does, with the same arguments, whose methods return without `await`.

    Raises:
        RuntimeError: this is the page's main thread, or no browser.
        TypeError, ValueError: as there; also for what needs a browser that can switch stacks where it cannot: a
            `storage` by name, and mode `"messaging"`.

    Example:
        client = get_client("the client id")
    """
    _require_worker("Use webchat_py.get_client and await its methods")
    from .browser import blocking

    if blocking.can_switch_stacks():
        return BlockingClient(factory.get_client(*args, **options), blocking.run_switching)
    loop = _Loop()
    return BlockingClient(factory.get_client(*args, **options, _parts=loop.parts), loop.run)


def enable_sync_http() -> None:
    """Make `urllib` work in this worker, by pyodide-http, as `requests` does by itself.

    `requests` is left alone: since urllib3 2.2 it knows the browser, and pyodide-http would take its errors from it.
    Limits of `urllib` by pyodide-http: answers without a `Content-Length` fail with `IncompleteRead`; a status such as
    404 is no `HTTPError` but the answer's `status`; `timeout` is ignored; a server that is not there is a `JsException`
    and no `URLError`. What a browser does not let scripts do (other origins without CORS, cookies, headers such as
    `Host`) does not work either.

    Raises:
        RuntimeError: pyodide-http is not installed; or this is the page's main thread, or no browser.

    Example:
        enable_sync_http()
        page = urllib.request.urlopen("https://example.org/data.json").read()
    """
    _require_worker("Use pyodide.http.pyfetch")
    try:
        import pyodide_http
    except ModuleNotFoundError:
        raise RuntimeError(
            "enable_sync_http() needs pyodide-http: await micropip.install('pyodide-http') first"
        ) from None
    pyodide_http.patch_urllib()


def _require_worker(instead: str) -> None:
    try:
        from .browser import lifecycle
    except ModuleNotFoundError as error:
        raise RuntimeError(f"webchat_py runs inside a browser, on Pyodide; there is no {error.name!r} here") from None
    if not lifecycle.in_worker():
        raise RuntimeError(
            f"webchat_py.blocking would freeze the page: this is its main thread. {instead}, or run your code in a "
            'worker (<script type="py" worker>)'
        )


def _waiting(
    method: Callable[Concatenate[WebchatClient, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[BlockingClient, P], T]:
    """The method of `BlockingClient` that waits for what one of `WebchatClient` returns."""

    @wraps(method)
    def call(self: BlockingClient, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result: T = self._run(method(self._client, *args, **kwargs))
        return result

    return call


class BlockingClient:
    """`WebchatClient` with the same names, each of which waits for its result. See there for what they do.

    Handlers are called while a call waits, and where stacks are switched between calls as well. Where they cannot be, a
    call that is one request (`get_user`, `send_message`, ...) blocks until its answer and tells nothing meanwhile; what
    came is told by those that wait for messages (`ask`, `messages`, `wait_for`). There, calls of the client that wait
    are a `StateError` in a handler, and the widget shows what had come by the last of them.
    """

    def __init__(self, client: WebchatClient, run: Run) -> None:
        self._client = client
        self._run = run
        self.client_id = client.client_id
        self.api_url = client.api_url
        self.mode = client.mode
        self.on = client.on
        self.once = client.once
        self.off = client.off

    def __repr__(self) -> str:
        return repr(self._client).replace("WebchatClient", "BlockingClient", 1)

    def __enter__(self) -> BlockingClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.disconnect()

    @property
    def user_id(self) -> str | None:
        """The id of the user, `None` before `connect` and after `disconnect`."""
        return self._client.user_id

    @property
    def conversation_id(self) -> str | None:
        """The id of the current conversation, `None` where there is none."""
        return self._client.conversation_id

    connect = _waiting(WebchatClient.connect)
    start = _waiting(WebchatClient.start)
    disconnect = _waiting(WebchatClient.disconnect)
    get_user = _waiting(WebchatClient.get_user)
    update_user = _waiting(WebchatClient.update_user)
    delete_user = _waiting(WebchatClient.delete_user)
    send_message = _waiting(WebchatClient.send_message)
    resend = _waiting(WebchatClient.resend)
    send_file = _waiting(WebchatClient.send_file)
    send_event = _waiting(WebchatClient.send_event)
    ask = _waiting(WebchatClient.ask)
    add_feedback = _waiting(WebchatClient.add_feedback)
    remove_feedback = _waiting(WebchatClient.remove_feedback)
    list_messages = _waiting(WebchatClient.list_messages)
    get_message = _waiting(WebchatClient.get_message)
    update_message = _waiting(WebchatClient.update_message)
    delete_message = _waiting(WebchatClient.delete_message)
    get_event = _waiting(WebchatClient.get_event)
    new_conversation = _waiting(WebchatClient.new_conversation)
    switch_conversation = _waiting(WebchatClient.switch_conversation)
    conversation_exists = _waiting(WebchatClient.conversation_exists)
    list_conversations = _waiting(WebchatClient.list_conversations)
    delete_conversation = _waiting(WebchatClient.delete_conversation)
    list_participants = _waiting(WebchatClient.list_participants)
    get_participant = _waiting(WebchatClient.get_participant)
    add_participant = _waiting(WebchatClient.add_participant)
    remove_participant = _waiting(WebchatClient.remove_participant)

    if TYPE_CHECKING:
        wait_for: BlockingWaiter
    else:

        def wait_for(self, event, timeout=None):
            """The next value of an event, of those that come from the call on.

            What came before, also while another call waited, is over: for the answer to a question there is `ask`, and
            `messages` remembers what comes from its call on.

            Args:
                timeout: seconds; `None` waits for ever.

            Raises:
                ValueError: there is no such event.
                RequestTimeout: it did not come in time.

            Example:
                print(client.wait_for("message", timeout=60).text)
            """
            return self._run(_awaited(lambda: self._client.wait_for(event, timeout)))

    def widget(self) -> Widget:
        """The conversation as something that a notebook shows, see `WebchatClient.widget`.

        Example:
            client.widget()
        """
        widget: Widget = self._run(_awaited(self._client.widget))
        return widget

    def messages(self, timeout: float | None = None) -> Iterator[Message]:
        """Iterate over the messages that arrive from now on, until `disconnect`.

        Args:
            timeout: seconds without a message after which it ends, too.

        Raises:
            StateError: the client is not connected, so none would ever come.

        Example:
            for message in client.messages(timeout=10):
                print(message.text)
        """
        if self.user_id is None:
            raise StateError("The client is not connected. Call connect() first")
        return self._each(self._client.messages(), timeout)

    def history(self) -> Iterator[Message]:
        """Iterate over the current conversation's messages, newest first. Pages are fetched as they are needed.

        Example:
            for message in client.history():
                print(message.sent_on, message.text)
        """
        return self._each(self._client.history(), None)

    def _each(self, source: MessageIterator | AsyncGenerator[Message], timeout: float | None) -> Iterator[Message]:
        try:
            while (message := self._run(_next(source, timeout))) is not None:
                yield message
        finally:
            self._run(source.aclose())


async def _awaited(call: Callable[[], Any]) -> Any:
    """What a call returns that has to be made in the loop, awaited where it wants to be."""
    result = call()
    return await result if hasattr(result, "__await__") else result


async def _next(source: MessageIterator | AsyncGenerator[Message], timeout: float | None) -> Message | None:
    """The next message; `None` where none comes any more, or not in time."""
    try:
        async with asyncio.timeout(timeout):
            return await anext(source)
    except (StopAsyncIteration, TimeoutError):
        return None


class _HistoryBackend(PushpinBackend):
    """In place of the stream it looks for what is new in the history."""

    begins = False

    async def listen(self, conversation_id: str, sink: Sink) -> None:
        ledger = Ledger()
        async with aclosing(newest_first(lambda token: self.list_messages(conversation_id, token))) as history:
            ledger.begin(*await anext(history))
        sink.on_open()
        while True:
            await asyncio.sleep(LOOK_EVERY)
            for message in await self._news(conversation_id, ledger):
                ledger.add(message)
                sink.on_signal(MessageCreated(message))
            sink.on_bytes()

    async def _news(self, conversation_id: str, ledger: Ledger) -> list[Message]:
        """What the ledger does not know yet, oldest first."""
        news: list[Message] = []
        async with aclosing(newest_first(lambda token: self.list_messages(conversation_id, token))) as history:
            async for stretch in history:
                unknown, older = ledger.unknown(stretch.messages)
                news += unknown
                if not older or len(unknown) < len(stretch.messages):
                    break
        return news[::-1]


class _NoLocks:
    """Locks that are always had: Web Locks cannot be waited for, and nothing of the browser's is stored."""

    def locked(self, name: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def try_lock(self, name: str) -> Callable[[], None] | None:
        return lambda: None


def _no_storage(choice: str) -> Any:
    raise ValueError(f"storage={choice!r} {_NO_SWITCHING}. Use an object of yours with async get, set and remove")


class _Sleeper:
    """What an event loop waits by that has no files to watch."""

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise StateError("What this waits for can never come")
        time.sleep(timeout)
        return []


class _Loop(asyncio.BaseEventLoop):
    """An event loop that runs inside of Pyodide's, and only until one coroutine is done.

    Its clock stands still in between, so that nothing counts as late because nobody called.
    """

    def __init__(self) -> None:
        super().__init__()
        self._selector = _Sleeper()
        self._stopped_at = time.monotonic()
        self._idle = 0.0

    def parts(self, mode: str) -> factory.Parts:
        """What a client is made of that runs in this loop."""
        if mode == "messaging":
            raise ValueError(f"mode='messaging' {_NO_SWITCHING}")
        return factory.Parts(self._backend, _no_storage, _NoLocks())

    def _backend(
        self, api_url: str, client_id: str, event_source: Any, headers: dict[str, str], timeout: float
    ) -> Backend:
        from .browser.blocking import SyncTransport

        transport = SyncTransport(f"{api_url}/{quote(client_id)}", self.soon)
        return _HistoryBackend(transport, event_source, headers, timeout)

    def __del__(self) -> None:
        self.close()

    def time(self) -> float:
        return (time.monotonic() if self.is_running() else self._stopped_at) - self._idle

    def soon(self, seconds: float, callback: Callable[[], None]) -> Callable[[], None]:
        """`CallLater` for those who wait in this loop."""
        return self.call_later(seconds, callback).cancel

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end. Nothing else happens in the worker meanwhile."""
        if self.is_running():
            coroutine.close()
            raise StateError("A handler cannot wait here, where the browser cannot switch stacks")
        outer = _get_running_loop()
        task = None if outer is None else asyncio.current_task(outer)
        if outer is not None and task is not None:
            _leave_task(outer, task)
        _set_running_loop(None)
        self._idle += time.monotonic() - self._stopped_at
        try:
            return self.run_until_complete(coroutine)
        finally:
            self._stopped_at = time.monotonic()
            _set_running_loop(outer)
            if outer is not None and task is not None:
                _enter_task(outer, task)

    def _process_events(self, _events: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody else could wake it: there is one thread."""
