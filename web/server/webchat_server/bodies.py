"""Reading a request's body, up to a limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from . import validation
from .errors import PayloadTooLarge

_MAX_JSON = 1024 * 1024


async def read_json(request: Request) -> dict[str, Any]:
    """The JSON object that the body holds. Raises `InvalidPayload`, and `PayloadTooLarge` above 1 MiB."""
    body = bytearray()
    async for chunk in read_chunks(request, _MAX_JSON):
        body += chunk
    return validation.parse(bytes(body))


async def read_chunks(request: Request, limit: int) -> AsyncIterator[bytes]:
    """The body, piece by piece. Raises `PayloadTooLarge` as soon as it is known to be above `limit` bytes."""
    _check_size(int(request.headers.get("content-length", 0)), limit)
    total = 0
    async for chunk in request.stream():
        total += len(chunk)
        _check_size(total, limit)
        yield chunk


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise PayloadTooLarge(f"The body is larger than {limit} bytes")
