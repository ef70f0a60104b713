"""The bridge to JavaScript, as far as this project uses it."""

from collections.abc import Callable
from typing import Any

class JsException(Exception):
    name: str
    message: str

class JsProxy:
    def __getattr__(self, name: str) -> Any: ...

class JsDoubleProxy(JsProxy):
    def destroy(self) -> None: ...

jsnull: Any

def create_once_callable(obj: Callable[..., Any]) -> JsDoubleProxy: ...
def create_proxy(obj: Callable[..., Any]) -> JsDoubleProxy: ...
def to_js(obj: Any, *, depth: int = -1, dict_converter: Any = None) -> Any: ...
