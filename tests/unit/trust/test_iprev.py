"""Names of addresses that lead back (RFC 8601 §3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Answer, Failure, Kind
from pillarbox.trust.iprev import MAX_NAMES, iprev
from pillarbox.trust.results import Property, Result
from tests.kit.asking import Answers, Zone

V4 = "1.2.0.192.in-addr.arpa"
V6 = "1." + "0." * 23 + "8.b.d.0.1.0.0.2.ip6.arpa"
GOOD: Zone = {(V4, Kind.PTR): ("Mail.Example.",), ("mail.example", Kind.A): ("192.0.2.9", "192.0.2.1")}


@pytest.mark.rfc("8601 §2.7.3", "MUST")
@pytest.mark.parametrize(
    ("address", "zone", "result", "name"),
    [
        ("192.0.2.1", GOOD, Result.PASS, "mail.example"),
        ("::ffff:192.0.2.1", GOOD, Result.PASS, "mail.example"),
        (
            "2001:db8::1",
            {(V6, Kind.PTR): ("m.example",), ("m.example", Kind.AAAA): ("2001:0DB8::0001",)},
            Result.PASS,
            "m.example",
        ),
        (
            "192.0.2.1",
            {(V4, Kind.PTR): ("m.example",), ("m.example", Kind.A): ("192.0.2.2",)},
            Result.FAIL,
            "",
        ),
        ("192.0.2.1", {(V4, Kind.PTR): ("m.example",)}, Result.FAIL, ""),
        ("192.0.2.1", {}, Result.PERMERROR, ""),
        ("192.0.2.1", {(V4, Kind.PTR): Failure("SERVFAIL")}, Result.TEMPERROR, ""),
        (
            "192.0.2.1",
            {(V4, Kind.PTR): ("a.example", "b.example"), ("a.example", Kind.A): Failure("SERVFAIL")},
            Result.TEMPERROR,
            "",
        ),
        (
            "192.0.2.1",
            {
                (V4, Kind.PTR): ("a.example", "b.example"),
                ("a.example", Kind.A): Failure("SERVFAIL"),
                ("b.example", Kind.A): ("192.0.2.1",),
            },
            Result.PASS,
            "b.example",
        ),
        ("fe80::1%eth0", {}, Result.PERMERROR, ""),
        ("localhost", {}, Result.PERMERROR, ""),
    ],
)
def test_result(address: str, zone: Zone, result: Result, name: str) -> None:
    found = Answers(zone).to(iprev(address))
    assert (found.method, found.result, found.domain) == ("iprev", result, name)
    assert bool(found.reason) != (result is Result.PASS)


def test_the_address_is_told() -> None:
    found = Answers(GOOD).to(iprev("::ffff:192.0.2.1"))
    assert found.properties == (Property("policy", "iprev", "192.0.2.1"),)


@pytest.mark.rfc("8601 §3", "MUST")
def test_names_have_a_limit() -> None:
    answers = Answers({(V4, Kind.PTR): tuple(f"m{n}.example" for n in range(100))})
    assert answers.to(iprev("192.0.2.1")).result is Result.FAIL
    assert len(answers.asked) == 1 + MAX_NAMES


@given(st.lists(st.text() | st.binary()), st.lists(st.text() | st.binary()))
def test_no_answers_are_an_error(names: list[str | bytes], addresses: list[str | bytes]) -> None:
    zone: dict[tuple[str, Kind], Answer[str | bytes]] = {(V4, Kind.PTR): Answer(tuple(names), 1)}
    zone.update({(name, Kind.A): Answer(tuple(addresses), 1) for name in names if isinstance(name, str)})
    Answers(zone).to(iprev("192.0.2.1"))
