"""Reports of others are kept."""

from collections.abc import Iterator

import pytest
from msgspec import json
from msgspec.structs import replace

from pillarbox.admin.reports import about
from pillarbox.reports import received
from pillarbox.reports.counting import DAY_S
from pillarbox.reports.invariants import INVARIANTS
from pillarbox.reports.kind import ReportKind
from pillarbox.reports.schema import SCHEMA
from pillarbox.trust.dmarc_report import AggregateReport, PublishedPolicy, ReportRow
from pillarbox.trust.feedback_report import FeedbackReport
from pillarbox.trust.received_report import Report
from pillarbox.trust.report_file import Unreadable
from pillarbox.trust.tls_report import FailureDetail, PolicyReport, TlsReport
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

NOW_MS = 1_764_547_200_000
ROW = ReportRow("192.0.2.1", "one.example", "none", "fail", "fail", count=2)
FINE = ReportRow("192.0.2.1", "one.example", "pass", "pass", "fail", count=5)
DMARC = AggregateReport("Two", "p@two.example", "1", 10, 20, PublishedPolicy("one.example"), (FINE, ROW))
TLS = TlsReport(
    "Two", "p@two.example", "1", 10.0, 20.5, (PolicyReport("sts", "One.example", (), (), 7, 1, ()),)
)


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as transaction:
        yield transaction


def _kept(tx: Transaction, found: Report | Unreadable, now_ms: int = NOW_MS) -> int | None:
    report = received.to_keep(found, "two.example", authenticated=True, now_ms=now_ms)
    return received.keep(tx, report, now_ms=now_ms)


def test_a_report_is_kept_with_its_rows_those_that_failed_first(tx: Transaction) -> None:
    number = _kept(tx, DMARC)
    assert number
    found = received.one(tx, number)
    assert found
    report, rows = found
    assert (report.kind, report.domain, report.submitter) == (ReportKind.DMARC, "one.example", "two.example")
    assert (report.total, report.failed, report.authenticated) == (7, 2, True)
    assert [json.decode(row, type=ReportRow) for row in rows] == [ROW, FINE]


def test_of_a_large_report_the_first_rows_are_kept() -> None:
    large = replace(FINE, comment="x" * 1000)
    found = replace(DMARC, rows=(*[large] * 900, ROW))
    kept = received.to_keep(found, "two.example", authenticated=True, now_ms=NOW_MS)
    assert kept.total == 900 * FINE.count + ROW.count
    assert json.decode(kept.rows[0], type=ReportRow) == ROW
    assert received.MAX_KEPT_OCTETS - 2000 < sum(map(len, kept.rows)) <= received.MAX_KEPT_OCTETS


def test_of_many_failures_those_that_occurred_most_are_kept() -> None:
    details = tuple(
        [FailureDetail("starttls-not-supported", count, more="x" * 1000) for count in range(9000)]
    )
    policy = PolicyReport("sts", "one.example", (), (), 7, 1, details)
    kept = received.to_keep(replace(TLS, policies=(policy,)), "", authenticated=False, now_ms=NOW_MS)
    (row,) = kept.rows
    counts = [each.count for each in json.decode(row, type=PolicyReport).details]
    assert counts == list(range(8999, 8999 - received.MAX_DETAILS, -1))


@pytest.mark.parametrize(
    ("found", "kind", "domain", "total", "failed"),
    [
        (TLS, ReportKind.TLS, "one.example", 8, 1),
        (FeedbackReport("abuse", reported_domain="one.example"), ReportKind.FEEDBACK, "one.example", 1, 1),
        (Unreadable("cut off"), ReportKind.UNREADABLE, "", 0, 0),
    ],
)
def test_other_kinds(
    tx: Transaction, found: Report | Unreadable, kind: ReportKind, domain: str, total: int, failed: int
) -> None:
    _kept(tx, found)
    (one,) = received.listing(tx, limit=9)
    assert (one.kind, one.domain, one.total, one.failed) == (kind, domain, total, failed)
    assert received.listing(tx, kind=kind, domain=domain, limit=9) == [one]
    assert not received.listing(tx, domain="elsewhere.example", limit=9)


def test_a_report_that_comes_again_is_kept_once(tx: Transaction) -> None:
    assert _kept(tx, DMARC)
    assert _kept(tx, DMARC) is None
    assert _kept(tx, replace(DMARC, report_id="2"))
    assert len(received.listing(tx, limit=9)) == 2


def test_old_reports_are_forgotten(tx: Transaction) -> None:
    _kept(tx, DMARC)
    _kept(tx, TLS, NOW_MS + 401 * DAY_S * 1000)
    assert [one.kind for one in received.listing(tx, limit=9)] == [ReportKind.TLS]
    assert tx.value("SELECT count(DISTINCT report) FROM received_report_rows") == 1


def _forged(tx: Transaction, number: int, row: str = "{}") -> int | None:
    report = received.to_keep(DMARC, "evil.example", authenticated=False, now_ms=NOW_MS)
    return received.keep(tx, replace(report, report_id=f"f{number}", rows=(row,)), now_ms=NOW_MS)


def test_of_too_many_octets_those_that_anybody_may_have_written_are_forgotten_first(tx: Transaction) -> None:
    _kept(tx, DMARC)
    large = "x" * received.MAX_KEPT_OCTETS
    fit = (received.MAX_TOTAL_OCTETS - 2000) // len(large)
    for number in range(fit + 3):
        _forged(tx, number, large)
    listed = received.listing(tx, limit=1000)
    assert [one.report_id for one in listed] == [*(f"f{number}" for number in range(fit + 2, 2, -1)), "1"]
    assert tx.value("SELECT sum(length(row)) FROM received_report_rows") <= received.MAX_TOTAL_OCTETS
    octets = tx.value("SELECT sum(octets) FROM received_reports")
    assert tx.value("SELECT sum(length(row)) FROM received_report_rows") == octets


def test_of_too_many_reports_those_that_anybody_may_have_written_are_forgotten_first(tx: Transaction) -> None:
    _kept(tx, DMARC)
    for number in range(received.MAX_REPORTS):
        _forged(tx, number)
    assert _kept(tx, TLS)
    listed = received.listing(tx, limit=2 * received.MAX_REPORTS)
    assert len(listed) == received.MAX_REPORTS
    assert [one.report_id for one in listed if one.authenticated] == ["1", "1"]
    assert listed[-2].report_id == "f2"
    assert not any(list(one.find(tx)) for one in INVARIANTS)


def test_what_no_longer_belongs_is_found_and_mended(tx: Transaction) -> None:
    _kept(tx, DMARC)
    assert not any(list(one.find(tx)) for one in INVARIANTS)
    tx.execute("DELETE FROM received_reports")
    tx.execute("INSERT INTO counted_rows VALUES ('dmarc', 'x.example', 1, '{}', 1)")
    assert [one.name for one in INVARIANTS if list(one.find(tx))] == [
        "counted-row-has-domain",
        "received-row-has-report",
    ]
    for one in INVARIANTS:
        one.run_repair(tx)
    assert not any(list(one.find(tx)) for one in INVARIANTS)


def test_who_pretends_to_be_a_reporter_keeps_no_report_of_theirs_away_and_is_told(tx: Transaction) -> None:
    forged = received.to_keep(DMARC, "two.example", authenticated=False, now_ms=NOW_MS)
    assert received.keep(tx, forged, now_ms=NOW_MS)
    assert received.keep(tx, forged, now_ms=NOW_MS) is None
    assert _kept(tx, DMARC)
    assert _kept(tx, DMARC) is None
    assert received.keep(tx, forged, now_ms=NOW_MS) is None
    (source,) = about(tx, "one.example", days=30, now_ms=DMARC.end_s * 1000).sources
    assert source.reporters == ("two.example", "two.example (not authenticated)")
