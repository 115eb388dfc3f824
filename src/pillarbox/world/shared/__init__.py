"""Memory that the workers of one provider share; it is mapped before they are forked.

Limits hold for the provider, not for each of its processes: so connections are counted, and failed logins
recorded, in one place. What an operator asks of the server is answered by any worker: so what each has counted, and
what became of it, is there as well. It is gone with the last worker; what must outlive that is in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap

from pillarbox.world.entropy import Entropy, SystemEntropy
from pillarbox.world.shared import recent_events, worker_table
from pillarbox.world.shared.metrics import Family, Metrics, MetricsTable
from pillarbox.world.shared.open_counts import OpenCounts
from pillarbox.world.shared.open_counts import octets_for as octets_for_counts
from pillarbox.world.shared.recent_events import RecentEvents
from pillarbox.world.shared.tallies import TALLIES_OCTETS, Tallies, Tally
from pillarbox.world.shared.worker_table import WorkerTable

__all__ = [
    "Metrics",
    "OpenCounts",
    "RecentEvents",
    "Shared",
    "Tallies",
    "Tally",
    "WorkerTable",
    "for_one_alone",
    "shared_among",
]

_SECRET_OCTETS = 16


@dataclass(frozen=True, slots=True)
class Shared:
    """One worker's access to the shared memory."""

    worker: int
    """Its number, from 0; a replacement has the number of its predecessor."""
    workers: WorkerTable
    open_counts: OpenCounts
    tallies: Tallies
    metrics: Metrics
    recent: RecentEvents
    mark: int = 1
    """A number of 32 bits that this worker and its predecessors have, and no other, of an earlier run either; odd."""


def shared_among(workers: int, entropy: Entropy, families: Sequence[Family] = ()) -> Sequence[Shared]:
    """Access to one shared memory for each of so many workers, forked from this process.

    `families`: the metrics that they publish. The supervisor's recent events have the seat after the workers'.
    """
    secret = entropy.token_bytes(_SECRET_OCTETS)  # clients can't choose keys that collide
    run = int.from_bytes(secret[:3], "big")
    counts = _memory(octets_for_counts(workers))
    tallies = Tallies(_memory(TALLIES_OCTETS), secret)
    table = WorkerTable(_memory(worker_table.octets_for(workers)), workers)
    metrics = MetricsTable(families, _memory, workers) if families else None
    recent = _memory(recent_events.octets_for(workers + 1))
    return [
        Shared(
            seat,
            table,
            OpenCounts(counts, secret, seat, workers),
            tallies,
            Metrics(metrics, seat),
            RecentEvents(recent, seat),
            run << 8 | (seat & 0x7F) << 1 | 1,
        )
        for seat in range(workers)
    ]


def for_one_alone(families: Sequence[Family] = ()) -> Shared:
    """For a process that serves alone."""
    return shared_among(1, SystemEntropy(), families)[0]


def _memory(octets: int) -> memoryview:
    return memoryview(mmap(-1, octets))
