"""The client that users hold. `get_client` in `webchat_py.factory` makes it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from .conversation import CurrentConversation
from .delivery import Delivery
from .emitter import Emitter
from .history import newest_first, pages
from .operations import Operation, Operations
from .session import Session
from .waiting import MessageIterator, Waiting
from .wire.calls import Call, Page, Profile, is_header_value
from .wire.errors import ConversationGone, Forbidden, NotFound, SessionExpired, StateError
from .wire.files import Attachment, SentFile, payload_for
from .wire.models import Conversation, Credentials, Event, Message, MessageList, User
from .wire.payloads import Payload, Text

if TYPE_CHECKING:
    from .backend import Backend
    from .registrar import Waiter
    from .widget import Widget

T = TypeVar("T")
OnProgress = Callable[[int, int], object]


class WebchatClient:
    """One user's side of the conversations with one bot.

    While it is connected there is always an answer to "which conversation": sends wait for one that is being
    opened, changes of the conversation happen one after the other, and one that fails leaves the old
    conversation working.

    A stream that is lost is opened again for as long as it takes, and the messages that came meanwhile are told then,
    each once and in order. Messages that are sent meanwhile wait for it.

    Every call that asks the server may raise, besides what it names itself:

        StateError      the client is not connected, or was disconnected meanwhile
        SessionExpired  the server does not know the user any more
        ApiError        the server refused; its subclasses say why
        NetworkError    there was no answer

    `on`, `once` and `off` register handlers, see `emitter.Emitter`. The events and their values:

        conversation            str: the id of what is now the current conversation
        message                 Message: by somebody else, in the current conversation
        message_sent            Message: by this client; the server has it
        own_message             Message: by this user, from another tab or device
        message_status          Message: of this user, whose status moved: pending, sent, processing, processed, failed
        message_updated         Message: as it is after a change
        is_typing               Typing: ends by itself after its timeout, or with the next message
        participant_added       User
        participant_removed     str: the id of the user
        webchat_visibility      str: "show", "hide" or "toggle"; the bot asks the front end for it
        webchat_config          dict: settings that the bot has for the front end
        custom_event            dict: anything that a bot and a front end agree on
        connection              Connection: the state of the event stream
        session_expired         SessionExpired: the server does not know the user any more
        error                   Exception: went wrong outside of any call: a stream that cannot be opened any more, a
                                handler that raised
        *                       every event, its name first; also signals without a name of their own
    """

    def __init__(
        self,
        client_id: str,
        api_url: str,
        mode: str,
        backend: Backend,
        *,
        session: Callable[[Callable[[Exception], None]], Session],
        idle_timeout: float,
        retry_for: float,
        random: Callable[[], float],
        on_expired: Literal["new_user", "raise"] = "new_user",
    ) -> None:
        self.client_id = client_id
        self.api_url = api_url
        self.mode = mode
        self._backend = backend
        self._calls = backend.calls
        self._events = Emitter()
        self.on = self._events.on
        self.once = self._events.once
        self.off = self._events.off
        self._operations = Operations()
        self._connecting: Operation[Credentials] | None = None
        self._starting: Operation[list[Message]] | None = None
        self._logging_in = asyncio.Lock()
        self._stored_conversation: str | None = None
        self._starting_with: str | None = None
        self._saving: asyncio.Future[None] | None = None
        self._closing: asyncio.Future[None] | None = None
        self._connecting_as: Credentials | None = None
        self._credentials: Credentials | None = None
        self._expired: SessionExpired | None = None
        self._on_expired = on_expired
        self._session = session(lambda error: self._events.emit("error", error))
        self._conversation = CurrentConversation(backend, self._events, idle_timeout, random, self._save_conversation)
        self._delivery = Delivery(backend, self._conversation, self._events, self._session, retry_for, random)
        self._waiting = Waiting(self._events)
        self._asking = asyncio.Lock()
        self._stop_watching: Callable[[], None] | None = None
        self._widget: Widget | None = None
        backend.on_expired = self._expire
        backend.on_signal = self._conversation.take_beside

    def __repr__(self) -> str:
        return f"<WebchatClient {self.client_id!r} {self._conversation.state} at {self.api_url!r}>"

    async def __aenter__(self) -> WebchatClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.disconnect()

    @property
    def user_id(self) -> str | None:
        """The id of the user, `None` before `connect` and after `disconnect`."""
        return self._credentials.user_id if self._credentials else None

    @property
    def conversation_id(self) -> str | None:
        """The id of the current conversation, `None` where there is none. A lost stream does not change it."""
        return self._conversation.id

    # Who one is

    async def connect(
        self,
        credentials: Credentials | None = None,
        user_data: dict[str, Any] | None = None,
        name: str | None = None,
        picture_url: str | None = None,
    ) -> Credentials:
        """Say who one is. Opens no conversation: the first message does, or `new_conversation`.

        Args:
            credentials: those of an earlier `connect`, to be the same user again; without, those in `storage`; without
                any, a new user is made.
            user_data, name, picture_url: kept by the server with the user, for the bot to read. Of several calls at
                once, which share one attempt, the first one's count.

        Returns:
            The credentials to come back with. They are a new user's where the server did not know the given or
            stored ones, of which `session_expired` tells first.

        Raises:
            TypeError: an argument has the wrong type.
            ValueError: the credentials hold the id of one user and the key of another, or no key.
            StateError: the client is connected, or connecting, as somebody else.
            SessionExpired: the server does not know the user, and the client was made with `on_expired="raise"`.
            ApiError, NetworkError: the client stays disconnected and can be connected again.

        Example:
            credentials = await client.connect(user_data={"plan": "gold"})
        """
        if not isinstance(credentials, Credentials | None):
            raise TypeError(f"credentials are a Credentials(user_id, user_token), not {type(credentials).__name__}")
        if credentials is not None and not is_header_value(credentials.user_token):
            raise ValueError("credentials.user_token is none that a server gave: it is not printable ASCII")
        profile = _profile("user_data", user_data, name, picture_url)
        self._calls.check_profile(profile)
        if self._credentials is not None:
            if credentials == self._credentials:
                return self._credentials
            raise StateError("The client is already connected. Call disconnect() first")
        if self._connecting is None or not self._connecting.running:
            self._connecting_as = credentials
            self._connecting = self._operations.start(self._log_in_alone(credentials, profile))
        elif credentials not in (None, self._connecting_as):
            raise StateError("The client is connecting already. Await that call, or call disconnect() first")
        return await self._connecting.result()

    async def start(self, conversation_id: str | None = None) -> list[Message]:
        """Go on where one was: connect, and take up a conversation, in one request where the server can do that.

        Register handlers before: messages may come before it returns. In a new conversation the bot is told of it
        beside all else, so its greeting may come after its answer to a message that is sent at once; `ask` waits.

        With a `storage` it is the user who was stored, and what was not sent before the page was left is sent now.

        Args:
            conversation_id: the conversation to take up; without, the stored one. Where none is known a new one is
                opened; also where it is not there any more, of which an `error` event with `ConversationGone` tells.

        Returns:
            The newest messages of the conversation, newest first.

        Raises:
            TypeError, ValueError: this is no id.
            StateError: the client is starting with another conversation.
            SessionExpired: the server does not know the user, and the client was made with `on_expired="raise"`.
            ApiError, NetworkError: call it again later.

        Example:
            client = get_client("the client id", storage="local")
            for message in reversed(await client.start()):
                print(message.text)
        """
        conversation_id = None if conversation_id is None else _an_id(conversation_id)
        if self._starting is None or not self._starting.running:
            self._starting_with = conversation_id
            self._starting = self._operations.start(self._start(conversation_id))
        elif conversation_id not in (None, self._starting_with):
            raise StateError("The client is starting already. Await that call, or call disconnect() first")
        return MessageList(await self._starting.result(), self.user_id)

    async def disconnect(self, forget: bool = False) -> None:
        """Close the stream and forget the user. Calls under way end with `StateError`. Never raises.

        Args:
            forget: also remove what is stored. Without it, `start` goes on with the same user and conversation, and
                sends what was not sent.

        Example:
            await client.disconnect()
        """
        # At once, so that a call which is made while others end finds nobody logged in, and cancelling this one
        # leaves nothing half done.
        self._log_out()
        self._delivery.leave()
        ending = self._operations.cancel()
        ending |= self._conversation.abandon()
        self._waiting.end(StateError("The client was disconnected"))
        self._closing = asyncio.ensure_future(self._close(ending, forget))
        await asyncio.shield(self._closing)

    async def get_user(self) -> User:
        """The user of this client, with name, picture and data.

        Example:
            plan = (await client.get_user()).data["plan"]
        """
        return await self._call(self._calls.get_user())

    async def update_user(
        self, data: dict[str, Any] | None = None, name: str | None = None, picture_url: str | None = None
    ) -> User:
        """Change what is given and leave the rest alone. `data` is replaced as a whole.

        Raises:
            TypeError: `data` is no dict.

        Example:
            await client.update_user({"plan": "platinum"}, name="Ada")
        """
        return await self._call(self._calls.update_user(_profile("data", data, name, picture_url)))

    async def delete_user(self) -> None:
        """Delete the user on the server, then disconnect and remove what is stored.

        Example:
            await client.delete_user()
        """
        with self._conversation.parting():
            await self._call(self._calls.delete_user())
            await self.disconnect(forget=True)

    # What one says

    async def send_message(
        self,
        text_or_payload: str | Payload,
        metadata: dict[str, Any] | None = None,
        reply_to: str | None = None,
    ) -> Message:
        """Send a message to the current conversation; without one, a new conversation is opened first.

        Messages arrive in the order of the calls. While there is no connection they wait; what failed is sent again,
        for `retry_for` seconds, and never twice on a guess. Cancelling gives it up.

        Args:
            text_or_payload: the text, or a payload such as `Choice(...)`.
            metadata: kept by the server with the message. JSON values only; `clientMessageId` is the client's own.
            reply_to: the id of the message that this one answers.

        Returns:
            The message as the server has it.

        Raises:
            TypeError, ValueError: it cannot be sent; nothing was.
            ConversationGone: the conversation was deleted, or is closed to this user.
            DeliveryUncertain: it may have arrived or not, and the server does not say enough to tell.
            NetworkError: there was no connection for `retry_for` seconds. `resend` tries again.

        Example:
            message = await client.send_message("Hello, Botpress!")
        """
        payload = _as_payload(text_or_payload)
        metadata = _with_client_id(_dict_or_none("metadata", metadata))
        # What cannot be built is not to be sent.
        self._backend.check(self._calls.create_message("", payload, metadata, _string_or_none("reply_to", reply_to)))
        return await self._operations.run(self._send(payload, metadata, reply_to))

    async def resend(self, message: Message) -> Message:
        """Send a message again whose status is failed. It goes to its own conversation, and is looked for first.

        Raises:
            ValueError: the server has this message already, or it was not sent by this user.
            StateError: it is being sent.
            NetworkError, ApiError, ...: as from `send_message`.

        Example:
            message = await client.resend(failed)
        """
        if message.id is not None or not message.client_id:
            raise ValueError("Only a message that could not be sent can be sent again")
        if self._delivery.is_pending(message):
            raise StateError("The message is being sent")
        return await self._operations.run(self._resend(message))

    async def send_file(
        self,
        file: Any,
        name: str | None = None,
        on_progress: OnProgress | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> SentFile:
        """Upload a file and send it as an image, audio, video or file message. Cancelling stops the transfer.

        Args:
            file: a JavaScript `File` or `Blob`, a path in Pyodide's file system, or bytes.
            name: the file's name; bytes and a `Blob` need one.
            on_progress: called with the bytes sent so far and all bytes.
            metadata: of the message, as in `send_message`.

        Raises:
            TypeError, ValueError, OSError: this is no file, has no name, or cannot be read.
            UploadError: the file could not be stored; no message was sent.

        Example:
            sent = await client.send_file(b"a,b", "table.csv", on_progress=lambda sent, total: print(sent, total))
        """
        attachment = self._backend.attach(file, _string_or_none("name", name))
        metadata = _with_client_id(_dict_or_none("metadata", metadata))
        # Metadata that cannot be sent is to be known before the upload.
        self._backend.check(self._calls.create_message("", Text("."), metadata, None))
        return await self._operations.run(self._send_file(attachment, on_progress, metadata))

    async def send_event(self, data: dict[str, Any]) -> None:
        """Tell the bot something that is no message. It is sent at most once.

        Raises:
            TypeError: `data` is no dict of JSON values.

        Example:
            await client.send_event({"action": "checkout"})
        """
        if not isinstance(data, dict):
            raise TypeError(f"An event's data is a dict, not {type(data).__name__}")
        self._calls.send_event("", data)
        await self._operations.run(self._send_event(data))

    async def ask(self, text_or_payload: str | Payload, timeout: float = 30.0, silence: float = 1.5) -> list[Message]:
        """Send a message and collect the answers. Several questions at once are asked one after the other.

        Args:
            timeout: seconds until the first answer, and between answers while the bot is typing.
            silence: seconds without a message or typing after which the answer counts as complete.

        Raises:
            TypeError, ValueError: it cannot be sent; nothing was.
            RequestTimeout: there was no answer.

        Example:
            for answer in await client.ask("What can you do?"):
                print(answer.text)
        """
        async with self._asking:
            send = self._waiting.answers(lambda: self._question(text_or_payload), timeout, silence)
            return MessageList(await self._operations.run(send), self.user_id)

    async def add_feedback(
        self, message_id: str, value: Literal["positive", "negative"], comment: str | None = None
    ) -> None:
        """Say what one thinks of a bot's message.

        Raises:
            ValueError: for any other value.

        Example:
            await client.add_feedback(message.id, "positive", comment="Well said")
        """
        if value not in ("positive", "negative"):
            raise ValueError(f"Feedback is 'positive' or 'negative', not {value!r}")
        await self._call(self._calls.add_feedback(_an_id(message_id), value, _string_or_none("comment", comment)))

    async def remove_feedback(self, message_id: str) -> None:
        """Take feedback back.

        Example:
            await client.remove_feedback(message.id)
        """
        await self._call(self._calls.remove_feedback(_an_id(message_id)))

    # What one hears

    if TYPE_CHECKING:
        wait_for: Waiter
    else:

        def wait_for(self, event, timeout=None):
            """The next value of an event, as something to await. It waits from the call on.

            Args:
                timeout: seconds; `None` waits for ever.

            Raises:
                ValueError: there is no such event.
                RequestTimeout: it did not come in time.
                StateError: the client was disconnected.

            Example:
                answer = client.wait_for("message", timeout=10)
                await client.send_message("Hello")
                print((await answer).text)
            """
            return self._waiting.wait_for(event, timeout)

    def messages(self) -> MessageIterator:
        """Iterate over the messages that arrive from now on, until `disconnect`.

        A reader who is more than 1,000 messages behind gets a `WebchatError`.

        Example:
            async for message in client.messages():
                print(message.text)
        """
        return self._waiting.messages()

    async def history(self) -> AsyncGenerator[Message]:
        """Iterate over the current conversation's messages, newest first. Pages are fetched as they are needed.

        Example:
            async for message in client.history():
                print(message.sent_on, message.text)
        """
        await self._operations.run(self._require_user())
        async for messages in self._history(self._call):
            for message in messages:
                yield message

    async def list_messages(self, limit: int | None = None, after: str | None = None) -> list[Message]:
        """The messages of the current conversation, newest first; `[]` where there is no conversation.

        Args:
            limit: return at most so many.
            after: the id of a message: return only those that are newer.

        Raises:
            ValueError: `limit` is below 1.

        Example:
            newest = await client.list_messages(limit=20)
        """
        if limit is not None and limit < 1:
            raise ValueError(f"limit is at least 1, not {limit!r}")
        # One operation for all pages: each would take about as long as to read a page.
        return MessageList(await self._operations.run(self._list(limit, after)), self.user_id)

    async def get_message(self, message_id: str) -> Message:
        """A message by its id.

        Example:
            message = await client.get_message(message_id)
        """
        return await self._call(self._calls.get_message(_an_id(message_id)))

    async def update_message(
        self, message_id: str, payload: Payload | None = None, metadata: dict[str, Any] | None = None
    ) -> Message:
        """Change the payload or the metadata of a message; what is not given stays.

        Example:
            await client.update_message(message.id, Text("Hello again"))
        """
        call = self._calls.update_message(_an_id(message_id), payload, _dict_or_none("metadata", metadata))
        return await self._call(call)

    async def delete_message(self, message_id: str) -> None:
        """Delete a message of this user.

        Example:
            await client.delete_message(message.id)
        """
        await self._call(self._calls.delete_message(_an_id(message_id)))

    async def get_event(self, event_id: str) -> Event:
        """An event by its id.

        Example:
            event = await client.get_event(event_id)
        """
        return await self._call(self._calls.get_event(_an_id(event_id)))

    def widget(self) -> Widget:
        """The conversation as something that a notebook shows, and that grows as more is said.

        Every call returns the same one. It begins with what was said before, and needs nothing but the notebook.

        Example:
            client.widget()
        """
        if self._widget is None:
            from .widget import Widget  # only notebooks have a use for it

            self._widget = Widget(self)
        return self._widget

    # Where one says and hears it

    async def new_conversation(self) -> str:
        """Open a new conversation, make it the current one and tell the bot.

        Returns:
            Its id.

        Raises:
            ApiError, NetworkError, StreamError: the conversation from before, if any, still is the current one.

        Example:
            conversation_id = await client.new_conversation()
        """
        return await self._operations.run(self._new_conversation())

    async def switch_conversation(self, conversation_id: str) -> None:
        """Make another conversation of this user the current one. If its stream was lost, it is opened again.

        Raises:
            TypeError, ValueError: this is no id.
            NotFound, Forbidden: there is no such conversation, or it is not this user's.
            ApiError, NetworkError, StreamError: as above, the conversation from before still is the current one.

        Example:
            await client.switch_conversation(conversation_id)
        """
        await self._operations.run(self._switch_conversation(_an_id(conversation_id)))

    async def conversation_exists(self, conversation_id: str) -> bool:
        """Whether this user can switch to a conversation: `False` where there is none, or it is not this user's.

        Example:
            if await client.conversation_exists(conversation_id):
                await client.switch_conversation(conversation_id)
        """
        try:
            await self._call(self._calls.get_conversation(_an_id(conversation_id)))
        except (NotFound, Forbidden):
            return False
        return True

    async def list_conversations(self) -> list[Conversation]:
        """All conversations of this user, in the server's order.

        Example:
            newest = (await client.list_conversations())[0]
        """
        return [conversation async for conversation in self._all(self._calls.list_conversations)]

    async def delete_conversation(self, conversation_id: str) -> None:
        """Delete a conversation. If it was the current one, there is none afterwards.

        Example:
            await client.delete_conversation(client.conversation_id)
        """
        await self._operations.run(self._delete_conversation(_an_id(conversation_id)))

    async def list_participants(self) -> list[User]:
        """Who takes part in the current conversation. Raises `StateError` where there is none.

        Example:
            names = [user.name for user in await client.list_participants()]
        """
        self._calls.list_participants("", None)  # whether the mode has it
        conversation_id = self._conversation.require()
        return [user async for user in self._all(lambda token: self._calls.list_participants(conversation_id, token))]

    async def get_participant(self, user_id: str) -> User:
        """A participant of the current conversation.

        Example:
            author = await client.get_participant(message.author_id)
        """
        return await self._call(self._here(self._calls.get_participant, _an_id(user_id)))

    async def add_participant(self, user_id: str) -> User:
        """Let another user take part in the current conversation. Only its creator can.

        Example:
            await client.add_participant(user_id)
        """
        return await self._call(self._here(self._calls.add_participant, _an_id(user_id)))

    async def remove_participant(self, user_id: str) -> None:
        """End another user's part in the current conversation. Only its creator can.

        Example:
            await client.remove_participant(user_id)
        """
        await self._call(self._here(self._calls.remove_participant, _an_id(user_id)))

    # How it is done

    def _here(self, call: Callable[[str, str], Call[T]], value: str) -> Call[T]:
        """A call about the current conversation. What the mode does not have it refuses also where there is none."""
        call("", value)
        return call(self._conversation.require(), value)

    async def _log_in_alone(self, credentials: Credentials | None, profile: Profile) -> Credentials:
        # Two pages that start at once would make two users.
        async with self._session.lock():
            return await self._log_in(credentials, profile)

    async def _log_in(self, credentials: Credentials | None, profile: Profile) -> Credentials:
        async with self._logging_in:
            if self._credentials is None:
                self._credentials = await self._logged_in(credentials, profile)
            elif credentials not in (None, self._credentials):
                raise StateError("The client is already connected. Call disconnect() first")
            return self._credentials

    async def _logged_in(self, credentials: Credentials | None, profile: Profile) -> Credentials:
        stored = await self._load()
        credentials = credentials or stored
        try:
            logged_in = await self._backend.log_in(credentials, profile)
        except SessionExpired as error:
            if self._on_expired == "raise":
                raise
            self._events.emit("session_expired", error)
            logged_in = await self._backend.log_in(None, profile)
        try:
            if self._expired is not None:
                self._expired = None
                await self._conversation.close()
            await self._adopt(logged_in, stored)
        except BaseException:
            self._log_out()
            raise
        return logged_in

    async def _load(self) -> Credentials | None:
        if self._closing is not None:
            await asyncio.wait((self._closing,))
        stored, self._stored_conversation = await self._session.load()
        return stored

    async def _adopt(self, logged_in: Credentials, stored: Credentials | None) -> None:
        """Be this user from now on."""
        self._conversation.belongs_to(logged_in.user_id, self._delivery)
        self._delivery.belongs_to(logged_in.user_id)
        if self._stop_watching is None:
            self._stop_watching = self._backend.watch(self._conversation.wake)
        if logged_in != stored:
            if stored is None or logged_in.user_id != stored.user_id:
                self._stored_conversation = None
            await self._session.save_credentials(logged_in)

    async def _start(self, conversation_id: str | None) -> list[Message]:
        async with self._session.lock():
            is_connecting = self._connecting is not None and self._connecting.running
            was_connected = self._credentials is not None or is_connecting
            newest = None if was_connected else await self._begin(conversation_id)
            await self._log_in(None, Profile())
            try:
                if newest is None:
                    newest = await self._take_up(conversation_id or self._conversation.id or self._stored_conversation)
                if self._saving is not None:
                    # Before another page may look for the conversation.
                    await asyncio.wait((self._saving,))
                taken_over = await self._session.adopt()
            except BaseException:
                # A message that is sent now must not open another conversation.
                if not was_connected:
                    self._log_out()
                    await self._conversation.close()
                raise
        for unsent in taken_over:
            message = self._delivery.restore(unsent)
            if not unsent.failed:
                self._operations.start_unattended(self._resend(message))
        return newest

    async def _begin(self, conversation_id: str | None) -> list[Message] | None:
        """Log in and take up this conversation, or else the stored one, in one request. Returns its newest messages.

        `None` where some of it is left to do, by the calls that are made for one thing each.
        """
        async with self._logging_in:
            if not self._backend.begins or self._expired is not None or self._conversation.id is not None:
                return None
            stored = await self._load()
            if stored is not None and self._on_expired == "raise":
                return None  # in place of a user that it does not know, the server would make a new one

            async def adopt(credentials: Credentials) -> bool:
                if stored is not None and credentials.user_id != stored.user_id:
                    return False  # That the stored user is not known any more is still to be confirmed.
                self._backend.begin_as(credentials)
                await self._adopt(credentials, stored)
                self._credentials = credentials
                return True

            try:
                return await self._conversation.begin(stored, conversation_id or self._stored_conversation, adopt)
            except BaseException:
                self._log_out()
                raise

    async def _take_up(self, conversation_id: str | None) -> list[Message]:
        """Open this conversation, or a new one where it is gone. Returns its newest messages."""
        if conversation_id is not None:
            try:
                newest = await self._conversation.switch(conversation_id)
                return newest or await self._conversation.newest_messages()
            except (NotFound, Forbidden):
                try:
                    await self._conversation.check(conversation_id)
                except ConversationGone as error:
                    # The end of the current one has been told already.
                    if conversation_id != self._conversation.id:
                        self._events.emit("error", error)
                else:
                    raise
        await self._conversation.create()
        return []

    def _log_out(self) -> None:
        self._credentials = self._expired = None
        self._backend.log_out()
        if self._stop_watching is not None:
            self._stop_watching()
            self._stop_watching = None

    async def _close(self, ending: set[asyncio.Task[Any]], forget: bool) -> None:
        """Wait until everything that was ended has cleaned up, and what is stored is written."""
        if ending:
            await asyncio.wait(ending)
        if self._saving is not None:
            await asyncio.wait((self._saving,))
        if forget:
            await self._session.forget()
        await self._session.close()

    def _save_conversation(self, conversation_id: str) -> None:
        self._saving = asyncio.ensure_future(self._session.save_conversation(conversation_id))

    def _expire(self, error: SessionExpired) -> None:
        """The server does not know the user any more."""
        self._credentials, self._expired = None, error
        self._delivery.expire(error)
        self._conversation.end(error)
        self._waiting.end(error)
        self._events.emit("session_expired", error)

    async def _require_user(self) -> None:
        if self._credentials is None and self._connecting is not None and self._connecting.running:
            await self._connecting.result()
        # Until then it is not known which conversation is the current one.
        if self._starting is not None and self._starting.running:
            await self._starting.result()
        if self._credentials is None:
            raise self._expired or StateError("The client is not connected. Call connect() first")

    async def _call(self, call: Call[T]) -> T:
        return await self._operations.run(self._require_user_and_call(call))

    async def _require_user_and_call(self, call: Call[T]) -> T:
        await self._require_user()
        return await self._backend.request(call)

    async def _list(self, limit: int | None, after: str | None) -> list[Message]:
        await self._require_user()
        listed: list[Message] = []
        # Who wants them all waits for the network and for Python at the same time.
        ahead = limit is None and after is None
        async with aclosing(self._history(self._backend.request, ahead=ahead)) as history:
            async for messages in history:
                for message in messages:
                    if message.id is not None and message.id == after:
                        return listed
                    listed.append(message)
                    if len(listed) == limit:
                        return listed
        return listed

    async def _history(
        self, carry: Callable[[Call[Page[Message]]], Coroutine[Any, Any, Page[Message]]], *, ahead: bool = False
    ) -> AsyncGenerator[list[Message]]:
        """The current conversation's messages, newest first, page by page, and each of them once."""
        conversation_id = self._conversation.id
        if conversation_id is None:
            return
        seen: set[str] = set()

        def fetch(token: str | None) -> Coroutine[Any, Any, Page[Message]]:
            return carry(self._calls.list_messages(conversation_id, token))

        async with aclosing(newest_first(fetch, ahead=ahead)) as history:
            async for stretch in history:
                messages = []
                for message in stretch.messages:
                    # A message that arrives meanwhile moves another one to the next page, where it comes again.
                    if message.id is None or message.id not in seen:
                        messages.append(message)
                        seen.add(message.id or "")
                yield messages

    async def _all(self, page_after: Callable[[str | None], Call[Page[T]]]) -> AsyncGenerator[T]:
        """The items of a list of pages, each fetched when the one before it is used up."""
        async for page in pages(lambda token: self._call(page_after(token))):
            for item in page.items:
                yield item

    async def _send(self, payload: Payload, metadata: dict[str, Any], reply_to: str | None) -> Message:
        await self._require_user()
        return await self._delivery.send(payload, metadata, reply_to)

    async def _question(self, text_or_payload: str | Payload) -> Message:
        await self._conversation.announced()
        return await self.send_message(text_or_payload)

    async def _resend(self, message: Message) -> Message:
        await self._require_user()
        return await self._delivery.resend(message)

    async def _send_file(
        self, attachment: Attachment, on_progress: OnProgress | None, metadata: dict[str, Any]
    ) -> SentFile:
        await self._require_user()
        conversation_id = await self._conversation.ready()
        upload = await self._backend.upload(attachment, self._isolated(on_progress))
        kind, payload = payload_for(upload.content_type, upload.file_url, attachment.name)
        message = await self._delivery.send(payload, metadata, None, conversation_id)
        return SentFile(upload.file_url, attachment.name, kind, message)

    def _isolated(self, on_progress: OnProgress | None) -> Callable[[int, int], None] | None:
        """`on_progress` as something that does not raise."""
        if on_progress is None:
            return None

        def tell(sent: int, total: int) -> None:
            try:
                on_progress(sent, total)
            except Exception as error:  # noqa: BLE001  # the user's code may raise anything
                self._events.report("on_progress", error)

        return tell

    async def _send_event(self, data: dict[str, Any]) -> None:
        await self._require_user()
        await self._delivery.once(
            lambda conversation_id: self._backend.request(self._calls.send_event(conversation_id, data))
        )

    async def _new_conversation(self) -> str:
        await self._require_user()
        return await self._conversation.create()

    async def _switch_conversation(self, conversation_id: str) -> None:
        await self._require_user()
        await self._conversation.switch(conversation_id)

    async def _delete_conversation(self, conversation_id: str) -> None:
        await self._require_user()
        await self._conversation.delete(conversation_id)


def _as_payload(text_or_payload: str | Payload) -> Payload:
    """The payload to send. Raises if the server could only refuse it."""
    payload = Text(text_or_payload) if isinstance(text_or_payload, str) else text_or_payload
    if isinstance(payload, Text) and payload.text == "":
        raise ValueError("There is nothing to send: the text is empty")
    return payload


def _with_client_id(metadata: dict[str, Any] | None) -> dict[str, Any]:
    """Metadata that names the message, so that it can be recognised however it comes back."""
    return {**(metadata or {}), "clientMessageId": os.urandom(16).hex()}


def _dict_or_none(name: str, value: dict[str, Any] | None) -> dict[str, Any] | None:
    if not isinstance(value, dict | None):
        raise TypeError(f"{name} is a dict, not {type(value).__name__}")
    return value


def _string_or_none(name: str, value: str | None) -> str | None:
    if not isinstance(value, str | None):
        raise TypeError(f"{name} is a str, not {type(value).__name__}")
    return value


def _profile(name_of_data: str, data: dict[str, Any] | None, name: str | None, picture_url: str | None) -> Profile:
    _dict_or_none(name_of_data, data)
    return Profile(data, _string_or_none("name", name), _string_or_none("picture_url", picture_url))


def _an_id(value: str) -> str:
    """`value`, if it can be an id: an empty one, or one of dots, would make another address of it."""
    if not isinstance(value, str):
        raise TypeError(f"An id is a str, not {type(value).__name__}")
    if value in ("", ".", ".."):
        raise ValueError(f"The id is {value!r}, which is none")
    return value
