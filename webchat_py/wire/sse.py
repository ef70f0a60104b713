"""Server-sent events: bytes in, events out, by the rules of the standard.

https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from dataclasses import dataclass
from typing import NoReturn


class EventTooLarge(ValueError):
    """The server sent an event that is larger than the limit of the `SSEDecoder`."""


@dataclass(slots=True)
class ServerSentEvent:
    """One event. `type` is "message" when the server named none, `last_event_id` is "" before the first id."""

    type: str
    data: str
    last_event_id: str


class SSEDecoder:
    """Turns the bytes of one event stream, cut anywhere, into its events, in linear time.

    `retry` is the reconnection time in milliseconds that the server told last, or None. `last_event_id` is
    for the header `Last-Event-ID` of a reconnection; like a browser's, it moves only when an event ends.

    `max_event_size` is in bytes. The lines of one event count, each with one byte for its end, and so does
    the unfinished line. Finished comments do not: they may come for ever without an event ending.
    """

    retry: int | None = None
    last_event_id: str = ""

    def __init__(self, max_event_size: int = 16 * 1024 * 1024) -> None:
        self._max_event_size = max_event_size
        self._too_large = False
        self._at_start = True
        self._after_cr = False
        # Bytearrays, since a list of one-byte chunks or one-byte lines would take many times the limit.
        self._unfinished = bytearray()
        self._data = bytearray()
        self._type = ""
        self._id = ""
        self._size = 0

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Take the next bytes of the stream and return the events that they complete, oldest first.

        Raises `EventTooLarge` as soon as an event exceeds the limit, and ever after. Events that were
        completed by the same chunk are then lost.
        """
        if self._too_large:
            self._fail()
        if not chunk:
            return []
        ends_crlf = self._after_cr and chunk.startswith(b"\n")
        self._after_cr = chunk.endswith(b"\r")
        if ends_crlf:
            chunk = chunk[1:]
        end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r")) + 1
        events = self._interpret(self._take(chunk[:end])) if end else []
        if self._size + len(self._unfinished) + len(chunk) - end > self._max_event_size:
            self._fail()
        self._unfinished += chunk[end:]
        return events

    def _take(self, ending: bytes) -> list[bytes]:
        block = b"".join((self._unfinished, ending))
        self._unfinished.clear()
        if self._at_start:
            self._at_start = False
            if block.startswith(b"\xef\xbb\xbf"):
                # The byte order mark counts, or the limit would depend on where the first line was cut.
                self._size = 3
                block = block[3:]
        # Of bytes, unlike of str, this splits at CR, LF and CRLF only.
        return block.splitlines()

    def _interpret(self, lines: list[bytes]) -> list[ServerSentEvent]:
        events = []
        for line in lines:
            if not line:
                self.last_event_id = self._id
                if self._data:
                    data = self._data[:-1].decode("utf-8", "replace")
                    events.append(ServerSentEvent(self._type or "message", data, self._id))
                    self._data.clear()
                self._type = ""
                self._size = 0
                continue
            size = self._size + len(line) + 1
            if size > self._max_event_size:
                self._fail()
            name, _, value = line.partition(b":")
            if not name:
                continue  # a comment
            self._size = size
            value = value.removeprefix(b" ")
            if name == b"data":
                self._data += value
                self._data += b"\n"
            else:
                self._set(name, value)
        return events

    def _set(self, name: bytes, value: bytes) -> None:
        # Decoding piece by piece is the same as decoding all: no ASCII byte is part of another character.
        if name == b"event":
            self._type = value.decode("utf-8", "replace")
        elif name == b"id" and b"\0" not in value:
            self._id = value.decode("utf-8", "replace")
        elif name == b"retry" and value.isdigit():
            digits = value.lstrip(b"0") or b"0"
            # More would be over 30 million years, and int() refuses very long numbers.
            if len(digits) <= 18:
                self.retry = int(digits)

    def _fail(self) -> NoReturn:
        self._too_large = True
        self._unfinished.clear()
        self._data.clear()
        raise EventTooLarge(f"an event is larger than the limit of {self._max_event_size:,} bytes")
