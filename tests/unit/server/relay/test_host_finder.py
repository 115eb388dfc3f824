"""Which hosts, in which order, and the outcome if there are none."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from pillarbox.dns import Failure, Kind, Mx, Record
from pillarbox.protocol.smtp.client.envelope import Outcome, OutcomeKind
from pillarbox.server.relay.host_finder import MAX_ADDRESSES, MAX_MX_HOSTS, Host, HostFinder
from pillarbox.world.entropy import SeededEntropy
from pillarbox.world.resolver.zone import ZoneResolver


def host_finder(seed: int = 1, *, authenticated: bool = False, **records: Sequence[Record]) -> HostFinder:
    """`two__MX=[...]` are the MX records of two.example."""
    return host_finder_of(records, seed, authenticated=authenticated)


def host_finder_of(
    records: Mapping[str, Sequence[Record]], seed: int = 1, *, authenticated: bool = False
) -> HostFinder:
    """The same, of a dictionary."""
    zone = ZoneResolver(("example",), {}, outside=Failure("SERVFAIL"), authenticated=authenticated)
    for key, found in records.items():
        name, _, kind = key.partition("__")
        zone.put(f"{name}.example", Kind(kind), *found)
    return HostFinder(zone, SeededEntropy(seed), own_names=frozenset({"mx.us.example"}), port=25)


def names(found: Sequence[Host] | Outcome) -> list[str]:
    assert not isinstance(found, Outcome), found
    return [host.name for host in found]


def hosts(one: HostFinder, destination: str = "two.example") -> Sequence[Host] | Outcome:
    return asyncio.run(one.hosts(destination))


@pytest.mark.rfc("5321 §5.1", "MUST")
def test_by_preference_and_equal_ones_in_any_order() -> None:
    records = [Mx(20, "c.example"), Mx(10, "A.example."), Mx(10, "b.example")]
    orders = {tuple(names(hosts(host_finder(seed, two__MX=records)))) for seed in range(20)}
    assert orders == {
        ("a.example", "b.example", "c.example"),
        ("b.example", "a.example", "c.example"),
    }


@pytest.mark.rfc("5321 §5.1", "MUST")
def test_without_mx_the_domain_itself() -> None:
    assert names(hosts(host_finder(two__A=["192.0.2.1"]))) == ["two.example"]


@pytest.mark.parametrize(
    ("records", "destination", "kind", "status"),
    [
        ({"two__MX": [Mx(0, "")]}, "two.example", OutcomeKind.FAILED, "5.1.10"),
        ({}, "two.example", OutcomeKind.FAILED, "5.1.2"),
        ({}, "two.elsewhere", OutcomeKind.DEFERRED, "4.4.3"),
        (
            {"two__MX": [Mx(10, "MX.us.example"), Mx(20, "b.example")]},
            "two.example",
            OutcomeKind.FAILED,
            "5.4.6",
        ),
        ({}, "[x400:odd]", OutcomeKind.FAILED, "5.1.2"),
    ],
)
def test_destinations_without_hosts(
    records: dict[str, Sequence[Record]], destination: str, kind: OutcomeKind, status: str
) -> None:
    found = hosts(host_finder_of(records), destination)
    assert isinstance(found, Outcome)
    assert (found.kind, found.status, found.said_by_server) == (kind, status, False)


@pytest.mark.rfc("5321 §5.1", "MUST")
def test_where_we_are_an_exchanger_only_better_ones_are_tried() -> None:
    records = [Mx(10, "a.example"), Mx(20, "mx.us.example"), Mx(20, "b.example"), Mx(30, "c.example")]
    assert names(hosts(host_finder(two__MX=records))) == ["a.example"]


@pytest.mark.rfc("5321 §4.1.3", "MUST")
@pytest.mark.parametrize(
    ("literal", "address"), [("[192.0.2.7]", "192.0.2.7"), ("[ipv6:2001:db8::7]", "2001:db8::7")]
)
def test_a_literal_is_its_own_address(literal: str, address: str) -> None:
    assert hosts(host_finder(), literal) == [Host(literal, address=address)]


def test_an_operators_rule_comes_before_the_dns_and_a_smart_host_after_single_rules() -> None:
    plain = host_finder(two__MX=[Mx(10, "a.example")])
    routes = {"two.example": Host("relay.example", 26), "*": Host("smart.example", 587)}
    routed = HostFinder(plain.resolver, plain.entropy, plain.own_names, 25, routes)
    assert hosts(routed) == [Host("relay.example", 26, certain=True, configured=True)]
    assert hosts(routed, "three.example") == [Host("smart.example", 587, certain=True, configured=True)]
    assert hosts(routed, "[192.0.2.1]") == [Host("smart.example", 587, certain=True, configured=True)]


@pytest.mark.parametrize("name", ["10.0.0.7", "2001:db8::1", "[2001:db8::1]"])
def test_a_route_to_an_address_needs_no_dns(name: str) -> None:
    one = replace(host_finder(), routes={"two.example": Host(name, 25)})
    found = hosts(one)
    assert not isinstance(found, Outcome)
    assert [addresses(one, host) for host in found] == [[name.strip("[]")]]


def test_a_signed_answer_makes_a_name_certain() -> None:
    signed, unsigned = (
        hosts(host_finder(two__MX=[Mx(10, "a.example")], authenticated=authenticated))
        for authenticated in (True, False)
    )
    assert signed == [Host("a.example", certain=True)]
    assert unsigned == [Host("a.example", certain=False)]


def test_an_endless_list_is_cut_and_a_name_is_tried_once() -> None:
    records = [Mx(number, f"h{number % 60}.example") for number in range(100)]
    found = names(hosts(host_finder(two__MX=records)))
    assert len(found) == len(set(found)) == MAX_MX_HOSTS


def addresses(one: HostFinder, host: Host) -> Sequence[str] | Outcome:
    return asyncio.run(one.addresses(host))


@pytest.mark.rfc("3974", "SHOULD")
@pytest.mark.rfc("5321 §5.2", "MUST")
def test_both_address_families_alternate_within_the_limit() -> None:
    four = [f"192.0.2.{number}" for number in range(20)]
    six = ["2001:db8::1", "2001:db8::2"]
    found = addresses(host_finder(a__A=four, a__AAAA=six), Host("a.example"))
    assert list(found)[:5] == [six[0], four[0], six[1], four[1], four[2]]
    assert len(found) == MAX_ADDRESSES
    assert addresses(host_finder(), Host("a.example", address="192.0.2.9")) == ["192.0.2.9"]


@pytest.mark.parametrize(
    ("name", "kind", "status"),
    [("none.example", OutcomeKind.FAILED, "5.4.4"), ("a.elsewhere", OutcomeKind.DEFERRED, "4.4.3")],
)
def test_a_host_without_an_address(name: str, kind: OutcomeKind, status: str) -> None:
    found = addresses(host_finder(), Host(name))
    assert isinstance(found, Outcome)
    assert (found.kind, found.status) == (kind, status)


@pytest.mark.parametrize(("name", "status"), [("none.example", "4.4.4"), ("a.elsewhere", "4.4.3")])
def test_mail_waits_for_a_host_of_the_operator_that_cannot_be_found(name: str, status: str) -> None:
    one = replace(host_finder(), routes={"two.example": Host(name, 25)})
    found = hosts(one)
    assert not isinstance(found, Outcome)
    outcome = addresses(one, found[0])
    assert isinstance(outcome, Outcome)
    assert (outcome.kind, outcome.status) == (OutcomeKind.DEFERRED, status)
