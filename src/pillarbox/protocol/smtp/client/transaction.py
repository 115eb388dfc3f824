"""One mail transaction as the client sees it: which replies are awaited, and the outcomes so far.

Replies come in the order of the commands: MAIL, each RCPT, DATA. Invariant: `finish` gives one outcome for each
recipient.
"""

from collections import deque

from pillarbox.protocol.smtp.client.envelope import Envelope, Outcome, outcome_of, recipient_outcome
from pillarbox.protocol.smtp.client.events import Finished
from pillarbox.protocol.smtp.client.replies import Reply, ReplyKind

MAIL = -1
DATA = -2
"""Awaited replies that are not about a recipient; others are the recipient's place."""


class Transaction:
    """See the module."""

    __slots__ = ("_outcomes", "awaited", "envelope", "mail_refused")

    def __init__(self, envelope: Envelope) -> None:
        self.envelope = envelope
        self.awaited = deque(range(MAIL, len(envelope.recipients)))
        """The commands whose replies are still to come, in order."""
        self.mail_refused: Outcome | None = None
        """Why MAIL was refused, if it was: the outcome for every recipient."""
        self._outcomes: list[Outcome | None] = [None] * len(envelope.recipients)

    @property
    def all_refused(self) -> bool:
        """Whether no recipient is left to deliver to."""
        return all(self._outcomes)

    def answered(self, reply: Reply) -> bool:
        """Note the reply to the command awaited longest; whether that was DATA, whose reply is the caller's."""
        place = self.awaited.popleft()
        if place == DATA:
            return True
        if place == MAIL:
            if reply.kind is not ReplyKind.POSITIVE:
                self.mail_refused = outcome_of(reply)
        elif reply.kind is not ReplyKind.POSITIVE:
            self._outcomes[place] = recipient_outcome(reply)
        return False

    def envelope_answered(self) -> None:
        """All replies to MAIL and RCPT have come: where MAIL was refused, they count for nothing."""
        if self.mail_refused:
            self._outcomes = [self.mail_refused] * len(self._outcomes)

    def finish(self, rest: Outcome | None = None) -> Finished:
        """The outcomes; `rest` is that of the recipients which have none yet."""
        outcomes = tuple(outcome or rest for outcome in self._outcomes)
        assert None not in outcomes
        return Finished(tuple(outcome for outcome in outcomes if outcome))
