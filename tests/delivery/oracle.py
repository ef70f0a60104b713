"""What must have come of a schedule, computed from the promise's table row by row, the schedule and the database."""

from __future__ import annotations

import asyncio
from collections import Counter

from webchat_py.wire.errors import ConversationGone, DeliveryUncertain, SessionExpired, WebchatError
from webchat_py.wire.models import Message

from .host import Stored
from .schedule import SAME, Delete, Expire, Outcome, Schedule
from .world import SETTLED, Sending

_STATUSES = ["pending", "sent", "processing", "processed"]


def judge(schedule: Schedule, outcome: Outcome) -> None:
    """Raise `AssertionError` where the promise is broken; it says which row."""
    stored = outcome.deleted if outcome.deleted is not None else outcome.world.host.stored(outcome.conversation_id)
    for row in (
        _every_message_reaches_the_handlers_once,
        _messages_come_in_the_historys_order,
        _what_was_said_elsewhere_is_told_once,
        _every_send_ends_and_says_the_truth,
        _nothing_is_sent_twice,
        _sends_arrive_in_the_order_of_the_calls,
        _statuses_follow_each_message,
        _user_and_conversation_never_change,
        _events_are_sent_at_most_once,
        _the_end_is_told,
        _all_is_well_again,
    ):
        row(schedule, outcome, stored)


def _every_message_reaches_the_handlers_once(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    told = Counter(message.id for message in outcome.world.values("message"))
    said = Counter(message.id for message in stored if message.author_id != outcome.user_id)
    twice = [one for one, times in told.items() if times > 1]
    assert not twice, f"told more than once: {_names(twice, stored)}"
    foreign = told - said
    assert not foreign, f"told, and not in the history: {_names(foreign, stored)}"
    if not schedule.has(Expire, Delete):
        lost = said - told
        assert not lost, f"lost: {_names(lost, stored)}"


def _messages_come_in_the_historys_order(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    if schedule.breaks("reorder", "lose-signal"):
        return
    place = {message.id: number for number, message in enumerate(stored)}
    told = [place[message.id] for message in outcome.world.values("message") if message.id in place]
    # Where the history comes oldest first, its dates alone tell that it does.
    order = (lambda one: stored[one].created_at) if "oldest-first" in schedule.terms.server else None
    assert told == sorted(told, key=order), (
        f"not in the history's order: {_names([stored[one].id for one in told], stored)}"
    )


def _what_was_said_elsewhere_is_told_once(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    own: list[Message] = outcome.world.values("own_message")
    twice = [one for one, times in Counter(message.id for message in own).items() if times > 1]
    assert not twice, f"own_message more than once: {_names(twice, stored)}"
    claimed = {message.id for message in outcome.world.values("message_sent")}
    if not schedule.terms.keeps_metadata:
        # One that failed and turns up later looks like anybody's; only who sends it again is told whose it was.
        claimed -= {one.message.id for one in outcome.resent if one.message}
    both = claimed & {message.id for message in own}
    # Where neither time nor metadata tell equal messages apart, which of them is whose is a guess.
    guessed = {message.id for message in stored if message.text == SAME} if _is_vague(schedule) else set()
    assert both <= guessed, f"told both as sent by this client and as sent elsewhere: {_names(both, stored)}"
    elsewhere = {message.text for message in stored if message.text in outcome.elsewhere and message.text != SAME}
    told = {message.text for message in own}
    if not schedule.has(Expire, Delete):
        assert elsewhere <= told, f"said elsewhere and never told: {elsewhere - told}"
    if schedule.terms.keeps_metadata:
        mine = {sending.text for sending in outcome.world.sendings if not sending.task.cancelled()} - {SAME}
        assert not mine & told, f"sent by this client, and told as sent elsewhere: {mine & told}"


def _every_send_ends_and_says_the_truth(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    assert not outcome.pending_at_end, f"{outcome.pending_at_end} sends go on long after the last fault"
    ids = {message.id: message for message in stored}
    results = [sending.message for sending in outcome.world.sendings if sending.message is not None]
    for message in results:
        assert message.id in ids, f"{message.text!r} was reported as sent, and is not on the server"
        assert ids[message.id].text == message.text, f"{message.text!r} was taken for {ids[message.id].text!r}"
    twice = [one for one, times in Counter(message.id for message in results).items() if times > 1]
    assert not twice, f"two sends have the same message for their result: {_names(twice, stored)}"
    for sending in outcome.world.sendings:
        _check_failure(schedule, outcome, sending)
    for sending in outcome.resent:
        if isinstance(sending.error, DeliveryUncertain):
            continue  # judged above
        assert sending.message, f"{sending.text!r} was sent again when all was well, and failed with {sending.error!r}"


def _check_failure(schedule: Schedule, outcome: Outcome, sending: Sending) -> None:
    error = sending.error
    if error is None or isinstance(error, asyncio.CancelledError):
        return
    what = f"{sending.text!r} failed with {error!r}"
    assert isinstance(error, WebchatError), what
    if isinstance(error, SessionExpired):
        assert schedule.has(Expire), what
    elif isinstance(error, ConversationGone):
        assert schedule.has(Delete), what
    elif isinstance(error, DeliveryUncertain):
        assert not schedule.terms.keeps_metadata, what
        assert sending.text == SAME or _is_vague(schedule), what
    elif not schedule.has(Expire, Delete):
        assert sending.time + schedule.terms.retry_for < outcome.well_at + SETTLED, f"{what}, though there was time"
        assert sending.ended is not None
        took = sending.ended - sending.time
        assert took <= schedule.terms.retry_for + schedule.terms.timeout + 15, f"{what} after {took:g} s"


def _is_vague(schedule: Schedule) -> bool:
    return schedule.terms.coarse_time and not schedule.terms.keeps_metadata


def _nothing_is_sent_twice(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    rows = Counter(message.text for message in stored if message.author_id == outcome.user_id)
    rows.subtract(outcome.elsewhere)
    sends = Counter({sending.text: 0 for sending in outcome.world.sendings})
    sends.update(sending.text for sending in outcome.world.sendings if sending not in outcome.resent)
    for text, times in rows.items():
        assert times <= sends[text], f"{text!r} is on the server {times} times, and was sent {sends[text]} times"


def _sends_arrive_in_the_order_of_the_calls(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    place = {message.id: number for number, message in enumerate(stored)}
    results = [one.message for one in outcome.world.sendings if one.message and one not in outcome.resent]
    if schedule.terms.keeps_metadata:
        order = [place[message.id] for message in results if message.id in place]
        assert order == sorted(order), f"sends arrived in another order: {[message.text for message in results]}"


def _statuses_follow_each_message(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    by_client_id: dict[str | None, list[str]] = {}
    for message in outcome.world.values("message_status"):
        by_client_id.setdefault(message.client_id, []).append(message.status)
    sent = Counter(message.client_id for message in outcome.world.values("message_sent"))
    assert all(times == 1 for times in sent.values()), f"message_sent more than once: {sent}"
    for sending in outcome.world.sendings:
        if sending.message is not None:
            statuses = by_client_id[sending.message.client_id]
            assert statuses.count("sent") == 1, f"the statuses of {sending.text!r}: {statuses}"
            assert sent[sending.message.client_id] == 1, f"no message_sent for {sending.text!r}"
            rank = [_STATUSES.index(status) for status in statuses[statuses.index("sent") :]]
            assert rank == sorted(set(rank)), f"the statuses of {sending.text!r}: {statuses}"
    for client_id, statuses in by_client_id.items():
        if client_id is not None and client_id in sent:
            assert statuses[0] == "pending", statuses


def _user_and_conversation_never_change(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    allowed: set[tuple[str | None, str | None]] = {(outcome.user_id, outcome.conversation_id)}
    if schedule.has(Expire):
        allowed.add((None, outcome.conversation_id))
    assert outcome.ids <= allowed, f"user and conversation changed: {outcome.ids - allowed}"
    told = outcome.world.values("conversation")
    assert told == [outcome.conversation_id], f"conversations told: {told}"


def _events_are_sent_at_most_once(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    if outcome.deleted is not None:
        return
    payloads = outcome.world.host.events(outcome.conversation_id)
    numbers = Counter(payload["data"].get("number") for payload in payloads if payload["type"] == "custom")
    for number, event in enumerate(outcome.events):
        assert event.done(), "send_event goes on long after the last fault"
        assert numbers[number] <= 1, f"event {number} was sent {numbers[number]} times"
        if event.cancelled() or event.exception() is None:
            assert numbers[number] == 1, f"event {number} was reported as sent and is not there"
        elif not isinstance(event.exception(), WebchatError):
            raise AssertionError(f"send_event raised {event.exception()!r}")


def _the_end_is_told(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    world = outcome.world
    expired, errors = world.values("session_expired"), world.values("error")
    assert len(expired) <= 1, f"session_expired {len(expired)} times"
    if schedule.has(Expire):
        if len(expired) == 1:
            assert isinstance(world.sendings[-1].error, SessionExpired), world.sendings[-1].error
            assert world.client.user_id is None
        else:
            assert schedule.has(Delete), "the user is not known any more, and nobody was told"
        return
    assert not expired, f"the session expired without a reason: {expired}"
    if schedule.has(Delete) and outcome.deleted is not None:
        assert [type(error) for error in errors] == [ConversationGone], f"errors told: {errors}"
        return
    assert not errors, f"errors told: {errors}"


def _all_is_well_again(schedule: Schedule, outcome: Outcome, stored: list[Stored]) -> None:
    world = outcome.world
    state = world.connections()[-1]
    if schedule.has(Expire) or outcome.deleted is not None:
        assert state == "closed", f"the connection is {state}"
        # A socket is the user's, who is still there when a conversation is not
        of_use = schedule.terms.mode == "messaging" and not schedule.has(Expire)
        assert world.network.streams <= of_use, "a stream is open that is of no use"
    else:
        assert state == "connected", f"the connection is {state} long after the last fault"
        assert world.network.streams == 1, f"{world.network.streams} streams are open"


def _names(ids: object, stored: list[Stored]) -> list[str]:
    texts = {message.id: message.text for message in stored}
    return [texts.get(str(one), str(one)) for one in ids]  # type: ignore[attr-defined]
