"""The DNS tree walk (RFC 9989 §4.10)."""

import pytest

from pillarbox.trust.dmarc.tree_walk import MAX_RECORDS, Walk, Walker, names
from tests.kit.dmarc import SILENT, DnsOfRecords, dns

NONE = "v=DMARC1; p=none"
PSD = "v=DMARC1; p=none; psd=y"
ORGANIZATION = "v=DMARC1; p=none; psd=n"


def walk(domain: str, records: DnsOfRecords) -> Walk:
    return dns(records).to(Walker().walk(domain))


@pytest.mark.rfc("9989 §4.10", "MUST")
def test_a_long_name_is_asked_eight_times() -> None:
    domain = "a.b.c.d.e.f.g.h.i.j.mail.example.com"
    answers = dns({})
    answers.to(Walker().walk(domain))
    assert [question.name for question in answers.asked if hasattr(question, "name")] == [
        f"_dmarc.{name}"
        for name in (
            domain,
            "g.h.i.j.mail.example.com",
            "h.i.j.mail.example.com",
            "i.j.mail.example.com",
            "j.mail.example.com",
            "mail.example.com",
            "example.com",
            "com",
        )
    ]


def test_names_of_every_length() -> None:
    for count in range(1, 130):
        domain = ".".join(str(n) for n in range(count))
        asked = names(domain)
        assert len(asked) == min(count, 8)
        assert asked[0] == domain
        assert asked[-1] == str(count - 1)


@pytest.mark.rfc("9989 §4.10.2", "MUST")
@pytest.mark.parametrize(
    ("domain", "records", "organization", "applied"),
    [
        ("example.com", {}, "example.com", None),
        # The three examples of §4.10.2
        ("a.mail.example.com", {"mail.example.com": NONE, "example.com": NONE}, "example.com", "example.com"),
        (
            "a.mail.example.com",
            {"mail.example.com": ORGANIZATION, "example.com": NONE},
            "mail.example.com",
            "mail.example.com",
        ),
        ("a.mail.example.com", {"com": PSD}, "example.com", "com"),
        # Appendix B.4.3
        (
            "giant.bank.example",
            {"giant.bank.example": NONE, "bank.example": PSD},
            "giant.bank.example",
            "giant.bank.example",
        ),
        ("mail.mega.bank.example", {"bank.example": PSD}, "mega.bank.example", "bank.example"),
        ("bank.example", {"bank.example": PSD, "example": NONE}, "bank.example", "bank.example"),
        # The author's own record counts, whatever its organization is
        ("a.example.com", {"a.example.com": NONE, "example.com": NONE}, "example.com", "a.example.com"),
        # One between them is passed over (§4.10.1)
        ("x.a.example.com", {"a.example.com": NONE, "example.com": NONE}, "example.com", "example.com"),
        # A registry's record does not beat the organization's
        ("www.agency.gov", {"agency.gov": NONE, "gov": PSD}, "agency.gov", "agency.gov"),
        # The walk jumps over names, and the organization is one of those that it jumped over
        (
            "a.b.c.d.e.f.g.h.i",
            {"b.c.d.e.f.g.h.i": NONE, "c.d.e.f.g.h.i": PSD},
            "b.c.d.e.f.g.h.i",
            "c.d.e.f.g.h.i",
        ),
    ],
)
def test_organization_and_policy(
    domain: str, records: DnsOfRecords, organization: str, applied: str | None
) -> None:
    found = walk(domain, records)
    assert found.organization == organization
    assert (found.applied.domain if found.applied else None) == applied


@pytest.mark.rfc("9989 §4.10", "MUST")
def test_several_records_of_one_name_are_none() -> None:
    found = walk("sub.example.com", {"sub.example.com": (NONE, PSD), "example.com": (NONE, "v=spf1 -all")})
    assert [each.domain for each in found.found] == ["example.com"]
    assert walk("example.com", {"example.com": (*["x"] * MAX_RECORDS, NONE)}).found == ()


def test_a_record_that_ends_the_walk() -> None:
    answers = dns({"mail.example.com": ORGANIZATION})
    answers.to(Walker().walk("a.mail.example.com"))
    assert len(answers.asked) == 2


def test_each_name_is_asked_once() -> None:
    answers, walker = dns({}), Walker()
    answers.to(walker.walk("a.example.com"))
    answers.to(walker.walk("b.example.com"))
    assert len(answers.asked) == 4


def test_failures() -> None:
    at_start = walk("example.com", {"example.com": SILENT})
    assert (at_start.failed_at_start, at_start.organization, at_start.applied) == (True, "", None)
    between = walk("a.b.example.com", {"b.example.com": NONE, "example.com": SILENT})
    assert (between.failed_at_start, between.organization, between.applied) == (False, "", None)
    # A top-level domain that does not answer leaves its domains what they are
    above = walk("a.example.com", {"example.com": NONE, "com": SILENT})
    assert above.organization == "example.com"
    assert above.applied
