"""What an operator sees of the queue, and may do with it."""

from collections.abc import Iterator

import pytest

from pillarbox.queue import retry_schedule
from pillarbox.queue.control import hold, release, retry, selected
from pillarbox.queue.inspection import Selection, count, listing, parts, paused_destinations, show
from pillarbox.queue.outcome import (
    DeferralReason,
    deferred,
    destination_reached,
    destination_unreachable,
    due_for_notice,
    failed,
)
from pillarbox.queue.schedule import claim
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import LIFETIME_MS, Outbound, QueuedRecipient, QueueId, State, enqueue
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW = 1_700_000_000_000
ALL = Selection()


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(BLOBS, SCHEMA) as transaction:
        queue(transaction, "a@x.example", "b@y.example")
        queue(transaction, "c@x.example", sender=None)
        yield transaction


def queue(tx: Transaction, *addresses: str, sender: str | None = "me@one.example") -> QueueId:
    recipients = tuple(QueuedRecipient(one, one.split("@")[1]) for one in addresses)
    return enqueue(tx, Outbound(prepare(b"x"), sender, recipients), now_ms=NOW)


def seen(tx: Transaction, selection: Selection = ALL, *, now_ms: int = NOW) -> list[tuple[str, str]]:
    return [(one.recipient, one.state) for one in listing(tx, selection, now_ms=now_ms, limit=100)]


@pytest.mark.parametrize(
    ("selection", "recipients"),
    [
        (ALL, "abc"),
        (Selection(messages=(1,)), "ab"),
        (Selection(destination="x.example"), "ac"),
        (Selection(sender="me@one.example"), "ab"),
        (Selection(sender=""), "c"),
        (Selection(messages=(1, 2), destination="x.example", sender=""), "c"),
        (Selection(state=State.HELD), ""),
    ],
)
def test_what_is_given_must_all_fit(tx: Transaction, selection: Selection, recipients: str) -> None:
    assert "".join(address[0] for address, _ in seen(tx, selection)) == recipients
    assert count(tx, selection)[1] == len(recipients)


def test_a_long_queue_is_changed_in_parts(tx: Transaction) -> None:
    assert parts(tx, 2) == [(1, 2), (3, 3)]
    assert parts(tx, 3) == parts(tx, 4) == [(1, 3)]
    assert seen(tx, Selection(between=(2, 3))) == [("b@y.example", "waiting"), ("c@x.example", "waiting")]
    assert hold(tx, Selection(destination="x.example", between=(2, 3)), now_ms=NOW) == 1
    tx.execute("DELETE FROM queue_recipients")
    assert parts(tx, 2) == []


def test_a_long_queue_is_shown_from_its_beginning(tx: Transaction) -> None:
    assert [one.recipient for one in listing(tx, ALL, now_ms=NOW, limit=2)] == ["a@x.example", "b@y.example"]
    assert count(tx, ALL) == (2, 3)


def test_the_last_reply_and_the_leases_are_shown(tx: Transaction) -> None:
    jobs = claim(tx, lease=1, now_ms=NOW, jobs=5)
    assert sorted(seen(tx)) == [
        ("a@x.example", "active"),
        ("b@y.example", "active"),
        ("c@x.example", "waiting"),
    ]
    job = next(job for job in jobs if job.destination == "y.example")
    deferred(tx, job, job.recipients[0], DeferralReason("4.2.1", "450 later", "mx.y"), now_ms=NOW, chance=0.5)
    shown = show(tx, QueueId(1), now_ms=NOW)
    assert [(one.attempts, one.last_reply, one.last_host) for one in shown.entries] == [
        (0, None, None),
        (1, "450 later", "mx.y"),
    ]
    with pytest.raises(LookupError):
        show(tx, QueueId(9), now_ms=NOW)


def test_a_destination_in_trouble_is_shown_and_opened_by_trying_now(tx: Transaction) -> None:
    jobs = claim(tx, lease=1, now_ms=NOW, jobs=5)
    for job in jobs:
        deferred(tx, job, job.recipients[0], DeferralReason("4.4.1", "no answer"), now_ms=NOW, chance=0.5)
    destination_unreachable(tx, "x.example", now_ms=NOW, chance=0.5)
    (paused,) = paused_destinations(tx, now_ms=NOW)
    assert (paused.destination, paused.failures) == ("x.example", 1)
    assert claim(tx, lease=2, now_ms=NOW, jobs=5) == []
    assert retry(tx, Selection(destination="x.example"), now_ms=NOW) == 2
    assert paused_destinations(tx, now_ms=NOW) == []
    assert [job.destination for job in claim(tx, lease=2, now_ms=NOW, jobs=5)] == ["x.example"]


def test_what_is_being_tried_is_left_alone(tx: Transaction) -> None:
    claim(tx, lease=1, now_ms=NOW, jobs=5)
    active = Selection(messages=(1,))
    assert retry(tx, active, now_ms=NOW) == 0
    assert selected(tx, active, now_ms=NOW, limit=10) == []
    assert seen(tx, active) == [("a@x.example", "active"), ("b@y.example", "active")]


def test_held_mail_is_neither_tried_nor_reported_until_it_is_released(
    tx: Transaction,
) -> None:
    held = Selection(destination="y.example")
    assert hold(tx, held, now_ms=NOW) == 1
    late = NOW + 2 * LIFETIME_MS
    assert [job.destination for job in claim(tx, lease=1, now_ms=NOW, jobs=5)] == ["x.example"]
    assert "b@y.example" not in [one.recipient.address for one in due_for_notice(tx, now_ms=late, limit=9)]
    assert release(tx, ALL, now_ms=late) == 1
    assert "b@y.example" not in [
        one.recipient.address for one in due_for_notice(tx, now_ms=late - 1, limit=9)
    ]
    jobs = claim(tx, lease=2, now_ms=late, jobs=5)
    (job,) = [one for one in jobs if one.destination == "y.example"]
    assert job.message.expires_at_ms == late + LIFETIME_MS


def test_holding_what_is_being_tried_is_for_afterwards(tx: Transaction) -> None:
    jobs = claim(tx, lease=1, now_ms=NOW, jobs=5)
    assert hold(tx, ALL, now_ms=NOW) == 3
    for job in jobs:
        deferred(tx, job, job.recipients[0], DeferralReason("4.0.0", "later"), now_ms=NOW, chance=0.5)
        destination_reached(tx, job.destination, now_ms=NOW)
    assert claim(tx, lease=2, now_ms=NOW + retry_schedule.HOUR_MS, jobs=5) == []
    (job,) = [one for one in jobs if one.destination == "y.example"]
    assert not failed(tx, job, job.recipients[0])
