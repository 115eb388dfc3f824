"""Reports are found in messages."""

import base64
import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.dmarc_report import AggregateReport, report_xml
from pillarbox.trust.feedback_report import FeedbackReport
from pillarbox.trust.received_report import find
from pillarbox.trust.report_file import Unreadable
from pillarbox.trust.tls_report import ReportHead, TlsReport, report_json
from tests.unit.trust.test_dmarc_report import REPORT

ARF = (
    b"Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
    b"--b\r\n\r\nThis is a complaint.\r\n"
    b"--b\r\nContent-Type: message/feedback-report\r\n\r\n"
    b"Feedback-Type: Abuse\r\nUser-Agent: X/1\r\nVersion: 1\r\nSource-IP: 192.0.2.1\r\nIncidents: 2\r\n"
    b"Reported-Domain: One.example\r\nOriginal-Mail-From: <a@one.example>\r\n\r\n"
    b"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <1@one.example>\r\nSubject: hello\r\n\r\nx\r\n--b--\r\n"
)


def _attached(octets: bytes, kind: str, name: str = "x") -> bytes:
    return (
        b"Subject: Report Domain: one.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        b"--b\r\n\r\nhello\r\n--b\r\nContent-Transfer-Encoding: base64\r\n"
        + f'Content-Type: {kind}\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n'.encode()
        + base64.encodebytes(octets).replace(b"\n", b"\r\n")
        + b"--b--\r\n"
    )


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("application/gzip", "x"),
        ("application/zip", "wrong.zip"),
        ("application/octet-stream", "a!b!1!2.xml.gz"),
        ("text/xml", "a.xml"),
    ],
)
def test_a_report_on_dmarc(kind: str, name: str) -> None:
    xml = report_xml(REPORT)
    assert find(_attached(gzip.compress(xml), kind, name)) == REPORT
    assert find(_attached(xml, kind, name)) == REPORT


def test_a_report_on_dmarc_that_is_all_of_the_message() -> None:
    octets = base64.encodebytes(gzip.compress(report_xml(REPORT)))
    head = b"Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert find(head + octets) == REPORT


def test_a_report_on_tls() -> None:
    octets = gzip.compress(report_json(ReportHead("One", "t@one.example", "1", 0, 86_399), []))
    found = find(_attached(octets, "application/tlsrpt+gzip"))
    assert isinstance(found, TlsReport)
    assert found.report_id == "1"


@pytest.mark.rfc("5965 §3", "MUST")
def test_a_complaint() -> None:
    assert find(ARF) == FeedbackReport(
        kind="abuse",
        user_agent="X/1",
        reported_domain="one.example",
        source_ip="192.0.2.1",
        mail_from="<a@one.example>",
        incidents=2,
        message_id="<1@one.example>",
        subject="hello",
    )
    assert find(ARF.replace(b"Feedback-Type", b"X")) == Unreadable("no feedback type")


def test_what_is_none() -> None:
    assert find(b"Subject: Report Domain: x\r\n\r\nhello") is None
    assert find(b"") is None
    assert find(_attached(b"photo", "image/jpeg", "x.jpg")) is None
    assert find(_attached(b"unused", "application/gzip")) == Unreadable("neither XML nor JSON")


@given(st.data())
def test_nothing_is_raised(data: st.DataObject) -> None:
    start = data.draw(st.sampled_from([ARF, _attached(report_xml(REPORT), "text/xml")]))
    at = data.draw(st.integers(0, len(start)))
    octets = start[:at] + data.draw(st.binary(max_size=20)) + start[at + data.draw(st.integers(0, 20)) :]
    found = find(octets)
    assert found is None or isinstance(found, AggregateReport | TlsReport | FeedbackReport | Unreadable)
