"""Records as values, and what is wrong with those that are none."""

import pytest

from pillarbox.trust.results import Result
from pillarbox.trust.spf import Mistake, Record, parse
from pillarbox.trust.spf.macros import DOMAIN_LETTERS, parse_string
from pillarbox.trust.spf.parsing import is_record
from pillarbox.trust.spf.record import A, All, Directive, Exists, Include, Mx, Network, Ptr


def _record(text: str) -> Record:
    parsed = parse(text)
    assert isinstance(parsed, Record), parsed
    return parsed


def _mistakes(text: str) -> list[tuple[int, str, str]]:
    parsed = parse(text)
    assert isinstance(parsed, tuple), parsed
    return [(mistake.position, mistake.term, mistake.reason) for mistake in parsed]


@pytest.mark.rfc("7208 §4.6.1", "MUST")
def test_a_record_of_all_mechanisms() -> None:
    def name(text: str) -> object:
        return parse_string(text, DOMAIN_LETTERS)

    record = _record(
        "V=spf1  +A mx:b.example/24//64 ~ptr ?Include:%{d2}.c.example. IP4:192.0.2.0/24 ip6:2001:db8::/32 "
        "exists:%{i}.d.example redirect=e.example Exp=f.example more.of_it-1=a:b/c -all  "
    )

    assert record.directives == (
        Directive(Result.PASS, A(None, 32, 128), "+A"),
        Directive(Result.PASS, Mx(name("b.example"), 24, 64), "mx:b.example/24//64"),  # type: ignore[arg-type]
        Directive(Result.SOFTFAIL, Ptr(None), "~ptr"),
        Directive(Result.NEUTRAL, Include(name("%{d2}.c.example.")), "?Include:%{d2}.c.example."),  # type: ignore[arg-type]
        Directive(Result.PASS, Network(4, 0xC00002, 8), "IP4:192.0.2.0/24"),
        Directive(Result.PASS, Network(6, 0x20010DB8, 96), "ip6:2001:db8::/32"),
        Directive(Result.PASS, Exists(name("%{i}.d.example")), "exists:%{i}.d.example"),  # type: ignore[arg-type]
        Directive(Result.FAIL, All(), "-all"),
    )
    assert record.redirect == name("e.example")
    assert record.explanation == name("f.example")
    assert record.unknown == ("more.of_it-1",)


@pytest.mark.rfc("7208 §4.6", "MUST")
def test_all_mistakes_are_told_with_their_places() -> None:
    assert _mistakes("v=spf1 moo a:example ip4:192.0.2.1/33 -all") == [
        (7, "moo", "no mechanism moo"),
        (11, "a:example", "domain of one label; it has to be a whole name"),
        (21, "ip4:192.0.2.1/33", "not a prefix length from 0 to 32"),
    ]
    (mistake,) = parse("v=spf1 moo")  # type: ignore[misc]  # not a record
    assert str(mistake) == "moo: no mechanism moo (at character 8)"
    assert str(Mistake(0, "", "record longer than 1 octets")).startswith("record longer")


@pytest.mark.parametrize(
    ("term", "reason"),
    [
        ("all.", "no mechanism all."),
        ("-all:x", "all stands alone"),
        ("all/8", "all stands alone"),
        ("include", "what follows the colon is missing"),
        ("include:", "domain is missing"),
        ("include/24", "a colon has to follow the name"),
        ("include:b.example/24", "domain that does not end with a top-level domain"),
        ("exists", "what follows the colon is missing"),
        ("ptr:", "domain is missing"),
        ("ptr/0", "a colon has to follow the name"),
        ("a:", "domain is missing"),
        ("a:192.0.2.1", "domain that ends with a number; addresses are for ip4 and ip6"),
        ("a:b.-example", "domain that does not end with a top-level domain"),
        ("a:b.example,", "domain that does not end with a top-level domain"),
        ("a:b.example:8080", "domain that does not end with a top-level domain"),
        ("a:%%{d}", "domain of one label; it has to be a whole name"),
        ("a/33", "not a prefix length from 0 to 32"),
        ("a/024", "not a prefix length from 0 to 32"),
        ("a//129", "not a prefix length from 0 to 128"),
        ("a/24/64", "not a prefix length from 0 to 32"),
        ("a/24/32", "a colon has to follow the name"),
        ("a//64/24", "a colon has to follow the name"),
        ("a/" + "1" * 5000, "not a prefix length from 0 to 32"),
        ("ip4", "what follows the colon is missing"),
        ("ip4:192.0.2", "not an IPv4 address"),
        ("ip4:192.0.02.1", "not an IPv4 address"),
        ("ip4:192.0.2.1:25", "not an IPv4 address"),
        ("ip4:192.0.2.1\n", "not an IPv4 address"),
        ("ip4:192.0.2.1/", "not a prefix length from 0 to 32"),
        ("ip4:192.0.2.1//32", "not a prefix length from 0 to 32"),
        ("ip4:2001:db8::1", "not an IPv4 address"),
        ("ip6:192.0.2.1", "not an IPv6 address"),
        ("ip6:fe80::1%eth0", "not an IPv6 address"),
        ("ip6::2001::1", "not an IPv6 address"),
        ("ip6:::/129", "not a prefix length from 0 to 128"),
        ("1up=x", "neither a mechanism nor a modifier"),
        ("=all", "neither a mechanism nor a modifier"),
        ("--all", "neither a mechanism nor a modifier"),
        ("+x=y", "a modifier has no qualifier"),
        ("x/y=z", "no mechanism x"),
        ("redirect:b.example", "no mechanism redirect"),
        ("redirect=", "domain is missing"),
        ("exp=-all", "domain of one label; it has to be a whole name"),
        ("exp=%{r}.b.example", "macro r is for explanations only"),
        ("x=%abc", "% that begins no macro"),
        ("exists:%(ir).b.example", "% that begins no macro"),
        ("exists:b.example.%", "% that begins no macro"),
        ("exists:%{d.b.example", "% that begins no macro"),
        ("exists:%{a}.b.example", "no macro is called a"),
        ("exists:%{d0}.b.example", "macro that keeps no part"),
        ("exists:%{d1x}.b.example", "% that begins no macro"),
        ("a:b.example\0", "character that is not allowed"),
        ("a:gr\xfcn.example", "character that is not allowed"),
        ("a\rptr", "a colon has to follow the name"),
    ],
)
def test_mistakes(term: str, reason: str) -> None:
    ((position, shown, told),) = _mistakes(f"v=spf1 {term} -all")

    assert (position, told) == (7, reason)
    assert shown.isascii()
    assert shown.isprintable()


def test_a_long_term_is_told_in_short() -> None:
    ((_, shown, _),) = _mistakes(f"v=spf1 {'y' * 60}")
    ((_, cut, _),) = _mistakes(f"v=spf1 {'y' * 61}")

    assert (shown, cut) == ("y" * 60, f"{'y' * 60}...")


@pytest.mark.rfc("7208 §6", "MUST NOT")
@pytest.mark.parametrize("name", ["redirect", "exp"])
def test_modifiers_that_mean_something_are_there_once(name: str) -> None:
    assert _mistakes(f"v=spf1 {name}=a.example {name.upper()}=b.example") == [
        (len(f"v=spf1 {name}=a.example "), f"{name.upper()}=b.example", f"{name} for the second time")
    ]


@pytest.mark.rfc("7208 §6", "MUST")
def test_modifiers_of_others_are_there_as_often_as_they_like() -> None:
    assert _record("v=spf1 x=%{c} x= X=1 -all").unknown == ("x", "x", "x")


@pytest.mark.rfc("7208 §7.1", "MUST")
@pytest.mark.parametrize(
    "domain",
    [
        "a.xn--zckzah",
        "a.b.",
        "a.1-2",
        "a.b1",
        "a:b/c.example",
        "%{d}",
        "a%{d}",
        "a%%",
        "a%_",
        "_spf.b",
        "a..b",
    ],
)
def test_domains(domain: str) -> None:
    assert len(_record(f"v=spf1 exists:{domain}").directives) == 1


def test_slashes_belong_to_the_domain_unless_a_length_follows_them_at_the_end() -> None:
    def hosts(term: str) -> tuple[str, int, int]:
        (directive,) = _record(f"v=spf1 {term}").directives
        assert isinstance(directive.mechanism, A)
        assert directive.mechanism.domain
        return directive.mechanism.domain.name, directive.mechanism.prefix4, directive.mechanism.prefix6

    assert hosts("a:b/24.example/8") == ("b/24.example", 8, 128)
    assert hosts("a:b//c.example//48") == ("b//c.example", 32, 48)
    assert hosts("a:b.example/0//0") == ("b.example", 0, 0)


@pytest.mark.rfc("7208 §4.5", "MUST")
@pytest.mark.parametrize("text", ["", "v=spf10 -all", "v=spf1\t-all", "spf2.0/pra -all"])
def test_what_does_not_begin_with_the_version_is_no_record(text: str) -> None:
    assert not is_record(text.encode())
    ((_, _, reason),) = _mistakes(text)
    assert reason == "not an SPF record: it does not begin with v=spf1"


def test_the_empty_record() -> None:
    assert is_record(b"v=spf1")
    assert _record("v=spf1") == _record("V=SPF1  ") == Record(())
