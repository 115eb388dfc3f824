"""Reports about TLS: who wants them, ours, and those of others."""

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Tlsa
from pillarbox.trust.dane import Authenticate
from pillarbox.trust.mta_sts import Mode, StsPolicy
from pillarbox.trust.report_file import MAX_OCTETS
from pillarbox.trust.tls_policy import Level, TlsPolicy
from pillarbox.trust.tls_report import (
    FailureDetail,
    ReportedPolicy,
    ReportHead,
    ReportTargets,
    SessionCount,
    TlsReport,
    Unreadable,
    file_name,
    read_report,
    read_report_record,
    report_json,
    reported_policy,
    subject,
)
from pillarbox.trust.tls_report.reading import MAX_DETAILS, MAX_VALUES
from pillarbox.trust.tls_result import TlsResult

# --- the record


@pytest.mark.rfc("8460 §3", "MUST")
@pytest.mark.parametrize(
    ("records", "targets"),
    [
        ([b"v=TLSRPTv1;rua=mailto:r@x.example"], (("r@x.example",), ())),
        ([b"v=TLSRPTv1; rua=https://x.example/v1"], ((), ("https://x.example/v1",))),
        (
            [b"v=TLSRPTv1 ; x=y; rua=mailto:a@x.example , HTTPS://x.example ;"],
            (("a@x.example",), ("HTTPS://x.example",)),
        ),
        ([b"v=TLSRPTv1;rua=mailto:a%2Bb@x.example?subject=x"], (("a+b@x.example",), ())),
        ([b"v=spf1", b"v=TLSRPTv1;rua=mailto:r@x.example"], (("r@x.example",), ())),
        ([b"v=TLSRPTv1;rua=mailto:r@x.example"] * 2, None),
        ([b"v=TLSRPTv1;"], None),
        ([b"v=TLSRPTv1;rua="], None),
        ([b"v=TLSRPTv1;rua=http://x.example,ftp:x,mailto:nobody"], None),
        ([b"v=TLSRPTv1;rua=mailto:a%0D%0Ab@x.example"], None),
        ([b"v=TLSRPTv2;rua=mailto:r@x.example"], None),
        ([b"v=TLSRPTv1;rua=mailto:r@x.example;" + b" " * 5000], None),
        ([], None),
    ],
)
def test_who_wants_reports(records: list[bytes], targets: tuple[tuple[str, ...], ...] | None) -> None:
    assert read_report_record(records) == (ReportTargets(*targets) if targets else None)


# --- ours

HEAD = ReportHead("One", "tls@one.example", "2026-12-01.two.example", 1_764_547_200, 1_764_633_600)
STS = ReportedPolicy("sts", "two.example", ("version: STSv1", "mode: testing"), ("mx.two.example",))
NONE = ReportedPolicy("no-policy-found", "two.example")


@pytest.mark.rfc("8460 §4.4", "MUST")
def test_a_report_has_each_policy_with_its_counts() -> None:
    bad = SessionCount(
        STS, 2, TlsResult.CERTIFICATE_EXPIRED, "192.0.2.9", "mx.two.example", "192.0.2.1", "expired"
    )
    counts = [SessionCount(STS, 5), bad, SessionCount(STS, 1), bad, SessionCount(NONE, 3)]
    assert json.loads(report_json(HEAD, counts)) == {
        "organization-name": "One",
        "date-range": {"start-datetime": "2025-12-01T00:00:00Z", "end-datetime": "2025-12-02T00:00:00Z"},
        "contact-info": "tls@one.example",
        "report-id": "2026-12-01.two.example",
        "policies": [
            {
                "policy": {
                    "policy-type": "sts",
                    "policy-domain": "two.example",
                    "policy-string": ["version: STSv1", "mode: testing"],
                    "mx-host": ["mx.two.example"],
                },
                "summary": {"total-successful-session-count": 6, "total-failure-session-count": 4},
                "failure-details": [
                    {
                        "result-type": "certificate-expired",
                        "sending-mta-ip": "192.0.2.9",
                        "receiving-mx-hostname": "mx.two.example",
                        "receiving-ip": "192.0.2.1",
                        "failure-reason-code": "expired",
                        "failed-session-count": 4,
                    }
                ],
            },
            {
                "policy": {"policy-type": "no-policy-found", "policy-domain": "two.example"},
                "summary": {"total-successful-session-count": 3, "total-failure-session-count": 0},
                "failure-details": [],
            },
        ],
    }


def test_what_we_write_is_what_others_read() -> None:
    report = read_report(gzip.compress(report_json(HEAD, [SessionCount(STS, 5)])))
    assert isinstance(report, TlsReport)
    assert (report.organization, report.start_s, report.policies[0].succeeded) == ("One", HEAD.start_s, 5)


@pytest.mark.rfc("8460 §5.1", "RECOMMENDED")
@pytest.mark.rfc("8460 §5.3", "SHOULD")
def test_names_of_a_report() -> None:
    assert file_name(HEAD, "two.example") == "one.example!two.example!1764547200!1764633600.json.gz"
    assert subject(HEAD, "two.example") == (
        "Report Domain: two.example Submitter: one.example Report-ID: <2026-12-01.two.example@one.example>"
    )


def test_what_was_applied_has_a_name_in_reports() -> None:
    dane = Authenticate("mx.two.example", (Tlsa(3, 1, 1, b"\xab\xcd"),), (), domain_secure=True)
    sts = StsPolicy(Mode.TESTING, ("mx.two.example",), 1)
    by_dane = TlsPolicy("two.example", Level.DANE, "mx.two.example", dane)
    assert reported_policy(by_dane, sts) == ReportedPolicy("tlsa", "two.example", ("3 1 1 abcd",))
    free = TlsPolicy("two.example", Level.OPPORTUNISTIC, "mx.two.example")
    assert reported_policy(free, None) == NONE
    assert reported_policy(free, sts).kind == "sts"
    assert reported_policy(free, sts).strings[1] == "mode: testing"
    assert reported_policy(TlsPolicy("two.example", Level.ENCRYPTED, "mx.two.example"), None).kind == "tlsa"


# --- those of others


def report(**changes: Any) -> dict[str, Any]:
    return {
        "organization-name": "Two",
        "date-range": {"start-datetime": "2026-11-30T00:00:00Z", "end-datetime": "2026-11-30T23:59:59Z"},
        "contact-info": "x@two.example",
        "report-id": "1",
        "policies": [policy()],
    } | changes


def policy(**changes: Any) -> dict[str, Any]:
    return {
        "policy": {
            "policy-type": "sts",
            "policy-domain": "one.example",
            "policy-string": ["a"],
            "mx-host": ["b"],
        },
        "summary": {"total-successful-session-count": 7, "total-failure-session-count": 1},
        "failure-details": [{"result-type": "certificate-expired", "failed-session-count": 1}],
    } | changes


def read(value: Any) -> TlsReport:
    found = read_report(json.dumps(value).encode())
    assert isinstance(found, TlsReport), found
    return found


@pytest.mark.parametrize(
    "value",
    [
        report(),
        report(**{"contact-info": None}),
        report(**{"report-id": "<2026-11-30T00:00:00Z!one.example+x@two.example>"}),
        report(policies=[policy(policy={"policy-type": "no-policy-found"})]),
        report(policies=[policy(policy=None)]),
        report(policies=[policy(**{"failure-details": None})]),
        report(
            policies=[
                policy(summary={"total-successful-session-count": "7", "total-failure-session-count": 1.0})
            ]
        ),
        report(unknown={"deep": [1, 2]}),
        report(
            **{
                "date-range": {
                    "start-datetime": "2026-11-30T01:00:00+01:00",
                    "end-datetime": "2026-11-30 23:59:59",
                }
            }
        ),
    ],
    ids=range(9),
)
def test_only_the_time_and_the_counts_are_needed(value: dict[str, Any]) -> None:
    found = read(value)
    assert found.start_s == 1_795_996_800
    assert [(one.succeeded, one.failed) for one in found.policies] == [(7, 1)]


def test_what_is_not_known_is_kept() -> None:
    details = [
        {
            "result-type": "sts-something-new",
            "failed-session-count": 3,
            "receiving-ip": "192.0.2.1",
            "sending-mta-ip": None,
        }
    ]
    found = read(
        report(
            policies=[
                policy(
                    **{"failure-details": details, "policy": {"policy-type": "new", "policy-string": "one"}}
                )
            ]
        )
    )
    assert found.policies[0].details == (FailureDetail("sts-something-new", 3, mx_ip="192.0.2.1"),)
    assert (found.policies[0].kind, found.policies[0].strings) == ("new", ("one",))


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "no JSON"),
        (b"[]", "no JSON object"),
        (b"{}", "no date range"),
        (b"[" * 100_000, "no JSON"),
        (json.dumps(report(**{"date-range": {"start-datetime": "x"}})).encode(), "no date range"),
        (json.dumps(report(policies={})).encode(), "no policies"),
        (json.dumps(report(policies=[{}])).encode(), "no counts"),
        (
            json.dumps(report(policies=[policy(summary={"total-successful-session-count": -1})])).encode(),
            "no counts",
        ),
        (gzip.compress(bytes(MAX_OCTETS + 1)), "too large"),
        (gzip.compress(json.dumps(report()).encode())[:-9], "cut off"),
        (b"\x1f\x8bnonsense", "damaged compression"),
        (b" " * (MAX_OCTETS + 1), "too large"),
    ],
    ids=range(12),
)
def test_what_is_no_report_is_told(octets: bytes, reason: str) -> None:
    assert read_report(octets) == Unreadable(reason)


@pytest.mark.parametrize("value", [b"[],", b"{},", b"0,", b"[[],"])
def test_many_small_values_are_not_read(value: bytes) -> None:
    """A few KB, compressed, that would take a quarter of a gigabyte."""
    octets = gzip.compress(b'{"x":[' + value * MAX_VALUES)
    assert read_report(octets) == Unreadable("too many values")


def test_there_is_a_limit_to_details() -> None:
    many = [{"result-type": "x"}] * (MAX_DETAILS // 2 + 1)
    found = read(report(policies=[policy(**{"failure-details": many})] * 3))
    assert sum(len(one.details) for one in found.policies) == MAX_DETAILS


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, st.sampled_from(["date-range", "policies", "contact-info", "organization-name"]))
def test_any_value_anywhere_is_read_or_refused(value: Any, name: str) -> None:
    read_report(json.dumps(report(**{name: value})).encode())
    read_report(json.dumps(report(policies=[value, policy(summary=value)])).encode())
    read_report(
        json.dumps(report(policies=[policy(policy=value), policy(**{"failure-details": [value]})])).encode()
    )


@given(st.binary(max_size=100))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    assert isinstance(read_report(octets), TlsReport | Unreadable)
    assert isinstance(read_report(b"\x1f\x8b" + octets), TlsReport | Unreadable)
    read_report_record([octets, b"v=TLSRPTv1;rua=" + octets])
