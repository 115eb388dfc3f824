"""A report of somebody else (RFC 8460 §4.4).

Reports in the wild lack fields, and have others of strange types: only the time and the counts are needed. A result
type that is not known is kept as it is. Octets come from strangers: each input has a limit, and nothing is raised.
"""

from datetime import UTC, datetime
from typing import Any, Final

from msgspec import DecodeError, Struct, json

from pillarbox.trust.report_file import Unreadable, unpacked

MAX_VALUES: Final = 200_000
"""Values of the JSON, each some 150 octets of memory: twice what `MAX_DETAILS` have."""
MAX_POLICIES: Final = 1000
MAX_DETAILS: Final = 10_000
"""Of all policies together."""
MAX_TEXT: Final = 1000
"""Characters of a text that are kept."""
MAX_STRINGS: Final = 100
"""Of a policy that are kept."""
MAX_COUNT: Final = 2**53
"""RFC 7493 §2.2: beyond it, numbers are not exact."""


class FailureDetail(Struct, frozen=True):
    """Sessions that failed alike; a text is empty where it is not told."""

    result: str
    count: int
    sending_ip: str = ""
    mx_host: str = ""
    mx_helo: str = ""
    mx_ip: str = ""
    reason: str = ""
    more: str = ""
    """A URI with additional information."""


class PolicyReport(Struct, frozen=True):
    """What became of the sessions to which one policy applied."""

    kind: str
    domain: str
    strings: tuple[str, ...]
    mx: tuple[str, ...]
    succeeded: int
    failed: int
    details: tuple[FailureDetail, ...]


class TlsReport(Struct, frozen=True):
    """A report."""

    organization: str
    contact: str
    report_id: str
    start_s: float
    """UNIX seconds, as `end_s`."""
    end_s: float
    policies: tuple[PolicyReport, ...]


def read_report(octets: bytes) -> TlsReport | Unreadable:
    """A report, compressed or not, whatever its media type said."""
    plain = unpacked(octets)
    if isinstance(plain, Unreadable):
        return plain
    if sum(map(plain.count, (b",", b"[", b"{"))) > MAX_VALUES:
        return Unreadable("too many values")  # ten megabytes of `[],` take a quarter of a gigabyte
    try:
        value: Any = json.decode(plain.removeprefix(b"\xef\xbb\xbf"))
    except (DecodeError, RecursionError, UnicodeDecodeError):
        return Unreadable("no JSON")
    return _report(value) if isinstance(value, dict) else Unreadable("no JSON object")


def _report(value: dict[str, Any]) -> TlsReport | Unreadable:
    times = _dict(value.get("date-range"))
    start_s, end_s = _seconds(times.get("start-datetime")), _seconds(times.get("end-datetime"))
    if start_s is None or end_s is None:
        return Unreadable("no date range")
    found = value.get("policies")
    if not isinstance(found, list):
        return Unreadable("no policies")
    policies, details = list[PolicyReport](), MAX_DETAILS
    for one in found[:MAX_POLICIES]:
        policy = _policy(_dict(one), details)
        if policy is None:
            return Unreadable("no counts")
        details -= len(policy.details)
        policies.append(policy)
    return TlsReport(
        _text(value.get("organization-name")),
        _text(value.get("contact-info")),
        _text(value.get("report-id")),
        start_s,
        end_s,
        tuple(policies),
    )


def _policy(value: dict[str, Any], details: int) -> PolicyReport | None:
    policy, summary = _dict(value.get("policy")), _dict(value.get("summary"))
    succeeded = _count(summary.get("total-successful-session-count"))
    failed = _count(summary.get("total-failure-session-count"))
    if succeeded is None or failed is None:
        return None
    found = value.get("failure-details")
    return PolicyReport(
        _text(policy.get("policy-type")),
        _text(policy.get("policy-domain")),
        _texts(policy.get("policy-string")),
        _texts(policy.get("mx-host")),
        succeeded,
        failed,
        tuple(_detail(_dict(one)) for one in (found[:details] if isinstance(found, list) else ())),
    )


def _detail(value: dict[str, Any]) -> FailureDetail:
    return FailureDetail(
        _text(value.get("result-type")),
        _count(value.get("failed-session-count")) or 0,
        _text(value.get("sending-mta-ip")),
        _text(value.get("receiving-mx-hostname")),
        _text(value.get("receiving-mx-helo")),
        _text(value.get("receiving-ip")),
        _text(value.get("failure-reason-code")),
        _text(value.get("additional-information")),
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _texts(value: object) -> tuple[str, ...]:
    found = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(_text, found[:MAX_STRINGS])))


def _count(value: object) -> int | None:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 16:
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value <= MAX_COUNT else None


def _seconds(value: object) -> float | None:
    try:
        time = datetime.fromisoformat(_text(value)[:40].strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
