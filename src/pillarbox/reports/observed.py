"""What is counted for reports: messages that were judged (DMARC), and sessions with other servers (TLS)."""

from collections.abc import Iterable

from msgspec import DecodeError, Struct, ValidationError, json
from msgspec.structs import replace

from pillarbox.reports import counting
from pillarbox.reports.counting import Counted
from pillarbox.reports.kind import ReportKind
from pillarbox.trust.dmarc_report import ReportRow
from pillarbox.trust.tls_report import SessionCount
from pillarbox.world.database import Transaction

_ROWS = json.Decoder(ReportRow)
_SESSIONS = json.Decoder(SessionCount)


class Observation(Struct, frozen=True):
    """A message that was judged, for the domain that wants to hear of it."""

    policy_domain: str
    record: str
    """Its policy record as it stands in the DNS."""
    row: ReportRow


def count_message(tx: Transaction, observation: Observation, *, now_ms: int) -> None:
    """Count a message that was accepted or refused."""
    row = json.encode(replace(observation.row, count=1)).decode()
    domain, record = observation.policy_domain, observation.record
    counting.count(tx, ReportKind.DMARC, domain, row, now_ms=now_ms, record=record)


def count_sessions(tx: Transaction, sessions: Iterable[SessionCount], *, now_ms: int) -> None:
    """Count sessions with other servers."""
    for one in sessions:
        row = json.encode(replace(one, count=1)).decode()
        counting.count(tx, ReportKind.TLS, one.policy.domain, row, now_ms=now_ms, times=one.count)


def messages(tx: Transaction, counted: Counted) -> tuple[ReportRow, ...]:
    """The rows of a report about DMARC; what is damaged is left out."""
    found = []
    for row, times in counting.rows(tx, counted):
        try:
            found.append(replace(_ROWS.decode(row), count=times))
        except (DecodeError, ValidationError):
            continue
    return tuple(found)


def sessions(tx: Transaction, counted: Counted) -> tuple[SessionCount, ...]:
    """The sessions of a report about TLS; what is damaged is left out."""
    found = []
    for row, times in counting.rows(tx, counted):
        try:
            found.append(replace(_SESSIONS.decode(row), count=times))
        except (DecodeError, ValidationError):
            continue
    return tuple(found)
