"""The kinds of reports."""

from enum import StrEnum


class ReportKind(StrEnum):
    """What a report is about; the values are kept and shown."""

    __hash__ = str.__hash__

    DMARC = "dmarc"
    TLS = "tls"
    FEEDBACK = "feedback"
    """One message: a complaint, or a failure of authentication; only received."""
    UNREADABLE = "unreadable"
    """It looked like a report, and could not be read."""
