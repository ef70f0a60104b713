"""Faults on purpose (`--faults`) of the sockets of mode "messaging": the kinds of `faults.py`, frame by frame.

What is asked for over a socket is named as the other mode's request that does the same; opening a socket, and what is
pushed over it, belongs to the request "GET /listen".
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

if TYPE_CHECKING:
    from .faults import Ending, Fault, Faults

_LISTEN = "GET /listen"
_REQUESTS = {
    "users.get": "GET /users/me",
    "conversations.create": "POST /conversations",
    "conversations.start": "POST /events",
    "conversations.get": "GET /conversations/{id}",
    "conversations.list": "GET /conversations",
    "conversations.delete": "DELETE /conversations/{id}",
    "messages.create": "POST /messages",
    "messages.list": "GET /conversations/{conversationId}/messages",
    "messages.feedback": "PUT /messages/{messageId}/feedback",
}
_SIGNAL = "message_created"
_FIRST_PING = 25.0
_FRAME = re.compile(r"(40|42)(.*)", re.DOTALL)


class SocketExchange:
    """One WebSocket, from its opening to its end."""

    def __init__(
        self,
        faults: Faults,
        app: ASGIApp,
        expire_keys: Callable[[], None],
        scope: Scope,
        receive: Receive,
        send: Send,
    ) -> None:
        self._faults = faults
        self._app = app
        self._expire_keys = expire_keys
        self._scope = scope
        self._receive_frame = receive
        self._send_frame = send
        self._inbox: asyncio.Queue[Message] = asyncio.Queue()
        self._names: dict[str, str] = {}
        self._late = 0
        self._gone: Message | None = None
        self._held: Message | None = None
        self._awake = asyncio.Event()
        self._awake.set()
        self._ending: asyncio.Future[Ending] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        from .faults import Dropped

        if self._fires("lose-request", _LISTEN):
            raise Dropped(reset=True)
        for kind in ("delay", "delay-answer"):
            if fault := self._fires(kind, _LISTEN):
                await asyncio.sleep(fault.seconds or 0)
        if self._fires("status", _LISTEN) or self._fires("html", _LISTEN):
            await self._send_frame({"type": "websocket.close"})
            return
        if self._fires("lose-answer", _LISTEN):
            raise Dropped(reset=True)
        self._faults.join(self)
        self._soon(self._read())
        work: asyncio.Future[Any] = asyncio.ensure_future(self._app(self._scope, self._inbox.get, self._send))
        try:
            await asyncio.wait((work, self._ending), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._faults.leave(self)
            self._leave({"type": "websocket.disconnect", "code": 1006})
            if self._late:
                # What is carried out late is so after the client has gone, too
                self._faults.carry_out_later(self._finish(work))
            else:
                await self._cancel(work)
        if self._ending.done():
            await self._end(self._ending.result())

    def end(self, how: Ending) -> None:
        """End it here, whatever the application does."""
        if not self._ending.done():
            self._ending.set_result(how)
            self._awake.set()

    def stall(self, seconds: float | None) -> None:
        """Say nothing for so many seconds, or for good."""
        if self._is_over():
            return  # or the application would wait for ever to be heard by nobody
        self._awake.clear()
        if seconds is not None:
            self._after(seconds, self._awake.set)

    # --- what the client asks -------------------------------------------------------------------------------------

    async def _read(self) -> None:
        while True:
            message = await self._receive_frame()
            if message["type"] == "websocket.disconnect":
                self._leave(message)
                return
            await self._take(message)

    async def _take(self, message: Message) -> None:
        kind, content = _content(message)
        name = self._name_of(kind, content)
        if name is None:
            self._inbox.put_nowait(message)
            return
        if self._fires("expire-keys", name):
            self._expire_keys()
        if self._fires("lose-request", name):
            self.end("hard")
            return
        if kind == "42" and self._fires("no-metadata", name):
            content[1]["data"]["payload"].pop("metadata", None)
            message = _frame(kind, content)
        if fault := self._fires("late", name):
            self._carry_out_in(fault.seconds or 0, message)
            self.end("hard")
        elif self._fires("status", name) or self._fires("html", name):
            await self._send_frame(_refusal(kind, content))
        elif fault := self._fires("delay", name):
            self._carry_out_in(fault.seconds or 0, message)
        else:
            self._inbox.put_nowait(message)

    def _name_of(self, kind: str, content: Any) -> str | None:
        match kind, content:
            case "40", dict():
                return self._named("login", "GET /users/me" if "creds" in content else "POST /users")
            case "42", ["message", {"request": str(request), "type": str(type), "data": dict(data)}]:
                if type == "messages.create" and isinstance(data.get("payload"), dict):
                    is_event = data["payload"].get("type") == "trigger"
                    return self._named(request, "POST /events" if is_event else "POST /messages")
                template = _REQUESTS.get(type, f"POST /{type}")
                return self._named(request, re.sub(r"\{(\w+)\}", lambda field: str(data.get(field[1])), template))
        return None

    def _named(self, request: str, name: str) -> str:
        self._names[request] = name
        return name

    def _carry_out_in(self, seconds: float, message: Message) -> None:
        async def carry_out() -> None:
            await asyncio.sleep(seconds)
            self._inbox.put_nowait(message)
            self._late -= 1
            self._leave(self._gone)

        self._late += 1
        self._faults.carry_out_later(carry_out())

    def _leave(self, message: Message | None) -> None:
        """The client has gone, of which the application learns when it has got all that came before."""
        self._gone = self._gone or message
        if self._gone:
            self._awake.set()  # so that the application does not wait to be heard by nobody
        if self._gone and not self._late:
            self._inbox.put_nowait(self._gone)

    # --- what the application says --------------------------------------------------------------------------------

    async def _send(self, message: Message) -> None:
        if message["type"] == "websocket.accept":
            await self._send_frame(message)
            await self._begin()
            return
        await self._awake.wait()
        if self._is_over():
            return
        kind, content = _content(message)
        match kind, content:
            case "42", ["login", *_]:
                await self._answer(self._names.get("login", ""), message)
            case "42", ["message", {"request": str(request)}]:
                await self._answer(self._names.pop(request, ""), message)
            case "42", ["message", {"type": str()}]:
                await self._signal(message)
            case _:
                await self._send_frame(message)

    async def _begin(self) -> None:
        for how in ("drop-clean", "drop-hard", "cut"):
            if fault := self._faults.fires(how, _LISTEN, by_age=True):
                self._after(fault.after or 0, lambda ending=_ENDINGS[how]: self.end(ending))  # type: ignore[misc]
        if fault := self._faults.fires("stall", _LISTEN, by_age=True):
            self._after(fault.after or 0, lambda seconds=fault.seconds: self.stall(seconds))  # type: ignore[misc]
        if fault := self._fires("hold-first-byte", _LISTEN):
            await asyncio.sleep(_FIRST_PING if fault.seconds is None else fault.seconds)

    async def _answer(self, name: str, message: Message) -> None:
        if self._fires("lose-answer", name):
            self.end("hard")
        elif fault := self._fires("delay-answer", name):
            self._soon(self._send_in(fault.seconds or 0, message))
        else:
            await self._send_frame(message)

    async def _send_in(self, seconds: float, message: Message) -> None:
        await asyncio.sleep(seconds)
        await self._pass_on(message)

    async def _signal(self, message: Message) -> None:
        for kind, how in _ENDINGS.items():
            if self._fires(kind, _LISTEN, _SIGNAL):
                self.end(how)
                return
        if fault := self._fires("stall", _LISTEN, _SIGNAL):
            self.stall(fault.seconds)
        if self._fires("lose-signal", _LISTEN, _SIGNAL):
            return
        if fault := self._fires("delay-signals", _LISTEN, _SIGNAL):
            await asyncio.sleep(fault.seconds or 0)
        if self._held is None and (fault := self._fires("reorder", _LISTEN, _SIGNAL)):
            self._held = message
            self._after(fault.seconds or 0, lambda: self._soon(self._send_held()))
            return
        await self._pass_on(message)
        if self._fires("duplicate", _LISTEN, _SIGNAL):
            await self._pass_on(message)
        await self._send_held()

    async def _send_held(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            await self._pass_on(held)

    async def _pass_on(self, message: Message) -> None:
        """Send it, unless it has to wait until there is nobody left to hear it."""
        await self._awake.wait()
        if not self._is_over():
            await self._send_frame(message)

    def _is_over(self) -> bool:
        return self._gone is not None or self._ending.done()

    # --- for all of it --------------------------------------------------------------------------------------------

    def _fires(self, kind: str, request: str, signal: str = "") -> Fault | None:
        return self._faults.fires(kind, request, signal)

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _after(self, seconds: float, act: Callable[[], object]) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        self._soon(wait())

    async def _finish(self, work: asyncio.Future[Any]) -> None:
        try:
            await asyncio.wait((work,))
        finally:
            await self._cancel(work)

    async def _cancel(self, work: asyncio.Future[Any]) -> None:
        ending = (work, *self._tasks)
        for task in ending:
            task.cancel()
        await asyncio.gather(*ending, return_exceptions=True)

    async def _end(self, how: Ending) -> None:
        from .faults import Dropped

        if how != "clean":
            raise Dropped(reset=how == "hard")
        await self._send_frame({"type": "websocket.close"})


_ENDINGS: dict[str, Literal["clean", "hard", "cut"]] = {"drop-clean": "clean", "drop-hard": "hard", "cut": "cut"}


def _content(message: Message) -> tuple[str, Any]:
    """What kind of a frame it is, "40" or "42", and the JSON in it; nothing for others."""
    frame = _FRAME.fullmatch(message.get("text") or "")
    try:
        return (frame[1], json.loads(frame[2])) if frame else ("", None)
    except ValueError:
        return "", None


def _frame(kind: str, content: Any) -> Message:
    return {"type": "websocket.receive", "text": kind + json.dumps(content, separators=(",", ":"))}


def _refusal(kind: str, content: Any) -> Message:
    if kind == "40":
        text = "44" + json.dumps({"message": "an error occurred authenticating socket"})
    else:
        error = {"error": True, "message": "an error occurred"}
        text = "42" + json.dumps(["message", {"request": content[1]["request"], "data": error}])
    return {"type": "websocket.send", "text": text}
