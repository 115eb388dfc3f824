"""How attempts ended, written down: outcomes of a batch of jobs and what their senders are to hear, in one
transaction.

What is always true: a recipient that leaves the queue was delivered, or failed and its sender was told so
if it wanted to be (RFC 3461 §5.2); a job whose lease was lost changes nothing and tells nobody. Who is
late is found by the clock, tried or not: `tell_overdue`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from pillarbox.delivery.report import Sent, send
from pillarbox.mail.dsn import RETURNED_OCTETS, Action, Dsn, DsnRecipient, wished
from pillarbox.protocol.smtp.client.envelope import Outcome, Verdict
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue import outcome
from pillarbox.queue.outcome import Overdue, Reason
from pillarbox.queue.schedule import Job, QueuedMessage, Waiting
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Transaction
from pillarbox.world.entropy import Entropy, nonce

OVERDUE_AT_ONCE = 200
"""Recipients about whom senders are told in one transaction."""


class Attempt(NamedTuple):
    """How an attempt ended for one recipient.

    `host`: who said so, where a peer did. `reports`: the next server has taken over the duty to report
    (it knows DSN).
    """

    outcome: Outcome
    host: str | None = None
    reports: bool = False


class Result(NamedTuple):
    """How a job ended: an attempt for each of its recipients, in their order.

    `reached`: some host of the destination could be spoken to.
    """

    job: Job
    attempts: tuple[Attempt, ...]
    reached: bool


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports, and with what."""

    hostname: str
    blobs: Blobs
    entropy: Entropy


class RecipientResult(NamedTuple):
    """What became of one recipient, for the log. `report`: what its sender hears, if anything."""

    message: QueuedMessage
    address: str
    action: Action
    attempt: Attempt
    report: Sent | None = None


def settle(
    tx: Transaction, results: Sequence[Result], reporter: Reporter, *, now_ms: int
) -> list[RecipientResult]:
    """Write down a batch of results; return what became of the recipients that were still ours."""
    fates: list[RecipientResult] = []
    for result in results:
        fates += _settle_one(tx, result, reporter, now_ms)
    for destination, reached in _destinations(results).items():
        if reached:
            outcome.reached(tx, destination, now_ms=now_ms)
        else:
            outcome.unreachable(tx, destination, now_ms=now_ms, chance=reporter.entropy.uniform(0, 1))
    return fates


def tell_overdue(tx: Transaction, reporter: Reporter, *, now_ms: int) -> list[RecipientResult]:
    """Tell senders of what is late, and end what is too late; at most `OVERDUE_AT_ONCE` recipients."""
    late = outcome.overdue(tx, now_ms=now_ms, limit=OVERDUE_AT_ONCE)
    late.sort(key=lambda one: one.message.id)
    fates: list[RecipientResult] = []
    for _, group in groupby(late, key=lambda one: one.message.id):
        fates += _tell(tx, list(group), reporter, now_ms)
    return fates


def end_waiting(tx: Transaction, found: list[Overdue], reporter: Reporter | None, *, now_ms: int) -> None:
    """An operator ends the waiting of these; their senders are told, where there is a reporter."""
    for _, group in groupby(found, key=lambda one: one.message.id):
        ended = list(group)
        if reporter:
            said = Outcome(Verdict.FAILED, "5.0.0", "given up by the operator", said_by_server=False)
            _end(tx, ended, [Attempt(said)] * len(ended), reporter, now_ms)
        else:
            for one in ended:
                outcome.given_up(tx, one)


def _settle_one(tx: Transaction, result: Result, reporter: Reporter, now_ms: int) -> list[RecipientResult]:
    job = result.job
    chance = reporter.entropy.uniform(0, 1)
    endings = [
        (waiting, attempt, _action(attempt, job.message, now_ms))
        for waiting, attempt in zip(job.recipients, result.attempts, strict=True)
    ]
    returned = _returned(tx, job.message, reporter) if any(map(_worth_telling, endings)) else b""
    subjects, fates = [], []
    for waiting, attempt, action in endings:
        if action is Action.DELAYED:
            said = attempt.outcome
            reason = Reason(said.status, said.text, attempt.host)
            if outcome.deferred(tx, job, waiting, reason, now_ms=now_ms, chance=chance):
                fates.append(RecipientResult(job.message, waiting.recipient.address, action, attempt))
        elif _leaves(tx, job, waiting, action):
            fates.append(RecipientResult(job.message, waiting.recipient.address, action, attempt))
            if _worth_telling((waiting, attempt, action)):
                subjects.append(_subject(waiting, attempt, action, now_ms))
    return _with_report(tx, fates, _Report(job.message, tuple(subjects), returned, reporter), now_ms)


def _leaves(tx: Transaction, job: Job, waiting: Waiting, action: Action) -> bool:
    """Whether it was for us to end the wait."""
    end = outcome.finished if action is Action.FAILED else outcome.delivered
    return end(tx, job, waiting)


def _action(attempt: Attempt, message: QueuedMessage, now_ms: int) -> Action:
    match attempt.outcome.verdict:
        case Verdict.DELIVERED:
            return Action.DELIVERED if attempt.reports else Action.RELAYED
        case Verdict.FAILED:
            return Action.FAILED
        case Verdict.DEFERRED:
            return Action.FAILED if now_ms >= message.expires_at_ms else Action.DELAYED


def _worth_telling(ending: tuple[Waiting, Attempt, Action]) -> bool:
    """Delays are told by the clock; and who has taken over to report reports of success, too."""
    waiting, _, action = ending
    told = action in (Action.FAILED, Action.RELAYED)
    return told and wished(waiting.recipient.notify, action)


def _subject(waiting: Waiting, attempt: Attempt, action: Action, attempted_at_ms: int | None) -> DsnRecipient:
    said = attempt.outcome
    return DsnRecipient(
        address=waiting.recipient.address,
        action=action,
        status=said.status,
        text=said.text,
        original=waiting.recipient.original,
        remote=attempt.host,
        attempted_at_ms=attempted_at_ms,
    )


def _tell(tx: Transaction, late: list[Overdue], reporter: Reporter, now_ms: int) -> list[RecipientResult]:
    """About recipients of one message."""
    message = late[0].message
    attempts = [_last_attempt(one) for one in late]
    if now_ms >= message.expires_at_ms:
        return _end(tx, late, attempts, reporter, now_ms)
    report = _about(tx, late, attempts, Action.DELAYED, reporter)
    for one in late:
        outcome.told(tx, one)
    fates = [
        RecipientResult(message, one.waiting.recipient.address, Action.DELAYED, attempt)
        for one, attempt in zip(late, attempts, strict=True)
    ]
    return _with_report(tx, fates, report, now_ms)


def _end(
    tx: Transaction, over: list[Overdue], attempts: list[Attempt], reporter: Reporter, now_ms: int
) -> list[RecipientResult]:
    """Recipients of one message are given up."""
    report = _about(tx, over, attempts, Action.FAILED, reporter)
    for one in over:
        outcome.given_up(tx, one)
    fates = [
        RecipientResult(one.message, one.waiting.recipient.address, Action.FAILED, attempt)
        for one, attempt in zip(over, attempts, strict=True)
    ]
    return _with_report(tx, fates, report, now_ms)


def _about(
    tx: Transaction, found: list[Overdue], attempts: list[Attempt], action: Action, reporter: Reporter
) -> "_Report":
    """What is to be told about recipients of one message, to a sender who wants to hear it."""
    subjects = tuple(
        _subject(one.waiting, attempt, action, None)
        for one, attempt in zip(found, attempts, strict=True)
        if wished(one.waiting.recipient.notify, action)
    )
    message = found[0].message
    return _Report(message, subjects, _returned(tx, message, reporter), reporter)


def _last_attempt(late: Overdue) -> Attempt:
    reason = late.reason or Reason("4.4.1", "no server could be reached")
    said = Outcome(Verdict.DEFERRED, reason.status, reason.reply, said_by_server=reason.host is not None)
    return Attempt(said, reason.host)


@dataclass(frozen=True, slots=True)
class _Report:
    """What is to be told about one message."""

    message: QueuedMessage
    subjects: tuple[DsnRecipient, ...]
    returned: bytes
    reporter: Reporter


def _with_report(
    tx: Transaction, fates: list[RecipientResult], report: _Report, now_ms: int
) -> list[RecipientResult]:
    """Send the report, where there is something to say and somebody to hear it."""
    to = report.message.reverse_path
    # RFC 5321 §6.1, RFC 3461 §5.2: nothing is reported about what has the null reverse-path
    if not report.subjects or to is None:
        return fates
    sent = send(tx, _notice(report, to, now_ms), report.returned)
    told = {subject.address for subject in report.subjects}
    return [
        RecipientResult(
            fate.message, fate.address, fate.action, fate.attempt, sent if fate.address in told else None
        )
        for fate in fates
    ]


def _notice(report: _Report, to: str, now_ms: int) -> Dsn:
    message = report.message
    return Dsn(
        to=to,
        hostname=report.reporter.hostname,
        subjects=report.subjects,
        identity=nonce(report.reporter.entropy),
        now_ms=now_ms,
        arrived_at_ms=message.queued_at_ms,
        retry_until_ms=message.expires_at_ms if now_ms < message.expires_at_ms else None,
        envelope_id=message.envelope_id,
        # Octets that are no lines (BINARYMIME) cannot stand in a report, which is text.
        headers_only=message.return_content == "HDRS" or message.body is Body.BINARY,
        require_tls=message.require_tls,
    )


def _returned(tx: Transaction, message: QueuedMessage, reporter: Reporter) -> bytes:
    """As much of the message as a report may need."""
    return reporter.blobs.read(tx, message.blob, 0, RETURNED_OCTETS + 1)


def _destinations(results: Iterable[Result]) -> dict[str, bool]:
    """The destinations of a batch, and whether one of their hosts could be spoken to."""
    found: dict[str, bool] = {}
    for result in results:
        name = result.job.destination
        found[name] = found.get(name, False) or result.reached
    return found


def descriptions(fates: Iterable[RecipientResult]) -> Iterator[dict[str, object]]:
    """What the log says of each recipient."""
    for fate in fates:
        said = fate.attempt.outcome
        yield {
            "queue_id": fate.message.id,
            "recipient": fate.address,
            "action": fate.action.value,
            "status": said.status,
            "reply": said.text,
            "host": fate.attempt.host,
            "report": fate.report.value if fate.report else None,
        }
