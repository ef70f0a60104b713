"""Reading a history: newest first, whatever the server's order, and never for ever."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from webchat_py.history import newest_first
from webchat_py.wire.errors import ServerError
from webchat_py.wire.models import Message
from webchat_py.wire.payloads import Text
from webchat_py.wire.rest import Page

START = datetime(2026, 1, 1, tzinfo=UTC)


def message(number: int, second: int | None) -> Message:
    sent_on = None if second is None else START + timedelta(seconds=second)
    return Message(f"m{number}", "c", "bot", sent_on, Text(""))


class Server:
    """Gives out a list in pages, and counts those that were asked for."""

    def __init__(self, messages: list[Message], size: int) -> None:
        self._pages = [messages[start : start + size] for start in range(0, len(messages), size)] or [[]]
        self.asked = 0

    async def fetch(self, token: str | None) -> Page[Message]:
        self.asked += 1
        number = int(token or 0)
        return Page(self._pages[number], str(number + 1) if number + 1 < len(self._pages) else None)


def read(server: Server) -> list[tuple[list[str | None], bool]]:
    async def main() -> list[tuple[list[str | None], bool]]:
        return [([one.id for one in part.messages], part.has_more) async for part in newest_first(server.fetch)]

    return asyncio.run(main())


def by_number(number: int) -> int | None:
    return number


@pytest.mark.parametrize("second", [by_number, lambda _: 0, lambda _: None], ids=["times", "one time", "no times"])
def test_a_list_that_comes_newest_first_stays_as_it_is(second: Callable[[int], int | None]) -> None:
    parts = read(Server([message(number, second(number)) for number in (5, 4, 3, 2, 1)], 2))
    assert [one for ids, _ in parts for one in ids] == ["m5", "m4", "m3", "m2", "m1"]
    assert parts[-1][1] is False


def test_one_page_after_the_other_is_told_as_it_comes() -> None:
    parts = read(Server([message(number, number) for number in (5, 4, 3, 2, 1)], 2))
    assert parts == [(["m5", "m4"], True), (["m3", "m2"], True), (["m1"], False)]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_a_list_that_comes_oldest_first_is_turned_round(size: int) -> None:
    assert read(Server([message(number, number) for number in (1, 2, 3, 4, 5)], size)) == [
        (["m5", "m4", "m3", "m2", "m1"], False)
    ]


def test_a_first_page_of_one_time_does_not_decide() -> None:
    parts = read(Server([message(1, 0), message(2, 0), message(3, 7), message(4, 8)], 2))
    assert parts == [(["m4", "m3", "m2", "m1"], False)]


def test_an_empty_history() -> None:
    assert read(Server([], 2)) == [([], False)]


def test_who_has_enough_asks_for_no_more() -> None:
    server = Server([message(number, number) for number in (5, 4, 3, 2, 1)], 2)

    async def first() -> list[Message]:
        parts = newest_first(server.fetch)
        found = (await anext(parts)).messages
        await parts.aclose()
        return found

    assert [one.id for one in asyncio.run(first())] == ["m5", "m4"]
    assert server.asked == 1


def test_a_list_without_an_end_is_an_error() -> None:
    async def fetch(_token: str | None) -> Page[Message]:
        return Page([message(1, 1)], "again")

    async def main() -> None:
        async for _ in newest_first(fetch):
            pass

    with pytest.raises(ServerError, match="no end"):
        asyncio.run(main())


def test_who_wants_all_has_the_next_page_under_way_while_one_is_used() -> None:
    server = Server([message(number, number) for number in (5, 4, 3, 2, 1)], 2)

    async def main() -> list[tuple[int, list[str | None]]]:
        parts = newest_first(server.fetch, ahead=True)
        return [(server.asked, [one.id for one in part.messages]) async for part in parts]

    assert asyncio.run(main()) == [(2, ["m5", "m4"]), (3, ["m3", "m2"]), (3, ["m1"])]


def test_a_page_that_is_under_way_is_given_up_with_the_list() -> None:
    ended: list[str] = []

    async def fetch(token: str | None) -> Page[Message]:
        try:
            if token:
                await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append(token or "")
            raise
        return Page([message(2, 2), message(1, 1)], "more")

    async def main() -> None:
        parts = newest_first(fetch, ahead=True)
        await anext(parts)
        await parts.aclose()
        assert ended == ["more"]

    asyncio.run(main())


def test_a_page_that_cannot_be_fetched_ahead_fails_when_it_is_needed() -> None:
    async def fetch(token: str | None) -> Page[Message]:
        if token:
            raise ServerError("It went wrong", status=500)
        return Page([message(2, 2), message(1, 1)], "more")

    told: list[str | None] = []

    async def main() -> None:
        async for part in newest_first(fetch, ahead=True):
            await asyncio.sleep(0)
            told.extend(one.id for one in part.messages)

    with pytest.raises(ServerError, match="It went wrong"):
        asyncio.run(main())
    assert told == ["m2", "m1"]
