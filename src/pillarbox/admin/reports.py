"""Reports about authentication and TLS, as operators look at them: those of others, and which were sent."""

from dataclasses import dataclass
from typing import Any, Final

from msgspec import DecodeError, ValidationError, json

from pillarbox.admin import concerns
from pillarbox.admin.concerns import Concern, OfDomain, OfProvider, Thing
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, OWNER, may
from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.reports import received, sent
from pillarbox.reports.counting import DAY_S
from pillarbox.reports.kind import ReportKind
from pillarbox.reports.received import ListedReport
from pillarbox.trust.dmarc_report import ReportRow
from pillarbox.trust.tls_report import PolicyReport
from pillarbox.world.database import Transaction

MAX_ROWS: Final = 100_000
"""Rows that a summary of a domain reads."""


class NoSuchReport(Exception):
    """There is no report of this number. The text says so."""


@dataclass(frozen=True, slots=True)
class SentReport:
    """A report of ours."""

    kind: ReportKind
    domain: str
    start_s: int
    sent_at_ms: int
    report_id: str
    recipients: tuple[str, ...]
    total: int


@dataclass(frozen=True, slots=True)
class ReportDetails:
    """A report of somebody else with its rows, which are as they came."""

    report: ListedReport
    rows: tuple[dict[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Source:
    """What others saw come from one address in a domain's name."""

    source_ip: str
    total: int
    failed: int
    """Neither an aligned signature nor an aligned sender passed."""
    refused: int
    """Refused or put aside, as the domain asks."""
    reporters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DomainSummary:
    """What others report about a domain."""

    domain: str
    days: int
    sources: tuple[Source, ...]
    """Those of which most has failed first."""
    sessions: int
    """With TLS, to the domain."""
    failed_sessions: int
    failures: dict[str, int]
    """Sessions by what went wrong (RFC 8460 §4.3)."""


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def listing(tx: Transaction, domain: str = "", kind: str = "", *, limit: int) -> list[ListedReport]:
    """Reports of others, the newest first."""
    return received.listing(tx, _key(domain), kind, limit=limit)


@may(OWNER)
def sent_listing(tx: Transaction, domain: str = "", *, limit: int) -> list[SentReport]:
    """Reports of ours, the newest first."""
    return [
        SentReport(
            one.kind,
            one.domain,
            one.day * DAY_S,
            one.sent_at_ms,
            one.report_id,
            tuple(one.recipients.split()),
            one.total,
        )
        for one in sent.listing(tx, _key(domain), limit=limit)
    ]


def _of_report(tx: Transaction, number: int) -> list[Thing]:
    found = received.one(tx, number)
    if found is None:
        return [OfProvider("a report that there is not")]
    return [OfDomain(f"report {number}", concerns.served(tx, found[0].domain))]


_OF_REPORT: Final = Concern("the domain of the report", ("number",), _of_report)


@may(DOMAIN_ADMINISTRATOR, of=_OF_REPORT)
def details(tx: Transaction, number: int) -> ReportDetails:
    """One report of somebody else. Raises `NoSuchReport`."""
    found = received.one(tx, number)
    if found is None:
        raise NoSuchReport(f"There is no report {number}. See: pillarbox reports list")
    report, rows = found
    return ReportDetails(report, tuple(row for text in rows if (row := _decoded(text))))


@may(DOMAIN_ADMINISTRATOR, of=concerns.domain("domain"))
def about(tx: Transaction, domain: str, *, days: int, now_ms: int) -> DomainSummary:
    """What others report about a domain, in the last days."""
    key, since_s = _key(domain), max(0, now_ms // 1000 - days * DAY_S)
    sources: dict[str, list[tuple[str, ReportRow]]] = {}
    dmarc = received.rows_about(tx, key, ReportKind.DMARC, since_s=since_s, limit=MAX_ROWS)
    for submitter, authenticated, text in dmarc:
        try:
            row = json.decode(text, type=ReportRow)
        except (DecodeError, ValidationError):
            continue
        sources.setdefault(row.source_ip, []).append(
            (submitter if authenticated else f"{submitter} (not authenticated)", row)
        )
    sessions = failed = 0
    failures: dict[str, int] = {}
    for _, _, text in received.rows_about(tx, key, ReportKind.TLS, since_s=since_s, limit=MAX_ROWS):
        try:
            policy = json.decode(text, type=PolicyReport)
        except (DecodeError, ValidationError):
            continue
        sessions += policy.succeeded + policy.failed
        failed += policy.failed
        for detail in policy.details:
            failures[detail.result] = failures.get(detail.result, 0) + detail.count
    found = sorted(
        (_source(ip, rows) for ip, rows in sources.items()), key=lambda one: (-one.failed, -one.total)
    )
    return DomainSummary(key, days, tuple(found), sessions, failed, failures)


def _source(source_ip: str, rows: list[tuple[str, ReportRow]]) -> Source:
    failed = [row for _, row in rows if row.dkim != "pass" and row.spf != "pass"]
    return Source(
        source_ip,
        sum(row.count for _, row in rows),
        sum(row.count for row in failed),
        sum(row.count for row in failed if row.disposition in ("quarantine", "reject")),
        tuple(sorted({submitter for submitter, _ in rows})),
    )


def _decoded(text: str) -> dict[str, Any] | None:
    try:
        row = json.decode(text)
    except DecodeError:
        return None
    return row if isinstance(row, dict) else None


def _key(domain: str) -> str:
    try:
        return domain_key(domain) if domain else ""
    except InvalidAddress:
        return domain.lower()
