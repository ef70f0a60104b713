"""The pauses between attempts."""

from __future__ import annotations

from webchat_py.wire.backoff import LONGEST_HINT, Backoff


def test_pauses_double_up_to_half_a_minute() -> None:
    backoff = Backoff(lambda: 1.0)
    assert [backoff.next() for _ in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_full_jitter_takes_any_part_of_them() -> None:
    numbers = iter([0.0, 0.5, 0.25])
    backoff = Backoff(lambda: next(numbers))
    assert [backoff.next() for _ in range(3)] == [0.0, 0.5, 0.5]


def test_the_server_may_ask_for_more_but_not_for_ever() -> None:
    backoff = Backoff(lambda: 1.0)
    assert backoff.next(at_least=20.0) == 20.0
    assert backoff.next(at_least=0.1) == 1.0
    assert backoff.next(at_least=1e9) == LONGEST_HINT


def test_after_a_reset_it_begins_anew() -> None:
    backoff = Backoff(lambda: 1.0)
    backoff.next()
    backoff.next()
    backoff.reset()
    assert backoff.next() == 0.5
