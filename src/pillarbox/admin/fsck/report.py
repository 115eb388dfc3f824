"""The result of a check, in words for an operator and in fields for a program."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Problem:
    """A violation of an invariant, or damage."""

    check: str
    """The name of the invariant, or `database`, `schema` or `octets`."""
    what: str
    remedy: str
    """What `--repair` does about it, or what the operator can do."""
    repairable: bool


@dataclass(slots=True)
class Report:
    """What was checked, and the problems found."""

    checks: int = 0
    """Invariants that were checked."""
    blobs: int = 0
    """Blobs whose octets were compared with their digests."""
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What an operator should know, and what needs no repair."""
    repaired: list[str] = field(default_factory=list)
    """Names of the invariants whose violations were repaired."""

    @property
    def sound(self) -> bool:
        """No problem was found."""
        return not self.problems
