"""What cannot be seen from outside: that streams which have ended are forgotten."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from webchat_server.hub import EventStream, LocalHub

SCOPE = {"type": "http", "asgi": {"spec_version": "2.3"}}


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_a_reader_who_has_gone_is_forgotten(frames: int) -> None:
    """After so many frames, or before the first."""

    async def scenario() -> None:
        hub = LocalHub(60)
        stream = EventStream(hub, hub.listen("conversation", "user"), ping_interval=0.001)
        gone, sent = asyncio.Event(), list[dict[str, Any]]()

        async def receive() -> dict[str, Any]:
            if frames:
                await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            await asyncio.sleep(0)
            sent.append(message)
            if len(sent) > frames:
                gone.set()

        async with asyncio.timeout(10):
            await stream(SCOPE, receive, send)
        assert hub._listeners == {}

    asyncio.run(scenario())


def test_a_reader_who_is_far_behind_is_cut_off() -> None:
    async def scenario() -> list[str]:
        hub = LocalHub(60)
        listener = hub.listen("conversation", "user")
        for _ in range(10_001):
            hub.publish("conversation", "custom", {})
        async with asyncio.timeout(10):
            return [frame async for frame in listener.frames(60)]

    assert len(asyncio.run(scenario())) == 1
