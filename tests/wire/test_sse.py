"""The event stream decoder: the standard's examples, its rules one by one, any chunking, and its limits."""

import sys
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import astuple
from itertools import repeat
from types import FrameType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire.sse_corpus import BOM, EDGE_CASES, PIECES, Interpretation, cut, interpret, one_by_one
from webchat_py.wire.sse import EventTooLarge, ServerSentEvent, SSEDecoder

STREAMS = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
PLACES = st.lists(st.integers(1, 200), max_size=12)
# The cases are small, so there may be more of them than the profile in conftest.py says.
MANY = settings(max_examples=5 * settings().max_examples)


def decode(chunks: Iterable[bytes], max_event_size: int = 16 * 1024 * 1024) -> Interpretation:
    decoder = SSEDecoder(max_event_size)
    events = [astuple(event) for chunk in chunks for event in decoder.feed(chunk)]
    return Interpretation(events, decoder.last_event_id, decoder.retry)


def events_of(*chunks: bytes) -> list[tuple[str, str, str]]:
    return decode(chunks).events


def data_of(*chunks: bytes) -> list[str]:
    return [data for _, data, _ in events_of(*chunks)]


# The examples of the standard.


def test_stock_ticker_lines_are_joined() -> None:
    decoder = SSEDecoder()
    assert decoder.feed(b"data: YHOO\ndata: +2\ndata: 10\n\n") == [
        ServerSentEvent(type="message", data="YHOO\n+2\n10", last_event_id="")
    ]


def test_four_blocks_of_which_the_first_is_a_comment_and_the_third_resets_the_id() -> None:
    stream = b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n"
    first_two = [("message", "first event", "1"), ("message", "second event", "")]
    assert events_of(stream) == first_two
    assert events_of(stream, b"\n") == [*first_two, ("message", " third event", "")]


def test_empty_data_is_an_event_and_unfinished_data_is_none() -> None:
    assert data_of(b"data\n\ndata\ndata\n\ndata:") == ["", "\n"]


def test_space_after_the_colon_is_optional() -> None:
    assert data_of(b"data:test\n\ndata: test\n\n") == ["test", "test"]


def test_named_events() -> None:
    stream = b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\nevent: add\ndata: 113411\n\n"
    assert events_of(stream) == [("add", "73857293", ""), ("remove", "2153", ""), ("add", "113411", "")]


# The rules.


def test_one_leading_bom_is_removed() -> None:
    assert data_of(BOM + b"data: 1\n\n") == ["1"]
    assert data_of(*one_by_one(BOM + b"data: 1\n\n")) == ["1"]
    assert data_of(BOM + b"\ndata: 1\n\n") == ["1"]


def test_any_other_bom_is_a_letter() -> None:
    assert data_of(BOM + BOM + b"data: 1\n\ndata: 2\n\n") == ["2"]
    assert data_of(b"data: 1\n\n", BOM + b"data: 2\n\n") == ["1"]
    assert data_of(b"data: " + BOM + b"1\n\n") == ["\ufeff1"]


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_lines_end_with_lf_cr_or_crlf(end: bytes) -> None:
    stream = end.join([b"data: 1", b"data: 2", b"", b"data: 3", b"", b""])
    assert data_of(stream) == ["1\n2", "3"]
    assert data_of(*one_by_one(stream)) == ["1\n2", "3"]


def test_cr_at_the_end_of_a_chunk_ends_the_line_at_once() -> None:
    decoder = SSEDecoder()
    assert [event.data for event in decoder.feed(b"data: 1\r\r")] == ["1"]
    assert decoder.feed(b"\ndata: 2\r") == []
    assert decoder.feed(b"") == []
    assert decoder.feed(b"\n") == []
    assert [event.data for event in decoder.feed(b"\n")] == ["2"]


def test_no_other_character_ends_a_line() -> None:
    text = "1\v2\f3\x1c4\x1d5\x1e6\x857\u20288\u20299"
    assert data_of(f"data: {text}\n\n".encode()) == [text]


def test_exactly_one_space_is_removed() -> None:
    assert data_of(b"data:  two\n\ndata: \ttab\n\ndata: end \n\n") == [" two", "\ttab", "end "]


def test_comments_and_unknown_fields_are_ignored() -> None:
    assert data_of(b":\n: 1\ndata: 2\nfoo: 3\nbar\nDATA: 4\n data: 5\ndata : 6\ndata: 7\n\n") == ["2\n7"]


def test_field_without_a_colon_has_an_empty_value() -> None:
    assert events_of(b"id: 1\nevent: a\nevent\nid\ndata\n\n") == [("message", "", "")]


def test_event_type_is_forgotten_where_there_is_no_data() -> None:
    assert events_of(b"event: a\nid: 1\n\ndata: 2\n\n") == [("message", "2", "1")]


def test_id_stays_until_it_changes() -> None:
    assert events_of(b"id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n") == [
        ("message", "a", "1"),
        ("message", "b", "1"),
        ("message", "c", ""),
    ]


def test_id_with_nul_is_ignored() -> None:
    assert events_of(b"id: 1\nid: 2\0\ndata: a\n\n") == [("message", "a", "1")]


def test_last_event_id_moves_when_an_event_ends() -> None:
    decoder = SSEDecoder()
    assert decoder.last_event_id == ""
    decoder.feed(b"id: 1\n\nid: 2\ndata: a\n")
    assert decoder.last_event_id == "1"
    decoder.feed(b"\n")
    assert decoder.last_event_id == "2"


def test_retry_is_told_at_once() -> None:
    decoder = SSEDecoder()
    assert decoder.retry is None
    decoder.feed(b"retry: 2500\n")
    assert decoder.retry == 2500
    decoder.feed(b"retry:0\n")
    assert decoder.retry == 0


@pytest.mark.parametrize("value", ["", " ", "1s", "-1", "+1", "1.5", " 1", "1 ", "1_0", "٣", "²", "\uff13", "0x1"])
def test_retry_takes_nothing_but_ascii_digits(value: str) -> None:
    assert decode([f"retry: 2500\nretry: {value}\n".encode()]).retry == 2500


def test_retry_of_any_length_is_harmless() -> None:
    assert decode([b"retry: " + b"0" * 10_000 + b"25\n"]).retry == 25
    assert decode([b"retry: " + b"9" * 18 + b"\n"]).retry == 10**18 - 1
    assert decode([b"retry: 25\nretry: 1" + b"0" * 18 + b"\n"]).retry == 25
    assert decode([b"retry: 25\nretry: " + b"9" * 1_000_000 + b"\n"]).retry == 25


def test_letters_may_be_cut_by_chunks() -> None:
    assert events_of(*one_by_one("event: é\nid: €\ndata: 𝄞\n\n".encode())) == [("é", "𝄞", "€")]


def test_what_is_no_utf_8_is_replaced() -> None:
    stream = b"event: \xff\nid: \xc3\ndata: \xf0\x9d\x84\ndata: \xed\xa0\x80\n\n"
    assert events_of(stream) == [("\ufffd", "\ufffd\n\ufffd\ufffd\ufffd", "\ufffd")]


# Any stream, cut anywhere.


@pytest.mark.parametrize("chunks", EDGE_CASES.values(), ids=EDGE_CASES)
def test_edge_case_means_what_the_standard_says(chunks: list[bytes]) -> None:
    stream = b"".join(chunks)
    meaning = interpret(stream)
    assert decode(chunks) == meaning
    assert decode([stream]) == meaning
    assert decode(one_by_one(stream)) == meaning


@MANY
@given(STREAMS, PLACES)
def test_any_stream_cut_anywhere_means_what_the_standard_says(stream: bytes, places: list[int]) -> None:
    meaning = interpret(stream)
    assert decode(cut(stream, *places)) == meaning
    assert decode(one_by_one(stream)) == meaning


@MANY
@given(st.binary(max_size=100), PLACES)
def test_any_bytes_cut_anywhere_mean_what_the_standard_says(stream: bytes, places: list[int]) -> None:
    assert decode(cut(stream, *places)) == interpret(stream)


# The limit.


def outcome(chunks: Iterable[bytes], max_event_size: int) -> Interpretation | str:
    try:
        return decode(chunks, max_event_size)
    except EventTooLarge as error:
        return str(error)


@MANY
@given(STREAMS, PLACES, st.integers(3, 30))
def test_limit_does_not_depend_on_the_chunks(stream: bytes, places: list[int], limit: int) -> None:
    whole = outcome([stream], limit)
    assert outcome(cut(stream, *places), limit) == whole
    assert outcome(one_by_one(stream), limit) == whole


def test_limit_is_the_bytes_of_one_events_lines_with_their_ends() -> None:
    event = "event: é\ndata: é\n".encode()
    assert len(decode([event + b"\n"], len(event)).events) == 1
    with pytest.raises(EventTooLarge, match=f"limit of {len(event) - 1} bytes"):
        decode([event + b"\n"], len(event) - 1)


@pytest.mark.parametrize("split", [lambda stream: [stream], one_by_one], ids=["whole", "one by one"])
def test_limit_counts_the_bom(split: Callable[[bytes], list[bytes]]) -> None:
    chunks = split(BOM + b"data: 1\n\n")
    assert len(decode(chunks, 11).events) == 1
    with pytest.raises(EventTooLarge):
        decode(chunks, 10)


def test_limit_of_16_mib_is_the_default() -> None:
    line = b"data: " + b"x" * (16 * 1024 * 1024 - 7)
    decoder = SSEDecoder()
    decoder.feed(line)
    assert [len(event.data) for event in decoder.feed(b"\n\n")] == [16 * 1024 * 1024 - 7]
    decoder.feed(line)
    with pytest.raises(EventTooLarge, match="limit of 16,777,216 bytes"):
        decoder.feed(b"xx")


def test_many_small_events_in_one_chunk_are_no_large_event() -> None:
    assert len(decode([b"data: 1\n\n" * 1000], 20).events) == 1000


def test_comments_may_go_on_for_ever() -> None:
    assert len(decode([b": ping\n" * 1000 + b"data: 1\n\n"], 20).events) == 1


@pytest.mark.parametrize("line", [b"data: 1\n", b"data\n", b"event: a\n", b"id: 1\n", b"foo\n"])
def test_many_lines_reach_the_limit_before_the_event_ends(line: bytes) -> None:
    decoder = SSEDecoder(1000)
    for _ in range(1000 // len(line)):
        assert decoder.feed(line) == []
    with pytest.raises(EventTooLarge):
        decoder.feed(line)


@pytest.mark.parametrize("start", [b"data: ", b": ", b"", BOM])
def test_unfinished_line_reaches_the_limit(start: bytes) -> None:
    decoder = SSEDecoder(1000)
    decoder.feed(start + b"x" * (1000 - len(start)))
    with pytest.raises(EventTooLarge):
        decoder.feed(b"x")


def test_decoder_is_of_no_use_after_an_event_too_large() -> None:
    decoder = SSEDecoder(10)
    for chunk in (b"data: 1234567", b"\n\n", b"data: 1\n\n", b""):
        with pytest.raises(EventTooLarge, match="limit of 10 bytes"):
            decoder.feed(chunk)


@pytest.mark.parametrize("chunk", [b"x", b"xyz", b"data\n", b"data:abc\n", b"data: \xff\n"])
def test_memory_stays_near_the_limit_whatever_is_sent(chunk: bytes) -> None:
    limit = 100_000
    tracemalloc.start()
    try:
        with pytest.raises(EventTooLarge):
            decode(repeat(chunk), limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # A bytearray reserves an eighth more than it holds; the rest is for pytest and the exception.
    assert peak < 1.25 * limit + 10_000


# Linear time.


def work(chunks: list[bytes]) -> int:
    """How many bytes a decoder handles: those its calls of C methods look at, and those it allocates.

    A count is the same on every machine, however busy, as a time is not. The bytes looked at are the lengths
    of the objects whose methods are called (`find`, `split`, `decode`); copies show as memory that a `feed`
    needs on top of what was there.
    """
    handled = 0

    def count(_frame: FrameType, event: str, function: object) -> None:
        nonlocal handled
        owner = getattr(function, "__self__", None)
        if event == "c_call" and isinstance(owner, bytes | bytearray | str):
            handled += len(owner)

    decoder = SSEDecoder()
    tracemalloc.start()
    sys.setprofile(count)
    try:
        for chunk in chunks:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            decoder.feed(chunk)
            handled += tracemalloc.get_traced_memory()[1] - before
    finally:
        sys.setprofile(None)
        tracemalloc.stop()
    return handled


SHAPES: dict[str, Callable[[int], list[bytes]]] = {
    "one line, byte by byte": lambda n: one_by_one(b"data: " + b"x" * n + b"\n\n"),
    "one line in many chunks": lambda n: [b"data: ", *[b"0123456789" * 10] * (n // 50), b"\n\n"],
    "one event of many lines, byte by byte": lambda n: one_by_one(b"data: 12\n" * (n // 9) + b"\n"),
    "one event of many lines, in one chunk": lambda n: [b"data: 12\n" * n + b"\n"],
    "many empty lines of data": lambda n: [b"data\n"] * (n // 2),
    "many events, byte by byte": lambda n: one_by_one(b"data: 12\r\n\r\n" * (n // 12)),
    "many events, in one chunk": lambda n: [b"event: a\nid: 1\ndata: 12\n\n" * n],
    "one comment, byte by byte": lambda n: one_by_one(b":" * n),
    "one retry, byte by byte": lambda n: one_by_one(b"retry:" + b"0" * n + b"\n"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_twice_the_bytes_are_twice_the_work(shape: str) -> None:
    once, twice = (work(SHAPES[shape](n)) for n in (5_000, 10_000))
    assert twice < 2.5 * once
