"""The promise, row by row: one thing goes wrong, and this is what the user of the client gets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from webchat_py.wire.errors import (
    ConversationGone,
    DeliveryUncertain,
    NetworkError,
    RateLimited,
    SessionExpired,
    WebchatError,
)
from webchat_py.wire.models import Connection

from .world import Terms, World, now, run_in_world, simulated

# --- a stream is lost: every message of the conversation reaches the handlers exactly once, in the history's order ---


async def cut_cleanly(world: World) -> None:
    world.end_streams("clean")


async def cut_hard(world: World) -> None:
    world.end_streams("hard")


async def cut_in_the_middle_of_an_event(world: World) -> None:
    world.end_streams("cut")


async def fall_silent(world: World) -> None:
    world.faults.stall_streams()


async def restart_the_server(world: World) -> None:
    await world.host.kill()


async def fail_while_reopening(world: World) -> None:
    world.fault("status:status=500:on=/listen:lasting=60")
    world.end_streams("hard")


async def refuse_while_reopening(world: World) -> None:
    world.fault("status:status=429:retry_after=20:on=/listen:times=3")
    world.end_streams("hard")


async def answer_with_a_page_while_reopening(world: World) -> None:
    world.fault("html:on=/listen:times=5")
    world.end_streams("hard")


async def go_away_for_an_hour(world: World) -> None:
    world.network.silent = True
    await asyncio.sleep(3_600)


LOSSES: list[Callable[[World], Awaitable[None]]] = [
    cut_cleanly,
    cut_hard,
    cut_in_the_middle_of_an_event,
    fall_silent,
    restart_the_server,
    fail_while_reopening,
    refuse_while_reopening,
    answer_with_a_page_while_reopening,
    go_away_for_an_hour,
]


@pytest.mark.parametrize("native", [False, True], ids=["fetch", "native"])
@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_a_stream_that_is_lost(lose: Callable[[World], Awaitable[None]], native: bool) -> None:
    async def main(world: World) -> None:
        await world.enter()
        await world.say("before")
        await asyncio.sleep(1)
        await lose(world)
        if not world.host.running:
            await asyncio.sleep(30)
            world.host.start()
        await world.say("meanwhile", "and again")
        await asyncio.sleep(10)
        await world.be_well()
        await world.settle()
        await world.say("after")
        await asyncio.sleep(1)
        assert world.texts("message") == world.said() == ["before", "meanwhile", "and again", "after"]
        assert world.connections()[-1] == "connected"
        assert not world.values("error"), "a stream that is opened again is no error"

    run_in_world(Terms(native=native), main)


@simulated()
async def test_a_recovery_says_how_many_messages_it_found(world: World) -> None:
    await world.enter()
    await world.say("before", "and before")
    await asyncio.sleep(1)
    world.end_streams("hard")
    await world.say("one", "two")
    await world.settle()
    assert [(one.state, one.recovered) for one in world.values("connection")][-1] == ("connected", 2)


@simulated(page_size=10)
async def test_a_recovery_reads_back_to_what_is_known_and_no_further(world: World) -> None:
    await world.enter()
    for _ in range(5):
        await world.say(*map(str, range(20)))
        await asyncio.sleep(1)
        before = len(world.requests("GET", "/messages"))
        world.end_streams("hard")
        await world.say("missed")
        await asyncio.sleep(5)
        assert len(world.requests("GET", "/messages")) <= before + 3, "two pages hold what came since the last recovery"
    assert world.texts("message") == world.said()


@simulated(latency=0.2)
async def test_what_is_said_at_any_moment_of_a_recovery_is_told_once_and_in_order(world: World) -> None:
    await world.enter()
    for round_ in range(10):
        world.end_streams("hard")
        for number in range(60):
            await world.say(f"{round_}.{number}")
            await asyncio.sleep(0.02)
        await asyncio.sleep(5)
    assert world.texts("message") == world.said()


@simulated()
async def test_nothing_is_lost_between_the_history_and_a_stream_whose_first_byte_is_held_back(world: World) -> None:
    await world.enter()
    world.fault("hold-first-byte:seconds=20:on=/listen:times=1")
    world.end_streams("hard")
    await asyncio.sleep(10)
    await world.say("said before the first byte")
    await asyncio.sleep(2)
    assert world.texts("message") == []
    await asyncio.sleep(20)
    await world.say("said after it")
    await asyncio.sleep(1)
    assert world.texts("message") == ["said before the first byte", "said after it"]


@simulated()
async def test_nothing_is_lost_between_the_history_and_a_stream_that_opens_long_after_it(world: World) -> None:
    await world.enter()
    world.fault("delay:seconds=20:on=/listen:times=1")
    world.end_streams("hard")
    await asyncio.sleep(10)
    await world.say("said when the history had been read")
    await asyncio.sleep(20)
    await world.say("said when the stream was open")
    await asyncio.sleep(1)
    assert world.texts("message") == ["said when the history had been read", "said when the stream was open"]


@simulated(page_size=50)
async def test_five_thousand_messages_are_read_back_after_a_long_absence(world: World) -> None:
    await world.enter()
    world.network.refusing = True
    world.network.cut()
    for number in range(5_000):
        await world.say(str(number))
    await world.be_well()
    await world.settle()
    await world.say("after")
    await asyncio.sleep(1)
    assert world.texts("message") == world.said()
    assert len(world.said()) == 5_001
    recovered = [connection.recovered for connection in world.values("connection")]
    assert max(recovered) == 5_000


@simulated(server="oldest-first", page_size=2)
async def test_a_history_that_comes_oldest_first(world: World) -> None:
    await world.enter()
    world.network.refusing = True
    world.network.cut()
    for number in range(7):
        await world.say(str(number))
        await asyncio.sleep(1)
    await world.be_well()
    await world.settle()
    assert world.texts("message") == ["0", "1", "2", "3", "4", "5", "6"]


@simulated(coarse_time=True, page_size=2)
async def test_messages_of_equal_time(world: World) -> None:
    await world.enter()
    for round_ in range(5):
        await world.say(f"{round_} heard")
        await asyncio.sleep(0.2)
        world.end_streams("hard")
        await world.say(f"{round_} missed", f"{round_} missed, too", f"{round_} missed as well")
        await asyncio.sleep(3)
    assert world.texts("message") == world.said()


# --- signals ---------------------------------------------------------------------------------------------------------


@simulated()
async def test_a_signal_that_is_sent_twice_is_told_once(world: World) -> None:
    await world.enter()
    world.fault("duplicate")
    await world.say("one", "two")
    await world.say_elsewhere("three")
    await asyncio.sleep(1)
    assert world.texts("message") == ["one", "two"]
    assert world.texts("own_message") == ["three"]


@simulated()
async def test_signals_in_another_order_are_told_once_as_they_arrive(world: World) -> None:
    await world.enter()
    world.fault("reorder:times=1")
    await world.say("one", "two", "three")
    await asyncio.sleep(5)
    assert world.texts("message") == ["two", "one", "three"]
    assert [message.text for message in await world.client.list_messages()] == ["three", "two", "one"]


@simulated()
async def test_a_signal_lost_on_a_healthy_stream_is_told_by_the_next_recovery(world: World) -> None:
    await world.enter()
    world.fault("lose-signal:times=1")
    await world.say("lost", "heard")
    await world.settle()
    assert world.texts("message") == ["heard"], "nobody can know of it"
    world.end_streams("clean")
    await world.settle()
    assert world.texts("message") == ["heard", "lost"]


# --- recovery that fails ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault", ["status:status=500", "status:status=429:retry_after=3", "html", "lose-answer", "delay-answer:seconds=30"]
)
def test_a_history_page_that_fails_is_read_again_and_nothing_is_told_meanwhile(fault: str) -> None:
    async def main(world: World) -> None:
        await world.enter()
        world.fault(f"{fault}:on=GET /messages:chance=0.5")
        world.end_streams("hard")
        await world.say(*"abcdefgh")
        for _ in range(100):
            await asyncio.sleep(0.1)
            assert world.texts("message") in ([], list("abcdefgh")), "a part of the history was told"
        await world.be_well()
        await world.settle()
        await world.say("i")
        await asyncio.sleep(1)
        assert world.texts("message") == list("abcdefghi")

    run_in_world(Terms(page_size=2, seed=4), main)


# --- opening streams again -------------------------------------------------------------------------------------------


@simulated(latency=0.0)
async def test_pauses_double_up_to_half_a_minute_and_begin_anew_after_a_complete_recovery(world: World) -> None:
    world.chance = lambda: 1.0
    await world.enter()
    world.network.refusing = True
    world.network.cut()
    began, attempts = now(), len(world.requests("GET", "/listen"))
    await asyncio.sleep(125)
    times = [round(one.time - began, 3) for one in world.requests("GET", "/listen")[attempts:]]
    assert times == [0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5, 121.5]
    # A stream that opens and a history that cannot be read are no recovery yet.
    world.network.refusing = False
    world.fault("status:on=GET /messages")
    await asyncio.sleep(200)
    world.faults.set()
    world.end_streams("hard")
    began, attempts = now(), len(world.requests("GET", "/listen"))
    await asyncio.sleep(35)
    assert [round(one.time - began, 3) for one in world.requests("GET", "/listen")[attempts:]] == [30]
    world.end_streams("hard")
    began, attempts = now(), len(world.requests("GET", "/listen"))
    await asyncio.sleep(1)
    assert [round(one.time - began, 3) for one in world.requests("GET", "/listen")[attempts:]] == [0.5]


@simulated()
async def test_a_server_that_names_a_time_is_not_asked_before(world: World) -> None:
    await world.enter()
    world.fault("status:status=503:retry_after=100:on=/listen:times=1")
    world.end_streams("hard")
    await asyncio.sleep(60)
    refused = world.requests("GET", "/listen")[-1].time
    await world.settle()
    assert world.requests("GET", "/listen")[-1].time >= refused + 100
    assert world.connections()[-1] == "connected"


@pytest.mark.parametrize("wake", ["online", "visible", "restored", "slept"])
def test_the_stream_is_opened_at_once_when_the_page_wakes(wake: str) -> None:
    async def main(world: World) -> None:
        world.chance = lambda: 1.0
        await world.enter()
        world.network.refusing = True
        world.network.cut()
        await asyncio.sleep(100)
        world.network.refusing = False
        world.transport.wake(wake)  # type: ignore[arg-type]
        await asyncio.sleep(1)
        assert world.connections()[-1] == "connected"

    run_in_world(Terms(), main)


@pytest.mark.parametrize("wake", ["restored", "slept"])
def test_a_stream_is_opened_anew_when_the_page_was_asleep(wake: str) -> None:
    async def main(world: World) -> None:
        await world.enter()
        world.faults.stall_streams()
        await world.say("said while it was asleep")
        world.transport.wake(wake)  # type: ignore[arg-type]
        await asyncio.sleep(2)
        assert world.texts("message") == ["said while it was asleep"]

    run_in_world(Terms(), main)


@simulated()
async def test_the_browser_says_that_there_is_no_network(world: World) -> None:
    await world.enter()
    world.network.refusing = True
    world.network.cut()
    await asyncio.sleep(5)
    world.transport.wake("offline")
    await asyncio.sleep(60)
    assert world.connections()[-1] == "offline"
    world.network.refusing = False
    world.transport.wake("online")
    await asyncio.sleep(1)
    assert world.connections()[-1] == "connected"


@simulated()
async def test_a_stream_that_lost_its_network_is_not_taken_for_open(world: World) -> None:
    await world.enter()
    world.network.silent = True
    world.network.refusing = True
    world.transport.wake("offline")
    await asyncio.sleep(5)
    assert world.connections()[-1] == "offline"
    sending = asyncio.ensure_future(world.client.send_message("written meanwhile"))
    await asyncio.sleep(30)
    world.network.refusing = False
    world.network.speak()
    world.transport.wake("online")
    assert (await sending).id
    await world.settle()
    assert world.connections()[-1] == "connected"


@simulated()
async def test_a_server_on_a_machine_without_network_is_found(world: World) -> None:
    await world.enter()
    world.transport.wake("offline")
    await asyncio.sleep(5)
    assert world.connections()[-1] == "connected"


# --- sending ---------------------------------------------------------------------------------------------------------


@simulated()
async def test_the_statuses_of_a_message(world: World) -> None:
    await world.enter()
    sent = await world.client.send_message("hello")
    await asyncio.sleep(1)
    told = world.values("message_status")
    assert [message.status for message in told] == ["pending", "sent", "processing", "processed"]
    assert {message.client_id for message in told} == {sent.client_id}
    assert [message.id for message in told] == [None, sent.id, sent.id, sent.id]
    assert len(world.texts("message_sent")) == 1


@simulated()
async def test_messages_wait_for_the_stream_and_go_to_their_conversation_in_order(world: World) -> None:
    conversation_id = await world.enter()
    await world.host.kill()
    await asyncio.sleep(1)
    sendings = [world.send(text) for text in ("one", "two", "three")]
    await asyncio.sleep(20)
    assert [sending.task.done() for sending in sendings] == [False] * 3
    assert not world.requests("POST", "/messages"), "there is no use in sending before there is a connection"
    world.host.start()
    await world.settle()
    assert world.sent() == ["one", "two", "three"]
    assert world.values("conversation") == [conversation_id]


@simulated()
async def test_a_message_that_never_reached_the_server_is_sent_again(world: World) -> None:
    await world.enter()
    world.fault("lose-request:on=POST /messages:times=2")
    await world.client.send_message("hello")
    assert world.sent() == ["hello"]
    assert len(world.requests("POST", "/messages")) == 3


@simulated(retry_for=60.0)
async def test_it_fails_with_the_reason_when_the_time_is_over_and_can_be_sent_again(world: World) -> None:
    await world.enter()
    world.fault("lose-request:on=POST /messages")
    began = now()
    sending = world.send("hello")
    await asyncio.sleep(100)
    assert isinstance(sending.error, NetworkError)
    assert sending.ended is not None
    assert sending.ended - began <= 60
    assert [message.status for message in world.values("message_status")] == ["pending", "failed"]
    world.faults.set()
    again = world.resend(sending)
    await asyncio.sleep(10)
    assert again.message
    assert world.sent() == ["hello"]
    client_ids = {message.client_id for message in world.values("message_status")}
    assert client_ids == {again.message.client_id}, "the same message"


SERVERS = ["none", "no-dedupe", "no-metadata"]


@pytest.mark.parametrize("server", SERVERS)
def test_a_message_whose_answer_was_lost_is_there_once(server: str) -> None:
    async def main(world: World) -> None:
        await world.enter()
        world.fault("lose-answer:on=POST /messages:times=1")
        sent = await world.client.send_message("hello")
        await world.settle()
        assert [message.id for message in world.stored()] == [sent.id]
        assert world.texts("message_sent") == ["hello"]
        assert world.texts("own_message") == []

    run_in_world(Terms(server=server), main)


@pytest.mark.parametrize("server", SERVERS)
def test_a_message_whose_answer_and_signal_were_lost_is_there_once(server: str) -> None:
    """So that only the history can tell that it has arrived."""

    async def main(world: World) -> None:
        await world.enter()
        world.fault("lose-answer:on=POST /messages:times=1")
        world.fault("lose-signal:lasting=1")
        sent = await world.client.send_message("hello")
        await world.settle()
        assert [message.id for message in world.stored()] == [sent.id]
        assert world.texts("message_sent") == ["hello"]
        assert len(world.requests("POST", "/messages")) == 1, "it was found, so there is no second attempt"

    run_in_world(Terms(server=server), main)


@pytest.mark.parametrize("server", SERVERS)
def test_a_message_that_a_gateway_calls_failed_though_it_arrived_is_there_once(server: str) -> None:
    async def main(world: World) -> None:
        await world.enter()
        world.network.spoiled = 1
        world.fault("lose-signal:lasting=1")
        sent = await world.client.send_message("hello")
        await world.settle()
        assert [message.id for message in world.stored()] == [sent.id]
        assert len(world.requests("POST", "/messages")) == 1

    run_in_world(Terms(server=server), main)


@simulated(server="no-metadata")
async def test_where_it_cannot_be_told_whether_a_message_arrived_it_fails_and_is_not_sent_on_a_guess(
    world: World,
) -> None:
    await world.enter()
    world.fault("lose-answer:on=POST /messages:times=1")
    world.fault("lose-signal:lasting=4")
    sending = world.send("hello")
    await asyncio.sleep(1)
    await world.say_elsewhere("hello")
    await world.settle()
    assert isinstance(sending.error, DeliveryUncertain)
    assert world.sent() == ["hello", "hello"], "its own, and the other tab's"
    assert [message.status for message in world.values("message_status")][-1] == "failed"


@pytest.mark.parametrize(("server", "late"), [("none", 20), ("no-dedupe", 4.5), ("no-metadata", 4.5)])
def test_a_message_that_is_carried_out_late_is_there_once(server: str, late: float) -> None:
    async def main(world: World) -> None:
        await world.enter()
        world.fault(f"late:on=POST /messages:times=1:seconds={late}")
        sent = await world.client.send_message("hello")
        await world.settle()
        assert [message.id for message in world.stored()] == [sent.id]

    run_in_world(Terms(server=server), main)


@simulated()
async def test_a_refusal_for_now_is_not_carried_out_and_is_asked_again_at_the_time_it_names(world: World) -> None:
    await world.enter()
    world.network.exchanges.clear()
    world.fault("status:status=429:retry_after=12:on=POST /messages:times=1")
    await world.client.send_message("hello")
    first, second = (one.time for one in world.requests("POST", "/messages"))
    assert second - first >= 12
    assert not world.requests("GET", "/messages"), "there is nothing to look for"


@simulated()
async def test_a_message_is_given_up_by_cancelling_it(world: World) -> None:
    await world.enter()
    await world.host.kill()
    sending = world.send("given up")
    await asyncio.sleep(1)
    sending.task.cancel()
    world.host.start()
    await world.client.send_message("kept")
    assert world.sent() == ["kept"]


@simulated()
async def test_what_the_user_said_in_another_tab_is_an_own_message(world: World) -> None:
    await world.enter()
    await world.say_elsewhere("heard")
    await asyncio.sleep(1)
    world.end_streams("hard")
    await world.say_elsewhere("missed")
    await world.client.send_message("of this client")
    await world.settle()
    assert world.texts("own_message") == ["heard", "missed"]
    assert world.texts("message") == []


@simulated()
async def test_a_message_goes_to_the_conversation_that_was_current_at_the_call(world: World) -> None:
    first = await world.enter()
    world.fault("lose-request:on=POST /messages:lasting=20")
    waiting = world.send("for the first")
    await asyncio.sleep(1)
    second = await world.client.new_conversation()
    await world.client.send_message("for the second")
    await world.settle()
    assert waiting.message
    assert waiting.message.conversation_id == first
    assert [message.text for message in world.host.stored(first)] == ["for the first"]
    assert [message.text for message in world.host.stored(second)] == ["for the second"]
    assert world.values("conversation") == [first, second]


@simulated(latency=0.2)
async def test_who_comes_back_finds_each_message_in_the_history_or_in_an_event(world: World) -> None:
    credentials = await world.client.connect()
    conversation_id = await world.client.new_conversation()

    async def talk() -> None:
        for number in range(200):
            await world.host.say(conversation_id, str(number))
            await asyncio.sleep(0.01)

    for _ in range(10):
        await world.client.disconnect()
        world.seen.clear()
        talking = asyncio.create_task(talk())
        await world.client.connect(credentials)
        history = await world.client.start(conversation_id)
        await talking
        await asyncio.sleep(1)
        old = [message.id for message in reversed(history)]
        new = [message.id for message in world.values("message")]
        found = old + [one for one in new if one not in old]
        assert found == [message.id for message in world.stored()][-len(found) :]
        assert len(new) == len(set(new)) > 0
        assert len(found) >= 150, "more than what was said after it had come back"


# --- who one is, and where -------------------------------------------------------------------------------------------


@simulated()
async def test_a_start_in_a_conversation_that_is_gone_says_so_and_opens_another(world: World) -> None:
    assert await world.client.start("conv_that_is_gone") == []
    (error,) = world.values("error")
    assert isinstance(error, ConversationGone)
    assert world.client.conversation_id not in (None, "conv_that_is_gone")


@simulated()
async def test_a_start_that_is_given_up_leaves_nobody_connected(world: World) -> None:
    given_up = 0
    for milliseconds in range(0, 600, 10):
        try:
            async with asyncio.timeout(milliseconds / 1000):
                await world.client.start()
        except TimeoutError:
            given_up += 1
            await asyncio.sleep(1)
            state = (world.client.user_id, world.client.conversation_id, world.network.streams)
            assert state == (None, None, 0), f"given up after {milliseconds} ms"
        else:
            await world.client.disconnect()
    assert 5 < given_up < 60


@simulated()
async def test_the_answer_to_the_creation_of_a_user_is_lost(world: World) -> None:
    world.fault("lose-answer:on=POST /users:times=1")
    with pytest.raises(NetworkError):
        await world.client.connect()
    assert world.client.user_id is None
    credentials = await world.client.connect()
    await world.client.send_message("hello")
    assert world.client.user_id == credentials.user_id
    assert {message.author_id for message in world.stored()} == {credentials.user_id}


@simulated()
async def test_the_answer_to_the_creation_of_a_conversation_is_lost(world: World) -> None:
    world.fault("lose-answer:on=POST /conversations:times=1")
    await world.client.connect()
    sent = await world.client.send_message("hello")
    assert world.values("conversation") == [sent.conversation_id] == [world.client.conversation_id]
    assert world.sent() == ["hello"]


@simulated()
async def test_the_answer_to_an_event_is_lost(world: World) -> None:
    conversation_id = await world.enter()
    world.fault("lose-answer:on=POST /events")
    with pytest.raises(NetworkError):
        await world.client.send_event({"action": "checkout"})
    await world.settle()
    custom = [event["data"] for event in world.host.events(conversation_id) if event["type"] == "custom"]
    assert custom == [{"action": "checkout"}]


@pytest.mark.parametrize(("fault", "heard"), [("status:status=503", 1), ("lose-request", 1), ("lose-answer", 3)])
def test_the_bot_is_told_of_a_new_conversation_until_it_is(fault: str, heard: int) -> None:
    async def main(world: World) -> None:
        world.fault(f"{fault}:on=POST /events:times=2")
        conversation_id = await world.enter()
        await world.settle()
        assert [event["type"] for event in world.host.events(conversation_id)] == ["conversation_started"] * heard
        assert not world.values("error")

    run_in_world(Terms(), main)


@simulated()
async def test_the_bot_is_told_of_a_new_conversation_when_there_is_a_network_again(world: World) -> None:
    conversation_id = await world.begin()
    await world.host.kill()
    await asyncio.sleep(30)
    world.host.start()
    await world.settle()
    assert [event["type"] for event in world.host.events(conversation_id)] == ["conversation_started"]
    assert not world.values("error")
    back = next(seen.time for seen in reversed(world.seen) if seen.event == "connection")
    assert world.requests("POST", "/events")[-1].time - back < 1, "it does not wait for a time to try again"


@simulated()
async def test_that_the_bot_cannot_be_told_of_a_new_conversation_is_an_error(world: World) -> None:
    world.fault("status:status=400:on=POST /events")
    await world.enter()
    await world.client.send_message("hello")
    await world.settle()
    assert [error.status for error in world.values("error")] == [400]
    assert len(world.requests("POST", "/events")) == 1
    assert world.sent() == ["hello"]


@simulated()
async def test_a_question_does_not_wait_for_a_bot_that_cannot_be_told(world: World) -> None:
    world.fault("status:status=503:on=POST /events")
    await world.enter()
    async with asyncio.timeout(20):
        with pytest.raises(TimeoutError):
            await world.client.ask("hello", timeout=10)
    assert world.sent() == ["hello"]


@simulated()
async def test_who_leaves_before_the_bot_was_told_tells_it_no_more(world: World) -> None:
    world.fault("status:status=503:on=POST /events")
    left = await world.enter()
    await world.client.new_conversation()
    await asyncio.sleep(1)
    world.network.exchanges.clear()
    await asyncio.sleep(100)
    told = world.requests("POST", "/events")
    assert told
    assert not [one for one in told if left in one.body]


@simulated(echo=True)
async def test_a_question_does_not_wait_for_the_bot_of_a_conversation_that_was_deleted(world: World) -> None:
    await world.begin()
    world.fault("delay:times=1:seconds=1000:on=POST /events")
    asking = asyncio.create_task(world.client.ask("hi"))
    await asyncio.sleep(1)
    await world.client.delete_conversation(world.conversation_id)
    assert len(await asking) == 1


@simulated()
async def test_the_key_expires_in_mid_session(world: World) -> None:
    conversation_id = await world.enter()
    first_user = world.user_id
    await world.host.kill()
    waiting = [world.send("one"), world.send("two")]
    world.host.start()
    world.host.api.keys.expire()
    await world.settle()
    assert [type(sending.error) for sending in waiting] == [SessionExpired] * 2
    assert len(world.values("session_expired")) == 1
    assert len(world.requests("GET", "/users/me")) == 1, "it is confirmed once"
    assert len(world.requests("POST", "/users")) == 1, "nobody else was made"
    assert world.connections()[-1] == "closed"
    assert world.client.user_id is None
    with pytest.raises(SessionExpired):
        await world.client.send_message("three")
    assert world.host.stored(conversation_id) == []
    # Whoever comes next is another user, with a conversation of their own.
    await world.client.connect()
    await world.client.send_message("four")
    assert world.user_id != first_user
    assert world.conversation_id != conversation_id
    assert world.sent() == ["four"]


@pytest.mark.parametrize("on", ["/listen", "GET /messages"])
def test_a_refusal_of_the_key_that_is_not_confirmed_ends_nothing(on: str) -> None:
    async def main(world: World) -> None:
        await world.enter()
        world.fault(f"status:status=401:on={on}:times=1")
        world.end_streams("hard")
        await world.say("meanwhile")
        await world.settle()
        assert world.texts("message") == ["meanwhile"]
        assert not world.values("session_expired")

    run_in_world(Terms(), main)


@simulated()
async def test_the_conversation_is_deleted(world: World) -> None:
    conversation_id = await world.enter()
    await world.host.kill()
    waiting = [world.send("one"), world.send("two")]
    world.host.start()
    await world.delete_conversation()
    await world.settle()
    assert [type(sending.error) for sending in waiting] == [ConversationGone] * 2
    assert [type(error) for error in world.values("error")] == [ConversationGone]
    assert world.connections()[-1] == "closed"
    assert world.client.conversation_id == conversation_id
    with pytest.raises(ConversationGone):
        await world.client.send_message("three")
    assert len(world.requests("POST", "/conversations")) == 1, "no other conversation is opened in silence"
    await world.client.new_conversation()
    await world.client.send_message("four")
    assert world.sent() == ["four"]


@simulated()
async def test_the_conversation_is_closed_to_the_user(world: World) -> None:
    await world.enter()
    world.fault("status:status=403:on=/listen")
    world.fault("status:status=403:on=GET /conversations/*")
    world.end_streams("clean")
    await asyncio.sleep(0.2)
    sending = world.send("hello")
    await world.settle()
    assert isinstance(sending.error, ConversationGone)
    assert [type(error) for error in world.values("error")] == [ConversationGone]
    assert world.connections()[-1] == "closed"


@simulated()
async def test_a_refusal_that_no_waiting_mends_ends_the_connection(world: World) -> None:
    await world.enter()
    world.fault("status:status=410:on=/listen:times=1")
    world.fault("status:status=400:on=/listen")
    world.end_streams("clean")
    await world.settle()
    assert world.connections()[-1] == "closed"
    assert isinstance(world.values("error")[-1], WebchatError)
    assert not world.network.streams


@simulated()
async def test_other_calls_are_not_repeated_and_say_whether_that_may_help(world: World) -> None:
    await world.enter()
    world.fault("status:status=429:retry_after=7:on=GET /users/me:times=1")
    with pytest.raises(RateLimited) as refusal:
        await world.client.get_user()
    assert refusal.value.retryable
    assert refusal.value.retry_after == 7
    assert len(world.requests("GET", "/users/me")) == 1


@simulated()
async def test_a_stream_that_is_cut_as_soon_as_it_is_open_is_opened_ever_less_often(world: World) -> None:
    await world.enter()

    def cut(connection: Connection) -> None:
        if connection.state == "connected":
            asyncio.get_running_loop().call_soon(world.end_streams, "hard")

    stop = world.client.on("connection", cut)
    world.end_streams("hard")
    await asyncio.sleep(120)
    assert world.connections().count("connected") < 20
    stop()
    await world.say("in the end")
    await world.settle()
    assert world.texts("message") == ["in the end"]


@simulated()
async def test_a_user_who_is_not_known_any_more_when_the_bot_is_told_is_not_waited_for(world: World) -> None:
    await world.client.connect()
    world.fault("status:status=404:on=POST /events")
    world.fault("expire-keys:times=1:on=POST /events")
    async with asyncio.timeout(30):
        with pytest.raises(SessionExpired):
            await world.client.new_conversation()
    assert len(world.values("session_expired")) == 1
    assert not world.values("error")
