"""Event streams to try a decoder on, and a slow second reading of the standard to compare it with."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

BOM = "\ufeff".encode()


@dataclass
class Interpretation:
    """What a whole stream means; an event is (type, data, last event id)."""

    events: list[tuple[str, str, str]]
    last_event_id: str
    retry: int | None


def interpret(stream: bytes) -> Interpretation:
    """Read a whole stream as section 9.2.6 of the HTML standard words it, on text and without any care for speed."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    # What follows the last line end is not a line yet.
    lines = re.split("\r\n|\n|\r", text)[:-1]
    result = Interpretation([], "", None)
    data_buffer = event_type_buffer = last_event_id_buffer = ""
    for line in lines:
        if line == "":
            result.last_event_id = last_event_id_buffer
            if data_buffer != "":
                event_type = event_type_buffer if event_type_buffer != "" else "message"
                result.events.append((event_type, data_buffer.removesuffix("\n"), result.last_event_id))
            data_buffer = event_type_buffer = ""
            continue
        if line.startswith(":"):
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event_type_buffer = value
        if field == "data":
            data_buffer += value + "\n"
        if field == "id" and "\0" not in value:
            last_event_id_buffer = value
        # The standard sets no bound; more than 18 digits are ignored here, on purpose.
        if field == "retry" and re.fullmatch("0*[0-9]{1,18}", value):
            result.retry = int(value[-18:])
    return result


def cut(stream: bytes, *places: int) -> list[bytes]:
    """The stream in chunks that begin at the given places, in any order."""
    ends = [0, *sorted(place for place in places if place < len(stream)), len(stream)]
    return [stream[start:end] for start, end in pairwise(ends)]


def one_by_one(stream: bytes) -> list[bytes]:
    """The stream in chunks of one byte."""
    return cut(stream, *range(1, len(stream)))


# Each is a list of chunks, as the network would hand them over.
EDGE_CASES: dict[str, list[bytes]] = {
    # The examples of the standard.
    "stock ticker": [b"data: YHOO\ndata: +2\ndata: 10\n\n"],
    "four blocks": [b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"],
    "four blocks, the last one unfinished": [
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"
    ],
    "empty data, two empty lines, unfinished": [b"data\n\ndata\ndata\n\ndata:"],
    "with and without a space": [b"data:test\n\ndata: test\n\n"],
    "named events": [b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n"],
    # Nothing to say.
    "no bytes": [],
    "one blank line": [b"\n"],
    "blank lines of every kind": [b"\n\r\r\n\n\r\n\r"],
    "only a comment": [b": nothing\n\n"],
    "an empty comment": [b":\n\n:\n\ndata: 1\n\n"],
    # Line ends.
    "CR": [b"data: 1\rdata: 2\r\rdata: 3\r\r"],
    "CRLF": [b"data: 1\r\ndata: 2\r\n\r\ndata: 3\r\n\r\n"],
    "mixed line ends": [b"data: 1\rdata: 2\ndata: 3\r\ndata: 4\n\rdata: 5\r\n\ndata: 6\r\r\ndata: 7\n\r\n"],
    "LF CR is two line ends": [b"data: 1\n\rdata: 2\n\r"],
    "a final CR ends the event": [b"data: 1\r\r"],
    "a final CR in a chunk of its own": [b"data: 1\n", b"\r"],
    "CRLF cut in two": [b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\ndata: 3\r\n", b"\r\n"],
    "CR, then LF LF": [b"data: 1\r", b"\n\n", b"data: 2\n\n"],
    "CR, then CR": [b"data: 1\r", b"\r", b"data: 2\n\n"],
    "CR, then CRLF": [b"data: 1\r", b"\r\n", b"data: 2\n\n"],
    "CR LF CR LF one by one": [b"data: 1", b"\r", b"\n", b"\r", b"\n", b"data: 2\n\n"],
    "CR LF LF one by one": [b"data: 1\r", b"\n", b"\n", b"data: 2\n", b"\n"],
    "a stream that begins with LF": [b"\ndata: 1\n\n"],
    "a stream that begins with CR, then LF": [b"\r", b"\ndata: 1\n\n"],
    "no line ends but these": ["data: 1\v2\f3\x1c4\x1d5\x1e6\x857\u20288\u20299\n\n".encode()],
    # The byte order mark.
    "BOM": [BOM + b"data: 1\n\n"],
    "BOM cut in three": [BOM[:1], BOM[1:2], BOM[2:], b"data: 1\n\n"],
    "BOM twice": [BOM + BOM + b"data: 1\n\ndata: 2\n\n"],
    "BOM before an event that is not the first": [b"data: 1\n\n", BOM + b"data: 2\n\ndata: 3\n\n"],
    "BOM after a blank line": [b"\n" + BOM + b"data: 1\n\n"],
    "BOM in a value": [b"data: " + BOM + b"1\n\n", b"data:" + BOM + b" 2\n\n"],
    "BOM before a comment": [BOM + b": hello\ndata: 1\n\n"],
    "BOM and nothing else": [BOM],
    "BOM and a blank line": [BOM + b"\ndata: 1\n\n"],
    "half a BOM": [BOM[:2] + b"data: 1\n\ndata: 2\n\n"],
    "half a BOM, then a whole one": [BOM[:2] + BOM + b"data: 1\n\ndata: 2\n\n"],
    "BOM of UTF-16": [b"\xff\xfedata: 1\n\ndata: 2\n\n"],
    # Fields.
    "colons in the value": [b"data::\n\ndata: a:b: c\n\ndata:::\n\n"],
    "exactly one space is removed": [b"data:  two\n\ndata:   three\n\ndata: \n\ndata:  \n\n"],
    "a tab is no space": [b"data:\ttab\n\ndata: \ttab\n\n"],
    "a no-break space is no space": ["data:\u00a0nbsp\n\n".encode()],
    "trailing space is kept": [b"data: 1 \n\nevent: a \ndata: 2\n\n"],
    "space before the colon": [b"data : 1\n\ndata: 2\n\n"],
    "space before the field": [b" data: 1\n\ndata: 2\n\n"],
    "fields are case-sensitive": [b"Data: 1\n\nDATA: 2\n\nEvent: a\nID: 3\ndata: 4\n\n"],
    "unknown fields": [b"foo: 1\ndata: 2\nbar\ndatax: 3\nxdata: 4\n\n"],
    "a line without a colon": [b"event\nid\ndata\nretry\n\n"],
    "a field name in the value": [b"data: event: a\n\ndata: data: b\n\n"],
    "NUL in names and values": [b"da\0ta: 1\n\ndata: 2\0\n\ndata\0: 3\n\n\0data: 4\n\nevent: a\0b\ndata: 5\n\n"],
    "comments within an event": [b"data: 1\n: data: x\n:\n:::\ndata: 2\n\n"],
    "lines of an event in any order": [b"data: 1\nid: 7\ndata: 2\nevent: a\ndata: 3\n\n"],
    # Data.
    "empty lines of data": [b"data\n\ndata:\n\ndata: \n\ndata:\ndata:\n\ndata\ndata: 1\ndata\n\n"],
    "the last line of data is missing its end": [b"data: 1\n\ndata: 2"],
    "the blank line is missing": [b"data: 1\n\ndata: 2\n"],
    "a CR that is not the blank line": [b"data: 1\n\ndata: 2\r"],
    "JSON": [b'event: message\ndata: {"type":"message_created","data":{"id":"1"}}\n\n'],
    "a long line in many chunks": cut(b"data: " + b"0123456789" * 3000 + b"\n\n", *range(0, 30_000, 700)),
    "a long event in many lines": [b"data: 0123456789\n" * 2000, b"\n"],
    # Event types.
    "type without data is forgotten": [b"event: a\n\ndata: 1\n\n"],
    "the last type counts": [b"event: a\nevent: b\ndata: 1\n\n"],
    "an empty type is message": [b"event: a\nevent:\ndata: 1\n\nevent: \ndata: 2\n\nevent\ndata: 3\n\n"],
    "types of the EventSource itself": [
        b"event: error\ndata: 1\n\nevent: open\ndata: 2\n\nevent: message\ndata: 3\n\n"
    ],
    "type with spaces, colons and letters": ["event: é: b\ndata: 1\n\nevent:  a\ndata: 2\n\n".encode()],
    "type after data": [b"data: 1\nevent: a\n\n"],
    # Ids.
    "id is kept": [b"id: 1\ndata: a\n\ndata: b\n\nid: 2\ndata: c\n\n"],
    "id without data is kept": [b"id: 1\n\ndata: a\n\n"],
    "id without data at the end": [b"id: 1\ndata: a\n\nid: 2\n\n"],
    "id is reset by an empty one": [b"id: 1\ndata: a\n\nid:\ndata: b\n\nid: 2\ndata: c\n\nid\ndata: d\n\n"],
    "the last id counts": [b"id: 1\nid: 2\ndata: a\n\n"],
    "id after data": [b"data: a\nid: 1\n\n"],
    "id with NUL is ignored": [b"id: 1\ndata: a\n\nid: 2\0\ndata: b\n\nid: \0\ndata: c\n\nid:\0003\ndata: d\n\n"],
    "id of an unfinished event": [b"id: 1\ndata: a\n\nid: 2\ndata: b\n"],
    "id in an unfinished line": [b"id: 1\ndata: a\n\nid: 2"],
    "id with a colon and other letters": ["id: a:é:𝄞\ndata: a\n\n".encode()],
    # Reconnection times: an event shows that they disturb nothing.
    "retry": [b"retry: 2500\ndata: 1\n\n"],
    "retry that is no number": [b"retry: 1s\nretry: -1\nretry: +1\nretry: 1.5\nretry:  1\nretry: 1 \ndata: 1\n\n"],
    "retry in other digits": ["retry: ٣\nretry: ²\nretry: \uff13\ndata: 1\n\n".encode()],
    "retry without a value": [b"retry: 2500\nretry\nretry:\nretry: \ndata: 1\n\n"],
    "retry with zeros": [b"retry: 0002500\ndata: 1\n\n"],
    "retry of ten thousand digits": [b"retry: 2500\nretry: " + b"9" * 10_000 + b"\ndata: 1\n\n"],
    # UTF-8.
    "letters of two, three and four bytes": ["data: é€𝄞\n\n".encode()],
    "letters cut in every place": one_by_one("event: é\ndata: é€𝄞\nid: €\n\n".encode()),
    "a letter cut short by a line end": [b"data: \xf0\x9d\x84\ndata: \xe2\x82\n\ndata: \xc3\n\n"],
    "a letter cut short by a line end and a chunk": [b"data: \xf0\x9d", b"\x84", b"\n", b"\xe2\n\ndata: 1\n\n"],
    "bytes that are no UTF-8": [b"data: \xff\xfe\x80\xc0\x80\xf8\x88\x80\x80\x80 end\n\n"],
    "surrogates and what lies beyond Unicode": [b"data: \xed\xa0\x80\xed\xb0\x80 \xf4\x90\x80\x80\n\n"],
    "overlong letters": [b"data: \xc0\xaf \xe0\x80\xaf \xf0\x80\x80\xaf\n\n"],
    "bad bytes in names": [b"data\xff: 1\n\n\xffdata: 2\n\nevent: \xff\ndata: 3\nid: \xe2\x82\n\n"],
    "bad bytes before the line end CRLF": [b"data: \xe2\x82\r", b"\n\r\n"],
    "the stream ends within a letter": [b"data: 1\n\ndata: \xe2\x82"],
}

PIECES = [
    *(b"data", b"data:", b"data: ", b"event: ", b"event:", b"id: ", b"id", b"retry: ", b"retry:", b"foo: "),
    *(b"\n", b"\r", b"\r\n", b"\n\n", b"\r\r", b"\r\n\r\n", b":", b": ", b" ", b"\t", b"\0", b"\v", b"\x1c"),
    *(BOM, BOM[:2], BOM[1:], "é".encode(), "€".encode(), "𝄞".encode(), "\u2028\x85".encode()),
    *(b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9d\x84", b"\xed\xa0\x80", b"\x84\x9e"),
    *(b"a", b"ping", b"message", b"1", b"042", b"{}"),
]
_LINE_ENDS = [b"\n", b"\n", b"\n", b"\r\n", b"\r"]


def generated(count: int, seed: int) -> Iterator[list[bytes]]:
    """Streams in awkward chunks: lines that mostly make sense, strewn with pieces that do not."""
    rng = random.Random(seed)
    for _ in range(count):
        stream = BOM if rng.random() < 0.2 else b""
        for _ in range(rng.randrange(2, 24)):
            field = rng.choice([b"data: ", b"data:", b"event: ", b"id: ", b"", rng.choice(PIECES)])
            value = b"".join(rng.choices(PIECES, k=rng.randrange(3)))
            stream += field + value + rng.choice(_LINE_ENDS) * rng.choice([1, 1, 2])
        yield cut(stream, *(rng.randrange(len(stream)) for _ in range(rng.choice([0, 1, 5, 40]))))
