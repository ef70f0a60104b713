"""The types of `on` and `once`: which event hands what to its handlers. For type checkers; never loaded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias, TypeVar, overload

from .wire.models import Connection, Message, Typing

Unsubscribe: TypeAlias = Callable[[], None]

# A handler may be a plain function or a coroutine function; what it returns is not looked at.
OnMessage: TypeAlias = Callable[[Message], object]
OnConversation: TypeAlias = Callable[[str], object]
OnTyping: TypeAlias = Callable[[Typing], object]
OnConnection: TypeAlias = Callable[[Connection], object]
OnError: TypeAlias = Callable[[Exception], object]
OnAny: TypeAlias = Callable[[str, Any], object]

MessageHandler = TypeVar("MessageHandler", bound=OnMessage)
ConversationHandler = TypeVar("ConversationHandler", bound=OnConversation)
TypingHandler = TypeVar("TypingHandler", bound=OnTyping)
ConnectionHandler = TypeVar("ConnectionHandler", bound=OnConnection)
ErrorHandler = TypeVar("ErrorHandler", bound=OnError)
AnyHandler = TypeVar("AnyHandler", bound=OnAny)


class Registrar(Protocol):
    @overload
    def __call__(self, event: Literal["message", "message_sent"], handler: OnMessage) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["conversation"], handler: OnConversation) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["is_typing"], handler: OnTyping) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["connection"], handler: OnConnection) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["error"], handler: OnError) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["*"], handler: OnAny) -> Unsubscribe: ...
    @overload
    def __call__(self, event: Literal["message", "message_sent"]) -> Callable[[MessageHandler], MessageHandler]: ...
    @overload
    def __call__(self, event: Literal["conversation"]) -> Callable[[ConversationHandler], ConversationHandler]: ...
    @overload
    def __call__(self, event: Literal["is_typing"]) -> Callable[[TypingHandler], TypingHandler]: ...
    @overload
    def __call__(self, event: Literal["connection"]) -> Callable[[ConnectionHandler], ConnectionHandler]: ...
    @overload
    def __call__(self, event: Literal["error"]) -> Callable[[ErrorHandler], ErrorHandler]: ...
    @overload
    def __call__(self, event: Literal["*"]) -> Callable[[AnyHandler], AnyHandler]: ...
