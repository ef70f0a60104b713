"""Files on their way to the server, by `XMLHttpRequest`: fetch cannot tell how far an upload has come."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import js
from pyodide.ffi import JsException, JsProxy, to_js

from ..wire.errors import UploadError
from ..wire.files import Attachment
from .events import listen

Progress = Callable[[int, int], None]

log = logging.getLogger("webchat_py")


def attach(file: Any, name: str | None) -> Attachment:
    """Make `file` ready to be uploaded.

    Args:
        file: a JavaScript `File` or `Blob`, which is handed on without being copied; a path in Pyodide's file
            system; or bytes.
        name: of the file. Bytes and a `Blob` need one; others have one.

    Raises:
        TypeError: this is no file.
        ValueError: it has no name.
        OSError: it cannot be read.
    """
    match file:
        case JsProxy() if _is_blob(file):
            blob, own_name = file, getattr(file, "name", None)
        case bytes() | bytearray() | memoryview():
            blob, own_name = _blob(bytes(file)), None
        case str() | os.PathLike():
            with open(file, "rb") as opened:
                blob, own_name = _blob(opened.read()), os.path.basename(file)
        case _:
            raise TypeError(f"A file is a JavaScript File or Blob, a path, or bytes, not {type(file).__name__}")
    name = name or own_name
    if not name:
        raise ValueError("The file has no name. Give it one: send_file(file, name='photo.png')")
    return Attachment(name, blob.size, blob.type or _type_of(name), blob)


def _is_blob(value: Any) -> bool:
    return bool(js.Object.prototype.toString.call(value) in ("[object Blob]", "[object File]"))


def _blob(content: bytes) -> Any:
    return js.Blob.new(to_js([to_js(content)]))


def _type_of(name: str) -> str:
    from mimetypes import guess_type  # slow to import, and only needed where the file does not say

    return guess_type(name)[0] or "application/octet-stream"


async def put(url: str, attachment: Attachment, on_progress: Progress | None) -> None:
    """Upload an attachment. Cancelling stops the transfer.

    Args:
        on_progress: called with the bytes sent so far and all bytes.

    Raises:
        UploadError: it could not be stored.
    """
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    request = js.XMLHttpRequest.new()

    def end(error: UploadError | None) -> None:
        if done.done():
            return
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)

    def loaded(_event: Any) -> None:
        refused = not 200 <= request.status < 300
        end(UploadError(f"The file was refused with HTTP {request.status}", request.status) if refused else None)

    def broken(_event: Any) -> None:
        end(UploadError("The upload broke off: no connection"))

    with ExitStack() as ends:
        ends.callback(request.abort)
        ends.callback(listen(request, ("load",), loaded))
        ends.callback(listen(request, ("error",), broken))
        if on_progress is not None:
            tell = on_progress
            ends.callback(listen(request.upload, ("progress",), lambda event: tell(event.loaded, event.total)))
        try:
            request.open("PUT", url)
            request.setRequestHeader("content-type", attachment.content_type)
            request.send(attachment.body)
            await done
        except JsException as error:
            raise UploadError(f"The upload could not be started: {error.name}") from None
        finally:
            # Without the query: it may be a signature with which anybody can write.
            log.debug("PUT %s: %s", url.partition("?")[0], request.status or "no answer")
