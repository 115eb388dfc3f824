"""How attempts end: who leaves the queue, who stays, and which DSNs are sent, all in one transaction."""

import email
from collections.abc import Iterator
from email.message import Message

import pytest

from pillarbox.delivery.report import Sent
from pillarbox.delivery.settle import DeliveryAttempt, JobResult, ReportingMta, send_due_notices, settle
from pillarbox.directory import accounts, domains, quota
from pillarbox.directory.schema import SCHEMA as DIRECTORY
from pillarbox.mail.dsn import Action
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue import retry_schedule
from pillarbox.queue.schedule import Job, claim
from pillarbox.queue.schema import SCHEMA as QUEUE
from pillarbox.queue.spool import LIFETIME_MS, Outbound, QueuedRecipient, enqueue
from pillarbox.store import mailboxes
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import DatabaseBlobs, prepare
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import SeededEntropy
from tests.kit.database import open_transaction
from tests.kit.mail.parts import parts_of

NOW = 1_700_000_000_000
OCTETS = b"From: anna@one.example\r\nSubject: Plan\r\n\r\nThe body.\r\n"
BLOB_STORE = DatabaseBlobs()
MTA = ReportingMta("mx.one.example", BLOB_STORE, SeededEntropy(1))

DELIVERED = Outcome(OutcomeKind.DELIVERED, "2.0.0", "250 2.0.0 OK")
DEFERRED = Outcome(OutcomeKind.DEFERRED, "4.2.1", "450 4.2.1 later")
FAILED = Outcome(OutcomeKind.FAILED, "5.1.1", "550 5.1.1 no such user")


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(BLOBS, DIRECTORY, STORE, QUEUE) as transaction:
        domains.create(transaction, "one.example", now_ms=NOW)
        account = accounts.create(transaction, "anna@one.example", scram_salt=bytes(16), now_ms=NOW)
        mailboxes.create_defaults(transaction, account.id, now_ms=NOW)
        yield transaction


def queue(
    tx: Transaction,
    *notify: str,
    sender: str | None = "anna@one.example",
    body: Body = Body.EIGHT_BIT,
    envelope_id: str | None = None,
    return_content: str | None = None,
    submitted: bool = True,
) -> tuple[Job, ...]:
    """Queue a message for r0, r1, ... with these values of NOTIFY, and lease it."""
    recipients = tuple(
        QueuedRecipient(f"r{number}@x.example", "x.example", keywords, f"rfc822;orig{number}@x")
        for number, keywords in enumerate(notify)
    )
    anna = accounts.by_login(tx, "anna@one.example")
    assert anna
    message = Outbound(
        prepare(OCTETS),
        sender,
        recipients,
        body,
        envelope_id=envelope_id,
        return_content=return_content,
        account=anna.id if submitted else None,
    )
    enqueue(tx, message, now_ms=NOW)
    return tuple(claim(tx, lease=7, now_ms=NOW, jobs=5))


def result(job: Job, *outcomes: Outcome, supports_dsn: bool = False, reached: bool = True) -> JobResult:
    return JobResult(
        job, tuple(DeliveryAttempt(one, "mx.x.example", supports_dsn) for one in outcomes), reached
    )


def inbox(tx: Transaction) -> list[Message]:
    rows = tx.rows("SELECT blob FROM emails ORDER BY id")
    return [email.message_from_bytes(BLOB_STORE.read(tx, digest)) for (digest,) in rows]


def waiting(tx: Transaction) -> list[str]:
    return [address for (address,) in tx.rows("SELECT address FROM queue_recipients ORDER BY id")]


def actions_in(report: Message) -> list[tuple[str, str]]:
    """(recipient, action) of each recipient of a report."""
    blocks = parts_of(parts_of(report)[1])[1:]
    return [(block["Final-Recipient"].partition("; ")[2], block["Action"]) for block in blocks]


@pytest.mark.rfc("3461 §5.2.6", "MUST")
def test_each_recipient_has_its_own_result_and_failures_are_reported(tx: Transaction) -> None:
    (job,) = queue(tx, "", "", "", "NEVER", envelope_id="id")
    results = settle(tx, [result(job, DELIVERED, DEFERRED, FAILED, FAILED)], MTA, now_ms=NOW)
    assert waiting(tx) == ["r1@x.example"]
    assert [(one.action, one.dsn) for one in results] == [
        (Action.RELAYED, None),
        (Action.DELAYED, None),
        (Action.FAILED, Sent.DELIVERED),
        (Action.FAILED, None),
    ]
    (report,) = inbox(tx)
    assert report["Return-Path"] == "<>"
    assert report["To"] == "<anna@one.example>"
    assert actions_in(report) == [("r2@x.example", "failed")]
    text = report.as_string()
    for line in (
        "Original-Envelope-Id: id",
        "Original-Recipient: rfc822; orig2@x",
        "Remote-MTA: dns; mx.x.example",
        "Diagnostic-Code: smtp; 550 5.1.1 no such user",
        "The body.",
    ):
        assert line in text


@pytest.mark.rfc("3461 §5.2.2", "MUST")
def test_success_is_reported_if_the_next_server_will_not(tx: Transaction) -> None:
    (job,) = queue(tx, "SUCCESS", "FAILURE", "SUCCESS")
    settle(tx, [result(job, DELIVERED, DELIVERED, DEFERRED)], MTA, now_ms=NOW)
    (report,) = inbox(tx)
    assert actions_in(report) == [("r0@x.example", "relayed")]
    assert "The body." not in report.as_string()


def test_success_is_left_to_a_server_that_reports(tx: Transaction) -> None:
    (job,) = queue(tx, "SUCCESS")
    settle(tx, [result(job, DELIVERED, supports_dsn=True)], MTA, now_ms=NOW)
    assert (waiting(tx), inbox(tx)) == ([], [])


@pytest.mark.rfc("3461 §5.2", "MUST NOT")
def test_nothing_is_reported_about_a_report(tx: Transaction) -> None:
    (job,) = queue(tx, "", "SUCCESS", sender=None)
    settle(tx, [result(job, FAILED, DELIVERED)], MTA, now_ms=NOW)
    assert (waiting(tx), inbox(tx)) == ([], [])


@pytest.mark.rfc("3461 §6.1", "MUST")
def test_a_report_to_another_provider_is_queued_with_the_null_path(tx: Transaction) -> None:
    (job,) = queue(tx, "", sender="you@else.example")
    (one,) = settle(tx, [result(job, FAILED)], MTA, now_ms=NOW)
    assert one.dsn is Sent.QUEUED
    assert tx.rows(
        "SELECT reverse_path, return_content, address, destination, notify FROM queue_messages"
        " JOIN queue_recipients ON message = queue_messages.id"
    ) == [(None, None, "you@else.example", "else.example", "NEVER")]


def test_a_report_finds_a_full_mailbox_and_not_one_that_is_gone(tx: Transaction) -> None:
    account = accounts.by_login(tx, "anna@one.example")
    assert account
    quota.set_account_quota(tx, account.id, 1)
    (job,) = queue(tx, "")
    assert settle(tx, [result(job, FAILED)], MTA, now_ms=NOW)[0].dsn is Sent.DELIVERED
    (job,) = queue(tx, "", sender="left@one.example")
    assert settle(tx, [result(job, FAILED)], MTA, now_ms=NOW)[0].dsn is Sent.UNDELIVERABLE


@pytest.mark.parametrize(("return_content", "body"), [("HDRS", Body.EIGHT_BIT), (None, Body.BINARY)])
def test_only_the_header_goes_back_where_that_was_asked_for_or_text_cannot_hold_the_rest(
    tx: Transaction, return_content: str | None, body: Body
) -> None:
    (job,) = queue(tx, "", return_content=return_content, body=body)
    settle(tx, [result(job, FAILED)], MTA, now_ms=NOW)
    (report,) = inbox(tx)
    assert "Subject: Plan" in report.as_string()
    assert "The body." not in report.as_string()


def test_a_lost_lease_changes_nothing_and_causes_no_dsn(tx: Transaction) -> None:
    (job,) = queue(tx, "", "")
    stolen = Job(8, job.destination, job.message, job.recipients)
    assert settle(tx, [result(stolen, FAILED, DEFERRED)], MTA, now_ms=NOW) == []
    assert (len(waiting(tx)), inbox(tx)) == (2, [])


def test_what_was_acknowledged_is_delivered_though_its_lease_was_lost(tx: Transaction) -> None:
    (job,) = queue(tx, "", "")
    stolen = Job(8, job.destination, job.message, job.recipients)
    (one,) = settle(tx, [result(stolen, FAILED, DELIVERED)], MTA, now_ms=NOW)
    assert (one.address, waiting(tx), inbox(tx)) == ("r1@x.example", ["r0@x.example"], [])
    assert settle(tx, [result(job, DEFERRED, DEFERRED)], MTA, now_ms=NOW)[0].address == "r0@x.example"


@pytest.mark.rfc("5321 §4.5.4.1", "SHOULD")
def test_the_last_attempt_that_fails_for_now_is_a_failure(tx: Transaction) -> None:
    (job,) = queue(tx, "")
    settle(tx, [result(job, DEFERRED)], MTA, now_ms=NOW + LIFETIME_MS)
    assert waiting(tx) == []
    assert actions_in(inbox(tx)[0]) == [("r0@x.example", "failed")]


@pytest.mark.rfc("3461 §5.2.5", "MAY")
def test_a_delay_is_reported_once_and_only_if_requested(tx: Transaction) -> None:
    (job,) = queue(tx, "", "FAILURE", "DELAY")
    settle(tx, [result(job, DEFERRED, DEFERRED, DEFERRED)], MTA, now_ms=NOW)
    late = NOW + retry_schedule.DELAY_NOTICE_MS
    assert send_due_notices(tx, MTA, now_ms=late - 1) == []
    assert len(send_due_notices(tx, MTA, now_ms=late)) == 3
    assert send_due_notices(tx, MTA, now_ms=late) == []
    (report,) = inbox(tx)
    assert actions_in(report) == [("r0@x.example", "delayed"), ("r2@x.example", "delayed")]
    assert "Will-Retry-Until" in report.as_string()
    assert "450 4.2.1 later" in report.as_string()


def test_a_stranger_is_not_told_of_delays(tx: Transaction) -> None:
    (job,) = queue(tx, "", "DELAY", submitted=False)
    settle(tx, [result(job, DEFERRED, DEFERRED)], MTA, now_ms=NOW)
    late = NOW + retry_schedule.DELAY_NOTICE_MS
    assert [one.dsn for one in send_due_notices(tx, MTA, now_ms=late)] == [None, None]
    assert send_due_notices(tx, MTA, now_ms=late) == []
    assert inbox(tx) == []


def test_a_stranger_gets_nothing_of_the_message_back(tx: Transaction) -> None:
    (job,) = queue(tx, "", return_content="FULL", submitted=False)
    settle(tx, [result(job, FAILED)], MTA, now_ms=NOW)
    (report,) = inbox(tx)
    assert actions_in(report) == [("r0@x.example", "failed")]
    for foreign in ("Plan", "The body."):
        assert foreign not in report.as_string()


def test_a_message_expires_though_no_attempt_was_made(tx: Transaction) -> None:
    enqueue(
        tx,
        Outbound(prepare(OCTETS), "anna@one.example", (QueuedRecipient("r@x.example", "x.example"),)),
        now_ms=NOW,
    )
    end = NOW + LIFETIME_MS
    send_due_notices(tx, MTA, now_ms=end)
    assert waiting(tx) == []
    assert tx.value("SELECT count(*) FROM queue_messages") == 0
    assert actions_in(inbox(tx)[0]) == [("r@x.example", "failed")]


def test_an_unreachable_destination_is_paused_until_it_answers(tx: Transaction) -> None:
    (job,) = queue(tx, "")
    settle(tx, [result(job, DEFERRED, reached=False)] * 3, MTA, now_ms=NOW)
    closed = "SELECT failures, closed_until_ms > ? FROM queue_destinations"
    assert tx.row(closed, (NOW,)) == (1, 1)
    settle(tx, [result(job, DEFERRED)], MTA, now_ms=NOW + 10)
    assert tx.row(closed, (NOW,)) == (0, 0)
