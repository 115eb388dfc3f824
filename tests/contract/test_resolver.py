"""What every `Resolver` promises: given records, a cache in front of them, and a real name server.

The real one is nsd on a high port of loopback, with the zone below; without it those cases are skipped.
"""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.dns import Answer, Failure, Kind, Mx, NoData, NxDomain, Outcome, Tlsa
from pillarbox.world.clock import VirtualClock
from pillarbox.world.resolver import Resolver
from pillarbox.world.resolver.cache import CachingResolver
from pillarbox.world.resolver.servers import NameServer
from pillarbox.world.resolver.system import SystemResolver
from pillarbox.world.resolver.zone import Records, ZoneResolver

ZONE = """\
$ORIGIN one.example.
$TTL 300
@ IN SOA ns.one.example. hostmaster.one.example. 1 3600 600 86400 60
@ IN NS ns.one.example.
ns IN A 127.0.0.1
@ IN MX 20 mx2.one.example.
@ IN MX 10 Mx1.one.example.
mx1 IN A 192.0.2.1
mx1 IN AAAA 2001:db8::1
mx2 IN A 192.0.2.2
null IN MX 0 .
@ IN TXT "v=spf1 " "-all"
_25._tcp.mx1 IN TLSA 3 1 1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
alias IN CNAME mx1
far IN CNAME alias
nowhere IN CNAME nobody
loop IN CNAME loop
below.empty IN A 192.0.2.3
1.2.0.192.in-addr.arpa IN PTR mx1
"""
REVERSE = """\
$ORIGIN 2.0.192.in-addr.arpa.
$TTL 300
@ IN SOA ns.one.example. hostmaster.one.example. 1 3600 600 86400 60
@ IN NS ns.one.example.
1 IN PTR Mx1.one.example.
"""
RECORDS: Records = {
    ("one.example", Kind.MX): [Mx(20, "mx2.one.example"), Mx(10, "mx1.one.example")],
    ("mx1.one.example", Kind.A): ["192.0.2.1"],
    ("mx1.one.example", Kind.AAAA): ["2001:db8::1"],
    ("mx2.one.example", Kind.A): ["192.0.2.2"],
    ("null.one.example", Kind.MX): [Mx(0, "")],
    ("one.example", Kind.TXT): [b"v=spf1 -all"],
    ("_25._tcp.mx1.one.example", Kind.TLSA): [Tlsa(3, 1, 1, bytes(range(32)))],
    ("alias.one.example", Kind.CNAME): ["mx1.one.example"],
    ("far.one.example", Kind.CNAME): ["alias.one.example"],
    ("nowhere.one.example", Kind.CNAME): ["nobody.one.example"],
    ("loop.one.example", Kind.CNAME): ["loop.one.example"],
    ("below.empty.one.example", Kind.A): ["192.0.2.3"],
    ("1.2.0.192.in-addr.arpa", Kind.PTR): ["mx1.one.example"],
}


@pytest.fixture(scope="module")
def name_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServer]:
    nsd = shutil.which("nsd", path="/usr/sbin:/usr/bin:/usr/local/sbin")
    if nsd is None:
        pytest.skip("nsd is not installed")
    folder = tmp_path_factory.mktemp("nsd")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (folder / "one.example.zone").write_text(ZONE.replace("1.2.0.192.in-addr.arpa IN PTR mx1\n", ""))
    (folder / "reverse.zone").write_text(REVERSE)
    (folder / "nsd.conf").write_text(_configuration(folder, port))
    with subprocess.Popen([nsd, "-d", "-c", str(folder / "nsd.conf")], stderr=subprocess.DEVNULL) as process:
        _wait_for(port)
        yield NameServer("127.0.0.1", port)
        process.terminate()


def _configuration(folder: Path, port: int) -> str:
    return f"""\
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  chroot: ""
  zonesdir: "{folder}"
  database: ""
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
  server-count: 1
remote-control:
  control-enable: no
zone:
  name: one.example
  zonefile: one.example.zone
zone:
  name: 2.0.192.in-addr.arpa
  zonefile: reverse.zone
"""


def _wait_for(port: int) -> None:
    for _attempt in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("nsd does not start")


Run = Callable[[Callable[[Resolver], Awaitable[Any]]], Any]


@pytest.fixture(params=["zone", "cache", "nsd"])
def run(request: pytest.FixtureRequest) -> Run:
    kind = request.param
    server = request.getfixturevalue("name_server") if kind == "nsd" else None

    async def inside(scenario: Callable[[Resolver], Awaitable[Any]]) -> Any:
        zone = ZoneResolver(["one.example", "2.0.192.in-addr.arpa"], RECORDS, outside=Failure("outside"))
        made: dict[str, Callable[[], Resolver]] = {
            "zone": lambda: zone,
            "cache": lambda: CachingResolver(zone, VirtualClock()),
            "nsd": lambda: SystemResolver([server] if server else []),
        }
        resolver = made[kind]()
        try:
            return await scenario(resolver)
        finally:
            await resolver.close()

    return lambda scenario: asyncio.run(inside(scenario))


def records(outcome: Outcome[Any]) -> tuple[Any, ...]:
    assert isinstance(outcome, Answer)
    assert outcome.ttl_s > 0
    return outcome.records


@pytest.mark.rfc("5321 §5.1", "MUST")
def test_exchangers_come_best_first(run: Run) -> None:
    outcome = run(lambda resolver: resolver.mx("One.Example."))
    assert records(outcome) == (Mx(10, "mx1.one.example"), Mx(20, "mx2.one.example"))


@pytest.mark.rfc("7505 §3", "MUST")
def test_a_null_mx_has_no_exchange(run: Run) -> None:
    assert records(run(lambda resolver: resolver.mx("null.one.example"))) == (Mx(0, ""),)


@pytest.mark.rfc("3596 §2.1", "MUST")
def test_addresses_of_both_families(run: Run) -> None:
    assert records(run(lambda resolver: resolver.addresses("mx1.one.example"))) == (
        "2001:db8::1",
        "192.0.2.1",
    )
    assert records(run(lambda resolver: resolver.addresses("mx2.one.example"))) == ("192.0.2.2",)


def test_aliases_are_followed(run: Run) -> None:
    assert records(run(lambda resolver: resolver.addresses("alias.one.example"))) == (
        "2001:db8::1",
        "192.0.2.1",
    )


def test_an_alias_is_told_by_its_own_record_and_by_the_name_at_its_end(run: Run) -> None:
    async def scenario(resolver: Resolver) -> None:
        for name, target in (("alias", "mx1"), ("far", "alias")):
            found = await resolver.alias(f"{name}.one.example")
            assert records(found) == (f"{target}.one.example",)
            addresses = await resolver.addresses(f"{name}.one.example")
            assert isinstance(addresses, Answer)
            assert addresses.canonical_name == "mx1.one.example"

    run(scenario)
    assert isinstance(run(lambda resolver: resolver.alias("mx1.one.example")), NoData)
    assert isinstance(run(lambda resolver: resolver.alias("nobody.one.example")), NxDomain)


def test_an_alias_of_nothing_leads_to_nothing(run: Run) -> None:
    assert isinstance(run(lambda resolver: resolver.addresses("nowhere.one.example")), NxDomain)
    assert not isinstance(run(lambda resolver: resolver.addresses("loop.one.example")), Answer)


@pytest.mark.parametrize("name", ["mx1.one.example", "nobody.one.example", "x" * 64, ""])
def test_what_is_known_at_once_is_what_a_lookup_says(run: Run, name: str) -> None:
    async def scenario(resolver: Resolver) -> tuple[Outcome[Any], Outcome[Any] | None]:
        return await resolver.lookup(name, Kind.A), resolver.known(name, Kind.A)

    looked_up, known = run(scenario)
    assert known is None or known == looked_up


@pytest.mark.rfc("7208 §3.3", "MUST")
def test_the_strings_of_a_text_are_joined_without_a_gap(run: Run) -> None:
    assert records(run(lambda resolver: resolver.txt("one.example"))) == (b"v=spf1 -all",)


def test_the_name_of_an_address(run: Run) -> None:
    assert records(run(lambda resolver: resolver.ptr("192.0.2.1"))) == ("mx1.one.example",)


def test_tlsa_records(run: Run) -> None:
    found = records(run(lambda resolver: resolver.tlsa("mx1.one.example", 25)))
    assert found == (Tlsa(3, 1, 1, bytes(range(32))),)


@pytest.mark.rfc("4592 §2.2.2", "MUST")
@pytest.mark.rfc("2308 §2", "MUST")
def test_no_such_name_and_no_such_record_are_two_things(run: Run) -> None:
    assert isinstance(run(lambda resolver: resolver.mx("nobody.one.example")), NxDomain)
    assert isinstance(run(lambda resolver: resolver.mx("mx1.one.example")), NoData)
    assert isinstance(run(lambda resolver: resolver.lookup("empty.one.example", Kind.A)), NoData)
    assert isinstance(run(lambda resolver: resolver.addresses("nobody.one.example")), NxDomain)
    assert isinstance(run(lambda resolver: resolver.addresses("one.example")), NoData)


def test_beyond_what_is_answered_there_is_failure(run: Run) -> None:
    assert isinstance(run(lambda resolver: resolver.mx("elsewhere.invalid")), Failure)


@pytest.mark.rfc("4035 §3.2.3", "MUST")
def test_answers_that_were_not_validated_are_not_authenticated(run: Run) -> None:
    outcome = run(lambda resolver: resolver.mx("one.example"))
    assert isinstance(outcome, Answer)
    assert not outcome.authenticated


@pytest.mark.parametrize(
    "name", ["", ".", "a..b", "x" * 64 + ".one.example", "\u00fc.one.example", "a" * 300, "a b\0"]
)
def test_what_is_no_name_does_not_raise(run: Run, name: str) -> None:
    assert not isinstance(run(lambda resolver: resolver.lookup(name, Kind.A)), Answer)


def test_a_silent_server_is_a_failure() -> None:
    async def scenario() -> Outcome[Any]:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            servers = [NameServer("127.0.0.1", deaf.getsockname()[1])]
            return await SystemResolver(servers, timeout_s=0.05).mx("one.example")

    assert isinstance(asyncio.run(scenario()), Failure)


def test_a_second_server_answers_for_a_dead_one(name_server: NameServer) -> None:
    async def scenario() -> Outcome[Any]:
        servers = [NameServer("127.0.0.1", 1), name_server]
        return await SystemResolver(servers, timeout_s=0.5).mx("one.example")

    assert isinstance(asyncio.run(scenario()), Answer)


def test_negative_answers_have_the_ttl_of_the_soa(name_server: NameServer) -> None:
    async def scenario() -> tuple[Outcome[Any], Outcome[Any]]:
        resolver = SystemResolver([name_server])
        return await resolver.mx("nobody.one.example"), await resolver.mx("mx1.one.example")

    for outcome in asyncio.run(scenario()):
        assert isinstance(outcome, NxDomain | NoData)
        assert outcome.ttl_s == 60


def test_an_answer_through_a_cname_has_the_canonical_name(name_server: NameServer) -> None:
    async def scenario() -> Outcome[Any]:
        return await SystemResolver([name_server]).lookup("alias.one.example", Kind.A)

    outcome = asyncio.run(scenario())
    assert isinstance(outcome, Answer)
    assert outcome.canonical_name == "mx1.one.example"
