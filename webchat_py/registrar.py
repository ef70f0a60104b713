"""The types of `on`, `once` and `wait_for`: which event has which value. For type checkers; never loaded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload

from .wire.models import Connection, Message, Typing, User

Unsubscribe: TypeAlias = Callable[[], None]

# The names of the events, by the type of their value.
MessageEvent: TypeAlias = Literal["message", "message_sent", "own_message", "message_updated", "message_status"]
TextEvent: TypeAlias = Literal["conversation", "participant_removed", "webchat_visibility"]
TypingEvent: TypeAlias = Literal["is_typing"]
UserEvent: TypeAlias = Literal["participant_added"]
DictEvent: TypeAlias = Literal["webchat_config", "custom_event"]
ConnectionEvent: TypeAlias = Literal["connection"]
ErrorEvent: TypeAlias = Literal["error", "session_expired"]

# A handler may be a plain function or a coroutine function; what it returns is not looked at.
OnMessage: TypeAlias = Callable[[Message], object]
OnText: TypeAlias = Callable[[str], object]
OnTyping: TypeAlias = Callable[[Typing], object]
OnUser: TypeAlias = Callable[[User], object]
OnDict: TypeAlias = Callable[[dict[str, Any]], object]
OnConnection: TypeAlias = Callable[[Connection], object]
OnError: TypeAlias = Callable[[Exception], object]
OnAny: TypeAlias = Callable[[str, Any], object]

MessageHandler = TypeVar("MessageHandler", bound=OnMessage)
TextHandler = TypeVar("TextHandler", bound=OnText)
TypingHandler = TypeVar("TypingHandler", bound=OnTyping)
UserHandler = TypeVar("UserHandler", bound=OnUser)
DictHandler = TypeVar("DictHandler", bound=OnDict)
ConnectionHandler = TypeVar("ConnectionHandler", bound=OnConnection)
ErrorHandler = TypeVar("ErrorHandler", bound=OnError)
AnyHandler = TypeVar("AnyHandler", bound=OnAny)


class Registrar(Protocol):
    @overload
    def __call__(self, event: MessageEvent, handler: OnMessage) -> Unsubscribe: ...
    @overload
    def __call__(self, event: TextEvent, handler: OnText) -> Unsubscribe: ...
    @overload
    def __call__(self, event: TypingEvent, handler: OnTyping) -> Unsubscribe: ...
    @overload
    def __call__(self, event: UserEvent, handler: OnUser) -> Unsubscribe: ...
    @overload
    def __call__(self, event: DictEvent, handler: OnDict) -> Unsubscribe: ...
    @overload
    def __call__(self, event: ConnectionEvent, handler: OnConnection) -> Unsubscribe: ...
    @overload
    def __call__(self, event: ErrorEvent, handler: OnError) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["*"], handler: OnAny) -> Unsubscribe: ...
    @overload
    def __call__(self, event: MessageEvent) -> Callable[[MessageHandler], MessageHandler]: ...
    @overload
    def __call__(self, event: TextEvent) -> Callable[[TextHandler], TextHandler]: ...
    @overload
    def __call__(self, event: TypingEvent) -> Callable[[TypingHandler], TypingHandler]: ...
    @overload
    def __call__(self, event: UserEvent) -> Callable[[UserHandler], UserHandler]: ...
    @overload
    def __call__(self, event: DictEvent) -> Callable[[DictHandler], DictHandler]: ...
    @overload
    def __call__(self, event: ConnectionEvent) -> Callable[[ConnectionHandler], ConnectionHandler]: ...
    @overload
    def __call__(self, event: ErrorEvent) -> Callable[[ErrorHandler], ErrorHandler]: ...
    @overload
    def __call__(self, event: Literal["*"]) -> Callable[[AnyHandler], AnyHandler]: ...


class Waiter(Protocol):
    @overload
    def __call__(self, event: MessageEvent, timeout: float | None = None) -> Awaitable[Message]: ...
    @overload
    def __call__(self, event: TextEvent, timeout: float | None = None) -> Awaitable[str]: ...
    @overload
    def __call__(self, event: TypingEvent, timeout: float | None = None) -> Awaitable[Typing]: ...
    @overload
    def __call__(self, event: UserEvent, timeout: float | None = None) -> Awaitable[User]: ...
    @overload
    def __call__(self, event: DictEvent, timeout: float | None = None) -> Awaitable[dict[str, Any]]: ...
    @overload
    def __call__(self, event: ConnectionEvent, timeout: float | None = None) -> Awaitable[Connection]: ...
    @overload
    def __call__(self, event: ErrorEvent, timeout: float | None = None) -> Awaitable[Exception]: ...
    @overload
    def __call__(self, event: Literal["*"], timeout: float | None = None) -> Awaitable[tuple[str, Any]]: ...


class BlockingWaiter(Protocol):
    @overload
    def __call__(self, event: MessageEvent, timeout: float | None = None) -> Message: ...
    @overload
    def __call__(self, event: TextEvent, timeout: float | None = None) -> str: ...
    @overload
    def __call__(self, event: TypingEvent, timeout: float | None = None) -> Typing: ...
    @overload
    def __call__(self, event: UserEvent, timeout: float | None = None) -> User: ...
    @overload
    def __call__(self, event: DictEvent, timeout: float | None = None) -> dict[str, Any]: ...
    @overload
    def __call__(self, event: ConnectionEvent, timeout: float | None = None) -> Connection: ...
    @overload
    def __call__(self, event: ErrorEvent, timeout: float | None = None) -> Exception: ...
    @overload
    def __call__(self, event: Literal["*"], timeout: float | None = None) -> tuple[str, Any]: ...
