"""What happens when: joins the client's events and the reader's actions to the transcript and its view."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from pyscript import document, window
from pyscript.ffi import create_proxy

from webchat_py import Connection, ConversationGone, Message, Text, Typing, WebchatClient, WebchatError

from .payloads import question_of
from .state import Delivery, Entry, Transcript, delivery_of, is_over, reason
from .view import View
from .widgets import Widgets

if TYPE_CHECKING:
    from dom import Element, Event, SecurityPolicyViolationEvent

HISTORY = 200
"""How many of the newest messages a reload shows at most: drawing one takes a few milliseconds."""
LONGEST_PAUSE = 30.0
"""Seconds between attempts to start."""
QUESTION = "question"
"""In a message's metadata: which question of the message that it replies to it answers, counted from 0."""
REPLY_TO = "replyTo"
"""In a message's metadata in mode "messaging", which has no replies: the id of the message that it answers."""


class Chat:
    """The page at work. It lives as long as the page does."""

    def __init__(self, client: WebchatClient, view: View) -> None:
        self._client = client
        self._view = view
        self._transcript = Transcript()
        self._conversation_id: str | None = None
        self._over: set[str] = set()
        self._ready = False
        self._connected = False
        self._changing = False
        self._hurry = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Takes over the page, with what the reader has sent before this ran, and connects."""
        for article in self._view.queued():
            self._adopt(article)
        self._listen_to_client()
        self._listen_to_reader()
        Widgets().start()
        self._spawn(self._start())

    def _listen_to_client(self) -> None:
        self._client.on("conversation", self._on_conversation)
        self._client.on("message", self._on_message)
        self._client.on("own_message", self._on_message)
        self._client.on("message_status", self._on_status)
        self._client.on("is_typing", self._on_typing)
        self._client.on("connection", self._on_connection)
        self._client.on("custom_event", self._view.event)
        self._client.on("session_expired", self._on_session_expired)
        self._client.on("error", self._on_error)

    def _listen_to_reader(self) -> None:
        on_reconnect = create_proxy(self._on_reconnect)
        document.getElementById("log").addEventListener("queued", create_proxy(self._on_queued))
        document.getElementById("log").addEventListener("click", create_proxy(self._on_click))
        document.getElementById("reconnect").addEventListener("click", on_reconnect)
        window.addEventListener("online", create_proxy(lambda _event: self._hurry.set()))
        document.addEventListener("securitypolicyviolation", create_proxy(self._on_refused))
        new_conversation = document.getElementById("new-conversation")
        new_conversation.addEventListener("click", create_proxy(self._on_new_conversation))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        # The event loop holds tasks only weakly.
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # Starting

    async def _start(self) -> None:
        """Gets to a conversation, however long that takes. What waits is sent then."""
        pause = 1.0
        while (messages := await self._try_to_start(pause)) is None:
            pause = min(2 * pause, LONGEST_PAUSE)
        self._ready = True
        document.getElementById("new-conversation").disabled = False
        self._show_history(messages)
        self._hand_over()
        if messages:
            await self._show_earlier()

    async def _try_to_start(self, pause: float) -> list[Message] | None:
        self._view.connection("connecting")
        try:
            return await self._client.start()
        except ValueError:
            # What was stored mixes two users.
            await self._client.disconnect(forget=True)
        except WebchatError as error:
            self._view.connection("offline", error)
            self._hurry.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(pause if error.retryable else None):
                    await self._hurry.wait()
        return None

    def _show_history(self, messages: list[Message]) -> None:
        for message in reversed(messages):
            if message.conversation_id == self._conversation_id and not self._transcript.find(message):
                self._place(message, by_time=True)
        self._match_answers()

    async def _show_earlier(self) -> None:
        try:
            messages = await self._client.list_messages(limit=HISTORY + 1)
        except WebchatError as error:
            self._view.preface(f"Earlier messages are not shown. {reason(error)}")
            return
        self._show_history(messages[:HISTORY])
        if len(messages) > HISTORY:
            self._view.preface("Earlier messages are not shown.")

    # Sending

    def _hand_over(self) -> None:
        """Gives the client what it does not have yet. It sends one after the other, for as long as it takes."""
        if not self._ready:
            self._hurry.set()
        else:
            for entry in self._transcript.queued():
                self._set_delivery(entry, Delivery.WAITING)
                self._spawn(self._send(entry))

    async def _send(self, entry: Entry) -> None:
        try:
            metadata = {} if entry.question is None else {QUESTION: entry.question}
            if self._client.mode == "pushpin" or entry.reply_to is None:
                await self._client.send_message(entry.payload, metadata or None, entry.reply_to)
            else:
                await self._client.send_message(entry.payload, {**metadata, REPLY_TO: entry.reply_to})
        except WebchatError as error:
            self._fail(entry, error)

    async def _resend(self, entry: Entry, message: Message) -> None:
        try:
            await self._client.resend(message)
        except WebchatError as error:
            self._fail(entry, error)

    def _fail(self, entry: Entry, error: WebchatError) -> None:
        if is_over(error) and entry.message is not None:
            self._over.add(entry.message.conversation_id)
        self._set_delivery(entry, Delivery.FAILED, reason(error))
        self._view.announce(f"Not sent. {reason(error)}")

    def _set_delivery(self, entry: Entry, delivery: Delivery, problem: str = "") -> None:
        entry.delivery = delivery
        entry.problem = problem
        self._view.update(entry)

    # From the client

    def _on_conversation(self, conversation_id: str) -> None:
        self._conversation_id = conversation_id
        for entry in self._transcript.start_over():
            self._view.remove(entry)
        self._view.forget_notices("event", "problem")
        self._close_box()

    def _on_message(self, message: Message) -> None:
        if not self._transcript.find(message):
            # What was missed was said before what waits here.
            self._view.arrived(self._show(message, by_time=not self._connected))

    def _on_status(self, message: Message) -> None:
        """How far a message of the reader's has come, be it one that an earlier page left."""
        transcript = self._transcript
        entry = transcript.find(message) or transcript.handed_over(message) or self._show(message, by_time=True)
        entry.message = message
        if entry.arrived and message.conversation_id != self._conversation_id:
            # It belongs to the conversation that was left meanwhile.
            transcript.remove(entry)
            self._view.remove(entry)
        else:
            if entry.arrived and (follower := transcript.settle(entry)):
                self._view.move(entry, before=follower)
            self._set_delivery(entry, self._delivery_of(message))

    def _delivery_of(self, message: Message) -> Delivery:
        delivery = delivery_of(message)
        return Delivery.WAITING if delivery is Delivery.SENDING and not self._connected else delivery

    def _on_typing(self, typing: Typing) -> None:
        self._view.typing(typing.is_typing)

    def _on_connection(self, connection: Connection) -> None:
        self._connected = connection.state == "connected"
        self._view.connection(connection.state, connection.cause)
        if self._connected:
            self._view.forget_notices("problem")
        if is_over(connection.cause) and self._conversation_id is not None:
            self._over.add(self._conversation_id)

    def _on_session_expired(self, _error: Exception) -> None:
        if not self._ready:
            self._view.notice("The server does not know your earlier session any more. This is a new one.")

    def _on_error(self, error: Exception) -> None:
        if not self._ready and isinstance(error, ConversationGone):
            self._view.notice("Your earlier conversation does not exist any more. This is a new one.")

    def _show(self, message: Message, by_time: bool) -> Entry:
        entry = self._place(message, by_time)
        self._match_answers()
        return entry

    def _place(self, message: Message, by_time: bool) -> Entry:
        own = message.author_id == self._client.user_id
        delivery = self._delivery_of(message) if own else None
        metadata = message.metadata or {}
        reply_to = message.reply_to or metadata.get(REPLY_TO)
        entry = Entry(message.payload, message, delivery, reply_to=reply_to, question=metadata.get(QUESTION))
        follower = None
        if by_time:
            follower = self._transcript.merge(entry)
        else:
            self._transcript.append(entry)
        self._view.show(entry, before=follower)
        return entry

    def _match_answers(self) -> None:
        for question in self._transcript.match_answers():
            self._view.update(question)
        self._close_box()

    def _close_box(self) -> None:
        self._view.close_box(self._transcript.only_choices)

    # From the reader

    def _on_queued(self, event: Event) -> None:
        self._adopt(event.target)
        self._hand_over()

    def _adopt(self, article: Element) -> None:
        entry = Entry(Text(article.querySelector(".bubble").textContent), delivery=Delivery.QUEUED)
        self._transcript.append(entry)
        self._view.adopt(entry, article)
        self._match_answers()

    def _on_click(self, event: Event) -> None:
        entry = self._view.entry_of(event.target)
        if entry is None:
            return
        if event.target.closest("button.retry"):
            self._try_again(entry)
        elif button := event.target.closest("button.option"):
            self._answer(entry, button.value, question_of(button))
        elif button := event.target.closest("button.choose"):
            self._answer(entry, button.previousElementSibling.value, question_of(button))
        elif button := event.target.closest("button.action"):
            self._answer(entry, button.value)

    def _answer(self, entry: Entry, value: str, question: int | None = None) -> None:
        if question in entry.taken:
            return
        reply_to = entry.message.id if entry.message else None
        answer = Entry(Text(value), delivery=Delivery.QUEUED, reply_to=reply_to, question=question)
        self._transcript.append(answer)
        self._view.show(answer)
        self._match_answers()
        self._view.scroll_to_end()
        self._hand_over()

    def _try_again(self, entry: Entry) -> None:
        message = entry.message
        self._set_delivery(entry, Delivery.WAITING)
        if message is None or message.author_id != self._client.user_id:
            entry.message = None
            self._spawn(self._send(entry))
            return
        if message.conversation_id in self._over:
            # The reader has seen that it is over, and wants it in the one that is there now.
            message = replace(message, conversation_id="")
        self._spawn(self._resend(entry, message))

    def _on_reconnect(self, _event: Event) -> None:
        self._hurry.set()
        if self._ready and self._conversation_id is not None:
            self._spawn(self._reconnect(self._conversation_id))

    def _on_refused(self, event: SecurityPolicyViolationEvent) -> None:
        """The page's policy forbids what the reader's address (`?api=`) asks for, which looks like a dead network."""
        if event.effectiveDirective == "connect-src":
            self._view.problem("This page may not talk to that server. Its own has to allow it, by --allow-api.")

    async def _reconnect(self, conversation_id: str) -> None:
        # If it fails, the status says so.
        with suppress(WebchatError):
            await self._client.switch_conversation(conversation_id)

    def _on_new_conversation(self, _event: Event) -> None:
        if not self._changing:  # a double click wants one
            self._changing = True
            self._spawn(self._new_conversation())

    async def _new_conversation(self) -> None:
        try:
            if self._client.user_id is None:
                # The session has expired: this makes a new one.
                await self._client.start()
            else:
                await self._client.new_conversation()
        except WebchatError as error:
            self._view.problem(f"There is no new conversation. {reason(error)}")
            return
        finally:
            self._changing = False
        document.getElementById("message").focus()
