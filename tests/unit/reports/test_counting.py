"""What is counted for our reports."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from pillarbox.reports import counting, observed, sent
from pillarbox.reports.counting import DAY_S, MAX_ROWS, Counted
from pillarbox.reports.kind import ReportKind
from pillarbox.reports.observed import Observation
from pillarbox.reports.schema import SCHEMA
from pillarbox.trust.dmarc_report import ReportRow
from pillarbox.trust.tls_report import ReportedPolicy, SessionCount
from pillarbox.trust.tls_result import TlsResult
from pillarbox.world.database import Transaction
from tests.kit.database import open_transaction

DAY = 20_000
NOW_MS = DAY * DAY_S * 1000
ROW = ReportRow("192.0.2.1", "one.example", "none", "fail", "fail")
SEEN = Observation("one.example", "v=DMARC1; p=none; rua=mailto:r@one.example", ROW)
STS = ReportedPolicy("sts", "two.example", ("version: STSv1",), ("mx.two.example",))
FAILED = SessionCount(STS, 1, TlsResult.CERTIFICATE_EXPIRED, "", "mx.two.example", "192.0.2.2")


@pytest.fixture
def tx() -> Iterator[Transaction]:
    with open_transaction(SCHEMA) as transaction:
        yield transaction


def test_equal_messages_are_one_row(tx: Transaction) -> None:
    other = replace(SEEN, row=replace(ROW, source_ip="192.0.2.9"))
    for one in (SEEN, other, SEEN):
        observed.count_message(tx, one, now_ms=NOW_MS)
    (counted,) = counting.before(tx, DAY + 1, limit=9)
    assert counted == Counted(ReportKind.DMARC, "one.example", DAY, SEEN.record)
    assert observed.messages(tx, counted) == (replace(ROW, count=2), other.row)


def test_days_and_domains_are_apart(tx: Transaction) -> None:
    for domain, day in (("one.example", DAY), ("one.example", DAY + 1), ("two.example", DAY)):
        observed.count_message(tx, replace(SEEN, policy_domain=domain), now_ms=day * DAY_S * 1000)
    found = counting.before(tx, DAY + 1, limit=9)
    assert [(one.domain, one.day) for one in found] == [("one.example", DAY), ("two.example", DAY)]
    after = (found[0].kind, found[0].domain, found[0].day)
    assert counting.before(tx, DAY + 1, limit=9, after=after) == found[1:]


def test_sessions_are_counted_by_policy_and_result(tx: Transaction) -> None:
    observed.count_sessions(tx, [SessionCount(STS, 1), FAILED], now_ms=NOW_MS)
    observed.count_sessions(tx, [SessionCount(STS, 1)], now_ms=NOW_MS)
    (counted,) = counting.before(tx, DAY + 1, limit=9)
    assert (counted.kind, counted.domain) == (ReportKind.TLS, "two.example")
    assert observed.sessions(tx, counted) == (SessionCount(STS, 2), FAILED)


def test_nobody_fills_the_disk(tx: Transaction) -> None:
    for number in range(MAX_ROWS + 3):
        counting.count(tx, ReportKind.DMARC, "one.example", str(number), now_ms=NOW_MS)
    counting.count(tx, ReportKind.DMARC, "one.example", "x" * 5000, now_ms=NOW_MS)
    assert tx.value("SELECT count(*) FROM counted_rows") == MAX_ROWS


def test_what_was_sent_is_forgotten_once(tx: Transaction) -> None:
    observed.count_message(tx, SEEN, now_ms=NOW_MS)
    (counted,) = counting.before(tx, DAY + 1, limit=9)
    assert counting.forget(tx, counted)
    assert not counting.forget(tx, counted)
    assert not counting.before(tx, DAY + 1, limit=9)
    assert tx.value("SELECT count(*) FROM counted_rows") == 0


def test_damaged_rows_are_left_out(tx: Transaction) -> None:
    observed.count_message(tx, SEEN, now_ms=NOW_MS)
    tx.execute("UPDATE counted_rows SET row = '{'")
    (counted,) = counting.before(tx, DAY + 1, limit=9)
    assert observed.messages(tx, counted) == ()
    assert observed.sessions(tx, counted) == ()


def test_sent_reports_are_listed_and_forgotten_at_last(tx: Transaction) -> None:
    counted = Counted(ReportKind.DMARC, "one.example", DAY, "")
    sent.remember(tx, counted, "1@x", ["r@one.example"], total=3, now_ms=NOW_MS)
    assert [(one.domain, one.recipients) for one in sent.listing(tx, limit=5)] == [
        ("one.example", "r@one.example")
    ]
    assert not sent.listing(tx, "two.example", limit=5)
    sent.forget_old(tx, now_ms=NOW_MS + 399 * DAY_S * 1000)
    assert sent.listing(tx, limit=5)
    sent.forget_old(tx, now_ms=NOW_MS + 401 * DAY_S * 1000)
    assert not sent.listing(tx, limit=5)
