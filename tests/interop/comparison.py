"""Compares what two clients did in one scenario.

A record is `{"requests", "results", "events"}`. `normalised` takes out what differs with every run; `differences` then
finds everything that differs between two records, and `unexplained` what no row of the table allows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

Record = dict[str, Any]


class _Absent:
    """What stands where one side has nothing."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True)
class Difference:
    """`where` is such as "request POST /messages: body.metadata", "step 3 send: value" or "event message"."""

    where: str
    original: Any
    ours: Any

    def __str__(self) -> str:
        return f"{self.where}\n    original: {_shown(self.original)}\n    ours:     {_shown(self.ours)}"


@dataclass(frozen=True)
class Row:
    """A difference that is allowed, and why a user thanks us for it.

    `scenarios` and `where` are patterns, in which `*` stands for anything; the row has to occur for each of
    `scenarios`. The values are JSON, in which a regular expression stands for a text that it matches as a whole.
    Where what ours has depends on what the original has, `ours` is a function of both that says whether it fits.
    """

    scenarios: tuple[str, ...]
    where: str
    original: Any
    ours: Any
    because: str

    def allows(self, scenario: str, difference: Difference) -> bool:
        return (
            any(fnmatchcase(scenario, pattern) for pattern in self.scenarios)
            and fnmatchcase(difference.where, self.where)
            and fits(self.original, difference.original)
            and (
                self.ours(difference.original, difference.ours)
                if callable(self.ours)
                else fits(self.ours, difference.ours)
            )
        )


def fits(expected: Any, value: Any) -> bool:
    match expected:
        case re.Pattern():
            return isinstance(value, str) and bool(expected.fullmatch(value))
        case dict():
            return (
                isinstance(value, dict)
                and expected.keys() == value.keys()
                and all(fits(item, value[name]) for name, item in expected.items())
            )
        case list():
            return isinstance(value, list) and len(expected) == len(value) and all(map(fits, expected, value))
    return _same(expected, value)


def unexplained(scenario: str, found: list[Difference], rows: tuple[Row, ...]) -> list[Difference]:
    return [one for one in found if not any(row.allows(scenario, one) for row in rows)]


def unused(rows: tuple[Row, ...], found: dict[str, list[Difference]]) -> list[str]:
    """The rows that allow nothing that was `found`, by the scenarios' names."""
    return [
        f"{row.because}: {row.where} in {pattern}"
        for row in rows
        for pattern in row.scenarios
        if not any(
            row.allows(name, difference)
            for name, differences in found.items()
            if fnmatchcase(name, pattern)
            for difference in differences
        )
    ]


# What differs with every run

_VOLATILE = {
    # the order matters: an address holds an id
    "url of file": re.compile(r"<api>/[\w-]+/files/file_[0-9a-f]{26}/[^\s?\"]*"),
    "key": re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]+"),
    **{kind: re.compile(rf"\b{kind}_[0-9a-f]{{26}}\b") for kind in ("user", "conv", "msg", "event", "file")},
}
_TOLD_BY_BOTH = ("conversation", "message", "custom_event")
_RETURN_MORE = ("send", "send_file", "new_conversation", "together")
_TIME = re.compile(r"\b20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_TOKEN = re.compile(r"(?<=\?token=)[\w-]+$")
_PAGE = re.compile(r"(?<=\?nextToken=)[\w-]{11}$")
_RANDOM_PREFIX = re.compile(r"^[0-9a-f]{16}-")
_CLIENT_MESSAGE_ID = re.compile(r"[0-9a-f]{32}")


def normalised(record: Record, api_url: str, scenario: str) -> Record:
    """The record with everything that differs with every run replaced by names, numbered as they first occur.

    `scenario` is the scenario's text: times of the days in it are the same for both clients and stay.
    """
    seen: dict[str, dict[str, int]] = {kind: {} for kind in _VOLATILE}

    def rename(text: str) -> str:
        text = text.replace(api_url, "<api>")
        for kind, pattern in _VOLATILE.items():
            numbers = seen[kind]
            text = pattern.sub(lambda found: f"<{kind} {numbers.setdefault(found[0], len(numbers) + 1)}>", text)  # noqa: B023
        text = _TIME.sub(lambda found: found[0] if found[0][:10] in scenario else "<time>", text)
        return _PAGE.sub("<page>", _TOKEN.sub("<token>", text))

    def walk(value: Any) -> Any:
        match value:
            case str():
                return rename(value)
            case list():
                return [walk(item) for item in value]
            case dict():
                return {name: _random(name, walk(item)) for name, item in value.items()}
        return value

    ordered = {part: _ordered(record, part) for part in ("requests", "events", "results")}
    # What only ours tells is numbered last, so that everything else has the same numbers on both sides
    walk(ordered["requests"])
    walk([event for event in ordered["events"] if event["event"] in _TOLD_BY_BOTH])
    walk([result for result in ordered["results"] if result["do"] not in _RETURN_MORE])
    return {part: walk(items) for part, items in ordered.items()}


def _random(name: str, value: Any) -> Any:
    match name, value:
        case "clientMessageId" | "clientId", str():
            return _CLIENT_MESSAGE_ID.sub("<client message id>", value)
        case "key", str():
            return _RANDOM_PREFIX.sub("<random>-", value)
        case "block", dict():
            return _regrouped(value)
    return value


def _regrouped(block: Any) -> Any:
    """A block tree whose groups of buttons are numbered anew."""
    text = json.dumps(block)
    groups = list(dict.fromkeys(re.findall(r'"groupId": "([^"]*)"', text)))
    for number, group in enumerate(groups, 1):
        text = text.replace(f'"groupId": "{group}"', f'"groupId": "<group {number}>"')
    return json.loads(text)


def _ordered(record: Record, part: str) -> list[Any]:
    """A part of the record, sorted where its order is left open."""
    items = list(record[part])
    if identify := {"requests": _request, "events": _event}.get(part):
        for span in record["unordered"]:
            begin, end = span[part]
            items[begin:end] = sorted(items[begin:end], key=identify)
    return items


# What differs at all


def differences(original: Record, ours: Record) -> list[Difference]:
    """Everything that differs between two normalised records."""
    return [
        *_in_sequence("request", original["requests"], ours["requests"], _request),
        *_in_results(original["results"], ours["results"]),
        *_in_sequence("event", original["events"], ours["events"], _event),
    ]


def _request(request: dict[str, Any]) -> tuple[str, str]:
    """The name of a request, and what has to be the same in another one to be taken for its counterpart."""
    match request["body"]:
        case {"payload": {"text": str(text)}}:
            return f"{request['method']} {request['path']}", text
    return f"{request['method']} {request['path']}", ""


def _event(event: dict[str, Any]) -> tuple[str, str]:
    alike = event["event"] in ("message", "error")
    return event["event"], "" if alike else json.dumps(event["value"], sort_keys=True)


def _in_sequence(
    what: str, original: list[Any], ours: list[Any], identify: Callable[[Any], tuple[str, str]]
) -> Iterator[Difference]:
    def label(item: Any) -> str:
        return identify(item)[0]

    for one, other in _aligned(original, ours, identify):
        if one is ABSENT or other is ABSENT:
            yield Difference(f"{what} {label(other if one is ABSENT else one)}", one, other)
        else:
            yield from _in_value(f"{what} {label(one)}: ", one, other)


def _aligned(one: list[Any], other: list[Any], identify: Callable[[Any], tuple[str, str]]) -> list[tuple[Any, Any]]:
    """The items of both sides in order, counterparts side by side, as many of them as there can be.

    difflib would not do: it may tear counterparts apart where one side has more items in between.
    """
    names, other_names = list(map(identify, one)), list(map(identify, other))
    # How many counterparts there are from the i-th and j-th item on
    most = [[0] * (len(other) + 1) for _ in range(len(one) + 1)]
    for i in reversed(range(len(one))):
        for j in reversed(range(len(other))):
            same = names[i] == other_names[j]
            most[i][j] = most[i + 1][j + 1] + 1 if same else max(most[i + 1][j], most[i][j + 1])
    aligned: list[tuple[Any, Any]] = []
    i = j = 0
    while i < len(one) and j < len(other):
        if names[i] == other_names[j]:
            aligned.append((one[i], other[j]))
            i, j = i + 1, j + 1
        elif most[i + 1][j] >= most[i][j + 1]:
            aligned.append((one[i], ABSENT))
            i += 1
        else:
            aligned.append((ABSENT, other[j]))
            j += 1
    return [*aligned, *((item, ABSENT) for item in one[i:]), *((ABSENT, item) for item in other[j:])]


def _in_results(original: list[Any], ours: list[Any]) -> Iterator[Difference]:
    for number, (one, other) in enumerate(zip(original, ours, strict=True), 1):
        yield from _in_outcome(f"step {number} {one['do']}: ", one, other)


def _in_outcome(where: str, one: dict[str, Any], other: dict[str, Any]) -> Iterator[Difference]:
    """An outcome is a value or an error; where the sides differ in that, it is one difference."""
    kinds = ["error" if "error" in outcome else "value" for outcome in (one, other)]
    if kinds[0] != kinds[1]:
        outcomes = [{kind: outcome[kind]} for kind, outcome in zip(kinds, (one, other), strict=True)]
        yield Difference(f"{where}outcome", *outcomes)
        one, other = ({**outcome, "value": None, "error": None} for outcome in (one, other))
    elif one["do"] == "together":
        for inner, other_inner in zip(one["value"], other["value"], strict=True):
            yield from _in_outcome(f"{where}{inner['do']}: ", inner, other_inner)
        one, other = ({**outcome, "value": None} for outcome in (one, other))
    yield from _in_value(where, one, other)


def _in_value(where: str, one: Any, other: Any) -> Iterator[Difference]:
    match one, other:
        case dict(), dict():
            for name in one | other:
                yield from _in_value(_join(where, name), one.get(name, ABSENT), other.get(name, ABSENT))
        case list(), list() if len(one) == len(other):
            for index, (item, other_item) in enumerate(zip(one, other, strict=True)):
                yield from _in_value(_join(where, str(index)), item, other_item)
        case _ if not _same(one, other):
            yield Difference(where.removesuffix(": "), one, other)


def _join(where: str, name: str) -> str:
    return f"{where}{name}" if where.endswith(": ") else f"{where}.{name}"


def _same(one: Any, other: Any) -> bool:
    """Equality in which `True` is not 1, but 1.0 is, as in JavaScript."""
    return bool(one == other and isinstance(one, bool) == isinstance(other, bool))


def _shown(value: Any) -> str:
    return repr(value) if value is ABSENT else json.dumps(value, ensure_ascii=False)
