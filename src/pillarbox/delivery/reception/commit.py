"""What is written when a message is accepted: put together before the transaction, and the verb itself."""

from dataclasses import dataclass

from msgspec import Struct

from pillarbox.delivery import report, responding, tracking
from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.destinations import Destinations
from pillarbox.delivery.envelope import Envelope, Origin
from pillarbox.delivery.reception.body import StoredMessage
from pillarbox.delivery.reception.writing import in_thread, write_below
from pillarbox.delivery.summarizing import summary_of
from pillarbox.delivery.text_form import text_form
from pillarbox.mail.dsn import RETURNED_OCTETS, Dsn
from pillarbox.mail.notification import Notification
from pillarbox.mail.vacation_reply import SubjectMessage
from pillarbox.protocol.smtp.commands import Body
from pillarbox.protocol.smtp.path import NULL
from pillarbox.queue import spool
from pillarbox.queue.submissions import NewSubmission
from pillarbox.reports import received as received_reports
from pillarbox.reports.observed import Observation, count_message
from pillarbox.reports.received import ReceivedReport
from pillarbox.store import authentication
from pillarbox.store.append import Message
from pillarbox.trust.results import MethodResult
from pillarbox.world.blobs import BlobWriter, PreparedBlob, prepare
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World


@dataclass(frozen=True, slots=True)
class SuccessReport:
    """A report of success for the sender, and the message it is about, of which only the header is returned."""

    notice: Dsn
    message: bytes


class Answerable(Struct, frozen=True, gc=False):
    """A message that may be answered automatically, and a random token for the answer."""

    about: SubjectMessage
    token: str


class Intake(Struct, frozen=True, gc=False):
    """A message, where it goes, and the report of success that its sender gets at once."""

    acceptance: Acceptance
    success: SuccessReport | None
    """`None` where it was not requested, or the reverse-path is null."""
    observation: Observation | None = None
    """What is to be reported of it."""
    report: ReceivedReport | None = None
    """The report that it carries."""
    submission: NewSubmission | None = None
    """What is remembered of it, where it was submitted by JMAP."""
    notification: Notification | None = None
    """What it says about mail that its recipients have sent."""
    answerable: Answerable | None = None
    """What recipients who are away answer."""


def commit(tx: Transaction, intake: Intake, *, now_ms: int) -> int | None:
    """Accept the message, and report success to a sender who requested it; count it, and keep the report in it.

    Returns the number of its submission, if it has one. Raises `NoSuchMailbox`, `NoSuchAccount` or `TooMuchHeld` as
    `accept` does.
    """
    acceptance = intake.acceptance
    queued = accept(tx, acceptance, now_ms=now_ms)
    submission = None
    if intake.submission:
        release = acceptance.outbound.release if acceptance.outbound else None
        release_at_ms = release.at_ms if release else None
        submission = tracking.record(
            tx, intake.submission, queued, release_at_ms=release_at_ms, now_ms=now_ms
        )
    if intake.notification and acceptance.message:
        for account in {placement.account for placement in acceptance.placements}:
            tracking.notified(tx, account, intake.notification, acceptance.message.blob.blob.digest)
    if intake.answerable:
        about, token = intake.answerable.about, intake.answerable.token
        responding.answer(tx, acceptance.placements, about, token, now_ms=now_ms)
    if intake.success:
        report.send(tx, intake.success.notice, intake.success.message)
    if intake.report:
        received_reports.keep(tx, intake.report, now_ms=now_ms)
    elif intake.observation:
        # Not what carries a report: there would be reports about reports for ever
        count_message(tx, intake.observation, now_ms=now_ms)
    return submission


class ReceivedMessage(Struct, frozen=True, gc=False, kw_only=True):
    """A message that was received whole."""

    origin: Origin
    envelope: Envelope
    destinations: Destinations
    stored: StoredMessage
    """With its trace fields."""
    return_path: bytes
    """The Return-Path field at its top, empty where it has none."""
    quarantined: bool
    authentication: tuple[MethodResult, ...] = ()
    """What checks have found."""
    observation: Observation | None = None
    report: ReceivedReport | None = None
    submission: NewSubmission | None = None
    notification: Notification | None = None


async def intake_of(received: ReceivedMessage, world: World, hostname: str) -> Intake:
    """What is to be written. Raises `DatabaseUnavailable` where the disk fails."""
    destinations, stored = received.destinations, received.stored
    outbound = None
    if destinations.remote:
        outbound = _outbound(received, await _queued_form(received, world), world.clock.now_ms())
    message = None
    if destinations.placements:
        blob, octets = stored.blob, stored.octets
        if received.envelope.body is Body.BINARY:
            blob, octets = await text_form(blob, octets, world.blobs)
        summary = await summary_of(octets, world.aside, crlf_only=stored.crlf_only)
        # Also where nothing was checked: so it is known that we have received it
        message = Message(blob, summary, authentication.encoded(received.authentication))
    acceptance = Acceptance(tuple(destinations.placements), message, outbound, received.quarantined)
    success = _success(received, world, hostname) if destinations.successes else None
    about = None
    if not received.quarantined and responding.may_answer(destinations.placements):
        about = await in_thread(
            responding.read_subject_message, received.envelope.reverse_path, stored.octets
        )
    return Intake(
        acceptance,
        success,
        received.observation,
        received.report,
        received.submission,
        received.notification,
        Answerable(about, nonce(world.entropy)) if about else None,
    )


async def _queued_form(received: ReceivedMessage, world: World) -> PreparedBlob:
    """Without the Return-Path field, which only the last server writes."""
    stored = received.stored
    if not received.return_path:
        return stored.blob
    start = len(received.return_path)
    if stored.blob.location is None:
        return prepare(stored.octets[start:])
    return await in_thread(_copied, world.blobs.writer(), stored.octets, start)


def _copied(writer: BlobWriter, octets: bytes, start: int) -> PreparedBlob:
    """In a thread: a large message from an offset on, as a file of its own."""
    write_below(writer, b"", octets, start)
    return writer.finish_now()


def _outbound(received: ReceivedMessage, blob: PreparedBlob, now_ms: int) -> spool.Outbound:
    envelope, account = received.envelope, received.origin.account
    body = envelope.body
    if body is Body.SEVEN_BIT and not received.stored.octets.isascii():
        body = Body.EIGHT_BIT  # many clients declare nothing and send 8-bit text; the next hop must know
    release = envelope.release
    return spool.Outbound(
        blob=blob,
        reverse_path=None if envelope.reverse_path is NULL else str(envelope.reverse_path),
        recipients=tuple(received.destinations.remote.values()),
        body=body,
        smtputf8=envelope.smtputf8,
        require_tls=envelope.require_tls,
        envelope_id=envelope.envelope_id,
        return_content=envelope.returns.value if envelope.returns else None,
        account=account.id if account else None,
        release=spool.Release(release.at_ms(now_ms), release.request) if release else None,
    )


def _success(received: ReceivedMessage, world: World, hostname: str) -> SuccessReport | None:
    """RFC 3461 §5.2.3, §5.2.7: reports of success."""
    envelope = received.envelope
    if envelope.reverse_path is NULL:
        return None
    now_ms = world.clock.now_ms()
    notice = Dsn(
        to=str(envelope.reverse_path),
        hostname=hostname,
        recipients=tuple(received.destinations.successes.values()),
        identity=nonce(world.entropy),
        now_ms=now_ms,
        arrived_at_ms=now_ms,
        envelope_id=envelope.envelope_id,
        headers_only=True,
        unauthenticated=received.origin.account is None,
        require_tls=envelope.require_tls,
    )
    # Some octets more, so that a header which ends there is seen to end
    return SuccessReport(notice, received.stored.octets[: RETURNED_OCTETS + 4])
