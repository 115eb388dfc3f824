"""Which report a message carries: about DMARC, about TLS, or about one message.

A part that may be one is known by its media type or its file name; what it is, its first octets say, since reports
come with wrong names. Nothing is raised, whatever the message is.
"""

from typing import Final

from pillarbox.mail import part_parser, transfer
from pillarbox.mail.part import Part
from pillarbox.trust import dmarc_report, feedback_report, tls_report
from pillarbox.trust.dmarc_report import AggregateReport
from pillarbox.trust.feedback_report import FeedbackReport
from pillarbox.trust.report_file import MAX_COMPRESSED_OCTETS, MAX_OCTETS, Unreadable, unpacked
from pillarbox.trust.tls_report import TlsReport

MAX_MESSAGE_OCTETS: Final = 16 * 1024 * 1024
"""A longer message is not looked at."""
MAX_PARTS: Final = 20
"""Parts of a message that are looked at."""
MAX_FILES: Final = 3
"""Files that are unpacked at most, to find a report."""

_TYPES: Final = frozenset(
    {
        *("application/gzip", "application/x-gzip", "application/zip", "application/x-zip"),
        *("application/x-zip-compressed", "text/xml", "application/xml", "application/tlsrpt"),
        *("application/tlsrpt+gzip", "application/tlsrpt+json"),
    }
)
_NAMES: Final = (".xml", ".xml.gz", ".gz", ".zip", ".json", ".json.gz")

Report = AggregateReport | TlsReport | FeedbackReport


def find(message: bytes) -> Report | Unreadable | None:
    """The report in a message; `Unreadable` where something looks like one, None where nothing does."""
    if len(message) > MAX_MESSAGE_OCTETS:
        return None
    parts = [part for part, _ in zip(part_parser.parse(message).walk(), range(MAX_PARTS), strict=False)]
    looked_at, problem = 0, None
    for place, part in enumerate(parts):
        if part.content_type == "message/feedback-report":
            following = parts[place + 1] if place + 1 < len(parts) else None
            about = message[following.body_start : following.end] if following else b""
            return feedback_report.read_report(_octets(message, part), about)
        if not _may_be_report(part):
            continue
        looked_at += 1
        found = _read(message, part)
        if found is not None and not isinstance(found, Unreadable):
            return found
        problem = problem or found
        if looked_at >= MAX_FILES:
            break
    return problem


def _may_be_report(part: Part) -> bool:
    name = (part.filename or "").lower()
    return not part.children and (part.content_type in _TYPES or name.endswith(_NAMES))


def _read(message: bytes, part: Part) -> Report | Unreadable | None:
    plain = unpacked(_octets(message, part))
    if isinstance(plain, Unreadable):
        return plain
    start = plain[:64].removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")[:1]
    if start == b"{":
        return tls_report.read_report(plain)
    if start in (b"<", b"\xff", b"\xfe"):
        return dmarc_report.read_report(plain)
    return Unreadable("neither XML nor JSON")


def _octets(message: bytes, part: Part) -> bytes:
    limit = 2 * max(MAX_COMPRESSED_OCTETS, MAX_OCTETS)
    return transfer.decode(message[part.body_start : min(part.end, part.body_start + limit)], part.encoding)
