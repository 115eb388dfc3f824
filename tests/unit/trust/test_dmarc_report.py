"""DMARC aggregate reports: ours, those of others, and where they may be sent."""

import gzip
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pillarbox.dns import Failure, Kind
from pillarbox.trust.dmarc import parse
from pillarbox.trust.dmarc_report import (
    AggregateReport,
    Destination,
    PublishedPolicy,
    ReportRow,
    SignatureResult,
    destinations,
    file_name,
    read_report,
    report_xml,
    subject,
)
from pillarbox.trust.dmarc_report.reading import MAX_DEPTH, MAX_ELEMENTS, MAX_ROWS
from pillarbox.trust.dmarc_report.report import MAX_TEXT
from pillarbox.trust.report_file import MAX_OCTETS, Unreadable
from tests.kit.asking import Answers

ROW = ReportRow(
    source_ip="192.0.2.1",
    header_from="one.example",
    disposition="none",
    dkim="fail",
    spf="fail",
    envelope_from="lists.example",
    override="local_policy",
    comment="arc=pass by <lists.example> & others",
    signatures=(
        SignatureResult("one.example", "s1", "fail", "body hash"),
        SignatureResult("lists.example", "k", "pass"),
    ),
    spf_domain="lists.example",
    spf_result="pass",
    count=3,
)
POLICY = PublishedPolicy("one.example", "reject", "none", "", "r", "s", "0", "n")
REPORT = AggregateReport(
    "Two", "postmaster@two.example", "20261201.one.example@two.example", 1_764_547_200, 1_764_633_599,
    POLICY, (ROW, ReportRow("2001:db8::1", "sub.one.example", "pass", "pass", "pass")), "bad <rua>",
)  # fmt: skip


@pytest.mark.rfc("9990 §3.1.1", "MUST")
def test_what_is_written_is_read() -> None:
    assert read_report(report_xml(REPORT, "Pillarbox")) == REPORT
    assert read_report(gzip.compress(report_xml(REPORT))) == REPORT


def test_text_of_strangers_stays_text() -> None:
    row = replace(ROW, comment="</comment><count>9</count>\x00\r\n" + "x" * 2000)
    read = read_report(report_xml(replace(REPORT, rows=(row,))))
    assert isinstance(read, AggregateReport)
    assert read.rows[0].count == 3
    assert read.rows[0].comment.startswith("</comment><count>9</count>???xxx")
    assert len(read.rows[0].comment) <= MAX_TEXT


@pytest.mark.rfc("9990 §3.5.2", "MUST")
def test_names() -> None:
    assert file_name(REPORT) == "two.example!one.example!1764547200!1764633599.xml.gz"
    assert subject(REPORT) == (
        "Report Domain: one.example Submitter: two.example Report-ID: <20261201.one.example@two.example>"
    )


# --- those of others (each is one of the shapes seen in the wild)

XML = report_xml(REPORT).decode()


def _rows(octets: bytes) -> tuple[ReportRow, ...]:
    read = read_report(octets)
    assert isinstance(read, AggregateReport), read
    return read.rows


def _zipped(*files: tuple[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", compression) as archive:
        for name, octets in files:
            # A date of its own: what the clock says would be in the octets, and so in the names of the cases.
            archive.writestr(zipfile.ZipInfo(name), octets, compression)
    return into.getvalue()


@pytest.mark.parametrize(
    "xml",
    [
        XML.replace("urn:ietf:params:xml:ns:dmarc-2.0", "http://dmarc.org/dmarc-xml/0.1"),
        XML.replace(' xmlns="urn:ietf:params:xml:ns:dmarc-2.0"', ""),
        "\ufeff" + XML,
        XML.replace("<feedback ", '<feedback xmlns:xs="http://www.w3.org/2001/XMLSchema" ').replace(
            "<version>", '<xs:schema><xs:element name="x"/></xs:schema><version>'
        ),
        XML.replace("<version>1.0</version>", "").replace("\n", "\r\n  "),
        XML.replace('encoding="UTF-8"', 'encoding="windows-1252"'),
        XML.replace("<", "<d:").replace("<d:/", "</d:").replace("<d:?", "<?").replace("xmlns=", "xmlns:d="),
    ],
)
def test_both_namespaces_and_none_give_the_same_rows(xml: str) -> None:
    assert _rows(xml.encode()) == REPORT.rows


def test_the_kind_of_a_file_is_seen_by_its_first_octets() -> None:
    xml = XML.encode()
    assert _rows(_zipped(("r.xml", xml))) == REPORT.rows
    assert _rows(_zipped(("folder/", b""), ("folder/r.xml", xml))) == REPORT.rows
    assert _rows(_zipped(("r.xml", xml), compression=zipfile.ZIP_STORED)) == REPORT.rows


def test_values_outside_the_schema_are_kept() -> None:
    xml = (
        XML.replace("<spf>fail</spf>", "<spf>hardfail</spf>")
        .replace("<disposition>none", "<disposition>unknown")
        .replace("<type>local_policy</type>", "<type/>")
        .replace("<scope>mfrom</scope>", "<scope>helo</scope>")
    )
    first = _rows(xml.encode())[0]
    assert (first.spf, first.disposition, first.override) == ("hardfail", "unknown", "")


def test_a_bad_row_does_not_lose_the_others() -> None:
    read = read_report(XML.replace("<count>3</count>", "<count>many</count>").encode())
    assert isinstance(read, AggregateReport)
    assert (read.rows, read.skipped_rows) == (REPORT.rows[1:], 1)


def test_rows_without_signatures_and_spf() -> None:
    xml = "".join(
        [
            XML[: XML.index("<record>")],
            "<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated/></row>",
            "<identifiers/><auth_results><spf><domain/><result>none</result></spf></auth_results></record></feedback>",
        ]
    )
    assert _rows(xml.encode()) == (ReportRow("192.0.2.1", "", "", "", "", spf_result="none"),)


# --- what is refused

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"unused", "no XML"),
        (b"", "no XML"),
        (b"<feedback>", "no valid XML"),
        (b"<feedback/>", "no date range"),
        (b'<?xml version="1.0" encoding="nonsense"?><feedback/>', "no valid XML"),
        (BOMB.encode() + b"<feedback>&b;</feedback>", "document type declaration"),
        (b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><feedback/>', "document type declaration"),
        (b"<a>" * (MAX_DEPTH + 1), "too many elements"),
        (b"<a>" + b"<b/>" * (MAX_ELEMENTS + 1), "too many elements"),
        (b"<a " + b" ".join(b"a%d=''" % n for n in range(40_000)) + b"/>", "too long a tag"),
        (gzip.compress(b" " * (MAX_OCTETS + 1)), "too large"),
        (gzip.compress(XML.encode())[:-9], "cut off"),
        (b"\x1f\x8bnonsense", "damaged compression"),
        (_zipped(("r.xml", b" " * (MAX_OCTETS + 1))), "too large"),
        (_zipped(("r.xml", XML.encode()))[:100], "cut off"),
        (b"PK\x03\x04", "cut off"),
        (b"x" * (MAX_OCTETS + 1), "too large"),
    ],
)
def test_bombs_and_nonsense_are_refused(octets: bytes, reason: str) -> None:
    assert read_report(octets) == Unreadable(reason)


def test_only_so_many_rows_are_kept() -> None:
    row = XML[XML.index("<record>") : XML.index("</record>") + 9]
    read = read_report(XML.replace(row, row * (MAX_ROWS + 5)).encode())
    assert isinstance(read, AggregateReport)
    assert (len(read.rows), read.skipped_rows) == (MAX_ROWS, 1)


@given(st.data())
def test_nothing_is_raised(data: st.DataObject) -> None:
    start = data.draw(
        st.sampled_from([b"", XML.encode(), gzip.compress(XML.encode()), _zipped(("r", XML.encode()))])
    )
    at = data.draw(st.integers(0, len(start)))
    octets = start[:at] + data.draw(st.binary(max_size=20)) + start[at + data.draw(st.integers(0, 20)) :]
    assert isinstance(read_report(octets), AggregateReport | Unreadable)


# --- where to send


def _destinations(rua: str, zone: dict[tuple[str, Kind], object]) -> tuple[Destination, ...]:
    record = parse(f"v=DMARC1; p=none; rua={rua}".encode())
    assert record
    own = {("_dmarc.one.example", Kind.TXT): [record.text.encode()]}
    return Answers({**own, **zone}).to(destinations("one.example", record))  # type: ignore[dict-item]


@pytest.mark.rfc("9990 §4", "MUST")
def test_inside_the_organization_nobody_is_asked() -> None:
    found = _destinations("mailto:a@one.example!10m,mailto:b@reports.one.example", {})
    assert found == (Destination("a@one.example", 10 * 1024**2), Destination("b@reports.one.example"))


@pytest.mark.rfc("9990 §4", "MUST")
def test_who_is_outside_has_to_agree() -> None:
    name = "one.example._report._dmarc"
    zone: dict[tuple[str, Kind], object] = {
        (f"{name}.agrees.example", Kind.TXT): [b"v=DMARC1;"],
        (f"{name}.silent.example", Kind.TXT): Failure("timeout"),
        (f"{name}.odd.example", Kind.TXT): [b"v=spf1 -all"],
    }
    rua = "mailto:r@refuses.example,mailto:r@agrees.example!1k,mailto:r@silent.example,mailto:r@odd.example"
    assert _destinations(rua, zone) == (Destination("r@agrees.example", 1024),)


@pytest.mark.rfc("9990 §4", "MUST NOT")
@pytest.mark.parametrize(
    ("instead", "found"),
    [
        (b"mailto:other@two.example", (Destination("other@two.example"),)),
        (b"mailto:victim@three.example", ()),
        (b"mailto:other@two.example,mailto:victim@three.example", ()),
    ],
)
def test_who_agrees_may_name_another_address_of_its_own(
    instead: bytes, found: tuple[Destination, ...]
) -> None:
    zone: dict[tuple[str, Kind], object] = {
        ("one.example._report._dmarc.two.example", Kind.TXT): [b"v=DMARC1; rua=" + instead]
    }
    assert _destinations("mailto:r@two.example", zone) == found
