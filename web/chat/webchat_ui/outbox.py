"""What the reader sends: given to the client, one after the other, and told how far it has come."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace

from webchat_py import Message, WebchatClient, WebchatError

from .files import Picked
from .reasons import is_over, reason
from .shell import Shell
from .state import QUESTION, REPLY_TO, UPLOAD, Delivery, Entry, Transcript
from .view import View


class Outbox:
    """Sends what waits in a transcript."""

    def __init__(self, shell: Shell, client: WebchatClient, view: View, transcript: Transcript) -> None:
        self._shell = shell
        self._say = shell.say
        self._client = client
        self._view = view
        self._transcript = transcript
        self._over: set[str] = set()
        self._uploads: dict[Entry, asyncio.Task[None]] = {}
        self._uploading = asyncio.Lock()
        shell.on_close(self._release)

    def _release(self) -> None:
        for entry in self._transcript.entries:
            if entry.picked is not None:
                entry.picked.release()
            if entry.picked is not None and entry.message is None:
                self._view.set_delivery(entry, Delivery.FAILED, self._say("ended"))

    def leave(self) -> None:
        """Another conversation is about to be opened. Files that wait are for this one, and for no other."""
        for entry in self._uploads:
            if entry.delivery is Delivery.WAITING:
                entry.conversation_id = None

    def note_over(self, conversation_id: str) -> None:
        """The server has no such conversation any more: what failed there goes to another one when tried again."""
        self._over.add(conversation_id)

    def send_queued(self) -> None:
        """Gives the client what it does not have yet."""
        for entry in self._transcript.queued():
            self._give(entry)

    def try_again(self, entry: Entry) -> None:
        message = entry.message
        if message is None or message.author_id != self._client.user_id:
            entry.message = None
            self._give(entry)
            return
        if message.conversation_id in self._over:
            # The reader has seen that it is over, and wants it in the one that is there now.
            message = replace(message, conversation_id="")
        self._view.set_delivery(entry, Delivery.WAITING)
        self._shell.spawn(self._resend(entry, message))

    def cancel(self, entry: Entry) -> None:
        """Takes away a file that the server does not have."""
        if entry.picked is None or entry.message is not None:
            return  # it is stored already, and its message under way
        if upload := self._uploads.pop(entry, None):
            upload.cancel()
        self._transcript.remove(entry)
        self._view.remove(entry)
        entry.picked.release()
        self._shell.announce(self._say("cancelled", name=entry.picked.name))
        self._shell.find("message").focus()

    @property
    def would_lose(self) -> bool:
        """Whether something would be lost with the page: what the client does not have, which keeps messages."""
        return any(entry.own and entry.message is None for entry in self._transcript.entries)

    def _give(self, entry: Entry) -> None:
        entry.conversation_id = self._transcript.conversation_id
        self._view.set_delivery(entry, Delivery.WAITING)
        if entry.picked is None:
            self._shell.spawn(self._send(entry))
        else:
            self._uploads[entry] = self._shell.spawn(self._send_file(entry, entry.picked))

    async def _send(self, entry: Entry) -> None:
        metadata: dict[str, str | int] = {} if entry.question is None else {QUESTION: entry.question}
        reply_to = entry.reply_to
        if self._client.mode == "messaging" and reply_to is not None:
            metadata, reply_to = {**metadata, REPLY_TO: reply_to}, None
        try:
            await self._client.send_message(entry.payload, metadata or None, reply_to)
        except WebchatError as error:
            self._fail(entry, error)

    async def _send_file(self, entry: Entry, picked: Picked) -> None:
        def show(sent: int, total: int) -> None:
            entry.progress = sent / max(total, 1)
            self._view.set_delivery(entry, Delivery.UPLOADING)

        try:
            async with self._uploading:  # one after the other, so that they arrive in this order
                if entry.conversation_id != self._transcript.conversation_id:
                    # It is for the conversation in which it was sent, and for no other unless the reader says so.
                    self._view.set_delivery(entry, Delivery.FAILED, self._say("leftMeanwhile"))
                    return
                show(0, picked.size)
                entry.upload = os.urandom(8).hex()
                await self._client.send_file(picked.file, on_progress=show, metadata={UPLOAD: entry.upload})
            self._shell.announce(self._say("fileSent", name=picked.name))
        except WebchatError as error:
            self._fail(entry, error)
        finally:
            self._uploads.pop(entry, None)

    async def _resend(self, entry: Entry, message: Message) -> None:
        try:
            await self._client.resend(message)
        except WebchatError as error:
            self._fail(entry, error)

    def _fail(self, entry: Entry, error: WebchatError) -> None:
        if is_over(error) and entry.message is not None:
            self.note_over(entry.message.conversation_id)
        self._view.set_delivery(entry, Delivery.FAILED, reason(error, self._say))
        self._shell.announce(self._say("failed", reason=entry.problem))
