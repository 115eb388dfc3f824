"""`pillarbox reports`: what others report, and what was sent."""

import re
from pathlib import Path

import pytest

from pillarbox.app.database import opened_database
from pillarbox.config.file import read
from pillarbox.reports import received, sent
from pillarbox.reports.counting import Counted
from pillarbox.reports.kind import ReportKind
from pillarbox.trust.dmarc_report import AggregateReport, PublishedPolicy, ReportRow, SignatureResult
from pillarbox.trust.report_file import Unreadable
from pillarbox.trust.tls_report import FailureDetail, PolicyReport, TlsReport
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Transaction
from tests.kit.command_line import CommandLine, set_up

SIGNED = (SignatureResult("example.org", "s1", "fail"),)
ROWS = (
    ReportRow("192.0.2.1", "example.org", "pass", "pass", "pass", count=9),
    ReportRow("192.0.2.66", "example.org", "reject", "fail", "fail", signatures=SIGNED, count=3),
)


def _fill(tx: Transaction) -> None:
    now_ms = SystemClock().now_ms()
    now_s = now_ms // 1000
    dmarc = AggregateReport(
        "Big", "x@big.example", "r1", now_s - 86_400, now_s, PublishedPolicy("example.org"), ROWS
    )
    details = (FailureDetail("certificate-expired", 2),)
    tls = TlsReport(
        "Big",
        "x@big.example",
        "t1",
        now_s - 9.0,
        now_s,
        (PolicyReport("sts", "example.org", (), (), 5, 2, details),),
    )
    for found, authenticated in ((dmarc, True), (tls, False), (Unreadable("cut off"), False)):
        kept = received.to_keep(found, "big.example", authenticated=authenticated, now_ms=now_ms)
        received.keep(tx, kept, now_ms=now_ms)
    counted = Counted(ReportKind.TLS, "two.example", now_s // 86_400 - 1, "")
    sent.remember(tx, counted, "1", ["tls@two.example", "https://two.example/x"], total=4, now_ms=now_ms)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    folder: Path = tmp_path_factory.mktemp("provider")
    made = set_up(folder)[0]
    with opened_database(read(made.config).data_directory) as database:
        database.write_now(_fill)
    return made


def test_list(there: CommandLine) -> None:
    text = there.text("reports", "list")
    assert re.search(r"1 +dmarc +example\.org +\d{4}-\d\d-\d\d +big\.example +12 +3", text)
    assert re.search(r"2 +tls .*not authenticated", text)
    assert re.search(r"3 +unreadable .*cut off", text)
    assert "3 reports." in text
    assert [one["kind"] for one in there.json("reports", "list")] == ["unreadable", "tls", "dmarc"]
    assert [one["id"] for one in there.json("reports", "list", "Example.org", "--kind", "tls")] == [2]
    assert there.text("reports", "list", "elsewhere.example").strip() == "No reports."


def test_sent(there: CommandLine) -> None:
    assert re.search(
        r"tls +two\.example +\d{4}-\d\d-\d\d +4 +tls@two\.example https://two", there.text("reports", "sent")
    )
    (one,) = there.json("reports", "sent")
    assert one["recipients"] == ["tls@two.example", "https://two.example/x"]


def test_show(there: CommandLine) -> None:
    text = there.text("reports", "show", "1")
    assert "Report 1 (dmarc) about example.org" in text
    assert text.index("192.0.2.66") < text.index("192.0.2.1\n"), "what failed comes first"
    assert "signatures: domain=example.org selector=s1 result=fail" in text
    assert there.json("reports", "show", "2")["rows"][0]["failed"] == 2
    assert "There is no report 99" in there.refused("reports", "show", "99")


def test_domain(there: CommandLine) -> None:
    text = there.text("reports", "domain", "example.org")
    assert re.search(r"192\.0\.2\.66 +3 +3 +3 +big\.example", text)
    assert "Sessions with TLS: 7, of which 2 failed.\n  certificate-expired: 2" in text
    assert there.json("reports", "domain", "example.org")["sources"][0]["source_ip"] == "192.0.2.66"
    assert "Nobody has reported" in there.text("reports", "domain", "elsewhere.example")
