"""Recording the results of delivery attempts, a batch of jobs in one transaction, with the DSNs they call for.

Invariants: a recipient that leaves the queue was delivered, or failed and its sender was sent a DSN if it asked
for one (RFC 3461 §5.2); a job whose lease was lost changes nothing and causes no DSN. Delays and expiries are
found by the clock, whether or not an attempt was made: `send_due_notices`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pillarbox.delivery import tracking
from pillarbox.delivery.report import Sent, send
from pillarbox.delivery.tracking import Fate
from pillarbox.mail.dsn import RETURNED_OCTETS, Action, Dsn, DsnRecipient, requested
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue import outcome
from pillarbox.queue.attempts import Peer
from pillarbox.queue.outcome import DeferralReason, QueuedDelivery
from pillarbox.queue.schedule import Job, PendingRecipient, QueuedMessage
from pillarbox.queue.submissions import NO, QUEUED, UNKNOWN
from pillarbox.reports.observed import count_sessions
from pillarbox.trust.tls_report import SessionCount
from pillarbox.world.blobs import BlobDamaged, Blobs
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import Entropy, nonce

MAX_NOTICES = 200
"""Recipients for whom DSNs about delays and expiries are sent in one transaction."""


class DeliveryAttempt(NamedTuple):
    """How an attempt ended for one recipient.

    `host`: the server that replied, if one did. `supports_dsn`: that server has taken over the duty to
    report (it announced DSN). `peer`: the server that was spoken to, whether or not it replied.
    """

    outcome: Outcome
    host: str | None = None
    supports_dsn: bool = False
    peer: Peer | None = None


class JobResult(NamedTuple):
    """How a job ended: an attempt for each of its recipients, in their order.

    `reached`: a host of the destination could be spoken to. `sessions`: what is counted for reports about TLS.
    """

    job: Job
    attempts: tuple[DeliveryAttempt, ...]
    reached: bool
    sessions: tuple[SessionCount, ...] = ()


@dataclass(frozen=True, slots=True)
class ReportingMta:
    """Who sends DSNs (RFC 3464 §2.2.2), and what it composes them with."""

    hostname: str
    blobs: Blobs
    entropy: Entropy


class RecipientResult(NamedTuple):
    """What became of one recipient, for the log. `dsn`: where a DSN about it went, if one was sent."""

    message: QueuedMessage
    address: str
    action: Action
    attempt: DeliveryAttempt
    dsn: Sent | None = None


def settle(
    tx: Transaction, results: Sequence[JobResult], mta: ReportingMta, *, now_ms: int
) -> list[RecipientResult]:
    """Record a batch of results; return what became of the recipients whose lease still held."""
    recorded: list[RecipientResult] = []
    for result in results:
        recorded += _settle_job(tx, result, mta, now_ms)
        if result.sessions:
            count_sessions(tx, result.sessions, now_ms=now_ms)
    for destination, reached in _destinations(results).items():
        if reached:
            outcome.destination_reached(tx, destination, now_ms=now_ms)
        else:
            chance = mta.entropy.uniform(0, 1)
            outcome.destination_unreachable(tx, destination, now_ms=now_ms, chance=chance)
    return recorded


def send_due_notices(tx: Transaction, mta: ReportingMta, *, now_ms: int) -> list[RecipientResult]:
    """Send the DSNs about delays that are due, and fail what has expired; at most `MAX_NOTICES` recipients."""
    late = outcome.due_for_notice(tx, now_ms=now_ms, limit=MAX_NOTICES)
    late.sort(key=lambda delivery: delivery.message.id)
    recorded: list[RecipientResult] = []
    for _, group in groupby(late, key=lambda delivery: delivery.message.id):
        recorded += _notify(tx, list(group), mta, now_ms)
    return recorded


def give_up(
    tx: Transaction, deliveries: list[QueuedDelivery], mta: ReportingMta | None, *, now_ms: int
) -> None:
    """Remove recipients on an operator's order, with failure DSNs unless `mta` is `None`."""
    for _, group in groupby(deliveries, key=lambda delivery: delivery.message.id):
        ended = list(group)
        given_up = Outcome(OutcomeKind.FAILED, "5.0.0", "given up by the operator", said_by_server=False)
        attempts = [DeliveryAttempt(given_up)] * len(ended)
        if mta:
            fail(tx, ended, attempts, mta, now_ms)
        else:
            _drop(tx, ended, attempts)


# --- results of jobs


def _settle_job(tx: Transaction, result: JobResult, mta: ReportingMta, now_ms: int) -> list[RecipientResult]:
    job = result.job
    chance = mta.entropy.uniform(0, 1)
    endings = [
        (recipient, attempt, _action(attempt, job.message, now_ms))
        for recipient, attempt in zip(job.recipients, result.attempts, strict=True)
    ]
    returned = _returned(tx, job.message, mta) if any(map(_needs_dsn, endings)) else b""
    about, recorded = [], []
    for recipient, attempt, action in endings:
        if action is Action.DELAYED:
            last = attempt.outcome
            reason = DeferralReason(last.status, last.text, attempt.host, attempt.peer)
            if outcome.deferred(tx, job, recipient, reason, now_ms=now_ms, chance=chance):
                recorded.append(RecipientResult(job.message, recipient.address, action, attempt))
        elif _removed(tx, job, recipient, action):
            recorded.append(RecipientResult(job.message, recipient.address, action, attempt))
            if _needs_dsn((recipient, attempt, action)):
                about.append(_dsn_recipient(recipient, attempt, action, now_ms))
    tracking.note(tx, job.message, map(_fate, recorded))
    return _with_dsn(tx, recorded, _PendingDsn(job.message, tuple(about), returned, mta), now_ms)


def _removed(tx: Transaction, job: Job, recipient: PendingRecipient, action: Action) -> bool:
    """Whether this result was the one to remove the recipient from the queue."""
    remove = outcome.failed if action is Action.FAILED else outcome.delivered
    return remove(tx, job, recipient)


def _action(attempt: DeliveryAttempt, message: QueuedMessage, now_ms: int) -> Action:
    match attempt.outcome.kind:
        case OutcomeKind.DELIVERED:
            return Action.DELIVERED if attempt.supports_dsn else Action.RELAYED
        case OutcomeKind.FAILED:
            return Action.FAILED
        case OutcomeKind.DEFERRED:
            return Action.FAILED if now_ms >= message.expires_at_ms else Action.DELAYED


def _needs_dsn(ending: tuple[PendingRecipient, DeliveryAttempt, Action]) -> bool:
    """Delays are reported by `send_due_notices`, and success by the next server where it supports DSN."""
    recipient, _, action = ending
    return action in (Action.FAILED, Action.RELAYED) and requested(recipient.notify, action)


# --- delays and expiries


def _notify(
    tx: Transaction, late: list[QueuedDelivery], mta: ReportingMta, now_ms: int
) -> list[RecipientResult]:
    """Recipients of one message for which a notice is due."""
    message = late[0].message
    attempts = [_last_attempt(delivery) for delivery in late]
    if now_ms >= message.expires_at_ms:
        return fail(tx, late, attempts, mta, now_ms)
    pending = _dsn_about(tx, late, attempts, Action.DELAYED, mta)
    for delivery in late:
        outcome.delay_notified(tx, delivery)
    return _with_dsn(tx, _results(late, attempts, Action.DELAYED), pending, now_ms)


def fail(
    tx: Transaction,
    deliveries: list[QueuedDelivery],
    attempts: list[DeliveryAttempt],
    mta: ReportingMta,
    now_ms: int,
) -> list[RecipientResult]:
    """Recipients of one message are given up."""
    pending = _dsn_about(tx, deliveries, attempts, Action.FAILED, mta)
    return _with_dsn(tx, _drop(tx, deliveries, attempts), pending, now_ms)


def _drop(
    tx: Transaction, deliveries: list[QueuedDelivery], attempts: list[DeliveryAttempt]
) -> list[RecipientResult]:
    for delivery in deliveries:
        outcome.dropped(tx, delivery)
    results = _results(deliveries, attempts, Action.FAILED)
    tracking.note(tx, deliveries[0].message, map(_fate, results))
    return results


_DELIVERED = {Action.FAILED: NO, Action.DELAYED: QUEUED}
"""What submissions say; who has taken a message need not be who keeps it."""


def _fate(result: RecipientResult) -> Fate:
    last = result.attempt.outcome
    reply = tracking.one_line(last.text, last.status)
    if not last.said_by_server:
        reply = f"{'450' if result.action is Action.DELAYED else '550'} {last.status} {last.text}"
    delivered = _DELIVERED.get(result.action, UNKNOWN)
    return Fate(result.address, delivered, reply, result.address if delivered == QUEUED else None)


def _results(
    deliveries: list[QueuedDelivery], attempts: list[DeliveryAttempt], action: Action
) -> list[RecipientResult]:
    return [
        RecipientResult(delivery.message, delivery.recipient.address, action, attempt)
        for delivery, attempt in zip(deliveries, attempts, strict=True)
    ]


def _last_attempt(late: QueuedDelivery) -> DeliveryAttempt:
    reason = late.reason or DeferralReason("4.4.1", "no server could be reached")
    by_server = reason.host is not None
    last = Outcome(OutcomeKind.DEFERRED, reason.status, reason.reply, said_by_server=by_server)
    return DeliveryAttempt(last, reason.host)


# --- DSNs


@dataclass(frozen=True, slots=True)
class _PendingDsn:
    """A DSN about one message, to be sent if it is about any recipient."""

    message: QueuedMessage
    recipients: tuple[DsnRecipient, ...]
    returned: bytes
    mta: ReportingMta


def _dsn_about(
    tx: Transaction,
    deliveries: list[QueuedDelivery],
    attempts: list[DeliveryAttempt],
    action: Action,
    mta: ReportingMta,
) -> _PendingDsn:
    """A DSN about those recipients of one message for which it was requested."""
    recipients = tuple(
        _dsn_recipient(delivery.recipient, attempt, action, None)
        for delivery, attempt in zip(deliveries, attempts, strict=True)
        if requested(delivery.recipient.notify, action)
    )
    message = deliveries[0].message
    if action is Action.DELAYED and message.account is None:
        recipients = ()  # RFC 3461 §4.1 leaves it to us, and the reverse-path may be anybody's
    return _PendingDsn(message, recipients, _returned(tx, message, mta), mta)


def _dsn_recipient(
    recipient: PendingRecipient, attempt: DeliveryAttempt, action: Action, attempted_at_ms: int | None
) -> DsnRecipient:
    return DsnRecipient(
        address=recipient.address,
        action=action,
        status=attempt.outcome.status,
        text=attempt.outcome.text,
        original=recipient.original,
        remote_mta=attempt.host,
        attempted_at_ms=attempted_at_ms,
    )


def _with_dsn(
    tx: Transaction, results: list[RecipientResult], pending: _PendingDsn, now_ms: int
) -> list[RecipientResult]:
    """Send the DSN if it is about any recipient, and note in the results where it went."""
    to = pending.message.reverse_path
    # RFC 5321 §6.1, RFC 3461 §5.2: nothing is reported to the null reverse-path
    if not pending.recipients or to is None:
        return results
    sent = send(tx, _dsn(pending, to, now_ms), pending.returned)
    reported = {recipient.address for recipient in pending.recipients}
    return [result._replace(dsn=sent) if result.address in reported else result for result in results]


def _dsn(pending: _PendingDsn, to: str, now_ms: int) -> Dsn:
    message = pending.message
    return Dsn(
        to=to,
        hostname=pending.mta.hostname,
        recipients=pending.recipients,
        identity=nonce(pending.mta.entropy),
        now_ms=now_ms,
        arrived_at_ms=message.queued_at_ms,
        retry_until_ms=message.expires_at_ms if now_ms < message.expires_at_ms else None,
        envelope_id=message.envelope_id,
        release_request=message.release_request,
        # BINARYMIME content cannot be returned in a DSN, which is made of lines.
        headers_only=message.return_content == "HDRS" or message.body is Body.BINARY,
        unauthenticated=message.account is None,
        require_tls=message.require_tls,
    )


def _returned(tx: Transaction, message: QueuedMessage, mta: ReportingMta) -> bytes:
    """As much of the message as a DSN may return; nothing of one that is damaged."""
    try:
        return mta.blobs.read(tx, message.blob, 0, RETURNED_OCTETS + 1)
    except BlobDamaged:
        return b""


def _destinations(results: Iterable[JobResult]) -> dict[str, bool]:
    """The destinations of a batch, and whether one of their hosts could be reached."""
    found: dict[str, bool] = {}
    for result in results:
        name = result.job.destination
        found[name] = found.get(name, False) or result.reached
    return found


def log_fields(results: Iterable[RecipientResult]) -> Iterator[dict[str, object]]:
    """The fields of the log event of each recipient."""
    for result in results:
        last = result.attempt.outcome
        yield {
            "queue_id": result.message.id,
            "recipient": result.address,
            "action": result.action.value,
            "status": last.status,
            "reply": last.text,
            "host": result.attempt.host,
            "security": result.attempt.peer.security if result.attempt.peer else None,
            "report": result.dsn.value if result.dsn else None,
        }
