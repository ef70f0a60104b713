"""Mode "pushpin": REST calls, and an event stream for each conversation that is listened to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

from .wire import rest
from .wire.errors import NetworkError, NotFound, StreamRefused, Unauthorized
from .wire.files import Attachment
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

    def attach(self, file: Any, name: str | None) -> Attachment: ...

    async def put(self, url: str, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> None: ...

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

    def __init__(
        self, transport: Transport, event_source: EventSourceChoice, headers: dict[str, str], timeout: float
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._headers = headers
        self._event_source = event_source
        # "auto" does not put the key into the URL of another origin: URLs end up in logs.
        self._native = event_source == "native" or (event_source == "auto" and transport.same_origin)
        self._key = ""

    async def log_in(self, credentials: Credentials | None, profile: rest.Profile) -> Credentials:
        """Go on as the user of `credentials`; as a new one without, or where the server does not know them."""
        if credentials is None or not await self._is_known(credentials):
            credentials = await self._call(rest.create_user(profile), key="")
        elif any(field is not None for field in profile):
            await self._call(rest.update_user(profile), credentials.user_token)
        self._key = credentials.user_token
        return credentials

    def log_out(self) -> None:
        self._key = ""

    async def request(self, call: rest.Call[T]) -> T:
        """Make a call as the user who is logged in."""
        return await self._call(call, self._key)

    async def create_conversation(self) -> str:
        return await self.request(rest.create_conversation())

    async def start_conversation(self, conversation_id: str) -> None:
        await self.request(rest.create_event(conversation_id, "conversation_started", {}))

    async def create_message(
        self, conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None
    ) -> Message:
        return await self.request(rest.create_message(conversation_id, payload, metadata, reply_to))

    async def check_conversation(self, conversation_id: str) -> None:
        """Raise what the server has against this user listening to a conversation."""
        await self.request(rest.get_conversation(conversation_id))

    def attach(self, file: Any, name: str | None) -> Attachment:
        return self._transport.attach(file, name)

    async def upload(self, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> rest.Upload:
        """Store a file where everybody who knows its address can read it, and say where."""
        # Keys are unique for each bot, names are not.
        key = f"{os.urandom(8).hex()}-{attachment.name}"
        upload = await self.request(rest.create_file(key, attachment.size, attachment.content_type))
        await self._transport.put(upload.upload_url, attachment, on_progress)
        return upload

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
                    await self.check_conversation(conversation_id)
                    raise
                log.info("the server refused the native event stream; trying fetch")

        def on_fetch_open() -> None:
            self._native = False
            on_open()

        headers = {**self._headers, rest.KEY_HEADER: self._key}
        return await self._transport.listen_fetch(request, headers, on_fetch_open, on_event)

    async def _is_known(self, credentials: Credentials) -> bool:
        try:
            user = await self._call(rest.get_user(), credentials.user_token)
        except (Unauthorized, NotFound):
            return False
        if user.id != credentials.user_id:
            raise ValueError("These credentials do not belong together: user_token is another user's")
        return True

    async def _call(self, call: rest.Call[T], key: str) -> T:
        request = call.request
        headers = dict(self._headers)
        if key:
            headers[rest.KEY_HEADER] = key
        if request.body is not None:
            headers["content-type"] = "application/json"
        try:
            response = await self._transport.send(request, headers, self._timeout)
        except NetworkError as error:
            log.debug("%s %s: %s", request.method, request.path, type(error).__name__)
            raise
        log.debug("%s %s: %d", request.method, request.path, response.status)
        return rest.read_answer(call, response)
