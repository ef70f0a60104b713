"""The page and what it loads: some files of one folder, and nothing else of it."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

import anyio.to_thread
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response
from starlette.types import Receive, Scope, Send

from . import media_types
from .errors import MethodNotFound, ResourceNotFound

_FILES = {"favicon.svg", "index.html", "main.py", "pyscript.toml", "style.css"}
_FOLDERS = {"chat", "examples", "lite", "vendor"}
_WITH_INDEX = {"examples", "lite"}

_POLICY = "Content-Security-Policy"
_PYODIDE = "'self' 'wasm-unsafe-eval'"
# It evaluates a string as JavaScript at its start
_PYSCRIPT = f"{_PYODIDE} 'unsafe-eval'"
# A worker of PyScript reaches the document through memory that it shares with the page, which browsers allow so only
_ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
_PYSCRIPT_EXAMPLES: dict[str, dict[str, str]] = {
    "examples/floating.html": {},
    "examples/pyscript.html": {},
    "examples/two-chats.html": {},
    "examples/pyscript-worker.html": _ISOLATED,
}


def _policy(scripts: str, apis: Sequence[str] = (), media: Sequence[str] = ()) -> str:
    """The Content-Security-Policy of a page: its own origin only, and the origins that it may talk to or show
    pictures, sounds and films of."""
    # Where http:// is allowed, ws:// is not: each scheme has to be named
    sockets = [f"ws{origin.removeprefix('http')}" for origin in apis]
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {scripts}",
            "style-src 'self'",
            " ".join(["img-src 'self' data: blob:", *media]),
            " ".join(["media-src 'self' blob:", *media]),
            " ".join(["connect-src 'self'", *apis, *sockets]),
            "font-src 'self'",
            "worker-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )


# JupyterLite compiles its schemas with eval and sets styles as it likes, and its user's code goes where it wants. The
# few inline scripts of its pages are allowed by their hashes, so that no other script runs that gets into one.
_LITE_POLICY = [
    "default-src 'self'",
    "style-src 'self' 'unsafe-inline'",
    "img-src * data: blob:",
    "media-src * data: blob:",
    "connect-src * data: blob:",
    "font-src 'self' data:",
    "worker-src 'self' blob:",
    "base-uri 'self'",
    "form-action 'none'",
    "frame-ancestors 'none'",
]
_INLINE_SCRIPT = re.compile(rb"<script(?: type=\"module\")?>(.*?)</script>", re.DOTALL)


class StaticFiles:
    """ASGI application. `X.gz` beside a file `X` is sent in its place to those who take it.

    `apis` and `media` are the other origins that the page may talk to, and show pictures, sounds and films of.
    """

    def __init__(self, folder: Path, apis: Sequence[str] = (), media: Sequence[str] = ()) -> None:
        self._folder = folder.resolve()
        self._page_policy = _policy(_PYSCRIPT, apis, media)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        response = await anyio.to_thread.run_sync(self._respond, request)
        await response(scope, receive, send)

    def _respond(self, request: Request) -> Response:
        path = request.scope["path"]
        name = path.removeprefix("/") or "index.html"
        if _folder_of(name) in _WITH_INDEX and not self._find(name):
            if not name.endswith("/") and self._find(f"{name}/index.html"):
                return RedirectResponse(f"{path}/", 308)
            name = f"{name.removesuffix('/')}/index.html"
        found = self._find(name)
        if found is None:
            raise ResourceNotFound(f"There is nothing at {path}")
        if request.method not in ("GET", "HEAD"):
            raise MethodNotFound(f"{request.method} is not possible here", {"Allow": "GET, HEAD"})
        file, status = found
        headers = {"Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        packed = _stat(file.with_name(f"{file.name}.gz"))
        if packed and packed.st_mtime >= status.st_mtime and _accepts_gzip(request.headers):
            file, status = file.with_name(f"{file.name}.gz"), packed
            headers["Content-Encoding"] = "gzip"
        headers["ETag"] = _etag(file, status)
        headers |= self._restrictions(name, found[0])
        if _is_known(headers["ETag"], request.headers.get("if-none-match", "")):
            return Response(status_code=304, headers=headers)
        return FileResponse(file, headers=headers, media_type=media_types.guess(name), stat_result=status)

    def _restrictions(self, name: str, file: Path) -> dict[str, str]:
        """Of examples and notebooks also for what is no page: a worker has the policy of its script."""
        if name in _PYSCRIPT_EXAMPLES:
            return {_POLICY: _policy(_PYSCRIPT), **_PYSCRIPT_EXAMPLES[name]}
        match _folder_of(name):
            case "examples":
                return {_POLICY: _policy(_PYODIDE)}
            case "lite":
                return {_POLICY: _lite_policy(file)}
        return {_POLICY: self._page_policy} if name.endswith(".html") else {}

    def _find(self, name: str) -> tuple[Path, os.stat_result] | None:
        parts = name.split("/")
        if name not in _FILES and parts[0] not in _FOLDERS:
            return None
        if any(part.startswith(".") or part in ("", "__pycache__") or "\\" in part or "\0" in part for part in parts):
            return None
        file = self._folder.joinpath(*parts)
        status = _stat(file)
        if status is None or not file.resolve().is_relative_to(self._folder):
            return None
        return file, status


def _folder_of(name: str) -> str:
    return name.partition("/")[0]


def _lite_policy(file: Path) -> str:
    inline = _INLINE_SCRIPT.findall(file.read_bytes()) if file.suffix == ".html" else []
    hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'" for script in inline]
    scripts = ["script-src", "'self'", "'unsafe-eval'", "'wasm-unsafe-eval'", *hashes]
    return "; ".join([" ".join(scripts), *_LITE_POLICY])


def _stat(file: Path) -> os.stat_result | None:
    try:
        status = file.stat()
    except OSError:  # also a name that is too long
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _etag(file: Path, status: os.stat_result) -> str:
    # The name tells the packed variant from the plain one, as every variant needs a tag of its own
    key = f"{file.name} {status.st_mtime_ns} {status.st_size}"
    return f'"{hashlib.sha256(key.encode()).hexdigest()[:32]}"'


def _is_known(etag: str, if_none_match: str) -> bool:
    known = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in known or "*" in known


def _accepts_gzip(headers: Headers) -> bool:
    for entry in headers.get("accept-encoding", "").split(","):
        coding, _, weight = entry.replace(" ", "").lower().partition(";q=")
        if coding == "gzip":
            return weight.strip("0.") != "" or not weight
    return False
