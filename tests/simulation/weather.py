"""What goes wrong, and when: all of it drawn from the seed.

A run has a climate: for each kind of trouble how often it strikes, from never to often. Trouble comes only until
`calm_at_s`; after that everything works, except for hosts that are gone for good.
"""

import asyncio
from dataclasses import dataclass, fields
from enum import Enum
from random import Random

from tests.simulation.wire import GOOD, RecipientResult

MINUTE = 60.0
HOUR = 60 * MINUTE
DAY = 24 * HOUR


class Flush(Enum):
    """What becomes of a commit."""

    DONE = "done"
    FULL = "disk full: nothing was written"
    CUT_BEFORE = "power cut before it was durable"
    CUT_AFTER = "power cut after it was durable, before anybody heard"


@dataclass(frozen=True, slots=True)
class Climate:
    """How often each kind of trouble strikes, per opportunity."""

    refused: float = 0.0
    silent: float = 0.0
    cut: float = 0.0
    vanishing: float = 0.0
    slow: float = 0.0
    in_pieces: float = 0.0
    tls: float = 0.0
    names: float = 0.0
    disk_full: float = 0.0
    power: float = 0.0
    crash: float = 0.0
    malice: float = 0.0
    """Of all moments, it strikes when a server has just answered for a message."""
    whims: float = 0.0

    @classmethod
    def drawn(cls, chance: Random) -> "Climate":
        """A climate in which about half of all troubles happen at all."""
        happens = [(one.name, chance.random() < 0.5, chance.random()) for one in fields(cls)]
        return cls(**{name: share * _WORST[name] if at_all else 0.0 for name, at_all, share in happens})


_WORST = {
    "refused": 0.4,
    "silent": 0.2,
    "cut": 0.5,
    "vanishing": 0.3,
    "slow": 0.3,
    "in_pieces": 1.0,
    "tls": 0.4,
    "names": 0.4,
    "disk_full": 0.15,
    "power": 0.06,
    "crash": 0.02,
    "malice": 0.6,
    "whims": 0.5,
}


class Weather:
    """Decides, each time it is asked."""

    def __init__(self, chance: Random, *, calm_at_s: float) -> None:
        self.climate = Climate.drawn(chance)
        self.calm_at_s = calm_at_s
        self.chance = chance

    @property
    def calm(self) -> bool:
        """Whether all troubles are over."""
        return asyncio.get_running_loop().time() >= self.calm_at_s

    def strikes(self, rate: float) -> bool:
        """Whether trouble of this rate happens now."""
        return rate > 0 and not self.calm and self.chance.random() < rate

    def fate(self) -> RecipientResult:
        """What will happen to a new connection."""
        if self.calm:
            return GOOD
        climate, chance = self.climate, self.chance
        if self.strikes(climate.refused):
            return RecipientResult(refused=True)
        if self.strikes(climate.silent):
            return RecipientResult(silent=True)
        troubled = self.strikes(climate.cut)
        deaf = self.strikes(climate.vanishing)
        at = chance.randrange(1, chance.choice((100, 400, 900, 1800)))
        way = chance.choice(("up", "down"))
        slow = chance.choice((1.0, 30.0, 140.0, 145.0, 200.0, 700.0)) if self.strikes(climate.slow) else 0.0
        return RecipientResult(
            delay_s=0.02 + slow,
            in_pieces=self.strikes(climate.in_pieces),
            tls_fails=self.strikes(climate.tls),
            up_cut=at if troubled and way == "up" else None,
            down_cut=at if troubled and way == "down" else None,
            up_lost=at if deaf and not troubled and way == "up" else None,
            down_lost=at if deaf and not troubled and way == "down" else None,
        )

    def flush(self) -> Flush:
        """What becomes of a commit."""
        if self.strikes(self.climate.disk_full):
            return Flush.FULL
        if self.strikes(self.climate.power):
            return self.chance.choice((Flush.CUT_BEFORE, Flush.CUT_AFTER))
        return Flush.DONE
