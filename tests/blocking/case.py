"""One attack: what is sent, and by what it is bounded."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tests.blocking.target import Target


@dataclass(frozen=True, slots=True)
class Case:
    """Something that a peer may send, and that must not hold anybody else."""

    name: str
    """What is sent, in a few words: the row's title in `docs/security.md`."""
    limit: str
    """What bounds it."""
    attack: Callable[[Target], str]
    """Sends it, and returns what was answered: a reply, or a few words. Raises OSError where the server hung up
    unexpectedly."""
    settle_s: float = 1.0
    """How long others are still watched after it: until what goes on in the background is done."""
    memory_mib: int = 256
    """How much the server may grow meanwhile."""
    judged: bool = False
    """Against a provider that asks the attacker's name server (`Target.names`)."""


def judged(cases: Iterable[Case]) -> tuple[Case, ...]:
    """These against a provider that judges; its verdict is there soon after the answer."""
    return tuple([replace(case, judged=True, settle_s=0.3) for case in cases])
