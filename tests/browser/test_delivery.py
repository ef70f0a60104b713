"""The promise of delivery in real time: a real browser, and a real server process that is really killed.

What else happens is in schedules.py: 6 schedules on the fetch stream and 3 on the native one, and 50 in all with
`./build.sh test --full`. One of them alone, again (`--full` before it for the seeds that only that has):

    ./build.sh test "tests/browser/test_delivery.py::test_the_promise_is_kept[fetch-3]"
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from pytest_pyodide import run_in_pyodide

from tests.browser.conftest import load_page
from tests.browser.schedules import Schedule, conversations, faults_of, judge, stored
from tests.conftest import FULL
from tests.support.server import WebchatServer
from tests.support.steering import Steering

PLAYER = Path(__file__).with_name("player.py")
FETCH, NATIVE = (34, 16) if FULL else (6, 3)
# Native has seeds of its own, for other schedules.
CASES = [*(("fetch", seed) for seed in range(FETCH)), *(("native", 1000 + seed) for seed in range(NATIVE))]


@pytest.fixture
def selenium_player(selenium_client: Any) -> Any:
    """A page that has the module `player`."""
    load_player(selenium_client)
    return selenium_client


def load_player(runner: Any) -> None:
    runner.run(f"import pathlib; pathlib.Path('player.py').write_text({PLAYER.read_text()!r})")


@contextmanager
def serving(data: Path, ways: str = "none") -> Iterator[tuple[str, str]]:
    """A server with these faults; gives its URL, and that at which it is killed, started, halted and let go on."""
    arguments = ["--bot", "tests.browser.speaker:answer", "--ping-interval", "0.2", "--page-size", "10"]
    with WebchatServer(data, *arguments, "--faults", ways) as server:
        commands = {
            "kill": server.kill,
            "start": server.start,
            "halt": lambda: os.kill(server.pid, signal.SIGSTOP),
            "go_on": lambda: os.kill(server.pid, signal.SIGCONT),
        }
        with Steering(**commands) as steering:
            yield server.url, steering.url


@run_in_pyodide
async def _play(selenium_player, url, steering, ways, event_source, steps):
    from player import Player

    return await Player(url, steering, ways, event_source).play(steps)


@pytest.mark.driver_timeout(90)
@pytest.mark.parametrize(("event_source", "seed"), CASES)
def test_the_promise_is_kept(selenium_player: Any, tmp_path: Path, event_source: str, seed: int) -> None:
    schedule = Schedule.of(seed)
    print(schedule)  # noqa: T201 - pytest shows these with a failure
    with serving(tmp_path, schedule.ways) as (url, steering):
        told = _play(selenium_player, url, steering, faults_of(schedule.ways), event_source, schedule.plain())
    print(told)  # noqa: T201
    judge(schedule, told, tmp_path)


# In the middle of a burst the message under way has not been carried out, or it has been and nobody was told.
BURST = [f"user {number}" for number in range(8)]
MIDDLE = {
    "not stored": "delay:seconds=0.3:on=POST /messages",
    "stored": "delay-answer:seconds=0.3:on=POST /messages,lose-signal",
}


@run_in_pyodide
async def _die_in_the_middle(selenium_player, url, steering, burst, slowly, stored):
    import asyncio

    from in_browser import Events, faults, until
    from player import command

    from webchat_py import get_client

    client = get_client("local", url, storage="local")
    events = Events(client)
    assert await client.start() == []
    await faults(url, *slowly)
    sends = [asyncio.ensure_future(client.send_message(text)) for text in burst]
    for _ in range(3):
        await events.next("message_sent")

    async def is_stored():
        return stored <= {message.text for message in await client.list_messages()}

    await until(is_stored)
    await command(steering, "kill")
    assert not any(send.done() for send in sends[4:]), "the burst was over"
    return client.user_id, client.conversation_id, [message.text for message in events.values("message_sent")]


@run_in_pyodide
async def _start_again(selenium_player, url, burst, sent):
    from in_browser import Events

    from webchat_py import get_client

    client = get_client("local", url, storage="local")
    events = Events(client)
    known = [message.id for message in await client.start()]
    while {message.text for message in events.values("message_sent")} | set(sent) < set(burst):
        await events.next("message_sent")
    await client.send_message("the last")
    await events.next("message", lambda message: message.text == "echo: the last")
    ours = client.user_id, client.conversation_id
    await client.disconnect(forget=True)
    return *ours, known, [message.id for message in events.values("message")], events.values("own_message")


@pytest.mark.parametrize("middle", MIDDLE)
def test_unsent_messages_survive_the_server_and_the_page(
    selenium_player: Any, wheel: Path, tmp_path: Path, middle: str
) -> None:
    slowly = faults_of(f"no-dedupe,{MIDDLE[middle]}")
    in_doubt = {BURST[3]} if middle == "stored" else set()
    with serving(tmp_path, "no-dedupe") as (url, steering):
        *ours, sent = _die_in_the_middle(selenium_player, url, steering, BURST, slowly, in_doubt)
        assert (BURST[3] in {message.text for message in stored(tmp_path)}) == (middle == "stored")
        assert sent == BURST[:3]
        urlopen(Request(f"{steering}/start", method="POST")).close()
        load_page(selenium_player, wheel)
        *ours_again, known, heard, elsewhere = _start_again(selenium_player, url, BURST, sent)
    messages = stored(tmp_path)
    assert ours_again == ours
    assert conversations(tmp_path) == [ours[1]]
    assert [message.text for message in messages if message.author_id == ours[0]] == [*BURST, "the last"]
    bot = [message.id for message in messages if message.author_id != ours[0]]
    assert [one for one in reversed(known) if one in bot] + heard == bot
    assert elsewhere == []
