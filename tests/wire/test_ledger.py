"""The ledger: which messages are known, and which of a page of the history are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from webchat_py.wire.ledger import Ledger, Mark
from webchat_py.wire.models import Message
from webchat_py.wire.payloads import Text

START = datetime(2026, 1, 1, tzinfo=UTC)


def message(number: int, second: int | None = None) -> Message:
    sent_on = START + timedelta(seconds=number if second is None else second)
    return Message(f"m{number}", "c", "bot", sent_on, Text(str(number)))


def page(*numbers: int) -> list[Message]:
    """A page of the history, newest first."""
    return [message(number) for number in numbers]


def ids(messages: list[Message]) -> list[int]:
    return [int(str(message.id)[1:]) for message in messages]


def begun(*numbers: int, has_more: bool = False) -> Ledger:
    ledger = Ledger()
    ledger.begin(page(*numbers), has_more)
    return ledger


def test_a_message_is_new_once() -> None:
    ledger = Ledger()
    assert [ledger.add(message(number)) for number in (1, 2, 1, 1, 3)] == [True, True, False, False, True]


def test_a_message_without_an_id_is_never_told() -> None:
    assert not Ledger().add(Message(None, "c", "bot", START, Text("")))


def test_its_memory_is_bounded_and_keeps_the_newest() -> None:
    ledger = Ledger(size=3)
    for number in range(1000):
        assert ledger.add(message(number))
    assert [ledger.add(message(number)) for number in (997, 998, 999)] == [False, False, False]


def test_what_it_has_forgotten_is_not_told_again_by_a_history() -> None:
    ledger = Ledger(size=3)
    for number in range(10):
        ledger.add(message(number))
    unknown, _ = ledger.unknown(page(10, 9, 8, 7, 6, 5, 4))
    assert ids(unknown) == [10]


def test_what_was_told_after_the_mark_and_is_forgotten_is_not_told_again() -> None:
    ledger = Ledger(size=3)
    ledger.begin(page(1, 0), has_more=False)
    for number in range(2, 10):
        # One time for all, so that only places tell them apart.
        ledger.add(message(number, second=5))
    again = [message(number, second=5) for number in range(9, 1, -1)]
    unknown, _ = ledger.unknown([*again, *page(1, 0)])
    assert ids(unknown) == []


def test_the_first_page_is_known_and_all_that_is_older() -> None:
    ledger = begun(9, 8, 7, has_more=True)
    unknown, older = ledger.unknown(page(11, 10, 9, 8, 7, 6, 5))
    assert (ids(unknown), older) == ([11, 10], False)


def test_it_asks_for_older_pages_until_one_holds_what_is_known() -> None:
    ledger = begun(3, 2, 1)
    assert ledger.unknown(page(9, 8, 7)) == (page(9, 8, 7), True)
    assert ledger.unknown(page(6, 5, 4)) == (page(6, 5, 4), True)
    assert ledger.unknown(page(4, 3, 2)) == (page(4), False)


def test_a_signal_that_was_lost_is_found_behind_messages_that_came() -> None:
    ledger = begun(1)
    for number in (3, 4):
        ledger.add(message(number))
    unknown, older = ledger.unknown(page(4, 3, 2, 1))
    assert (ids(unknown), older) == ([2], False)


def test_what_a_recovery_has_seen_needs_no_second_look() -> None:
    ledger = begun(1)
    for missed in reversed(page(3, 2)):
        ledger.add(missed)
    ledger.verify(page(3, 2, 1))
    assert ledger.mark == Mark("m3", START + timedelta(seconds=3))
    assert ledger.unknown(page(4, 3)) == (page(4), False)


def test_a_new_conversation_has_nothing_that_is_known() -> None:
    ledger = begun()
    assert ledger.unknown(page(3, 2)) == (page(3, 2), True)


def test_messages_of_one_time_are_told_apart_by_their_places() -> None:
    ledger = Ledger()
    ledger.begin([message(2, 0), message(1, 0)], has_more=True)
    unknown, older = ledger.unknown([message(4, 0), message(3, 0), message(2, 0), message(1, 0), message(0, 0)])
    assert (ids(unknown), older) == ([4, 3], False)


def test_where_the_mark_was_deleted_times_decide() -> None:
    ledger = begun(9, 8, 7, has_more=True)
    unknown, older = ledger.unknown(page(11, 10, 8, 7, 6, 5))
    assert (ids(unknown), older) == ([11, 10], False)


def test_a_message_that_turns_up_late_in_the_history_is_told() -> None:
    ledger = begun(9, 8, 6, has_more=True)
    unknown, _ = ledger.unknown(page(10, 9, 8, 7, 6))
    assert ids(unknown) == [10, 7]


@pytest.mark.parametrize("mark", [None, Mark("m2", None)])
def test_a_place_without_a_time_is_found_by_its_id(mark: Mark | None) -> None:
    unknown, older = Ledger.since(mark).unknown(page(4, 3, 2))
    assert ids(unknown)[:2] == [4, 3]
    assert older is (mark is None)


def test_since_a_mark_only_what_is_newer_is_unknown() -> None:
    ledger = Ledger.since(Mark("m2", START + timedelta(seconds=2)))
    assert ledger.unknown(page(4, 3, 2, 1)) == (page(4, 3), False)


def test_the_newest_message_is_the_one_with_the_latest_time() -> None:
    ledger = Ledger()
    for number in (1, 5, 3):
        ledger.add(message(number))
    assert ledger.newest == Mark("m5", START + timedelta(seconds=5))
