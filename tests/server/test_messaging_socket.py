"""The real client of a Messaging server, npm `@botpress/messaging-socket` 1.3.0, works with the local server in Node.

Nobody here wrote it: it judges what the server says over Socket.IO in mode "messaging".
"""

from __future__ import annotations

import json
import secrets
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.people import Person
from tests.support.server import WebchatServer

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("peers") / "socket.mjs"

Run = Callable[..., Any]


@pytest.fixture
def client_id() -> str:
    """A client id of the test's own, and so data of its own."""
    return f"test-{secrets.token_hex(4)}"


@pytest.fixture
def run(server: WebchatServer, client_id: str) -> Run:
    """`run(body)` runs the body of an async function in Node, for which socket.mjs has the means."""

    def run(body: str) -> Any:
        command = ["node", "--input-type=module", "-", server.url, client_id, body]
        # In the folder whose node_modules has the package
        ended = subprocess.run(
            command, input=DRIVER.read_text(), cwd=ROOT / "web", capture_output=True, text=True, timeout=60, check=False
        )
        assert ended.returncode == 0, ended.stderr
        return json.loads(ended.stdout)

    return run


def test_a_new_user_talks_with_the_bot(run: Run, client_id: str) -> None:
    told = run("""
        const { socket, next } = open();
        const credentials = await socket.connect();
        const conversation = await socket.createConversation();
        await socket.startConversation();
        const greeting = await next();
        const sent = await socket.sendText("hello");
        const answer = await next();
        const list = await socket.listMessages();
        const user = await socket.getUser();
        const got = await socket.getConversation();
        return { credentials, conversation, greeting, sent, answer, list, user, got };
    """)
    user_id, conversation_id = told["credentials"]["userId"], told["conversation"]["id"]
    assert told["credentials"]["userToken"]
    assert told["conversation"] == told["got"]
    assert told["conversation"] | {"createdOn": ""} == {
        "id": conversation_id,
        "clientId": client_id,
        "userId": user_id,
        "createdOn": "",
    }
    assert told["greeting"]["payload"]["text"].startswith("event conversation_started")
    assert "authorId" not in told["greeting"]
    assert told["sent"]["authorId"] == user_id
    assert told["sent"]["payload"] == {"type": "text", "text": "hello"}
    assert told["answer"]["payload"] == {"type": "text", "text": "echo: hello"}
    assert told["answer"]["sentOn"].endswith("Z")
    # Newest first; the bot has no id
    assert [message["id"] for message in told["list"]] == [told[name]["id"] for name in ("answer", "sent", "greeting")]
    assert [message["authorId"] for message in told["list"]] == [None, user_id, None]
    assert told["user"] == {"id": user_id, "clientId": client_id}


def test_a_user_comes_back(run: Run) -> None:
    told = run("""
        const first = open().socket;
        const credentials = await first.connect();
        const conversation = await first.createConversation();
        await first.disconnect();
        const again = open().socket;
        const back = await again.connect(credentials);
        return { credentials, back, conversation, got: await again.getConversation(conversation.id) };
    """)
    assert told["back"] == told["credentials"]
    assert told["got"] == told["conversation"]


@pytest.mark.parametrize(
    "creds", ['{ ...mine, userToken: "wrong" }', '{ userId: "nobody", userToken: mine.userToken }', "other"]
)
def test_wrong_credentials_make_a_new_user_in_silence(run: Run, creds: str) -> None:
    told = run(f"""
        const mine = await open().socket.connect();
        const other = await open("of-another-bot").socket.connect();
        return {{ mine, other, made: await open().socket.connect({creds}) }};
    """)
    assert told["made"]["userId"] not in (told["mine"]["userId"], told["other"]["userId"], "nobody")
    assert told["made"]["userToken"] not in (told["mine"]["userToken"], told["other"]["userToken"], "wrong")


def test_user_data(run: Run) -> None:
    told = run("""
        const first = open();
        const credentials = await first.socket.connect(undefined, { plan: "gold" });
        const data = [await first.socket.getUser()];
        const again = open();
        await again.socket.connect(credentials, { plan: "silver" });
        data.push(await again.socket.getUser());
        const changed = [await first.push("user.updated")];
        const without = open();
        await without.socket.connect(credentials);
        data.push(await without.socket.getUser());
        changed.push(await first.push("user.updated"));
        const odd = open();
        await odd.socket.connect(undefined, { plan: "gold", seats: 7 });
        data.push(await odd.socket.getUser());
        return { credentials, data: data.map((user) => user.data ?? null), changed: changed.map((push) => push.data) };
    """)
    user_id = told["credentials"]["userId"]
    # One value that is no string loses all of it, in silence; who says nothing seems to have none
    assert told["data"] == [{"plan": "gold"}, {"plan": "silver"}, None, None]
    assert told["changed"] == [{"userId": user_id, "userData": {"plan": "silver"}}, {"userId": user_id}]


def test_conversations(run: Run) -> None:
    told = run("""
        const { socket } = open();
        await socket.connect();
        const ids = [];
        for (let number = 0; number < 3; number++) ids.push((await socket.createConversation()).id);
        await socket.switchConversation(ids[0]);
        await socket.sendText("nothing");
        const listed = (await socket.listConversations()).map((one) => one.id);
        const limited = (await socket.listConversations(1)).map((one) => one.id);
        const deleted = await socket.deleteConversation(ids[1]);
        const refused = await refusal(socket.getConversation(ids[1]));
        const left = (await socket.listConversations()).map((one) => one.id);
        return { ids, listed, limited, deleted, refused, left };
    """)
    first, second, third = told["ids"]
    # Those with messages first, then the empty ones, newest first
    assert told["listed"] == [first, third, second]
    assert told["limited"] == [first]
    assert told["deleted"] is True
    assert told["refused"] == "Conversation does not exist"
    assert told["left"] == [first, third]


def test_what_is_pushed_to_whom(run: Run) -> None:
    told = run("""
        const one = open();
        const credentials = await one.socket.connect();
        const two = open();
        await two.socket.connect(credentials);
        const stranger = open();
        await stranger.socket.connect();
        const { id } = await one.socket.createConversation();
        const made = [await one.push("conversation.new"), await two.push("conversation.new")];
        const sent = await one.socket.sendText("hello");
        const heard = [await two.next(), await two.next(), await one.next()];
        const conversation = await stranger.socket.createConversation();
        const foreign = await refusal(stranger.socket.listMessages.call(
            { _conversationId: id, request: (...all) => stranger.socket.request(...all) }));
        await stranger.socket.sendText("hello");
        const strangers = await stranger.next();
        return { id, credentials, made, sent, heard, foreign, strangers, conversation };
    """)
    expected = {"userId": told["credentials"]["userId"], "conversationId": told["id"]}
    assert [push["data"] for push in told["made"]] == [expected] * 2
    own, *answers = told["heard"]
    assert own == told["sent"]
    assert [answer["payload"]["text"] for answer in answers] == ["echo: hello"] * 2
    assert answers[0] == answers[1]
    assert told["foreign"] == "Conversation does not exist"
    # The stranger heard nothing but their own
    assert told["strangers"]["conversationId"] == told["conversation"]["id"]


def test_triggers_go_both_ways(run: Run) -> None:
    told = run("""
        const { socket, next } = open();
        await socket.connect();
        await socket.createConversation();
        await socket.sendPayload({ type: "trigger", payload: { action: "checkout" } });
        const heard = await next();
        await socket.sendText("signals");
        const triggers = [await next(), await next(), await next()];
        const list = await socket.listMessages();
        return { heard, triggers: triggers.map((one) => one.payload), listed: list.map((one) => one.payload) };
    """)
    assert told["heard"]["payload"]["text"] == "event custom {'action': 'checkout'}"
    assert told["triggers"] == [
        {"type": "trigger", "trigger": {"type": "custom-event", "event": {"action": "checkout"}}},
        {"type": "trigger", "trigger": {"type": "webchat-visibility", "visibility": "toggle"}},
        {"type": "trigger", "trigger": {"type": "webchat-config", "config": {"botName": "Ada"}}},
    ]
    assert {"type": "trigger", "payload": {"action": "checkout"}} in told["listed"]


def test_a_payload_is_stored_as_it_is(run: Run) -> None:
    payloads = [
        {"a": 1},
        {"type": "image", "image": "https://example.com/a.png", "title": "A"},
        {"type": "quick_reply", "text": "Yes", "payload": "y"},
        {"type": "text", "text": "**b**", "markdown": True},
        {"type": "text", "text": "a", "metadata": {"clientMessageId": "1"}},
        {"type": "single-choice", "text": "?", "choices": [{"title": "A", "value": "a"}], "disableFreeText": True},
        {"type": "single-choice", "text": "?"},
        {
            "type": "card",
            "title": "T",
            "image": "https://example.com/a.png",
            "actions": [
                {"action": "Say something", "title": "S", "text": "s"},
                {"action": "Open URL", "title": "O", "url": "https://example.com"},
                {"action": "Postback", "title": "P", "payload": "p"},
            ],
        },
        {"type": "carousel", "items": [{"type": "card", "title": "T", "actions": []}]},
        {"type": "card", "title": "T", "actions": [{"action": "Dance"}]},
        {"type": 7},
    ]
    listed = run(f"""
        const {{ socket }} = open();
        await socket.connect();
        await socket.createConversation();
        const sent = [];
        for (const payload of {json.dumps(payloads)}) sent.push((await socket.sendPayload(payload)).payload);
        const list = (await socket.request("messages.list", {{ conversationId: socket.conversationId, limit: 0 }}));
        return {{ sent, listed: list.filter((one) => one.authorId).map((one) => one.payload).reverse() }};
    """)
    assert listed == {"sent": payloads, "listed": payloads}


def test_the_bots_payloads_have_messagings_form(run: Run, server: WebchatServer, tmp_path: Path) -> None:
    with WebchatServer(tmp_path, "--bot", "tests.interop.bot:answer") as other:
        names = ["image", "choice", "card", "carousel", "markdown", "dropdown", "file with a title", "location"]
        body = f"""
            const {{ socket, next }} = open();
            await socket.connect();
            await socket.createConversation();
            const heard = [];
            for (const name of {json.dumps(names)}) {{
                await socket.sendText(name);
                await socket.sendPayload({{ type: "trigger", payload: {{ bot: "answer" }} }});
                heard.push((await next()).payload);
            }}
            return heard;
        """
        command = ["node", "--input-type=module", "-", other.url, "interop", body]
        ended = subprocess.run(
            command, input=DRIVER.read_text(), cwd=ROOT / "web", capture_output=True, text=True, timeout=60, check=True
        )
    image, choice, card, carousel, markdown, dropdown, file, location = json.loads(ended.stdout)
    assert image == {"type": "image", "image": "https://example.com/a.png"}
    small, large = {"title": "Small", "value": "s"}, {"title": "Large", "value": "l"}
    assert choice == {"type": "single-choice", "text": "Size?", "choices": [small, large]}
    actions = [
        {"action": "Postback", "title": "Buy", "payload": "buy-7"},
        {"action": "Say something", "title": "Tell me more", "text": "more"},
        {"action": "Open URL", "title": "Open", "url": "https://example.com/7"},
    ]
    picture = "https://example.com/shoe.png"
    assert card == {"type": "card", "title": "Shoe", "subtitle": "Red", "image": picture, "actions": actions}
    assert [item["type"] for item in carousel["items"]] == ["card", "card"]
    assert carousel["items"][0]["actions"] == actions
    assert markdown == {"type": "text", "text": "**bold**\n\n- one", "markdown": True}
    assert dropdown["options"] == [{"label": "Small", "value": "s"}, {"label": "Large", "value": "l"}]
    assert file == {"type": "file", "file": "https://example.com/a.pdf", "title": "A"}
    assert (location["latitude"], location["longitude"]) == (52.5, -13)


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        ('"conversations.get", { id: "nobodys" }', "Conversation does not exist"),
        ('"conversations.get", {}', '"id" is required'),
        ('"conversations.get", { id: 7 }', '"id" must be a string'),
        ('"conversations.start", { id: "nobodys" }', "Conversation does not exist"),
        ('"conversations.delete", { id: "nobodys" }', "Conversation does not exist"),
        ('"conversations.list", {}', '"limit" is required'),
        ('"conversations.list", { limit: -1 }', '"limit" must be greater than or equal to 0'),
        ('"messages.create", { conversationId: "nobodys", payload: {} }', "Conversation does not exist"),
        ('"messages.create", { payload: {} }', '"conversationId" is required'),
        ('"messages.create", { conversationId: "nobodys", payload: "x" }', '"payload" must be of type object'),
        ('"messages.list", { conversationId: "nobodys", limit: 5 }', "Conversation does not exist"),
        ('"messages.feedback", { messageId: "nobodys", feedback: 1 }', "Message does not exist"),
        ('"messages.feedback", { messageId: "nobodys", feedback: "x" }', '"feedback" must be a number'),
        ('"users.get", { x: 1 }', '"x" is not allowed'),
        ('"users.get", undefined', '"value" is required'),
        ('"users.dance", {}', "route users.dance does not exist"),
    ],
)
def test_requests_that_are_refused(run: Run, request_: str, answer: str) -> None:
    body = f"const {{ socket }} = open(); await socket.connect(); return refusal(socket.request({request_}));"
    assert run(body) == answer


@pytest.mark.parametrize(
    ("auth", "answer"),
    [
        ("{}", '"clientId" is required'),
        ('{ clientId: "a/b" }', "Client not found"),
        ('{ clientId: "a", creds: null }', '"creds" must be of type object'),
        ('{ clientId: "a", creds: { userId: "b", userToken: "" } }', '"creds.userToken" is not allowed to be empty'),
        ('{ clientId: "a", x: 1 }', '"x" is not allowed'),
    ],
)
def test_logins_that_are_refused(run: Run, auth: str, answer: str) -> None:
    assert run(f"return refusal(open().socket.com.connect({auth}));") == answer


def test_feedback(run: Run) -> None:
    assert run("""
        const { socket, next } = open();
        await socket.connect();
        await socket.createConversation();
        await socket.sendText("hello");
        const answer = await next();
        await socket.sendFeedback(answer.id, 1);
        await socket.sendFeedback(answer.id, -1);
        return socket.request("messages.feedback", { messageId: answer.id });
    """)


def test_a_packet_above_the_limit_ends_the_socket(run: Run) -> None:
    told = run("""
        const { socket } = open();
        await socket.connect();
        await socket.createConversation();
        const passed = (await socket.sendText("x".repeat(999_000))).payload.text.length;
        const closed = new Promise((resolve) => socket.com.socket.io.engine.once("close", (why, more) =>
            resolve(more?.context?.code ?? why)));
        socket.sendText("x".repeat(1_000_001)).catch(() => {});
        return { passed, closed: await closed };
    """)
    assert told == {"passed": 999_000, "closed": 1009}


def test_both_modes_have_the_same_conversations(run: Run, person: Callable[..., Person]) -> None:
    """What one says in the other mode is heard here, by the same user with the same key."""
    user = person()
    conversation = user.conversation()
    user.say(conversation, "over there", metadata={"clientMessageId": "c1"})
    credentials = json.dumps({"userId": user.id, "userToken": user.key})
    client = user.root.rpartition("/")[2]
    told = run(f"""
        const {{ socket, next }} = open({json.dumps(client)});
        const back = await socket.connect({credentials});
        await socket.switchConversation({json.dumps(conversation)});
        const sent = await socket.sendPayload({{ type: "image", image: "https://example.com/a.png" }});
        return {{ back, sent, list: await socket.listMessages() }};
    """)
    assert told["back"] == json.loads(credentials)
    payloads = [message["payload"] for message in told["list"]]
    assert {"type": "text", "text": "over there", "metadata": {"clientMessageId": "c1"}} in payloads
    history = user.history(conversation)
    (image,) = [message for message in history if message["id"] == told["sent"]["id"]]
    assert image["payload"] == {"type": "image", "imageUrl": "https://example.com/a.png"}


def test_a_host_name_that_is_none_of_this_machine_is_refused(server: WebchatServer, client_id: str) -> None:
    """Or any web page could let its own name point here, and read what is on this machine."""
    headers = {
        "host": "evil.example",
        "connection": "Upgrade",
        "upgrade": "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": "x3JJHMbDL1EzLkh9GBhXDw==",
    }
    address = f"{server.url}/socket.io/?EIO=4&transport=websocket"
    assert httpx.get(address, headers=headers).status_code == 403
    with httpx.stream("GET", address, headers={**headers, "host": server.url.partition("//")[2]}) as response:
        assert response.status_code == 101


def test_what_a_page_says_about_its_user_is_not_logged(run: Run, log: Callable[[], str]) -> None:
    run("""await open().socket.connect(undefined, { secret: "of the user" });""")
    assert "has logged in" in log()
    assert "of the user" not in log()
    assert "userData" not in log()
