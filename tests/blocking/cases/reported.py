"""Reports of others that are bombs, and results of authentication that are forged: from strangers, to postmaster."""

import base64
import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from typing import Final

from tests.blocking.case import Case, judged
from tests.blocking.target import Target

POSTMASTER: Final = "postmaster@example.org"
_TIMES: Final = {"start-datetime": "2026-11-30T00:00:00Z", "end-datetime": "2026-11-30T23:59:59Z"}
_ROW: Final = (
    b"<record><row><source_ip>192.0.2.1</source_ip><count>1</count><policy_evaluated><dkim>fail</dkim><spf>fail</spf>"
    b"</policy_evaluated></row><identifiers><header_from>example.org</header_from></identifiers></record>"
)
_HEAD: Final = (
    b"<feedback><report_metadata><org_name>a</org_name><report_id>1</report_id><date_range><begin>1</begin>"
    b"<end>2</end></date_range></report_metadata><policy_published><domain>example.org</domain></policy_published>"
)


def message(octets: bytes, kind: str, name: str) -> bytes:
    """A report as mail."""
    return (
        f"From: a@reporter.example\r\nSubject: Report Domain: example.org\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: {kind}; name="{name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    ).encode() + base64.encodebytes(octets).replace(b"\n", b"\r\n")


def xml(octets: bytes) -> bytes:
    """A report about DMARC, compressed."""
    return message(gzip.compress(octets, 6, mtime=0), "application/gzip", "a!example.org!1!2.xml.gz")


def entities() -> bytes:
    """Entities of entities."""
    defined = b"".join([b'<!ENTITY e%d "%b">' % (n, b"&e%d;" % (n - 1) * 10) for n in range(1, 12)])
    return xml(b'<!DOCTYPE f [<!ENTITY e0 "x">' + defined + b"]>" + _HEAD + b"&e11;</feedback>")


def depth() -> bytes:
    """Elements in elements."""
    return xml(_HEAD + b"<a>" * 3_000_000)


def elements() -> bytes:
    """A million elements."""
    return xml(_HEAD + b"<record>" + b"<a/>" * 2_000_000 + b"</record></feedback>")


def rows() -> bytes:
    """As many rows as fit into what is unpacked."""
    return xml(_HEAD + _ROW * 40_000 + b"</feedback>")


def attributes() -> bytes:
    """One element with a million attributes."""
    return xml(_HEAD + b"<a " + b" ".join([b'a%d=""' % n for n in range(900_000)]) + b"/></feedback>")


def gzip_bomb() -> bytes:
    """A gigabyte of nothing in a megabyte."""
    packing = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    zeros = bytes(1 << 20)
    octets = b"".join([packing.compress(zeros) for _ in range(1024)]) + packing.flush()
    return message(octets, "application/gzip", "a.xml.gz")


def zip_bombs() -> bytes:
    """Archives in archives, of many files that are large when unpacked."""
    octets = bytes(50 << 20)
    for _ in range(3):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(20):
                archive.writestr(zipfile.ZipInfo(f"{number}.xml"), octets[: 50 << 20], zipfile.ZIP_DEFLATED)
        octets = file.getvalue()
    return message(octets, "application/zip", "a.zip")


def many_files() -> bytes:
    """Many attachments, each of ten megabytes when unpacked."""
    octets = base64.encodebytes(gzip.compress(b"<a>" + b" " * 10_000_000, 9, mtime=0)).replace(b"\n", b"\r\n")
    part = (
        b"--b\r\nContent-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + octets
        + b"\r\n"
    )
    return (
        b"From: a@reporter.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + part * 100
        + b"--b--\r\n"
    )


def tls(value: object) -> bytes:
    """A report about TLS."""
    octets = value if isinstance(value, bytes) else json.dumps(value).encode()
    return message(gzip.compress(octets, 6, mtime=0), "application/tlsrpt+gzip", "a.json.gz")


def policies() -> bytes:
    """A hundred thousand policies."""
    one = {"summary": {"total-successful-session-count": 1, "total-failure-session-count": 1}}
    return tls({"date-range": _TIMES, "policies": [one] * 100_000})


def details() -> bytes:
    """As many values as are read."""
    detail = {"result-type": "x" * 1000, "failed-session-count": 1}
    summary = {"total-successful-session-count": 1, "total-failure-session-count": 1}
    return tls({"date-range": _TIMES, "policies": [{"summary": summary, "failure-details": [detail] * 9000}]})


def numbers() -> bytes:
    """Numbers of a million digits."""
    return tls(b'{"date-range":{},"policies":[' + b"9" * 9_000_000 + b"]}")


def feedback() -> bytes:
    """A complaint about messages in messages."""
    report = b"Feedback-Type: abuse\r\n" + b"Reported-Domain: example.org\r\n" * 30_000
    return (
        b"From: a@reporter.example\r\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/feedback-report\r\n\r\n" + report + b"\r\n--b\r\n"
        + b"Content-Type: message/rfc822\r\n\r\n" * 20_000 + b"Subject: x\r\n\r\nx\r\n--b--\r\n"
    )  # fmt: skip


def forged() -> bytes:
    """Hundreds of fields in our name, with all results that fit."""
    results = b"".join([b";\r\n\tdmarc=pass (" + b"(" * 20 + b")" * 20 + b") header.from=bank.example"] * 20)
    return (
        b"Authentication-Results: mail.example.org" + results + b"\r\n"
    ) * 500 + b"From: a@b.example\r\n\r\nx"


def forged_widely() -> bytes:
    """Such fields as lenient readers may see them."""
    name = "\uff4d\uff41\uff49\uff4c.example.org".encode()
    return (
        b"Authentication-Results: (\\((" + b"\\" * 300 + name * 10 + b"\r\n"
    ) * 1500 + b"From: a@b.example\r\n\r\nx"


def reported(target: Target, *, make: Callable[[], bytes], times: int = 1) -> str:
    """The same report to postmaster, several times beside one another; what was found of it."""
    octets = make()
    target.deliver_at_once(octets, times, sender="a@reporter.example", to=POSTMASTER)
    return target.reports or "no report"


def delivered(target: Target, *, make: Callable[[], bytes], sessions: int = 1) -> str:
    """A message in several sessions at once, and how often its claims are there afterwards."""
    target.deliver_at_once(make(), sessions)
    left = target.imap_command(b"SEARCH HEADER Authentication-Results bank.example", mailbox="INBOX")
    return f"{target.verdicts}; {left}"


_XML: Final = "150,000 elements, 5,000 rows, 16 levels, tags of 64 KiB; no DTD"
_JSON: Final = "200,000 values, 1,000 policies; 256 KiB are kept"
_FORGED: Final = "removed, in one thread"
_FILES: Final = "2 MiB, of which 10 MiB are unpacked; the first file of an archive"
CASES: Final = judged((
    Case("a report with entities of entities", _XML, partial(reported, make=entities)),
    Case("a report of 3,000,000 levels", _XML, partial(reported, make=depth)),
    Case("a report of 2,000,000 elements", _XML, partial(reported, make=elements)),
    Case("a report with 900,000 attributes", _XML, partial(reported, make=attributes)),
    Case("ten reports of 40,000 rows at once", _XML, partial(reported, make=rows, times=10)),
    Case("ten gigabytes in gzip, at once", _FILES, partial(reported, make=gzip_bomb, times=10)),
    Case("zip archives in zip archives", _FILES, partial(reported, make=zip_bombs)),
    Case("100 files of 10 MB in a report", "3 files", partial(reported, make=many_files)),
    Case("a TLS report of 100,000 policies", _JSON, partial(reported, make=policies)),
    Case("ten TLS reports of 9,000 failures at once", _JSON, partial(reported, make=details, times=10)),
    Case("a TLS report of 4,000,000 levels", _JSON,
         partial(reported, make=lambda: tls(b'{"a":' + b"[" * 4_000_000))),
    Case("a TLS report with a number of 9,000,000 digits", _JSON, partial(reported, make=numbers)),
    Case("a complaint about 20,000 messages in messages", "64 KiB of its fields",
         partial(reported, make=feedback)),
    Case("500 fields of 20 results in our name", _FORGED, partial(delivered, make=forged)),
    Case("the same in 20 sessions", _FORGED, partial(delivered, make=forged, sessions=20)),
    Case("1,500 fields in nearly our name, in 20 sessions", _FORGED,
         partial(delivered, make=forged_widely, sessions=20)),
))  # fmt: skip
