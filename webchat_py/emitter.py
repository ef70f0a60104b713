"""Handlers of events: who wants to know what, and telling them without ever waiting for them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final, cast

if TYPE_CHECKING:
    from .registrar import Registrar

log = logging.getLogger("webchat_py")

EVENTS: Final = (
    "conversation",
    "message",
    "message_sent",
    "own_message",
    "message_updated",
    "message_status",
    "is_typing",
    "participant_added",
    "participant_removed",
    "webchat_visibility",
    "webchat_config",
    "custom_event",
    "connection",
    "session_expired",
    "error",
    "*",
)
"""The names that `on` knows. `*` gets every event, with its name first, and what has no name of its own."""

_Handler = Callable[..., object]


class _Subscription:
    """One handler of one event. While a coroutine of it runs, further values wait in order."""

    __slots__ = ("_emitter", "_event", "_handler", "_once", "_running", "_waiting", "active")

    def __init__(self, emitter: Emitter, event: str, handler: _Handler, once: bool) -> None:
        self._emitter = emitter
        self._event = event
        self._handler = handler
        self._once = once
        self._waiting: deque[tuple[Any, ...]] = deque()
        self._running: asyncio.Task[None] | None = None
        self.active = True

    def deliver(self, args: tuple[Any, ...]) -> None:
        if not self.active:
            return
        if self._once:
            self._emitter.off(self._event, self._handler)
        if self._running is not None:
            self._waiting.append(args)
            return
        coroutine = self._call(args)
        if coroutine is not None:
            self._running = asyncio.ensure_future(self._drain(coroutine))

    def cancel(self) -> None:
        """No further values; a coroutine that runs already may finish."""
        self.active = False
        self._waiting.clear()

    def _call(self, args: tuple[Any, ...]) -> Awaitable[object] | None:
        try:
            result = self._handler(*args)
        # A handler may raise anything, and nobody else may suffer. CancelledError is what a cancelled future of the
        # user's own raises; it must not end the stream's task.
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
            self._emitter.report(self._event, error)
            return None
        return cast("Awaitable[object]", result) if hasattr(result, "__await__") else None

    async def _drain(self, coroutine: Awaitable[object] | None) -> None:
        try:
            while True:
                if coroutine is not None:
                    try:
                        await coroutine
                    except (Exception, asyncio.CancelledError) as error:  # as in _call
                        if _is_cancelled():
                            raise
                        self._emitter.report(self._event, error)
                if not self._waiting:
                    return
                coroutine = self._call(self._waiting.popleft())
        finally:
            self._running = None


class Emitter:
    """Registers handlers and dispatches events to them.

    A plain function is called at once; a coroutine function has a queue of its own and gets one value after the
    other. An exception of a handler becomes an `error` event and a log record; the stream and other handlers do
    not notice. The same handler counts once for an event. Adding and removing handlers inside a handler is safe:
    one that was added gets the next event, one that was removed gets none.
    """

    def __init__(self) -> None:
        self._subscriptions: dict[str, dict[_Handler, _Subscription]] = {}
        self._taps: dict[str, list[Callable[[Any], None]]] = {}

    if TYPE_CHECKING:
        on: Registrar
        once: Registrar
    else:

        def on(self, event, handler=None):
            """Call `handler` with the value of every `event` from now on.

            Args:
                event: one of `EVENTS`. `"*"` gets two arguments: the name of the event and its value.
                handler: a function or a coroutine function.

            Returns:
                A function that removes the handler. Without `handler`: a decorator.

                    @client.on("message")
                    async def show(message): ...

            Raises:
                ValueError: there is no such event.
                TypeError: the handler cannot be called.
            """
            return self._register(event, handler, once=False)

        def once(self, event, handler=None):
            """Like `on`, for the next `event` only."""
            return self._register(event, handler, once=True)

    def off(self, event: str, handler: _Handler) -> None:
        """Remove a handler. One that is not registered is no error."""
        _check_event(event)
        subscription = self._subscriptions.get(event, {}).pop(handler, None)
        if subscription is not None:
            subscription.cancel()

    def tap(self, event: str, take: Callable[[Any], None]) -> Callable[[], None]:
        """Hand the values of `event` to `take` before any handler gets them; for what waits, not for users.

        Returns a function that ends this. `take` must not raise.
        """
        _check_event(event)
        taps = self._taps.setdefault(event, [])
        taps.append(take)

        def remove() -> None:
            if take in taps:
                taps.remove(take)

        return remove

    def emit(self, event: str, value: object) -> None:
        """Hand `value` to the handlers of `event`, then `event` and `value` to those of `*`."""
        for take in tuple(self._taps.get(event, ())):
            take(value)
        # A snapshot, since a handler may add or remove handlers.
        for subscription in tuple(self._subscriptions.get(event, {}).values()):
            subscription.deliver((value,))
        self._emit_any(event, value)

    def emit_unnamed(self, name: str, value: object) -> None:
        """Hand `name` and `value` to the handlers of `*` only.

        The name may be anything, for a server chose it. One that is an event's gets "signal:" before it, so that
        nobody takes the value for that event's.
        """
        self._emit_any(f"signal:{name}" if name in EVENTS else name, value)

    def _emit_any(self, name: str, value: object) -> None:
        for take in tuple(self._taps.get("*", ())):
            take((name, value))
        for subscription in tuple(self._subscriptions.get("*", {}).values()):
            subscription.deliver((name, value))

    def report(self, event: str, error: BaseException) -> None:
        """A handler of `event` raised. The `error` event tells it, unless it was told to one that raises."""
        log.error("a handler of %r raised", event, exc_info=error)
        if event in ("error", "*"):
            return
        if not isinstance(error, Exception):
            error = RuntimeError(f"A handler of {event!r} waited for something that was cancelled")
        self.emit("error", error)

    def _register(self, event: str, handler: _Handler | None, *, once: bool) -> object:
        _check_event(event)
        if handler is None:

            def decorate(function: _Handler) -> _Handler:
                self._register(event, function, once=once)
                return function

            return decorate
        if not callable(handler):
            raise TypeError(f"A handler is a function or a coroutine function, not {type(handler).__name__}")
        registered = self._subscriptions.setdefault(event, {})
        if handler not in registered:
            registered[handler] = _Subscription(self, event, handler, once)
        return lambda: self.off(event, handler)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _check_event(event: str) -> None:
    if event in EVENTS:
        return
    from difflib import get_close_matches  # only needed for this message

    similar = get_close_matches(str(event).replace(" ", "_"), EVENTS, n=1)
    hint = f"Did you mean {similar[0]!r}?" if similar else f"There are: {', '.join(EVENTS)}."
    raise ValueError(f"There is no event {event!r}. {hint}")
