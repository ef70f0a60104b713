"""What a type checker infers for those who use the package. Checked by `mypy --strict`, never run."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal, assert_never, assert_type

from webchat_py import (
    Action,
    Audio,
    Bloc,
    Card,
    Carousel,
    Choice,
    Connection,
    Conversation,
    Credentials,
    Custom,
    Dropdown,
    Event,
    File,
    Image,
    Location,
    Markdown,
    Message,
    Option,
    Payload,
    SentFile,
    Text,
    Typing,
    Unknown,
    User,
    Video,
    WebchatClient,
    get_client,
)
from webchat_py.blocking import BlockingClient
from webchat_py.blocking import get_client as get_blocking_client

client = get_client("id", "https://example.com", event_source="fetch", timeout=5)
assert_type(client, WebchatClient)
get_client("id", event_source="websocket")  # type: ignore[arg-type]  # there is no such stream
get_client()  # type: ignore[call-arg]  # a client id is needed


class Shelf:
    """A storage of the user's own."""

    async def get(self, key: str) -> str | None:
        return key

    async def set(self, key: str, value: str) -> None: ...
    async def remove(self, key: str) -> None: ...


get_client("id", storage="local", storage_key="left", on_expired="raise", idle_timeout=60, retry_for=5.0)
get_client("id", storage=Shelf())
get_client("id", storage="cookies")  # type: ignore[arg-type]  # there is no such storage
get_client("id", storage={})  # type: ignore[arg-type]  # a dict is no storage


@client.on("message")
def show(message: Message) -> None: ...


@client.on("message_sent")
async def show_later(message: Message) -> None: ...


@client.on("message_status")
def mark(message: Message) -> None:
    assert_type(message.status, Literal["pending", "sent", "processing", "processed", "failed"] | None)


@client.on("connection")
async def tell(connection: Connection) -> str:
    return connection.state


@client.on("*")
def see(event: str, value: Any) -> None: ...


@client.on("is_typing")  # type: ignore[type-var]  # typing is no message
def mistaken(message: Message) -> None: ...


def named(text: str) -> None: ...
def failed(error: Exception) -> None: ...
def configured(config: dict[str, Any]) -> None: ...
def joined(user: User) -> None: ...


# A decorator leaves the function as it is.
told: Coroutine[Any, Any, str] = tell(Connection("closed"))
assert_type(client.on("conversation", named), Callable[[], None])
client.on("error", failed)
client.on("session_expired", failed)
client.on("own_message", show)
client.on("custom_event", configured)
client.once("participant_added", joined)
client.once("webchat_visibility", named)
client.on("message", lambda message: print(message.text))
client.on("messageSent", show)  # type: ignore[call-overload]  # the name is message_sent
client.on("conversation", show)  # type: ignore[call-overload]  # an id is no message
client.on("message_sent", joined)  # type: ignore[call-overload]  # a message is no user


async def calls() -> None:
    assert_type(await client.connect(user_data={"plan": "gold"}), Credentials)
    assert_type(client.user_id, str | None)
    assert_type(await client.start(), list[Message])
    assert_type(await client.start("id"), list[Message])
    assert_type(await client.wait_for("session_expired"), Exception)
    assert_type(await client.send_message("Hi"), Message)
    assert_type(await client.send_message(Choice("Size?", [Option("S", "s")])), Message)
    assert_type(await client.resend(await client.wait_for("message_status")), Message)
    await client.send_message({"type": "text"})  # type: ignore[arg-type]  # a dict is no payload
    assert_type(await client.send_file(b"abc", "a.txt", on_progress=lambda sent, total: print(sent / total)), SentFile)
    assert_type(await client.ask("Hi"), list[Message])
    assert_type(await client.wait_for("message", timeout=1), Message)
    assert_type(await client.wait_for("is_typing"), Typing)
    assert_type(await client.wait_for("*"), tuple[str, Any])
    assert_type(await client.new_conversation(), str)
    assert_type(await client.conversation_exists("id"), bool)
    assert_type(await client.list_messages(limit=1), list[Message])
    assert_type(await client.list_conversations(), list[Conversation])
    assert_type(await client.list_participants(), list[User])
    assert_type(await client.get_user(), User)
    assert_type(await client.get_event("id"), Event)
    await client.add_feedback("id", "positive")
    await client.add_feedback("id", "great")  # type: ignore[arg-type]  # positive or negative
    async for message in client.messages():
        assert_type(message, Message)
    async for message in client.history():
        assert_type(message, Message)
    async with client as same:
        assert_type(same, WebchatClient)
    await client.disconnect(forget=True)


def blocking_calls() -> None:
    client = get_blocking_client("id", "https://example.com", storage="indexeddb", timeout=5)
    assert_type(client, BlockingClient)
    get_blocking_client("id", storage="cookies")  # type: ignore[arg-type]  # as without blocking
    assert_type(client.connect(name="Ada"), Credentials)
    assert_type(client.ask("Hi", silence=1), list[Message])
    client.ask(text="Hi")  # type: ignore[call-arg]  # there is no such argument
    assert_type(client.wait_for("message", timeout=1), Message)
    assert_type(client.conversation_id, str | None)
    for message in client.messages(timeout=1):
        assert_type(message, Message)
    for message in client.history():
        assert_type(message, Message)
    with client as same:
        assert_type(same, BlockingClient)


def every_payload_is_matched(payload: Payload) -> str:
    match payload:
        case Text(text, value):
            assert_type(value, str | None)
            return text
        case Markdown(markdown):
            return markdown
        case Image(url) | Audio(url) | Video(url):
            return assert_type(url, str)
        case File(url, title):
            return title or url
        case Location(latitude, longitude):
            return f"{assert_type(latitude, float)}, {longitude}"
        case Card(title, actions=actions):
            assert_type(actions, list[Action])
            return title
        case Carousel(items=[Card() as first, *_]):
            return assert_type(first.title, str)
        case Carousel():
            return "no cards"
        case Choice(text, options) | Dropdown(text, options):
            assert_type(options, list[Option])
            return text
        case Bloc(items):
            return ", ".join(every_payload_is_matched(item) for item in items)
        case Custom(_, name):
            return name
        case Unknown(type, data):
            assert_type(data, Any)
            return type
        case other:
            assert_never(other)
