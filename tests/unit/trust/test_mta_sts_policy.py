"""The TXT record and the policy of MTA-STS, others' and our own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.trust.mta_sts import (
    InvalidPolicy,
    Mode,
    StsPolicy,
    policy_id,
    policy_text,
    policy_url,
    read_policy,
    read_record,
    record_text,
)
from pillarbox.trust.mta_sts.policy import MAX_AGE_S, MAX_LINES, MAX_OCTETS, MAX_PATTERNS

GOOD = b"version: STSv1\nmode: enforce\nmx: mx.two.example\nmax_age: 604800\n"
POLICY = StsPolicy(Mode.ENFORCE, ("mx.two.example",), 604_800)


# --- the record


@pytest.mark.rfc("8461 §3.1", "MUST")
@pytest.mark.parametrize(
    ("records", "identity"),
    [
        ([b"v=STSv1; id=20160831085700Z;"], "20160831085700Z"),
        ([b"v=STSv1;id=a"], "a"),
        ([b"v=STSv1 ; id=a ; "], "a"),
        ([b"v=STSv1; x.y=1; id=a"], "a"),
        ([b"v=STSv1; id=a; id=b"], "a"),
        ([b"v=spf1 -all", b"v=STSv1; id=a"], "a"),
        ([b"v=STSv1; id=a", b"v=STSv1; id=a"], None),
        ([b"v=STSv1"], None),
        ([b"v=STSv1;"], None),
        ([b"v=STSv1; id="], None),
        ([b"v=STSv1; id=a-b"], None),
        ([b"v=STSv1; id=" + b"a" * 33], None),
        ([b"v=STSv1; id=a; nonsense"], None),
        ([b"v=stsv1; id=a"], None),
        ([b" v=STSv1; id=a"], None),
        ([b"id=a; v=STSv1"], None),
        ([b"v=STSv10; id=a"], None),
        ([b"v=STSv1; id=a;" + b" " * 5000], None),
        ([], None),
    ],
)
def test_the_record_has_an_id(records: list[bytes], identity: str | None) -> None:
    assert read_record(records) == identity


def test_what_we_publish_is_what_others_read() -> None:
    identity = policy_id(POLICY)
    assert read_record([record_text(identity).encode()]) == identity
    assert read_policy(policy_text(POLICY).encode()) == POLICY


@pytest.mark.rfc("8461 §3.1", "MUST")
def test_our_id_changes_with_every_change_of_our_policy() -> None:
    others = [
        StsPolicy(Mode.TESTING, POLICY.mx, POLICY.max_age_s),
        StsPolicy(Mode.ENFORCE, ("mx2.two.example",), POLICY.max_age_s),
        StsPolicy(Mode.ENFORCE, POLICY.mx, 86_400),
    ]
    assert len({policy_id(one) for one in (POLICY, *others)}) == 4
    assert policy_id(POLICY) == policy_id(StsPolicy(Mode.ENFORCE, ("mx.two.example",), 604_800))


def test_where_the_policy_is() -> None:
    assert policy_url("two.example") == "https://mta-sts.two.example/.well-known/mta-sts.txt"


# --- the policy


@pytest.mark.rfc("8461 §3.2", "MUST")
@pytest.mark.parametrize(
    "octets",
    [
        GOOD,
        GOOD.replace(b"\n", b"\r\n"),
        GOOD.rstrip(),
        GOOD.replace(b": ", b":"),
        GOOD.replace(b": ", b":\t ").replace(b"\n", b" \t\r\n"),
        GOOD + b"\n\n",
        b"mx: mx.two.example\nmax_age: 604800\nversion: STSv1\nmode: enforce",
        GOOD + b"note: f\xc3\xbcr alle: wirklich\n",
        GOOD + b"mode: none\nmax_age: 1\nversion: 2\n",
        GOOD + b"mx: MX.two.example.\n",
    ],
    ids=lambda octets: repr(octets[-30:]),
)
def test_every_form_of_a_policy_is_read(octets: bytes) -> None:
    """Line ends, blanks, order, unknown fields; of those that stand twice the first."""
    assert read_policy(octets) == POLICY


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"", "no version STSv1"),
        (b"<html></html>", "a line is no field"),
        (GOOD.replace(b"STSv1", b"STSv2"), "no version STSv1"),
        (GOOD.replace(b"enforce", b"Enforce"), "no known mode"),
        (GOOD.replace(b"mode", b"Mode"), "no known mode"),
        (GOOD.replace(b"604800", b"-1"), "no max_age"),
        (GOOD.replace(b"604800", b"1" * 11), "no max_age"),
        (GOOD.replace(b"604800", "\u0661".encode()), "no max_age"),
        (GOOD.replace(b"mx: mx.two.example\n", b""), "no mx"),
        (GOOD.replace(b"mx.two", b"*.*.two"), "an mx is no name of a host"),
        (GOOD.replace(b"mx.two", b"m*.two"), "an mx is no name of a host"),
        (GOOD.replace(b"mx.two.example", "bücher.example".encode()), "an mx is no name of a host"),
        (GOOD + b"\xff: x\n", "no UTF-8"),
        (GOOD + b"x" * MAX_OCTETS, "too large"),
        (GOOD + b"\n" * MAX_LINES, "too many lines"),
        (GOOD + b"mx: a.example\n" * MAX_PATTERNS, "too many hosts"),
    ],
)
def test_what_is_no_policy_is_told(octets: bytes, reason: str) -> None:
    assert read_policy(octets) == InvalidPolicy(reason)


@pytest.mark.rfc("8461 §3.2", "MUST")
def test_the_longest_life_is_a_year() -> None:
    policy = read_policy(GOOD.replace(b"604800", b"9999999999"))
    assert isinstance(policy, StsPolicy)
    assert policy.max_age_s == MAX_AGE_S


@pytest.mark.rfc("8461 §8.3", "MUST")
def test_a_policy_that_ends_all_needs_no_hosts() -> None:
    assert read_policy(b"version: STSv1\nmode: none\nmax_age: 86400") == StsPolicy(Mode.NONE, (), 86_400)


@pytest.mark.rfc("8461 §4.1", "MUST")
@pytest.mark.parametrize(
    ("pattern", "host", "allowed"),
    [
        ("mail.example.net", "mail.example.net", True),
        ("mail.example.net", "MAIL.Example.NET.", True),
        ("Mail.Example.net.", "mail.example.net", True),
        ("mail.example.net", "a.mail.example.net", False),
        ("*.example.net", "mail.example.net", True),
        ("*.example.net", "example.net", False),
        ("*.example.net", "foo.bar.example.net", False),
        ("*.mx.microsoft", "x.h-v1.mx.microsoft", False),
        ("*.h-v1.mx.microsoft", "x.h-v1.mx.microsoft", True),
        ("*.example.net", "mail.example.net.evil.example", False),
        ("*.example.net", ".example.net", False),
        ("*.example.net", "", False),
    ],
)
def test_a_wildcard_is_one_label(pattern: str, host: str, allowed: bool) -> None:
    policy = read_policy(GOOD.replace(b"mx.two.example", pattern.encode()))
    assert isinstance(policy, StsPolicy)
    assert policy.allows(host) is allowed


@given(st.binary(max_size=300) | st.binary(max_size=50).map(lambda more: GOOD + more))
def test_any_octets_are_a_policy_or_none(octets: bytes) -> None:
    assert isinstance(read_policy(octets), StsPolicy | InvalidPolicy)
    read_record([octets, b"v=STSv1;" + octets])
