"""Zones of which some are signed: what DANE has to tell apart (RFC 7672 §2.2.2)."""

import asyncio

import pytest

from pillarbox.dns import Answer, Kind, NoData, NxDomain
from pillarbox.world.resolver.zone import ZoneResolver

RECORDS = {
    ("mail.here.example", Kind.CNAME): ["mx.there.example"],
    ("mx.there.example", Kind.A): ["192.0.2.1"],
    ("mx.there.example", Kind.AAAA): ["2001:db8::1"],
}
ZONES = ["here.example", "there.example"]


@pytest.mark.rfc("7672 §2.2.2", "MUST")
@pytest.mark.parametrize(
    ("signed", "alias", "addresses"),
    [
        (["here.example", "there.example"], True, True),
        (["here.example"], True, False),
        (["there.example"], False, False),
        ([], False, False),
    ],
)
def test_an_alias_and_its_target_are_authenticated_each_by_itself(
    signed: list[str], alias: bool, addresses: bool
) -> None:
    resolver = ZoneResolver(ZONES, RECORDS, authenticated=signed)
    found = asyncio.run(resolver.addresses("mail.here.example"))
    assert isinstance(found, Answer)
    assert (found.canonical_name, found.authenticated) == ("mx.there.example", addresses)
    itself = asyncio.run(resolver.alias("mail.here.example"))
    assert isinstance(itself, Answer)
    assert (itself.records, itself.authenticated) == (("mx.there.example",), alias)


def test_denials_are_signed_with_their_zone() -> None:
    resolver = ZoneResolver(ZONES, RECORDS, authenticated=["there.example"])
    assert resolver.known("no.there.example", Kind.A) == NxDomain(300, True)
    assert resolver.known("mx.there.example", Kind.TLSA) == NoData(300, True)
    assert resolver.known("no.here.example", Kind.A) == NxDomain(300, False)
    assert resolver.known("mail.here.example", Kind.TLSA) == NoData(300, False), "the alias is not signed"
