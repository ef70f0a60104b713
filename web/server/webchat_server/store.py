"""What is stored, as functions of a database connection: each is one transaction (see `database.py`).

They return the API's models as dictionaries, and raise the API's errors. `client_id` keeps the data of different bots
apart: what belongs to another one does not exist. Lists are newest first; a page's token names its last entry, so that
pages stay the same while new entries arrive.
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from sqlite3 import Connection, Row
from typing import Any

from .errors import Forbidden, InvalidPayload, InvalidQuery, ReferenceNotFound, ResourceNotFound

Model = dict[str, Any]

# The author of what bots say. It is no user: it has no key, and can be neither added nor removed.
BOT_ID = "bot"


def now() -> str:
    """The time as the API writes it. Clients of version 2 drop messages whose date does not end in `Z`."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"


# --- users ------------------------------------------------------------------------------------------------------


def create_user(db: Connection, client_id: str, body: Model) -> Model:
    user_id, time = _new_id("user"), now()
    _insert(
        db,
        "users",
        id=user_id,
        client_id=client_id,
        created_at=time,
        updated_at=time,
        name=body.get("name"),
        picture_url=body.get("pictureUrl"),
        data=_json(body.get("userData")),
        attributes=_json(body.get("attributes")),
    )
    return get_user(db, client_id, user_id)


def get_user(db: Connection, client_id: str, user_id: str) -> Model:
    return _user(_one(db, "SELECT * FROM users WHERE id = ? AND client_id = ?", user_id, client_id, what="user"))


def update_user(db: Connection, client_id: str, user_id: str, body: Model) -> Model:
    """Change what `body` names. `userData` replaces the data as a whole, or with None clears it; of `attributes` each
    one named is replaced, or with None deleted."""
    old = get_user(db, client_id, user_id)
    new = {**old, **body}
    if "userData" in body:
        new["data"] = body["userData"]
    attributes = _present(**{**old.get("attributes", {}), **body.get("attributes", {})})
    db.execute(
        "UPDATE users SET name = ?, picture_url = ?, data = ?, attributes = ?, updated_at = ? WHERE id = ?",
        (
            new.get("name"),
            new.get("pictureUrl"),
            _json(new.get("data")),
            _json(attributes or None),
            now(),
            user_id,
        ),
    )
    return get_user(db, client_id, user_id)


def delete_user(db: Connection, user_id: str) -> tuple[list[str], list[str]]:
    """Delete the user, and the conversations they own with all that is in them.

    Returns the ids of these conversations, and of those that they took part in."""
    owned = [row["id"] for row in db.execute("SELECT id FROM conversations WHERE owner_id = ?", (user_id,))]
    db.execute("DELETE FROM conversations WHERE owner_id = ?", (user_id,))
    sql = "SELECT conversation_id FROM participants WHERE user_id = ?"
    left = [row["conversation_id"] for row in db.execute(sql, (user_id,))]
    db.execute("DELETE FROM users WHERE id = ?", (user_id,))
    return owned, left


# --- conversations ----------------------------------------------------------------------------------------------


def create_conversation(db: Connection, client_id: str, user_id: str) -> Model:
    conversation_id, time = _new_id("conv"), now()
    _insert(
        db,
        "conversations",
        id=conversation_id,
        client_id=client_id,
        owner_id=user_id,
        created_at=time,
        updated_at=time,
    )
    _insert(db, "participants", conversation_id=conversation_id, user_id=user_id)
    return get_conversation(db, client_id, conversation_id, user_id)


def initialize(
    db: Connection, client_id: str, user_id: str | None, conversation_id: str | None, size: int
) -> tuple[Model, Model, list[Model], list[Model]]:
    """The user, the conversation, its newest messages and its participants. What does not exist is made: a user if
    none is given, and a conversation if there is none of this id that the user takes part in."""
    user = get_user(db, client_id, user_id) if user_id else create_user(db, client_id, {})
    try:
        conversation = get_conversation(db, client_id, conversation_id or "", user["id"])
    except (Forbidden, ResourceNotFound):
        conversation = create_conversation(db, client_id, user["id"])
    place = (db, client_id, conversation["id"], user["id"], None, size)
    return user, conversation, list_messages(*place)[0], list_participants(*place)[0]


def get_conversation(db: Connection, client_id: str, conversation_id: str, user_id: str) -> Model:
    return _conversation(_conversation_of(db, client_id, conversation_id, user_id))


def list_conversations(db: Connection, user_id: str, token: str | None, size: int) -> tuple[list[Model], str | None]:
    return _page(
        db,
        """SELECT conversations.* FROM conversations JOIN participants ON conversation_id = conversations.id
        WHERE user_id = ? AND conversations.seq < ? ORDER BY conversations.seq DESC LIMIT ?""",
        user_id,
        token,
        size,
        lambda row: {**_conversation(row), **_present(lastMessage=_last_message(db, row["id"]))},
    )


def delete_conversation(db: Connection, client_id: str, conversation_id: str, user_id: str) -> None:
    _own_conversation(db, client_id, conversation_id, user_id)
    db.execute("DELETE FROM conversations WHERE id = ?", (conversation_id,))


# --- participants -----------------------------------------------------------------------------------------------


def add_participant(
    db: Connection, client_id: str, conversation_id: str, owner_id: str, user_id: str
) -> tuple[Model, bool]:
    """Let the user take part. Returns them and whether they did not do so before."""
    _own_conversation(db, client_id, conversation_id, owner_id)
    user = get_user(db, client_id, user_id)
    is_new = not _takes_part(db, conversation_id, user_id)
    if is_new:
        _insert(db, "participants", conversation_id=conversation_id, user_id=user_id)
    return user, is_new


def list_participants(
    db: Connection, client_id: str, conversation_id: str, user_id: str, token: str | None, size: int
) -> tuple[list[Model], str | None]:
    _conversation_of(db, client_id, conversation_id, user_id)
    return _page(
        db,
        """SELECT users.*, participants.seq FROM participants JOIN users ON users.id = user_id
        WHERE conversation_id = ? AND participants.seq < ? ORDER BY participants.seq DESC LIMIT ?""",
        conversation_id,
        token,
        size,
        _user,
    )


def participant_ids(db: Connection, conversation_id: str) -> list[str]:
    """All who take part; nobody where there is no such conversation."""
    rows = db.execute("SELECT user_id FROM participants WHERE conversation_id = ?", (conversation_id,))
    return [row["user_id"] for row in rows]


def get_participant(db: Connection, client_id: str, conversation_id: str, owner_id: str, user_id: str) -> Model:
    _own_conversation(db, client_id, conversation_id, owner_id)
    if not _takes_part(db, conversation_id, user_id):
        raise ResourceNotFound(f"No participant {user_id} in this conversation")
    return get_user(db, client_id, user_id)


def remove_participant(db: Connection, client_id: str, conversation_id: str, owner_id: str, user_id: str) -> None:
    get_participant(db, client_id, conversation_id, owner_id, user_id)
    if user_id == owner_id:
        raise InvalidPayload("userId is the owner of the conversation, who cannot be removed")
    db.execute("DELETE FROM participants WHERE conversation_id = ? AND user_id = ?", (conversation_id, user_id))


# --- messages ---------------------------------------------------------------------------------------------------


def create_message(
    db: Connection, client_id: str, user_id: str, body: Model, dedupe: bool = True
) -> tuple[Model, bool]:
    """Store a user's message. Returns it and whether it is new: a `metadata.clientMessageId` that this user has used
    before names the message that was stored then, unless `dedupe` is False."""
    _conversation_of(db, client_id, body["conversationId"], user_id)
    client_message_id = body.get("metadata", {}).get("clientMessageId") if dedupe else None
    if client_message_id is not None:
        sql = "SELECT * FROM messages WHERE user_id = ? AND client_message_id = ?"
        if stored := db.execute(sql, (user_id, client_message_id)).fetchone():
            return _message(stored), False
    return add_message(db, user_id, body, client_message_id), True


def add_message(db: Connection, user_id: str, body: Model, client_message_id: str | None = None) -> Model:
    """Store a message of anybody who may speak: a participant, or the bot."""
    conversation_id, time = body["conversationId"], now()
    _one(db, "SELECT 1 FROM conversations WHERE id = ?", conversation_id, what="conversation")
    reply_to = body.get("replyTo")
    if reply_to is not None:
        sql = "SELECT 1 FROM messages WHERE id = ? AND conversation_id = ?"
        if not db.execute(sql, (reply_to, conversation_id)).fetchone():
            raise ReferenceNotFound("replyTo names no message of this conversation")
    message_id = _new_id("msg")
    _insert(
        db,
        "messages",
        id=message_id,
        created_at=time,
        conversation_id=conversation_id,
        user_id=user_id,
        payload=_json(body["payload"]),
        metadata=_json(body.get("metadata")),
        reply_to=reply_to,
        client_message_id=client_message_id,
    )
    db.execute("UPDATE conversations SET updated_at = ? WHERE id = ?", (time, conversation_id))
    return _message(_one(db, "SELECT * FROM messages WHERE id = ?", message_id, what="message"))


def unstored_message(conversation_id: str, payload: Model) -> Model:
    """A message of the bot's that is told and not kept."""
    more = {"conversationId": conversation_id, "payload": payload}
    return {"id": _new_id("msg"), "createdAt": now(), "userId": BOT_ID, **more}


def list_messages(
    db: Connection,
    client_id: str,
    conversation_id: str,
    user_id: str,
    token: str | None,
    size: int,
    oldest_first: bool = False,
) -> tuple[list[Model], str | None]:
    """A page of the history. A token goes on in the order in which it was given out, whatever `oldest_first` says."""
    _conversation_of(db, client_id, conversation_id, user_id)
    newest = "SELECT * FROM messages WHERE conversation_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?"
    # Numbered the other way round, by which a token tells its order, too
    oldest = """SELECT -seq AS seq, messages.* FROM messages WHERE conversation_id = ? AND messages.seq > -?
        ORDER BY messages.seq LIMIT ?"""
    is_turned = _read_token(token) < 0 if token else oldest_first
    return _page(db, oldest if is_turned else newest, conversation_id, token, size, _message)


def get_message(db: Connection, client_id: str, message_id: str, user_id: str) -> Model:
    row = _one(db, "SELECT * FROM messages WHERE id = ?", message_id, what="message")
    _conversation_of(db, client_id, row["conversation_id"], user_id)
    return _message(row)


def update_message(db: Connection, client_id: str, message_id: str, user_id: str, body: Model) -> Model:
    """Replace the payload, the metadata, or both. The `clientMessageId` of its creation stays used."""
    message = get_message(db, client_id, message_id, user_id)
    if message["userId"] != user_id:
        raise Forbidden("Only its author may change a message")
    new = {**message, **body}
    db.execute(
        "UPDATE messages SET payload = ?, metadata = ? WHERE id = ?",
        (_json(new["payload"]), _json(new.get("metadata")), message_id),
    )
    return get_message(db, client_id, message_id, user_id)


def set_feedback(db: Connection, client_id: str, message_id: str, user_id: str, feedback: Model | None) -> None:
    get_message(db, client_id, message_id, user_id)
    db.execute("UPDATE messages SET feedback = ? WHERE id = ?", (_json(feedback), message_id))


def delete_message(db: Connection, client_id: str, message_id: str, user_id: str) -> None:
    if get_message(db, client_id, message_id, user_id)["userId"] != user_id:
        raise Forbidden("Only its author may delete a message")
    db.execute("DELETE FROM messages WHERE id = ?", (message_id,))


# --- events -----------------------------------------------------------------------------------------------------


def create_event(db: Connection, client_id: str, user_id: str, body: Model) -> Model:
    """Store a user's event. That a conversation has started is told in the event's data as true the first time only:
    newer clients say so each time they connect."""
    _conversation_of(db, client_id, body["conversationId"], user_id)
    event_id, payload = _new_id("event"), body["payload"]
    if payload["type"] == "conversation_started":
        status = {"isInitial": not _has_started(db, body["conversationId"])}
        payload = {**payload, "data": {**payload["data"], "status": status}}
    _insert(
        db,
        "events",
        id=event_id,
        created_at=now(),
        conversation_id=body["conversationId"],
        user_id=user_id,
        payload=_json(payload),
    )
    return get_event(db, client_id, event_id, user_id)


def _has_started(db: Connection, conversation_id: str) -> bool:
    sql = "SELECT 1 FROM events WHERE conversation_id = ? AND json_extract(payload, '$.type') = 'conversation_started'"
    return db.execute(sql, (conversation_id,)).fetchone() is not None


def get_event(db: Connection, client_id: str, event_id: str, user_id: str) -> Model:
    row = _one(db, "SELECT * FROM events WHERE id = ?", event_id, what="event")
    _conversation_of(db, client_id, row["conversation_id"], user_id)
    return _event(row)


# --- files ------------------------------------------------------------------------------------------------------


def create_file(db: Connection, client_id: str, user_id: str, body: Model, content_type: str) -> Model:
    file_id, time = _new_id("file"), now()
    _insert(
        db,
        "files",
        id=file_id,
        client_id=client_id,
        user_id=user_id,
        created_at=time,
        updated_at=time,
        key=body["key"],
        size=body["size"],
        content_type=content_type,
        tags=_json(body.get("tags", {})),
        access_policies=_json(body.get("accessPolicies", [])),
        indexed=body.get("index", False),
        status="upload_pending",
        upload_token=secrets.token_urlsafe(24),
        expires_at=body.get("expiresAt"),
    )
    return get_file(db, client_id, file_id)


def get_file(db: Connection, client_id: str, file_id: str) -> Model:
    """The file's record, with `userId` and `uploadToken` in it, which are not for everybody's eyes."""
    return _file(_one(db, "SELECT * FROM files WHERE id = ? AND client_id = ?", file_id, client_id, what="file"))


def set_file_status(db: Connection, file_id: str, status: str) -> None:
    db.execute("UPDATE files SET status = ?, updated_at = ? WHERE id = ?", (status, now(), file_id))


# --- who may ----------------------------------------------------------------------------------------------------


def _conversation_of(db: Connection, client_id: str, conversation_id: str, user_id: str) -> Row:
    """The conversation, if it exists and the user takes part in it."""
    sql = "SELECT * FROM conversations WHERE id = ? AND client_id = ?"
    row = _one(db, sql, conversation_id, client_id, what="conversation")
    if not _takes_part(db, conversation_id, user_id):
        raise Forbidden("You are not a participant in this conversation")
    return row


def _own_conversation(db: Connection, client_id: str, conversation_id: str, user_id: str) -> None:
    if _conversation_of(db, client_id, conversation_id, user_id)["owner_id"] != user_id:
        raise Forbidden("Only the owner of the conversation may do this")


def _takes_part(db: Connection, conversation_id: str, user_id: str) -> bool:
    sql = "SELECT 1 FROM participants WHERE conversation_id = ? AND user_id = ?"
    return db.execute(sql, (conversation_id, user_id)).fetchone() is not None


# --- rows and models --------------------------------------------------------------------------------------------


def _insert(db: Connection, table: str, **values: str | int | None) -> None:
    columns, places = ", ".join(values), ", ".join(f":{name}" for name in values)
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({places})", values)  # noqa: S608 - all names are in this file


def _one(db: Connection, sql: str, *values: str, what: str) -> Row:
    row: Row | None = db.execute(sql, values).fetchone()
    if row is None:
        raise ResourceNotFound(f"No such {what}")
    return row


def _page(
    db: Connection, sql: str, scope: str, token: str | None, size: int, model: Callable[[Row], Model]
) -> tuple[list[Model], str | None]:
    """Up to `size` entries and the token of the next page. `sql` takes the scope, the number to stay below, a limit."""
    rows = db.execute(sql, (scope, _read_token(token), size + 1)).fetchall()
    next_token = _make_token(rows[size - 1]["seq"]) if len(rows) > size else None
    return [model(row) for row in rows[:size]], next_token


def _make_token(seq: int) -> str:
    return base64.urlsafe_b64encode(seq.to_bytes(8, signed=True)).decode().rstrip("=")


def _read_token(token: str | None) -> int:
    if not token:
        return 2**63 - 1
    try:
        seq = int.from_bytes(base64.b64decode(f"{token}=", b"-_", validate=True), signed=True)
        # What is beyond is nothing that SQLite could have counted to
        return max(1 - 2**63, min(seq, 2**63 - 1))
    except (binascii.Error, ValueError):
        raise InvalidQuery("nextToken is not one that this server gave out") from None


def _user(row: Row) -> Model:
    return {
        "id": row["id"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        **_present(name=row["name"], pictureUrl=row["picture_url"], data=_value(row["data"])),
        **_present(attributes=_value(row["attributes"])),
    }


def _conversation(row: Row) -> Model:
    return {"id": row["id"], "createdAt": row["created_at"], "updatedAt": row["updated_at"]}


def _last_message(db: Connection, conversation_id: str) -> Model | None:
    sql = "SELECT * FROM messages WHERE conversation_id = ? ORDER BY seq DESC LIMIT 1"
    row = db.execute(sql, (conversation_id,)).fetchone()
    return None if row is None else _message(row)


def _message(row: Row) -> Model:
    more = _present(metadata=_value(row["metadata"]), replyTo=row["reply_to"], feedback=_value(row["feedback"]))
    return {**_event(row), **more}


def _event(row: Row) -> Model:
    return {
        "id": row["id"],
        "createdAt": row["created_at"],
        "userId": row["user_id"],
        "conversationId": row["conversation_id"],
        "payload": _value(row["payload"]),
    }


def _file(row: Row) -> Model:
    return {
        "id": row["id"],
        "userId": row["user_id"],
        "uploadToken": row["upload_token"],
        "createdAt": row["created_at"],
        "updatedAt": row["updated_at"],
        "key": row["key"],
        "size": row["size"],
        "contentType": row["content_type"],
        "tags": _value(row["tags"]),
        "accessPolicies": _value(row["access_policies"]),
        "index": bool(row["indexed"]),
        "status": row["status"],
        **_present(expiresAt=row["expires_at"]),
    }


def _present(**fields: Any) -> Model:
    # Clients of version 2 drop a message in which an optional field is null
    return {name: value for name, value in fields.items() if value is not None}


def _json(value: Any) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"))


def _value(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(13)}"
