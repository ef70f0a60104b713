"""Engine.IO 4 and Socket.IO 5, as far as a Messaging server speaks them: text frames over a WebSocket, no I/O.

A frame begins with Engine.IO's digit; `4`, a message, is followed by Socket.IO's. Binary frames, acknowledgements and
other namespaces are not used.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeAlias

from .calls import encode
from .payloads import Misfit
from .untrusted import loads

PATH = "/socket.io/?EIO=4&transport=websocket"
LEAVE = "41"
MAX_PACKET = 1_000_000
"""Bytes; what a server takes that does not say."""
SILENCE = 45.0
"""Seconds between two pings of a server that does not say, and as long as it waits for an answer."""
MIN_SILENCE = 1.0
"""Not to take a healthy connection for lost, whatever the server says."""
MAX_SILENCE = 600.0

_EVENT = re.compile(r"42\d*(\[.*)", re.DOTALL)


@dataclass(slots=True, frozen=True)
class Refused:
    """The server does not let one in. The text is for people."""

    message: str


@dataclass(slots=True, frozen=True)
class Told:
    """An event: its name and its first argument."""

    name: str
    value: Any


@dataclass(slots=True, frozen=True)
class Ended:
    """The server has ended it."""


Happening: TypeAlias = Refused | Told | Ended


class SocketIO:
    """The states of one connection: it is opened, joins with `auth`, and is told events.

    Attributes:
        silence: seconds for which the server may say nothing.
        max_packet: bytes of the largest frame that the server takes.
    """

    def __init__(self, auth: dict[str, Any]) -> None:
        self._auth = auth
        self._expects = "0"
        self.silence = SILENCE
        self.max_packet = MAX_PACKET

    def receive(self, frame: str) -> tuple[str | None, Happening | None]:
        """What to answer to a frame, and what it tells. Raises `Misfit` for what is none, or comes out of turn."""
        match frame[:1], frame[1:2]:
            case "0", _:
                self._turn("0", "40")
                self._read_terms(_json(frame[1:]))
                return f"40{encode(self._auth)}", None
            case "2", _:
                return f"3{frame[1:]}", None
            case "4", "0":
                self._turn("40", "42")
                return None, None
            case "4", "4":
                self._turn("40", "")
                refusal = _json(frame[2:])
                message = refusal.get("message") if isinstance(refusal, dict) else None
                return None, Refused(message if isinstance(message, str) else "it does not say why")
            case ("4", "2") if self._expects == "42" and (event := _EVENT.fullmatch(frame)):
                name, value = (*_json(event[1]), None, None)[:2]
                return None, Told(name, value) if isinstance(name, str) else None
            case ("1", _) | ("4", "1"):
                return None, Ended()
            case ("3" | "5" | "6", _) | ("4", "2" | "3" | "5" | "6"):
                return None, None
        raise Misfit("no frame of Engine.IO")

    def _turn(self, expected: str, next: str) -> None:
        if self._expects != expected:
            raise Misfit("a frame out of turn")
        self._expects = next

    def _read_terms(self, terms: Any) -> None:
        if not isinstance(terms, dict):
            raise Misfit("no terms of Engine.IO")
        silence = _milliseconds(terms.get("pingInterval")) + _milliseconds(terms.get("pingTimeout"))
        self.silence = max(MIN_SILENCE, min(MAX_SILENCE, silence / 1000)) if silence else SILENCE
        limit = terms.get("maxPayload")
        if type(limit) is int and limit > 0:
            self.max_packet = limit


def _milliseconds(value: Any) -> float:
    """A time of the wire; 0 where it is none. Bounded, since JSON's integers can be too large for a float."""
    return max(0, min(MAX_SILENCE * 1000, value)) if type(value) in (int, float) else 0


def _json(text: str) -> Any:
    try:
        return loads(text)
    except ValueError:
        raise Misfit("a frame without JSON in it") from None
