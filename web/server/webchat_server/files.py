"""Uploaded files: where they lie and how they are handed out. What is in them is not to be trusted."""

from __future__ import annotations

import os
import re
import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import FileResponse

from . import media_types
from .bodies import read_chunks
from .errors import InvalidPayload

MAX_UPLOAD = 100 * 1024 * 1024

# Seconds after which nobody writes to a file any more that has not grown
_UNFINISHED = 3600

# What a browser may show in place: these can hold no script
_SHOWN = re.compile(r"image/(png|jpeg|gif|webp|avif|bmp|x-icon|vnd\.microsoft\.icon)|(audio|video)/[\w.+-]+")
# What a page of this server could run or use as style if it got hold of its address
_ACTIVE = re.compile(r"script|html|xml|css|wasm|x-shockwave", re.IGNORECASE)

_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Cache-Control": "private, max-age=3600",
}


class Files:
    """The folder that holds the content of files, each under its id."""

    def __init__(self, folder: Path, *, is_shared: bool = False) -> None:
        """`is_shared`: another process may be writing to the folder now."""
        self._folder = folder
        folder.mkdir(exist_ok=True)
        old = time.time() - (_UNFINISHED if is_shared else 0)
        for unfinished in folder.glob("*.part"):
            if unfinished.stat().st_mtime <= old:
                unfinished.unlink()

    async def write(self, request: Request, file: dict[str, Any]) -> None:
        """Store the request's body as the file's content: all of it or nothing."""
        part = anyio.Path(self._folder, f"{file['id']}.{secrets.token_hex(4)}.part")
        try:
            async with await anyio.open_file(str(part), "wb") as out:
                async for chunk in read_chunks(request, file["size"]):
                    await out.write(chunk)
                size = await out.tell()
                await out.flush()
                await anyio.to_thread.run_sync(os.fsync, out.wrapped.fileno())
            if size != file["size"]:
                raise InvalidPayload(f"size was declared as {file['size']} bytes, but {size} came")
            await part.replace(self._folder / file["id"])
        finally:
            with anyio.CancelScope(shield=True):
                await part.unlink(missing_ok=True)

    def response(self, file: dict[str, Any]) -> FileResponse:
        """The content: shown in place if it is a raster image, audio or video, else downloaded."""
        content_type = file["contentType"]
        return FileResponse(
            self._folder / file["id"],
            headers=_HEADERS,
            media_type="application/octet-stream" if _ACTIVE.search(content_type) else content_type,
            filename=base_name(file["key"]),
            content_disposition_type="inline" if _SHOWN.fullmatch(content_type) else "attachment",
        )


def declared_type(body: dict[str, Any]) -> str:
    """The file's type: as declared, or guessed from its key. Raises `InvalidPayload` if what is declared is none."""
    declared = body.get("contentType")
    if declared is None:
        return media_types.guess(body["key"])
    if not media_types.is_media_type(declared):
        raise InvalidPayload("contentType must be a media type, such as image/png")
    return str(declared)


def has_expired(file: dict[str, Any]) -> bool:
    return "expiresAt" in file and datetime.fromisoformat(file["expiresAt"]) <= datetime.now(UTC)


def check_size(value: Any, path: str) -> None:
    """Check a file's declared size: a whole number of bytes."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidPayload(f"{path} must be a whole number of bytes")


def url_path(file: dict[str, Any]) -> str:
    """Where the file is to be had, below the client's root. Its id is what makes it unguessable."""
    return f"/files/{file['id']}/{quote(base_name(file['key']), safe='')}"


def base_name(key: str) -> str:
    """The last part of a file's key, as a name that can stand at the end of a URL."""
    name = re.split(r"[/\\]", key)[-1]
    return name if name.strip(".") else "file"
