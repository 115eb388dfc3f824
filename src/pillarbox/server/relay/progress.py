"""The outcomes of a job so far: for each recipient the best that is known.

Invariants: a recipient that was delivered, or that a server rejected permanently, stays so; one whose message may
have arrived (the final reply never came) is not offered to another server in the same attempt, or it might arrive
twice; an outcome from a server is not replaced by one of our own about another server.
"""

from collections.abc import Iterable, Sequence

from pillarbox.delivery.settle import DeliveryAttempt, JobResult
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.queue.schedule import Job, PendingRecipient
from pillarbox.server.relay.session_counts import SessionCounts
from pillarbox.trust.tls_policy import HostRefused

NOT_TRIED = Outcome(OutcomeKind.DEFERRED, "4.4.1", "no server could be reached", said_by_server=False)


class Progress:
    """One job on its way from host to host."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.reached = False
        """Some host has sent a greeting, or must not be connected to."""
        self.connections = 0
        """Connections tried."""
        self.hosts_offered = 0
        """Hosts to which the message was offered."""
        self.lease_lost = False
        """Another worker may have the job: it is offered to no further host."""
        self.refused: HostRefused | None = None
        """A host to which the message must not go: the last one."""
        self.sessions = SessionCounts()
        self._attempts: list[DeliveryAttempt | None] = [None] * len(job.recipients)

    @property
    def open(self) -> list[PendingRecipient]:
        """Recipients for which another host may be tried."""
        if self.lease_lost:
            return []
        pairs = zip(self.job.recipients, self._attempts, strict=True)
        return [recipient for recipient, attempt in pairs if attempt is None or not _final(attempt)]

    def record(self, recipients: Sequence[PendingRecipient], attempts: Sequence[DeliveryAttempt]) -> None:
        """How an attempt ended for these recipients, which are in the order of the job."""
        places: Iterable[int] = range(len(self._attempts))
        if len(recipients) < len(self._attempts):
            place_of = {recipient.id: place for place, recipient in enumerate(self.job.recipients)}
            places = [place_of[recipient.id] for recipient in recipients]
        for place, attempt in zip(places, attempts, strict=True):
            known = self._attempts[place]
            if known is None or _supersedes(attempt, known):
                self._attempts[place] = attempt

    def record_all(self, outcome: Outcome, host: str | None = None) -> None:
        """The same outcome for all recipients that are still open."""
        still_open = self.open
        self.record(still_open, [DeliveryAttempt(outcome, host)] * len(still_open))

    def result(self) -> JobResult:
        """The outcomes, once no further host is tried."""
        attempts = tuple(attempt or DeliveryAttempt(NOT_TRIED) for attempt in self._attempts)
        return JobResult(self.job, attempts, self.reached, tuple(self.sessions.found))


def _final(attempt: DeliveryAttempt) -> bool:
    """Whether going on to another host would be pointless or unsafe."""
    outcome = attempt.outcome
    return outcome.kind is OutcomeKind.DELIVERED or outcome.in_doubt or _rejected(outcome)


def _rejected(outcome: Outcome) -> bool:
    return outcome.kind is OutcomeKind.FAILED and outcome.said_by_server


def _supersedes(new: DeliveryAttempt, known: DeliveryAttempt) -> bool:
    if _final(known):
        return False
    if _final(new):
        return True
    # One host lacks what the message needs, another defers: it may still be delivered.
    if new.outcome.kind is not known.outcome.kind:
        return new.outcome.kind is OutcomeKind.DEFERRED
    return new.outcome.said_by_server or not known.outcome.said_by_server
