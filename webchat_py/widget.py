"""A conversation in the output of a notebook's cell, live as long as the kernel is and readable afterwards."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

from .wire.blocks import plain_text
from .wire.display import author, log_html
from .wire.errors import WebchatError
from .wire.models import Message

if TYPE_CHECKING:
    from .client import WebchatClient

LIMIT = 200
"""Messages that are shown: every change sends all of them to the notebook, which also stores them."""

_MESSAGES = {"message", "message_sent", "own_message", "message_status", "message_updated"}


class Widget:
    """What `WebchatClient.widget` returns. A notebook shows it where it is the last line of a cell.

    All cells that show it change together. It is drawn by this kernel as HTML without script, so the notebook keeps the
    last state of it, and it needs no ipywidgets.
    """

    def __init__(self, client: WebchatClient) -> None:
        self._display_id = os.urandom(8).hex()
        self._client = client
        self._own_id = client.user_id
        self._conversation_id = client.conversation_id
        self._messages: dict[str, Message] = {}
        self._is_typing = False
        self._state = ""
        self._problem = ""
        self._shown = self._is_due = False
        self._loading: asyncio.Task[None] | None = None
        self._remove = client.on("*", self._take)
        if self._conversation_id is not None:
            self._load()

    def __repr__(self) -> str:
        return self._text()

    def close(self) -> None:
        """Let it stay as it is."""
        self._remove()
        if self._loading is not None:
            self._loading.cancel()

    def _repr_html_(self) -> str:
        notes = [self._problem, "The bot is typing …" if self._is_typing else "", self._state]
        return log_html(self._messages.values(), self._own_id, filter(None, notes))

    def _ipython_display_(self) -> None:
        from IPython.display import display

        self._shown = True
        display(self._bundle(), raw=True, display_id=self._display_id)

    def _bundle(self) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": self._text()}

    def _text(self) -> str:
        return "\n".join(f"{author(it, self._own_id)}: {plain_text(it.payload)}" for it in self._messages.values())

    def _take(self, event: str, value: Any) -> None:
        self._own_id = self._client.user_id or self._own_id
        if event == "conversation":
            self._begin(value)
        elif event in _MESSAGES and value.conversation_id in ("", self._conversation_id):
            self._put(value)
        elif event == "is_typing":
            self._is_typing = value.is_typing
        elif event == "connection":
            self._state = value.state
        else:
            return
        self._change()

    def _begin(self, conversation_id: str) -> None:
        """Show another conversation. A message that waited for it is shown already."""
        self._conversation_id = conversation_id
        self._messages = {key: it for key, it in self._messages.items() if it.conversation_id == ""}
        self._load()

    def _put(self, message: Message) -> None:
        self._messages[self._key(message)] = message
        while len(self._messages) > LIMIT:
            del self._messages[next(iter(self._messages))]

    def _key(self, message: Message) -> str:
        """The same for a message before and after the server has it; others cannot choose it."""
        own = message.author_id == self._own_id and message.client_id
        return f"own {message.client_id}" if own else f"{message.id or id(message)}"

    def _load(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
        self._loading = asyncio.ensure_future(self._read_history())

    async def _read_history(self) -> None:
        """Put what was said before in front of what has been told since."""
        try:
            newest = await self._client.list_messages(limit=LIMIT)
        except WebchatError as error:
            self._problem = f"What was said before could not be read: {error}"
        else:
            self._problem = ""
            told, self._messages = self._messages, {}
            for message in [*reversed(newest), *told.values()]:
                self._put(message)
        self._change()

    def _change(self) -> None:
        """Draw it anew, once for all that comes in one turn of the event loop."""
        if self._shown and not self._is_due:
            self._is_due = True
            asyncio.get_running_loop().call_soon(self._draw)

    def _draw(self) -> None:
        from IPython.display import update_display

        self._is_due = False
        update_display(self._bundle(), raw=True, display_id=self._display_id)
