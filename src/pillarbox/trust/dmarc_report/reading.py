"""A report of somebody else (RFC 9990, RFC 7489 appendix C), as tolerantly as such reports need.

Elements are known by their local names, since reports come with either namespace and with none; values outside the
schema are kept as they are; a row that cannot be read does not lose the others. Octets come from strangers: each input
has a limit, a document type declaration is refused, so that no entity is ever defined, and nothing is raised.
"""

from ipaddress import ip_address
from typing import Any, Final
from xml.parsers import expat

from pillarbox.trust.dmarc_report.report import (
    MAX_TEXT,
    AggregateReport,
    PublishedPolicy,
    ReportRow,
    SignatureResult,
)
from pillarbox.trust.report_file import Unreadable, unpacked

MAX_ROWS: Final = 5_000
"""What follows is not read."""
MAX_SIGNATURES: Final = 20
"""Of a row that are kept."""
MAX_DEPTH: Final = 16
MAX_ELEMENTS: Final = 150_000
MAX_TAG_OCTETS: Final = 64 * 1024
"""Hundreds of thousands of attributes would take seconds."""
MAX_COUNT: Final = 2**53
MAX_TIME_S: Final = 253_402_300_799
"""The end of the year 9999."""

_SECTIONS: Final = frozenset({"report_metadata", "policy_published", "record"})


class _Refused(Exception):
    pass


class _Enough(Exception):
    pass


def read_report(octets: bytes) -> AggregateReport | Unreadable:
    """A report, compressed or not."""
    xml = unpacked(octets)
    if isinstance(xml, Unreadable):
        return xml
    if not xml.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n").startswith((b"<", b"\xff\xfe", b"\xfe\xff")):
        return Unreadable("no XML")
    reader = _Reader()
    try:
        reader.read(xml)
    except _Enough:
        pass
    except _Refused as why:
        return Unreadable(str(why))
    except (expat.ExpatError, LookupError, ValueError):
        return Unreadable("no valid XML")
    return reader.report()


class _Reader:
    """Collects the texts of one section at a time, by their paths in it."""

    def __init__(self) -> None:
        self._path: list[str] = []
        """Local names from the section on; empty outside of sections."""
        self._depth = self._elements = 0
        self._text: list[str] = []
        self._characters = 0
        self._section: dict[str, str] = {}
        self._signatures: list[SignatureResult] = []
        self._metadata: dict[str, str] = {}
        self._policy: dict[str, str] = {}
        self._rows: list[ReportRow] = []
        self._skipped = 0

    def read(self, xml: bytes) -> None:
        """Raises `_Refused`, `_Enough`, `ExpatError`, and what codecs raise."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._declared
        parser.EntityDeclHandler = self._declared
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters_come
        for at in range(0, len(xml), MAX_TAG_OCTETS):
            if at - parser.CurrentByteIndex > MAX_TAG_OCTETS:
                raise _Refused("too long a tag")
            parser.Parse(xml[at : at + MAX_TAG_OCTETS])
        parser.Parse(b"", True)

    def report(self) -> AggregateReport | Unreadable:
        """What was read."""
        metadata, policy = self._metadata, self._policy
        start_s, end_s = (
            _number(metadata.get(f"date_range/{name}"), MAX_TIME_S) for name in ("begin", "end")
        )
        domain = policy.get("domain", "").lower().rstrip(".")
        if start_s is None or end_s is None:
            return Unreadable("no date range")
        if not domain:
            return Unreadable("no policy domain")
        return AggregateReport(
            organization=metadata.get("org_name", ""),
            contact=metadata.get("email", ""),
            report_id=metadata.get("report_id", ""),
            start_s=start_s,
            end_s=end_s,
            policy=PublishedPolicy(
                domain,
                *(policy.get(name, "") for name in ("p", "sp", "np", "adkim", "aspf", "fo", "testing")),
            ),
            rows=tuple(self._rows),
            error=metadata.get("error", ""),
            skipped_rows=self._skipped,
        )

    def _declared(self, *_: Any) -> None:
        raise _Refused("document type declaration")

    def _start(self, name: str, _: Any) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > MAX_DEPTH or self._elements > MAX_ELEMENTS:
            raise _Refused("too many elements")
        local = name.rpartition(":")[2]
        if self._path or local in _SECTIONS:
            if not self._path:
                self._section, self._signatures = {}, []
            self._path.append(local)
        self._text.clear()
        self._characters = 0

    def _characters_come(self, text: str) -> None:
        if self._path and self._characters < MAX_TEXT:
            self._text.append(text[: MAX_TEXT - self._characters])
            self._characters += len(text)

    def _end(self, _: str) -> None:
        self._depth -= 1
        if not self._path:
            return
        text = "".join(self._text).strip()
        self._text.clear()
        path = "/".join(self._path[1:])
        if text:
            self._section.setdefault(path, text)
        elif path == "auth_results/dkim":
            self._signature_ended()
        if len(self._path) == 1:
            self._section_ended(self._path[0])
        self._path.pop()

    def _signature_ended(self) -> None:
        # Each is taken out, so that the next one has its place
        names = ("domain", "selector", "result", "human_result")
        values = [self._section.pop(f"auth_results/dkim/{name}", "") for name in names]
        if any(values) and len(self._signatures) < MAX_SIGNATURES:
            self._signatures.append(SignatureResult(*values))

    def _section_ended(self, name: str) -> None:
        if name == "report_metadata":
            self._metadata = self._metadata or self._section
        elif name == "policy_published":
            self._policy = self._policy or self._section
        else:
            row = _row(self._section, tuple(self._signatures))
            if row and len(self._rows) < MAX_ROWS:
                self._rows.append(row)
            else:
                self._skipped += 1
            if len(self._rows) + self._skipped > MAX_ROWS:
                raise _Enough


def _row(found: dict[str, str], signatures: tuple[SignatureResult, ...]) -> ReportRow | None:
    count = _number(found.get("row/count"), MAX_COUNT)
    try:
        source = str(ip_address(found.get("row/source_ip", "")))
    except ValueError:
        return None
    if count is None:
        return None
    evaluated = "row/policy_evaluated"
    return ReportRow(
        source_ip=source,
        header_from=found.get("identifiers/header_from", "").lower(),
        disposition=found.get(f"{evaluated}/disposition", ""),
        dkim=found.get(f"{evaluated}/dkim", ""),
        spf=found.get(f"{evaluated}/spf", ""),
        envelope_from=found.get("identifiers/envelope_from", ""),
        envelope_to=found.get("identifiers/envelope_to", ""),
        override=found.get(f"{evaluated}/reason/type", ""),
        comment=found.get(f"{evaluated}/reason/comment", ""),
        signatures=signatures,
        spf_domain=found.get("auth_results/spf/domain", ""),
        spf_result=found.get("auth_results/spf/result", ""),
        count=count,
    )


def _number(text: str | None, limit: int) -> int | None:
    if not text or len(text) > 20:
        return None
    whole = text.partition(".")[0]  # some write times with a fraction
    return int(whole) if whole.isascii() and whole.isdigit() and int(whole) <= limit else None
