"""Records that are meant to cost: how much is asked, parsed and expanded at most."""

import pytest

from pillarbox.dns import Kind, Mx
from pillarbox.trust.results import Result
from pillarbox.trust.spf.macros import MAX_NAME_OCTETS, MAX_SPEC_OCTETS
from pillarbox.trust.spf.parsing import MAX_MISTAKES, MAX_RECORD_OCTETS, MAX_TERMS, parse
from pillarbox.trust.spf.record import Record
from pillarbox.trust.spf.session import (
    MAX_EXCHANGES,
    MAX_OCTETS,
    MAX_QUESTIONS,
    MAX_TERMS_THAT_ASK,
    MAX_VOID_TERMS,
)
from tests.kit.asking import Zone
from tests.kit.spf import Checking, result_of


@pytest.mark.rfc("7208 §4.6.4", "MUST")
@pytest.mark.parametrize("term", ["a", "mx", "ptr", "-exists:example.net", "include:fail.example"])
def test_terms_that_ask_are_counted(term: str) -> None:
    others: Zone = {
        ("example.org", Kind.A): ["203.0.113.1"],
        ("example.org", Kind.MX): [Mx(10, "example.org")],
        ("1.2.0.192.in-addr.arpa", Kind.PTR): ["a.example"],
    }
    texts = {"fail.example": "v=spf1 -all"}
    some = f"{term} {' '.join(['a'] * (MAX_TERMS_THAT_ASK - 1))}"

    at_the_limit = Checking({"example.org": f"v=spf1 {some} ip4:192.0.2.1", **texts}, others).mail_from()
    beyond = Checking({"example.org": f"v=spf1 {some} a ip4:192.0.2.1", **texts}, others).mail_from()

    assert (at_the_limit.result, at_the_limit.lookups) == (Result.PASS, MAX_TERMS_THAT_ASK)
    assert beyond.result is Result.PERMERROR


@pytest.mark.rfc("7208 §4.6.4", "MUST")
def test_terms_are_counted_across_records() -> None:
    texts = {f"{n}.example": f"v=spf1 include:{n + 1}.example" for n in range(30)}

    checking = Checking({"example.org": "v=spf1 include:0.example", **texts})

    assert checking.mail_from().result is Result.PERMERROR
    assert len(checking.asked) == 1 + MAX_TERMS_THAT_ASK


@pytest.mark.rfc("7208 §4.6.4", "MUST")
@pytest.mark.parametrize("record", ["v=spf1 include:example.org", "v=spf1 redirect=example.org"])
def test_loops_end(record: str) -> None:
    checking = Checking({"example.org": record})

    assert checking.mail_from().result is Result.PERMERROR
    assert len(checking.asked) == 1 + MAX_TERMS_THAT_ASK


def test_a_tree_of_includes_ends() -> None:
    checking = Checking({"example.org": "v=spf1" + " include:example.org" * 20})

    assert checking.mail_from().result is Result.PERMERROR
    assert len(checking.asked) == 1 + MAX_TERMS_THAT_ASK


@pytest.mark.rfc("7208 §4.6.4", "SHOULD")
def test_terms_for_which_the_dns_has_nothing_are_counted() -> None:
    void = [f"a:{n}.nothing.example" for n in range(5)]

    assert result_of(f"v=spf1 {' '.join(void[:MAX_VOID_TERMS])} -all") == "fail"
    checking = Checking({"example.org": f"v=spf1 {' '.join(void)} -all"})
    assert checking.mail_from().result is Result.PERMERROR
    assert len(checking.asked) == 1 + MAX_VOID_TERMS + 1


@pytest.mark.parametrize("term", ["a", "mx", "ptr", "exists:%{i}.nothing.example"])
def test_each_term_without_an_answer_counts_once(term: str) -> None:
    there = {("example.net", Kind.A): ["203.0.113.1"]}

    assert result_of(f"v=spf1 {term} {term} a:example.net -all", there) == "fail"
    assert result_of(f"v=spf1 {term} {term} {term} -all", there) == "permerror"


def test_exchangers_without_an_address_of_the_clients_version_count_once() -> None:
    exchanges = {("example.org", Kind.MX): [Mx(n, f"mx{n}.example.org") for n in range(MAX_EXCHANGES)]}
    exchanges_of_ipv4 = {(f"mx{n}.example.org", Kind.A): ["203.0.113.1"] for n in range(MAX_EXCHANGES)}

    assert result_of("v=spf1 mx mx -all", {**exchanges, **exchanges_of_ipv4}, ip="2001:db8::1") == "fail"


@pytest.mark.rfc("7208 §4.6.4", "MUST")
def test_too_many_exchangers_are_an_error_and_none_is_asked_for() -> None:
    exchanges = [Mx(n, f"mx{n}.example.org") for n in range(MAX_EXCHANGES + 1)]
    checking = Checking({"example.org": "v=spf1 mx +all"}, {("example.org", Kind.MX): exchanges})

    assert checking.mail_from().result is Result.PERMERROR
    assert len(checking.asked) == 2


@pytest.mark.rfc("7208 §4.6.4", "MUST")
def test_names_of_the_client_beyond_the_tenth_are_ignored() -> None:
    names = [f"n{n}.example.org" for n in range(12)]
    others: Zone = {
        ("1.2.0.192.in-addr.arpa", Kind.PTR): names,
        **{(name, Kind.A): ["203.0.113.1"] for name in names},
    }
    last = {("n10.example.org", Kind.A): ["192.0.2.1"]}
    tenth = {("n9.example.org", Kind.A): ["192.0.2.1"]}

    assert result_of("v=spf1 ptr -all", {**others, **last}) == "fail"
    assert result_of("v=spf1 ptr -all", {**others, **tenth}) == "pass"


@pytest.mark.rfc("7208 §4.6.4", "MUST")
def test_the_name_of_the_client_is_asked_for_once_and_counts_once() -> None:
    others: Zone = {
        ("1.2.0.192.in-addr.arpa", Kind.PTR): ["mail.example.org"],
        ("mail.example.org", Kind.A): ["192.0.2.1"],
        ("mail.example.org.x.example", Kind.A): ["203.0.113.1"],
    }
    checking = Checking({"example.org": "v=spf1" + " a:%{p}.x.example" * 9 + " -all"}, others)

    found = checking.mail_from()

    assert (found.result, found.lookups) == (Result.FAIL, MAX_TERMS_THAT_ASK)
    assert [kind for _, kind in checking.asked].count(Kind.PTR) == 1


def test_the_most_that_one_check_asks() -> None:
    """Every term has ten exchangers, and the explanation wants the name of a client that has ten."""
    names = [f"n{n}.example" for n in range(20)]
    domains = [f"d{n}.example" for n in range(10)]
    others: Zone = {
        ("1.2.0.192.in-addr.arpa", Kind.PTR): names,
        **{(name, Kind.A): ["203.0.113.1"] for name in names},
        **{(name, Kind.MX): [Mx(n, f"mx{n}.{name}") for n in range(MAX_EXCHANGES)] for name in domains},
        **{(f"mx{n}.{name}", Kind.A): ["203.0.113.1"] for n in range(MAX_EXCHANGES) for name in domains},
    }
    mx = " ".join(f"mx:{name}" for name in domains)
    checking = Checking({"example.org": f"v=spf1 {mx} -all exp=e.example", "e.example": "%{p}"}, others)

    found = checking.mail_from()

    assert (found.result, found.explanation) == (Result.FAIL, "unknown")
    assert len(checking.asked) == MAX_QUESTIONS


# --- sizes


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 " + "x" * MAX_RECORD_OCTETS,
        "v=spf1" + " a" * (MAX_TERMS + 1),
        "v=spf1 a:" + "%{s}" * (MAX_SPEC_OCTETS // 4) + ".example",
    ],
)
def test_what_is_too_large_is_an_error(record: str) -> None:
    assert result_of(record) == "permerror"


def test_the_largest_record_is_none() -> None:
    assert isinstance(parse("v=spf1" + " a" * MAX_TERMS), Record)
    assert isinstance(parse("v=spf1 x=".ljust(MAX_RECORD_OCTETS, "y")), Record)
    assert isinstance(parse("v=spf1 a:" + "b.example".rjust(MAX_SPEC_OCTETS, "a")), Record)


def test_a_record_has_only_so_many_mistakes() -> None:
    mistakes = parse("v=spf1" + " moo" * 400)

    assert isinstance(mistakes, tuple)
    assert len(mistakes) == MAX_MISTAKES


def test_records_of_one_check_are_limited_together() -> None:
    size = MAX_OCTETS // 4
    texts = {f"{n}.example": "v=spf1 ?all x=".ljust(size, "y") for n in range(5)}
    record = "v=spf1 {} -all".format(" ".join(f"include:{name}" for name in texts))
    checking = Checking({"example.org": record, **texts})

    assert checking.mail_from().result is Result.PERMERROR
    assert len(checking.asked) == 1 + 4


def test_records_of_one_check_may_have_that_many_octets() -> None:
    texts = {
        "example.org": "v=spf1 include:b.example -all x=".ljust(MAX_OCTETS - MAX_RECORD_OCTETS, "y"),
        "b.example": "v=spf1 +all x=".ljust(MAX_RECORD_OCTETS, "y"),
    }

    assert Checking(texts).mail_from().result is Result.PASS


def test_a_bomb_of_macros_is_no_longer_than_a_name() -> None:
    bomb = "exists:" + "%{s}." * (MAX_SPEC_OCTETS // 5 - 5) + "example"
    checking = Checking({"example.org": f"v=spf1 {bomb} -all"})

    assert checking.mail_from(f"{'a.' * 120}a@example.org").result is Result.FAIL
    name, _ = checking.asked[1]
    assert MAX_NAME_OCTETS - 64 < len(name) <= MAX_NAME_OCTETS


def test_a_greeting_without_end_is_cut() -> None:
    checking = Checking({"example.org": "v=spf1 -exists:%{h1}.example ?all"})

    assert checking.mail_from(helo=f"{'a.' * 500_000}end").result is Result.NEUTRAL
    assert checking.asked[1:] == [("a.example", Kind.A)]
