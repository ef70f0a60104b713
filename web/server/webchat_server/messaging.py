"""What a Botpress Messaging server says over its socket (Socket.IO), with the bots and the data of this server.

Mode "messaging" of the clients talks to it. It differs from the real one (1.2.18) where that would keep both modes from
having the same data: ids need not be GUIDs, a user's token is their key, and any client id has its bot. What a bot
signals is told as a trigger and not kept. Another process with the same data is not heard.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qs

import socketio
from starlette.types import ASGIApp, Receive, Scope, Send

from . import store
from .auth import UserKeys
from .bots import BotRunner, Event, User
from .bots.chat import Heard
from .database import Database
from .errors import ApiError, Forbidden, ResourceNotFound, Unauthorized
from .hub import Hub
from .messaging_payloads import from_messaging, to_messaging, trigger_of

log = logging.getLogger(__name__)

PATH = "/socket.io/"
MAX_PACKET = 1_000_000
"""Bytes; the WebSocket is closed with code 1009 at a larger one."""
PING_INTERVAL, PING_TIMEOUT = 25, 20
_ALL = 1_000_000_000

Answer = Any


class Refused(Exception):
    """What was asked for is answered with this text."""


@dataclass(slots=True)
class Session:
    """One socket that is logged in. `data` is what it said about the user, which is not always what is stored."""

    sid: str
    client_id: str
    user_id: str
    data: dict[str, str] | None
    server_url: str


# --- what is read, with the real server's texts -----------------------------------------------------------------


def _read_auth(auth: Any) -> tuple[str, dict[str, str] | None]:
    if not isinstance(auth, dict):
        raise Refused('"value" must be of type object')
    _allow_only(auth, ("clientId", "creds"))
    client_id = _text(auth.get("clientId"), "clientId")
    if "/" in client_id:
        raise Refused("Client not found")  # no client of the other mode could have it
    if "creds" not in auth:
        return client_id, None
    creds = auth["creds"]
    if not isinstance(creds, dict):
        raise Refused('"creds" must be of type object')
    _allow_only(creds, ("userId", "userToken"), "creds.")
    return client_id, {name: _text(creds.get(name), f"creds.{name}") for name in ("userId", "userToken")}


def _user_data(query: str) -> dict[str, str] | None:
    """What a socket says about its user. Silently nothing where a value is no text, as on the real server."""
    try:
        data = json.loads(parse_qs(query)["userData"][0])
    except (KeyError, ValueError, RecursionError):
        return None
    is_fit = isinstance(data, dict) and all(isinstance(value, str) for value in data.values())
    return data if is_fit else None


Check = Callable[[Any, str], Any]


def _text(value: Any, name: str) -> str:
    if value is None:
        raise Refused(f'"{name}" is required')
    if not isinstance(value, str):
        raise Refused(f'"{name}" must be a string')
    if not value:
        raise Refused(f'"{name}" is not allowed to be empty')
    return value


def _number(value: Any, name: str) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        raise Refused(f'"{name}" must be a number') from None


def _limit(value: Any, name: str) -> int:
    if value is None:
        raise Refused(f'"{name}" is required')
    if (number := _number(value, name)) < 0:
        raise Refused(f'"{name}" must be greater than or equal to 0')
    return min(int(number), _ALL)


def _object(value: Any, name: str) -> dict[str, Any]:
    if value is None:
        raise Refused(f'"{name}" is required')
    if not isinstance(value, dict):
        raise Refused(f'"{name}" must be of type object')
    return value


def _feedback(value: Any, name: str) -> float | None:
    return None if value is None else _number(value, name)


def _checked(asked: dict[str, Any], fields: dict[str, Check]) -> dict[str, Any]:
    data = _object(asked.get("data"), "value")
    values = {name: check(data.get(name), name) for name, check in fields.items()}
    _allow_only(data, fields)
    return values


def _allow_only(data: dict[str, Any], names: Any, where: str = "") -> None:
    for name in data:
        if name not in names:
            raise Refused(f'"{where}{name}" is not allowed')


# --- what is told -----------------------------------------------------------------------------------------------


def _public_conversation(conversation: store.Model, session: Session) -> store.Model:
    return {
        "id": conversation["id"],
        "clientId": session.client_id,
        "userId": session.user_id,
        "createdOn": conversation["createdAt"],
    }


def _public_message(message: store.Model) -> store.Model:
    author = {} if message["userId"] == store.BOT_ID else {"authorId": message["userId"]}
    metadata = _present(metadata=message.get("metadata"))
    return {
        "id": message["id"],
        "conversationId": message["conversationId"],
        **author,
        "sentOn": message["createdAt"],
        "payload": {**to_messaging(message["payload"]), **metadata},
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


# --- the sockets ------------------------------------------------------------------------------------------------


class Messaging:
    """The sockets, and what is asked and told over them. `hub` is where the other mode listens."""

    def __init__(self, db: Database, keys: UserKeys) -> None:
        self._db = db
        self._keys = keys
        self._sessions: dict[str, Session] = {}
        self._to_tell: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._teller: asyncio.Task[None] | None = None
        self._greeters: set[asyncio.Task[None]] = set()
        self._hub: Hub
        self._bots: BotRunner
        self._server = socketio.AsyncServer(
            async_mode="asgi",
            transports=["websocket"],
            cors_allowed_origins="*",
            ping_interval=PING_INTERVAL,
            ping_timeout=PING_TIMEOUT,
            max_http_buffer_size=MAX_PACKET,
            # It is for polling; a WebSocket that is silent for too long is closed by whoever reads from it
            monitor_clients=False,
        )
        self._server.on("connect", self._connect)
        self._server.on("message", self._message)
        self._server.on("disconnect", self._disconnect)
        self.app: ASGIApp = socketio.ASGIApp(self._server)

    def begin(self, hub: Hub, bots: BotRunner) -> None:
        """Say where the other mode's signals go, and who answers."""
        self._hub, self._bots = hub, bots

    # --- what happens in the other mode, or by a bot --------------------------------------------------------------

    def publish(self, conversation_id: str, type: str, data: Any, but: str | None = None) -> None:
        """Tell the sockets of all who take part, except the socket `but`, what this signal tells."""
        message = data if type == "message_created" else None
        if message is None and (payload := trigger_of(type, data)):
            message = store.unstored_message(conversation_id, payload)
        if message is not None and self._sessions:
            self._tell_later(lambda: self._tell_message(conversation_id, message, but))

    def close(self, user_id: str) -> None:
        """End the sockets of a user."""
        for session in tuple(self._sessions.values()):
            if session.user_id == user_id:
                self._tell_later(lambda sid=session.sid: self._server.disconnect(sid))  # type: ignore[misc]

    async def stop(self) -> None:
        tasks = [task for task in (self._teller, *self._greeters) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _tell_later(self, tell: Callable[[], Awaitable[None]]) -> None:
        """One after the other, since who is told is looked up first."""
        self._to_tell.put_nowait(tell)
        if self._teller is None:
            self._teller = asyncio.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        while True:
            tell = await self._to_tell.get()
            try:
                await tell()
            except Exception:
                log.exception("something could not be told")

    async def _tell_message(self, conversation_id: str, message: store.Model, but: str | None) -> None:
        told = {"conversationId": conversation_id, "channel": "messaging", "message": _public_message(message)}
        for user_id in await self._db(store.participant_ids, conversation_id):
            await self._push(user_id, "message.new", {"userId": user_id, **told}, but)

    async def _push(self, user_id: str, type: str, data: Any, but: str | None = None) -> None:
        await self._server.emit("message", {"type": type, "data": data}, room=user_id, skip_sid=but)

    # --- a socket's life ------------------------------------------------------------------------------------------

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any = None) -> None:
        try:
            client_id, creds = _read_auth({} if auth is None else auth)
            data = _user_data(environ["QUERY_STRING"])
            user_id, token, changed = await self._log_in(client_id, creds, data)
        except Refused as refusal:
            raise socketio.exceptions.ConnectionRefusedError(str(refusal)) from None
        except Exception:
            log.exception("a login failed")
            raise socketio.exceptions.ConnectionRefusedError("an error occurred authenticating socket") from None
        if changed:
            await self._push(user_id, "user.updated", {"userId": user_id, **_present(userData=data)})
        host, scheme = environ.get("HTTP_HOST", "localhost"), environ["asgi.scope"]["scheme"].replace("ws", "http")
        session = Session(sid, client_id, user_id, data, f"{scheme}://{host}")
        log.info("%s has logged in", user_id)
        # After this has returned, and with it the namespace's own answer
        greeter = asyncio.create_task(self._greet(session, token))
        self._greeters.add(greeter)
        greeter.add_done_callback(self._greeters.discard)

    async def _greet(self, session: Session, token: str | None) -> None:
        self._sessions[session.sid] = session
        # First, so that nothing is missed by one who reads the history when the login has come
        await self._server.enter_room(session.sid, session.user_id)
        login = {"userId": session.user_id, **_present(userToken=token)}
        await self._server.emit("login", login, to=session.sid)

    async def _log_in(
        self, client_id: str, creds: dict[str, str] | None, data: dict[str, str] | None
    ) -> tuple[str, str | None, bool]:
        """Returns the user's id; the token of a new one; whether what is known of the user has changed."""
        if creds and (known := await self._known(client_id, creds)):
            stored = known.get("data") or None
            if data is not None and data != stored:
                await self._db(store.update_user, client_id, known["id"], {"userData": data})
            return known["id"], None, (data or None) != stored
        user = await self._db(store.create_user, client_id, _present(userData=data))
        return user["id"], self._keys.issue(user["id"]), False

    async def _known(self, client_id: str, creds: dict[str, str]) -> store.Model | None:
        """The user of these credentials. There is no error for wrong ones: a new user is made."""
        try:
            if self._keys.user_id(creds["userToken"]) != creds["userId"]:
                return None
            return await self._db(store.get_user, client_id, creds["userId"])
        except (Unauthorized, ResourceNotFound):
            return None

    async def _disconnect(self, sid: str, _reason: str) -> None:
        self._sessions.pop(sid, None)

    # --- requests -------------------------------------------------------------------------------------------------

    async def _message(self, sid: str, asked: Any = None) -> None:
        if isinstance(asked, dict):
            answer = {"request": asked.get("request"), "data": await self._answer(sid, asked)}
            await self._server.emit("message", answer, to=sid)

    async def _answer(self, sid: str, asked: dict[str, Any]) -> Answer:
        try:
            session = self._sessions.get(sid)
            if session is None:
                raise Refused("socket does not have user rights")
            route = self._routes.get(str(asked.get("type")))
            if route is None:
                raise Refused(f"route {asked.get('type')} does not exist")
            fields, handle = route
            return await handle(self, session, **_checked(asked, fields))
        except Refused as refusal:
            return {"error": True, "message": str(refusal)}
        except (ResourceNotFound, Forbidden) as error:
            what = "Message" if error.message.endswith("message") else "Conversation"
            return {"error": True, "message": f"{what} does not exist"}
        except Exception as error:
            if not isinstance(error, ApiError):
                log.exception("%s failed", asked.get("type"))
            return {"error": True, "message": "an error occurred"}

    async def _get_user(self, session: Session) -> Answer:
        return {"id": session.user_id, "clientId": session.client_id, **_present(data=session.data)}

    async def _create_conversation(self, session: Session) -> Answer:
        conversation = await self._db(store.create_conversation, session.client_id, session.user_id)
        told = {"userId": session.user_id, "conversationId": conversation["id"]}
        await self._push(session.user_id, "conversation.new", told)
        return _public_conversation(conversation, session)

    async def _start_conversation(self, session: Session, id: str) -> Answer:
        body = {"conversationId": id, "payload": {"type": "conversation_started", "data": {}}}
        event = await self._db(store.create_event, session.client_id, session.user_id, body)
        self._tell_bot(session, id, event=Event("conversation_started", event["payload"]["data"]))
        return True

    async def _get_conversation(self, session: Session, id: str) -> Answer:
        conversation = await self._db(store.get_conversation, session.client_id, id, session.user_id)
        return _public_conversation(conversation, session)

    async def _list_conversations(self, session: Session, limit: int) -> Answer:
        conversations, _ = await self._db(store.list_conversations, session.user_id, None, _ALL)
        conversations.sort(key=lambda one: one.get("lastMessage", {}).get("createdAt", ""), reverse=True)
        return [_public_conversation(one, session) for one in conversations[: limit or None]]

    async def _delete_conversation(self, session: Session, id: str) -> Answer:
        await self._db(store.delete_conversation, session.client_id, id, session.user_id)
        self._hub.close(conversation_id=id)
        return True

    async def _create_message(self, session: Session, conversationId: str, payload: dict[str, Any]) -> Answer:  # noqa: N803 - the wire's name
        payload = dict(payload)
        body: dict[str, Any] = {"conversationId": conversationId}
        if isinstance(payload.get("metadata"), dict):
            body["metadata"] = payload.pop("metadata")
        body["payload"] = from_messaging(payload)
        message, _ = await self._db(store.create_message, session.client_id, session.user_id, body, dedupe=False)
        if payload.get("type") == "trigger":
            event = payload.get("payload")
            heard = Event("custom", event if isinstance(event, dict) else {})
            self._tell_bot(session, conversationId, event=heard)
        else:
            self._hub.publish(conversationId, "message_created", message)
            self._tell_bot(session, conversationId, message=message)
        self.publish(conversationId, "message_created", message, but=session.sid)
        return _public_message(message)

    async def _list_messages(self, session: Session, conversationId: str, limit: int) -> Answer:  # noqa: N803
        place = (session.client_id, conversationId, session.user_id)
        messages, _ = await self._db(store.list_messages, *place, None, limit or _ALL)
        return [{"authorId": None, **_public_message(message)} for message in messages]

    async def _give_feedback(self, session: Session, messageId: str, feedback: float | None = None) -> Answer:  # noqa: N803
        value = None if feedback is None else {"value": "positive" if feedback > 0 else "negative"}
        await self._db(store.set_feedback, session.client_id, messageId, session.user_id, value)
        return True

    def _tell_bot(self, session: Session, conversation_id: str, **heard: Any) -> None:
        author = User(session.user_id, data=dict(session.data or {}))
        self._bots.hear(Heard(session.client_id, conversation_id, author, session.server_url, **heard))

    _routes: ClassVar[dict[str, tuple[dict[str, Check], Callable[..., Awaitable[Answer]]]]] = {
        "users.get": ({}, _get_user),
        "conversations.create": ({}, _create_conversation),
        "conversations.start": ({"id": _text}, _start_conversation),
        "conversations.get": ({"id": _text}, _get_conversation),
        "conversations.list": ({"limit": _limit}, _list_conversations),
        "conversations.delete": ({"id": _text}, _delete_conversation),
        "messages.create": ({"conversationId": _text, "payload": _object}, _create_message),
        "messages.list": ({"conversationId": _text, "limit": _limit}, _list_messages),
        "messages.feedback": ({"messageId": _text, "feedback": _feedback}, _give_feedback),
    }


class BothHubs:
    """Carries signals to those who listen in either mode."""

    def __init__(self, streams: Hub, messaging: Messaging) -> None:
        self._streams = streams
        self._messaging = messaging
        self.stream = streams.stream

    def publish(self, conversation_id: str, type: str, data: Any) -> None:
        self._streams.publish(conversation_id, type, data)
        self._messaging.publish(conversation_id, type, data)

    def close(self, conversation_id: str | None = None, user_id: str | None = None) -> None:
        self._streams.close(conversation_id, user_id)
        if user_id and not conversation_id:
            self._messaging.close(user_id)

    async def stop(self) -> None:
        await self._messaging.stop()
        await self._streams.stop()


def socket_app(messaging: Messaging) -> ASGIApp:
    """The application of all WebSockets: those at any other path are refused."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            await messaging.app(scope, receive, send)
        else:
            await send({"type": "websocket.close"})

    return app
