"""PyScript's bridge to JavaScript, as far as the page uses it."""

from collections.abc import Callable
from typing import Any

def create_proxy(func: Callable[..., object]) -> Any: ...
def to_js(value: Any) -> Any: ...
