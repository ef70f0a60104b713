"""A Botpress Webchat client in pure Python, for the browser. Start with `get_client`."""

from .client import WebchatClient, get_client
from .wire.errors import (
    ApiError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NetworkError,
    NotFound,
    RateLimited,
    RequestTimeout,
    ServerError,
    StateError,
    StreamError,
    StreamRefused,
    TooLarge,
    Unauthorized,
    WebchatError,
)
from .wire.models import Connection, Credentials, Message, Typing
from .wire.payloads import Choice, Markdown, Option, Payload, Text, Unknown

__all__ = [
    "ApiError",
    "Choice",
    "Conflict",
    "Connection",
    "Credentials",
    "Forbidden",
    "InvalidRequest",
    "Markdown",
    "Message",
    "NetworkError",
    "NotFound",
    "Option",
    "Payload",
    "RateLimited",
    "RequestTimeout",
    "ServerError",
    "StateError",
    "StreamError",
    "StreamRefused",
    "Text",
    "TooLarge",
    "Typing",
    "Unauthorized",
    "Unknown",
    "WebchatClient",
    "WebchatError",
    "get_client",
]
