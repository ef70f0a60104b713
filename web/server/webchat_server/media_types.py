"""File names and their media types, the same on every machine (the system's own tables differ)."""

from __future__ import annotations

import mimetypes
import re

_TYPES = mimetypes.MimeTypes()
for _suffix, _type in {
    ".avif": "image/avif",
    ".ipynb": "application/x-ipynb+json",
    ".js": "text/javascript",
    ".m4a": "audio/mp4",
    ".md": "text/markdown",
    ".mjs": "text/javascript",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".py": "text/x-python",
    ".toml": "application/toml",
    ".wasm": "application/wasm",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".whl": "application/zip",
    ".woff2": "font/woff2",
}.items():
    _TYPES.add_type(_type, _suffix)

_MEDIA_TYPE = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;\s*[\w-]+=[\w.+-]+)*", re.ASCII)


def guess(name: str) -> str:
    """The type that the suffix of `name` says, else `application/octet-stream`."""
    guessed, encoding = _TYPES.guess_type(name)
    return "application/octet-stream" if guessed is None or encoding else guessed


def is_media_type(text: str) -> bool:
    """Whether `text` is a media type such as `text/plain; charset=utf-8`."""
    return _MEDIA_TYPE.fullmatch(text) is not None
