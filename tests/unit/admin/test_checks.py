"""Checks find problems, and each result has a remedy."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from pillarbox.admin.checks import dns
from pillarbox.admin.checks.result import CheckResult, Level
from pillarbox.admin.checks.routes import routes
from pillarbox.world.resolver.records import Failure, Kind, Mx, Record
from pillarbox.world.resolver.zone import ZoneResolver

HOST = "mail.example.org"
ADDRESS, REVERSE = "193.0.6.139", "139.6.0.193.in-addr.arpa"


def zone() -> ZoneResolver:
    return ZoneResolver(
        ["example.org", "in-addr.arpa"],
        {
            (HOST, Kind.A): (ADDRESS,),
            (REVERSE, Kind.PTR): (HOST,),
            ("example.org", Kind.MX): (Mx(10, HOST),),
            ("example.org", Kind.TXT): (b"v=spf1 mx -all", b"other"),
            ("_dmarc.example.org", Kind.TXT): (b"v=DMARC1; p=none",),
        },
    )


def collected(findings: AsyncIterator[CheckResult]) -> list[CheckResult]:
    async def collect() -> list[CheckResult]:
        return [one async for one in findings]

    return asyncio.run(collect())


def looked_up(resolver: ZoneResolver) -> list[CheckResult]:
    return [
        *collected(dns.host(resolver, HOST)),
        *collected(dns.domain(resolver, "example.org", HOST)),
    ]


def test_all_is_well() -> None:
    assert {one.level for one in looked_up(zone())} == {Level.OK}


@pytest.mark.parametrize(
    ("name", "kind", "records", "level", "found", "remedy"),
    [
        (HOST, Kind.A, (), "problem", "the name has no address", f"{HOST}. A <this machine's"),
        (HOST, Kind.A, ("10.0.0.1",), "warning", "can't be reached from the Internet", "public address"),
        (REVERSE, Kind.PTR, (), "problem", "the address has no PTR record", f"PTR record to {HOST}"),
        (REVERSE, Kind.PTR, ("x.isp.example",), "problem", "PTR record of the address is x.isp.example", "PTR record"),
        ("example.org", Kind.MX, (), "problem", "no MX record", f"example.org. MX 10 {HOST}."),
        ("example.org", Kind.MX, (Mx(5, "mx.other"),), "problem", "name other hosts: mx.other", "Set:"),
        ("example.org", Kind.MX, (Mx(0, ""),), "problem", "nowhere (null MX)", "Set:"),
        ("example.org", Kind.TXT, (), "warning", "no SPF record", '"v=spf1 mx -all"'),
        ("example.org", Kind.TXT, (b"v=spf1 -all", b"v=spf1 +all"), "problem", "2 SPF records", "all but one"),
        ("_dmarc.example.org", Kind.TXT, (), "warning", "no DMARC record", "_dmarc.example.org. TXT"),
    ],
)  # fmt: skip
def test_a_record_that_is_wrong(
    name: str, kind: Kind, records: tuple[Record, ...], level: str, found: str, remedy: str
) -> None:
    resolver = zone()
    resolver.put(name, kind, *records)

    (wrong,) = [one for one in looked_up(resolver) if one.level is not Level.OK]

    assert wrong.level == level
    assert found in wrong.found
    assert remedy in wrong.remedy


def test_name_servers_that_do_not_answer() -> None:
    silent = ZoneResolver([], {}, outside=Failure("timeout"))

    found = looked_up(silent)

    assert {one.level for one in found} == {Level.PROBLEM}
    assert all("resolv.conf" in one.remedy for one in found)


def test_a_domain_that_does_not_exist() -> None:
    assert "does not exist" in collected(dns.domain(ZoneResolver([], {}), "example.org", HOST))[0].found


@pytest.mark.parametrize(
    ("destination", "host", "port", "level", "found"),
    [
        ("far.example", HOST, 2525, Level.OK, "has an address"),
        ("far.example", "10.0.0.7", 25, Level.OK, "names an address"),
        ("far.example", "nowhere.example.org", 25, Level.PROBLEM, "no address"),
        ("far.example", HOST, 25, Level.PROBLEM, "leads back to this server"),
        ("everything else", "127.0.0.1", 25, Level.PROBLEM, "leads back to this server"),
        ("example.org", "10.0.0.7", 25, Level.WARNING, "served here"),
    ],
)
def test_routes_that_lead_nowhere_or_back(
    destination: str, host: str, port: int, level: Level, found: str
) -> None:
    own = {"own_hosts": {HOST, "127.0.0.1"}, "own_ports": {25}, "served": ["example.org"]}
    (one,) = collected(routes(zone(), {destination: (host, port)}, **own))  # type: ignore[arg-type] # each as it is
    assert one.level is level
    assert found in one.found
    assert level is Level.OK or one.remedy
