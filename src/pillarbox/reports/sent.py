"""Which reports were sent, so that people can see it."""

from typing import NamedTuple

from pillarbox.reports.counting import DAY_S, Counted
from pillarbox.reports.kind import ReportKind
from pillarbox.world.database import Transaction

KEPT_DAYS = 400
"""How long reports are remembered, ours and those of others."""


class SentReport(NamedTuple):
    """A report of ours."""

    kind: ReportKind
    domain: str
    day: int
    """That it is about, since 1970."""
    sent_at_ms: int
    report_id: str
    recipients: str
    """Addresses and URLs, separated by spaces."""
    total: int
    """Messages or sessions that it tells of."""


def remember(
    tx: Transaction, counted: Counted, report_id: str, recipients: list[str], *, total: int, now_ms: int
) -> None:
    """A report was queued."""
    tx.execute(
        "INSERT INTO sent_reports VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (*counted[:3], now_ms, report_id, " ".join(recipients), total),
    )


def listing(tx: Transaction, domain: str = "", *, limit: int) -> list[SentReport]:
    """The newest first, to all domains or to one."""
    found = tx.rows(
        "SELECT kind, domain, day, sent_at_ms, report_id, recipients, total FROM sent_reports"
        " WHERE domain = ? OR ? = '' ORDER BY sent_at_ms DESC, domain LIMIT ?",
        (domain, domain, limit),
    )
    return [SentReport(ReportKind(kind), *rest) for kind, *rest in found]


def forget_old(tx: Transaction, *, now_ms: int) -> None:
    """Forget what is older than `KEPT_DAYS`."""
    tx.execute("DELETE FROM sent_reports WHERE day < ?", (now_ms // 1000 // DAY_S - KEPT_DAYS,))
