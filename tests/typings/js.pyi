"""The browser's globals, as far as this project uses them. Nothing published fits."""

from typing import Any

from dom import Document, Event, RegExp, URLSearchParams, Window
from pyodide.ffi import JsDoubleProxy

class _Function:
    def __call__(self, *args: Any) -> Any: ...
    def bind(self, this: Any, *args: Any) -> _Function: ...

class AbortSignal:
    aborted: bool
    reason: Any
    @classmethod
    def abort(cls) -> AbortSignal: ...

class AbortController:
    signal: AbortSignal
    abort: _Function
    @classmethod
    def new(cls) -> AbortController: ...

class EventSource:
    OPEN: int
    CLOSED: int
    readyState: int
    @classmethod
    def new(cls, url: str) -> EventSource: ...
    def addEventListener(self, name: str, listener: Any) -> None: ...
    def removeEventListener(self, name: str, listener: Any) -> None: ...
    def close(self) -> None: ...

class URL:
    origin: str
    @classmethod
    def new(cls, url: str) -> URL: ...
    @staticmethod
    def createObjectURL(file: Any) -> str: ...
    @staticmethod
    def revokeObjectURL(url: str) -> None: ...

class _Location:
    origin: str
    href: str
    search: str

location: _Location
document: Document
window: Window

__all__ = ["Event", "RegExp", "URLSearchParams"]

def setTimeout(callback: _Function | JsDoubleProxy, milliseconds: float) -> int: ...
def setInterval(callback: JsDoubleProxy, milliseconds: float) -> int: ...
def clearInterval(timer: int) -> None: ...
def clearTimeout(timer: int) -> None: ...
def __getattr__(name: str) -> Any: ...
