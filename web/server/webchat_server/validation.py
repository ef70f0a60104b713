"""What a request's JSON must look like. A check takes a value and its path in the body, and raises `InvalidPayload`
naming that path when the value does not fit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, NoReturn

from .errors import InvalidPayload

Check = Callable[[Any, str], None]

# Deeper than any client's data, and far from where Python's own encoder gives up
_MAX_DEPTH = 100


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; an empty body counts as `{}`."""
    try:
        value = json.loads(body.decode() or "{}", parse_constant=_not_json, parse_float=_finite)
    except RecursionError:
        _refuse("The body", f"is nested deeper than {_MAX_DEPTH} levels")
    except ValueError as error:
        raise InvalidPayload(f"The body is not JSON: {error}") from None
    object_(value, "The body")
    _check_text_and_depth(value, "", 1)
    return dict(value)


def check(body: Mapping[str, Any], required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> None:
    """Check the named fields of a request's body; others are ignored, since newer clients send more."""
    record(required, optional)(body, "")


def object_(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        _refuse(path, "must be an object")


def string(value: Any, path: str) -> None:
    if not isinstance(value, str):
        _refuse(path, "must be a string")


def text(value: Any, path: str) -> None:
    if not isinstance(value, str) or not value:
        _refuse(path, "must be a string that is not empty")


def number(value: Any, path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(path, "must be a number")


def boolean(value: Any, path: str) -> None:
    if not isinstance(value, bool):
        _refuse(path, "must be true or false")


def anything(value: Any, path: str) -> None:
    pass


def one_of(*values: str) -> Check:
    def check_one_of(value: Any, path: str) -> None:
        if value not in values:
            _refuse(path, f"must be one of {', '.join(values)}")

    return check_one_of


def date(value: Any, path: str) -> None:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        _refuse(path, "must be a date such as 2025-01-05T10:00:00Z")
    if moment.tzinfo is None:
        _refuse(path, "must be a date with a time zone, such as 2025-01-05T10:00:00Z")


def nullable(check_value: Check) -> Check:
    def check_nullable(value: Any, path: str) -> None:
        if value is not None:
            check_value(value, path)

    return check_nullable


def list_of(check_item: Check) -> Check:
    def check_list(value: Any, path: str) -> None:
        if not isinstance(value, list):
            _refuse(path, "must be a list")
        for index, item in enumerate(value):
            check_item(item, f"{path}[{index}]")

    return check_list


def map_of(check_value: Check) -> Check:
    def check_map(value: Any, path: str) -> None:
        object_(value, path)
        for name, item in value.items():
            check_value(item, _join(path, name))

    return check_map


def record(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields. Fields of other names are allowed."""

    def check_record(value: Any, path: str) -> None:
        object_(value, path)
        for name, check_value in required.items():
            if name not in value:
                _refuse(_join(path, name), "is missing")
            check_value(value[name], _join(path, name))
        for name, check_value in (optional or {}).items():
            if name in value:
                check_value(value[name], _join(path, name))

    return check_record


def _check_text_and_depth(value: Any, path: str, depth: int) -> None:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            _refuse(path, "holds half of a surrogate pair, which is no character")
    elif isinstance(value, dict | list):
        if depth > _MAX_DEPTH:
            _refuse(path, f"is nested deeper than {_MAX_DEPTH} levels")
        items = value.items() if isinstance(value, dict) else ((f"[{i}]", item) for i, item in enumerate(value))
        for name, item in items:
            inner = f"{path}{name}" if isinstance(value, list) else _join(path, name)
            _check_text_and_depth(name, "The name of a field", depth)
            _check_text_and_depth(item, inner, depth + 1)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _refuse(path: str, reason: str) -> NoReturn:
    raise InvalidPayload(f"{path} {reason}")


def _not_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON value")


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} is too large a number")
    return value
