"""Users of the API, as the tests play them: over real HTTP, with what they see asserted by the tests themselves."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

TEXT = {"type": "text", "text": "hello"}


def fetch(http: httpx.Client, method: str, url: str, **arguments: Any) -> httpx.Response:
    """An ordinary request, except that an event stream is not read: where none is expected it would never end."""
    with http.stream(method, url, **arguments) as response:
        if response.headers.get("content-type") != "text/event-stream":
            response.read()
    return response


class Person:
    """A user of the bot `client_id`, made by `POST /users`."""

    def __init__(self, http: httpx.Client, root: str, **body: Any) -> None:
        self.http = http
        self.root = root
        answer = http.post(f"{root}/users", json=body).raise_for_status().json()
        self.id: str = answer["user"]["id"]
        self.key: str = answer["key"]

    def call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        headers = {"x-user-key": self.key, **arguments.pop("headers", {})}
        return fetch(self.http, method, f"{self.root}{path}", headers=headers, **arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("GET", path, **arguments)

    def post(self, path: str, body: Any = None) -> httpx.Response:
        return self.call("POST", path, json={} if body is None else body)

    def put(self, path: str, body: Any) -> httpx.Response:
        return self.call("PUT", path, json=body)

    def delete(self, path: str) -> httpx.Response:
        return self.call("DELETE", path)

    def conversation(self) -> str:
        conversation_id: str = self.post("/conversations").raise_for_status().json()["conversation"]["id"]
        return conversation_id

    def say(self, conversation_id: str, text: str, **more: Any) -> dict[str, Any]:
        body = {"conversationId": conversation_id, "payload": {"type": "text", "text": text}, **more}
        message: dict[str, Any] = self.post("/messages", body).raise_for_status().json()["message"]
        return message

    def history(self, conversation_id: str) -> list[dict[str, Any]]:
        """All messages, newest first, over all pages."""
        messages: list[dict[str, Any]] = []
        query: dict[str, str] = {}
        while True:
            page = self.get(f"/conversations/{conversation_id}/messages", params=query).raise_for_status().json()
            messages += page["messages"]
            if "nextToken" not in page["meta"]:
                return messages
            query = page["meta"]

    @contextmanager
    def listening(self, conversation_id: str) -> Iterator[Stream]:
        with self.http.stream(
            "GET",
            f"{self.root}/conversations/{conversation_id}/listen",
            headers={"x-user-key": self.key, "accept": "text/event-stream"},
        ) as response:
            response.raise_for_status()
            yield Stream(response)

    def hear_bot(self, conversation_id: str, text: str) -> Any:
        """Say `text`; return the payload of the first message of the bot after it."""
        with self.listening(conversation_id) as stream:
            self.say(conversation_id, text)
            return stream.from_bot()["payload"]


class Stream:
    """What comes in on an open event stream. Everything that waits gives up after 10 s."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.was_cut_off = False
        self._frames: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def frame(self, seconds: float = 10) -> str | None:
        """The next frame without its blank line; None at the end of the stream."""
        return self._frames.get(timeout=max(seconds, 0))

    def signal(self) -> dict[str, Any]:
        """The next signal. Comments and pings are passed over; the end of the stream is an error."""
        deadline = time.monotonic() + 10
        while True:
            frame = self.frame(deadline - time.monotonic())
            assert frame is not None, "the stream has ended"
            event, _, data = frame.partition("\ndata: ")
            if event == "event: message" and data != "ping":
                signal: dict[str, Any] = json.loads(data)
                return signal

    def message(self) -> dict[str, Any]:
        """The next message, whoever said it."""
        while True:
            signal = self.signal()
            if signal["type"] == "message_created":
                message: dict[str, Any] = signal["data"]
                return message

    def from_bot(self) -> dict[str, Any]:
        """The next message of the bot."""
        while (message := self.message())["userId"] != "bot":
            pass
        return message

    def ends(self) -> bool:
        """Whether the stream ends, whatever comes before that."""
        deadline = time.monotonic() + 10
        while self.frame(deadline - time.monotonic()) is not None:
            pass
        return True

    def _read(self) -> None:
        buffer = ""
        try:
            for text in self.response.iter_text():
                buffer += text
                *frames, buffer = buffer.split("\n\n")
                for frame in frames:
                    self._frames.put(frame)
        except (httpx.HTTPError, httpx.StreamError):
            self.was_cut_off = True
        self._frames.put(None)


def eventually(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Whether the condition becomes true in time. For what the server does after its answer, and tells nobody."""
    deadline = time.monotonic() + seconds
    while not (reached := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return reached
