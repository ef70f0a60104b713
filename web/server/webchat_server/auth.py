"""User keys: JSON Web Tokens (HS256) of `{"id": <user id>}`, and `exp` if they expire. To clients they are opaque."""

from __future__ import annotations

import contextlib
import math
import os
import secrets
from pathlib import Path

import jwt

from .errors import Unauthorized

_ALGORITHM = "HS256"


class UserKeys:
    """Issues and reads user keys, signed with a secret that never leaves the data folder."""

    def __init__(self, file: Path) -> None:
        """Use the secret in `file`, which is made on the first start and readable by its owner only."""
        self._file = file
        self._secret = _load(file)

    def expire(self) -> None:
        """Make every key invalid that was issued so far, also for the next start."""
        self._file.unlink()
        self._secret = _load(self._file)

    def issue(self, user_id: str, expires_at: float | None = None) -> str:
        """A key for the user. `expires_at` is in milliseconds since 1970, as the API has it."""
        # In whole seconds, as PyJWT reads it, and not before the time that was asked for
        expiry = {} if expires_at is None else {"exp": math.ceil(expires_at / 1000)}
        return jwt.encode({"id": user_id, **expiry}, self._secret, _ALGORITHM)

    def user_id(self, key: str) -> str:
        """The user that `key` was issued to. Raises `Unauthorized` for any other string."""
        try:
            user_id = jwt.decode(key, self._secret, [_ALGORITHM])["id"]
        except (jwt.InvalidTokenError, KeyError):
            raise Unauthorized("Invalid user key") from None
        if not isinstance(user_id, str):
            raise Unauthorized("Invalid user key")
        return user_id


def _load(file: Path) -> str:
    if not file.exists():
        _write_new(file, secrets.token_hex(32))
    file.chmod(0o600)
    secret = file.read_text("ascii").strip()
    if len(secret) < 32:
        raise ValueError(f"{file} holds no secret; delete it to get a new one, which makes all user keys invalid")
    return secret


def _write_new(file: Path, text: str) -> None:
    # Linked into place when complete, so that a crash leaves no half secret and the first of two processes wins
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(text)
    with contextlib.suppress(FileExistsError):
        os.link(draft, file)
    draft.unlink()
