"""What the original JavaScript client, `@botpress/webchat` 2.2.2, does in mode "messaging", webchat_py does as well or
better.

See test_interop.py. Where they may differ is in messaging_differences.py.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.interop.comparison import Record, differences, unexplained, unused
from tests.interop.messaging_differences import ROWS
from tests.interop.messaging_scenarios import SCENARIOS
from tests.interop.scenarios import Scenario

Play = Callable[[Scenario], tuple[Record, Record]]


@pytest.mark.parametrize("name", SCENARIOS)
def test_both_do_the_same(play: Play, name: str) -> None:
    original, ours = play(SCENARIOS[name])
    found = unexplained(name, differences(original, ours), ROWS)
    assert not found, "\n".join(map(str, found))

    # A row allows what it says any number of times
    told = [event["value"]["id"] for event in ours["events"] if event["event"] == "message"]
    assert len(told) == len(set(told)), "ours told a message twice"


def test_a_new_conversation_is_looked_into_once(play: Play) -> None:
    """The table allows for it everywhere, and does not count."""
    _, ours = play(SCENARIOS["custom event"])
    assert [request["path"] for request in ours["requests"]].count("messages.list") == 1


def test_every_difference_in_the_table_still_occurs(play: Play) -> None:
    gone = unused(ROWS, {name: differences(*play(scenario)) for name, scenario in SCENARIOS.items()})
    assert not gone, "\n".join(gone)
