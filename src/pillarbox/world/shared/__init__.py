"""Memory that the workers of one provider share; it is mapped before they are forked.

Limits hold for the provider, not for each of its processes: so connections are counted, and failed logins
recorded, in one place. It is gone with the last worker; what must outlive that is in the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from mmap import mmap

from pillarbox.world.entropy import Entropy, SystemEntropy
from pillarbox.world.shared.open_counts import OpenCounts
from pillarbox.world.shared.open_counts import octets_for as octets_for_counts
from pillarbox.world.shared.tallies import TALLIES_OCTETS, Tallies, Tally

__all__ = ["OpenCounts", "Shared", "Tallies", "Tally", "for_one_alone", "shared_among"]

_SECRET_OCTETS = 16


@dataclass(frozen=True, slots=True)
class Shared:
    """One worker's access to the shared memory."""

    open_counts: OpenCounts
    tallies: Tallies


def shared_among(workers: int, entropy: Entropy) -> Sequence[Shared]:
    """Access to one shared memory for each of so many workers, forked from this process."""
    secret = entropy.token_bytes(_SECRET_OCTETS)  # clients can't choose keys that collide
    counts = memoryview(mmap(-1, octets_for_counts(workers)))
    tallies = Tallies(memoryview(mmap(-1, TALLIES_OCTETS)), secret)
    return [Shared(OpenCounts(counts, secret, seat, workers), tallies) for seat in range(workers)]


def for_one_alone() -> Shared:
    """For a process that serves alone."""
    return shared_among(1, SystemEntropy())[0]
