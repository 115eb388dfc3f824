"""Which TLSA records are asked for, and what they demand."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.dns import Answer, Failure, Kind, NoData, NxDomain, Outcome, Tlsa
from pillarbox.trust.dane import Authenticate, DaneVerdict, Deferred, Encrypt, NextHop, NoDane, dane_verdict
from pillarbox.trust.dane.records import MAX_RECORDS, usable
from pillarbox.trust.questions import Lookup
from tests.kit.asking import Answers
from tests.kit.certificates import issued

EE = Tlsa(3, 1, 1, bytes(32))
SIGNED_HOP = NextHop("two.example", secure=True)
UNSIGNED_HOP = NextHop("two.example", secure=False)
SIGNED = Answer(("192.0.2.1",), 300, authenticated=True)
UNSIGNED = Answer(("192.0.2.1",), 300)


def secure(*records: Any) -> Answer[Any]:
    return Answer(records, 300, authenticated=True)


def verdict(
    zone: dict[tuple[str, Kind], Any], addresses: Outcome[str] = SIGNED, hop: NextHop = SIGNED_HOP
) -> tuple[DaneVerdict, list[str]]:
    answers = Answers(zone)
    found = answers.to(dane_verdict("MX.two.example.", 25, addresses, hop))
    return found, [one.name for one in answers.asked if isinstance(one, Lookup)]


@pytest.mark.rfc("7672 §2.2.3", "MUST")
def test_records_of_a_signed_host_authenticate_it() -> None:
    found, asked = verdict({("_25._tcp.mx.two.example", Kind.TLSA): secure(EE)})
    assert found == Authenticate(
        "mx.two.example", (EE,), ("mx.two.example", "two.example"), domain_secure=True
    )
    assert asked == ["_25._tcp.mx.two.example"]


@pytest.mark.rfc("7672 §2.2.3", "MUST")
def test_the_port_of_the_connection_is_in_the_name() -> None:
    answers = Answers({("_2525._tcp.mx.two.example", Kind.TLSA): secure(EE)})
    assert isinstance(answers.to(dane_verdict("mx.two.example", 2525, SIGNED, SIGNED_HOP)), Authenticate)


@pytest.mark.rfc("7672 §2.2.2", "SHOULD")
def test_an_unsigned_host_is_not_asked_for_records() -> None:
    """Its name servers may fail at such queries, and mail would never arrive."""
    broken = {("_25._tcp.mx.two.example", Kind.TLSA): Failure("server says SERVFAIL")}
    assert verdict(broken, UNSIGNED) == (NoDane(), [])


@pytest.mark.rfc("7672 §2.1.2", "MUST")
@pytest.mark.parametrize("reason", ["server says SERVFAIL", "no answer", "bogus"])
def test_a_signed_host_whose_records_cannot_be_found_is_not_used(reason: str) -> None:
    found, _ = verdict({("_25._tcp.mx.two.example", Kind.TLSA): Failure(reason)})
    assert found == Deferred(f"the TLSA records of mx.two.example cannot be looked up: {reason}")


@pytest.mark.rfc("7672 §2.2", "SHOULD")
@pytest.mark.parametrize("outcome", [NoData(300, authenticated=True), NxDomain(300), Answer((EE,), 300)])
def test_without_secure_records_dane_does_not_apply(outcome: Outcome[Any]) -> None:
    assert verdict({("_25._tcp.mx.two.example", Kind.TLSA): outcome})[0] == NoDane()


@pytest.mark.rfc("7672 §2.1.2", "MUST")
def test_a_host_whose_addresses_cannot_be_looked_up_is_not_used() -> None:
    assert verdict({}, Failure("no answer")) == (
        Deferred("the addresses of mx.two.example cannot be looked up: no answer"),
        [],
    )


@pytest.mark.parametrize("outcome", [NoData(1), NxDomain(1)])
def test_a_host_without_address_is_not_asked_for_records(outcome: Outcome[str]) -> None:
    assert verdict({}, outcome) == (NoDane(), [])


# --- aliases: the four mixes of signed and unsigned zones


def alias(*, target_signed: bool) -> Answer[str]:
    return Answer(("192.0.2.1",), 300, target_signed, "mx.host.example")


@pytest.mark.rfc("7672 §2.2.2", "MUST")
@pytest.mark.parametrize("at", ["mx.host.example", "mx.two.example"])
def test_a_signed_alias_has_its_final_name_tried_first_then_its_own(at: str) -> None:
    found, asked = verdict({(f"_25._tcp.{at}", Kind.TLSA): secure(EE)}, alias(target_signed=True))
    assert isinstance(found, Authenticate)
    assert found.base == at
    assert found.names == (at, "two.example")
    assert asked[0] == "_25._tcp.mx.host.example"
    assert asked[1:] == ["_25._tcp.mx.two.example"][: at == "mx.two.example"]


@pytest.mark.rfc("7672 §2.2.2", "MUST")
@pytest.mark.parametrize("alias_signed", [True, False])
def test_an_alias_that_leads_to_an_unsigned_zone_has_its_own_name_alone(alias_signed: bool) -> None:
    zone = {
        ("mx.two.example", Kind.CNAME): Answer(("mx.host.example",), 300, alias_signed),
        ("_25._tcp.mx.two.example", Kind.TLSA): secure(EE),
        ("_25._tcp.mx.host.example", Kind.TLSA): secure(EE),
    }
    found, asked = verdict(zone, alias(target_signed=False))
    if alias_signed:
        assert isinstance(found, Authenticate)
        assert found.base == "mx.two.example"
        assert asked == ["mx.two.example", "_25._tcp.mx.two.example"]
    else:
        assert (found, asked) == (NoDane(), ["mx.two.example"])


@pytest.mark.rfc("7672 §2.1.2", "MUST")
def test_an_alias_that_cannot_be_looked_up_defers() -> None:
    found, _ = verdict({("mx.two.example", Kind.CNAME): Failure("bogus")}, alias(target_signed=False))
    assert found == Deferred("the alias mx.two.example cannot be looked up: bogus")


@pytest.mark.rfc("7672 §2.2.3", "MUST")
def test_an_error_at_the_final_name_is_not_passed_over() -> None:
    zone = {
        ("_25._tcp.mx.host.example", Kind.TLSA): Failure("bogus"),
        ("_25._tcp.mx.two.example", Kind.TLSA): secure(EE),
    }
    assert isinstance(verdict(zone, alias(target_signed=True))[0], Deferred)


@pytest.mark.rfc("7672 §2.2.3", "MUST")
def test_an_alias_of_the_records_themselves_does_not_change_the_base_domain() -> None:
    shared = Answer((EE,), 300, authenticated=True, canonical_name="tlsa._dane.host.example")
    found, _ = verdict({("_25._tcp.mx.two.example", Kind.TLSA): shared})
    assert isinstance(found, Authenticate)
    assert found.base == "mx.two.example"


# --- reference names


@pytest.mark.rfc("7672 §3.2.2", "MUST")
def test_the_domain_and_its_expansion_are_reference_names_where_the_exchangers_are_certain() -> None:
    zone = {("_25._tcp.mx.two.example", Kind.TLSA): secure(EE)}
    found, _ = verdict(zone, hop=NextHop("alias.example", secure=True, expanded="two.example"))
    assert isinstance(found, Authenticate)
    assert found.names == ("mx.two.example", "alias.example", "two.example")


@pytest.mark.rfc("7672 §3.2.2", "MUST")
@pytest.mark.rfc("7672 §2.2.1", "MAY")
def test_a_signed_host_of_an_unsigned_domain_has_its_own_name_alone() -> None:
    found, _ = verdict({("_25._tcp.mx.two.example", Kind.TLSA): secure(EE)}, hop=UNSIGNED_HOP)
    assert found == Authenticate("mx.two.example", (EE,), ("mx.two.example",), domain_secure=False)


@pytest.mark.rfc("7672 §3.2.2", "MUST")
def test_a_domain_without_exchangers_is_a_reference_name_beside_its_expansion() -> None:
    answers = Answers({("_25._tcp.mx.host.example", Kind.TLSA): secure(EE)})
    hop = NextHop("two.example", secure=False)
    found = answers.to(dane_verdict("two.example", 25, alias(target_signed=True), hop))
    assert isinstance(found, Authenticate)
    assert found.names == ("mx.host.example", "two.example")


# --- usable records


UNUSABLE = [
    Tlsa(0, 1, 1, bytes(32)),
    Tlsa(1, 1, 1, bytes(32)),
    Tlsa(4, 1, 1, bytes(32)),
    Tlsa(255, 1, 1, bytes(32)),
    Tlsa(3, 7, 1, bytes(32)),
    Tlsa(3, 1, 9, bytes(32)),
    Tlsa(3, 1, 1, bytes(31)),
    Tlsa(2, 0, 2, bytes(32)),
    Tlsa(3, 1, 1, b""),
    Tlsa(3, 0, 0, b""),
    Tlsa(3, 0, 0, b"no certificate"),
    Tlsa(3, 1, 0, b"no key"),
    Tlsa(2, 1, 0, bytes(20_000)),
]


@pytest.mark.rfc("7672 §2.2", "MUST")
@pytest.mark.rfc("7672 §3.1.3", "MAY")
@pytest.mark.parametrize("record", UNUSABLE, ids=str)
def test_records_of_which_none_is_usable_demand_tls_alone(record: Tlsa) -> None:
    found, _ = verdict({("_25._tcp.mx.two.example", Kind.TLSA): secure(record)})
    assert found == Encrypt("mx.two.example", (record,))


@pytest.mark.rfc("7672 §2.2", "MUST")
def test_one_usable_record_among_others_counts_alone() -> None:
    found, _ = verdict({("_25._tcp.mx.two.example", Kind.TLSA): secure(*UNUSABLE, EE)})
    assert isinstance(found, Authenticate)
    assert found.records == (EE,)


def test_whole_certificates_and_keys_are_usable() -> None:
    own = issued(names=("mx.two.example",))
    records = own.tlsa(3, 0, 0), own.tlsa(3, 1, 0), own.tlsa(2, 0, 0)
    assert usable(records) == records


@pytest.mark.rfc("7671 §9", "SHOULD")
def test_a_weaker_digest_beside_a_stronger_one_does_not_count() -> None:
    weak, strong, other = Tlsa(3, 1, 1, bytes(32)), Tlsa(3, 1, 2, bytes(64)), Tlsa(3, 0, 1, bytes(32))
    full = issued().tlsa(3, 1, 0)
    assert usable([weak, full, strong, other]) == (full, strong, other)


def test_records_beyond_the_limit_are_not_considered() -> None:
    many = [Tlsa(3, 1, 1, number.to_bytes(32)) for number in range(MAX_RECORDS + 10)]
    assert len(usable(many)) == MAX_RECORDS


RECORDS = st.builds(Tlsa, st.integers(0, 255), st.integers(0, 3), st.integers(0, 3), st.binary(max_size=80))
OUTCOMES: st.SearchStrategy[Outcome[Any]] = st.one_of(
    st.builds(Failure, st.text()),
    st.builds(NoData, st.just(1), st.booleans()),
    st.builds(NxDomain, st.just(1), st.booleans()),
    st.builds(
        Answer,
        st.lists(RECORDS | st.text() | st.binary()).map(tuple),
        st.just(1),
        st.booleans(),
        st.sampled_from(["", "mx.host.example", "."]),
    ),
)


@given(addresses=OUTCOMES, tlsa=OUTCOMES, cname=OUTCOMES, hop=st.builds(NextHop, st.text(), st.booleans()))
def test_whatever_the_dns_says_there_is_a_verdict(
    addresses: Outcome[Any], tlsa: Outcome[Any], cname: Outcome[Any], hop: NextHop
) -> None:
    zone = {("mx.two.example", Kind.CNAME): cname, ("_25._tcp.mx.two.example", Kind.TLSA): tlsa}
    found, asked = verdict(zone, addresses, hop)
    assert isinstance(found, DaneVerdict)
    assert len(asked) <= 3
