"""Claims, leases, retries and the outcomes of recipients."""

from collections.abc import Iterator

import pytest

from pillarbox.queue import retry_schedule
from pillarbox.queue.control import release
from pillarbox.queue.inspection import Selection, listing
from pillarbox.queue.outcome import (
    DeferralReason,
    deferred,
    delay_notified,
    delivered,
    destination_reached,
    destination_unreachable,
    dropped,
    due_for_notice,
    failed,
    give_back,
)
from pillarbox.queue.schedule import (
    LEASE_MS,
    MAX_JOB_RECIPIENTS,
    Job,
    any_due,
    claim,
    claim_from,
    lease_of,
    next_attempt_ms,
    renew,
)
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.queue.unfinished import DAMAGED_REPLY, HELD_REPLY, MAX_UNFINISHED, SPREAD_MS, SPREAD_UNFINISHED
from pillarbox.queue.values import INVARIANTS
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import StatementFailed, Transaction
from pillarbox.world.database.values import DATES_MS
from tests.kit.damaged_value import VALUES
from tests.kit.database import open_transaction

NOW = 1_000_000
MESSAGE_COLUMNS = (
    "blob", "size", "reverse_path", "account", "body", "smtputf8", "require_tls", "envelope_id", "return_content",
    "queued_at_ms", "expires_at_ms", "release_at_ms", "release_request",
)  # fmt: skip


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(BLOBS, SCHEMA) as transaction:
        yield transaction


def queue(tx: Transaction, *addresses: str, now_ms: int = NOW) -> None:
    recipients = tuple(QueuedRecipient(a, a.split("@")[1]) for a in addresses)
    enqueue(tx, Outbound(prepare(b"x"), "me@one.example", recipients), now_ms=now_ms)


def addresses(jobs: list[Job]) -> list[list[str]]:
    return [[recipient.address for recipient in job.recipients] for job in jobs]


def take(tx: Transaction, jobs: int = 10, *, now_ms: int = NOW, lease: int = 1) -> list[Job]:
    return claim(tx, lease=lease, now_ms=now_ms, jobs=jobs)


def test_one_job_holds_a_message_for_all_its_recipients_at_a_destination(tx: Transaction) -> None:
    queue(tx, "a@x", "b@y", "c@x")
    assert sorted(addresses(take(tx))) == [["a@x", "c@x"], ["b@y"]]


def test_what_is_leased_is_not_given_twice_until_the_lease_runs_out(tx: Transaction) -> None:
    queue(tx, "a@x")
    (job,) = take(tx)
    assert take(tx, now_ms=NOW + LEASE_MS - 1) == []
    renew(tx, [job], now_ms=NOW + 1)
    assert take(tx, now_ms=NOW + LEASE_MS) == []
    (again,) = take(tx, now_ms=NOW + 1 + LEASE_MS, lease=2)
    renew(tx, [job], now_ms=NOW + 2 * LEASE_MS)
    assert len(take(tx, now_ms=NOW + 2 + 2 * LEASE_MS, lease=2)) == 1
    assert not failed(tx, job, job.recipients[0])
    assert failed(tx, again, again.recipients[0])


def test_what_is_delivered_leaves_even_after_its_lease_has_run_out(tx: Transaction) -> None:
    queue(tx, "a@x")
    (job,) = take(tx)
    (again,) = take(tx, now_ms=NOW + LEASE_MS, lease=2)
    assert delivered(tx, job, job.recipients[0])
    assert not delivered(tx, again, again.recipients[0])
    assert not deferred(
        tx, again, again.recipients[0], DeferralReason("4.0.0", "later"), now_ms=NOW, chance=0.5
    )
    assert tx.value("SELECT count(*) FROM queue_messages") == 0


def test_a_late_result_of_one_recipient_is_never_applied_to_another(tx: Transaction) -> None:
    queue(tx, "a@x")
    (job,) = take(tx)
    assert delivered(tx, job, job.recipients[0])
    queue(tx, "b@x")
    assert not delivered(tx, job, job.recipients[0])
    assert addresses(take(tx)) == [["b@x"]]


def test_destinations_are_claimed_alternately_however_much_one_has(tx: Transaction) -> None:
    for number in range(50):
        queue(tx, f"{number}@big", now_ms=NOW - 50 + number)
    queue(tx, "a@small")
    assert {job.destination for job in take(tx, 2)} == {"big", "small"}
    assert addresses(take(tx, 1)) == [["1@big"]]


def test_the_newest_destination_does_not_wait_behind_a_backlog(tx: Transaction) -> None:
    for number in range(50):
        queue(tx, f"a@d{number}", now_ms=NOW - 50 + number)
    queue(tx, "urgent@new")
    assert [job.destination for job in take(tx, 4)] == ["d0", "d1", "new", "d49"]


def test_busy_destinations_are_passed_over(tx: Transaction) -> None:
    queue(tx, "a@x", "b@y")
    assert [job.destination for job in claim(tx, lease=1, now_ms=NOW, jobs=5, busy=["x"])] == ["y"]


def test_whether_a_claim_may_find_something_is_known_before(tx: Transaction) -> None:
    queue(tx, "a@x")
    assert any_due(tx, now_ms=NOW)
    assert not any_due(tx, now_ms=NOW - 1)
    assert not any_due(tx, now_ms=NOW, busy=["x"])
    (job,) = take(tx)
    assert not any_due(tx, now_ms=NOW)
    destination_unreachable(tx, "x", now_ms=NOW, chance=0.5)
    give_back(tx, [job], now_ms=NOW)
    assert not any_due(tx, now_ms=NOW)
    assert any_due(tx, now_ms=NOW + retry_schedule.HOUR_MS)
    assert not any_due(tx, now_ms=NOW + retry_schedule.HOUR_MS, healthy_only=True)


def test_the_next_attempt_to_come_is_not_hidden_by_one_that_waits_for_a_connection(tx: Transaction) -> None:
    queue(tx, "a@x")
    queue(tx, "b@y", now_ms=NOW + 5)
    assert next_attempt_ms(tx) == NOW
    assert next_attempt_ms(tx, after_ms=NOW) == NOW + 5
    assert next_attempt_ms(tx, after_ms=NOW + 5) is None


def test_an_open_connection_gets_more_of_the_same_destination(tx: Transaction) -> None:
    for number in range(3):
        queue(tx, f"{number}@x", now_ms=NOW + number)
    assert addresses(claim_from(tx, "x", lease=1, now_ms=NOW + 5, jobs=2)) == [["0@x"], ["1@x"]]


def test_the_last_message_of_a_batch_is_taken_with_all_its_recipients(tx: Transaction) -> None:
    queue(tx, "a@x")
    queue(tx, "b@x", "c@x", "d@x")
    assert addresses(claim_from(tx, "x", lease=1, now_ms=NOW, jobs=2)) == [["a@x"], ["b@x", "c@x", "d@x"]]


def test_a_job_has_no_more_recipients_than_every_server_takes(tx: Transaction) -> None:
    queue(tx, *(f"{number}@x" for number in range(MAX_JOB_RECIPIENTS + 1)))
    assert [len(job.recipients) for job in (*take(tx), *take(tx))] == [MAX_JOB_RECIPIENTS, 1]


def test_a_deferred_recipient_is_due_by_the_retry_schedule(tx: Transaction) -> None:
    queue(tx, "a@x")
    (job,) = take(tx)
    assert deferred(tx, job, job.recipients[0], DeferralReason("4.0.0", "450 later"), now_ms=NOW, chance=0.5)
    destination_reached(tx, "x", now_ms=NOW)
    assert next_attempt_ms(tx) == NOW + retry_schedule.RETRY_INTERVALS_MS[0]
    assert take(tx, now_ms=NOW + retry_schedule.RETRY_INTERVALS_MS[0] - 1) == []
    (again,) = take(tx, now_ms=NOW + retry_schedule.RETRY_INTERVALS_MS[0], lease=2)
    assert again.recipients[0].attempts == 1
    assert not deferred(tx, job, job.recipients[0], DeferralReason("4.0.0", "450"), now_ms=NOW, chance=0.5)


def test_the_last_attempt_is_made_when_the_time_is_up(tx: Transaction) -> None:
    queue(tx, "a@x")
    (job,) = take(tx)
    end = job.message.expires_at_ms
    deferred(tx, job, job.recipients[0], DeferralReason("4.0.0", "450"), now_ms=end - 10, chance=0.5)
    assert len(take(tx, now_ms=end)) == 1


def test_a_message_goes_with_its_last_recipient(tx: Transaction) -> None:
    queue(tx, "a@x", "b@y")
    for job in take(tx):
        assert failed(tx, job, job.recipients[0])
    for table in ("queue_messages", "queue_recipients", "blobs", "blob_octets"):
        assert tx.value(f"SELECT count(*) FROM {table}") == 0
    destination_reached(tx, "x", now_ms=NOW)
    destination_reached(tx, "y", now_ms=NOW)
    assert next_attempt_ms(tx) is None


def test_an_unreachable_destination_rests_with_all_its_mail(tx: Transaction) -> None:
    queue(tx, "a@x")
    queue(tx, "b@x")
    (job,) = take(tx)
    deferred(tx, job, job.recipients[0], DeferralReason("4.0.0", "no answer"), now_ms=NOW, chance=0.5)
    destination_unreachable(tx, "x", now_ms=NOW, chance=0.5)
    closed = retry_schedule.DESTINATION_PAUSES_MS[1]
    queue(tx, "c@x", now_ms=NOW + 1)
    assert take(tx, now_ms=NOW + closed - 1) == []
    assert addresses(take(tx, now_ms=NOW + closed)) == [["b@x"]]
    destination_reached(tx, "x", now_ms=NOW + closed)
    assert addresses(take(tx, now_ms=NOW + closed)) == [["c@x"]]


def test_work_given_back_is_due_at_once(tx: Transaction) -> None:
    queue(tx, "a@x")
    (job,) = take(tx)
    give_back(tx, [job], now_ms=NOW)
    assert addresses(take(tx)) == [["a@x"]]


def test_giving_back_one_job_leaves_another_of_the_same_message_alone(tx: Transaction) -> None:
    queue(tx, "a@x", "b@y")
    first, second = take(tx)
    give_back(tx, [first], now_ms=NOW)
    assert [job.destination for job in take(tx, lease=2)] == [first.destination]
    assert failed(tx, second, second.recipients[0])


def test_destinations_that_could_not_be_reached_may_be_passed_over(tx: Transaction) -> None:
    queue(tx, "a@dead", "b@alive")
    destination_unreachable(tx, "dead", now_ms=NOW, chance=0.5)
    later = NOW + retry_schedule.HOUR_MS
    assert [j.destination for j in claim(tx, lease=1, now_ms=later, jobs=5, healthy_only=True)] == ["alive"]
    assert [j.destination for j in claim(tx, lease=1, now_ms=later, jobs=5)] == ["dead"]


def test_a_delay_is_reported_once_and_the_recipient_dropped_at_the_end_though_no_attempt_was_made(
    tx: Transaction,
) -> None:
    queue(tx, "a@x")
    destination_unreachable(tx, "x", now_ms=NOW, chance=0.5)
    assert due_for_notice(tx, now_ms=NOW + retry_schedule.DELAY_NOTICE_MS - 1, limit=10) == []
    (late,) = due_for_notice(tx, now_ms=NOW + retry_schedule.DELAY_NOTICE_MS, limit=10)
    assert (late.recipient.address, late.reason) == ("a@x", None)
    delay_notified(tx, late)
    assert due_for_notice(tx, now_ms=late.message.expires_at_ms - 1, limit=10) == []
    (over,) = due_for_notice(tx, now_ms=late.message.expires_at_ms, limit=10)
    dropped(tx, over)
    for table in ("queue_messages", "queue_recipients", "blobs"):
        assert tx.value(f"SELECT count(*) FROM {table}") == 0


def test_who_is_being_tried_is_not_overdue_and_a_reason_is_remembered(tx: Transaction) -> None:
    queue(tx, "a@x")
    late_ms = NOW + retry_schedule.DELAY_NOTICE_MS
    (job,) = take(tx, now_ms=late_ms)
    assert due_for_notice(tx, now_ms=late_ms, limit=10) == []
    why = DeferralReason("4.2.1", "450 later", "mx.x")
    deferred(tx, job, job.recipients[0], why, now_ms=late_ms, chance=0.5)
    assert [late.reason for late in due_for_notice(tx, now_ms=late_ms, limit=10)] == [why]


@pytest.mark.rfc("5321 §4.5.4.1", "SHOULD")
def test_retries_are_soon_at_first_and_then_rare() -> None:
    waits = [retry_schedule.retry_after_ms(attempt, 0.5) for attempt in range(1, 40)]
    assert waits[0] <= 2 * retry_schedule.MINUTE_MS
    assert waits == sorted(waits)
    assert waits[4] >= 30 * retry_schedule.MINUTE_MS
    assert retry_schedule.retry_after_ms(1, 0.0) < retry_schedule.retry_after_ms(1, 0.99)


def killed(tx: Transaction, now_ms: int) -> int:
    """A worker claims what is due and dies; the time at which its leases have run out."""
    claim_from(tx, "x", lease=1, now_ms=now_ms, jobs=10)
    return now_ms + LEASE_MS


def test_what_its_worker_leaves_unfinished_again_is_tried_at_a_time_of_its_own(tx: Transaction) -> None:
    for number in range(3):
        queue(tx, f"a{number}@x")
    now = NOW
    for _ in range(SPREAD_UNFINISHED):
        now = killed(tx, now)
    assert take(tx, now_ms=now) == []  # none is tried with the others
    alone = [claim_from(tx, "x", lease=1, now_ms=at, jobs=10) for at in range(now, now + SPREAD_MS, 1000)]
    assert sorted(map(len, alone))[-4:] == [0, 1, 1, 1]


def test_what_is_left_unfinished_time_and_again_is_held_and_says_why(tx: Transaction) -> None:
    queue(tx, "a@x")
    now, tries = NOW, 0
    for _ in range(4 * MAX_UNFINISHED):
        tries += len(take(tx, now_ms=now))
        now += LEASE_MS + SPREAD_MS
    assert tries == MAX_UNFINISHED
    (entry,) = listing(tx, Selection(), now_ms=now, limit=9)
    assert (entry.state, entry.last_reply) == ("held", HELD_REPLY)
    release(tx, Selection(), now_ms=now)
    assert addresses(take(tx, now_ms=now)) == [["a@x"]]


def test_a_result_ends_the_count_of_leases_without_one(tx: Transaction) -> None:
    queue(tx, "a@x")
    now = NOW
    for _ in range(4 * MAX_UNFINISHED):
        now = killed(tx, now)
        (job,) = take(tx, now_ms=now)
        assert deferred(tx, job, job.recipients[0], DeferralReason("4.0.0", "busy"), now_ms=now, chance=0.5)
        now += LEASE_MS
        entries = listing(tx, Selection(), now_ms=now, limit=9)
        now = max([now, *[entry.next_attempt_ms or 0 for entry in entries]])


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE queue_messages SET body = 'Y' WHERE id = 1",
        "DELETE FROM queue_messages WHERE id = 1",
        "UPDATE queue_recipients SET message = x'ff' WHERE message = 1",
    ],
)
def test_a_damaged_message_is_put_off_and_keeps_no_other_waiting(tx: Transaction, damage: str) -> None:
    queue(tx, "a@one.example", "b@one.example")
    queue(tx, "c@one.example")
    tx.execute(damage)
    assert take(tx) == []
    assert next_attempt_ms(tx, after_ms=NOW) == NOW + 1, "others have their turn at once"
    assert addresses(take(tx, now_ms=NOW + 1)) == [["c@one.example"]]
    replies = tx.rows("SELECT address, last_reply FROM queue_recipients WHERE lease = 0 ORDER BY id")
    assert replies == [("a@one.example", DAMAGED_REPLY), ("b@one.example", DAMAGED_REPLY)]
    assert take(tx) == []
    tx.execute("UPDATE queue_messages SET body = '7BIT'")  # repaired
    assert len(take(tx, now_ms=NOW + 10 * 60_000)) == ("body" in damage)


@pytest.mark.parametrize("column", MESSAGE_COLUMNS)
def test_a_message_is_put_off_just_where_fsck_finds_a_value_that_nobody_wrote(column: str) -> None:
    """A job has its values in memory: what comes of them later is told from no mistake of ours."""
    for value in (*VALUES, "'SEVENBIT'", "10", str(DATES_MS[1]), str(DATES_MS[1] + 1)):
        with open_transaction(BLOBS, SCHEMA) as tx:
            queue(tx, "a@one.example")
            if not damage(tx, "queue_messages", column, value):
                continue
            [check] = [one for one in INVARIANTS if one.name == "queued-message-values-valid"]
            damaged = bool(list(check.find(tx)))
            assert bool(take(tx)) is not damaged, value
            late = due_for_notice(tx, now_ms=NOW + retry_schedule.DELAY_NOTICE_MS, limit=10)
            assert not (damaged and late), value


@pytest.mark.parametrize("column", ["address", "notify", "original", "attempts", "unfinished", "due_at_ms"])
def test_a_damaged_recipient_is_put_off_and_keeps_no_other_waiting(column: str) -> None:
    for value in VALUES:
        with open_transaction(BLOBS, SCHEMA) as tx:
            queue(tx, "a@one.example", "b@one.example")
            queue(tx, "c@two.example")
            if not damage(tx, "queue_recipients", column, value):
                continue
            jobs = take(tx)
            assert {"b@one.example", "c@two.example"} <= {one for job in addresses(jobs) for one in job}, (
                value
            )
            for job in jobs:
                for recipient in job.recipients:
                    reason = DeferralReason("4.0.0", "busy")
                    assert deferred(tx, job, recipient, reason, now_ms=NOW, chance=0.5), value
            due_for_notice(tx, now_ms=NOW + retry_schedule.DELAY_NOTICE_MS, limit=10)


@pytest.mark.parametrize("column", ["address", "attempts", "last_status", "last_reply", "last_host"])
def test_a_damaged_recipient_keeps_nobody_from_being_told_of_a_delay(tx: Transaction, column: str) -> None:
    queue(tx, "a@one.example", "b@two.example")
    tx.execute(f"UPDATE queue_recipients SET {column} = x'ff' WHERE id = 1")
    late = due_for_notice(tx, now_ms=NOW + retry_schedule.DELAY_NOTICE_MS, limit=10)
    assert [delivery.recipient.address for delivery in late] == ["b@two.example"]


def damage(tx: Transaction, table: str, column: str, value: str) -> bool:
    """Put a value into the first row; whether the table can keep it. NULL it can keep where a page is damaged."""
    if value == "NULL":
        rows = tx.rows(f"SELECT sql FROM sqlite_master WHERE name = '{table}'")
        tx.execute("PRAGMA writable_schema = ON")
        sql = str(rows[0][0]).replace(" NOT NULL", "")
        tx.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (sql, table))
        tx.execute("PRAGMA schema_version = 99")
    try:
        tx.execute(f"UPDATE {table} SET {column} = {value} WHERE id = 1")
    except StatementFailed:
        return False
    return True


def test_a_damaged_time_keeps_no_other_destination_waiting(tx: Transaction) -> None:
    queue(tx, "a@one.example")
    queue(tx, "b@two.example")
    tx.execute("UPDATE queue_recipients SET due_at_ms = 'x' WHERE address = 'a@one.example'")
    assert addresses(take(tx)) == [["b@two.example"]]
    assert take(tx) == []


def test_every_lease_is_a_value_that_is_valid(tx: Transaction) -> None:
    queue(tx, "a@one.example")
    assert take(tx, lease=lease_of(2**32 - 1, 2**31 - 1))
    [check] = [one for one in INVARIANTS if one.name == "queued-recipient-values-valid"]
    assert isinstance(check.violations, str)
    assert tx.rows(check.violations) == []


def test_a_damaged_message_keeps_nobody_from_being_told_of_a_delay(tx: Transaction) -> None:
    queue(tx, "a@one.example")
    queue(tx, "b@two.example")
    tx.execute("UPDATE queue_messages SET body = 'Y' WHERE id = 1")
    late = due_for_notice(tx, now_ms=NOW + retry_schedule.DELAY_NOTICE_MS, limit=10)
    assert [delivery.recipient.address for delivery in late] == ["b@two.example"]
