"""The examples of RFC 7208 §7.4 and what is around them."""

from ipaddress import ip_address

import pytest

from pillarbox.dns import Kind
from pillarbox.trust.spf.macros import (
    DOMAIN_LETTERS,
    MAX_NAME_OCTETS,
    TEXT_LETTERS,
    expand,
    parse_string,
    target_name,
)
from pillarbox.trust.spf.session import Session
from tests.kit.asking import Zone
from tests.kit.spf import Checking, result_of


def _values(ip: str = "192.0.2.3", local: str = "strong-bad") -> dict[str, str]:
    session = Session(ip_address(ip), (local, "email.example.com"), "mx.example.org", "mx.example.net", 1_700)
    return session.values("email.example.com") | {"p": "mx.example.org"}


def _text(macros: str, **session: str) -> str:
    return expand(parse_string(macros, TEXT_LETTERS), _values(**session), 1000)


def _name(macros: str, **session: str) -> str:
    return target_name(parse_string(macros, DOMAIN_LETTERS), _values(**session))


@pytest.mark.rfc("7208 §7.4", "MUST")
@pytest.mark.parametrize(
    ("macros", "expansion"),
    [
        ("%{s}", "strong-bad@email.example.com"),
        ("%{o}", "email.example.com"),
        ("%{d}", "email.example.com"),
        ("%{d4}", "email.example.com"),
        ("%{d3}", "email.example.com"),
        ("%{d2}", "example.com"),
        ("%{d1}", "com"),
        ("%{dr}", "com.example.email"),
        ("%{d2r}", "example.email"),
        ("%{l}", "strong-bad"),
        ("%{l-}", "strong.bad"),
        ("%{lr}", "strong-bad"),
        ("%{lr-}", "bad.strong"),
        ("%{l1r-}", "strong"),
        ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
        ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
        ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
        ("%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"),
        ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
        ("%{p}", "mx.example.org"),
        ("%{h}", "mx.example.org"),
    ],
)
def test_examples_of_the_rfc(macros: str, expansion: str) -> None:
    assert _text(macros) == _name(macros) == expansion


@pytest.mark.rfc("7208 §7.4", "MUST")
def test_the_example_of_ipv6() -> None:
    assert _name("%{ir}.%{v}._spf.%{d2}", ip="2001:db8::cb01").lower() == (
        "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"
    )


@pytest.mark.rfc("7208 §7.3", "MUST")
@pytest.mark.parametrize(
    ("macros", "local", "expansion"),
    [
        ("%{l127}", "a.b", "a.b"),
        ("%{l99999999999999999999}", "a.b", "a.b"),
        ("%{l002}", "a.b.c", "b.c"),
        ("%{l127}", "a." * 200 + "b", "a." * 126 + "b"),
        ("%{l1R}", "a.b", "a"),
        ("%{l-+,/_=}", "a-b+c,d/e_f=g.h", "a.b.c.d.e.f.g.h"),
        ("%{l-}", "-a--b-", ".a..b."),
        ("%{l2-}", "a.b-c.d", "a.b.c.d"),
        ("%{L}", "a b~c_d-e.f&\xfc", "a%20b~c_d-e.f%26%C3%BC"),
        ("%{L-}", "a-b/c", "a.b%2Fc"),
        ("%{L}", "\udc80", "%3F"),
        ("%%%_%-", "a", "% %20"),
        ("%{c} %{r} %{t}", "a", "192.0.2.3 mx.example.net 1700"),
    ],
)
def test_transformers(macros: str, local: str, expansion: str) -> None:
    assert _text(macros, local=local) == expansion


@pytest.mark.rfc("7208 §7.2", "MUST")
def test_the_address_in_a_form_for_people() -> None:
    assert _text("%{c}", ip="2001:DB8:0::1") == "2001:db8::1"


@pytest.mark.rfc("7208 §7.3", "MUST")
def test_a_name_that_is_too_long_loses_labels_on_its_left() -> None:
    labels = [f"{n:03}" for n in range(100)]

    name = _name(".".join(labels) + ".%{d}.")

    assert name == ".".join(labels[41:]) + ".email.example.com"
    assert MAX_NAME_OCTETS - 4 < len(name) <= MAX_NAME_OCTETS
    assert len(_name("a." + "b" * 63 + ".%{d}" + f".{'c' * 63}" * 2 + ".d")) < MAX_NAME_OCTETS


def test_the_longest_name_is_whole() -> None:
    longest = "a." * (MAX_NAME_OCTETS // 2) + "b"

    assert len(longest) == MAX_NAME_OCTETS
    assert _name(longest) == _name(f"{longest}.") == longest
    assert _name(f"{longest}b") == f"{longest[2:]}b"
    # The label that the macro only ends is cut off with what is before it
    assert target_name(parse_string("zz%{h}", DOMAIN_LETTERS), {"h": f"{longest}."}) == longest[2:]


@pytest.mark.parametrize(
    "macros", ["a..%{d}", "%{l}.%{d}", f"{'a' * 64}.%{{d}}", ".%{d}", "%{d}..", "a\\b.%{d}", "a" * 300]
)
def test_what_the_dns_cannot_hold_is_no_name(macros: str) -> None:
    assert _name(macros, local="\xfc") == ""


def test_nothing_is_asked_for_what_is_no_name() -> None:
    checking = Checking({"example.org": "v=spf1 a:a..example mx:%{l}.example exists:..%{d} ptr:b..%{d} -all"})

    assert checking.mail_from(f"{'a' * 64}@example.org").result == "fail"
    assert len(checking.asked) == 1


# --- the name of the client

_NAMES = {
    ("1.2.0.192.in-addr.arpa", Kind.PTR): [
        "other.example",
        "x.example.org",
        "example.org",
        "forged.example.org",
    ],
    ("other.example", Kind.A): ["192.0.2.1"],
    ("x.example.org", Kind.A): ["192.0.2.1"],
    ("example.org", Kind.A): ["192.0.2.1"],
    ("forged.example.org", Kind.A): ["203.0.113.1"],
}


def test_the_case_of_what_the_client_is_called_does_not_matter() -> None:
    others: Zone = {
        ("1.2.0.192.in-addr.arpa", Kind.PTR): ["Mail.EXAMPLE.org."],
        ("mail.example.org", Kind.A): ["192.0.2.1"],
    }

    assert result_of("v=spf1 ptr:Example.ORG -all", others) == "pass"


@pytest.mark.rfc("7208 §7.3", "SHOULD")
@pytest.mark.parametrize(
    ("without", "name"),
    [
        ((), "example.org"),
        (("example.org",), "x.example.org"),
        (("example.org", "x.example.org"), "other.example"),
        (("example.org", "x.example.org", "other.example"), "unknown"),
    ],
)
def test_the_name_of_the_client_is_of_the_domain_if_possible(without: tuple[str, ...], name: str) -> None:
    others = {key: found for key, found in _NAMES.items() if key[0] not in without}
    others[f"{name}.ok.example", Kind.A] = ["127.0.0.2"]

    assert result_of("v=spf1 exists:%{p}.ok.example -all", others) == "pass"
