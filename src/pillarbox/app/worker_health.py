"""What the supervisor makes of a worker that is silent, and of one that keeps on dying.

A worker counts its heartbeats (`world.shared.worker_table`) from its event loop: a loop that is held by something
counts no more. The supervisor counts how often it has looked and found the same number, rather than
seconds: after a suspended machine wakes up, nobody has been silent.
"""

from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

STEADY_S: Final = 60.0
"""A worker that lived as long did not die at its start."""
FIRST_DELAY_S: Final = 1.0
LONGEST_DELAY_S: Final = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long a worker may be silent."""

    look_s: float = 1.0
    """Seconds between two looks at the heartbeats."""
    told_looks: int = 5
    """Looks without a new heartbeat after which the operator is told."""
    killed_looks: int = 30
    """Looks after which the worker is killed, and so replaced."""


class Finding(Enum):
    """What a look at a worker's heartbeats came to."""

    WELL = auto()
    STUCK = auto()
    """It is to be told of; found once for each silence."""
    LOST = auto()
    """It is to be killed."""


@dataclass(slots=True)
class HeartbeatWatch:
    """Looks at one worker's count. Until the first heartbeat it is starting, which may take as long as it takes."""

    patience: Patience
    _seen: int
    """The count when we last looked; at first what the predecessor has left."""
    _silent: int = 0
    _started: bool = False

    def look(self, count: int) -> Finding:
        """Compare with the last look."""
        if count != self._seen:
            self._seen, self._silent, self._started = count, 0, True
        elif self._started:
            self._silent += 1
        if self._silent >= self.patience.killed_looks:
            return Finding.LOST
        return Finding.STUCK if self._silent == self.patience.told_looks else Finding.WELL


@dataclass(slots=True)
class RestartDelays:
    """How long to wait before a worker is replaced: at first not at all, and ever longer in a crash loop."""

    _crashes: dict[int, int] = field(default_factory=dict)

    def after(self, worker: int, lived_s: float) -> float:
        """Seconds to wait, now that this worker has died after so many."""
        crashes = 0 if lived_s >= STEADY_S else self._crashes.get(worker, 0)
        self._crashes[worker] = crashes + 1
        return min(FIRST_DELAY_S * 2 ** min(crashes - 1, 16), LONGEST_DELAY_S) if crashes else 0.0
