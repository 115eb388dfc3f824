"""The best outcome that is known of each recipient, on the way from host to host."""

from itertools import permutations

import pytest

from pillarbox.delivery.settle import DeliveryAttempt
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.schedule import Job, PendingRecipient, QueuedMessage
from pillarbox.queue.spool import QueueId
from pillarbox.server.relay.concurrency import ConcurrencyLimit
from pillarbox.server.relay.progress import Progress

MESSAGE = QueuedMessage(QueueId(1), b"", 1, None, None, Body.SEVEN_BIT, False, False, None, None, 0, 1)
DELIVERED = Outcome(OutcomeKind.DELIVERED, "2.0.0", "250 OK")
REFUSED = Outcome(OutcomeKind.FAILED, "5.1.1", "550 no")
LATER = Outcome(OutcomeKind.DEFERRED, "4.2.1", "450 later")
IN_DOUBT = Outcome(OutcomeKind.DEFERRED, "4.4.2", "lost", said_by_server=False, in_doubt=True)
UNREACHABLE = Outcome(OutcomeKind.DEFERRED, "4.4.1", "no answer", said_by_server=False)
LACKING = Outcome(OutcomeKind.FAILED, "5.6.7", "lacks SMTPUTF8", said_by_server=False)


def progress(recipients: int = 1) -> Progress:
    pending = tuple(PendingRecipient(number, f"{number}@x") for number in range(1, recipients + 1))
    return Progress(Job(1, "x", MESSAGE, pending))


def after(*outcomes: Outcome) -> Outcome:
    one = progress()
    for outcome in outcomes:
        one.record(one.job.recipients, [DeliveryAttempt(outcome, "mx")])
    return one.result().attempts[0].outcome


@pytest.mark.parametrize("final", [DELIVERED, REFUSED, IN_DOUBT])
def test_what_is_settled_stays_and_closes_the_matter(final: Outcome) -> None:
    for other in (LATER, UNREACHABLE, LACKING):
        assert after(final, other) is final
        assert after(other, final) is final
    one = progress(2)
    one.record(one.job.recipients[:1], [DeliveryAttempt(final)])
    assert [recipient.id for recipient in one.open] == [2]


def test_a_servers_outcome_beats_ours_and_deferral_beats_what_one_host_lacks() -> None:
    for first, second in permutations((LATER, UNREACHABLE)):
        assert after(first, second) is LATER
    for first, second in permutations((LACKING, UNREACHABLE)):
        assert after(first, second) is UNREACHABLE
    assert after(LACKING) is LACKING


def test_recipients_never_tried_are_deferred() -> None:
    one = progress(2)
    one.record_all(LATER, "mx")
    assert [attempt.outcome for attempt in one.result().attempts] == [LATER, LATER]
    assert progress().result().attempts[0].outcome.kind is OutcomeKind.DEFERRED


def test_a_destination_gets_more_connections_round_by_round_and_half_as_many_after_trouble() -> None:
    limit = ConcurrencyLimit(8)
    seen = [limit.connections]
    for _ in range(100):
        limit.succeeded()
        seen.append(limit.connections)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (2, 8)
    assert seen.index(4) > seen.index(3) + 2
    limit.failed()
    assert limit.connections == 4
    for _ in range(9):
        limit.failed()
    assert limit.connections == 1
