"""Results in words and as those of RFC 8601, and domains that let everybody pass."""

from ipaddress import ip_address

import pytest

from pillarbox.trust.results import MethodResult, Property, Result
from pillarbox.trust.spf import Record, check_helo, parse
from tests.kit.spf import SERVFAIL, Checking

# --- words


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("v=spf1 ip4:192.0.2.1", "example.org designates 192.0.2.1 as permitted sender"),
        ("v=spf1 +all", "example.org designates 192.0.2.1 as permitted sender, as nearly every address"),
        ("v=spf1 -all", "example.org does not designate 192.0.2.1 as permitted sender"),
        (
            "v=spf1 ~all",
            "example.org, which is in transition, does not designate 192.0.2.1 as permitted sender",
        ),
        ("v=spf1", "192.0.2.1 is neither permitted nor denied by example.org"),
        ("nothing", "example.org does not designate permitted sender hosts"),
        ("v=spf1 moo", "invalid SPF record at example.org: moo: no mechanism moo (at character 8)"),
        ("v=spf1 include:b.example", "include:b.example: no SPF record at b.example"),
    ],
)
def test_reasons(record: str, reason: str) -> None:
    assert Checking({"example.org": record}).mail_from().reason == reason


def test_a_failure_is_told() -> None:
    found = Checking({"example.org": "v=spf1 include:b.example", "b.example": SERVFAIL}).mail_from()

    assert found.reason == "look-up of TXT b.example failed: server says SERVFAIL"


# --- RFC 8601


@pytest.mark.rfc("8601 §2.7.2", "SHOULD NOT")
def test_the_domain_is_told_without_the_local_part() -> None:
    found = Checking({"example.org": "v=spf1 +ip4:192.0.2.1"}).mail_from("joe@Example.ORG")

    assert found.method_result == MethodResult(
        "spf", Result.PASS, "example.org", found.reason, (Property("smtp", "mailfrom", "example.org"),)
    )


@pytest.mark.rfc("8601 §2.7.2", "MUST")
def test_the_parameter_is_named_that_had_the_domain() -> None:
    checking = Checking({"mail.example.org": "v=spf1 -all"})
    helo = (Property("smtp", "helo", "mail.example.org"),)

    assert checking.mail_from("").method_result.properties == helo
    own = checking.answers.to(
        check_helo(ip_address("192.0.2.1"), "mail.example.org", receiver="mx.example.net", now=0)
    )
    assert own.method_result.properties == helo


def test_without_a_domain_nothing_is_named() -> None:
    found = Checking({}).mail_from("joe@localhost")

    assert found.method_result == MethodResult("spf", Result.NONE, "", found.reason)
    assert not found.allows_everybody


# --- identity and domain


@pytest.mark.rfc("7208 §2.4", "MUST")
def test_a_pass_of_helo_is_none_of_mail_from() -> None:
    """What DMARC aligns with is the domain of the MAIL FROM identity, and that was not in the attacker's hands."""
    checking = Checking({"attacker.example": "v=spf1 +ip4:192.0.2.1"})

    helo = checking.answers.to(
        check_helo(ip_address("192.0.2.1"), "attacker.example", receiver="mx.example.net", now=0)
    )
    mail_from = checking.mail_from("x@nowhere.victim.example", helo="attacker.example")

    assert (helo.result, helo.identity, helo.domain) == (Result.PASS, "helo", "attacker.example")
    assert (mail_from.result, mail_from.identity) == (Result.NONE, "mailfrom")
    assert mail_from.domain == "nowhere.victim.example"


# --- everybody


def _permits(text: str) -> bool:
    record = parse(text)
    assert isinstance(record, Record)
    return record.permits_everybody


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 +all",
        "v=spf1 all",
        "v=spf1 -ip4:192.0.2.7 +all",
        "v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all",
        "v=spf1 ip4:0.0.0.0/0 -all",
        "v=spf1 ip4:32.0.0.0/3 -all",
        "v=spf1 ip4:48.0.0.0/4 ip4:32.0.0.0/4 -all",
        "v=spf1" + "".join(f" ip4:{n}.0.0.0/8" for n in range(1, 33)) + " -all",
        "v=spf1 ip6:::/0 -all",
        "v=spf1 ip6:2000::/4 ip6:3000::/4 -all",
        "v=spf1 ip6:2400::/6 -all",
        "v=spf1 a/0 -all",
        "v=spf1 a/3 -all",
        "v=spf1 mx//6 -all",
    ],
)
def test_records_that_let_everybody_pass(record: str) -> None:
    assert _permits(record)


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 -all",
        "v=spf1 ?all",
        "v=spf1 -all +all",
        "v=spf1 ?all ip4:0.0.0.0/0",
        "v=spf1 -ip4:0.0.0.0/0 ~ip6:::/0 -all",
        "v=spf1 ip4:32.0.0.0/4 -all",
        "v=spf1" + " ip4:16.0.0.0/4" * 10 + " -all",
        "v=spf1" + "".join(f" ip4:{n}.0.0.0/8" for n in range(1, 32)) + " -all",
        "v=spf1 ip6:2400::/7 ip6:4000::/2 ip6:fc00::/6 -all",
        "v=spf1 a/4 mx//7 -all",
        "v=spf1 -a/0 -all",
    ],
)
def test_records_that_do_not(record: str) -> None:
    assert not _permits(record)


@pytest.mark.rfc("7208 §5.1", "MUST")
@pytest.mark.parametrize(
    ("record", "everybody"),
    [
        ("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all", True),
        ("v=spf1 include:all.example -all", True),
        ("v=spf1 redirect=all.example", True),
        ("v=spf1 include:b.example -all", True),
        ("v=spf1 -include:all.example ip4:192.0.2.1 -all", False),
        ("v=spf1 ip4:192.0.2.1 include:all.example -all", False),
    ],
)
def test_the_result_stays_and_gives_no_credit(record: str, everybody: bool) -> None:
    """Of included records, those that were read."""
    texts = {"example.org": record, "all.example": "v=spf1 +all", "b.example": "v=spf1 redirect=all.example"}

    found = Checking(texts).mail_from()

    assert found.result is (Result.FAIL if record.startswith("v=spf1 -") else Result.PASS)
    assert found.allows_everybody is everybody
