"""The unmodified original JavaScript client, npm `@botpress/webchat` 2.2.2, chats with the local server in Chromium.

It is the judge of the server: it validates every signal against its own schemas and drops what does not fit, and its
page stands on another origin, so the browser judges the answers to its preflights.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).with_name("peers")
BUNDLES = ROOT / "build" / "peers"

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class PeerHandler(SimpleHTTPRequestHandler):
    """Serves the page and its driver from peers/, the bundled clients from build/peers/."""

    def translate_path(self, path: str) -> str:
        local = super().translate_path(path)
        return local if Path(local).exists() else str(BUNDLES / Path(local).name)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def page_origin() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(PeerHandler, directory=str(PEERS))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@dataclass
class Peer:
    """A page with the original client. Each has a client id of its own, so it shares no data with another."""

    page: Page
    api_url: str
    client_id: str

    def run(self, script: str, **given: Any) -> Any:
        """Run the body of an async function, in which `chat` is a fresh client (see driver.mjs)."""
        body = f"async ([api, id, given]) => {{ const chat = openChat(api, id); const {{ client }} = chat; {script} }}"
        return self.page.evaluate(body, [self.api_url, self.client_id, given])

    def get(self, path: str, key: str) -> Any:
        """What the API itself answers, past the client."""
        answer = httpx.get(f"{self.api_url}/{self.client_id}{path}", headers={"x-user-key": key})
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def peer(chromium: Browser, page_origin: str, webchat_server: WebchatServer) -> Iterator[Peer]:
    context = chromium.new_context()
    page = context.new_page()
    crashes: list[str] = []
    page.on("pageerror", lambda error: crashes.append(str(error)))
    page.goto(page_origin)
    page.wait_for_function("() => globalThis.openChat")
    yield Peer(page, webchat_server.url, f"original-{secrets.token_hex(8)}")
    context.close()
    assert crashes == []


def text_of(message: dict[str, Any]) -> str:
    """The text of a message whose block is a bubble with text."""
    text: str = message["payload"]["block"]["text"]
    return text


def test_new_user_sends_and_the_bot_answers(peer: Peer) -> None:
    seen = peer.run(
        """
        const credentials = await client.connect(undefined, { plan: "gold" });
        const before = { userId: client.userId, conversationId: client.conversationId ?? null };
        await client.sendMessage("Where is my parcel?");
        const opened = await chat.next("conversation");
        const sent = await chat.next("messageSent");
        const greeting = await chat.next("message");
        const answer = await chat.next("message");
        return { credentials, before, opened, sent, greeting, answer, current: client.conversationId };
        """
    )
    assert seen["before"] == {"userId": seen["credentials"]["userId"], "conversationId": None}
    assert seen["opened"] == seen["current"]
    assert seen["sent"] == "Where is my parcel?"
    assert text_of(seen["greeting"]).startswith("Welcome!")
    assert text_of(seen["answer"]).startswith("You said: Where is my parcel?")
    for message in (seen["greeting"], seen["answer"]):
        assert message["conversationId"] == seen["current"]
        assert message["authorId"] != seen["credentials"]["userId"]
    user = peer.get("/users/me", seen["credentials"]["userToken"])["user"]
    assert user["data"] == {"plan": "gold"}


def test_typing_is_told_before_the_answer(peer: Peer) -> None:
    seen = peer.run(
        """
        await client.connect();
        await client.newConversation();
        await chat.next("message");
        await client.sendMessage("slow");
        const typing = await chat.next("isTyping", (typing) => typing.isTyping);
        await chat.next("message");
        return { typing, order: chat.events.map((event) => event.type) };
        """
    )
    assert seen["typing"]["isTyping"] is True
    assert seen["typing"]["timeout"] > 0
    order = seen["order"]
    assert order.index("isTyping") < len(order) - 1 - order[::-1].index("message")


def test_conversations_keep_their_messages_apart(peer: Peer) -> None:
    seen = peer.run(
        """
        await client.connect();
        await client.newConversation();
        const first = client.conversationId;
        await client.sendMessage("in the first");
        await client.newConversation();
        const second = client.conversationId;
        await client.sendMessage("in the second");
        const inSecond = await client.listMessages();
        await client.switchConversation(first);
        const inFirst = await client.listMessages();
        return { userId: client.userId, first, second, current: client.conversationId, inFirst, inSecond,
                 opened: chat.events.filter((event) => event.type === "conversation").map((event) => event.payload) };
        """
    )

    def own(messages: list[dict[str, Any]]) -> list[str]:
        return [text_of(message) for message in messages if message["authorId"] == seen["userId"]]

    assert seen["first"] != seen["second"]
    assert seen["current"] == seen["first"]
    assert seen["opened"] == [seen["first"], seen["second"], seen["first"]]
    assert own(seen["inFirst"]) == ["in the first"]
    assert own(seen["inSecond"]) == ["in the second"]


def test_history_of_several_pages_is_complete_and_newest_first(peer: Peer) -> None:
    pages: list[str] = []
    peer.page.on("request", lambda request: pages.append(request.url) if "/messages?" in request.url else None)
    seen = peer.run(
        """
        await client.connect();
        await client.newConversation();
        for (let number = 0; number < given.count; number++) await client.sendMessage(`number ${number}`);
        return { userId: client.userId, messages: await client.listMessages() };
        """,
        count=120,
    )
    own = [text_of(message) for message in seen["messages"] if message["authorId"] == seen["userId"]]
    assert own == [f"number {number}" for number in reversed(range(120))]
    ids = [message["id"] for message in seen["messages"]]
    assert len(ids) == len(set(ids)), "a message came on two pages"
    assert len(pages) >= 2, "more than two pages were expected"


@pytest.mark.parametrize(
    ("name", "content", "kind", "content_type"),
    [
        ("red pixel.png", PNG, "image", "image/png"),
        ("tone.mp3", b"\xff\xfb\x90\x00" + bytes(range(256)), "audio", "audio/mpeg"),
        ("clip.mp4", b"\x00\x00\x00\x18ftypmp42" + bytes(range(256)), "video", "video/mp4"),
        ("Résumé & Notes 最終 #1?.txt", "Grüße\r\n".encode(), "file", "text/plain"),
        ("nothing.of-no-known-type", b"", "file", "application/octet-stream"),
    ],
    ids=["image", "audio", "video", "file with a name full of traps", "empty file of unknown type"],
)
def test_file_arrives_as_it_was(peer: Peer, name: str, content: bytes, kind: str, content_type: str) -> None:
    seen = peer.run(
        """
        await client.connect();
        await client.newConversation();
        const bytes = Uint8Array.from(atob(given.content), (character) => character.charCodeAt(0));
        const sent = await client.sendFile(new File([bytes], given.name));
        const told = await chat.next("messageSent");
        return { sent, told, userId: client.userId, messages: await client.listMessages() };
        """,
        name=name,
        content=base64.b64encode(content).decode(),
    )
    sent = seen["sent"]
    assert (sent["name"], sent["type"], seen["told"]) == (name, kind, sent["fileUrl"])
    (message,) = [message for message in seen["messages"] if message["authorId"] == seen["userId"]]
    assert (message["payload"]["type"], message["payload"]["url"]) == (kind, sent["fileUrl"])

    download = httpx.get(sent["fileUrl"])
    assert download.status_code == 200
    assert download.content == content
    assert download.headers["content-type"].partition(";")[0] == content_type


def test_custom_event_is_stored(peer: Peer) -> None:
    script = """
        const { userToken } = await client.connect();
        await client.newConversation();
        await client.sendEvent({ action: "checkout", items: [1, 2] });
        return { userToken, userId: client.userId, conversationId: client.conversationId };
    """
    with peer.page.expect_response(lambda answer: '"checkout"' in (answer.request.post_data or "")) as posted:
        seen = peer.run(script)
    event = posted.value.json()["event"]
    assert peer.get(f"/events/{event['id']}", seen["userToken"])["event"] == event
    assert event["payload"] == {"type": "custom", "data": {"action": "checkout", "items": [1, 2]}}
    assert (event["userId"], event["conversationId"]) == (seen["userId"], seen["conversationId"])


@pytest.mark.parametrize(
    ("asked", "event", "value"),
    [
        ("event", "customEvent", {"action": "demo", "answer": 42}),
        ("visibility", "webchatVisibility", "toggle"),
        ("config", "webchatConfig", {"botName": "Demo bot"}),
    ],
)
def test_signals_of_the_demo_bot_arrive(peer: Peer, asked: str, event: str, value: object) -> None:
    script = """
        await client.connect();
        await client.newConversation();
        await client.sendMessage(given.asked);
        return await chat.next(given.event);
    """
    assert peer.run(script, asked=asked, event=event) == value


def test_user_data_is_read_and_replaced(peer: Peer) -> None:
    seen = peer.run(
        """
        await client.connect(undefined, { plan: "gold" });
        const before = await client.getUser();
        const answer = await client.updateUser({ data: { plan: "silver", "größe": [1, { a: null }] } });
        return { userId: client.userId, before, answer, after: await client.getUser() };
        """
    )
    silver = {"plan": "silver", "größe": [1, {"a": None}]}
    assert seen["before"] == {"data": {"plan": "gold"}}
    assert (seen["answer"]["id"], seen["answer"]["data"]) == (seen["userId"], silver)
    assert seen["after"] == {"data": silver}


def test_existing_and_unknown_conversation_are_told_apart(peer: Peer) -> None:
    seen = peer.run(
        """
        await client.connect();
        await client.newConversation();
        return [await client.conversationExists(client.conversationId), await client.conversationExists("nobody's")];
        """
    )
    assert seen == [True, False]


def test_stored_credentials_lead_back_to_the_conversation(peer: Peer) -> None:
    before = peer.run(
        """
        const credentials = await client.connect(undefined, { plan: "gold" });
        await client.sendMessage("remember me");
        return { credentials, conversationId: client.conversationId };
        """
    )
    peer.page.reload()
    peer.page.wait_for_function("() => globalThis.openChat")
    after = peer.run(
        """
        const credentials = await client.connect(given.credentials);
        const exists = await client.conversationExists(given.conversationId);
        await client.switchConversation(given.conversationId);
        const messages = await client.listMessages();
        await client.sendMessage("here I am");
        return { credentials, exists, messages, userId: client.userId, user: await client.getUser() };
        """,
        **before,
    )
    assert after["credentials"] == before["credentials"]
    assert after["exists"] is True
    assert after["user"] == {"data": {"plan": "gold"}}, "a reconnect without data leaves the data alone"
    own = [text_of(message) for message in after["messages"] if message["authorId"] == after["userId"]]
    assert own == ["remember me"]


def test_unknown_key_makes_a_new_user(peer: Peer) -> None:
    given = {"userId": "user_of_nobody", "userToken": "key-of-nobody"}
    credentials = peer.run("return await client.connect(given)", **given)
    assert credentials["userId"] != given["userId"]
    user = peer.get("/users/me", credentials["userToken"])["user"]
    assert user["id"] == credentials["userId"]
