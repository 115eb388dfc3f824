"""How far a job has come: for each of its recipients the best that is known so far.

What is always true: a recipient that was delivered, or that a server refused for good, stays so; one whose
message may have arrived (the answer never came) is not offered to another server at once, lest it
arrive twice; and a word from a server is not replaced by our own words about another one.
"""

from collections.abc import Iterable, Sequence

from pillarbox.delivery.settle import Attempt, Result
from pillarbox.protocol.smtp.client.envelope import Outcome, Verdict
from pillarbox.queue.schedule import Job, Waiting

NOTHING_TRIED = Outcome(Verdict.DEFERRED, "4.4.1", "no server could be reached", said_by_server=False)


class Progress:
    """One job on its way from host to host."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.reached = False
        """Some host has greeted us."""
        self.connections = 0
        """Connections that were tried."""
        self.sessions = 0
        """Hosts to which the message was offered."""
        self.lost = False
        """Somebody else is at it now: nobody is offered it any more."""
        self._attempts: list[Attempt | None] = [None] * len(job.recipients)

    @property
    def open(self) -> list[Waiting]:
        """Recipients for whom another host may be tried."""
        if self.lost:
            return []
        pairs = zip(self.job.recipients, self._attempts, strict=True)
        return [waiting for waiting, attempt in pairs if attempt is None or not _settled(attempt)]

    def note(self, recipients: Sequence[Waiting], attempts: Sequence[Attempt]) -> None:
        """How an attempt ended for these recipients, which are in the order of the job."""
        places: Iterable[int] = range(len(self._attempts))
        if len(recipients) < len(self._attempts):
            place_of = {waiting.id: place for place, waiting in enumerate(self.job.recipients)}
            places = [place_of[waiting.id] for waiting in recipients]
        for place, attempt in zip(places, attempts, strict=True):
            known = self._attempts[place]
            if known is None or _tells_more(attempt, known):
                self._attempts[place] = attempt

    def note_all(self, outcome: Outcome, host: str | None = None) -> None:
        """The same for all who are still open."""
        still_open = self.open
        self.note(still_open, [Attempt(outcome, host)] * len(still_open))

    def result(self) -> Result:
        """What is known in the end."""
        attempts = tuple(attempt or Attempt(NOTHING_TRIED) for attempt in self._attempts)
        return Result(self.job, attempts, self.reached)


def _settled(attempt: Attempt) -> bool:
    """Whether it makes no sense, or would be dangerous, to go on to another host."""
    said = attempt.outcome
    return said.verdict is Verdict.DELIVERED or said.in_doubt or _refused(said)


def _refused(said: Outcome) -> bool:
    return said.verdict is Verdict.FAILED and said.said_by_server


def _tells_more(new: Attempt, known: Attempt) -> bool:
    if _settled(known):
        return False
    if _settled(new):
        return True
    # One host lacks what the message needs, another cannot say now: there is hope yet.
    if new.outcome.verdict is not known.outcome.verdict:
        return new.outcome.verdict is Verdict.DEFERRED
    return new.outcome.said_by_server or not known.outcome.said_by_server
