"""A report as JSON, from counted sessions (RFC 8460 §4.4), and its names (§5.1, §5.3)."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final

from msgspec import Struct, json

from pillarbox.trust.mta_sts import StsPolicy, policy_text
from pillarbox.trust.tls_policy import Level, TlsPolicy
from pillarbox.trust.tls_result import TlsResult

MAX_POLICY_CHARACTERS: Final = 1_400
"""Of the records or lines of one policy, and of its patterns: what goes beyond is left out of the report."""


class ReportedPolicy(Struct, frozen=True):
    """The policy that was applied to a session."""

    kind: str
    """`tlsa`, `sts` or `no-policy-found`."""
    domain: str
    strings: tuple[str, ...] = ()
    """The TLSA records, or the lines of the policy."""
    mx: tuple[str, ...] = ()
    """The patterns of an MTA-STS policy."""


class SessionCount(Struct, frozen=True):
    """So many sessions that ended alike."""

    policy: ReportedPolicy
    count: int
    result: TlsResult | None = None
    """`None`: they satisfied the policy."""
    sending_ip: str = ""
    mx_host: str = ""
    mx_ip: str = ""
    reason: str = ""
    """In words, for `failure-reason-code`."""


class ReportHead(Struct, frozen=True):
    """Whose report it is, and of which time."""

    organization: str
    contact: str
    """An address, whose domain is the submitter's (RFC 8460 §5.3)."""
    report_id: str
    """ASCII letters, digits, `.` and `-`."""
    start_s: int
    """UNIX seconds, as `end_s`."""
    end_s: int

    @property
    def submitter(self) -> str:
        """The reporting domain."""
        return self.contact.rpartition("@")[2]


def reported_policy(policy: TlsPolicy, sts: StsPolicy | None) -> ReportedPolicy:
    """How a report names what was applied; `sts` is the policy in force, also one in testing (RFC 8461 §5)."""
    if policy.dane is not None or policy.level is Level.ENCRYPTED:
        records = policy.dane.records if policy.dane else policy.unusable
        strings = (
            f"{one.usage} {one.selector} {one.matching_type} {one.association.hex()}" for one in records
        )
        return ReportedPolicy("tlsa", policy.domain, _within_limit(strings))
    if sts is not None:
        lines = policy_text(sts).splitlines()
        return ReportedPolicy("sts", policy.domain, _within_limit(lines), _within_limit(sts.mx))
    return ReportedPolicy("no-policy-found", policy.domain)


def report_json(head: ReportHead, counts: Iterable[SessionCount]) -> bytes:
    """The report about one domain, policy by policy."""
    by_policy: dict[ReportedPolicy, list[SessionCount]] = {}
    for one in counts:
        by_policy.setdefault(one.policy, []).append(one)
    return json.encode(
        {
            "organization-name": head.organization,
            "date-range": {"start-datetime": _date(head.start_s), "end-datetime": _date(head.end_s)},
            "contact-info": head.contact,
            "report-id": head.report_id,
            "policies": [_policy(policy, found) for policy, found in by_policy.items()],
        }
    )


def file_name(head: ReportHead, domain: str) -> str:
    """The name of the compressed report (RFC 8460 §5.1)."""
    return f"{head.submitter}!{domain}!{head.start_s}!{head.end_s}.json.gz"


def subject(head: ReportHead, domain: str) -> str:
    """The subject of the message that carries it (RFC 8460 §5.3)."""
    identity = f"<{head.report_id}@{head.submitter}>"
    return f"Report Domain: {domain} Submitter: {head.submitter} Report-ID: {identity}"


def _within_limit(strings: Iterable[str]) -> tuple[str, ...]:
    """Those that there is room for, in their order."""
    found, left = list[str](), MAX_POLICY_CHARACTERS
    for string in strings:
        if len(string) <= left:
            found.append(string)
            left -= len(string)
    return tuple(found)


def _policy(policy: ReportedPolicy, counts: list[SessionCount]) -> dict[str, Any]:
    applied: dict[str, Any] = {"policy-type": policy.kind, "policy-domain": policy.domain}
    if policy.strings:
        applied["policy-string"] = policy.strings
    if policy.mx:
        applied["mx-host"] = policy.mx
    failed: dict[tuple[object, ...], int] = {}
    for one in counts:
        if one.result is not None:
            key = one.result, one.sending_ip, one.mx_host, one.mx_ip, one.reason
            failed[key] = failed.get(key, 0) + one.count
    return {
        "policy": applied,
        "summary": {
            "total-successful-session-count": sum(one.count for one in counts if one.result is None),
            "total-failure-session-count": sum(failed.values()),
        },
        "failure-details": [_detail(key, count) for key, count in failed.items()],
    }


def _detail(key: tuple[object, ...], count: int) -> dict[str, object]:
    names = (
        "result-type",
        "sending-mta-ip",
        "receiving-mx-hostname",
        "receiving-ip",
        "failure-reason-code",
    )
    told = {name: value for name, value in zip(names, key, strict=True) if value}
    return {**told, "failed-session-count": count}


def _date(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
