"""What was found, in words for an operator and in fields for a program."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be."""

    check: str
    """The name of the invariant, or `database` or `octets`."""
    what: str
    remedy: str
    """What `--repair` does about it, or what the operator can do."""
    mendable: bool


@dataclass(slots=True)
class Report:
    """Everything that was looked at and found."""

    checks: int = 0
    """Invariants that were looked at."""
    blobs: int = 0
    """Blobs whose octets were compared with their names."""
    findings: list[Finding] = field(default_factory=list)
    mended: list[str] = field(default_factory=list)
    """Names of the invariants that were mended."""

    @property
    def sound(self) -> bool:
        """Nothing was found."""
        return not self.findings
