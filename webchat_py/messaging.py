"""Mode "messaging": one socket for all of a user's conversations, kept by whoever needs it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol, TypeVar

from .backend import Backend, Surroundings
from .channel import Sink
from .operations import Operation
from .pauses import done_within
from .wire import messaging
from .wire.calls import Call, Profile, Upload
from .wire.errors import NetworkError, RequestTimeout, SessionExpired, StateError, StreamError
from .wire.files import Attachment
from .wire.models import Credentials
from .wire.payloads import Misfit
from .wire.signals import MessageCreated, Signal
from .wire.socketio import LEAVE, PATH, Ended, Refused, SocketIO, Told

T = TypeVar("T")

log = logging.getLogger("webchat_py")

MESSAGE_TOO_BIG = 1009
"""The code of RFC 6455."""
NO_SERVER = "Is api_url the address of a Messaging server?"


class Socket(Protocol):
    """A WebSocket. See `browser.websocket`."""

    def send(self, text: str) -> None: ...
    def close(self) -> None: ...


class SocketTransport(Surroundings, Protocol):
    """What opens sockets: the browser, or a test."""

    def open_socket(
        self, path: str, on_text: Callable[[str | None], None], on_end: Callable[[int], None]
    ) -> Socket: ...


class MessagingBackend(Backend):
    """Keeps a socket open for those who listen, and opens one for those who ask.

    Each login, also that of a socket which takes the place of a lost one, says the same credentials and user data: the
    server makes another user for who says none, and takes the data for gone.
    """

    calls = messaging
    bots_begin = True

    def __init__(self, transport: SocketTransport, client_id: str, timeout: float) -> None:
        super().__init__(transport)
        self._transport = transport
        self._client_id = client_id
        self._timeout = timeout
        self._credentials: Credentials | None = None
        self._profile = Profile()
        self._link: _Link | None = None
        self._opening: Operation[_Link] | None = None
        self._listeners: list[tuple[str, Sink]] = []
        self._new_user: Credentials | None = None

    async def log_in(self, credentials: Credentials | None, profile: Profile) -> Credentials:
        # In place of a user that it does not know the server has made a new one already.
        link, logged_in = await self._open(credentials or self._new_user, profile)
        if credentials is not None and logged_in.user_id != credentials.user_id:
            link.leave()
            self._new_user = logged_in
            raise _expired(credentials)
        self.log_out()
        self._credentials, self._profile, self._link = logged_in, profile, link
        return logged_in

    def log_out(self) -> None:
        self._credentials = self._expired = self._new_user = None
        if self._opening is not None:
            self._opening.task.cancel()
        if self._link is not None:
            self._link.leave()
        self._opening = self._link = None

    async def request(self, call: Call[T]) -> T:
        link = await self._live()
        answer = await link.ask(call.request, self._timeout)
        return messaging.read_answer(call, answer)

    def check(self, call: Call[Any]) -> None:
        if self._link is not None:
            self._link.frame(call.request, "")

    async def listen(self, conversation_id: str, sink: Sink) -> None:
        link = await self._live()
        listener = (conversation_id, sink)
        self._listeners.append(listener)
        sink.allow_silence(link.silence)
        sink.on_open()
        try:
            await link.ended()
        except asyncio.CancelledError:
            # Who only stops listening leaves the socket to others.
            if sink.failure is not None:
                link.lose(sink.failure)
            raise
        finally:
            self._listeners.remove(listener)

    def attach(self, file: Any, name: str | None) -> Attachment:
        messaging.send_file()

    async def upload(self, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> Upload:
        messaging.send_file()

    async def _live(self) -> _Link:
        """The socket, or another one in its place. All who need one wait for the same."""
        if self._expired is not None:
            raise self._expired
        if self._credentials is None:
            raise StateError("The client is not connected. Call connect() first")
        if self._link is not None and self._link.is_live():
            return self._link
        if self._opening is None or not self._opening.running:
            self._opening = Operation(self._log_in_again(self._credentials))
        return await self._opening.result()

    async def _log_in_again(self, credentials: Credentials) -> _Link:
        link, logged_in = await self._open(credentials, self._profile)
        if logged_in.user_id != credentials.user_id:
            link.leave()
            self._expired = _expired(credentials)
            self.on_expired(self._expired)
            raise self._expired
        self._link = link
        return link

    async def _open(self, credentials: Credentials | None, profile: Profile) -> tuple[_Link, Credentials]:
        protocol = SocketIO(messaging.auth(self._client_id, credentials))
        link = _Link(self._transport, PATH + messaging.query(profile), protocol, self._on_bytes, self._on_push)
        try:
            return link, messaging.read_login(await link.log_in(self._timeout), credentials)
        except Misfit as misfit:
            link.leave()
            raise StreamError(f"The server's answer to the login has not the expected shape: {misfit}") from None
        except BaseException:
            link.leave()
            raise

    def _on_bytes(self) -> None:
        for _, sink in self._listeners:
            sink.on_bytes()

    def _on_push(self, kind: str, data: Any) -> None:
        signal = messaging.read_push(kind, data)
        # While the conversation is changed there are two who listen, and nothing is to be told twice.
        concerned = [sink for conversation_id, sink in self._listeners if conversation_id == _conversation_of(signal)]
        for sink in concerned or [sink for _, sink in self._listeners[:1]]:
            sink.on_signal(signal)
        if not self._listeners:
            self.on_signal(signal)


class _Link:
    """One socket, from its opening to its end; and the requests whose answers are out."""

    def __init__(
        self,
        transport: SocketTransport,
        path: str,
        protocol: SocketIO,
        on_bytes: Callable[[], None],
        on_push: Callable[[str, Any], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self._time = loop.time
        self._call_later = transport.call_later
        self._protocol = protocol
        self._on_bytes = on_bytes
        self._on_push = on_push
        self._login: asyncio.Future[Any] = loop.create_future()
        self._asked: dict[str, _Asked] = {}
        self._waiting: set[asyncio.Future[None]] = set()
        self._failure: Exception | None = None
        self._last_seen = self._time()
        self._socket = transport.open_socket(path, self._on_text, self._on_end)

    @property
    def silence(self) -> float:
        """Seconds for which the server may say nothing."""
        return self._protocol.silence

    def is_live(self) -> bool:
        """Whether it may be used. One that has been silent for too long is lost, and nobody has noticed."""
        if self._time() - self._last_seen > self.silence:
            self.lose(StreamError("Nothing came over the socket for too long"))
        return self._failure is None

    async def log_in(self, timeout: float) -> Any:
        """What the server says of the login. Raises what it ends with."""
        return await self._within(timeout, self._login, "the login")

    def frame(self, request: messaging.Request, request_id: str) -> tuple[str, int]:
        """The frame of a request, and its bytes. Raises `TooLarge` where the server takes no such frame."""
        frame = messaging.encode_request(request, request_id)
        size, limit = len(frame.encode()), self._protocol.max_packet
        if size > limit:
            raise messaging.too_large(size, limit)
        return frame, size

    async def ask(self, request: messaging.Request, timeout: float) -> Any:
        """The answer to a request. It may have been carried out though there is none."""
        if self._failure is not None:
            raise self._failure
        request_id = os.urandom(8).hex()
        frame, size = self.frame(request, request_id)
        answer = asyncio.get_running_loop().create_future()
        self._asked[request_id] = _Asked(answer, size)
        self._socket.send(frame)
        try:
            return await self._within(timeout, answer, request.type)
        finally:
            del self._asked[request_id]

    async def ended(self) -> NoReturn:
        """Wait until it ends, and raise what it ends with."""
        end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.add(end)
        try:
            if self._failure is None:
                await end
        finally:
            self._waiting.discard(end)
        raise self._failure or StreamError("The socket was closed")

    def leave(self) -> None:
        """End it in good order."""
        if self._failure is None and self._login.done():
            self._socket.send(LEAVE)
        self.lose(StreamError("The socket was closed"))

    def lose(self, error: Exception) -> None:
        """End it; so does everything that waits for something from it."""
        if self._failure is not None:
            return
        self._failure = error
        self._socket.close()
        for future in (self._login, *(asked.answer for asked in self._asked.values())):
            _fail(future, error if isinstance(error, NetworkError) else _broken(error))
        for end in self._waiting:
            if not end.done():
                end.set_result(None)

    async def _within(self, timeout: float, answer: asyncio.Future[Any], what: str) -> Any:
        if not await done_within(timeout, self._call_later, answer):
            raise RequestTimeout(f"No answer to {what} within {timeout:g} s")
        return answer.result()

    def _on_text(self, text: str | None) -> None:
        if self._failure is not None:
            return
        self._last_seen = self._time()
        self._on_bytes()
        try:
            if text is None:
                raise Misfit("no text")
            reply, happening = self._protocol.receive(text)
        except Misfit as misfit:
            self.lose(StreamError(f"What came over the socket is {misfit}. {NO_SERVER}"))
            return
        if reply is not None:
            self._socket.send(reply)
        match happening:
            case Refused(message):
                _fail(self._login, messaging.login_refused(message))
            case Told("login", value) if not self._login.done():
                self._login.set_result(value)
            case Told("message", {"request": str(request), "data": data}):
                if (asked := self._asked.get(request)) is not None and not asked.answer.done():
                    asked.answer.set_result(data)
            case Told("message", {"type": str(kind)} as push):
                self._on_push(kind, push.get("data"))
            case Ended():
                self.lose(NetworkError("The server ended the connection"))

    def _on_end(self, code: int) -> None:
        log.debug("the socket was closed with code %d", code)
        if code == MESSAGE_TOO_BIG and self._asked:
            # The others may well be carried out over another connection.
            largest = max(self._asked.values(), key=lambda asked: asked.size)
            _fail(largest.answer, messaging.too_large(largest.size, None))
        where = "broke" if self._login.done() else f"could not be opened, or broke. {NO_SERVER}"
        self.lose(NetworkError(f"The connection {where} (code {code}); browsers do not tell scripts why"))


class _Asked(NamedTuple):
    """A request whose answer is out, and the bytes of its frame."""

    answer: asyncio.Future[Any]
    size: int


def _fail(answer: asyncio.Future[Any], error: Exception) -> None:
    if not answer.done():
        answer.set_exception(error)
        answer.exception()  # nobody needs to be waiting for it


def _broken(error: Exception) -> NetworkError:
    """What those get who wait for an answer. It is not known whether the request was carried out."""
    return NetworkError(f"The connection broke before the answer came: {error}")


def _expired(credentials: Credentials) -> SessionExpired:
    return SessionExpired(
        f"The server does not know the user {credentials.user_id}, or not by this token: it made a new user instead"
    )


def _conversation_of(signal: Signal) -> str | None:
    if isinstance(signal, MessageCreated):
        return signal.message.conversation_id
    return getattr(signal, "conversation_id", None)
