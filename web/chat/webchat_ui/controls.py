"""What happens when: joins the client's events and the reader's actions to the transcript and its view."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from js import Event, document, window

from webchat_py import Connection, ConversationGone, File, Message, Text, Typing, WebchatClient, WebchatError

from .alerts import Alerts
from .appearance import Appearance
from .conversations import Conversations, Seen, newest
from .feedback import Feedback
from .files import Tray
from .history import History
from .markdown import load_libraries
from .outbox import Outbox
from .payloads import Kit, question_of
from .reasons import is_over, reason
from .shell import Shell
from .state import QUESTION, REPLY_TO, Delivery, Entry, Transcript, delivery_of
from .view import View
from .widgets import Widgets

if TYPE_CHECKING:
    from dom import Element, SecurityPolicyViolationEvent, WebchatElement
    from dom import Event as DomEvent

MOST = 2000
"""Messages that are shown at most while the reader is at the newest; earlier ones come back when scrolled to."""
WAIT_FOR_NETWORK = 3600.0
"""Seconds for which a message is tried to be sent."""
LONGEST_PAUSE = 30.0
"""Seconds between attempts to start."""


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
        self._tray = Tray(shell, takes_files=client.mode == "pushpin")
        self._seen = Seen(client)
        self._history = History(shell, client, view, self._show_page)
        self._conversations = Conversations(shell, client, self._seen, self._go_to, self._delete)
        self._feedback = Feedback(shell, client, view)
        Widgets(shell)
        Appearance(shell, client, view, Alerts(shell, client))
        self._transcript = Transcript()
        self._outbox = Outbox(shell, client, view, self._transcript)
        self._ready = False
        self._connected = False
        self._changing = False
        self._hurry = asyncio.Event()
        self._opened = asyncio.Event()
        if element.wanted:
            self._opened.set()
        self._listen_to_client()
        self._listen_to_reader()
        for article in view.queued():
            self._adopt(article)
        shell.spawn(self._start())
        element.dispatchEvent(Event.new("started"))

    async def close(self) -> None:
        """Ends the chat: what it listens to is released, and its client disconnected. What it shows can be read on."""
        if not self._shell.closed:
            self._conversations.close()
            self._view.end()
        await self._release()

    async def _release(self) -> None:
        self._shell.close()
        await self._client.disconnect()

    def _listen_to_client(self) -> None:
        on = self._client.on
        self._shell.on_close(
            on("conversation", self._on_conversation),
            on("message", self._on_message),
            on("own_message", self._on_message),
            on("message_status", self._on_status),
            on("message_updated", self._on_updated),
            on("is_typing", self._on_typing),
            on("connection", self._on_connection),
            on("custom_event", self._view.event),
            on("session_expired", self._on_session_expired),
            on("error", self._on_error),
        )

    def _listen_to_reader(self) -> None:
        listen, find = self._shell.listen, self._shell.find
        listen(find("log"), "queued", self._on_queued)
        listen(find("log"), "click", self._on_click)
        listen(find("composer"), "submit", self._on_submit)
        listen(self._shell.element, "shown", lambda _event: self._opened.set())
        listen(self._shell.element, "shown", self._on_look)
        listen(document, "visibilitychange", self._on_look)
        listen(find("reconnect"), "click", self._on_reconnect)
        listen(find("new-conversation"), "click", self._on_new_conversation)
        listen(window, "online", lambda _event: self._hurry.set())
        listen(window, "beforeunload", self._on_leaving)
        listen(document, "securitypolicyviolation", self._on_refused)
        listen(self._shell.element, "removed", self._on_removed)

    def _on_removed(self, _event: DomEvent) -> None:
        # Not by the shell, which would end this as well.
        self._closing = asyncio.ensure_future(self._release())

    # Starting

    async def _start(self) -> None:
        """Gets to a conversation, however long that takes. What waits is sent then."""
        # Who never looks at a floating chat is to become no user of the bot's.
        await self._opened.wait()
        self._kit.libraries = await load_libraries(self._shell.element)
        pause = 1.0
        while (messages := await self._try_to_start(pause)) is None:
            pause = min(2 * pause, LONGEST_PAUSE)
        self._ready = True
        self._shell.find("new-conversation").disabled = False
        self._conversations.enable()
        self._show_page(messages)
        self._send_queued()
        self._history.restart(has_more=bool(messages))

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

    def _show_page(self, messages: list[Message]) -> int:
        """Shows those of the current conversation, newest first, that are not shown yet; returns how many."""
        new = [
            message
            for message in reversed(messages)
            if message.conversation_id == self._transcript.conversation_id and not self._transcript.find(message)
        ]
        if new:
            with self._view.standing_still():
                self._place_earlier([self._entry(message) for message in new])
            self._match_answers()
            self._feedback.newest()
            self._see(new[-1])
        return len(new)

    def _place_earlier(self, entries: list[Entry]) -> None:
        if self._transcript.prepend(entries):
            follower = self._transcript.after(entries[-1])
            for entry in entries:
                self._view.show(entry, before=follower)
        else:
            for entry in entries:
                self._view.show(entry, before=self._transcript.merge(entry))

    def _send_queued(self) -> None:
        """Sends what waits, or hurries to where that can be done."""
        if self._ready:
            self._outbox.send_queued()
        else:
            self._hurry.set()

    def _remove(self, entry: Entry) -> None:
        self._transcript.remove(entry)
        self._view.remove(entry)

    # From the client

    def _on_conversation(self, conversation_id: str) -> None:
        self._history.restart(has_more=False)
        for entry in self._transcript.start_over(conversation_id):
            self._view.remove(entry)
        self._view.forget_notices("event", "problem")
        self._close_box()

    def _on_message(self, message: Message) -> None:
        if not self._transcript.find(message):
            # What was missed was said before what waits here.
            entry = self._show(message, by_time=not self._connected)
            self._view.arrived(entry)
            self._feedback.newest()
            self._see(message)
            self._make_room()

    def _see(self, message: Message) -> None:
        if self._shell.element.shown and not document.hidden and message.sent_on is not None:
            self._seen.mark(message.conversation_id, message.sent_on)

    def _on_look(self, _event: DomEvent) -> None:
        """The reader sees what came while nobody looked."""
        newest = next((entry.message for entry in reversed(self._transcript.entries) if entry.arrived), None)
        if newest is not None:
            self._see(newest)

    def _make_room(self) -> None:
        """Takes the oldest away where there are many, so that the memory of the page has a limit."""
        if len(self._transcript.entries) > MOST and self._shell.element.atEnd:
            for entry in self._transcript.remove_oldest(MOST // 2):
                self._view.remove(entry)
            self._history.restart(has_more=True)

    def _on_status(self, message: Message) -> None:
        """How far a message of the reader's has come, be it one that an earlier page left."""
        transcript = self._transcript
        entry = transcript.find(message) or transcript.handed_over(message)
        if entry is None:
            if self._history.has_more and transcript.begins_after(self._entry(message)):
                return  # it is shown with those around it, when the reader scrolls to them
            entry = self._show(message, by_time=True)
        transcript.take(entry, message)
        if entry.arrived and message.conversation_id != self._transcript.conversation_id:
            # It belongs to the conversation that was left meanwhile.
            self._remove(entry)
            if entry.picked is not None:
                entry.picked.release()
            return
        if entry.arrived and transcript.settle(entry):
            self._view.place(entry, before=transcript.after(entry))
        self._view.set_delivery(entry, self._delivery_of(message))
        if entry.arrived and entry.picked is not None:
            # From now on it is shown as it will be after a reload.
            entry.picked.release()
            entry.picked = None
            entry.become(message.payload)
            self._view.redraw(entry)

    def _on_updated(self, message: Message) -> None:
        if entry := self._transcript.find(message):
            self._transcript.take(entry, message)
            if entry.payload != message.payload:
                entry.become(message.payload)
                self._view.redraw(entry)
                self._view.mark_edited(entry)
                self._match_answers()

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
        if is_over(connection.cause) and self._transcript.conversation_id is not None:
            self._outbox.note_over(self._transcript.conversation_id)

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
        entry = self._entry(message)
        follower = None
        if by_time:
            follower = self._transcript.merge(entry)
        else:
            self._transcript.append(entry)
        self._view.show(entry, before=follower)
        return entry

    def _entry(self, message: Message) -> Entry:
        own = message.author_id == self._client.user_id
        delivery = self._delivery_of(message) if own else None
        metadata = message.metadata or {}
        reply_to = message.reply_to or metadata.get(REPLY_TO)
        return Entry(message.payload, message, delivery, reply_to=reply_to, question=metadata.get(QUESTION))

    def _match_answers(self) -> None:
        for question in self._transcript.match_answers():
            self._view.update(question)
        self._close_box()

    def _close_box(self) -> None:
        self._view.close_box(self._transcript.only_choices)

    # From the reader

    def _on_queued(self, event: DomEvent) -> None:
        self._adopt(event.target)
        self._send_queued()

    def _on_submit(self, _event: DomEvent) -> None:
        """Sends the files that were picked; the text `chat.js` has queued already."""
        if self._shell.find("message").readOnly:
            return
        picked = self._tray.take()
        for one in picked:
            entry = Entry(File("", title=one.name), delivery=Delivery.QUEUED, picked=one)
            self._transcript.append(entry)
            self._view.show(entry)
        if picked:
            self._view.scroll_to_end()
            self._send_queued()

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
            self._outbox.try_again(entry)
        elif event.target.closest("button.cancel"):
            self._outbox.cancel(entry)
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
        self._send_queued()

    def _on_reconnect(self, _event: DomEvent) -> None:
        self._hurry.set()
        if self._ready and self._transcript.conversation_id is not None:
            self._shell.spawn(self._reconnect(self._transcript.conversation_id))

    def _on_leaving(self, event: DomEvent) -> None:
        """Has the browser ask, where something would be lost."""
        if self._outbox.would_lose or self._tray.has_files:
            event.preventDefault()

    def _on_refused(self, event: SecurityPolicyViolationEvent) -> None:
        """The page's policy forbids what its address (`?api=`) or author asks for, which looks like a dead network."""
        _, _, server = self._client.api_url.partition("://")
        if event.disposition == "enforce" and event.effectiveDirective == "connect-src" and server in event.blockedURI:
            self._view.problem(self._say("notAllowed"))
            window.console.info(f"connect-src of the page's Content-Security-Policy lacks {self._client.api_url}")

    async def _reconnect(self, conversation_id: str) -> None:
        # If it fails, the status says so.
        with suppress(WebchatError):
            await self._client.switch_conversation(conversation_id)

    def _on_new_conversation(self, _event: DomEvent) -> None:
        if not self._changing:  # a double click wants one
            self._changing = True
            self._shell.spawn(self._new_conversation())

    async def _new_conversation(self) -> None:
        self._outbox.leave()
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
        self._conversations.close()
        self._shell.find("message").focus()

    async def _go_to(self, conversation_id: str) -> None:
        if conversation_id == self._transcript.conversation_id:
            return
        self._outbox.leave()
        try:
            await self._client.switch_conversation(conversation_id)
        except WebchatError as error:
            self._view.problem(self._say("notSwitched", reason=reason(error, self._say)))
            return
        self._history.restart(has_more=True)
        await self._history.load()

    async def _delete(self, conversation_id: str) -> None:
        """Deletes a conversation; the newest of the others, or a new one, takes the place of the current one."""
        was_current = conversation_id == self._transcript.conversation_id
        if was_current:
            self._outbox.leave()
        try:
            await self._client.delete_conversation(conversation_id)
        except WebchatError as error:
            self._view.problem(self._say("notDeleted", reason=reason(error, self._say)))
            return
        self._shell.announce(self._say("deleted"))
        if was_current:
            try:
                others = await self._client.list_conversations()
            except WebchatError:
                others = []
            if others:
                await self._go_to(newest(others).id)
                return
            try:
                await self._client.new_conversation()
            except WebchatError as error:
                self._view.problem(self._say("noConversation", reason=reason(error, self._say)))
