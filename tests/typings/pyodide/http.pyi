"""Requests, as far as this project uses them."""

from typing import Any

class FetchResponse:
    status: int
    headers: dict[str, str]
    js_response: Any

async def pyfetch(url: str, *, signal: Any = None, **options: Any) -> FetchResponse: ...
