"""The attempts made for a recipient, kept while it is queued; and leases that dead workers have left."""

from collections.abc import Iterator

import pytest

from pillarbox.queue import attempts, schedule
from pillarbox.queue.attempts import MAX_ATTEMPTS, MAX_REPLY_CHARACTERS, Attempt, Peer
from pillarbox.queue.inspection import Selection, listing, show
from pillarbox.queue.outcome import (
    DELIVERY_COLUMNS,
    DeferralReason,
    deferred,
    delivered,
    destination_unreachable,
    dropped,
    failed,
    queued_delivery,
)
from pillarbox.queue.retry_schedule import HOUR_MS
from pillarbox.queue.schedule import LEASE_MS, Job, any_leased, claim, end_leases, lease_of
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import Outbound, QueuedRecipient, QueueId, enqueue
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.shared import shared_among
from tests.kit.database import open_transaction

NOW = 1_700_000_000_000
PEER = Peer("mx.x.example", "192.0.2.1", "TLSv1.3")


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(BLOBS, SCHEMA) as transaction:
        message = Outbound(prepare(b"x"), "me@one.example", (QueuedRecipient("a@x.example", "x.example"),))
        enqueue(transaction, message, now_ms=NOW)
        yield transaction


def try_once(tx: Transaction, now_ms: int, *, reply: str = "450 later", peer: Peer | None = PEER) -> Job:
    (job,) = claim(tx, lease=1, now_ms=now_ms, jobs=5)
    reason = DeferralReason("4.2.1", reply, "mx.x.example" if peer else None, peer)
    assert deferred(tx, job, job.recipients[0], reason, now_ms=now_ms, chance=0.5)
    schedule.set_next_attempt(tx, "x.example", now_ms=now_ms)
    return job


def history(tx: Transaction) -> tuple[Attempt, ...]:
    return show(tx, QueueId(1), now_ms=NOW).history


def rows(tx: Transaction) -> int:
    number: int = tx.value("SELECT count(*) FROM queue_attempts")
    return number


def test_each_attempt_is_shown_with_its_server_and_its_reply(tx: Transaction) -> None:
    try_once(tx, NOW)
    try_once(tx, NOW + HOUR_MS, reply="no server could be reached", peer=None)
    assert history(tx) == (
        Attempt("a@x.example", 1, NOW, "4.2.1", "450 later", *PEER[:3]),
        Attempt("a@x.example", 2, NOW + HOUR_MS, "4.2.1", "no server could be reached", None, None, None),
    )


def test_only_the_last_ones_are_kept_and_the_beginning_of_a_reply(tx: Transaction) -> None:
    for number in range(MAX_ATTEMPTS + 5):
        try_once(tx, NOW + 5 * HOUR_MS * number, reply="x" * 5000)
    assert [one.number for one in history(tx)] == list(range(6, MAX_ATTEMPTS + 6))
    assert len(history(tx)[0].reply) == MAX_REPLY_CHARACTERS


@pytest.mark.parametrize("ending", [delivered, failed])
def test_they_go_with_the_recipient(tx: Transaction, ending: object) -> None:
    try_once(tx, NOW)
    assert rows(tx) == 1
    (job,) = claim(tx, lease=2, now_ms=NOW + HOUR_MS, jobs=5)
    assert ending(tx, job, job.recipients[0])  # type: ignore[operator]
    assert rows(tx) == 0


def test_they_go_with_a_recipient_that_is_dropped(tx: Transaction) -> None:
    try_once(tx, NOW)
    row = tx.row(f"SELECT {DELIVERY_COLUMNS} FROM queue_recipients r")
    assert row is not None
    dropped(tx, queued_delivery(tx, row))
    assert rows(tx) == 0


def test_a_result_that_comes_too_late_is_no_attempt(tx: Transaction) -> None:
    (job,) = claim(tx, lease=1, now_ms=NOW, jobs=5)
    claim(tx, lease=2, now_ms=NOW + LEASE_MS, jobs=5)
    reason = DeferralReason("4.2.1", "450 later")
    assert not deferred(tx, job, job.recipients[0], reason, now_ms=NOW + LEASE_MS, chance=0.5)
    assert attempts.of_message(tx, 1) == []


def test_the_next_attempt_is_not_before_the_pause_of_the_destination_is_over(tx: Transaction) -> None:
    for number in range(6):
        try_once(tx, NOW + number * 5 * HOUR_MS)
        destination_unreachable(tx, "x.example", now_ms=NOW + number * 5 * HOUR_MS, chance=0.5)
    now_ms = NOW + 25 * HOUR_MS
    tx.execute("UPDATE queue_recipients SET due_at_ms = ?", (now_ms,))
    (entry,) = listing(tx, Selection(), now_ms=now_ms, limit=10)
    assert entry.next_attempt_ms == tx.value("SELECT closed_until_ms FROM queue_destinations")
    assert (entry.next_attempt_ms or 0) > now_ms


def test_what_a_dead_worker_had_is_due_at_once_and_counts_as_unfinished(tx: Transaction) -> None:
    claim(tx, lease=1, now_ms=NOW, jobs=5)
    assert any_leased(tx, now_ms=NOW)
    assert claim(tx, lease=2, now_ms=NOW + 1000, jobs=5) == []
    assert end_leases(tx, now_ms=NOW + 1000) == 1
    assert not any_leased(tx, now_ms=NOW + 1000)
    (entry,) = listing(tx, Selection(), now_ms=NOW + 1000, limit=10)
    assert (entry.state, entry.next_attempt_ms) == ("waiting", NOW + 1000)
    (job,) = claim(tx, lease=2, now_ms=NOW + 1000, jobs=5)
    assert job.recipients[0].unfinished == 1


def test_the_leases_of_one_dead_worker_are_ended_and_no_others(tx: Transaction) -> None:
    dead, living = shared_among(2, SeededEntropy(1))
    claim(tx, lease=lease_of(living.mark, 2**31 - 1), now_ms=NOW, jobs=5)
    assert not any_leased(tx, now_ms=NOW, mark=dead.mark)
    assert end_leases(tx, now_ms=NOW, mark=dead.mark) == 0
    assert end_leases(tx, now_ms=NOW, mark=living.mark) == 1
    later, _ = shared_among(2, SeededEntropy(2))
    assert len({dead.mark, living.mark, later.mark}) == 3


def test_ending_leases_leaves_what_waits_and_what_is_held(tx: Transaction) -> None:
    try_once(tx, NOW)
    assert end_leases(tx, now_ms=NOW) == 0
    tx.execute("UPDATE queue_recipients SET lease = 1, state = 'held', due_at_ms = ?", (NOW + 5,))
    assert end_leases(tx, now_ms=NOW) == 0
