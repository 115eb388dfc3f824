"""What goes wrong, and when: all of it drawn from the seed.

A run has fault rates: for each kind of fault how often it occurs, from never to often. Faults occur only until
`until_s`; after that everything works, except for hosts that do not exist.
"""

import asyncio
from dataclasses import dataclass, fields
from enum import Enum
from random import Random

from tests.simulation.wire import NO_FAULTS, ConnectionFaults

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Flush(Enum):
    """The outcome of a commit."""

    DONE = "done"
    FULL = "disk full: nothing was written"
    CUT_BEFORE = "power cut before it was durable"
    CUT_AFTER = "power cut after it was durable, before anyone was answered"


@dataclass(frozen=True, slots=True)
class FaultRates:
    """How often each kind of fault occurs, per opportunity."""

    refused: float = 0.0
    silent: float = 0.0
    cut: float = 0.0
    vanishing: float = 0.0
    slow: float = 0.0
    in_pieces: float = 0.0
    tls: float = 0.0
    dns: float = 0.0
    disk_full: float = 0.0
    power: float = 0.0
    crash: float = 0.0
    targeted: float = 0.0
    """A fault just after a server has sent a final reply."""
    misbehaviour: float = 0.0

    @classmethod
    def drawn(cls, chance: Random) -> "FaultRates":
        """Rates of which about half are not zero."""
        happens = [(one.name, chance.random() < 0.5, chance.random()) for one in fields(cls)]
        return cls(**{name: share * _MAX_RATES[name] if at_all else 0.0 for name, at_all, share in happens})


_MAX_RATES = {
    "refused": 0.4,
    "silent": 0.2,
    "cut": 0.5,
    "vanishing": 0.3,
    "slow": 0.3,
    "in_pieces": 1.0,
    "tls": 0.4,
    "dns": 0.4,
    "disk_full": 0.15,
    "power": 0.06,
    "crash": 0.02,
    "targeted": 0.6,
    "misbehaviour": 0.5,
}


class FaultInjector:
    """Decides at each opportunity whether a fault occurs."""

    def __init__(self, chance: Random, *, until_s: float) -> None:
        self.rates = FaultRates.drawn(chance)
        self.until_s = until_s
        self.chance = chance

    @property
    def over(self) -> bool:
        """Whether no more faults occur."""
        return asyncio.get_running_loop().time() >= self.until_s

    def occurs(self, rate: float) -> bool:
        """Whether a fault of this rate occurs now."""
        return rate > 0 and not self.over and self.chance.random() < rate

    def for_connection(self) -> ConnectionFaults:
        """The faults of a new connection."""
        if self.over:
            return NO_FAULTS
        rates, chance = self.rates, self.chance
        if self.occurs(rates.refused):
            return ConnectionFaults(refused=True)
        if self.occurs(rates.silent):
            return ConnectionFaults(silent=True)
        troubled = self.occurs(rates.cut)
        deaf = self.occurs(rates.vanishing)
        at = chance.randrange(1, chance.choice((100, 400, 900, 1800)))
        way = chance.choice(("up", "down"))
        slow = chance.choice((1.0, 30.0, 140.0, 145.0, 200.0, 700.0)) if self.occurs(rates.slow) else 0.0
        return ConnectionFaults(
            delay_s=0.02 + slow,
            in_pieces=self.occurs(rates.in_pieces),
            tls_fails=self.occurs(rates.tls),
            up_cut=at if troubled and way == "up" else None,
            down_cut=at if troubled and way == "down" else None,
            up_lost=at if deaf and not troubled and way == "up" else None,
            down_lost=at if deaf and not troubled and way == "down" else None,
        )

    def flush(self) -> Flush:
        """The outcome of a commit."""
        if self.occurs(self.rates.disk_full):
            return Flush.FULL
        if self.occurs(self.rates.power):
            return self.chance.choice((Flush.CUT_BEFORE, Flush.CUT_AFTER))
        return Flush.DONE
