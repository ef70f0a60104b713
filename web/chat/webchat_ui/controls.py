"""What happens when: joins the client's events and the reader's actions to the transcript and its view."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from js import Event, document, window

from webchat_py import Connection, ConversationGone, Message, Text, Typing, WebchatClient, WebchatError

from .alerts import Alerts
from .appearance import Appearance
from .markdown import load_libraries
from .payloads import Kit, question_of
from .reasons import is_over, reason
from .shell import Shell
from .state import Delivery, Entry, Transcript, delivery_of
from .view import View
from .widgets import Widgets

if TYPE_CHECKING:
    from dom import Element, SecurityPolicyViolationEvent, WebchatElement
    from dom import Event as DomEvent

HISTORY = 200
"""How many of the newest messages a reload shows at most: drawing one takes a few milliseconds."""
WAIT_FOR_NETWORK = 3600.0
"""Seconds for which a message is tried to be sent."""
LONGEST_PAUSE = 30.0
"""Seconds between attempts to start."""
QUESTION = "question"
"""In a message's metadata: which question of the message that it replies to it answers, counted from 0."""
REPLY_TO = "replyTo"
"""In a message's metadata in mode "messaging", which has no replies: the id of the message that it answers."""


class Chat:
    """A chat at work in an element `<webchat-py>`, until that leaves the page or the chat is closed.

    Args:
        element: the element, which `chat.js` has made.
        client: a client of `webchat_py.get_client`, not connected yet. It is disconnected with the chat.
    """

    def __init__(self, element: WebchatElement, client: WebchatClient) -> None:
        self._client = client
        self._shell = shell = Shell(element)
        self._say = shell.say
        self._kit = Kit(shell.say)
        self._view = view = View(shell, self._kit)
        Widgets(shell)
        Appearance(shell, client, view, Alerts(shell, client))
        self._transcript = Transcript()
        self._conversation_id: str | None = None
        self._over: set[str] = set()
        self._ready = False
        self._connected = False
        self._changing = False
        self._hurry = asyncio.Event()
        self._listen_to_client()
        self._listen_to_reader()
        for article in view.queued():
            self._adopt(article)
        shell.spawn(self._start())
        element.dispatchEvent(Event.new("started"))

    async def close(self) -> None:
        """Ends the chat: what it listens to is released, and its client disconnected. What it shows stays."""
        self._shell.close()
        await self._client.disconnect()

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
        listen, find = self._shell.listen, self._shell.find
        listen(find("log"), "queued", self._on_queued)
        listen(find("log"), "click", self._on_click)
        listen(find("reconnect"), "click", self._on_reconnect)
        listen(find("new-conversation"), "click", self._on_new_conversation)
        listen(window, "online", lambda _event: self._hurry.set())
        listen(document, "securitypolicyviolation", self._on_refused)
        listen(self._shell.element, "removed", self._on_removed)

    def _on_removed(self, _event: DomEvent) -> None:
        # Not by the shell, which would end this as well.
        self._closing = asyncio.ensure_future(self.close())

    # Starting

    async def _start(self) -> None:
        """Gets to a conversation, however long that takes. What waits is sent then."""
        self._kit.libraries = await load_libraries(self._shell.element)
        pause = 1.0
        while (messages := await self._try_to_start(pause)) is None:
            pause = min(2 * pause, LONGEST_PAUSE)
        self._ready = True
        self._shell.find("new-conversation").disabled = False
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
            self._view.preface(self._say("noEarlier", reason=reason(error, self._say)))
            return
        self._show_history(messages[:HISTORY])
        if len(messages) > HISTORY:
            self._view.preface(self._say("noEarlier", reason=""))

    # Sending

    def _hand_over(self) -> None:
        """Gives the client what it does not have yet. It sends one after the other, for as long as it takes."""
        if not self._ready:
            self._hurry.set()
        else:
            for entry in self._transcript.queued():
                self._set_delivery(entry, Delivery.WAITING)
                self._shell.spawn(self._send(entry))

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
        self._set_delivery(entry, Delivery.FAILED, reason(error, self._say))
        self._view.announce(self._say("failed", reason=entry.problem))

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
            self._view.notice(self._say("newSession"))

    def _on_error(self, error: Exception) -> None:
        if not self._ready and isinstance(error, ConversationGone):
            self._view.notice(self._say("newInstead"))

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

    def _on_queued(self, event: DomEvent) -> None:
        self._adopt(event.target)
        self._hand_over()

    def _adopt(self, article: Element) -> None:
        entry = Entry(Text(article.querySelector(".bubble").textContent), delivery=Delivery.QUEUED)
        self._transcript.append(entry)
        self._view.adopt(entry, article)
        self._match_answers()

    def _on_click(self, event: DomEvent) -> None:
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
            self._shell.spawn(self._send(entry))
            return
        if message.conversation_id in self._over:
            # The reader has seen that it is over, and wants it in the one that is there now.
            message = replace(message, conversation_id="")
        self._shell.spawn(self._resend(entry, message))

    def _on_reconnect(self, _event: DomEvent) -> None:
        self._hurry.set()
        if self._ready and self._conversation_id is not None:
            self._shell.spawn(self._reconnect(self._conversation_id))

    def _on_refused(self, event: SecurityPolicyViolationEvent) -> None:
        """The page's policy forbids what the reader's address (`?api=`) asks for, which looks like a dead network."""
        if event.effectiveDirective == "connect-src":
            self._view.problem(self._say("notAllowed"))

    async def _reconnect(self, conversation_id: str) -> None:
        # If it fails, the status says so.
        with suppress(WebchatError):
            await self._client.switch_conversation(conversation_id)

    def _on_new_conversation(self, _event: DomEvent) -> None:
        if not self._changing:  # a double click wants one
            self._changing = True
            self._shell.spawn(self._new_conversation())

    async def _new_conversation(self) -> None:
        try:
            if self._client.user_id is None:
                # The session has expired: this makes a new one.
                await self._client.start()
            else:
                await self._client.new_conversation()
        except WebchatError as error:
            self._view.problem(self._say("noConversation", reason=reason(error, self._say)))
            return
        finally:
            self._changing = False
        self._shell.find("message").focus()
