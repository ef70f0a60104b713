"""The document's types, as far as the page uses them. There is no such module at run time: for checkers only."""

from collections.abc import Awaitable, Iterable, Iterator
from typing import Any, Protocol

class Node:
    textContent: str

class NodeList:
    def __iter__(self) -> Iterator[Element]: ...

class DocumentFragment(Node):
    firstElementChild: Element
    def querySelectorAll(self, selector: str) -> NodeList: ...

class Dataset:
    entry: str
    delivery: str
    state: str
    view: str

class EventTarget:
    def addEventListener(self, name: str, listener: Any, options: Any = ...) -> None: ...
    def dispatchEvent(self, event: Event) -> bool: ...

class Style:
    def setProperty(self, name: str, value: str) -> None: ...

class Element(Node, EventTarget):
    className: str
    dataset: Dataset
    disabled: bool
    hidden: bool
    value: Any
    content: DocumentFragment
    firstElementChild: Element
    lastElementChild: Element
    childElementCount: int
    innerText: str
    scrollTop: float
    scrollHeight: float
    scrollLeft: float
    scrollWidth: float
    clientWidth: float
    clientHeight: float
    files: FileList
    returnValue: str
    id: str
    open: bool
    readOnly: bool
    style: Style
    nextElementSibling: Element
    offsetLeft: float
    parentElement: Element
    tagName: str
    title: str
    previousElementSibling: Element
    def after(self, *nodes: Node | str) -> None: ...
    def append(self, *nodes: Node | str) -> None: ...
    inert: bool
    def click(self) -> None: ...
    def before(self, *nodes: Node | str) -> None: ...
    def cloneNode(self, deep: bool) -> Element: ...
    def contains(self, other: Element) -> bool: ...
    def closest(self, selector: str) -> Element | None: ...
    def focus(self) -> None: ...
    def play(self) -> Awaitable[None]: ...
    def close(self) -> None: ...
    def decode(self) -> Awaitable[None]: ...
    def isSameNode(self, other: Element | None) -> bool: ...
    def hasAttribute(self, name: str) -> bool: ...
    def showModal(self) -> None: ...
    def getAttribute(self, name: str) -> str | None: ...
    def matches(self, selector: str) -> bool: ...
    def prepend(self, *nodes: Node | str) -> None: ...
    def querySelector(self, selector: str) -> Element: ...
    def querySelectorAll(self, selector: str) -> NodeList: ...
    def remove(self) -> None: ...
    def replaceChildren(self, *nodes: Node | str) -> None: ...
    def replaceWith(self, *nodes: Node | str) -> None: ...
    def setAttribute(self, name: str, value: str) -> None: ...

class ShadowRoot(EventTarget):
    activeElement: Element
    def getElementById(self, id: str) -> Element: ...

class Language:
    """Of web/chat/texts.js."""

    code: str
    dir: str
    def say(self, key: str, values: Any) -> str: ...
    def time(self, moment: float) -> str: ...
    def date(self, moment: float) -> str: ...
    def shortDate(self, moment: float) -> str: ...
    def percent(self, share: float) -> str: ...
    def size(self, size: int) -> str: ...

class Marked(Protocol):
    def parse(self, markdown: str, options: Any) -> str: ...

class DOMPurify(Protocol):
    def sanitize(self, html: str, options: Any) -> Element: ...

class DOMPurifyModule(Protocol):
    default: DOMPurify

class WebchatElement(Element):
    """Of web/chat/chat.js."""

    atEnd: bool
    language: Language
    libraries: Awaitable[tuple[Marked, DOMPurifyModule]]
    shadowRoot: ShadowRoot
    shown: bool
    started: bool
    wanted: bool
    def show(self) -> None: ...
    def hide(self) -> None: ...

class Event:
    target: Element
    def preventDefault(self) -> None: ...
    @classmethod
    def new(cls, name: str) -> Event: ...

class KeyboardEvent(Event):
    key: str

class File:
    name: str
    size: float
    type: str

class FileList:
    length: int
    def __iter__(self) -> Iterator[File]: ...

class DataTransfer:
    files: FileList
    types: Iterable[str]

class FileEvent(Event):
    """A DragEvent, which has the one, or a ClipboardEvent, which has the other."""

    dataTransfer: DataTransfer
    clipboardData: DataTransfer

class IntersectionObserverEntry:
    isIntersecting: bool

class SecurityPolicyViolationEvent(Event):
    blockedURI: str
    disposition: str
    effectiveDirective: str

class Document(EventTarget):
    activeElement: Element
    documentElement: Element
    hidden: bool
    title: str
    visibilityState: str
    def createElement(self, tag: str) -> Element: ...
    def getElementById(self, id: str) -> Element: ...
    def querySelector(self, selector: str) -> WebchatElement: ...
    def querySelectorAll(self, selector: str) -> Iterable[WebchatElement]: ...

class Storage:
    def getItem(self, key: str) -> str | None: ...
    def setItem(self, key: str, value: str) -> None: ...

class Console:
    def info(self, text: str) -> None: ...
    def warn(self, text: str) -> None: ...

class Location:
    origin: str
    search: str

class URLSearchParams:
    @classmethod
    def new(cls, query: str) -> URLSearchParams: ...
    def get(self, name: str) -> str | None: ...

class RegExp:
    @classmethod
    def new(cls, pattern: str, flags: str) -> RegExp: ...

class Window(EventTarget):
    def decodeURIComponent(self, text: str) -> str: ...
    Event: type[Event]
    console: Console
    localStorage: Storage
    location: Location
    RegExp: type[RegExp]
    URLSearchParams: type[URLSearchParams]
