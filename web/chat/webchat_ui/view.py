"""The page's changing parts: the log with an article for each entry, status, typing, announcements."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from js import window

from .days import set_time, take_away
from .files import render_picked
from .nodes import make
from .payloads import Kit, mark_taken, named_data, render
from .reasons import is_over, status_words
from .shell import Shell
from .state import Delivery, Entry

if TYPE_CHECKING:
    from dom import Element

_MAX_EVENTS = 50
_ACTING = ":is(.retry, .cancel, .option, .choose, .action, .thumb, .earlier, .send-comment, .skip), select, textarea"
"""What in the log does something beyond it."""


class View:
    """What the reader sees, and the one way to change it."""

    def __init__(self, shell: Shell, kit: Kit) -> None:
        self._shell = shell
        self._say = shell.say
        self._kit = kit
        self._log = self._shell.find("log")
        self._connection = self._shell.find("connection")
        self._status = self._shell.find("status")
        self._reconnect = self._shell.find("reconnect")
        self._typing = self._shell.find("typing")
        self._box = self._shell.find("message")
        self._closed = self._shell.find("closed")
        self._articles: dict[Entry, Element] = {}
        self._entries: dict[str, Entry] = {}
        self._shown = 0

    def show(self, entry: Entry, before: Entry | None = None) -> None:
        """Shows a new entry, at the end or before another one."""
        template = self._shell.find("own-message" if entry.own else "bot-message")
        article = template.content.firstElementChild.cloneNode(True)
        self._put(article, before)
        self.adopt(entry, article)

    def adopt(self, entry: Entry, article: Element) -> None:
        """Takes an article that is in the log already as the one of this entry."""
        self._shown += 1
        key = str(self._shown)
        article.dataset.entry = key
        self._entries[key] = entry
        self._articles[entry] = article
        self.redraw(entry)

    def redraw(self, entry: Entry) -> None:
        """Shows all of an entry anew."""
        content = render_picked(entry.picked, self._say) if entry.picked else render(entry.payload, self._kit)
        self._articles[entry].querySelector(".bubble").replaceChildren(content)
        self.update(entry)

    def update(self, entry: Entry) -> None:
        """Shows what may change of an entry: time, delivery, the option that was taken, feedback."""
        article = self._articles[entry]
        if entry.arrived and entry.message is not None and entry.message.sent_on is not None:
            set_time(article, entry.message.sent_on, self._say)
        if entry.delivery is not None:
            self._show_delivery(article, entry, entry.delivery)
        elif entry.arrived:
            for thumb in article.querySelectorAll(".thumb"):
                thumb.hidden = False
                thumb.setAttribute("aria-pressed", str(thumb.value == entry.feedback).lower())
        for question, value in entry.taken.items():
            mark_taken(article, question, value)

    def set_delivery(self, entry: Entry, delivery: Delivery, problem: str = "") -> None:
        """Says how far a message of the reader's has come."""
        entry.delivery = delivery
        entry.problem = problem
        self.update(entry)

    def _show_delivery(self, article: Element, entry: Entry, delivery: Delivery) -> None:
        article.dataset.delivery = delivery.value
        words = self._say(delivery.text, reason=entry.problem, percent=self._say.percent(entry.progress))
        article.querySelector(".delivery").textContent = words
        progress = article.querySelector("progress")
        progress.hidden = delivery is not Delivery.UPLOADING
        if entry.picked:
            progress.setAttribute("aria-label", self._say("upload", name=entry.picked.name))
            progress.value = entry.progress
        may_go = delivery in (Delivery.QUEUED, Delivery.WAITING, Delivery.UPLOADING, Delivery.FAILED)
        self._set_hidden(article.querySelector(".cancel"), not (entry.picked and entry.message is None and may_go))
        self._set_hidden(article.querySelector(".retry"), delivery is not Delivery.FAILED)

    def mark_edited(self, entry: Entry) -> None:
        """Says that a message is not any more what it was."""
        meta = self._articles[entry].querySelector(".meta")
        if not meta.querySelector(".edited"):
            meta.querySelector("time").after(make("span", self._say("edited"), class_name="edited"))

    def article(self, entry: Entry) -> Element:
        return self._articles[entry]

    def place(self, entry: Entry, before: Entry | None) -> None:
        """Moves an entry, to the end or before another one."""
        self._put(self._articles[entry], before)

    def _put(self, article: Element, before: Entry | None) -> None:
        if before is None:
            self._log.append(article)
        else:
            self._articles[before].before(article)

    @contextmanager
    def standing_still(self) -> Iterator[None]:
        """Keeps in its place what the reader looks at, while something is put above it."""
        below = self._log.scrollHeight - self._log.scrollTop
        yield
        self._log.scrollTop = self._log.scrollHeight - below

    def remove(self, entry: Entry) -> None:
        article = self._articles.pop(entry)
        del self._entries[article.dataset.entry]
        take_away(article, self._say)

    def entry_of(self, element: Element) -> Entry | None:
        """The entry whose article `element` is in."""
        article = element.closest("article")
        return self._entries.get(article.dataset.entry) if article else None

    def queued(self) -> list[Element]:
        """The articles that the reader made before Python was there."""
        return list(self._log.querySelectorAll("article[data-delivery='queued']"))

    def arrived(self, entry: Entry) -> None:
        """Says that a new message is there: to a screen reader, and to `chat.js`, which counts what is out of view."""
        article = self._articles[entry]
        bubble = article.querySelector(".bubble")
        author = article.querySelector(".author").textContent
        self._shell.announce(f"{author} {bubble.innerText.strip() or _spoken(bubble)}")
        self._log.dispatchEvent(window.Event.new("arrived"))

    def notice(self, text: str) -> None:
        """Says something of the page's own between the messages."""
        self._log.append(make("p", text, class_name="notice"))
        self._shell.announce(text)

    def problem(self, text: str) -> None:
        """Says what went wrong, once for as long as it does."""
        if not any(problem.textContent == text for problem in self._log.querySelectorAll(".problem")):
            self._log.append(make("p", text, class_name="notice problem"))
            self._shell.announce(text)

    def event(self, data: object) -> None:
        """Shows what the bot says that is no message. A front end that knows the bot would do it instead."""
        text = self._say("event")
        self._log.append(make("div", named_data(text, data, self._say), class_name="notice event"))
        if len(events := list(self._log.querySelectorAll(".event"))) > _MAX_EVENTS:
            events[0].remove()
        self._shell.announce(text)

    def forget_notices(self, *kinds: str) -> None:
        """Takes away the notices of these kinds, "event" or "problem"."""
        for kind in kinds:
            for notice in self._log.querySelectorAll(f".{kind}"):
                notice.remove()

    def name_bot(self, name: str) -> None:
        """What the bot is called from now on, in what it has said as well."""
        template = self._shell.find("bot-message").content.firstElementChild
        for article in (template, *self._log.querySelectorAll("article.bot")):
            article.setAttribute("aria-label", name)
            article.querySelector(".author").textContent = self._say("says", author=name)
        self._shell.find("typist").textContent = self._say("typing", author=name)

    def close_box(self, closed: bool) -> None:
        """Takes no text while the bot wants one of the answers that it offers.

        The box is not disabled: that would throw the focus off it, and what is written there out of reach.
        """
        if closed == self._box.readOnly:
            return
        self._box.readOnly = closed
        self._closed.hidden = not closed
        if closed:
            self._shell.announce(self._closed.textContent)

    def connection(self, state: str, cause: Exception | None = None) -> None:
        word, hint = status_words(state, cause, self._say)
        self._connection.dataset.state = state
        self._status.replaceChildren(make("strong", word), f" {hint}")
        self._set_hidden(self._reconnect, state in ("connecting", "connected", "ended") or is_over(cause))

    def end(self) -> None:
        """Nothing comes or goes any more."""
        self.connection("ended")
        self.typing(False)
        self._shell.find("tray").hidden = True
        for control in self._log.querySelectorAll(_ACTING):
            control.disabled = True
        self._shell.find("composer").inert = True
        for name in ("conversations", "alerts", "new-conversation"):
            self._shell.find(name).disabled = True

    def typing(self, is_typing: bool) -> None:
        self._typing.hidden = not is_typing

    def _set_hidden(self, button: Element, hidden: bool) -> None:
        """The focus must not go with a button that goes."""
        if hidden and button.matches(":focus"):
            self._box.focus()
        button.hidden = hidden

    def scroll_to_end(self) -> None:
        self._log.scrollTop = self._log.scrollHeight


def _spoken(bubble: Element) -> str:
    """What a message without words is called."""
    image = bubble.querySelector("[alt], [aria-label]")
    return (image.getAttribute("alt") or image.getAttribute("aria-label") or "") if image else ""
