"""Waiting that leaves no timer behind when it is over early."""

from __future__ import annotations

import asyncio
from typing import Any

from .wire.ports import CallLater


async def done_within(seconds: float, call_later: CallLater, *futures: asyncio.Future[Any]) -> bool:
    """Wait until one of the futures is done; `False` when the seconds were over first.

    Not by `asyncio.timeout`: Pyodide's event loop keeps the browser's timer, and a proxy, until it fires.
    """
    over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    cancel = call_later(seconds, lambda: None if over.done() else over.set_result(None))
    try:
        await asyncio.wait((over, *futures), return_when=asyncio.FIRST_COMPLETED)
    finally:
        cancel()
    return any(future.done() for future in futures)
