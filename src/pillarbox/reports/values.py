"""The values that rows of reports have. What is damaged is deleted: it is counted or reported, and nobody's mail."""

from typing import Final

from pillarbox.reports.kind import ReportKind
from pillarbox.world.database.values import TableValues, date, integer, text

_OURS: Final = (ReportKind.DMARC, ReportKind.TLS)

_DOMAINS: Final = TableValues(
    name="counted-domain-values-valid",
    table="counted_domains",
    columns={
        "kind": text(among=_OURS),
        "domain": text(),
        "day": integer(),
        "record": text("''"),
        "rows": integer(instead="1"),
    },
    rule="What is counted for a domain has its types.",
    named="quote(domain)",
    message="what is to be reported to {0} has a text or number of a wrong type",
    remedy="Leave it out of the report.",
)

_ROWS: Final = TableValues(
    name="counted-row-values-valid",
    table="counted_rows",
    columns={
        "kind": text(among=_OURS),
        "domain": text(),
        "day": integer(),
        "row": text(),
        "count": integer(instead="1"),
    },
    rule="Rows that are counted have their types.",
    named="quote(domain)",
    message="a row that is to be reported to {0} has a text or number of a wrong type",
    remedy="Leave it out of the report.",
)

_SENT: Final = TableValues(
    name="sent-report-values-valid",
    table="sent_reports",
    columns={
        "kind": text(among=_OURS),
        "domain": text(),
        "day": integer(),
        "sent_at_ms": date("0"),
        **dict.fromkeys(("report_id", "recipients"), text("''")),
        "total": integer(instead="0"),
    },
    rule="What is kept of a report that was sent has its types.",
    named="quote(domain)",
    message="a report that was sent to {0} has a text or number of a wrong type",
    remedy="Leave it out.",
)

_RECEIVED: Final = TableValues(
    name="received-report-values-valid",
    table="received_reports",
    columns={
        "kind": text(f"'{ReportKind.UNREADABLE}'", among=tuple(ReportKind)),
        **dict.fromkeys(("domain", "organization", "submitter", "report_id", "problem"), text("''")),
        "authenticated": integer(0, 1, "0"),
        **dict.fromkeys(("start_s", "end_s", "total", "failed", "octets"), integer(instead="0")),
        "received_at_ms": date("0"),
    },
    rule="What is kept of a received report has its types.",
    named="id",
    message="received report {0} has a text or number of a wrong type",
    remedy="Leave it out.",
)

_RECEIVED_ROWS: Final = TableValues(
    name="received-report-row-values-valid",
    table="received_report_rows",
    columns={"report": integer(), "number": integer(), "row": text()},
    rule="Rows of received reports have their types.",
    named="CAST(report AS INTEGER)",
    message="a row of received report {0} has a value of a wrong type",
    remedy="Delete it; the report is in the mail that brought it.",
)

TABLES: Final[tuple[TableValues, ...]] = (_DOMAINS, _ROWS, _SENT, _RECEIVED, _RECEIVED_ROWS)
INVARIANTS = tuple(values.invariant() for values in TABLES)
"""In the order of repair."""
