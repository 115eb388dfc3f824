"""What is best known of each recipient on the way from host to host."""

from itertools import permutations

import pytest

from pillarbox.delivery.settle import Attempt
from pillarbox.protocol.smtp.client.envelope import Outcome, Verdict
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.schedule import Job, QueuedMessage, Waiting
from pillarbox.queue.spool import QueuedRecipient, QueueId
from pillarbox.server.relay.pace import Pace
from pillarbox.server.relay.progress import Progress

MESSAGE = QueuedMessage(QueueId(1), b"", 1, None, None, Body.SEVEN_BIT, False, False, None, None, 0, 1)
DELIVERED = Outcome(Verdict.DELIVERED, "2.0.0", "250 OK")
REFUSED = Outcome(Verdict.FAILED, "5.1.1", "550 no")
LATER = Outcome(Verdict.DEFERRED, "4.2.1", "450 later")
IN_DOUBT = Outcome(Verdict.DEFERRED, "4.4.2", "lost", said_by_server=False, in_doubt=True)
UNREACHABLE = Outcome(Verdict.DEFERRED, "4.4.1", "no answer", said_by_server=False)
LACKING = Outcome(Verdict.FAILED, "5.6.7", "lacks SMTPUTF8", said_by_server=False)


def progress(recipients: int = 1) -> Progress:
    waiting = tuple(
        Waiting(number, QueuedRecipient(f"{number}@x", "x"), 0) for number in range(1, recipients + 1)
    )
    return Progress(Job(1, "x", MESSAGE, waiting))


def after(*outcomes: Outcome) -> Outcome:
    one = progress()
    for outcome in outcomes:
        one.note(one.job.recipients, [Attempt(outcome, "mx")])
    return one.result().attempts[0].outcome


@pytest.mark.parametrize("final", [DELIVERED, REFUSED, IN_DOUBT])
def test_what_is_settled_stays_and_closes_the_matter(final: Outcome) -> None:
    for other in (LATER, UNREACHABLE, LACKING):
        assert after(final, other) is final
        assert after(other, final) is final
    one = progress(2)
    one.note(one.job.recipients[:1], [Attempt(final)])
    assert [waiting.id for waiting in one.open] == [2]


def test_a_servers_word_beats_ours_and_hope_beats_what_one_host_lacks() -> None:
    for first, second in permutations((LATER, UNREACHABLE)):
        assert after(first, second) is LATER
    for first, second in permutations((LACKING, UNREACHABLE)):
        assert after(first, second) is UNREACHABLE
    assert after(LACKING) is LACKING


def test_who_was_never_tried_is_deferred() -> None:
    one = progress(2)
    one.note_all(LATER, "mx")
    assert [attempt.outcome for attempt in one.result().attempts] == [LATER, LATER]
    assert progress().result().attempts[0].outcome.verdict is Verdict.DEFERRED


def test_a_destination_gets_more_connections_round_by_round_and_half_as_many_after_trouble() -> None:
    pace = Pace(8)
    seen = [pace.connections]
    for _ in range(100):
        pace.went_well()
        seen.append(pace.connections)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (2, 8)
    assert seen.index(4) > seen.index(3) + 2
    pace.went_badly()
    assert pace.connections == 4
    for _ in range(9):
        pace.went_badly()
    assert pace.connections == 1
