"""PyScript, as far as the page uses it."""

from typing import Any, Protocol

from dom import Document, DocumentFragment, Window

class _Marked(Protocol):
    def parse(self, markdown: str, options: Any) -> str: ...

class _DOMPurify(Protocol):
    def sanitize(self, html: str, options: Any) -> DocumentFragment: ...

class _DOMPurifyModule(Protocol):
    default: _DOMPurify

class _JsModules(Protocol):
    marked: _Marked
    dompurify: _DOMPurifyModule

document: Document
js_modules: _JsModules
window: Window
