"""The newer JavaScript client, npm `@botpress/webchat-client` 0.7.3, works with the local server in Chromium.

Nobody here wrote it, and its page stands on another origin: it judges the server's paths, bodies, errors and streams,
and the browser the answers to preflights. Every operation that it has is carried out here.
"""

from __future__ import annotations

import base64
import secrets
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import ThreadingHTTPServer
from typing import Any, TypeVar

import pytest
from playwright.sync_api import Browser, Error, Page

from tests.server.conftest import ADMIN_SECRET
from tests.server.test_original_client import PEERS, PNG, PeerHandler
from tests.support.server import WebchatServer

Test = TypeVar("Test", bound=Callable[..., None])

EXERCISED: dict[str, tuple[str, ...]] = {}


def exercises(*operations: str) -> Callable[[Test], Test]:
    """Say what a test is about. It fails if it did not carry out these operations of the client."""

    def note(test: Test) -> Test:
        EXERCISED[test.__name__] = operations
        return test

    return note


@dataclass
class Peer:
    """A page with the client. Each has a client id of its own, so it shares no data with another."""

    page: Page
    api_url: str
    client_id: str

    def run(self, script: str, **given: Any) -> Any:
        """Run the body of an async function, for which `drive` has the means (see newer.mjs)."""
        means = "{ api, bot, clientOf, hear, join, listen, refusal, say }"
        body = f"([apiUrl, id, given]) => drive(apiUrl, id, async ({means}) => {{ {script} }})"
        return self.page.evaluate(body, [self.api_url, self.client_id, given])


@pytest.fixture(scope="module")
def newer_page(chromium: Browser) -> Iterator[Page]:
    handler = partial(PeerHandler, directory=str(PEERS))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, chromium.new_context() as context:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/newer.html")
        yield page
        server.shutdown()


@pytest.fixture
def peer(request: pytest.FixtureRequest, newer_page: Page, server: WebchatServer) -> Iterator[Peer]:
    crashes: list[Error] = []

    def note(error: Error) -> None:
        crashes.append(error)

    newer_page.on("pageerror", note)
    newer_page.reload()  # so that nothing is left of the test before, such as its open streams
    newer_page.wait_for_function("() => globalThis.drive")
    yield Peer(newer_page, server.url, f"newer-{secrets.token_hex(8)}")
    newer_page.remove_listener("pageerror", note)
    assert crashes == []
    assert set(EXERCISED.get(request.function.__name__, ())) <= set(newer_page.evaluate("() => [...done]"))


def test_every_operation_of_the_client_is_exercised(peer: Peer) -> None:
    operations = peer.page.evaluate("() => operations")
    assert {"createUser", "initialize", "client.listenConversation"} <= set(operations), "the list is not complete"
    assert {name for names in EXERCISED.values() for name in names} == set(operations)


# --- users ------------------------------------------------------------------------------------------------------


@exercises("createUser", "createClient", "client.getUser")
def test_a_user_is_made_and_read(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join(given);
        return { made: ann.user, read: (await ann.getUser()).user };
        """,
        name="Ann",
        pictureUrl="https://pictures.test/ann.png",
        userData={"plan": "gold", "größe": [1, None]},
        attributes={"team": "blue"},
        adminSecret=ADMIN_SECRET,
    )
    assert seen["read"] == seen["made"]
    user = seen["made"]
    assert set(user) == {"id", "createdAt", "updatedAt", "name", "pictureUrl", "data", "attributes"}
    assert (user["name"], user["pictureUrl"]) == ("Ann", "https://pictures.test/ann.png")
    assert (user["data"], user["attributes"]) == ({"plan": "gold", "größe": [1, None]}, {"team": "blue"})


@exercises("client.updateUser")
def test_a_user_is_changed_field_by_field(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join({ name: "Ann", userData: { plan: "gold" }, attributes: { team: "blue", floor: "2" } });
        const named = (await ann.updateUser({ name: "Anna" })).user;
        const moved = (await ann.updateUser({ attributes: { floor: null, desk: "7" } })).user;
        const cleared = (await ann.updateUser({ userData: null })).user;
        return { first: ann.user, named, moved, cleared, read: (await ann.getUser()).user };
        """
    )
    without_time = {state: {**user, "updatedAt": None} for state, user in seen.items()}
    assert without_time["named"] == {**without_time["first"], "name": "Anna"}
    assert without_time["moved"] == {**without_time["named"], "attributes": {"team": "blue", "desk": "7"}}
    assert without_time["cleared"] == {name: v for name, v in without_time["moved"].items() if name != "data"}
    assert seen["read"] == seen["cleared"]


@exercises("client.deleteUser")
def test_a_deleted_user_is_gone(peer: Peer) -> None:
    seen = peer.run(
        """
        const [ann, ben] = [await join(), await join()];
        const { conversation } = await ann.createConversation();
        await ann.addParticipant({ conversationId: conversation.id, userId: ben.user.id });
        const answer = await ann.deleteUser({ userId: ann.user.id });
        return {
            answer,
            user: await refusal(ann.getUser()),
            conversation: await refusal(ben.getConversation({ conversationId: conversation.id })),
        };
        """
    )
    assert seen["answer"] == {}
    assert (seen["user"]["code"], seen["user"]["type"]) == (401, "Unauthorized")
    assert (seen["conversation"]["code"], seen["conversation"]["type"]) == (404, "ResourceNotFound")


@exercises("generateUserKey", "client.generateUserKey")
def test_an_admin_makes_keys(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const id = ann.user.id;
        const request = { ...bot, ...given, userId: id };
        const hour = 3_600_000;
        const { key: valid } = await api.generateUserKey({ ...request, expiresAt: Date.now() + hour });
        const { key: expired } = await api.generateUserKey({ ...request, expiresAt: Date.now() - hour });
        const { key: lasting } = await ann.generateUserKey({ ...given, id });
        const owner = async (userKey) => (await clientOf({ ...bot, userKey }).getUser()).user.id;
        return {
            id,
            owners: [await owner(valid), await owner(lasting)],
            expired: await refusal(owner(expired)),
            stranger: await refusal(ann.generateUserKey({ adminSecret: "guessed", id })),
        };
        """,
        adminSecret=ADMIN_SECRET,
    )
    assert seen["owners"] == [seen["id"]] * 2
    assert (seen["expired"]["code"], seen["expired"]["type"]) == (401, "Unauthorized")
    assert (seen["stranger"]["code"], seen["stranger"]["type"]) == (401, "Unauthorized")


# --- initialize -------------------------------------------------------------------------------------------------


@exercises("initialize")
def test_a_stranger_is_given_all_they_need(peer: Peer) -> None:
    seen = peer.run(
        """
        const stream = hear(api.initialize(bot));
        const first = await stream.until("init");
        const init = first.at(-1).data;
        const ann = clientOf({ ...bot, userKey: init.user.userKey });
        const said = await say(ann, init.conversation.id, "hello");
        const told = [await stream.next("message_created"), await stream.next("message_created")];
        return { order: first.map((signal) => signal.type), init, said, told, user: (await ann.getUser()).user };
        """
    )
    init = seen["init"]
    assert seen["order"] == ["open", "init"]
    assert set(init) == {"user", "conversation", "messages", "participants"}
    assert init["messages"] == []
    assert init["participants"] == [seen["user"]]
    assert init["user"] == {**seen["user"], "userKey": init["user"]["userKey"]}
    own, answer = seen["told"]
    assert own == seen["said"]
    assert (own["userId"], own["conversationId"]) == (init["user"]["id"], init["conversation"]["id"])
    assert answer["payload"] == {"type": "text", "text": "echo: hello"}


@exercises("initialize")
def test_a_known_user_takes_up_their_conversation(peer: Peer) -> None:
    seen = peer.run(
        """
        const [ann, ben] = [await join({ name: "Ann" }), await join({ name: "Ben" })];
        const { id: conversationId } = (await ann.createConversation()).conversation;
        await ann.addParticipant({ conversationId, userId: ben.user.id });
        const said = [await say(ann, conversationId), await say(ben, conversationId)];
        const stream = hear(api.initialize({ ...bot, ...given, conversationId, userToken: ann.key }));
        const init = await stream.next("init");
        const later = await say(ben, conversationId);
        const told = await stream.next("message_created");
        return { users: [ann.user, ben.user], conversationId, said, init, later, told };
        """,
        adminSecret=ADMIN_SECRET,
    )
    init = seen["init"]
    ann, ben = seen["users"]
    assert init["user"] == {**ann, "userKey": init["user"]["userKey"]}
    assert init["conversation"]["id"] == seen["conversationId"]
    assert init["messages"] == seen["said"][::-1]
    assert sorted(user["name"] for user in init["participants"]) == ["Ann", "Ben"]
    assert ben in init["participants"]
    assert seen["told"] == seen["later"]


@exercises("initialize")
def test_wrong_credentials_start_anew(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const init = await hear(api.initialize({ ...bot, conversationId, userToken: "guessed" })).next("init");
        return { userId: ann.user.id, conversationId, init };
        """
    )
    assert seen["init"]["user"]["id"] != seen["userId"]
    assert seen["init"]["conversation"]["id"] != seen["conversationId"], "a stranger got into the conversation"


# --- conversations ----------------------------------------------------------------------------------------------


@exercises("client.createConversation", "client.getConversation", "client.deleteConversation")
def test_a_conversation_is_made_read_and_deleted(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const made = (await ann.createConversation()).conversation;
        const conversationId = made.id;
        const read = (await ann.getConversation({ conversationId })).conversation;
        const answer = await ann.deleteConversation({ conversationId });
        return { made, read, answer, after: await refusal(ann.getConversation({ conversationId })) };
        """
    )
    assert set(seen["made"]) == {"id", "createdAt", "updatedAt"}
    assert seen["read"] == seen["made"]
    assert seen["answer"] == {}
    assert (seen["after"]["code"], seen["after"]["type"]) == (404, "ResourceNotFound")


@exercises("client.listConversations")
def test_conversations_are_listed_with_their_last_messages(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const [made, last] = [[], {}];
        for (let number = 0; number < 7; number++) made.push((await ann.createConversation()).conversation.id);
        for (const id of [made[1], made[1], made[6]]) last[id] = await say(ann, id);
        const pages = [await ann.listConversations({})];
        while (pages.at(-1).meta.nextToken) pages.push(await ann.listConversations(pages.at(-1).meta));
        return { made, last, pages: pages.map((page) => page.conversations) };
        """
    )
    assert len(seen["pages"]) > 1, "more than one page was expected"
    listed = [conversation for page in seen["pages"] for conversation in page]
    assert [conversation["id"] for conversation in listed] == seen["made"][::-1]
    assert {c["id"]: c["lastMessage"] for c in listed if "lastMessage" in c} == seen["last"]


# --- participants -----------------------------------------------------------------------------------------------


@exercises("client.addParticipant", "client.getParticipant", "client.listParticipants", "client.removeParticipant")
def test_participants_come_and_go(peer: Peer) -> None:
    seen = peer.run(
        """
        const [ann, ben] = [await join({ name: "Ann" }), await join({ name: "Ben" })];
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const place = { conversationId, userId: ben.user.id };
        const list = async () => (await ann.listParticipants({ conversationId })).participants;
        const before = await refusal(ben.getConversation({ conversationId }));
        const added = (await ann.addParticipant(place)).participant;
        const read = (await ann.getParticipant(place)).participant;
        const both = await list();
        const during = (await ben.getConversation({ conversationId })).conversation.id;
        const answer = await ann.removeParticipant(place);
        return {
            ann: ann.user, ben: ben.user, conversationId, before, added, read, both, during, answer,
            left: await list(),
            after: await refusal(ben.getConversation({ conversationId })),
            gone: await refusal(ann.getParticipant(place)),
        };
        """
    )
    assert seen["added"] == seen["read"] == seen["ben"]
    assert seen["both"] == [seen["ben"], seen["ann"]]
    assert seen["during"] == seen["conversationId"]
    assert seen["answer"] == {}
    assert seen["left"] == [seen["ann"]]
    for refused in (seen["before"], seen["after"]):
        assert (refused["code"], refused["type"]) == (403, "Forbidden")
    assert (seen["gone"]["code"], seen["gone"]["type"]) == (404, "ResourceNotFound")


@exercises("client.listParticipants")
def test_many_participants_come_in_pages(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const ids = [ann.user.id];
        for (let number = 0; number < 6; number++) {
            const { user } = await join();
            ids.push(user.id);
            await ann.addParticipant({ conversationId, userId: user.id });
        }
        const first = await ann.listParticipants({ conversationId });
        const second = await ann.listParticipants({ conversationId, ...first.meta });
        return { ids, first: first.participants, second: second.participants, end: second.meta };
        """
    )
    assert [user["id"] for user in seen["first"] + seen["second"]] == seen["ids"][::-1]
    assert seen["second"]
    assert seen["end"] == {}


# --- messages ---------------------------------------------------------------------------------------------------


@exercises("client.createMessage", "client.getMessage")
def test_a_message_keeps_what_the_client_put_on_it(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const question = await say(ann, conversationId, "nothing", given);
        const again = await say(ann, conversationId, "nothing", given);
        const reply = await say(ann, conversationId, "nothing", { replyTo: question.id });
        const told = [await stream.next("message_created"), await stream.next("message_created")];
        const read = (await ann.getMessage({ messageId: reply.id })).message;
        return { userId: ann.user.id, conversationId, question, again, reply, told, read };
        """,
        metadata={"clientMessageId": "m-1", "draft": {"größe": [1, None]}},
    )
    question, reply = seen["question"], seen["reply"]
    assert set(question) == {"id", "createdAt", "userId", "conversationId", "payload", "metadata"}
    assert (question["userId"], question["conversationId"]) == (seen["userId"], seen["conversationId"])
    assert question["payload"] == {"type": "text", "text": "nothing"}
    assert question["metadata"] == {"clientMessageId": "m-1", "draft": {"größe": [1, None]}}
    assert seen["again"] == question, "the message was stored twice"
    assert reply["replyTo"] == question["id"]
    assert "metadata" not in reply
    assert seen["told"] == [question, reply]
    assert seen["read"] == reply


@exercises("client.listConversationMessages")
def test_a_history_of_several_pages_is_complete(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const said = [];
        for (let number = 0; number < 12; number++) said.push(await say(ann, conversationId));
        const pages = [await ann.listConversationMessages({ conversationId })];
        while (pages.at(-1).meta.nextToken) {
            pages.push(await ann.listConversationMessages({ conversationId, ...pages.at(-1).meta }));
        }
        return { said, pages: pages.map((page) => page.messages) };
        """
    )
    assert len(seen["pages"]) == 3
    assert [message for page in seen["pages"] for message in page] == seen["said"][::-1]


@exercises("client.updateMessage")
def test_a_changed_message_is_told_to_the_others(peer: Peer) -> None:
    seen = peer.run(
        """
        const [ann, ben] = [await join(), await join()];
        const { id: conversationId } = (await ann.createConversation()).conversation;
        await ann.addParticipant({ conversationId, userId: ben.user.id });
        const stream = await listen(ben, conversationId);
        const said = await say(ann, conversationId);
        const payload = { type: "markdown", markdown: "*never mind*" };
        const changed = (await ann.updateMessage({ messageId: said.id, payload })).message;
        const told = [await stream.next("message_updated")];
        const tagged = (await ann.updateMessage({ messageId: said.id, metadata: { edits: 2 } })).message;
        told.push(await stream.next("message_updated"));
        return {
            said, payload, changed, tagged, told,
            read: (await ben.getMessage({ messageId: said.id })).message,
            meddling: await refusal(ben.updateMessage({ messageId: said.id, payload })),
        };
        """
    )
    assert seen["changed"] == {**seen["said"], "payload": seen["payload"]}
    assert seen["tagged"] == {**seen["changed"], "metadata": {"edits": 2}}
    assert seen["told"] == [seen["changed"], seen["tagged"]]
    assert seen["read"] == seen["tagged"]
    assert (seen["meddling"]["code"], seen["meddling"]["type"]) == (403, "Forbidden")


@exercises("client.deleteMessage")
def test_a_deleted_message_is_gone(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const [kept, { id: messageId }] = [await say(ann, conversationId), await say(ann, conversationId)];
        const answer = await ann.deleteMessage({ messageId });
        const { messages } = await ann.listConversationMessages({ conversationId });
        return { kept, answer, messages, after: await refusal(ann.getMessage({ messageId })) };
        """
    )
    assert seen["answer"] == {}
    assert seen["messages"] == [seen["kept"]]
    assert (seen["after"]["code"], seen["after"]["type"]) == (404, "ResourceNotFound")


@exercises("client.addMessageFeedback", "client.removeMessageFeedback")
def test_feedback_is_given_changed_and_taken_back(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const { id: messageId } = await say(ann, conversationId, "hello");
        await stream.next("message_created");
        const answer = await stream.next("message_created");
        const place = { messageId: answer.id };
        const feedback = async () => (await ann.getMessage(place)).message.feedback ?? null;
        const states = [await feedback()];
        const answers = [await ann.addMessageFeedback({ ...place, value: "positive" })];
        states.push(await feedback());
        answers.push(await ann.addMessageFeedback({ ...place, ...given }));
        states.push(await feedback());
        answers.push(await ann.removeMessageFeedback(place));
        states.push(await feedback());
        return { answers, states };
        """,
        value="negative",
        comment="Nein — zu kurz",
    )
    assert seen["answers"] == [{}, {}, {}]
    negative = {"value": "negative", "comment": "Nein — zu kurz"}
    assert seen["states"] == [None, {"value": "positive"}, negative, None]


# --- files ------------------------------------------------------------------------------------------------------


@exercises("client.createFile")
def test_a_file_is_declared_uploaded_and_read_back(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const bytes = Uint8Array.from(atob(given.content), (character) => character.charCodeAt(0));
        const { file } = await ann.createFile({ ...given.file, size: bytes.length });
        const early = (await fetch(file.url)).status;
        const headers = { "content-type": file.contentType, "x-amz-tagging": "public=true" };
        const upload = await fetch(file.uploadUrl, { method: "PUT", body: bytes, headers });
        const download = await fetch(file.url);
        const content = String.fromCharCode(...new Uint8Array(await download.arrayBuffer()));
        return {
            file, early, upload: upload.status, download: download.status,
            type: download.headers.get("content-type"), content: btoa(content),
        };
        """,
        content=base64.b64encode(PNG).decode(),
        file={
            "key": "ab12-Größe #1?.png",
            "contentType": "image/png",
            "accessPolicies": ["public_content"],
            "index": False,
            "tags": {"source": "webchat"},
            "expiresAt": "2999-01-01T00:00:00.000Z",
        },
    )
    file = seen["file"]
    assert (file["key"], file["size"], file["contentType"]) == ("ab12-Größe #1?.png", len(PNG), "image/png")
    assert (file["tags"], file["accessPolicies"], file["index"]) == ({"source": "webchat"}, ["public_content"], False)
    assert file["status"] == "upload_pending"
    assert {"id", "botId", "createdAt", "updatedAt"} <= set(file)
    assert (seen["early"], seen["upload"], seen["download"]) == (404, 200, 200)
    assert seen["type"] == "image/png"
    assert base64.b64decode(seen["content"]) == PNG


# --- events -----------------------------------------------------------------------------------------------------


@exercises("client.createEvent", "client.getEvent")
def test_the_start_of_a_conversation_is_initial_once(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const payload = { type: "conversation_started", data: { from: "test" } };
        const bound = { conversationId, payload, bindConversation: true, bindUser: true };
        const [first, second] = [(await ann.createEvent(bound)).event, (await ann.createEvent(bound)).event];
        const answer = await stream.next("message_created");
        const read = (await ann.getEvent({ eventId: first.id })).event;
        return { userId: ann.user.id, conversationId, first, second, answer, read };
        """
    )
    first = seen["first"]
    assert (first["userId"], first["conversationId"]) == (seen["userId"], seen["conversationId"])
    initial = {"type": "conversation_started", "data": {"from": "test", "status": {"isInitial": True}}}
    assert first["payload"] == initial
    assert seen["second"]["payload"]["data"]["status"] == {"isInitial": False}
    assert seen["answer"]["payload"]["text"] == f"event conversation_started {initial['data']}"
    assert seen["read"] == first


@exercises("client.createEvent", "client.getEvent")
def test_a_custom_event_reaches_the_bot_as_it_was(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const body = { conversationId, payload: given, bindConversation: false, bindUser: false };
        const { event } = await ann.createEvent(body);
        const answer = await stream.next("message_created");
        return { event, answer, read: (await ann.getEvent({ eventId: event.id })).event };
        """,
        type="custom",
        data={"action": "checkout", "items": [1, None]},
    )
    assert set(seen["event"]) == {"id", "createdAt", "userId", "conversationId", "payload"}
    assert seen["event"]["payload"] == {"type": "custom", "data": {"action": "checkout", "items": [1, None]}}
    assert seen["answer"]["payload"]["text"] == "event custom {'action': 'checkout', 'items': [1, None]}"
    assert seen["read"] == seen["event"]


# --- signals ----------------------------------------------------------------------------------------------------


@exercises("client.listenConversation")
def test_signals_of_the_bot_come_in_order(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const said = await say(ann, conversationId, "signals");
        const signals = await stream.until("confetti");
        return { said, signals: [...signals, ...(await stream.until("message_status_changed"))] };
        """
    )
    said = seen["said"]
    assert [(signal["type"], signal["data"]) for signal in seen["signals"]] == [
        ("message_created", said),
        ("message_status_changed", {"message": said, "oldStatus": "pending", "newStatus": "processing"}),
        ("typing_started", {"timeout": 1500}),
        ("typing_stopped", {}),
        ("custom", {"event": {"action": "checkout"}}),
        ("webchat_visibility", {"visibility": "toggle"}),
        ("webchat_config", {"config": {"botName": "Ada"}}),
        ("confetti", {"pieces": 3}),
        ("message_status_changed", {"message": said, "oldStatus": "processing", "newStatus": "processed"}),
    ]


@exercises("client.listenConversation")
def test_a_message_that_the_bot_fails_on_is_told_as_failed(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const said = await say(ann, conversationId, "raise");
        const told = [await stream.next("message_status_changed"), await stream.next("message_status_changed")];
        return { said, told };
        """
    )
    assert [status["newStatus"] for status in seen["told"]] == ["processing", "failed"]
    failed = seen["told"][1]
    assert failed["message"] == seen["said"]
    assert failed["failureReason"]


@exercises("client.listenConversation")
def test_those_who_listen_are_told_who_comes_and_goes(peer: Peer) -> None:
    seen = peer.run(
        """
        const [ann, ben] = [await join({ name: "Ann" }), await join({ name: "Ben", attributes: { team: "blue" } })];
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const stream = await listen(ann, conversationId);
        const place = { conversationId, userId: ben.user.id };
        await ann.addParticipant(place);
        const added = await stream.next("participant_added");
        await ann.removeParticipant(place);
        return { conversationId, ben: ben.user, added, removed: await stream.next("participant_removed") };
        """
    )
    assert seen["added"] == {"conversationId": seen["conversationId"], "participant": seen["ben"]}
    assert seen["removed"] == {"conversationId": seen["conversationId"], "participantId": seen["ben"]["id"]}


@exercises("client.listenConversation")
def test_who_disconnects_hears_no_more_and_leaves_room(peer: Peer) -> None:
    # Chromium has six connections to a server at most, so that streams which stay open leave none for the message
    seen = peer.run(
        """
        const ann = await join();
        const { id: conversationId } = (await ann.createConversation()).conversation;
        const staying = await listen(ann, conversationId);
        const left = [];
        for (let number = 0; number < 8; number++) {
            const subscription = ann.listenConversation({ conversationId });
            const reader = hear(subscription);
            await reader.next("open");
            subscription.disconnect();
            left.push(reader);
        }
        const said = await say(ann, conversationId);
        const told = await staying.next("message_created");
        return { said, told, leftovers: left.flatMap((reader) => reader.signals) };
        """
    )
    assert seen["told"] == seen["said"]
    assert seen["leftovers"] == []


# --- the rest ---------------------------------------------------------------------------------------------------


@exercises("sendPerfMetrics")
def test_metrics_are_taken(peer: Peer) -> None:
    answer = peer.run(
        """
        const metrics = { duration: 12.5, event: "conversation_opened", properties: { cold: true } };
        return await api.sendPerfMetrics(bot.clientId, metrics, bot.apiUrl, { "x-shop": "7" });
        """
    )
    assert answer == {}


def test_headers_of_the_page_are_let_through(peer: Peer) -> None:
    seen = peer.run(
        """
        const ann = await join({ customHeaders: { "x-shop": "7" } });
        const shopper = clientOf({ ...bot, userKey: ann.key, customHeaders: { "x-shop": "7" } });
        const { id: conversationId } = (await shopper.createConversation()).conversation;
        const stream = await listen(shopper, conversationId);
        const said = await say(shopper, conversationId);
        return { said, told: await stream.next("message_created") };
        """
    )
    assert seen["told"] == seen["said"]


@pytest.mark.parametrize(
    ("code", "type", "call"),
    [
        (401, "Unauthorized", 'clientOf({ ...bot, userKey: "guessed" }).createConversation()'),
        (401, "Unauthorized", 'clientOf({ ...bot, clientId: "another-bot", userKey: ann.key }).getUser()'),
        (403, "Forbidden", "eve.getConversation(place)"),
        (403, "Forbidden", "eve.deleteConversation(place)"),
        (403, "Forbidden", "eve.listConversationMessages(place)"),
        (403, "Forbidden", "eve.addParticipant({ ...place, userId: eve.user.id })"),
        (403, "Forbidden", "say(eve, place.conversationId)"),
        (403, "Forbidden", "eve.deleteMessage({ messageId })"),
        (404, "ResourceNotFound", 'ann.getConversation({ conversationId: "nowhere/at all?" })'),
        (404, "ResourceNotFound", 'ann.getMessage({ messageId: "nothing" })'),
        (404, "ResourceNotFound", 'ann.getEvent({ eventId: "nothing" })'),
        (404, "ResourceNotFound", 'ann.addParticipant({ ...place, userId: "nobody" })'),
        (400, "InvalidPayload", 'ann.addMessageFeedback({ messageId, value: "good" })'),
        (400, "InvalidPayload", 'ann.createFile({ key: "a.txt", size: -1 })'),
        (400, "InvalidPayload", "api.createUser({ ...bot, attributes: { team: 1 } })"),
        (400, "ReferenceNotFound", 'say(ann, place.conversationId, "nothing", { replyTo: "nothing" })'),
    ],
)
def test_what_is_refused_is_an_error_of_the_client(peer: Peer, code: int, type: str, call: str) -> None:
    error = peer.run(
        f"""
        const [ann, eve] = [await join(), await join()];
        const place = {{ conversationId: (await ann.createConversation()).conversation.id }};
        const {{ id: messageId }} = await say(ann, place.conversationId);
        return await refusal({call});
        """
    )
    assert error["isError"] is True
    assert (error["code"], error["type"]) == (code, type)
    assert error["id"].startswith("err_")
    assert error["message"]
