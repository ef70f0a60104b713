"""Mode "pushpin": REST calls, and an event stream for each conversation that is listened to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

from .backend import Backend, Surroundings
from .channel import Sink
from .wire import rest
from .wire.calls import Beginning, Call, Profile, Upload, quote
from .wire.errors import NetworkError, NotFound, SessionExpired, StreamRefused, Unauthorized, WebchatError
from .wire.files import Attachment
from .wire.models import Credentials
from .wire.payloads import Misfit
from .wire.ports import StreamListener
from .wire.signals import Signal, UnknownSignal, parse_signal

T = TypeVar("T")
EventSourceChoice = Literal["auto", "native", "fetch"]

log = logging.getLogger("webchat_py")


class Transport(Surroundings, Protocol):
    """What carries requests and streams: the browser, or a test. See `browser.transport`."""

    @property
    def same_origin(self) -> bool: ...

    async def send(self, request: rest.Request, headers: dict[str, str], timeout: float) -> rest.Response: ...

    def attach(self, file: Any, name: str | None) -> Attachment: ...

    async def put(self, url: str, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> None: ...

    async def listen_fetch(self, request: rest.Request, headers: dict[str, str], listener: StreamListener) -> None: ...

    async def listen_native(self, path: str, listener: StreamListener) -> None: ...


class PushpinBackend(Backend):
    """REST calls, each with the user key, and the stream in one of two ways."""

    calls = rest
    begins = True

    def __init__(
        self, transport: Transport, event_source: EventSourceChoice, headers: dict[str, str], timeout: float
    ) -> None:
        super().__init__(transport)
        self._transport = transport
        self._timeout = timeout
        self._headers = headers
        self._event_source = event_source
        # "auto" does not put the key into the URL of another origin: URLs end up in logs.
        self._native = event_source == "native" or (event_source == "auto" and transport.same_origin)
        self._key = ""
        self._last_event: tuple[str, str] = ("", "")

    async def log_in(self, credentials: Credentials | None, profile: Profile) -> Credentials:
        if credentials is None:
            credentials = await self._call(rest.create_user(profile), key="")
        else:
            await self._check(credentials)
            if any(field is not None for field in profile):
                await self._call(rest.update_user(profile), credentials.user_token)
        self.begin_as(credentials)
        return credentials

    def begin_as(self, credentials: Credentials) -> None:
        self._key, self._expired = credentials.user_token, None

    def log_out(self) -> None:
        self._key, self._expired = "", None

    async def request(self, call: Call[T]) -> T:
        if self._expired is not None:
            raise self._expired
        key = self._key
        try:
            return await self._call(call, key)
        except Unauthorized:
            await self._confirm(key)
            raise

    def attach(self, file: Any, name: str | None) -> Attachment:
        return self._transport.attach(file, name)

    async def upload(self, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> Upload:
        # Keys are unique for each bot, names are not.
        key = f"{os.urandom(8).hex()}-{attachment.name}"
        upload = await self.request(rest.create_file(key, attachment.size, attachment.content_type))
        await self._transport.put(upload.upload_url, attachment, on_progress)
        return upload

    async def begin(self, credentials: Credentials | None, conversation_id: str | None, sink: Sink) -> None:
        key = credentials.user_token if credentials else ""
        listener = _Listener(sink, self.retry, "")
        try:
            await self._listen(rest.initialize(conversation_id), key, listener)
        finally:
            self.retry = listener.retry

    def read_beginning(self, signal: Signal) -> Beginning | None:
        if not isinstance(signal, UnknownSignal) or signal.type != "init":
            return None
        try:
            return rest.read_beginning(signal.data)
        except Misfit as error:
            log.debug("the server's signal init cannot be read: %s", error)
            return None

    async def listen(self, conversation_id: str, sink: Sink) -> None:
        if self._expired is not None:
            raise self._expired
        last_conversation, last_event_id = self._last_event
        listener = _Listener(sink, self.retry, last_event_id if last_conversation == conversation_id else "")
        key = self._key
        try:
            await self._listen(rest.listen(conversation_id, listener.last_event_id), key, listener)
        except Unauthorized:
            await self._confirm(key)
            raise
        except StreamRefused:
            # The stream does not tell why; the conversation's own status may.
            await self.check_conversation(conversation_id)
            raise
        except WebchatError as error:
            log.debug("the event stream ended: %s", type(error).__name__)
            raise
        finally:
            self.retry = listener.retry
            self._last_event = (conversation_id, listener.last_event_id)

    async def _listen(self, request: rest.Request, key: str, listener: _Listener) -> None:
        if self._native:
            log.debug("%s %s (EventSource)", request.method, request.path)
            joint = "&" if "?" in request.path else "?"
            path = f"{request.path}{joint}{rest.KEY_HEADER}={quote(key)}" if key else request.path
            try:
                return await self._transport.listen_native(path, listener)
            except StreamRefused:
                if self._event_source == "native" or listener.opened:
                    raise
                log.info("the server refused the native event stream; trying fetch")
        log.debug("%s %s (fetch)", request.method, request.path)
        try:
            await self._transport.listen_fetch(request, self._headers_with(key), listener)
        finally:
            self._native = self._native and not listener.opened
        return None

    async def _check(self, credentials: Credentials) -> None:
        """Raises where these are not, or no longer, a user's."""
        try:
            try:
                user = await self._call(rest.get_user(), credentials.user_token)
            except (Unauthorized, NotFound):
                # Confirmed, for who one is hangs on it.
                user = await self._call(rest.get_user(), credentials.user_token)
        except (Unauthorized, NotFound) as error:
            raise SessionExpired(f"The server does not know the user {credentials.user_id}: {error}") from error
        if user.id != credentials.user_id:
            raise ValueError("These credentials do not belong together: user_token is another user's")

    async def _confirm(self, key: str) -> None:
        """After a 401: raises `SessionExpired` where the server does not know the user any more."""
        if key != self._key:
            return
        try:
            await self._call(rest.get_user(), key)
        except (Unauthorized, NotFound) as error:
            if key != self._key:
                return
            if self._expired is None:
                self._expired = SessionExpired(f"The server does not know the user any more: {error}")
                self.on_expired(self._expired)
            raise self._expired from None
        except WebchatError as error:
            log.debug("whether the user is known could not be learned: %s", type(error).__name__)

    async def _call(self, call: Call[T], key: str) -> T:
        request: rest.Request = call.request
        headers = self._headers_with(key)
        if request.body is not None:
            headers["content-type"] = "application/json"
        try:
            response = await self._transport.send(request, headers, self._timeout)
        except NetworkError as error:
            log.debug("%s %s: %s", request.method, request.path, type(error).__name__)
            raise
        log.debug("%s %s: %d", request.method, request.path, response.status)
        return rest.read_answer(call, response)

    def _headers_with(self, key: str) -> dict[str, str]:
        return {**self._headers, rest.KEY_HEADER: key} if key else dict(self._headers)


class _Listener:
    """Turns the events of a stream into signals."""

    def __init__(self, sink: Sink, retry: float, last_event_id: str) -> None:
        self._sink = sink
        self.on_bytes = sink.on_bytes
        self.retry = retry
        self.last_event_id = last_event_id
        self.opened = False

    def on_open(self) -> None:
        self.opened = True
        self._sink.on_open()

    def on_event(self, data: str) -> None:
        signal = parse_signal(data)
        if signal is not None:
            self._sink.on_signal(signal)
