"""The simulation's clock: what it does to time, and that it does not wait for ever."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from tests.delivery.clock import Stuck, simulate


async def seconds() -> float:
    return asyncio.get_running_loop().time()


def test_an_hour_passes_in_a_moment() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return await seconds()

    started = time.perf_counter()
    assert simulate(main()) == 3600
    assert time.perf_counter() - started < 1


def test_timers_come_in_their_order_and_at_their_time() -> None:
    order: list[tuple[str, float]] = []

    async def say(name: str, delay: float) -> None:
        await asyncio.sleep(delay)
        order.append((name, await seconds()))

    async def main() -> None:
        await asyncio.gather(say("late", 30.5), say("early", 0.001), say("soon", 0.5))

    simulate(main())
    assert order == [("early", 0.001), ("soon", 0.5), ("late", 30.5)]


def test_a_timeout_is_one_of_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(45):
                await asyncio.sleep(46)
        return await seconds()

    assert simulate(main()) == 45


def test_to_wait_for_what_cannot_come_is_an_error() -> None:
    async def main() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="no timer is set"):
        simulate(main())


def test_what_goes_on_for_ever_is_an_error() -> None:
    async def main() -> None:
        for _ in itertools.count():
            await asyncio.sleep(30)

    with pytest.raises(Stuck, match="not done after 3600 s"):
        simulate(main(), limit=3600)


def test_a_task_that_fails_unheard_fails_the_simulation() -> None:
    async def fail() -> None:
        raise ValueError("nobody hears this")

    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(1)
        del task

    with pytest.raises(AssertionError, match="nobody hears this"):
        simulate(main())
