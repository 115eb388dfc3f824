"""Several workers at one queue, with leases that run out, workers that vanish, and a clock that jumps.

Only the verbs of `queue/`; no loop and no network. A worker claims, holds its jobs for a while, and then reports,
renews, gives back, or vanishes. Invariants: at no time do two workers hold a recipient by leases that run; a worker
that has lost a lease can change nothing; every recipient is served in the end, once.
"""

from dataclasses import dataclass, field
from random import Random

import pytest

from pillarbox.queue import control, outcome, schedule
from pillarbox.queue.inspection import Selection
from pillarbox.queue.outcome import DeferralReason
from pillarbox.queue.schedule import LEASE_MS, Job, PendingRecipient
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

DESTINATIONS = ("x", "y", "z")
STEPS = 150


@dataclass
class Worker:
    """A worker: its jobs, and until when it believes them leased."""

    held: list[tuple[Job, int]] = field(default_factory=list)


@dataclass
class Model:
    """The true state."""

    chance: Random
    now_ms: int = 1_000_000
    waiting: set[str] = field(default_factory=set)
    done: list[str] = field(default_factory=list)
    leased: dict[int, tuple[int, int]] = field(default_factory=dict)
    """By recipient's number: whose lease, and until when."""

    def enqueue(self, tx: Transaction) -> None:
        addresses = [
            f"{len(self.done) + len(self.waiting)}.{n}@{self.chance.choice(DESTINATIONS)}" for n in range(3)
        ]
        recipients = tuple(QueuedRecipient(one, one[-1]) for one in addresses)
        enqueue(tx, Outbound(prepare(addresses[0].encode()), "me@here", recipients), now_ms=self.now_ms)
        self.waiting.update(addresses)

    def claim(self, tx: Transaction, worker: Worker) -> None:
        lease = self.chance.randrange(1, 2**60)
        for job in schedule.claim(tx, lease=lease, now_ms=self.now_ms, jobs=self.chance.choice((1, 2, 5))):
            for one in job.recipients:
                _, until_ms = self.leased.get(one.id, (0, 0))
                assert until_ms <= self.now_ms, f"{one.address} is leased twice at once"
                assert one.address in self.waiting
                self.leased[one.id] = lease, self.now_ms + LEASE_MS
            worker.held.append((job, self.now_ms + LEASE_MS))
        self.forget_those_set_aside(tx)

    def forget_those_set_aside(self, tx: Transaction) -> None:
        """A lease that has run out is lost also where the claim that found it did not take the recipient."""
        for number, (lease, until_ms) in list(self.leased.items()):
            asked = "SELECT lease FROM queue_recipients WHERE id = ?"
            if until_ms <= self.now_ms and tx.value(asked, (number,)) != lease:
                del self.leased[number]

    def report(self, tx: Transaction, worker: Worker) -> None:
        if not worker.held:
            return
        job, _ = worker.held.pop(self.chance.randrange(len(worker.held)))
        for one in job.recipients:
            mine = self.leased.get(one.id, (0, 0))[0] == job.lease
            match self.chance.randrange(5):
                case 0 | 1:
                    reason, chance = DeferralReason("4.0.0", "later"), self.chance.random()
                    changed = outcome.deferred(tx, job, one, reason, now_ms=self.now_ms, chance=chance)
                    assert changed == mine, "a lost lease still counts, or one that was held does not"
                case 2:
                    changed = outcome.failed(tx, job, one)
                    assert changed == mine, "a lost lease still counts, or one that was held does not"
                    self.left(one, changed=changed)
                case _:
                    changed = outcome.delivered(tx, job, one)
                    assert changed == (one.address in self.waiting)
                    self.left(one, changed=changed)
            if changed:
                self.leased.pop(one.id, None)
        (outcome.destination_reached if self.chance.random() < 0.7 else self.unreachable)(
            tx, job.destination, now_ms=self.now_ms
        )

    def left(self, one: PendingRecipient, *, changed: bool) -> None:
        if changed:
            self.waiting.remove(one.address)
            self.done.append(one.address)

    def unreachable(self, tx: Transaction, destination: str, *, now_ms: int) -> None:
        outcome.destination_unreachable(tx, destination, now_ms=now_ms, chance=self.chance.random())

    def renew(self, tx: Transaction, worker: Worker) -> None:
        schedule.renew(tx, [job for job, _ in worker.held], now_ms=self.now_ms)
        for job, _ in worker.held:
            for one in job.recipients:
                if self.leased.get(one.id, (0, 0))[0] == job.lease:
                    self.leased[one.id] = job.lease, self.now_ms + LEASE_MS

    def give_back(self, tx: Transaction, worker: Worker) -> None:
        outcome.give_back(tx, [job for job, _ in worker.held], now_ms=self.now_ms)
        for job, _ in worker.held:
            for one in job.recipients:
                if self.leased.get(one.id, (0, 0))[0] == job.lease:
                    self.leased.pop(one.id)
        worker.held.clear()

    def next_attempts_are_due(self, tx: Transaction) -> None:
        """A destination's next attempt is no later than its first due recipient and the end of its pause."""
        for name, due_ms in tx.rows(
            "SELECT destination, min(due_at_ms) FROM queue_recipients GROUP BY destination"
        ):
            row = tx.row("SELECT turn_at_ms, closed_until_ms FROM queue_destinations WHERE name = ?", (name,))
            assert row is not None, f"{name} will never be tried"
            # A millisecond later where all that was claimed had to be set aside
            assert row[0] <= max(due_ms, row[1], self.now_ms + 1), f"{name} is tried too late"


@pytest.mark.parametrize("seed", range(30))
def test_many_workers_send_each_recipient_once(seed: int) -> None:
    chance = Random(seed)
    model, workers = Model(chance), [Worker() for _ in range(3)]
    with open_transaction(BLOBS, SCHEMA) as tx:
        for _ in range(STEPS):
            worker = chance.choice(workers)
            match chance.randrange(12):
                case 0 | 1:
                    model.enqueue(tx)
                case 2 | 3 | 4:
                    model.claim(tx, worker)
                case 5 | 6 | 7:
                    model.report(tx, worker)
                case 8:
                    model.renew(tx, worker)
                case 9 if chance.random() < 0.3:
                    worker.held.clear()  # it crashed
                case 10 if chance.random() < 0.3:
                    model.give_back(tx, worker)
                case _:
                    model.now_ms += chance.choice((1_000, 60_000, 600_000, LEASE_MS, 86_400_000))
            model.next_attempts_are_due(tx)
        drain(tx, model)
        assert not model.waiting
        assert len(model.done) == len(set(model.done))
        assert tx.value("SELECT count(*) FROM blobs") == 0
        assert tx.value("SELECT count(*) FROM queue_destinations") == 0


def drain(tx: Transaction, model: Model) -> None:
    """One worker, until the queue is empty; what is held because others crashed is released."""
    worker = Worker()
    control.release(tx, Selection(), now_ms=model.now_ms)
    while (attempt_ms := schedule.next_attempt_ms(tx)) is not None:
        model.now_ms = max(model.now_ms, attempt_ms)
        model.claim(tx, worker)
        while worker.held:
            model.report(tx, worker)
