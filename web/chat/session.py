"""Who the reader is and in which conversation, kept in the browser over a reload.

Kept apart for each API and each client, so that no other server is ever handed a key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from pyodide.ffi import JsException
from pyscript import window

from webchat_py import Credentials


@dataclass(slots=True, frozen=True)
class Session:
    """What is kept; `conversation_id` is `None` where there was none yet."""

    credentials: Credentials
    conversation_id: str | None


class SessionStore:
    """Where the session is kept. A browser that refuses to keep anything makes it empty, not an error."""

    def __init__(self, api_url: str, client_id: str) -> None:
        self._key = f"webchat_py:{api_url}:{client_id}"

    def load(self) -> Session | None:
        """The session that was kept, if it can be read."""
        try:
            kept = window.localStorage.getItem(self._key)
        except JsException:
            return None
        return _parse(kept) if kept else None

    def save(self, session: Session) -> None:
        data = {
            "userId": session.credentials.user_id,
            "userToken": session.credentials.user_token,
            "conversationId": session.conversation_id,
        }
        try:
            window.localStorage.setItem(self._key, json.dumps(data))
        except JsException:
            window.console.warn("The browser keeps nothing for this page: a reload starts anew.")


def _parse(kept: str) -> Session | None:
    try:
        data = json.loads(kept)
    except (ValueError, RecursionError):
        return None
    match data:
        case {"userId": str(user_id), "userToken": str(token), "conversationId": str() | None as conversation_id}:
            # A key travels as a header, which takes no other characters.
            usable = user_id and token and token.isascii() and token.isprintable()
            return Session(Credentials(user_id, token), conversation_id or None) if usable else None
        case _:
            return None
