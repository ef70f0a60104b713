"""The operations of the Webchat API, each a handler of one route. The rules about who may do what are in `store`."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from . import files, store
from .auth import UserKeys
from .bodies import read_json
from .bots import BotRunner, Event, User
from .bots.chat import Heard
from .database import Database
from .errors import Forbidden, PayloadTooLarge, ResourceNotFound, Unauthorized
from .files import Files
from .hub import First, Hub
from .messaging import Messaging
from .payloads import event_payload, message_payload, metadata, tags
from .validation import boolean, check, date, list_of, map_of, nullable, number, object_, one_of, string, text


@dataclass(frozen=True, slots=True)
class Api:
    """The handlers, and what they work with."""

    db: Database
    keys: UserKeys
    hub: Hub
    bots: BotRunner
    messaging: Messaging
    files: Files
    page_size: int
    admin_secret: str | None

    # --- users --------------------------------------------------------------------------------------------------

    async def create_user(self, request: Request) -> Response:
        body = await read_json(request)
        check(body, {}, {"name": string, "pictureUrl": string, "userData": object_, "attributes": map_of(string)})
        user = await self.db(store.create_user, _client_id(request), body)
        return JSONResponse({"user": user, "key": self.keys.issue(user["id"])}, 201)

    async def get_user(self, request: Request) -> Response:
        return JSONResponse({"user": await self._user(request)})

    async def update_user(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        attributes = map_of(nullable(string))
        check(
            body,
            {},
            {"name": string, "pictureUrl": string, "userData": nullable(object_), "attributes": attributes},
        )
        return JSONResponse({"user": await self.db(store.update_user, _client_id(request), user["id"], body)})

    async def delete_user(self, request: Request) -> Response:
        user = await self._user(request)
        owned, left = await self.db(store.delete_user, user["id"])
        self.hub.close(user_id=user["id"])
        for conversation_id in owned:
            self.hub.close(conversation_id=conversation_id)
        for conversation_id in left:
            self._publish_removal(conversation_id, user["id"])
        return JSONResponse({})

    async def create_user_key(self, request: Request) -> Response:
        self._check_admin(request)
        body = await read_json(request)
        check(body, {"id": text}, {"expiresAt": number})
        user = await self.db(store.get_user, _client_id(request), body["id"])
        return JSONResponse({"key": self.keys.issue(user["id"], body.get("expiresAt"))})

    # --- conversations ------------------------------------------------------------------------------------------

    async def create_conversation(self, request: Request) -> Response:
        user = await self._user(request)
        await read_json(request)
        conversation = await self.db(store.create_conversation, _client_id(request), user["id"])
        return JSONResponse({"conversation": conversation}, 201)

    async def get_conversation(self, request: Request) -> Response:
        user = await self._user(request)
        conversation = await self.db(store.get_conversation, *_conversation(request), user["id"])
        return JSONResponse({"conversation": conversation})

    async def list_conversations(self, request: Request) -> Response:
        user = await self._user(request)
        page = await self.db(store.list_conversations, user["id"], _token(request), self.page_size)
        return _page_response("conversations", page)

    async def delete_conversation(self, request: Request) -> Response:
        user = await self._user(request)
        client_id, conversation_id = _conversation(request)
        await self.db(store.delete_conversation, client_id, conversation_id, user["id"])
        self.hub.close(conversation_id=conversation_id)
        return JSONResponse({})

    async def listen(self, request: Request) -> Response:
        # The browser's EventSource cannot send headers
        user = await self._user(request, request.query_params.get("x-user-key"))
        conversation = await self.db(store.get_conversation, *_conversation(request), user["id"])
        return self.hub.stream(request, conversation["id"], user["id"])

    async def initialize(self, request: Request) -> Response:
        """A stream whose first signal tells all that a client needs. It never fails for a wrong key or conversation:
        a client whose start fails would try forever."""
        client_id, query = _client_id(request), request.query_params
        try:
            known = await self._user(request, query.get("x-user-key"))
        except Unauthorized:
            known = {"id": None}
        user, conversation, messages, participants = await self.db(
            store.initialize, client_id, known["id"], query.get("conversationId"), self.page_size
        )
        user = {**user, "userKey": self.keys.issue(user["id"])}
        data = {"conversation": conversation, "messages": messages, "participants": participants, "user": user}
        first = First("init", data, {"conversationId": conversation["id"], "x-user-key": user["userKey"]})
        # Nothing is awaited in between: what is stored after the messages were read is published after this
        return self.hub.stream(request, conversation["id"], user["id"], first)

    # --- participants -------------------------------------------------------------------------------------------

    async def add_participant(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        check(body, {"userId": text})
        client_id, conversation_id = _conversation(request)
        participant, is_new = await self.db(
            store.add_participant, client_id, conversation_id, user["id"], body["userId"]
        )
        if is_new:
            data = {"conversationId": conversation_id, "participant": participant}
            self.hub.publish(conversation_id, "participant_added", data)
        return JSONResponse({"participant": participant})

    async def list_participants(self, request: Request) -> Response:
        user = await self._user(request)
        page = await self.db(
            store.list_participants, *_conversation(request), user["id"], _token(request), self.page_size
        )
        return _page_response("participants", page)

    async def get_participant(self, request: Request) -> Response:
        user = await self._user(request)
        participant_id = request.path_params["user_id"]
        participant = await self.db(store.get_participant, *_conversation(request), user["id"], participant_id)
        return JSONResponse({"participant": participant})

    async def remove_participant(self, request: Request) -> Response:
        user = await self._user(request)
        client_id, conversation_id = _conversation(request)
        participant_id = request.path_params["user_id"]
        await self.db(store.remove_participant, client_id, conversation_id, user["id"], participant_id)
        self.hub.close(conversation_id, participant_id)
        self._publish_removal(conversation_id, participant_id)
        return JSONResponse({})

    def _publish_removal(self, conversation_id: str, participant_id: str) -> None:
        data = {"conversationId": conversation_id, "participantId": participant_id}
        self.hub.publish(conversation_id, "participant_removed", data)

    # --- messages and events ------------------------------------------------------------------------------------

    async def create_message(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        check(body, {"conversationId": text, "payload": message_payload}, {"metadata": metadata, "replyTo": text})
        dedupe = not _is_asked_for("no_dedupe", request)
        message, is_new = await self.db(store.create_message, _client_id(request), user["id"], body, dedupe)
        if is_new:
            self.hub.publish(message["conversationId"], "message_created", message)
            self._tell_bot(request, user, message["conversationId"], message=message)
        return JSONResponse({"message": message}, 201)

    async def list_messages(self, request: Request) -> Response:
        user = await self._user(request)
        place = (*_conversation(request), user["id"], _token(request), self.page_size)
        page = await self.db(store.list_messages, *place, _is_asked_for("oldest_first", request))
        return _page_response("messages", page)

    async def get_message(self, request: Request) -> Response:
        user = await self._user(request)
        message = await self.db(store.get_message, *_message(request), user["id"])
        return JSONResponse({"message": message})

    async def update_message(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        check(body, {}, {"payload": message_payload, "metadata": metadata})
        message = await self.db(store.update_message, *_message(request), user["id"], body)
        self.hub.publish(message["conversationId"], "message_updated", message)
        return JSONResponse({"message": message})

    async def add_feedback(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        check(body, {"value": one_of("positive", "negative")}, {"comment": string})
        feedback = {name: value for name, value in body.items() if name in ("value", "comment")}
        await self.db(store.set_feedback, *_message(request), user["id"], feedback)
        return JSONResponse({})

    async def remove_feedback(self, request: Request) -> Response:
        user = await self._user(request)
        await self.db(store.set_feedback, *_message(request), user["id"], None)
        return JSONResponse({})

    async def delete_message(self, request: Request) -> Response:
        user = await self._user(request)
        await self.db(store.delete_message, *_message(request), user["id"])
        return JSONResponse({})

    async def create_event(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        required = {"conversationId": text, "payload": event_payload}
        check(body, required, {"bindConversation": boolean, "bindUser": boolean})
        event = await self.db(store.create_event, _client_id(request), user["id"], body)
        payload = event["payload"]
        self._tell_bot(request, user, event["conversationId"], event=Event(payload["type"], payload.get("data", {})))
        return JSONResponse({"event": event}, 201)

    async def get_event(self, request: Request) -> Response:
        user = await self._user(request)
        event = await self.db(store.get_event, _client_id(request), request.path_params["event_id"], user["id"])
        return JSONResponse({"event": event})

    # --- files --------------------------------------------------------------------------------------------------

    async def create_file(self, request: Request) -> Response:
        user = await self._user(request)
        body = await read_json(request)
        required = {"key": text, "size": files.check_size}
        policies = list_of(one_of("integrations", "public_content"))
        optional = {
            "accessPolicies": policies,
            "index": boolean,
            "contentType": string,
            "tags": tags,
            "expiresAt": date,
        }
        check(body, required, optional)
        if body["size"] > files.MAX_UPLOAD:
            raise PayloadTooLarge(f"size is above the limit of {files.MAX_UPLOAD} bytes")
        content_type = files.declared_type(body)
        file = await self.db(store.create_file, _client_id(request), user["id"], body, content_type)
        return JSONResponse({"file": _public_file(request, file)}, 201)

    async def upload(self, request: Request) -> Response:
        file = await self._file(request)
        token = request.query_params.get("token", "")
        if not secrets.compare_digest(token.encode(), file["uploadToken"].encode()):
            raise Forbidden("This is not an upload URL that this server gave out")
        await self.files.write(request, file)
        await self.db(store.set_file_status, file["id"], "upload_completed")
        return JSONResponse({})

    async def download(self, request: Request) -> Response:
        file = await self._file(request)
        if "public_content" not in file["accessPolicies"] and (await self._user(request))["id"] != file["userId"]:
            raise Forbidden("This file is not public")
        if file["status"] != "upload_completed":
            raise ResourceNotFound("This file has not been uploaded yet")
        if files.has_expired(file):
            raise ResourceNotFound("This file is no longer kept")
        return self.files.response(file)

    async def _file(self, request: Request) -> store.Model:
        return await self.db(store.get_file, _client_id(request), request.path_params["file_id"])

    # --- the rest -----------------------------------------------------------------------------------------------

    async def take_metrics(self, request: Request) -> Response:
        """Newer clients tell how long things took. Nobody here wants to know."""
        check(await read_json(request), {"duration": number, "event": string, "properties": object_})
        return JSONResponse({})

    # --- for all of them ----------------------------------------------------------------------------------------

    async def _user(self, request: Request, key: str | None = None) -> store.Model:
        """The user whose key came with the request. Raises `Unauthorized`."""
        user_id = self.keys.user_id(request.headers.get("x-user-key", key or ""))
        try:
            return await self.db(store.get_user, _client_id(request), user_id)
        except ResourceNotFound:
            raise Unauthorized("Invalid user key") from None

    def _check_admin(self, request: Request) -> None:
        if self.admin_secret is None:
            raise Forbidden("This server was started without --admin-secret-file")
        given = request.headers.get("x-admin-secret", "")
        if not secrets.compare_digest(given.encode(), self.admin_secret.encode()):
            raise Unauthorized("Invalid admin secret")

    def _tell_bot(self, request: Request, user: store.Model, conversation_id: str, **heard: Any) -> None:
        author = User(user["id"], user.get("name"), user.get("pictureUrl"), user.get("data", {}))
        self.bots.hear(Heard(_client_id(request), conversation_id, author, _server_url(request), **heard))


def _client_id(request: Request) -> str:
    return str(request.path_params["client_id"])


def _conversation(request: Request) -> tuple[str, str]:
    return _client_id(request), str(request.path_params["conversation_id"])


def _message(request: Request) -> tuple[str, str]:
    return _client_id(request), str(request.path_params["message_id"])


def _token(request: Request) -> str | None:
    return request.query_params.get("nextToken")


def _is_asked_for(wish: str, request: Request) -> bool:
    """Whether what is around the application wants it to do something in another way (`faults.py`)."""
    return bool(getattr(request.state, wish, False))


def _page_response(name: str, page: tuple[list[store.Model], str | None]) -> Response:
    items, next_token = page
    return JSONResponse({name: items, "meta": {"nextToken": next_token} if next_token else {}})


def _server_url(request: Request) -> str:
    # Not request.base_url, which fails on a host name that is none
    host = request.headers.get("host") or "{}:{}".format(*request.scope["server"])
    return f"{request.scope['scheme']}://{host}"


def _public_file(request: Request, file: store.Model) -> store.Model:
    root = f"{_server_url(request)}/{quote(_client_id(request), safe='')}"
    own = {name: value for name, value in file.items() if name not in ("userId", "uploadToken")}
    return {
        **own,
        "botId": store.BOT_ID,
        "url": f"{root}{files.url_path(file)}",
        "uploadUrl": f"{root}/uploads/{file['id']}?token={file['uploadToken']}",
    }
