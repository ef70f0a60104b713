"""One user's client, the network and the server, in virtual time; and all that the user's handlers saw."""

from __future__ import annotations

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from webchat_server.app import Settings
from webchat_server.bots import Chat
from webchat_server.faults import Ending, Faults, parse

from webchat_py.backend import Backend
from webchat_py.client import WebchatClient
from webchat_py.messaging import MessagingBackend
from webchat_py.pushpin import PushpinBackend
from webchat_py.session import Session
from webchat_py.wire.models import Connection, Message

from .clock import simulate
from .host import CLIENT_ID, Host, Stored
from .network import Exchange, Network
from .transport import SimulatedTransport

API_ROOT = f"/{CLIENT_ID}"
SETTLED = 120.0
"""Seconds after the last fault in which everything is well again: the longest pause, the idle timeout, the grace
period, and a few requests."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a world is like from its beginning to its end.

    `latency` is the most that anything takes from one end of the network to the other, in seconds, as are all times.
    `server` lists what the server does at all times, as `--faults` takes it: "no-metadata", "no-dedupe",
    "oldest-first". `seed` decides about all chances. `enter` is how the user begins: by `connect` and
    `new_conversation`; by `start`; or by coming back to what an earlier `start` has stored.
    """

    latency: float = 0.05
    server: str = "none"
    page_size: int = 50
    coarse_time: bool = False
    echo: bool = False
    native: bool = False
    late_open: bool = False
    retry_for: float = 60.0
    timeout: float = 10.0
    seed: int = 0
    enter: Literal["connect", "start", "start again"] = "connect"
    mode: Literal["pushpin", "messaging"] = "pushpin"

    @property
    def dedupes(self) -> bool:
        """Whether the server stores nothing twice under one client id. A Messaging server knows no such thing."""
        return self.keeps_metadata and "no-dedupe" not in self.server and self.mode == "pushpin"

    @property
    def keeps_metadata(self) -> bool:
        return "no-metadata" not in self.server


@dataclass(slots=True)
class Seen:
    """One event that the client told its user, and when."""

    time: float
    event: str
    value: Any


@dataclass(slots=True)
class Sending:
    """One call of `send_message` or `resend`, and how it ended."""

    text: str
    time: float
    task: asyncio.Task[Message]
    ended: float | None = None

    @property
    def error(self) -> BaseException | None:
        if not self.task.done():
            return None
        return asyncio.CancelledError() if self.task.cancelled() else self.task.exception()

    @property
    def message(self) -> Message | None:
        return None if not self.task.done() or self.error else self.task.result()


@dataclass(slots=True)
class World:
    """Everything there is, for one test."""

    terms: Terms
    host: Host
    faults: Faults
    network: Network
    transport: SimulatedTransport
    client: WebchatClient
    chance: Callable[[], float]
    """What decides about the client's pauses: from 0 to 1."""
    seen: list[Seen] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)
    has_left: bool = False
    """Whether the user has been there before, and left."""
    told: int = 0
    """Messages that the bot was asked to say."""

    def see(self, event: str, value: Any) -> None:
        """The user's handler of all events."""
        self.seen.append(Seen(now(), event, value))

    # What the user does

    async def enter(self) -> str:
        """Connect, open a conversation, and wait until the bot was told of it and the history was looked at."""
        conversation_id = await self.begin()
        await asyncio.sleep(1)
        return conversation_id

    async def begin(self) -> str:
        """Connect, and open a conversation, as the terms say."""
        if self.terms.enter != "connect":
            if self.terms.enter == "start again" and not self.has_left:
                await self.client.start()
                await self.client.disconnect()
                self.seen.clear()
                self.has_left = True
            await self.client.start()
            return self.conversation_id
        if self.client.user_id is None:
            await self.client.connect()
        return await self.client.new_conversation()

    def send(self, text: str) -> Sending:
        """Begin to send a message, and go on."""
        return self._sending(text, self.client.send_message(text))

    def resend(self, sending: Sending) -> Sending:
        """Begin to send a message again that failed."""
        failed = [seen.value for seen in self.seen if seen.event == "message_status" and seen.value.status == "failed"]
        message = next(message for message in failed if message.text == sending.text)
        return self._sending(sending.text, self.client.resend(message))

    def _sending(self, text: str, call: Awaitable[Message]) -> Sending:
        sending = Sending(text, now(), asyncio.ensure_future(call))
        self.sendings.append(sending)
        sending.task.add_done_callback(lambda _: setattr(sending, "ended", now()))
        return sending

    # What others do

    async def say(self, *texts: str) -> None:
        """Have the bot say this."""
        for text in texts:
            await self.host.say(self.conversation_id, text)

    async def say_elsewhere(self, text: str) -> None:
        """Have the same user say this in another tab."""
        await self.host.say_as(self.user_id, self.conversation_id, text)

    async def delete_conversation(self) -> None:
        await self.host.delete(self.user_id, self.conversation_id)

    # What goes wrong

    def fault(self, spec: str) -> None:
        """Add faults, as `--faults` takes them."""
        self.faults.add(*parse(spec))

    def end_streams(self, how: Ending) -> None:
        self.faults.end_streams(how)

    async def restart(self, down: float = 1.0) -> None:
        """Kill the server, and start it again after so many seconds on the same data."""
        await self.host.kill()
        await asyncio.sleep(down)
        self.host.start()

    async def be_well(self) -> None:
        """End all faults but the server's ways."""
        self.faults.set()
        self.network.refusing = False
        self.network.spoiled = 0
        self.network.speak()
        if not self.host.running:
            self.host.start()
        self.transport.online = True

    async def settle(self, seconds: float = SETTLED) -> None:
        await asyncio.sleep(seconds)

    # What came of it

    @property
    def user_id(self) -> str:
        assert self.client.user_id is not None
        return self.client.user_id

    @property
    def conversation_id(self) -> str:
        assert self.client.conversation_id is not None
        return self.client.conversation_id

    def stored(self) -> list[Stored]:
        return self.host.stored(self.conversation_id)

    def said(self) -> list[str]:
        """What the database has of the bot, in its order."""
        return [message.text for message in self.stored() if message.author_id != self.user_id]

    def sent(self) -> list[str]:
        """What the database has of the user, in its order."""
        return [message.text for message in self.stored() if message.author_id == self.user_id]

    def texts(self, event: str) -> list[str]:
        """The texts of the messages that an event told."""
        return [seen.value.text for seen in self.seen if seen.event == event]

    def values(self, event: str) -> list[Any]:
        return [seen.value for seen in self.seen if seen.event == event]

    def connections(self) -> list[str]:
        """The states of the connection, one after the other."""
        states = self.values("connection")
        assert all(isinstance(state, Connection) for state in states)
        return [state.state for state in states]

    def requests(self, method: str, end: str) -> list[Exchange]:
        """The requests of a method to paths that end so."""
        exchanges = self.network.exchanges
        return [one for one in exchanges if one.method == method and one.path.partition("?")[0].endswith(end)]


def now() -> float:
    return asyncio.get_running_loop().time()


def simulated(**terms: Any) -> Callable[[Callable[[World], Awaitable[None]]], Callable[[], None]]:
    """Make a test of a coroutine function that takes a world of these terms."""

    def decorate(test: Callable[[World], Awaitable[None]]) -> Callable[[], None]:
        def run() -> None:
            run_in_world(Terms(**terms), test)

        run.__name__, run.__doc__, run.__module__ = test.__name__, test.__doc__, test.__module__
        return run

    return decorate


def run_in_world(terms: Terms, main: Callable[[World], Awaitable[None]]) -> None:
    """Run `main` in a new world. Afterwards the client is disconnected, and must have left nothing behind."""

    async def run() -> None:
        with tempfile.TemporaryDirectory(prefix="webchat-delivery-") as folder:
            async with a_world(terms, Path(folder)) as world:
                await main(world)

    simulate(run())


@asynccontextmanager
async def a_world(terms: Terms, folder: Path) -> AsyncIterator[World]:
    chance = random.Random(terms.seed)
    faults = Faults((), chance, asyncio.get_running_loop().time)
    settings = Settings(folder, page_size=terms.page_size, faults=Faults(parse(terms.server), chance))
    host = Host(settings, _echo if terms.echo else _say_nothing, faults)
    host.coarse_time = terms.coarse_time
    network = Network(host, lambda: chance.uniform(0, terms.latency))
    transport = SimulatedTransport(network, API_ROOT, late_open=terms.late_open)
    client = _client(terms, transport, lambda: world.chance())
    world = World(terms, host, faults, network, transport, client, chance.random)
    client.on("*", world.see)
    with host.clock():
        host.start()
        try:
            yield world
            await _leave(world)
        finally:
            await host.kill()


def _client(terms: Terms, transport: SimulatedTransport, chance: Callable[[], float]) -> WebchatClient:
    backend: Backend = MessagingBackend(transport, CLIENT_ID, terms.timeout)
    if terms.mode == "pushpin":
        backend = PushpinBackend(transport, "native" if terms.native else "fetch", {}, terms.timeout)
    return WebchatClient(
        CLIENT_ID,
        "http://127.0.0.1:8000",
        terms.mode,
        backend,
        session=lambda on_error: Session(
            Memory() if terms.enter != "connect" else None, "", _Locks(), on_error, transport.call_later
        ),
        idle_timeout=45.0,
        retry_for=terms.retry_for,
        random=chance,
    )


class _Locks:
    """For one page, which nobody locks out."""

    def locked(self, name: str) -> AbstractAsyncContextManager[None]:
        return nullcontext()

    async def try_lock(self, name: str) -> Callable[[], None] | None:
        return lambda: None


class Memory:
    """A storage that lasts as long as its world."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def set(self, key: str, value: str) -> None:
        self.kept[key] = value

    async def remove(self, key: str) -> None:
        self.kept.pop(key, None)


async def _leave(world: World) -> None:
    """Disconnect, and look for what is left of the client."""
    others = asyncio.all_tasks() - {sending.task for sending in world.sendings}
    await world.client.disconnect()
    await world.be_well()
    await asyncio.sleep(2 * world.terms.latency + 0.1)
    assert all(sending.task.done() for sending in world.sendings), "a call goes on after disconnect()"
    assert not world.network.streams, "a stream is open after disconnect()"
    assert not world.transport.timers, "a timer is set after disconnect()"
    assert not world.transport.watched, "the page is watched after disconnect()"
    left = _tasks_of("webchat_py") & asyncio.all_tasks()
    assert not left, f"tasks of the client go on after disconnect(): {left}"
    del others


def _tasks_of(package: str) -> set[asyncio.Task[Any]]:
    """Tasks whose coroutine is of this package."""
    return {task for task in asyncio.all_tasks() if f"/{package}/" in _file_of(task)}


def _file_of(task: asyncio.Task[Any]) -> str:
    code = getattr(task.get_coro(), "cr_code", None)
    return "" if code is None else str(code.co_filename)


async def _say_nothing(_chat: Chat) -> None:
    pass


async def _echo(chat: Chat) -> None:
    if chat.text is not None:
        await chat.send(f"You said: {chat.text}")
