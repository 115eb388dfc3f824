"""Reports of others: about our domains, or what claims to be one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import Struct, json
from msgspec.structs import replace

from pillarbox.reports.counting import DAY_S
from pillarbox.reports.kind import ReportKind
from pillarbox.reports.sent import KEPT_DAYS
from pillarbox.trust.dmarc_report import AggregateReport, ReportRow
from pillarbox.trust.feedback_report import FeedbackReport
from pillarbox.trust.received_report import Report
from pillarbox.trust.report_file import Unreadable
from pillarbox.trust.tls_report import PolicyReport, TlsReport
from pillarbox.world.database import Transaction

MAX_ROWS: Final = 1_000
"""Rows of one report that are kept; those that matter first."""
MAX_REPORTS: Final = 20_000
"""Reports that are kept. Those that anybody may have written are forgotten first, then the oldest."""
MAX_TOTAL_OCTETS: Final = 64 * 1024 * 1024
"""Of the rows of all reports, as JSON; of more, the same are forgotten."""
MAX_KEPT_OCTETS: Final = 256 * 1024
"""Of all rows of one report, as JSON: a thousand ordinary ones. Ten kilobytes of mail may be a report of ten megabytes,
and anybody may send it."""
MAX_DETAILS: Final = 100
"""Kinds of failures under one policy that are kept; those that occurred most."""
MAX_TEXT: Final = 500
FORGOTTEN_AT_ONCE: Final = 100


class ReceivedReport(Struct, frozen=True):
    """A report as it is to be kept."""

    kind: ReportKind
    domain: str
    organization: str
    submitter: str
    """The domain that the message is from, empty where it says none."""
    authenticated: bool
    """DMARC has passed for that domain."""
    report_id: str
    start_s: int
    end_s: int
    total: int
    failed: int
    rows: tuple[str, ...] = ()
    """As JSON."""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ListedReport:
    """A report that was kept."""

    id: int
    kind: ReportKind
    domain: str
    organization: str
    submitter: str
    authenticated: bool
    """The mail that brought it is by the submitter, as DMARC says."""
    report_id: str
    start_s: int
    end_s: int
    received_at_ms: int
    total: int
    """Messages or sessions that it tells of."""
    failed: int
    """Of these, what has failed."""
    problem: str


def to_keep(
    found: Report | Unreadable, submitter: str, *, authenticated: bool, now_ms: int
) -> ReceivedReport:
    """A report that was found in a message of `submitter`."""
    now_s = now_ms // 1000
    match found:
        case AggregateReport():
            rows = sorted(found.rows, key=lambda row: (not _failed(row), -row.count))
            return ReceivedReport(
                ReportKind.DMARC, found.policy.domain[:MAX_TEXT], found.organization[:MAX_TEXT], submitter,
                authenticated, found.report_id[:MAX_TEXT], found.start_s, found.end_s,
                total=sum(row.count for row in rows),
                failed=sum(row.count for row in rows if _failed(row)),
                rows=_kept(rows),
                problem=f"{found.skipped_rows} rows could not be read" if found.skipped_rows else "",
            )  # fmt: skip
        case TlsReport():
            domain = next((policy.domain for policy in found.policies if policy.domain), "")
            return ReceivedReport(
                ReportKind.TLS, domain.lower()[:MAX_TEXT], found.organization[:MAX_TEXT], submitter,
                authenticated, found.report_id[:MAX_TEXT], _second(found.start_s), _second(found.end_s),
                total=_bounded(sum(policy.succeeded + policy.failed for policy in found.policies)),
                failed=_bounded(sum(policy.failed for policy in found.policies)),
                rows=_kept([_with_few_details(policy) for policy in found.policies]),
            )  # fmt: skip
        case FeedbackReport():
            return ReceivedReport(
                ReportKind.FEEDBACK, found.reported_domain[:MAX_TEXT], found.user_agent[:MAX_TEXT], submitter,
                authenticated, found.message_id[:MAX_TEXT], now_s, now_s,
                total=found.incidents, failed=found.incidents, rows=_kept([found]),
            )  # fmt: skip
        case Unreadable(reason):
            return ReceivedReport(
                ReportKind.UNREADABLE, "", "", submitter, authenticated, "", now_s, now_s, 0, 0, (), reason
            )


def _kept(rows: Sequence[Struct]) -> tuple[str, ...]:
    """The first rows, as JSON, as far as there is room."""
    kept, left = list[str](), MAX_KEPT_OCTETS
    for row in rows[:MAX_ROWS]:
        octets = json.encode(row)
        left -= len(octets)
        if left < 0:
            break
        kept.append(octets.decode())
    return tuple(kept)


def _with_few_details(policy: PolicyReport) -> PolicyReport:
    if len(policy.details) <= MAX_DETAILS:
        return policy
    return replace(policy, details=tuple(sorted(policy.details, key=lambda each: -each.count)[:MAX_DETAILS]))


def keep(tx: Transaction, report: ReceivedReport, *, now_ms: int) -> int | None:
    """Keep a report, and forget some that are old or too many. None where it was there already: reports come again.

    One that anybody may have written is not the same as one whose mail was authenticated, which comes later.
    """
    _forget_old(tx, now_ms=now_ms)
    same = (
        *(report.kind, report.domain, report.submitter, report.report_id, report.start_s),
        int(report.authenticated),
    )
    if report.report_id and tx.row(
        "SELECT 1 FROM received_reports WHERE kind = ? AND domain = ? AND submitter = ? AND report_id = ?"
        " AND start_s = ? AND authenticated >= ?",
        same,
    ):
        return None
    number: int = tx.value(
        "INSERT INTO received_reports (kind, domain, organization, submitter, authenticated, report_id, start_s,"
        " end_s, received_at_ms, total, failed, problem, octets)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            *(report.kind, report.domain, report.organization, report.submitter, int(report.authenticated)),
            *(report.report_id, report.start_s, report.end_s, now_ms, _bounded(report.total)),
            *(_bounded(report.failed), report.problem, sum(len(row.encode()) for row in report.rows)),
        ),
    )
    tx.execute_many(
        "INSERT INTO received_report_rows VALUES (?, ?, ?)",
        [(number, place, row) for place, row in enumerate(report.rows)],
    )
    _forget_surplus(tx)
    return number


def listing(tx: Transaction, domain: str = "", kind: str = "", *, limit: int) -> list[ListedReport]:
    """The newest first, about all domains or one."""
    found = tx.rows(
        _LISTED + " WHERE (domain = ? OR ? = '') AND (kind = ? OR ? = '') ORDER BY id DESC LIMIT ?",
        (domain, domain, kind, kind, limit),
    )
    return [_listed(row) for row in found]


def one(tx: Transaction, number: int) -> tuple[ListedReport, list[str]] | None:
    """A report with its rows, as JSON."""
    found = tx.row(_LISTED + " WHERE id = ?", (number,))
    if not found:
        return None
    rows = tx.rows("SELECT row FROM received_report_rows WHERE report = ? ORDER BY number", (number,))
    return _listed(found), [row for (row,) in rows]


def rows_about(
    tx: Transaction, domain: str, kind: ReportKind, *, since_s: int, limit: int
) -> list[tuple[str, bool, str]]:
    """Rows about a domain in reports of a time since then, the newest reports first.

    Who reports, whether the mail was by them, and a row as JSON.
    """
    found = tx.rows(
        "SELECT p.submitter, p.authenticated, r.row FROM received_reports p"
        " JOIN received_report_rows r ON r.report = p.id"
        " WHERE p.kind = ? AND p.domain = ? AND p.end_s >= ? ORDER BY p.id DESC, r.number LIMIT ?",
        (kind, domain, since_s, limit),
    )
    return [(submitter, bool(authenticated), row) for submitter, authenticated, row in found]


_LISTED: Final = (
    "SELECT id, kind, domain, organization, submitter, authenticated, report_id, start_s, end_s, received_at_ms,"
    " total, failed, problem FROM received_reports"
)


def _listed(row: tuple[Any, ...]) -> ListedReport:
    number, kind, domain, organization, submitter, authenticated, *others = row
    return ListedReport(
        number, ReportKind(kind), domain, organization, submitter, bool(authenticated), *others
    )


def _forget_old(tx: Transaction, *, now_ms: int) -> None:
    oldest_ms = now_ms - KEPT_DAYS * DAY_S * 1000
    _forget(
        tx,
        tx.rows(
            "SELECT id FROM received_reports WHERE received_at_ms < ? LIMIT ?", (oldest_ms, FORGOTTEN_AT_ONCE)
        ),
    )


def _forget_surplus(tx: Transaction) -> None:
    # Of the index alone
    count, octets = tx.row("SELECT count(*), sum(octets) FROM received_reports") or (0, 0)
    if count <= MAX_REPORTS and octets <= MAX_TOTAL_OCTETS:
        return
    forgotten = list[tuple[int]]()
    for number, size in tx.rows(
        "SELECT id, octets FROM received_reports ORDER BY authenticated, id LIMIT ?", (FORGOTTEN_AT_ONCE,)
    ):
        if count <= MAX_REPORTS and octets <= MAX_TOTAL_OCTETS:
            break
        forgotten.append((number,))
        count, octets = count - 1, octets - (size if isinstance(size, int) else 0)
    _forget(tx, forgotten)


def _forget(tx: Transaction, numbers: Sequence[tuple[int, ...]]) -> None:
    tx.execute_many("DELETE FROM received_report_rows WHERE report = ?", numbers)
    tx.execute_many("DELETE FROM received_reports WHERE id = ?", numbers)


def _failed(row: ReportRow) -> bool:
    return row.dkim != "pass" and row.spf != "pass"


def _second(time_s: float) -> int:
    return max(0, int(time_s))


def _bounded(number: int) -> int:
    return min(number, 2**53)
