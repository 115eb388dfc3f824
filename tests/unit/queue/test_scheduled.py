"""Mail that is held until a time: what operators and senders see of it, and how it is undone."""

import random
from collections.abc import Iterator

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.queue import clock_set_back, scheduled
from pillarbox.queue.control import hold, release, retry, selected
from pillarbox.queue.inspection import Selection, listing
from pillarbox.queue.invariants import INVARIANTS
from pillarbox.queue.outcome import due_for_notice
from pillarbox.queue.overview import overview
from pillarbox.queue.schedule import claim
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import LIFETIME_MS, Outbound, QueuedRecipient, QueueId, Release, enqueue
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW = 1_700_000_000_000
HOUR_MS = 3_600_000
ANNA = AccountId(1)
ALL = Selection()


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(BLOBS, SCHEMA) as transaction:
        yield transaction


def put(tx: Transaction, *addresses: str, at_ms: int = NOW + HOUR_MS, octets: bytes = b"x") -> QueueId:
    recipients = tuple(QueuedRecipient(one, one.split("@")[1]) for one in addresses or ("a@x.example",))
    outbound = Outbound(
        prepare(octets), "me@one.example", recipients, account=ANNA, release=Release(at_ms, "for;3600")
    )
    return enqueue(tx, outbound, now_ms=NOW)


def test_nothing_tries_it_or_reports_on_it_before_its_time(tx: Transaction) -> None:
    put(tx, "a@x.example", "anna@one.example")
    late = NOW + 100 * LIFETIME_MS
    assert claim(tx, lease=1, now_ms=late, jobs=5) == []
    assert due_for_notice(tx, now_ms=late, limit=10) == []
    assert (retry(tx, ALL, now_ms=NOW), hold(tx, ALL, now_ms=NOW), release(tx, ALL, now_ms=NOW)) == (0, 0, 0)


def test_it_may_be_held_until_another_time_for_as_long_as_it_is_held(tx: Transaction) -> None:
    message = put(tx)
    for at_ms in (NOW + 9 * HOUR_MS, NOW + 5):
        assert scheduled.reschedule(tx, message, until_ms=at_ms)
        assert scheduled.next_release_ms(tx) == at_ms
        queued, deliveries = scheduled.held(tx, message)
        assert queued.expires_at_ms == at_ms + LIFETIME_MS
        assert tx.rows("SELECT DISTINCT due_at_ms, state FROM queue_recipients") == [(at_ms, "scheduled")]
    assert queued.release_request == "until;2023-11-14T22:13:20Z"
    assert not any(list(each.find(tx)) for each in INVARIANTS)
    assert not scheduled.begin_release(tx, message, now_ms=NOW), "its time has not come"
    assert scheduled.begin_release(tx, message, now_ms=NOW + 5)
    scheduled.make_due(tx, deliveries, now_ms=NOW + 5)
    assert not scheduled.reschedule(tx, message, until_ms=NOW + HOUR_MS), "it has left"
    assert tx.rows("SELECT DISTINCT due_at_ms, state FROM queue_recipients") == [(NOW + 5, "waiting")]


def test_an_operator_sees_its_time_and_may_drop_it(tx: Transaction) -> None:
    put(tx)
    (entry,) = listing(tx, ALL, now_ms=NOW, limit=10)
    assert (entry.state, entry.next_attempt_ms) == ("scheduled", NOW + HOUR_MS)
    assert (overview(tx, now_ms=NOW, destinations=5).later, overview(tx, now_ms=NOW, destinations=5).due) == (
        1,
        0,
    )
    assert len(selected(tx, ALL, now_ms=NOW, limit=10)) == 1


def test_what_is_undone_is_gone_with_its_octets(tx: Transaction) -> None:
    message = put(tx, "a@x.example", "b@y.example")
    assert [one.id for one in scheduled.listing(tx, ANNA)] == [message]
    assert scheduled.cancel(tx, message)
    assert not scheduled.cancel(tx, message)
    for table in ("queue_messages", "queue_recipients", "queue_destinations", "blobs", "blob_octets"):
        assert tx.rows(f"SELECT * FROM {table}") == []


def test_what_has_begun_to_leave_is_not_undone(tx: Transaction) -> None:
    message = put(tx)
    assert not scheduled.begin_release(tx, message, now_ms=NOW + HOUR_MS - 1)
    assert scheduled.begin_release(tx, message, now_ms=NOW + HOUR_MS)
    assert not scheduled.begin_release(tx, message, now_ms=NOW + HOUR_MS)
    assert not scheduled.cancel(tx, message)
    assert not scheduled.release_now(tx, message, now_ms=NOW)


def test_it_may_leave_at_once(tx: Transaction) -> None:
    first, second = put(tx, at_ms=NOW + 1), put(tx)
    assert scheduled.next_release_ms(tx) == NOW + 1
    assert scheduled.release_now(tx, second, now_ms=NOW)
    assert scheduled.due(tx, now_ms=NOW, limit=9) == [second]
    assert scheduled.due(tx, now_ms=NOW + 1, limit=9) == [second, first]


def test_a_queue_that_others_wait_in_is_not_held_up(tx: Transaction) -> None:
    put(tx)
    enqueue(tx, Outbound(prepare(b"y"), None, (QueuedRecipient("b@x.example", "x.example"),)), now_ms=NOW + 5)
    (job,) = claim(tx, lease=1, now_ms=NOW + 5, jobs=5)
    assert [each.address for each in job.recipients] == ["b@x.example"]
    assert claim(tx, lease=2, now_ms=NOW + HOUR_MS, jobs=5)[:1] != [job]


def test_an_account_has_so_much_held_and_no_more(tx: Transaction) -> None:
    for _ in range(scheduled.MAX_MESSAGES - 1):
        put(tx)
    scheduled.refuse_too_much(tx, ANNA, octets=1)
    with pytest.raises(scheduled.TooMuchHeld):
        scheduled.refuse_too_much(tx, ANNA, octets=scheduled.MAX_OCTETS)
    put(tx)
    with pytest.raises(scheduled.TooMuchHeld):
        scheduled.refuse_too_much(tx, ANNA, octets=0)
    scheduled.refuse_too_much(tx, AccountId(2), octets=1)


def test_what_was_held_while_the_clock_was_ahead_leaves_as_much_earlier(tx: Transaction) -> None:
    year_ms = 365 * 24 * HOUR_MS
    message = put(tx)
    assert clock_set_back.is_ahead(tx, now_ms=NOW - year_ms)
    clock_set_back.bring_forward(tx, now_ms=NOW - year_ms)
    assert scheduled.due(tx, now_ms=NOW - year_ms + HOUR_MS, limit=1) == [message]


@pytest.mark.parametrize(
    ("damage", "name"),
    [
        ("UPDATE queue_messages SET release_at_ms = NULL", "scheduled-recipient-is-released"),
        ("UPDATE queue_recipients SET state = 'waiting'", "scheduled-message-has-recipient"),
    ],
)
def test_a_time_that_is_lost_is_found_by_fsck(tx: Transaction, damage: str, name: str) -> None:
    put(tx)
    tx.execute(damage)
    (broken,) = (each for each in INVARIANTS if list(each.find(tx)))
    assert broken.name == name
    broken.run_repair(tx)
    assert not any(list(each.find(tx)) for each in INVARIANTS)


def test_the_outcome_is_what_the_undoing_was_told(tx: Transaction) -> None:
    """A thousand undoings some milliseconds around the time: whoever comes second finds nothing to do."""
    chance = random.Random(7)
    for _ in range(1_000):
        message = put(tx)
        undo_ms = NOW + HOUR_MS + chance.randint(-50, 50)
        look_ms = NOW + HOUR_MS + chance.randint(-50, 50)
        steps = sorted([(undo_ms, chance.random(), "undo"), (look_ms, chance.random(), "leave")])
        undone = left = False
        for at_ms, _, step in [*steps, (NOW + HOUR_MS + 100, 0.0, "leave")]:
            if step == "undo":
                undone = scheduled.cancel(tx, message)
            else:
                left = scheduled.begin_release(tx, message, now_ms=at_ms) or left
        assert undone != left
        assert (tx.row("SELECT 1 FROM queue_messages WHERE id = ?", (message,)) is None) == undone
