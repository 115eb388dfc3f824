"""The queue as a whole."""

from pillarbox.queue.control import hold
from pillarbox.queue.inspection import Selection
from pillarbox.queue.overview import QueueOverview, WaitingDestination, overview
from pillarbox.queue.schedule import claim
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW = 1_700_000_000_000


def queue(tx: Transaction, *addresses: str, now_ms: int = NOW) -> None:
    recipients = tuple(QueuedRecipient(one, one.split("@")[1]) for one in addresses)
    enqueue(tx, Outbound(prepare(b"x"), "me@one.example", recipients), now_ms=now_ms)


def test_an_empty_queue() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        assert overview(tx, now_ms=NOW, destinations=3) == QueueOverview(0, 0, 0, 0, 0, None, ())


def test_what_waits_is_counted_by_state_and_destination() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        queue(tx, "a@x.example", "b@y.example", "c@y.example")
        queue(tx, "d@z.example", "e@z.example", "f@y.example", now_ms=NOW + 5)
        hold(tx, Selection(destination="z.example"), now_ms=NOW + 5)
        claim(tx, lease=1, now_ms=NOW + 5, jobs=1)
        found = overview(tx, now_ms=NOW + 5, destinations=2)
    assert (found.messages, found.recipients, found.held, found.oldest_ms) == (2, 6, 2, NOW)
    assert found.due + found.later == 4
    assert found.later > 0, "what is leased is not due"
    assert found.destinations == (
        WaitingDestination("y.example", 3, 0),
        WaitingDestination("z.example", 2, 2),
    )
