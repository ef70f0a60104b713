"""Every error that the client raises.

WebchatError
├── StateError              the call does not fit what the client is doing
├── NetworkError            no answer: offline, refused, DNS, CORS
│   └── RequestTimeout      no answer in time; a TimeoutError as well
├── StreamError             what came over the event stream is none, or it ended
│   └── StreamRefused       the browser's EventSource was refused; it does not tell why
├── UploadError             a file could not be stored; no message was sent
├── SessionExpired          the server does not know the user any more
├── ConversationGone        the conversation was deleted, or is closed to this user
├── DeliveryUncertain       a message may have arrived or not; it was not sent twice on a guess
├── NotSupportedInMode      the mode has no such call; nothing was sent
└── ApiError                the server answered with an error
    ├── InvalidRequest      400, 415   what was sent is not acceptable
    ├── Unauthorized        401        missing or unknown user key
    ├── Forbidden           402, 403   known user, but not allowed
    ├── NotFound            404, 405, 410
    ├── Conflict            409
    ├── TooLarge            413
    ├── RateLimited         429
    └── ServerError         500 and above, and answers that make no sense

No message, attribute or repr ever holds a user key.
"""

from __future__ import annotations

from typing import Any


class WebchatError(Exception):
    """Base of all errors of this package.

    `retryable` says whether the same call may succeed later without any change.
    """

    retryable: bool = False

    def __reduce__(self) -> tuple[Any, ...]:
        # Python's own way calls the class with `args` alone, which not all take
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(kind: type[WebchatError], args: tuple[Any, ...], state: dict[str, Any]) -> WebchatError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class StateError(WebchatError):
    """The call does not fit what the client is doing; the message says what to call first."""


class NetworkError(WebchatError):
    """No answer came from the server. Browsers do not tell scripts why."""

    retryable = True


class RequestTimeout(NetworkError, TimeoutError):
    """What was waited for did not come in time. The server may have carried out a request all the same."""


class StreamError(WebchatError):
    """What came over the event stream is none, or the stream ended."""

    retryable = True


class StreamRefused(StreamError):
    """The browser's `EventSource` was refused. It tells scripts neither status nor reason."""

    retryable = False


class UploadError(WebchatError):
    """A file could not be stored, and so no message was sent. `status` is HTTP's, `None` without an answer."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retryable = status is None or status >= 500


class SessionExpired(WebchatError):
    """The server does not know the user any more. `connect()` makes a new one."""


class ConversationGone(WebchatError):
    """The conversation was deleted, or this user may not take part in it any more. Choose another one."""


class DeliveryUncertain(WebchatError):
    """Whether the server has the message cannot be told, so it was not sent again."""


class NotSupportedInMode(WebchatError):
    """The mode has no such call, or argument of a call. Nothing was sent."""

    def __init__(self, mode: str, method: str, instead: str = "") -> None:
        hint = f". {instead}" if instead else ""
        super().__init__(f"Mode {mode!r} has no {method}{hint}")
        self.mode = mode
        self.method = method


class ApiError(WebchatError):
    """The server answered with an error.

    Attributes:
        status: HTTP status of the answer; in mode "messaging", which has none, that which the other mode would have.
        code: the code in the body; the HTTP status where there is none.
        type: Botpress's name of the error, such as `"ResourceNotFound"`; `"Unknown"` where there is none.
        id: the server's id of this error, for its operators' logs; `None` where there is none.
        message: the server's text.
        retry_after: seconds that the server asks one to wait, `None` where it did not say.
        over_http: whether `status` is of an HTTP answer.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: int | None = None,
        type: str = "Unknown",
        id: str | None = None,
        over_http: bool = True,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.over_http = over_http
        self.status = status
        self.code = status if code is None else code
        self.type = type
        self.id = id
        self.retry_after: float | None = None
        # A 2xx that is none of this API's answers is some proxy's or login page's, which goes away.
        self.retryable = status in (408, 429) or status >= 500 or status < 300

    def __str__(self) -> str:
        return f"{self.message} (HTTP {self.status}, {self.type})" if self.over_http else self.message


class InvalidRequest(ApiError):
    """The server does not accept what was sent (400, 415)."""


class Unauthorized(ApiError):
    """The user key is missing or unknown (401)."""


class Forbidden(ApiError):
    """The user is known but not allowed to do this, or a quota is used up (402, 403)."""


class NotFound(ApiError):
    """What was asked for does not exist (404, 405, 410)."""


class Conflict(ApiError):
    """The request does not fit the present state of what it is about (409)."""


class TooLarge(ApiError):
    """The request or what it would make is too large (413)."""


class RateLimited(ApiError):
    """Too many requests (429)."""


class ServerError(ApiError):
    """The server failed (500 and above), or gave an answer that makes no sense."""
