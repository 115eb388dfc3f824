"""What a check says."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, yet not as well as it should, or not for long."""
    PROBLEM = "problem"
    """Mail does not come in, go out or get read."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was looked at."""

    level: Level
    subject: str
    """What was looked at: a domain, a file, a port."""
    found: str
    remedy: str = ""
    """What to do; empty where all is well."""


def ok(subject: str, found: str) -> CheckResult:
    """It is as it should be."""
    return CheckResult(Level.OK, subject, found)


def warning(subject: str, found: str, remedy: str) -> CheckResult:
    """See `Level.WARNING`."""
    return CheckResult(Level.WARNING, subject, found, remedy)


def problem(subject: str, found: str, remedy: str) -> CheckResult:
    """See `Level.PROBLEM`."""
    return CheckResult(Level.PROBLEM, subject, found, remedy)
