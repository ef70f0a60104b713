"""What may happen to a chat: steps in time, made by hypothesis, and played in a world."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from webchat_server.faults import Ending

from webchat_py.wire.errors import StreamRefused, WebchatError

from .host import Stored
from .world import Sending, Terms, World, now

ENTERING = 300.0
"""Seconds within which a user who tries again and again has connected and opened a conversation."""
SAME = "the same"
"""A text that several messages have."""


@dataclass(frozen=True, slots=True)
class Say:
    """The bot says something, `count` times."""

    count: int = 1
    every: float = 0.0


@dataclass(frozen=True, slots=True)
class Send:
    """The user sends a message; of `SAME` text, or of one that no other has."""

    same: bool = False


@dataclass(frozen=True, slots=True)
class SayElsewhere:
    """The user says something in another tab."""

    same: bool = False


@dataclass(frozen=True, slots=True)
class SendEvent:
    """The user's page sends an event."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The user cancels the newest message that is on its way."""


@dataclass(frozen=True, slots=True)
class Break:
    """A fault of the server begins (`--faults`)."""

    spec: str


@dataclass(frozen=True, slots=True)
class EndStreams:
    """The server ends the open streams, or stalls them for good."""

    how: Ending | Literal["stall"]


@dataclass(frozen=True, slots=True)
class Cut:
    """The network resets all connections."""


@dataclass(frozen=True, slots=True)
class Refuse:
    """The network refuses all connections for a while; `told` says whether the browser knows."""

    seconds: float
    told: bool = False


@dataclass(frozen=True, slots=True)
class Silence:
    """Nothing gets through for a while, and nobody is told."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Spoil:
    """A gateway answers 502 to so many requests to do something, each of which is done all the same."""

    times: int


@dataclass(frozen=True, slots=True)
class Restart:
    """The server is killed, and started again after a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Wake:
    """Something happens to the page."""

    what: Literal["visible", "restored", "slept"]


@dataclass(frozen=True, slots=True)
class Expire:
    """The server forgets all keys."""


@dataclass(frozen=True, slots=True)
class Delete:
    """The conversation is deleted in another tab."""


Action: TypeAlias = (
    Say
    | Send
    | SayElsewhere
    | SendEvent
    | GiveUp
    | Break
    | EndStreams
    | Cut
    | Refuse
    | Silence
    | Spoil
    | Restart
    | Wake
    | Expire
    | Delete
)


@dataclass(frozen=True, slots=True)
class Schedule:
    """`steps` are pairs: the seconds since the step before, and what happens then. `entry` goes wrong while the user
    connects and opens the conversation."""

    terms: Terms
    steps: tuple[tuple[float, Action], ...]
    entry: str = "none"

    def has(self, *kinds: type) -> bool:
        return any(isinstance(action, kinds) for _, action in self.steps)

    def breaks(self, *kinds: str) -> bool:
        """Whether the server has a fault of these kinds at any time."""
        return any(isinstance(action, Break) and action.spec.startswith(kinds) for _, action in self.steps)


@dataclass(slots=True)
class Outcome:
    """What a schedule came to. Ids are those that the client told; `None` where there was none."""

    world: World
    user_id: str
    conversation_id: str
    ids: set[tuple[str | None, str | None]] = field(default_factory=set)
    elsewhere: list[str] = field(default_factory=list)
    events: list[asyncio.Task[None]] = field(default_factory=list)
    resent: list[Sending] = field(default_factory=list)
    deleted: list[Stored] | None = None
    well_at: float = 0.0
    pending_at_end: int = 0


async def play(world: World, schedule: Schedule) -> Outcome:
    """Let it all happen, make everything well again, wait until it has settled; resend what failed, and wait again."""
    await _enter(world, schedule.entry)
    outcome = Outcome(world, world.user_id, world.conversation_id)
    background: list[asyncio.Task[None]] = []
    for wait, action in schedule.steps:
        await asyncio.sleep(wait)
        outcome.ids.add((world.client.user_id, world.client.conversation_id))
        background.append(asyncio.create_task(_do(world, action, outcome)))
    await asyncio.gather(*background)
    await world.be_well()
    outcome.well_at = now()
    await world.settle()
    if schedule.breaks("lose-signal"):
        # on a stream that stays healthy nobody can know of a lost signal; the next recovery finds it
        world.end_streams("clean")
        await world.settle()
    outcome.pending_at_end = sum(not sending.task.done() for sending in world.sendings)
    if schedule.has(Expire) or (schedule.terms.mode == "messaging" and outcome.deleted is not None):
        # A Messaging server tells nobody of it who does not ask.
        world.send("after the end")
    if not schedule.has(Expire, Delete):
        failed = [sending for sending in world.sendings if isinstance(sending.error, WebchatError)]
        outcome.resent = [world.resend(sending) for sending in failed if sending.text != SAME]
    await world.settle()
    outcome.ids.add((world.client.user_id, world.client.conversation_id))
    return outcome


async def _enter(world: World, faults: str) -> None:
    world.fault(faults)
    failure: WebchatError | None = None
    async with asyncio.timeout(ENTERING):
        while world.client.conversation_id is None:
            try:
                await world.begin()
            except WebchatError as error:
                failure = error
                await asyncio.sleep(1)
    # Why EventSource was refused is not known, so whether another attempt is of use is the user's guess.
    assert failure is None or failure.retryable or isinstance(failure, StreamRefused), f"not retryable: {failure!r}"


async def _do(world: World, action: Action, outcome: Outcome) -> None:
    match action:
        case Say(count, every):
            for _ in range(count):
                await _say(world, outcome)
                await asyncio.sleep(every)
        case Send(same):
            world.send(SAME if same else f"user {len(world.sendings)}")
        case SayElsewhere(same):
            await _say_elsewhere(world, outcome, same)
        case SendEvent():
            number = len(outcome.events)
            event = asyncio.create_task(world.client.send_event({"number": number}))
            event.add_done_callback(lambda task: task.cancelled() or task.exception())  # the oracle looks at it
            outcome.events.append(event)
        case GiveUp():
            _give_up(world)
        case Break(spec):
            world.fault(spec)
        case EndStreams(how):
            if how == "stall":
                world.faults.stall_streams()
            else:
                world.end_streams(how)
        case Spoil(times):
            world.network.spoiled = times
        case Cut():
            world.network.cut()
        case Refuse() | Silence() | Restart():
            await _be_away(world, action)
        case Wake(what):
            world.transport.wake(what)
        case Expire() | Delete():
            await _end_for_good(world, action, outcome)


async def _say(world: World, outcome: Outcome) -> None:
    if world.host.running and outcome.deleted is None:
        world.told += 1
        await world.host.say(outcome.conversation_id, f"bot {world.told}")


async def _say_elsewhere(world: World, outcome: Outcome, same: bool) -> None:
    if world.host.running and outcome.deleted is None:
        text = SAME if same else f"elsewhere {len(outcome.elsewhere)}"
        outcome.elsewhere.append(text)
        await world.host.say_as(outcome.user_id, outcome.conversation_id, text)


def _give_up(world: World) -> None:
    for sending in reversed(world.sendings):
        if not sending.task.done():
            sending.task.cancel()
            return


async def _be_away(world: World, action: Refuse | Silence | Restart) -> None:
    match action:
        case Refuse(seconds, told):
            world.network.refusing = True
            world.network.cut()
            if told:
                world.transport.wake("offline")
            await asyncio.sleep(seconds)
            world.network.refusing = False
            if told:
                world.transport.wake("online")
        case Silence(seconds):
            world.network.silent = True
            await asyncio.sleep(seconds)
            world.network.speak()
        case Restart(seconds):
            if world.host.running:
                await world.restart(seconds)


async def _end_for_good(world: World, action: Expire | Delete, outcome: Outcome) -> None:
    await world.host.up.wait()
    if isinstance(action, Expire):
        world.host.api.keys.expire()
        if world.terms.mode == "messaging":
            world.network.cut()  # who is logged in stays it until then
        return
    is_gone = outcome.deleted is not None
    while not is_gone:
        await world.host.up.wait()
        outcome.deleted = world.host.stored(outcome.conversation_id)
        is_gone = await world.host.delete(outcome.user_id, outcome.conversation_id)
        if is_gone:
            outcome.deleted = world.host.at_deletion


# --- what hypothesis makes of it --------------------------------------------------------------------------------

Steps: TypeAlias = tuple[tuple[float, Action], ...]

_SOON = st.sampled_from([0.0, 0.01, 0.03, 0.06, 0.1, 0.3, 1.0]) | st.floats(0, 1)
_WAITS = _SOON | st.sampled_from([2.0, 4.0, 6.0, 11.0, 31.0, 46.0])
_SECONDS = st.sampled_from([0.5, 2.0, 6.0, 15.0, 40.0, 70.0])
_TIMES = st.integers(1, 3)
_REQUESTS = st.sampled_from(["", "/listen", "GET /messages", "POST /messages", "POST /events", "GET /users/me"])
_ENDINGS = st.sampled_from(["drop-clean", "drop-hard", "cut", "stall"])

_SAY = st.builds(Say, st.sampled_from([1, 2, 4, 40]), st.sampled_from([0.0, 0.01, 0.02, 0.06, 0.3]))
_SEND = st.builds(Send, st.booleans())
_SPEAK: SearchStrategy[Action] = st.one_of(_SAY, _SEND, st.builds(SayElsewhere), st.builds(SendEvent))
_LOSE: SearchStrategy[Action] = st.one_of(
    st.builds(EndStreams, st.sampled_from(["clean", "hard", "cut", "stall"])),
    st.builds(Restart, _SECONDS),
    st.builds(Refuse, _SECONDS, st.booleans()),
    st.builds(Silence, _SECONDS),
    st.builds(Cut),
    st.builds(Wake, st.sampled_from(["restored", "slept"])),
)


def _spec(template: str, **parts: SearchStrategy[object]) -> SearchStrategy[Break]:
    return st.builds(lambda **chosen: Break(template.format(**chosen)), **parts)


def _then(first: SearchStrategy[Action], second: SearchStrategy[Action]) -> SearchStrategy[Steps]:
    return st.tuples(st.tuples(_WAITS, first), st.tuples(_SOON, second))


_HOLD = st.one_of(
    _spec("hold-first-byte:times={times}", times=_TIMES),
    _spec("hold-first-byte:times={times}:seconds={seconds}", times=_TIMES, seconds=_SECONDS),
    _spec("delay:times=1:seconds={seconds}:on=/listen", seconds=_SECONDS),
)
_STREAM_FAULTS = st.one_of(
    _spec("{kind}:times={times}", kind=_ENDINGS, times=_TIMES),
    _spec("{kind}:after={after}:times={times}", kind=_ENDINGS, after=st.sampled_from([0, 0.02, 0.2, 3]), times=_TIMES),
    _spec("stall:times=1:seconds={seconds}", seconds=_SECONDS),
    _HOLD,
    _spec("lose-signal:times={times}", times=_TIMES),
    _spec("duplicate:times={times}", times=st.integers(1, 9)),
    _spec("reorder:times={times}", times=_TIMES),
    _spec("delay-signals:seconds={seconds}:times={times}", seconds=st.sampled_from([0.2, 2]), times=_TIMES),
)


def _refusals(requests: SearchStrategy[object]) -> SearchStrategy[Break]:
    """What answers a request without carrying it out."""
    return st.one_of(
        _spec(
            "status:status={status}:lasting={seconds}:on={on}",
            status=st.sampled_from([408, 429, 500, 502, 503]),
            seconds=_SECONDS,
            on=requests,
        ),
        _spec(
            "status:status={status}:times={times}:on={on}:retry_after={after}",
            status=st.sampled_from([429, 503]),
            times=_TIMES,
            on=requests,
            after=st.integers(0, 20),
        ),
        _spec(
            "html:status={status}:times={times}:on={on}", status=st.sampled_from([200, 502]), times=_TIMES, on=requests
        ),
        _spec("status:status={status}:times=1:on=/listen", status=st.sampled_from([401, 403, 404])),
        _spec("lose-request:times={times}:on={on}", times=_TIMES, on=requests),
    )


def _doubts(requests: SearchStrategy[object], lateness: list[float]) -> SearchStrategy[Break]:
    """What carries a request out, and does not say so in time."""
    late = st.sampled_from(lateness)
    return st.one_of(
        _spec("late:times={times}:on=POST /messages:seconds={late}", times=_TIMES, late=late),
        _spec("lose-answer:times={times}:on={on}", times=_TIMES, on=requests),
        _spec("delay:times={times}:on={on}:seconds={late}", times=_TIMES, on=requests, late=late),
        _spec("delay-answer:times={times}:on={on}:seconds={seconds}", times=_TIMES, on=requests, seconds=_SECONDS),
    )


def _scenes(lateness: list[float]) -> SearchStrategy[Steps]:
    """A few steps that belong together: a fault alone often meets nothing that it could harm."""
    reading, sending = st.just("GET /messages"), st.sampled_from(["POST /messages", "POST /events"])
    anything = st.one_of(_STREAM_FAULTS, _refusals(_REQUESTS), _doubts(_REQUESTS, lateness))
    single: SearchStrategy[Action] = st.one_of(
        _SPEAK, _LOSE, anything, st.builds(GiveUp) | st.builds(Wake, st.just("visible"))
    )
    return st.one_of(
        st.tuples(st.tuples(_WAITS, single)),
        _then(_STREAM_FAULTS, _SPEAK),
        _then(_doubts(sending, lateness) | st.builds(Spoil, _TIMES), _SEND),
        _then(_refusals(sending), _SEND),
        _then(_LOSE, _SAY),
        _then(_SPEAK, _LOSE),
        st.tuples(st.tuples(_WAITS, _HOLD), st.tuples(_SOON, _LOSE), st.tuples(_WAITS, _SAY)),
        _then(st.one_of(_refusals(reading), _doubts(reading, lateness)), _LOSE),
    )


_SERVERS = {
    "pushpin": ["none", "no-dedupe", "no-metadata", "oldest-first", "oldest-first,no-metadata"],
    "messaging": ["none", "no-metadata"],
}
_TERMS = st.builds(
    Terms,
    latency=st.sampled_from([0.05, 0.01, 0.4]),
    page_size=st.sampled_from([50, 5, 2, 1]),
    coarse_time=st.booleans(),
    echo=st.booleans(),
    native=st.booleans(),
    late_open=st.booleans(),
    retry_for=st.sampled_from([600.0, 60.0]),
    enter=st.sampled_from(["connect", "start", "start again"]),
    seed=st.integers(0, 2**16),
)

_ENTRIES = st.just("none") | st.builds(
    "{}:times={}:on={}".format,
    st.sampled_from(["lose-answer", "lose-request", "status", "delay-answer:seconds=15", "hold-first-byte"]),
    _TIMES,
    st.sampled_from(["/initialize", "POST /users", "POST /conversations", "/listen", "POST /events", ""]),
)


def _delays_messages(action: Action) -> bool:
    return (
        isinstance(action, Break) and re.fullmatch(r"(late|delay):.*:on=(POST /messages)?:.*", action.spec) is not None
    )


@st.composite
def schedules(draw: st.DrawFn, mode: Literal["pushpin", "messaging"] = "pushpin") -> Schedule:
    """Any chat that the promise is about."""
    terms = replace(draw(_TERMS), mode=mode, server=draw(st.sampled_from(_SERVERS[mode])))
    # What is carried out later than the grace period is promised to arrive once by servers only that refuse a used id.
    lateness = [1.0, 4.0, 9.0, 25.0] if terms.dedupes else [1.0, 4.0]
    steps = [step for scene in draw(st.lists(_scenes(lateness), min_size=2, max_size=8)) for step in scene]
    if mode == "messaging" and any(isinstance(action, Silence) and action.seconds > 10 for _, action in steps):
        # A message waits in a silent socket beyond its attempt; what is late on top of that is later than promised.
        steps = [step for step in steps if not _delays_messages(step[1])]
    if draw(st.integers(0, 9)) == 9:
        end = draw(st.builds(Expire) | st.builds(Delete))
        steps.insert(draw(st.integers(0, len(steps))), (draw(_WAITS), end))
    return Schedule(terms, tuple(steps), draw(_ENTRIES))
