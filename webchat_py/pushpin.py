"""Mode "pushpin": REST calls, and an event stream for each conversation that is listened to."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeVar

from .channel import Sink
from .wire import rest
from .wire.errors import NetworkError, NotFound, SessionExpired, StreamRefused, Unauthorized, WebchatError
from .wire.files import Attachment
from .wire.models import Credentials, Message
from .wire.payloads import Payload
from .wire.ports import CallLater, StreamListener, Wake
from .wire.signals import parse_signal

T = TypeVar("T")
EventSourceChoice = Literal["auto", "native", "fetch"]

log = logging.getLogger("webchat_py")


class Transport(Protocol):
    """What carries requests and streams: the browser, or a test. See `browser.transport`."""

    @property
    def same_origin(self) -> bool: ...

    @property
    def online(self) -> bool: ...

    @property
    def call_later(self) -> CallLater: ...

    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]: ...

    async def send(self, request: rest.Request, headers: dict[str, str], timeout: float) -> rest.Response: ...

    def attach(self, file: Any, name: str | None) -> Attachment: ...

    async def put(self, url: str, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> None: ...

    async def listen_fetch(self, request: rest.Request, headers: dict[str, str], listener: StreamListener) -> None: ...

    async def listen_native(self, path: str, listener: StreamListener) -> None: ...


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
        self._retry = 0.0
        self._last_event: tuple[str, str] = ("", "")
        self._expired: SessionExpired | None = None
        self.on_expired: Callable[[SessionExpired], None] = lambda _error: None
        """Called once when the server does not know the user any more."""

    @property
    def call_later(self) -> CallLater:
        return self._transport.call_later

    @property
    def online(self) -> bool:
        return self._transport.online

    @property
    def retry(self) -> float:
        """Seconds that the server wants between attempts to open a stream."""
        return self._retry

    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]:
        """Be told what happens to the page, until the function that it returns is called."""
        return self._transport.watch(on_wake)

    async def log_in(self, credentials: Credentials | None, profile: rest.Profile) -> Credentials:
        """Go on as the user of `credentials`, or a new one. Raises `SessionExpired` where there is no such user."""
        if credentials is None:
            credentials = await self._call(rest.create_user(profile), key="")
        else:
            await self._check(credentials)
            if any(field is not None for field in profile):
                await self._call(rest.update_user(profile), credentials.user_token)
        self._key, self._expired = credentials.user_token, None
        return credentials

    def log_out(self) -> None:
        self._key, self._expired = "", None

    async def request(self, call: rest.Call[T]) -> T:
        """Make a call as the user who is logged in. Raises `SessionExpired` where there is no such user any more."""
        if self._expired is not None:
            raise self._expired
        key = self._key
        try:
            return await self._call(call, key)
        except Unauthorized:
            await self._confirm(key)
            raise

    async def create_conversation(self) -> str:
        return await self.request(rest.create_conversation())

    async def start_conversation(self, conversation_id: str) -> None:
        await self.request(rest.create_event(conversation_id, "conversation_started", {}))

    async def create_message(
        self, conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None
    ) -> Message:
        return await self.request(rest.create_message(conversation_id, payload, metadata, reply_to))

    async def delete_conversation(self, conversation_id: str) -> None:
        await self.request(rest.delete_conversation(conversation_id))

    async def list_messages(self, conversation_id: str, token: str | None) -> rest.Page[Message]:
        return await self.request(rest.list_messages(conversation_id, token))

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

    async def listen(self, conversation_id: str, sink: Sink) -> None:
        """Run the event stream until the server ends it. Raises when it is refused or lost."""
        if self._expired is not None:
            raise self._expired
        last_conversation, last_event_id = self._last_event
        listener = _Listener(sink, self._retry, last_event_id if last_conversation == conversation_id else "")
        key = self._key
        try:
            await self._listen(rest.listen(conversation_id, listener.last_event_id), conversation_id, key, listener)
        except Unauthorized:
            await self._confirm(key)
            raise
        except WebchatError as error:
            log.debug("the event stream ended: %s", type(error).__name__)
            raise
        finally:
            self._retry = listener.retry
            self._last_event = (conversation_id, listener.last_event_id)

    async def _listen(self, request: rest.Request, conversation_id: str, key: str, listener: _Listener) -> None:
        if self._native:
            log.debug("%s %s (EventSource)", request.method, request.path)
            joint = "&" if "?" in request.path else "?"
            try:
                path = f"{request.path}{joint}{rest.KEY_HEADER}={rest.quote(key)}"
                return await self._transport.listen_native(path, listener)
            except StreamRefused:
                if self._event_source == "native" or listener.opened:
                    # The stream does not tell why; the conversation's own status may.
                    await self.check_conversation(conversation_id)
                    raise
                log.info("the server refused the native event stream; trying fetch")
        log.debug("%s %s (fetch)", request.method, request.path)
        try:
            await self._transport.listen_fetch(request, {**self._headers, rest.KEY_HEADER: key}, listener)
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
