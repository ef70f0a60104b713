"""Faults on purpose (`--faults`): around the application, which knows nothing of them.

Everything waits by `asyncio.sleep`, chance comes from a `random.Random` and time from a clock that are handed in, and
an answer that is cut off is an exception, `Dropped`: so the same faults work on real sockets (`connections.py`) and in
a simulation without any.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import asdict, dataclass, replace
from functools import partial
from random import Random
from typing import Any, Literal, NoReturn, Protocol, get_args

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .bodies import read_json
from .errors import ApiError, Forbidden, InvalidPayload
from .socket_faults import SocketExchange
from .validation import check, one_of

log = logging.getLogger(__name__)

Ending = Literal["clean", "hard", "cut"]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a fault does, the requests that it can concern (a pattern of "METHOD /path"), and its options' defaults."""

    meaning: str
    only: str = ".*"
    seconds: float | None = None
    status: int | None = None
    times: int | None = None


KINDS = {
    "expire-keys": Kind("every user key issued before the request is no longer valid", times=1),
    "lose-request": Kind("the connection is reset, and the request is not carried out"),
    "late": Kind("the connection is reset, and the request is carried out `seconds` later", seconds=5),
    "status": Kind("the answer is an error of the API with this `status`; nothing is carried out", status=503),
    "html": Kind("the answer is an HTML page with this `status`; nothing is carried out", status=200),
    "delay": Kind("the request is carried out `seconds` late, though the client may have given up", seconds=1),
    "no-metadata": Kind("a message is stored without its `metadata`", "(POST|PUT) /messages(/.*)?"),
    "no-dedupe": Kind("a message is stored though its `clientMessageId` has been used", "POST /messages"),
    "oldest-first": Kind("the history comes oldest first", "GET /conversations/[^/]+/messages"),
    "delay-answer": Kind("the request is carried out, and its answer comes `seconds` late", seconds=1),
    "lose-answer": Kind("the request is carried out, and the connection is reset instead of an answer"),
    "hold-first-byte": Kind("a stream's answer is held back until its first signal or ping, or for `seconds`"),
    "drop-clean": Kind("a stream ends properly instead of sending a signal, or `after` so many seconds"),
    "drop-hard": Kind("a stream's connection is reset instead of sending a signal, or `after` so many seconds"),
    "cut": Kind("a stream breaks off in the middle of a signal, or `after` so many seconds"),
    "stall": Kind("a stream falls silent and stays open, for `seconds` or for good, at a signal or `after` seconds"),
    "lose-signal": Kind("a signal is not sent"),
    "delay-signals": Kind("a stream waits for `seconds` before each signal", seconds=1),
    "reorder": Kind("a signal comes after the next one (of the same `signal`), or after `seconds`", seconds=1),
    "duplicate": Kind("a signal is sent twice"),
}

# What an option holds; the number is the highest it may be
_OPTIONS: dict[str, tuple[Callable[[Any], Any], float]] = {
    "chance": (float, 1),
    "times": (int, 1_000_000),
    "seconds": (float, 86_400),
    "after": (float, 86_400),
    "lasting": (float, 86_400),
    "status": (int, 599),
    "retry_after": (int, 86_400),
}

_ON = re.compile(r"([A-Z]*) ?((?:/[^/\s]+)*)")
_API = re.compile(r"/[^/]+(/(?:users|initialize|conversations|messages|events|files|uploads|p)(?:/.*)?)")
_ERROR_TYPES = {401: "Unauthorized", 403: "Forbidden", 404: "ResourceNotFound", 429: "RateLimited", 500: "Internal"}
_SIGNAL = re.compile(rb'^data: ?\{"type": ?"(\w+)"', re.MULTILINE)
_HALF = b'event: message\ndata: {"type":"message_cre'
_HTML = "<!doctype html><title>Not the API</title><h1>A page of a proxy</h1>"


class Dropped(Exception):
    """The connection is to be cut off here: by a reset, or else (`reset` is False) after what has been sent."""

    def __init__(self, reset: bool) -> None:
        super().__init__("dropped on purpose")
        self.reset = reset


@dataclass(slots=True)
class Fault:
    """One thing that goes wrong. Raises `ValueError`, with one sentence, for what is none.

    `on` says at which requests: "METHOD /end/of/path", or one of the two; `*` stands for any one segment, and nothing
    for all calls of the API. `signal` is the type of the signals that it concerns, nothing for all. `chance` is from 0
    to 1, for each request or (kinds of streams) each signal. `times` is how often it may happen; None is without end.
    It ends `lasting` seconds after it was set. `after` is the age of a stream in seconds at which it happens, instead
    of at a signal. `seconds`, `status` and `retry_after` (in seconds) are explained in `KINDS`.
    """

    kind: str
    on: str = ""
    signal: str = ""
    chance: float = 1.0
    times: int | None = None
    seconds: float | None = None
    after: float | None = None
    lasting: float | None = None
    status: int | None = None
    retry_after: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; the faults are {', '.join(KINDS)}")
        if not isinstance(self.on, str) or not _ON.fullmatch(self.on):
            raise ValueError(f'{self.kind}: on={self.on} is not of the form "METHOD /path"')
        if self.after is not None and self.kind not in _AT_AGE:
            raise ValueError(f"{self.kind} has no option after, only {', '.join(_AT_AGE)} have it")
        if self.signal and self.kind not in _AT_SIGNAL:
            raise ValueError(f"{self.kind} has no option signal, only {', '.join(_AT_SIGNAL)} have it")
        for name, (read, most) in _OPTIONS.items():
            value = getattr(self, name)
            default = getattr(KINDS[self.kind], name, None)
            setattr(self, name, default if value is None else self._number(name, read, value, most))

    def fits(self, request: str) -> bool:
        """Whether it concerns the request "METHOD /path", whose path is without the client id."""
        method, path = _ON.fullmatch(self.on).groups()  # type: ignore[union-attr] # checked when it was made
        end = re.escape(path).replace(r"\*", "[^/]+")
        return bool(
            re.fullmatch(f"{method or '[A-Z]+'} .*{end}", request) and re.fullmatch(KINDS[self.kind].only, request)
        )

    def _number(self, name: str, read: Callable[[Any], Any], value: Any, most: float) -> Any:
        least = 200 if name == "status" else 0
        try:
            number = read(value)
        except (TypeError, ValueError, OverflowError):
            number = -1
        if not least <= number <= most:
            raise ValueError(f"{self.kind}: {name}={value} is no number from {least:g} to {most:g}")
        return number


def parse(spec: str) -> list[Fault]:
    """The faults of a list such as `duplicate:chance=0.2,lose-answer:on=POST /messages:times=1`, or of `none`.

    Raises `ValueError` with one sentence.
    """
    return [] if spec == "none" else [_parse_one(one) for one in spec.split(",")]


def _parse_one(spec: str) -> Fault:
    kind, *options = spec.strip().split(":")
    named = dict(option.partition("=")[::2] for option in options)
    return _make({"kind": kind, **named})


def _make(named: Any) -> Fault:
    if not isinstance(named, dict) or "kind" not in named:
        raise ValueError("a fault is an object with a kind and options")
    names = ["kind", "on", "signal", *_OPTIONS]
    if unknown := set(named) - set(names):
        raise ValueError(f"a fault has no {min(unknown)!r}, only {', '.join(names)}")
    return Fault(**{name: value for name, value in named.items() if value is not None})


class _Stream(Protocol):
    """An answer or a socket that is open."""

    def end(self, how: Ending) -> None: ...
    def stall(self, seconds: float | None) -> None: ...


@dataclass(slots=True)
class _Active:
    fault: Fault
    until: float | None


class Faults:
    """The faults that are active. They may be changed at any time, from the server's event loop.

    `random` decides about chances. `clock` gives seconds, for `lasting`; a simulation hands in its loop's.
    """

    def __init__(
        self,
        faults: Iterable[Fault] = (),
        random: Random | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._random = random or Random()  # noqa: S311 - nothing secret hangs on it
        self._clock = clock
        self._active: list[_Active] = []
        self._streams: set[_Stream] = set()
        self._late: set[asyncio.Task[None]] = set()
        self.add(*faults)

    @property
    def active(self) -> list[Fault]:
        """Copies of the faults that are left, with how often and how long they still are."""
        self._prune()
        now = self._clock()
        return [
            replace(active.fault, lasting=None if active.until is None else active.until - now)
            for active in self._active
        ]

    def set(self, *faults: Fault) -> None:
        """Have these faults and no others."""
        self._active.clear()
        self.add(*faults)

    def add(self, *faults: Fault) -> None:
        """Have these faults, too. Of two that fit, the one added first happens."""
        now = self._clock()
        for fault in faults:
            self._active.append(_Active(replace(fault), None if fault.lasting is None else now + fault.lasting))

    def end_streams(self, how: Ending) -> int:
        """End all open streams now: properly, by a reset, or in the middle of a signal. Returns how many there were."""
        streams, self._streams = self._streams, set()
        for stream in streams:
            stream.end(how)
        return len(streams)

    def stall_streams(self) -> int:
        """Let all streams that are open now fall silent for good, and stay open. Returns how many there were."""
        for stream in self._streams:
            stream.stall(None)
        return len(self._streams)

    def around(self, app: ASGIApp, expire_keys: Callable[[], None]) -> ASGIApp:
        """The application with these faults. `expire_keys` makes all user keys invalid that were issued before."""

        async def with_faults(scope: Scope, receive: Receive, send: Send) -> None:
            if called := _API.fullmatch(scope["raw_path"].decode()):
                exchange = _Exchange(self, f"{scope['method']} {called[1]}", app, expire_keys, scope, receive, send)
                await exchange.run()
            else:
                await app(scope, receive, send)

        return with_faults

    def around_socket(self, app: ASGIApp, expire_keys: Callable[[], None]) -> ASGIApp:
        """As `around`, for WebSockets."""

        async def with_faults(scope: Scope, receive: Receive, send: Send) -> None:
            await SocketExchange(self, app, expire_keys, scope, receive, send).run()

        return with_faults

    async def stop(self) -> None:
        """Let nothing be carried out late any more."""
        await _cancel(self._late)

    # --- what an exchange asks ----------------------------------------------------------------------------------

    def fires(self, kind: str, request: str, signal: str = "", by_age: bool = False) -> Fault | None:
        """The fault of this kind that happens now, if one does; it has happened then. `by_age`: one with `after`."""
        self._prune()
        for active in self._active:
            fault = active.fault
            is_meant = fault.kind == kind and (fault.after is not None) == by_age and fault.signal in ("", signal)
            if is_meant and fault.fits(request) and self._random.random() < fault.chance:
                log.info("fault: %s at %s", kind, request)
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def join(self, stream: _Stream) -> None:
        self._streams.add(stream)

    def leave(self, stream: _Stream) -> None:
        self._streams.discard(stream)

    def carry_out_later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)

    def _prune(self) -> None:
        now = self._clock()
        self._active = [
            active
            for active in self._active
            if active.fault.times != 0 and (active.until is None or now < active.until)
        ]

    # --- steering a running server ------------------------------------------------------------------------------

    async def show(self, request: Request) -> Response:
        """`GET /faults`: what is left."""
        _check_local(request)
        return JSONResponse([_shown(fault) for fault in self.active])

    async def replace(self, request: Request) -> Response:
        """`PUT /faults`: these and no others."""
        _check_local(request)
        try:
            faults = [_make(named) for named in json.loads(await request.body())]
        except (TypeError, ValueError) as error:
            raise InvalidPayload(f"The body is no list of faults: {error}") from None
        self.set(*faults)
        return await self.show(request)

    async def hit_streams(self, request: Request) -> Response:
        """`POST /faults/streams`: end or stall what is open."""
        _check_local(request)
        body = await read_json(request)
        check(body, {"how": one_of(*get_args(Ending), "stall")})
        return JSONResponse(
            {"streams": self.stall_streams() if body["how"] == "stall" else self.end_streams(body["how"])}
        )


class _Exchange:
    """One request on its way in, and its answer on its way out."""

    def __init__(
        self,
        faults: Faults,
        request: str,
        app: ASGIApp,
        expire_keys: Callable[[], None],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self.faults = faults
        self.request = request
        self.app = app
        self.expire_keys = expire_keys
        self.scope = scope
        self.body = b""
        self.half = _HALF
        self._receive = receive
        self._send = send
        self._is_stream = False
        self._held = b""
        self._held_until = ""
        self._first: list[Message] = []  # what of a stream is held back until its first signal or ping
        self._awake = asyncio.Event()
        self._awake.set()
        self._ending: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._timers: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        # All of it before the answer: closing a connection with something unread in it would reset it
        self.body = await _read(self._receive)
        for kind, act in _AT_REQUEST.items():
            if fault := self.faults.fires(kind, self.request):
                await act(self, fault)
        work: asyncio.Future[Any] = asyncio.ensure_future(
            self.app(self.scope, _replay(self.body, self._receive), self._on_message)
        )
        try:
            await asyncio.wait((work, self._ending), return_when=asyncio.FIRST_COMPLETED)
            is_complete = work.done()
        finally:
            self.faults.leave(self)
            await _cancel([work, *self._timers])
        if is_complete:
            work.result()
        else:
            await self._end(self._ending.result())

    def end(self, how: Ending) -> None:
        """End the answer here, whatever the application does."""
        if not self._ending.done():
            self._ending.set_result(how)

    def stall(self, seconds: float | None) -> None:
        """Say nothing for so many seconds, or for good."""
        self._awake.clear()
        if seconds is not None:
            self.after(seconds, self._awake.set)

    def after(self, seconds: float, act: Callable[[], Any]) -> None:
        """Do this in so many seconds, if the answer is still going on."""

        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        self._timers.add(asyncio.create_task(wait()))

    def hold(self, frame: bytes, until: str, seconds: float) -> bool:
        """Send this after the next signal of the type `until` (any, if it is empty), or after so many seconds.

        Returns False, and does nothing, when something is held already."""

        async def release() -> None:
            await asyncio.sleep(seconds)
            await self._awake.wait()
            await self._pass_on(self._take_held())

        if self._held:
            return False
        self._held, self._held_until = frame, until
        self._timers.add(asyncio.create_task(release()))
        return True

    async def _on_message(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._is_stream:
            await self._on_frame(message)
        else:
            await self._send(message)

    async def _begin(self, start: Message) -> None:
        for kind, act in _AT_ANSWER.items():
            if fault := self.faults.fires(kind, self.request):
                await act(self, fault)
        self._is_stream = Headers(raw=start["headers"]).get("content-type", "").startswith("text/event-stream")
        if not self._is_stream:
            await self._send(start)
            return
        self._first.append(start)
        self.faults.join(self)
        for kind, act_at_age in _AT_AGE.items():
            if fault := self.faults.fires(kind, self.request, by_age=True):
                self.after(fault.after or 0, partial(act_at_age, self, fault))
        if fault := self.faults.fires("hold-first-byte", self.request):
            if fault.seconds is None:
                return
            await asyncio.sleep(fault.seconds)
        await self._send_first()

    async def _on_frame(self, message: Message) -> None:
        await self._awake.wait()
        body, is_last = message.get("body", b""), not message.get("more_body", False)
        if signal := _SIGNAL.search(body):
            body = await self._at_signal(body, signal[1].decode())
        if is_last:
            body += self._take_held()
        if self._first and body.startswith(b":"):
            self._first.append(message)
        elif body or is_last:
            await self._pass_on(body, is_last)

    async def _at_signal(self, frame: bytes, type: str) -> bytes:
        """What to send for this signal."""
        for kind, act in _AT_SIGNAL.items():
            if frame and (fault := self.faults.fires(kind, self.request, type)):
                frame = await act(self, fault, frame)
        await self._awake.wait()
        return frame + self._take_held() if frame and self._held_until in ("", type) else frame

    def _take_held(self) -> bytes:
        held, self._held = self._held, b""
        return held

    async def _pass_on(self, body: bytes, is_last: bool = False) -> None:
        await self._send_first()
        if body or is_last:
            await self._send({"type": "http.response.body", "body": body, "more_body": not is_last})

    async def _send_first(self) -> None:
        while self._first:
            await self._send(self._first.pop(0))

    async def _end(self, how: Ending) -> None:
        match how:
            case "clean":
                await self._pass_on(self._take_held(), is_last=True)
            case "hard":
                raise Dropped(reset=True)
            case "cut":
                await self._pass_on(self.half)
                raise Dropped(reset=False)


# --- what the kinds do, in the order in which they are asked ----------------------------------------------------


async def _expire_keys(exchange: _Exchange, _: Fault) -> None:
    exchange.expire_keys()


async def _lose_request(_exchange: _Exchange, _: Fault) -> None:
    raise Dropped(reset=True)


async def _carry_out_late(exchange: _Exchange, fault: Fault) -> None:
    async def carry_out() -> None:
        await asyncio.sleep(fault.seconds or 0)
        await exchange.app(exchange.scope, _replay(exchange.body, _gone), _discard)

    exchange.faults.carry_out_later(carry_out())
    raise Dropped(reset=True)


async def _refuse(exchange: _Exchange, fault: Fault) -> None:
    error = ApiError(
        "A fault on purpose", None if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    )
    error.code = fault.status or 0
    error.type = _ERROR_TYPES.get(error.code, "Unknown")
    exchange.app = error.response()


async def _answer_html(exchange: _Exchange, fault: Fault) -> None:
    exchange.app = HTMLResponse(_HTML, fault.status or 0)


async def _delay(_exchange: _Exchange, fault: Fault) -> None:
    await asyncio.sleep(fault.seconds or 0)


async def _strip_metadata(exchange: _Exchange, _: Fault) -> None:
    with contextlib.suppress(ValueError, RecursionError, AttributeError):  # the application says what is wrong with it
        message = json.loads(exchange.body)
        message.pop("metadata", None)
        exchange.body = json.dumps(message).encode()


def _ask_for(wish: str) -> Callable[[_Exchange, Fault], Awaitable[None]]:
    async def ask(exchange: _Exchange, _: Fault) -> None:
        exchange.scope = {**exchange.scope, "state": {**exchange.scope.get("state", {}), wish: True}}

    return ask


async def _delay_answer(_exchange: _Exchange, fault: Fault) -> None:
    await asyncio.sleep(fault.seconds or 0)


async def _lose_answer(exchange: _Exchange, _: Fault) -> None:
    exchange.end("hard")
    await _forever()


def _ends(how: Ending) -> Callable[[_Exchange, Fault, bytes], Awaitable[bytes]]:
    async def end(exchange: _Exchange, _: Fault, frame: bytes) -> bytes:
        exchange.half = frame[: len(frame) // 2]
        exchange.end(how)
        return await _forever()

    return end


async def _stall(exchange: _Exchange, fault: Fault, frame: bytes) -> bytes:
    exchange.stall(fault.seconds)
    return frame


async def _lose_signal(_exchange: _Exchange, _: Fault, _frame: bytes) -> bytes:
    return b""


async def _delay_signal(_exchange: _Exchange, fault: Fault, frame: bytes) -> bytes:
    await asyncio.sleep(fault.seconds or 0)
    return frame


async def _reorder(exchange: _Exchange, fault: Fault, frame: bytes) -> bytes:
    return b"" if exchange.hold(frame, fault.signal, fault.seconds or 0) else frame


async def _duplicate(_exchange: _Exchange, _: Fault, frame: bytes) -> bytes:
    return frame * 2


_AT_REQUEST: dict[str, Callable[[_Exchange, Fault], Awaitable[None]]] = {
    "expire-keys": _expire_keys,
    "lose-request": _lose_request,
    "no-metadata": _strip_metadata,
    "no-dedupe": _ask_for("no_dedupe"),
    "oldest-first": _ask_for("oldest_first"),
    # After the server's ways, which hold for what is carried out late as well
    "late": _carry_out_late,
    "status": _refuse,
    "html": _answer_html,
    "delay": _delay,
}
_AT_ANSWER: dict[str, Callable[[_Exchange, Fault], Awaitable[None]]] = {
    "delay-answer": _delay_answer,
    "lose-answer": _lose_answer,
}
_AT_SIGNAL: dict[str, Callable[[_Exchange, Fault, bytes], Awaitable[bytes]]] = {
    "drop-clean": _ends("clean"),
    "drop-hard": _ends("hard"),
    "cut": _ends("cut"),
    "stall": _stall,
    "lose-signal": _lose_signal,
    "delay-signals": _delay_signal,
    "reorder": _reorder,
    "duplicate": _duplicate,
}
_AT_AGE: dict[str, Callable[[_Exchange, Fault], None]] = {
    "drop-clean": lambda exchange, _: exchange.end("clean"),
    "drop-hard": lambda exchange, _: exchange.end("hard"),
    "cut": lambda exchange, _: exchange.end("cut"),
    "stall": lambda exchange, fault: exchange.stall(fault.seconds),
}


# --- for all of them --------------------------------------------------------------------------------------------


async def _read(receive: Receive) -> bytes:
    """The whole body. A client that goes away before its end has asked for nothing."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Dropped(reset=True)
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _replay(body: bytes, then: Receive) -> Receive:
    unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        return unread.pop() if unread else await then()

    return receive


async def _gone() -> Message:
    return {"type": "http.disconnect"}


async def _discard(_: Message) -> None:
    """Where the answer goes for which nobody waits any more."""


async def _forever() -> NoReturn:
    await asyncio.get_running_loop().create_future()
    raise AssertionError


async def _cancel(tasks: Iterable[asyncio.Future[Any]]) -> None:
    tasks = list(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _check_local(request: Request) -> None:
    if not (request.client and ipaddress.ip_address(request.client.host).is_loopback):
        raise Forbidden("Faults can be set from the machine only on which the server runs")


def _shown(fault: Fault) -> dict[str, Any]:
    return {name: value for name, value in asdict(fault).items() if value not in (None, "")}
