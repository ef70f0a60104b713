"""Thumbs below what the bot has said, and a comment with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from webchat_py import WebchatClient, WebchatError

from .nodes import button, make
from .reasons import reason
from .shell import Shell
from .state import Entry
from .view import View

if TYPE_CHECKING:
    from dom import Element, Event, KeyboardEvent

LONGEST_COMMENT = "1000"
_WAYS = {"ArrowUp": "previousElementSibling", "ArrowDown": "nextElementSibling"}


class Feedback:
    """Says what the reader thinks of a message. Pressed again, a thumb takes that back, where the mode can.

    The keyboard's way leads to the thumbs of the newest message only, else it would be long; from there the arrows lead
    to those above.
    """

    def __init__(self, shell: Shell, client: WebchatClient, view: View) -> None:
        self._shell = shell
        self._say = shell.say
        self._client = client
        self._view = view
        # Mode "messaging" takes a value only, and keeps it.
        self._is_full = client.mode == "pushpin"
        self._log = shell.find("log")
        shell.listen(self._log, "click", self._on_click)
        shell.listen(self._log, "keydown", self._on_key)

    def newest(self) -> None:
        """Lets the keyboard's way lead to what is the newest message now."""
        for thumb in self._log.querySelectorAll(".thumb[tabindex='0']"):
            thumb.setAttribute("tabindex", "-1")
        if article := _with_thumbs(self._log.lastElementChild, "previousElementSibling"):
            for thumb in article.querySelectorAll(".thumb"):
                thumb.setAttribute("tabindex", "0")

    def _on_click(self, event: Event) -> None:
        entry = self._view.entry_of(event.target)
        if entry is None or entry.message is None or entry.message.id is None:
            return
        if thumb := event.target.closest("button.thumb"):
            value: Literal["positive", "negative"] = "positive" if thumb.value == "positive" else "negative"
            self._shell.spawn(self._press(entry, entry.message.id, value))
        elif event.target.closest("button.send-comment"):
            self._shell.spawn(self._comment(entry, entry.message.id))
        elif event.target.closest("button.skip"):
            self._close_form(entry)

    def _on_key(self, event: KeyboardEvent) -> None:
        thumb = event.target.closest(".thumb")
        if thumb and event.key in _WAYS:
            event.preventDefault()
            article = thumb.closest("article")
            if article and (there := _with_thumbs(getattr(article, _WAYS[event.key]), _WAYS[event.key])):
                there.querySelector(f".thumb[value='{thumb.value}']").focus()
        if event.key == "Escape" and event.target.closest(".comment"):
            event.preventDefault()
            if entry := self._view.entry_of(event.target):
                self._close_form(entry)

    async def _press(self, entry: Entry, message_id: str, value: Literal["positive", "negative"]) -> None:
        takes_back = entry.feedback == value
        if takes_back and not self._is_full:
            return
        try:
            if takes_back:
                await self._client.remove_feedback(message_id)
            else:
                await self._client.add_feedback(message_id, value)
        except WebchatError as error:
            self._fail(error)
            return
        self._set(entry, None if takes_back else value)
        self._shell.announce(self._say("feedbackTaken" if takes_back else "thanks"))
        if self._is_full and not takes_back:
            self._open_form(entry)
        else:
            self._close_form(entry)

    async def _comment(self, entry: Entry, message_id: str) -> None:
        text = self._view.article(entry).querySelector(".comment textarea").value.strip()
        if text and (value := entry.feedback):
            try:
                await self._client.add_feedback(message_id, value, text)
            except WebchatError as error:
                self._fail(error)
                return
            self._shell.announce(self._say("thanks"))
        self._close_form(entry)

    def _fail(self, error: WebchatError) -> None:
        self._view.problem(self._say("noFeedback", reason=reason(error, self._say)))

    def _set(self, entry: Entry, value: str | None) -> None:
        if entry.message is not None:
            entry.message.feedback = {"value": value} if value else None
            self._view.update(entry)

    def _open_form(self, entry: Entry) -> None:
        article = self._view.article(entry)
        if article.querySelector(".comment"):
            return
        box = make("textarea", rows="2", maxlength=LONGEST_COMMENT, dir="auto")
        # Not a form: what a bot says could hold one, so there is none in the log.
        article.append(
            make(
                "div",
                make("label", self._say("comment"), box),
                button(self._say("sendComment"), "send-comment"),
                button(self._say("skip"), "skip"),
                class_name="comment",
            )
        )
        box.focus()

    def _close_form(self, entry: Entry) -> None:
        article = self._view.article(entry)
        form = article.querySelector(".comment")
        if not form:
            return
        had_focus = form.matches(":focus-within")
        form.remove()
        if had_focus:
            article.querySelector(".thumb").focus()


def _with_thumbs(element: Element | None, way: str) -> Element | None:
    """The first of this element and those that follow it in one direction that has thumbs to press."""
    while element and not element.querySelector(".thumb:not([hidden])"):
        element = getattr(element, way)
    return element or None
