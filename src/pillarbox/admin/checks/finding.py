"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    FINE = "fine"
    WARNING = "warning"
    """It works, yet not as well as it should, or not for long."""
    PROBLEM = "problem"
    """Mail does not come in, go out or get read."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    level: Level
    subject: str
    """What was looked at: a domain, a file, a port."""
    found: str
    remedy: str = ""
    """What to do; empty where all is well."""


def fine(subject: str, found: str) -> Finding:
    """It is as it should be."""
    return Finding(Level.FINE, subject, found)


def warning(subject: str, found: str, remedy: str) -> Finding:
    """See `Level.WARNING`."""
    return Finding(Level.WARNING, subject, found, remedy)


def problem(subject: str, found: str, remedy: str) -> Finding:
    """See `Level.PROBLEM`."""
    return Finding(Level.PROBLEM, subject, found, remedy)
