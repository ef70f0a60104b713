"""Reading JSON that a stranger wrote."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

MAX_DEPTH = 256
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")
# A string that is not closed ends with the text: looking for its end from each quote in it would be quadratic.
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)|[\[\]{}]', re.DOTALL)


def loads(text: str) -> Any:
    """The value of a JSON text, with `None` for what is nested deeper than `MAX_DEPTH`. Raises `ValueError` for others.

    json.loads alone would not do: its parser is recursive, and in WebAssembly a stack that overflows there ends the
    whole interpreter (seen in Pyodide 314) where CPython raises `RecursionError`. And what is cut short is one message;
    to refuse it would be to refuse the page of the history that it is on, for ever.
    """
    return json.loads(_cut(text) if _is_deep(text) else text)


def _is_deep(text: str) -> bool:
    """Whether brackets outside of strings are nested deeper than that. Linear, for a page of messages may be megabytes.

    In a text that is no JSON the depth may be too small behind the first mistake, where the parser does not come.
    """
    # Nearly everything has fewer brackets than that, and counting them costs next to nothing.
    if text.count("[") + text.count("{") <= MAX_DEPTH:
        return False
    outside_strings = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    brackets = _NO_BRACKETS.sub("", outside_strings)
    steps = (1 if bracket in "[{" else -1 for bracket in brackets)
    return max(accumulate(steps), default=0) > MAX_DEPTH


def _cut(text: str) -> str:
    """The text with `null` in place of what is nested too deeply."""
    kept: list[str] = []
    depth = begin = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        if found[0] in ("[", "{"):
            depth += 1
            if depth == MAX_DEPTH + 1:
                kept += (text[begin : found.start()], "null")
                begin = len(text)
        elif found[0] in ("]", "}"):
            if depth == MAX_DEPTH + 1:
                begin = found.end()
            depth -= 1
    return "".join((*kept, text[begin:]))
