"""Invariants of the tables of reports, checked by `pillarbox fsck`."""

from pillarbox.reports import values
from pillarbox.world.database.invariant import Invariant

INVARIANTS = (
    *values.INVARIANTS,
    Invariant(
        "counted-row-has-domain",
        "Every row that is counted belongs to a domain that is to get a report.",
        "SELECT DISTINCT r.domain FROM counted_rows r WHERE NOT EXISTS (SELECT 1 FROM counted_domains d"
        " WHERE d.kind = r.kind AND d.domain = r.domain AND d.day = r.day)",
        "what was counted for {0} would never be sent",
        "Delete it.",
        (
            (
                "DELETE FROM counted_rows WHERE NOT EXISTS (SELECT 1 FROM counted_domains d WHERE"
                " d.kind = counted_rows.kind AND d.domain = counted_rows.domain AND d.day = counted_rows.day)"
            ),
        ),
    ),
    Invariant(
        "received-row-has-report",
        "Every row of a received report has its report.",
        "SELECT DISTINCT report FROM received_report_rows r WHERE NOT EXISTS"
        " (SELECT 1 FROM received_reports p WHERE p.id = r.report)",
        "rows are kept of report {0}, which is not there",
        "Delete them.",
        (
            (
                "DELETE FROM received_report_rows WHERE NOT EXISTS"
                " (SELECT 1 FROM received_reports p WHERE p.id = received_report_rows.report)"
            ),
        ),
    ),
)
"""In the order in which to repair them."""
