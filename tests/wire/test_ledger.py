"""The ledger: what was handed on already."""

from webchat_py.wire.ledger import Ledger


def test_an_id_is_new_once() -> None:
    ledger = Ledger()
    assert [ledger.add(name) for name in ("a", "b", "a", "a", "c")] == [True, True, False, False, True]


def test_its_memory_is_bounded_and_keeps_the_newest() -> None:
    ledger = Ledger(size=3)
    for number in range(1000):
        assert ledger.add(str(number))
    assert [ledger.add(name) for name in ("997", "998", "999")] == [False, False, False]
    assert ledger.add("996")
