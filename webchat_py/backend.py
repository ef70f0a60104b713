"""What the two modes have in common, and what the client needs of one. `client.py` does not know which it has."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from .channel import Sink
from .wire.calls import Beginning, Call, Page, Profile, Upload
from .wire.errors import SessionExpired
from .wire.files import Attachment
from .wire.models import Credentials, Message
from .wire.payloads import Payload
from .wire.ports import CallLater, Wake
from .wire.signals import Signal

if TYPE_CHECKING:
    from .calls import Calls

T = TypeVar("T")


class Surroundings(Protocol):
    """What a page, or a test, tells of itself."""

    @property
    def online(self) -> bool: ...
    @property
    def call_later(self) -> CallLater: ...
    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]: ...


class Backend:
    """Speaks for one user at a time: `log_in` says for whom. A mode is a subclass."""

    calls: Calls
    begins = False
    """Whether it is worth a try to `begin`."""
    bots_begin = False
    """Whether bots say something in a new conversation before they are told of it."""
    retry = 0.0
    """Seconds that the server wants between attempts to open a stream."""

    def __init__(self, surroundings: Surroundings) -> None:
        self._surroundings = surroundings
        self._expired: SessionExpired | None = None
        self.on_expired: Callable[[SessionExpired], None] = lambda _error: None
        """Called once when the server does not know the user any more."""
        self.on_signal: Callable[[Signal], None] = lambda _signal: None
        """Called with what comes though nobody listens."""

    # What a mode does in its own way

    async def log_in(self, credentials: Credentials | None, profile: Profile) -> Credentials:
        """Go on as the user of `credentials`, or a new one. Raises `SessionExpired` where there is no such user."""
        raise NotImplementedError

    def log_out(self) -> None:
        raise NotImplementedError

    async def request(self, call: Call[T]) -> T:
        """Make a call as the user who is logged in. Raises `SessionExpired` where there is no such user any more."""
        raise NotImplementedError

    def check(self, call: Call[Any]) -> None:
        """Raise what will keep a call from being sent, as far as it is known now."""

    async def begin(self, credentials: Credentials | None, conversation_id: str | None, sink: Sink) -> None:
        """As `listen`, to this conversation or a new one, as this user or a new one; nobody needs to be logged in.

        What it is comes as the first signal, for `read_beginning`. The server may choose others, of which it does not
        say why; so where they differ from what was asked for nothing is known.
        """
        raise NotImplementedError

    def read_beginning(self, signal: Signal) -> Beginning | None:
        raise NotImplementedError

    def begin_as(self, credentials: Credentials) -> None:
        """Go on as the user of a beginning."""
        raise NotImplementedError

    async def listen(self, conversation_id: str, sink: Sink) -> None:
        """Run the event stream until the server ends it. Raises when it is refused or lost."""
        raise NotImplementedError

    def attach(self, file: Any, name: str | None) -> Attachment:
        raise NotImplementedError

    async def upload(self, attachment: Attachment, on_progress: Callable[[int, int], None] | None) -> Upload:
        """Store a file where everybody who knows its address can read it, and say where."""
        raise NotImplementedError

    # What all do alike

    @property
    def call_later(self) -> CallLater:
        return self._surroundings.call_later

    @property
    def online(self) -> bool:
        return self._surroundings.online

    def watch(self, on_wake: Callable[[Wake], None]) -> Callable[[], None]:
        """Be told what happens to the page, until the function that it returns is called."""
        return self._surroundings.watch(on_wake)

    async def create_conversation(self) -> str:
        return await self.request(self.calls.create_conversation())

    async def start_conversation(self, conversation_id: str) -> None:
        await self.request(self.calls.start_conversation(conversation_id))

    async def create_message(
        self, conversation_id: str, payload: Payload, metadata: dict[str, Any], reply_to: str | None
    ) -> Message:
        return await self.request(self.calls.create_message(conversation_id, payload, metadata, reply_to))

    async def delete_conversation(self, conversation_id: str) -> None:
        await self.request(self.calls.delete_conversation(conversation_id))

    async def list_messages(self, conversation_id: str, token: str | None) -> Page[Message]:
        return await self.request(self.calls.list_messages(conversation_id, token))

    async def check_conversation(self, conversation_id: str) -> None:
        """Raise what the server has against this user listening to a conversation."""
        await self.request(self.calls.get_conversation(conversation_id))
