"""Both clients live through the same losses and restarts, in real time, and it is counted what they lose and double.

What is asserted is that ours loses and doubles nothing; the figures of the original are printed (`-s` shows them).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pytest_pyodide import run_in_pyodide

from tests.conftest import FULL
from tests.interop.schedules import Figures, figures, schedule
from tests.support.proxy import FaultyProxy
from tests.support.server import WebchatServer


@run_in_pyodide
async def _play(selenium_both, steps, original_url, our_url, server):
    from players import play

    return await play(steps, original_url, our_url, server)


@pytest.mark.parametrize("seed", range(40 if FULL else 4))
def test_nothing_is_lost_doubled_or_moved(selenium_both: Any, tmp_path: Path, seed: int) -> None:
    with (
        WebchatServer(tmp_path, "--bot", "tests.interop.bot:answer") as server,
        FaultyProxy(server.url, server) as original_proxy,
        FaultyProxy(server.url) as our_proxy,
    ):
        told = _play(selenium_both, schedule(seed), original_proxy.url, our_proxy.url, server.url)
    original, ours = map(figures, told)
    print(f"\nschedule {seed}", f"original: {original}", f"ours:     {ours}", sep="\n  ")  # noqa: T201 - for the README
    assert (ours.lost, ours.doubled, ours.out_of_order, ours.conversations, ours.failed) == (0, 0, 0, 1, 0)
    assert None not in ours.recovered


def test_the_figures_see_what_went_wrong() -> None:
    told = {
        "said": ["bot 0", "bot 1", "bot 2", "bot 3"],
        "heard": ["bot 0", "bot 2", "bot 1", "bot 2"],
        "sent": ["user 0", "user 1", "user 2"],
        "failed": ["user 1"],
        "stored": [["bot 0", "user 0", "bot 1", "user 0"], ["bot 2", "bot 3"]],
        "recovered": [0.5, None],
    }
    # lost: "bot 3", "user 2"; doubled: "bot 2", "user 0"; late: "bot 1"
    assert figures(told) == Figures(7, 2, 2, 1, 2, 1, (0.5, None))
