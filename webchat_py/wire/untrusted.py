"""Reading JSON that a stranger wrote."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any

MAX_DEPTH = 256
_NO_BRACKETS = re.compile(r"[^\[\]{}]+")


def loads(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError` where it is none, or is nested deeper than `MAX_DEPTH`.

    json.loads alone would not do: its parser is recursive, and in WebAssembly a stack that overflows there ends the
    whole interpreter (seen in Pyodide 314) where CPython raises `RecursionError`.
    """
    # Nearly everything has fewer brackets than that, and counting them costs next to nothing.
    if text.count("[") + text.count("{") > MAX_DEPTH and _is_too_deep(text):
        raise ValueError(f"JSON nested deeper than {MAX_DEPTH}")
    return json.loads(text)


def _is_too_deep(text: str) -> bool:
    """Whether brackets outside of strings are nested too deeply. Linear, for a page of messages may be megabytes.

    In a text that is no JSON the depth may be too small behind the first mistake, where the parser does not come.
    """
    outside_strings = "".join(text.replace("\\\\", "").replace('\\"', "").split('"')[::2])
    brackets = _NO_BRACKETS.sub("", outside_strings)
    steps = (1 if bracket in "[{" else -1 for bracket in brackets)
    return max(accumulate(steps), default=0) > MAX_DEPTH
