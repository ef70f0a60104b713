"""The reader's conversations: a list to go to one of them, or to delete it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from js import window
from pyodide.ffi import JsException

from webchat_py import Audio, Conversation, File, Image, Markdown, Payload, Text, Video, WebchatClient, WebchatError

from .nodes import button, make
from .reasons import reason
from .shell import Shell, Words

if TYPE_CHECKING:
    from dom import Element, Event, KeyboardEvent

LONGEST = 120
"""Signs of a last message that are shown."""
REMEMBERED = 500
"""Conversations of which it is kept when the reader was there."""
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Seen:
    """When the reader last saw what is newest in each conversation, kept in the browser."""

    def __init__(self, client: WebchatClient) -> None:
        self._key = f"webchat {client.api_url} {client.client_id}#seen"
        self._times: dict[str, str] = self._load()

    def mark(self, conversation_id: str, newest: datetime) -> None:
        """All of it up to this moment has been seen."""
        self._times |= self._load()  # what other tabs know
        if newest > self.until(conversation_id):
            self._times.pop(conversation_id, None)  # so that it is the last
            self._times[conversation_id] = newest.isoformat()
            for oldest in list(self._times)[:-REMEMBERED]:
                del self._times[oldest]
            self._save()

    def until(self, conversation_id: str) -> datetime:
        try:
            return datetime.fromisoformat(self._times.get(conversation_id, ""))
        except ValueError:
            return _LONG_AGO

    def _load(self) -> dict[str, str]:
        try:
            kept = json.loads(window.localStorage.getItem(self._key) or "{}")
        except (JsException, ValueError):
            return {}
        is_fit = isinstance(kept, dict) and all(isinstance(time, str) for time in kept.values())
        return kept if is_fit else {}

    def _save(self) -> None:
        try:
            window.localStorage.setItem(self._key, json.dumps(self._times))
        except JsException:
            """A browser that keeps nothing shows more as unread."""


class Conversations:
    """The list and its button. `go_to` opens a conversation, `delete` deletes one."""

    def __init__(
        self,
        shell: Shell,
        client: WebchatClient,
        seen: Seen,
        go_to: Callable[[str], Awaitable[None]],
        delete: Callable[[str], Awaitable[None]],
    ) -> None:
        self._shell = shell
        self._say = shell.say
        self._client = client
        self._seen = seen
        self._go_to = go_to
        self._delete = delete
        self._button = shell.find("conversations")
        self._window = shell.find("window")
        self._list = shell.find("list")
        self._question = shell.find("question")
        self._asked_about = ""
        shell.listen(self._button, "click", lambda _event: self.close() if self._is_open else self._open())
        shell.listen(self._list, "click", self._on_click)
        shell.listen(self._list, "keydown", self._on_key)
        shell.listen(self._question, "close", self._on_answer)

    def enable(self) -> None:
        """There is a user who may have some."""
        self._button.disabled = False

    def close(self) -> None:
        """Shows the conversation again."""
        had_focus = self._list.matches(":focus-within")
        self._show(False)
        if had_focus:
            self._button.focus()

    @property
    def _is_open(self) -> bool:
        return not self._list.hidden

    def _open(self) -> None:
        self._show(True)
        self._fill(make("li", self._say("listLoading")))
        self._list.focus()
        self._shell.spawn(self._load())

    def _show(self, shown: bool) -> None:
        self._list.hidden = not shown
        self._window.dataset.view = "list" if shown else "log"
        self._button.setAttribute("aria-expanded", str(shown).lower())

    async def _load(self) -> None:
        try:
            conversations = await self._client.list_conversations()
        except WebchatError as error:
            self._fill(make("li", self._say("listFailed", reason=reason(error, self._say)), class_name="problem"))
            return
        conversations.sort(key=moment_of, reverse=True)
        had_focus = self._list.matches(":focus-within")
        self._fill(*map(self._row, conversations))
        if had_focus and self._is_open:
            (self._list.querySelector("[aria-current]") or self._list.querySelector("button") or self._list).focus()

    def _fill(self, *rows: Element) -> None:
        self._list.querySelector("ul").replaceChildren(*rows)

    def _row(self, conversation: Conversation) -> Element:
        title = self._title(conversation)
        is_current = conversation.id == self._client.conversation_id
        parts = [make("span", title, class_name="last", dir="auto")]
        if mark := self._say("current") if is_current else self._say("unread") if self._is_unread(conversation) else "":
            parts.append(make("span", mark, class_name="mark"))
        parts.append(make("span", self._when(conversation), class_name="when"))
        go = make("button", *parts, class_name="go", type="button", value=conversation.id)
        if is_current:
            go.setAttribute("aria-current", "true")
        delete = button(
            self._say("delete"), "delete quiet", value=conversation.id, aria_label=self._say("deleteNamed", text=title)
        )
        return make("li", go, delete)

    def _title(self, conversation: Conversation) -> str:
        last = conversation.last_message
        if last is None:
            # A server of mode "messaging" tells of no last message.
            if self._client.mode == "pushpin" or conversation.created_at is None:
                return self._say("nothingSaid")
            return self._say("begun", date=self._say.short_date(conversation.created_at))
        text = " ".join(_brief(last.payload, self._say).split()) or last.text
        text = text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
        return self._say("yours", text=text) if last.author_id == self._client.user_id else text

    def _is_unread(self, conversation: Conversation) -> bool:
        last = conversation.last_message
        if last is None or last.sent_on is None or last.author_id == self._client.user_id:
            return False
        return last.sent_on > self._seen.until(conversation.id)

    def _when(self, conversation: Conversation) -> str:
        moment = moment_of(conversation)
        if moment == _LONG_AGO:
            return ""
        is_today = moment.astimezone().date() == datetime.now().astimezone().date()
        return self._say.time(moment) if is_today else self._say.short_date(moment)

    # What the reader does

    def _on_click(self, event: Event) -> None:
        if go := event.target.closest("button.go"):
            self._shell.spawn(self._leave_for(go.value))
        elif delete := event.target.closest("button.delete"):
            self._asked_about = delete.value
            self._question.returnValue = ""  # that of the last time
            self._question.showModal()

    def _on_key(self, event: KeyboardEvent) -> None:
        if event.key == "Escape":
            event.preventDefault()
            self.close()

    async def _leave_for(self, conversation_id: str) -> None:
        self._show(False)
        self._shell.find("message").focus()
        await self._go_to(conversation_id)

    def _on_answer(self, _event: Event) -> None:
        if self._question.returnValue == "yes":
            self._shell.spawn(self._delete_and_list())

    async def _delete_and_list(self) -> None:
        await self._delete(self._asked_about)
        self._list.focus()
        await self._load()


def _brief(payload: Payload, say: Words) -> str:
    """A payload in a few words. Not its plain reading where that is an address for the most part."""
    match payload:
        case Image():
            return say("picture")
        case Audio():
            return say("sound")
        case Video():
            return say("video")
        case File(title=title):
            return title or say("fileUnnamed")
        case Text(text=text) | Markdown(markdown=text):
            return text
    return ""


def moment_of(conversation: Conversation) -> datetime:
    """When something was said in it last, as far as the server tells."""
    said = conversation.last_message.sent_on if conversation.last_message else None
    moments = (said, conversation.updated_at, conversation.created_at)
    return next((moment for moment in moments if moment is not None), _LONG_AGO)


def newest(conversations: Iterable[Conversation]) -> Conversation:
    """The one in which something was said last."""
    return max(conversations, key=moment_of)
