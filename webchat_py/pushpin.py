"""Mode "pushpin": REST calls, and an event stream for each conversation that is listened to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

from .wire import rest
from .wire.errors import NotFound, StreamRefused, Unauthorized
from .wire.models import Credentials, Message
from .wire.payloads import Payload
from .wire.signals import Signal, parse_signal

T = TypeVar("T")
EventSourceChoice = Literal["auto", "native", "fetch"]

log = logging.getLogger("webchat_py")


class Transport(Protocol):
    """What carries requests and streams: the browser, or a test. See `browser.transport`."""

    @property
    def same_origin(self) -> bool: ...

    async def send(self, request: rest.Request, headers: dict[str, str], timeout: float) -> rest.Response: ...

    async def listen_fetch(
        self,
        request: rest.Request,
        headers: dict[str, str],
        on_open: Callable[[], None],
        on_event: Callable[[str], None],
    ) -> None: ...

    async def listen_native(self, path: str, on_open: Callable[[], None], on_event: Callable[[str], None]) -> None: ...


class PushpinBackend:
    """Speaks for one user at a time: `log_in` says for whom."""

    def __init__(self, transport: Transport, event_source: EventSourceChoice, timeout: float) -> None:
        self._transport = transport
        self._timeout = timeout
        self._event_source = event_source
        # "auto" does not put the key into the URL of another origin: URLs end up in logs.
        self._native = event_source == "native" or (event_source == "auto" and transport.same_origin)
        self._key = ""

    async def log_in(self, credentials: Credentials | None) -> Credentials:
        """Go on as the user of `credentials`; as a new one without, or where the server does not know them."""
        if credentials is None or not await self._is_known(credentials):
            credentials = await self._call(rest.create_user())
        self._key = credentials.user_token
        return credentials

    def log_out(self) -> None:
        self._key = ""

    async def create_conversation(self) -> str:
        return await self._call(rest.create_conversation())

    async def start_conversation(self, conversation_id: str) -> None:
        await self._call(rest.start_conversation(conversation_id))

    async def create_message(
        self, conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None
    ) -> Message:
        return await self._call(rest.create_message(conversation_id, payload, metadata, reply_to))

    async def list_messages(self, conversation_id: str, next_token: str | None) -> rest.Page:
        return await self._call(rest.list_messages(conversation_id, next_token))

    async def listen(
        self, conversation_id: str, on_open: Callable[[], None], on_signal: Callable[[Signal], None]
    ) -> None:
        """Run the event stream until the server ends it. Raises when it is refused or lost."""
        request = rest.listen(conversation_id)

        def on_event(data: str) -> None:
            signal = parse_signal(data)
            if signal is not None:
                on_signal(signal)

        if self._native:
            try:
                path = f"{request.path}?{rest.KEY_HEADER}={rest.quote(self._key)}"
                return await self._transport.listen_native(path, on_open, on_event)
            except StreamRefused:
                if self._event_source == "native":
                    # The stream does not tell why; the conversation's own status may.
                    await self._call(rest.get_conversation(conversation_id))
                    raise
                log.info("the server refused the native event stream; trying fetch")

        def on_fetch_open() -> None:
            self._native = False
            on_open()

        headers = {rest.KEY_HEADER: self._key}
        return await self._transport.listen_fetch(request, headers, on_fetch_open, on_event)

    async def _is_known(self, credentials: Credentials) -> bool:
        try:
            user_id = await self._call(rest.get_user_id(), credentials.user_token)
        except (Unauthorized, NotFound):
            return False
        if user_id != credentials.user_id:
            raise ValueError("These credentials do not belong together: user_token is another user's")
        return True

    async def _call(self, call: rest.Call[T], key: str | None = None) -> T:
        request = call.request
        headers = {}
        if key := self._key if key is None else key:
            headers[rest.KEY_HEADER] = key
        if request.body is not None:
            headers["content-type"] = "application/json"
        response = await self._transport.send(request, headers, self._timeout)
        log.debug("%s %s: %d", request.method, request.path, response.status)
        return rest.read_answer(call, response)
