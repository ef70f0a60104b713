"""What happens when: joins the client's events and the reader's actions to the transcript and its view."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from pyscript import document, window
from pyscript.ffi import create_proxy

from webchat_py import (
    Connection,
    Credentials,
    Forbidden,
    Message,
    NotFound,
    Text,
    Typing,
    WebchatClient,
    WebchatError,
)

from .render import View
from .session import Session, SessionStore
from .state import Delivery, Entry, Transcript, reason

if TYPE_CHECKING:
    from dom import Element, Event

HISTORY = 200
"""How many of the newest messages a reload shows at most: drawing one takes a few milliseconds."""


class Chat:
    """The page at work. It lives as long as the page does."""

    def __init__(self, client: WebchatClient, view: View, store: SessionStore) -> None:
        self._client = client
        self._view = view
        self._store = store
        self._transcript = Transcript()
        self._credentials: Credentials | None = None
        self._conversation_id: str | None = None
        self._ready = False
        self._was_offline = False
        self._working = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Takes over the page, with what the reader has sent before this ran, and connects."""
        for article in self._view.queued():
            self._adopt(article)
        self._listen_to_client()
        self._listen_to_reader()
        self._spawn(self._work())

    def _listen_to_client(self) -> None:
        self._client.on("conversation", self._on_conversation)
        self._client.on("message", self._on_message)
        self._client.on("is_typing", self._on_typing)
        self._client.on("connection", self._on_connection)

    def _listen_to_reader(self) -> None:
        on_reconnect = create_proxy(self._on_reconnect)
        document.getElementById("log").addEventListener("queued", create_proxy(self._on_queued))
        document.getElementById("log").addEventListener("click", create_proxy(self._on_click))
        document.getElementById("reconnect").addEventListener("click", on_reconnect)
        window.addEventListener("online", on_reconnect)
        new_conversation = document.getElementById("new-conversation")
        new_conversation.addEventListener("click", create_proxy(self._on_new_conversation))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        # The event loop holds tasks only weakly.
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Connecting and sending

    async def _work(self) -> None:
        """Gets to a conversation if there is none yet, then sends what waits, one after the other."""
        async with self._working:
            if not self._ready:
                await self._connect()
            while self._ready and (entry := self._transcript.next_queued()):
                await self._send(entry)

    async def _connect(self) -> None:
        self._view.connection("connecting")
        try:
            await self._open(await self._sign_in())
        except WebchatError as error:
            self._view.connection("offline", error)
            return
        self._ready = True
        document.getElementById("new-conversation").disabled = False

    async def _sign_in(self) -> str | None:
        """Makes the client speak for the stored user, or for a new one. Returns the stored conversation."""
        stored = self._store.load()
        if self._credentials is None:
            self._credentials = await self._log_in(stored)
        if stored is not None and stored.credentials == self._credentials:
            return stored.conversation_id
        if stored is not None:
            self._view.notice("The server does not know your earlier session any more. This is a new one.")
        self._store.save(Session(self._credentials, None))
        return None

    async def _log_in(self, stored: Session | None) -> Credentials:
        try:
            return await self._client.connect(stored.credentials if stored else None)
        except ValueError:
            # What was stored mixes two users.
            return await self._client.connect()

    async def _open(self, conversation_id: str | None) -> None:
        if conversation_id is not None:
            try:
                await self._client.switch_conversation(conversation_id)
            except (NotFound, Forbidden):
                self._view.notice("Your earlier conversation does not exist any more. This is a new one.")
            else:
                await self._catch_up()
                return
        await self._client.new_conversation()

    async def _catch_up(self) -> None:
        """Shows what the server has of this conversation and the page has not."""
        messages = await self._client.list_messages(limit=HISTORY)
        if len(messages) == HISTORY and not self._transcript.entries:
            self._view.notice("Earlier messages are not shown.")
        for message in reversed(messages):
            if message.conversation_id == self._conversation_id and not self._transcript.has(message):
                entry = self._entry_of(message)
                self._view.show(entry, before=self._transcript.merge(entry))
                self._mark_choice(entry)

    async def _send(self, entry: Entry) -> None:
        self._set_delivery(entry, Delivery.SENDING)
        try:
            message = await self._client.send_message(entry.payload, {"clientMessageId": entry.client_id})
        except WebchatError as error:
            self._set_delivery(entry, Delivery.FAILED, reason(error))
            self._view.announce(f"Not sent. {reason(error)}")
            return
        if message.conversation_id != self._conversation_id or self._transcript.has(message):
            # It belongs to the conversation left meanwhile, or the history has brought it first.
            self._transcript.remove(entry)
            self._view.remove(entry)
            return
        entry.message = message
        self._set_delivery(entry, Delivery.SENT)

    def _set_delivery(self, entry: Entry, delivery: Delivery, problem: str = "") -> None:
        entry.delivery = delivery
        entry.problem = problem
        self._view.update(entry)

    # From the client

    def _on_conversation(self, conversation_id: str) -> None:
        if self._credentials is not None:
            self._store.save(Session(self._credentials, conversation_id))
        if conversation_id != self._conversation_id:
            self._conversation_id = conversation_id
            for entry in self._transcript.start_over():
                self._view.remove(entry)

    def _on_message(self, message: Message) -> None:
        if not self._transcript.has(message):
            entry = self._entry_of(message)
            self._transcript.append(entry)
            self._view.show(entry)
            self._view.read_aloud(entry)

    def _on_typing(self, typing: Typing) -> None:
        self._view.typing(typing.is_typing)

    def _on_connection(self, connection: Connection) -> None:
        self._view.connection(connection.state, connection.cause)
        if connection.state in ("offline", "reconnecting"):
            self._was_offline = True
        elif connection.state == "connected" and self._was_offline:
            self._was_offline = False
            self._spawn(self._recover())

    async def _recover(self) -> None:
        try:
            await self._catch_up()
        except WebchatError as error:
            self._view.notice(f"What was said meanwhile could not be read. {reason(error)} Reload to see it.")

    def _entry_of(self, message: Message) -> Entry:
        own = message.author_id == self._client.user_id
        return Entry(message.payload, message, Delivery.SENT if own else None)

    # From the reader

    def _on_queued(self, event: Event) -> None:
        self._adopt(event.target)
        self._spawn(self._work())

    def _adopt(self, article: Element) -> None:
        entry = Entry(Text(article.querySelector(".bubble").textContent), delivery=Delivery.QUEUED)
        self._transcript.append(entry)
        self._view.adopt(entry, article)
        self._mark_choice(entry)

    def _on_click(self, event: Event) -> None:
        entry = self._view.entry_of(event.target)
        if entry is None:
            return
        if event.target.closest("button.retry"):
            self._set_delivery(entry, Delivery.QUEUED)
            self._spawn(self._work())
        elif button := event.target.closest("button.option"):
            self._take(entry, button.value)

    def _take(self, choice: Entry, value: str) -> None:
        if choice.taken is not None:
            return
        choice.taken = value
        self._view.update(choice)
        answer = Entry(Text(value), delivery=Delivery.QUEUED)
        self._transcript.append(answer)
        self._view.show(answer)
        self._view.scroll_to_end()
        self._spawn(self._work())

    def _mark_choice(self, answer: Entry) -> None:
        choice = self._transcript.answered_by(answer)
        if choice is not None:
            self._view.update(choice)

    def _on_reconnect(self, _event: Event) -> None:
        self._spawn(self._reconnect())

    async def _reconnect(self) -> None:
        if self._conversation_id is None or not self._ready:
            await self._work()
            return
        try:
            await self._client.switch_conversation(self._conversation_id)
        except WebchatError as error:
            self._view.connection("offline", error)

    def _on_new_conversation(self, _event: Event) -> None:
        self._spawn(self._new_conversation())

    async def _new_conversation(self) -> None:
        try:
            await self._client.new_conversation()
        except WebchatError as error:
            self._view.notice(f"There is no new conversation. {reason(error)}")
            return
        document.getElementById("message").focus()
