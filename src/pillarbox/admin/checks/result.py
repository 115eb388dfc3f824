"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How serious a result is."""

    OK = "ok"
    """Nothing to do."""
    ADVICE = "advice"
    """It works; it could be better. Not counted as wrong."""
    WARNING = "warning"
    """It works, but not as well as it should, or not for long."""
    PROBLEM = "problem"
    """Mail can't be received, sent or read."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked."""

    level: Level
    subject: str
    """What was checked: a domain, a file, a port."""
    found: str
    remedy: str = ""
    """What to do; empty if nothing."""


def ok(subject: str, found: str) -> CheckResult:
    """See `Level.OK`."""
    return CheckResult(Level.OK, subject, found)


def advice(subject: str, found: str, remedy: str) -> CheckResult:
    """See `Level.ADVICE`."""
    return CheckResult(Level.ADVICE, subject, found, remedy)


def warning(subject: str, found: str, remedy: str) -> CheckResult:
    """See `Level.WARNING`."""
    return CheckResult(Level.WARNING, subject, found, remedy)


def problem(subject: str, found: str, remedy: str) -> CheckResult:
    """See `Level.PROBLEM`."""
    return CheckResult(Level.PROBLEM, subject, found, remedy)


def unanswered(subject: str, reason: str) -> CheckResult:
    """A name could not be looked up."""
    return problem(
        subject,
        f"the DNS lookup failed: {reason}",
        "Check that this machine reaches its name servers (/etc/resolv.conf), or set [resolver] servers.",
    )
