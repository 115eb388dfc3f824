"""The names that addresses have in the reverse zones."""

import asyncio

import pytest

from pillarbox.dns import Answer, Kind
from pillarbox.world.resolver.zone import ZoneResolver

OWNER = ".".join("10000000000000000000000000000000"[:24]) + ".8.b.d.0.1.0.0.2.ip6.arpa"


@pytest.mark.rfc("3596 §2.5", "MUST")
def test_an_ipv6_address_is_looked_up_by_its_nibbles_in_reverse() -> None:
    resolver = ZoneResolver(["ip6.arpa"], {(OWNER, Kind.PTR): ("mx.one.example",)})
    outcome = asyncio.run(resolver.ptr("2001:db8::1"))
    assert isinstance(outcome, Answer)
    assert outcome.records == ("mx.one.example",)
