"""Which result records lead to, and what is asked on the way."""

from ipaddress import IPv6Address, ip_address

import pytest

from pillarbox.dns import Kind, Mx, NxDomain
from pillarbox.trust.results import Result
from pillarbox.trust.spf import Identity, check_helo, client_address
from tests.kit.asking import Zone
from tests.kit.spf import SERVFAIL, Checking, result_of

# --- the record


@pytest.mark.rfc("7208 §4.5", "MUST")
@pytest.mark.parametrize("records", [["v=spf1 +all", "v=spf1 -all"], ["v=spf1 -all", "v=spf1 +all"]])
def test_two_records_are_an_error_in_any_order(records: list[str]) -> None:
    assert Checking({"example.org": records}).mail_from().result is Result.PERMERROR


@pytest.mark.rfc("7208 §4.5", "MUST")
def test_the_version_is_the_whole_first_word_in_any_case() -> None:
    lookalikes = ["v=spf10 +all", "v=spf1-x +all", "v=spf1\t+all", "xv=spf1 +all", "v=spf2.0/mfrom +all", ""]

    assert Checking({"example.org": [*lookalikes, "V=SPF1 -all"]}).mail_from().result is Result.FAIL
    assert Checking({"example.org": lookalikes}).mail_from().result is Result.NONE


@pytest.mark.rfc("7208 §3.1", "MUST")
def test_a_record_has_to_be_ascii_and_others_do_not() -> None:
    assert Checking({"example.org": ["v=spf1 -all", "gr\xfc\xdfe"]}).mail_from().result is Result.FAIL
    found = Checking({"example.org": "v=spf1 a:gr\xfc\xdfe.example -all"}).mail_from()
    assert found.result is Result.PERMERROR
    assert found.reason.isascii()


@pytest.mark.rfc("7208 §4.6", "MUST")
def test_a_mistake_anywhere_is_an_error_before_anything_is_asked() -> None:
    checking = Checking({"example.org": "v=spf1 +a +all moo"})

    assert checking.mail_from().result is Result.PERMERROR
    assert checking.asked == [("example.org", Kind.TXT)]


@pytest.mark.rfc("7208 §4.4", "MUST")
def test_a_look_up_of_the_record_that_fails_is_temporary() -> None:
    found = Checking({"example.org": SERVFAIL}).mail_from()

    assert found.result is Result.TEMPERROR
    assert "SERVFAIL" in found.reason


# --- nested domains


@pytest.mark.rfc("7208 §7.2", "MUST")
def test_the_domain_of_a_macro_is_the_one_whose_record_is_evaluated() -> None:
    checking = Checking(
        {
            "example.org": "v=spf1 include:b.example -all",
            "b.example": "v=spf1 include:%{d}.x.example -all",
            "b.example.x.example": "v=spf1 exists:%{d}.%{o}.ok.example -all",
        },
        {("b.example.x.example.example.org.ok.example", Kind.A): ["127.0.0.2"]},
    )

    found = checking.mail_from()

    assert found.result is Result.PASS
    assert found.mechanism == "include:b.example"
    assert found.lookups == 3


@pytest.mark.rfc("7208 §5.2", "MUST")
@pytest.mark.rfc("7208 §6.1", "MUST")
@pytest.mark.parametrize(
    "record",
    [
        "v=spf1 include:nothing.example +all",
        "v=spf1 redirect=nothing.example",
        "v=spf1 include:a..example +all",
        "v=spf1 redirect=a..example",
        "v=spf1 include:%{h} +all",
    ],
)
def test_another_record_that_is_not_there_is_an_error(record: str) -> None:
    assert result_of(record, helo="localhost") == "permerror"


@pytest.mark.rfc("7208 §5.1", "MUST")
def test_redirect_is_ignored_beside_all_wherever_that_stands() -> None:
    checking = Checking({"example.org": "v=spf1 redirect=b.example ~all", "b.example": "v=spf1 +all"})

    assert checking.mail_from().result is Result.SOFTFAIL
    assert len(checking.asked) == 1


@pytest.mark.rfc("7208 §6.1", "MUST")
def test_redirect_takes_over_the_result() -> None:
    texts = {"example.org": "v=spf1 ip4:203.0.113.1 redirect=b.example", "b.example": "v=spf1 -all"}

    found = Checking(texts).mail_from()

    assert (found.result, found.domain, found.mechanism) == (Result.FAIL, "example.org", "-all")


# --- identities


@pytest.mark.rfc("7208 §2.4", "MUST")
def test_the_null_sender_is_postmaster_at_helo() -> None:
    checking = Checking(
        {"mail.example.org": "v=spf1 exists:%{l}.%{o}.ok.example -all"},
        {("postmaster.mail.example.org.ok.example", Kind.A): ["127.0.0.2"]},
    )

    found = checking.mail_from("", helo="mail.example.org")

    assert (found.result, found.identity) == (Result.PASS, Identity.MAIL_FROM)
    assert (found.domain, found.null_sender) == ("mail.example.org", True)


@pytest.mark.rfc("7208 §4.3", "MUST")
@pytest.mark.parametrize(
    "helo",
    [
        "[192.0.2.1]", "[IPv6:2001:db8::1]", "192.0.2.1", "localhost", "localhost.", "", ".", "a..example",
        f"{'a' * 64}.example", "a." * 127 + "example", "a." * 126 + "bb", "-.example",
        "b\xfccher", "\udc80.example", "a b.example",
    ],
)  # fmt: skip
def test_what_is_no_name_of_several_labels_has_no_record(helo: str) -> None:
    checking = Checking({})

    found = checking.mail_from("", helo=helo)

    assert (found.result, found.domain) == (Result.NONE, "")
    assert not checking.asked
    own = checking.answers.to(check_helo(ip_address("192.0.2.1"), helo, receiver="mx.example.net", now=0))
    assert (own.result, own.identity) == (Result.NONE, Identity.HELO)


@pytest.mark.rfc("7208 §2.3", "MUST")
def test_helo_is_an_identity_of_its_own() -> None:
    checking = Checking({"mail.example.org": "v=spf1 a -all"}, {("mail.example.org", Kind.A): ["192.0.2.1"]})

    found = checking.answers.to(
        check_helo(ip_address("192.0.2.1"), "MAIL.example.org.", receiver="mx.example.net", now=0)
    )

    assert (found.result, found.identity, found.domain) == (Result.PASS, Identity.HELO, "mail.example.org")


@pytest.mark.rfc("7208 §4.3", "MUST")
def test_a_domain_that_does_not_exist_has_no_record() -> None:
    found = Checking({"example.org": NxDomain(300)}).mail_from()

    assert (found.result, found.domain) == (Result.NONE, "example.org")


# --- internationalised mail


@pytest.mark.rfc("8616 §4", "MUST")
def test_labels_of_unicode_are_converted_before_anything_is_asked() -> None:
    checking = Checking(
        {"xn--bcher-kva.example": "v=spf1 exists:%{o}.ok.example -all"},
        {("xn--bcher-kva.example.ok.example", Kind.A): ["127.0.0.2"]},
    )

    found = checking.mail_from("joe@B\xfccher.example")

    assert (found.result, found.domain) == (Result.PASS, "xn--bcher-kva.example")


@pytest.mark.rfc("8616 §4", "MUST")
@pytest.mark.parametrize(
    ("record", "result"),
    [
        ("v=spf1 exists:%{l}.example -all", "fail"),
        ("v=spf1 exists:%{L}.example -all", "fail"),
        ("v=spf1 exists:%{s}.example -all", "fail"),
        ("v=spf1 include:%{l}.example ?all", "neutral"),
        ("v=spf1 redirect=%{l}.example", "neutral"),
        ("v=spf1 a:%{o} -all", "pass"),
    ],
)
def test_a_local_part_of_unicode_is_in_no_name(record: str, result: str) -> None:
    there = {("example.org", Kind.A): ["192.0.2.1"], ("j%C3%B6.example", Kind.A): ["127.0.0.2"]}

    assert result_of(record, there, sender="j\xf6@example.org") == result


# --- order


@pytest.mark.rfc("7208 §5", "MUST")
def test_an_error_counts_only_if_it_is_reached() -> None:
    broken = {"broken.example": SERVFAIL}

    first = Checking({"example.org": "v=spf1 ip4:192.0.2.1 include:broken.example", **broken})
    assert first.mail_from().result is Result.PASS
    assert first.asked == [("example.org", Kind.TXT)]
    later = Checking({"example.org": "v=spf1 include:broken.example ip4:192.0.2.1", **broken})
    assert later.mail_from().result is Result.TEMPERROR


@pytest.mark.rfc("7208 §5", "MUST")
@pytest.mark.parametrize(
    ("term", "failing"),
    [
        ("a", ("example.org", Kind.A)),
        ("mx", ("example.org", Kind.MX)),
        ("mx:mx.example", ("host.example", Kind.A)),
        ("exists:ok.example", ("ok.example", Kind.A)),
        ("include:ok.example", ("ok.example", Kind.TXT)),
    ],
)
def test_a_look_up_that_fails_is_not_one_without_an_answer(term: str, failing: tuple[str, Kind]) -> None:
    others: Zone = {("mx.example", Kind.MX): [Mx(10, "host.example")], failing: SERVFAIL}

    assert result_of(f"v=spf1 {term} +all", others) == "temperror"


@pytest.mark.rfc("7208 §5.5", "MUST")
def test_a_client_without_a_name_that_can_be_found_does_not_match_ptr() -> None:
    assert result_of("v=spf1 ptr -all", {("1.2.0.192.in-addr.arpa", Kind.PTR): SERVFAIL}) == "fail"
    others: Zone = {
        ("1.2.0.192.in-addr.arpa", Kind.PTR): ["a.example.org", "b.example.org"],
        ("a.example.org", Kind.A): SERVFAIL,
        ("b.example.org", Kind.A): ["192.0.2.1"],
    }
    assert result_of("v=spf1 ptr -all", others) == "pass"


def test_names_of_the_client_that_cannot_match_are_not_asked_for() -> None:
    others: Zone = {("1.2.0.192.in-addr.arpa", Kind.PTR): ["a.example", "notexample.org"]}
    checking = Checking({"example.org": "v=spf1 ptr -all"}, others)

    assert checking.mail_from().result is Result.FAIL
    assert [kind for _, kind in checking.asked] == [Kind.TXT, Kind.PTR]


# --- addresses


@pytest.mark.rfc("7208 §5", "MUST")
def test_an_ipv4_client_of_an_ipv6_socket_is_an_ipv4_client() -> None:
    mapped = "::ffff:192.0.2.1"

    assert result_of("v=spf1 ip4:192.0.2.1 -all", ip=mapped) == "pass"
    assert result_of("v=spf1 ip6:::ffff:192.0.2.1 -all", ip=mapped) == "fail"
    assert "192.0.2.1 as" in Checking({"example.org": "v=spf1 +ip4:192.0.2.1"}).mail_from(ip=mapped).reason
    checking = Checking({"example.org": "v=spf1 a ptr -all"})
    checking.mail_from(ip=mapped)
    assert checking.asked[1:] == [("example.org", Kind.A), ("1.2.0.192.in-addr.arpa", Kind.PTR)]


def test_the_zone_of_an_address_is_not_part_of_it() -> None:
    assert client_address(IPv6Address("fe80::1%eth0")) == IPv6Address("fe80::1")
    assert client_address(IPv6Address("2001:db8::1")) == IPv6Address("2001:db8::1")


@pytest.mark.rfc("7208 §5.6", "MUST")
@pytest.mark.parametrize(
    ("term", "ip", "matches"),
    [
        ("ip4:192.0.2.0/24", "192.0.2.255", True),
        ("ip4:192.0.2.77/24", "192.0.2.255", True),
        ("ip4:192.0.2.0/25", "192.0.2.255", False),
        ("ip4:192.0.2.0", "192.0.2.1", False),
        ("ip6:2001:db8::/32", "2001:db8:ffff::1", True),
        ("ip6:2001:db8::/33", "2001:db8:ffff::1", False),
        ("ip6:::/0", "192.0.2.1", False),
        ("ip4:0.0.0.0/0", "2001:db8::1", False),
    ],
)
def test_networks(term: str, ip: str, matches: bool) -> None:
    assert result_of(f"v=spf1 {term} -all", ip=ip) == ("pass" if matches else "fail")


@pytest.mark.rfc("7208 §5.3", "MUST")
@pytest.mark.rfc("7208 §5.4", "MUST")
@pytest.mark.parametrize(
    ("terms", "ip", "matches"),
    [
        ("a", "192.0.2.9", True),
        ("a/28", "192.0.2.1", True),
        ("a//64", "192.0.2.1", False),
        ("a//64", "2001:db8::1", True),
        ("a/0", "2001:db8::1", False),
        ("mx", "198.51.100.1", True),
        ("mx/24", "198.51.100.2", True),
        ("mx", "198.51.100.2", False),
        ("mx//48", "2001:db8:0:1::", True),
    ],
)
def test_addresses_of_names(terms: str, ip: str, matches: bool) -> None:
    others: Zone = {
        ("example.org", Kind.A): ["203.0.113.1", "192.0.2.9"],
        ("example.org", Kind.AAAA): ["2001:db8::9"],
        ("example.org", Kind.MX): [Mx(10, ""), Mx(20, "mx.example.org")],
        ("mx.example.org", Kind.A): ["198.51.100.1"],
        ("mx.example.org", Kind.AAAA): ["2001:db8::1:0"],
    }

    assert result_of(f"v=spf1 {terms} -all", others, ip=ip) == ("pass" if matches else "fail")


@pytest.mark.rfc("7208 §5.4", "MUST NOT")
def test_a_domain_without_an_exchanger_is_not_its_own() -> None:
    checking = Checking({"example.org": "v=spf1 mx -all"}, {("example.org", Kind.A): ["192.0.2.1"]})

    assert checking.mail_from().result is Result.FAIL
    assert ("example.org", Kind.A) not in checking.asked


def test_an_exchanger_whose_name_is_none_is_not_asked_for() -> None:
    exchanges = [Mx(10, "a\\032b.example"), Mx(20, "a..example")]
    checking = Checking({"example.org": "v=spf1 mx -all"}, {("example.org", Kind.MX): exchanges})

    assert checking.mail_from().result is Result.FAIL
    assert len(checking.asked) == 2


def test_the_order_in_which_exchangers_are_told_does_not_matter() -> None:
    exchanges = [Mx(20, "b.example"), Mx(10, "a.example"), Mx(10, "b.example")]
    others: Zone = {("a.example", Kind.A): ["192.0.2.1"], ("b.example", Kind.A): SERVFAIL}

    for order in (exchanges, exchanges[::-1]):
        assert result_of("v=spf1 mx -all", {**others, ("example.org", Kind.MX): order}) == "pass"


@pytest.mark.rfc("7208 §4.7", "MUST")
def test_without_a_match_the_result_is_neutral() -> None:
    found = Checking({"example.org": "v=spf1 ip4:203.0.113.1"}).mail_from()

    assert (found.result, found.mechanism) == (Result.NEUTRAL, "")
