"""What is the matter, in the reader's words: the connection's state, and why something failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from webchat_py import (
    ConversationGone,
    DeliveryUncertain,
    NetworkError,
    RequestTimeout,
    ServerError,
    SessionExpired,
    StreamError,
    TooLarge,
    UploadError,
)

if TYPE_CHECKING:
    from .shell import Words

_STATES = {
    "connecting": ("connecting", "writeAlready"),
    "connected": ("connected", ""),
    "reconnecting": ("reconnecting", "keptAndSent"),
    "offline": ("offline", "keptAndSent"),
    "closed": ("offline", "kept"),
    "ended": ("ended", ""),
}
"""The rows of the table of texts for each state: its name, and what it means for the reader."""

_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (SessionExpired, "sessionExpired"),
    (ConversationGone, "conversationGone"),
    (DeliveryUncertain, "uncertain"),
    (RequestTimeout, "timeout"),
    (NetworkError, "unreachable"),
    (StreamError, "lost"),
    (ServerError, "senseless"),
    (TooLarge, "refusedAsTooLarge"),
    (UploadError, "notStored"),
)


def is_over(cause: Exception | None) -> bool:
    """Whether only a new conversation helps."""
    return isinstance(cause, SessionExpired | ConversationGone)


def status_words(state: str, cause: Exception | None, say: Words) -> tuple[str, str]:
    """The connection's state in a word, and in a sentence what that means for the reader."""
    name, meaning = _STATES[state]
    return say(name), say(meaning, reason=reason(cause, say)) if meaning else ""


def reason(cause: Exception | None, say: Words) -> str:
    """What went wrong, in a sentence for the reader."""
    for kind, text in _REASONS:
        if isinstance(cause, kind):
            return say(text)
    return say("answered", answer=str(cause)) if cause else say("lost")
