"""The outbox: recognising what was sent when it comes back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from webchat_py.wire import errors
from webchat_py.wire.models import Message, MessageStatus
from webchat_py.wire.outbox import REMEMBERED, Entry, Outbox, may_have_arrived, retry_after
from webchat_py.wire.payloads import Payload, Text


def draft(client_id: str = "one", payload: Payload | None = None) -> Message:
    metadata = {"clientMessageId": client_id}
    return Message(None, "c", "me", None, payload or Text("hi"), metadata, None, client_id, "pending")


def stored(message_id: str, client_id: str | None = None, text: str = "hi", conversation_id: str = "c") -> Message:
    """A message of this user as the server has it; without a client id as one that keeps no metadata."""
    metadata = None if client_id is None else {"clientMessageId": client_id}
    return Message(message_id, conversation_id, "me", None, Text(text), metadata, None, client_id)


def tried(outbox: Outbox, client_id: str = "one") -> Entry:
    entry = Entry(draft(client_id), tried=True)
    outbox.add(entry)
    return entry


def learned(keeps_metadata: bool) -> Outbox:
    """An outbox that has seen what the server does with metadata."""
    outbox = Outbox()
    entry = tried(outbox, "first")
    outbox.complete(entry, stored("m0", "first" if keeps_metadata else None))
    return outbox


def test_a_sent_message_is_the_servers_with_the_senders_id() -> None:
    outbox = Outbox()
    sent = outbox.complete(tried(outbox), stored("m1"))
    assert (sent.id, sent.client_id, sent.status) == ("m1", "one", "sent")
    assert outbox.sent("one") == sent
    assert outbox.get("one") is None
    assert not outbox.is_pending("one")


def test_the_client_id_tells_which_message_it_is() -> None:
    outbox = Outbox()
    entry = tried(outbox)
    other = tried(outbox, "two")
    own = [stored("m4"), stored("m3", "three"), stored("m2", "two"), stored("m1", "one")]
    assert outbox.matches(entry, own) == [own[3]]
    assert outbox.matches(other, own) == [own[2]]


def test_without_metadata_one_that_looks_alike_is_it_and_two_are_uncertain() -> None:
    outbox = learned(keeps_metadata=False)
    entry = tried(outbox)
    alike = [stored("m1"), stored("m2")]
    others = [stored("m3", text="bye"), stored("m4", conversation_id="elsewhere"), stored("m5", "somebody")]
    assert outbox.matches(entry, others) == []
    assert outbox.matches(entry, [*others, alike[0]]) == [alike[0]]
    assert outbox.matches(entry, [*others, *alike]) == alike


def test_where_metadata_is_kept_a_message_without_it_is_somebody_elses() -> None:
    outbox = learned(keeps_metadata=True)
    entry = tried(outbox)
    assert outbox.matches(entry, [stored("m1")]) == []
    assert outbox.may_be(stored("m1")) is None


def test_a_message_that_was_sent_already_is_not_taken_for_the_next_one() -> None:
    outbox = learned(keeps_metadata=False)
    entry = tried(outbox)
    assert outbox.matches(entry, [stored("m0")]) == []


def test_one_that_looks_like_it_is_uncertain_only_after_an_attempt() -> None:
    outbox = Outbox()
    entry = Entry(draft())
    outbox.add(entry)
    assert outbox.may_be(stored("m1")) is None
    entry.tried = True
    assert outbox.may_be(stored("m1")) is entry
    assert outbox.may_be(stored("m1", "somebody")) is None
    assert outbox.may_be(stored("m1", text="bye")) is None


def test_one_that_failed_is_still_known_by_its_id() -> None:
    outbox = Outbox()
    entry = tried(outbox)
    outbox.fail(entry)
    assert outbox.get("one") is entry
    assert not outbox.is_pending("one")
    outbox.add(entry)
    assert outbox.is_pending("one")


def test_its_memory_is_bounded() -> None:
    outbox = Outbox()
    for number in range(REMEMBERED + 1):
        outbox.fail(tried(outbox, f"failed {number}"))
        outbox.complete(tried(outbox, f"sent {number}"), stored(f"m{number}", f"sent {number}"))
    assert outbox.get("failed 0") is outbox.sent("sent 0") is None
    assert outbox.get("failed 1")
    assert outbox.sent("sent 1")


@pytest.mark.parametrize("with_metadata", [True, False])
def test_a_status_never_goes_back(with_metadata: bool) -> None:
    outbox = Outbox()
    message = stored("m1", "one" if with_metadata else None)
    outbox.complete(tried(outbox), message)

    def told(status: MessageStatus) -> str | None:
        advanced = outbox.advance(message, status)
        assert advanced is None or advanced.client_id == "one"
        return advanced and advanced.status

    statuses = [told(status) for status in ("processing", "processing", "processed", "processing")]
    assert statuses == ["processing", None, "processed", None]
    assert told("failed") == "failed"


def test_the_status_of_a_message_from_elsewhere_is_told_as_it_is() -> None:
    message = stored("m1", "elsewhere")
    assert Outbox().advance(message, "processed") == replace(message, status="processed")


@pytest.mark.parametrize(
    ("error", "arrived"),
    [
        (errors.NetworkError("broken"), True),
        (errors.RequestTimeout("late"), True),
        (errors.ServerError("", status=500), True),
        (errors.ServerError("", status=504), True),
        (errors.ServerError("a login page", status=200), True),
        (errors.ServerError("", status=503), False),
        (errors.RateLimited("", status=429), False),
        (errors.InvalidRequest("", status=408), True),
    ],
)
def test_what_may_have_been_carried_out(error: errors.WebchatError, arrived: bool) -> None:
    assert may_have_arrived(error) is arrived


def test_how_long_the_server_asks_one_to_wait() -> None:
    limited = errors.RateLimited("", status=429)
    assert retry_after(limited) == retry_after(ValueError()) == 0.0
    limited.retry_after = 7.0
    assert retry_after(limited) == 7.0
