"""Earlier messages: they come page by page when the reader scrolls up, or presses the button above the first one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING

from js import IntersectionObserver, Object
from pyodide.ffi import create_proxy, to_js

from webchat_py import Message, WebchatClient, WebchatError

from .nodes import button
from .reasons import reason
from .shell import Shell
from .view import View

if TYPE_CHECKING:
    from dom import IntersectionObserverEntry

PAGE = 50
AT_ONCE = 10
"""Messages that are drawn before the browser gets its turn: one takes a few milliseconds."""
AHEAD = "600px"
"""How far above what is seen the next page begins to come."""


class History:
    """Reads the current conversation backwards.

    `show` is given messages, newest first, and returns how many of them were not shown already.
    """

    def __init__(self, shell: Shell, client: WebchatClient, view: View, show: Callable[[list[Message]], int]) -> None:
        self._shell = shell
        self._view = view
        self._client = client
        self._show = show
        self._log = shell.find("log")
        self._more = button(shell.say("earlier"), "earlier quiet")
        self._more.hidden = True
        self._log.prepend(self._more)
        self._messages: AsyncGenerator[Message] | None = None
        self._loading: AsyncGenerator[Message] | None = None
        shell.listen(self._more, "click", lambda _event: shell.spawn(self.load()))
        options = {"root": self._log, "rootMargin": f"{AHEAD} 0px 0px 0px"}
        seen = create_proxy(self._on_intersection)
        self._observer = IntersectionObserver.new(seen, to_js(options, dict_converter=Object.fromEntries))
        self._observer.observe(self._more)
        shell.on_close(self._observer.disconnect, seen.destroy)

    @property
    def has_more(self) -> bool:
        """Whether there may be earlier messages than those that are shown."""
        return self._messages is not None

    def restart(self, has_more: bool) -> None:
        """Begins anew, at the newest message; what is shown already is passed over."""
        self._messages = self._client.history() if has_more else None
        with self._view.standing_still():
            self._more.hidden = not has_more

    async def load(self) -> None:
        """Shows one page more."""
        messages = self._messages
        if messages is None or self._loading is messages:
            return
        self._loading = messages
        try:
            await self._load_new(messages)
        except WebchatError as error:
            if messages is not self._messages:
                return  # it is no matter of the conversation that is the current one now
            # A generator that has raised is at its end. The reader may press the button, or scroll here again.
            self.restart(has_more=True)
            self._view.problem(self._shell.say("noEarlier", reason=reason(error, self._shell.say)))
            return
        finally:
            if self._loading is messages:
                self._loading = None
        # It is told of nothing while the button stays in view.
        self._observer.unobserve(self._more)
        self._observer.observe(self._more)

    async def _load_new(self, messages: AsyncGenerator[Message]) -> None:
        new = 0
        while not new and messages is self._messages:
            page = [message async for message in _first(messages, PAGE)]
            for start in range(0, len(page), AT_ONCE):
                if messages is not self._messages:  # another conversation is the current one now
                    return
                new += self._show(page[start : start + AT_ONCE])
                await asyncio.sleep(0)  # which lets the browser react to the reader
            if len(page) < PAGE and messages is self._messages:
                self.restart(has_more=False)

    def _on_intersection(self, entries: list[IntersectionObserverEntry], _observer: object) -> None:
        if any(entry.isIntersecting for entry in entries):
            self._shell.spawn(self.load())


async def _first(messages: AsyncGenerator[Message], number: int) -> AsyncGenerator[Message]:
    for _ in range(number):
        try:
            yield await anext(messages)
        except StopAsyncIteration:
            return
