"""Checks find problems, and each result has a remedy."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from pillarbox.admin import dns_records
from pillarbox.admin.checks import dns, dnssec, passkeys, push
from pillarbox.admin.checks.bounded import MAX_AT_ONCE, BoundedResolver
from pillarbox.admin.checks.result import CheckResult, Level
from pillarbox.admin.checks.routes import Surroundings, Target, routes
from pillarbox.config.schema import Config
from pillarbox.config.sections.http import Http
from pillarbox.config.sections.listen import Listen
from pillarbox.dns import Answer, Failure, Kind, Mx, NxDomain, Outcome, Record
from pillarbox.trust.dmarc.mistakes import mistake
from pillarbox.world.clock import VirtualClock
from pillarbox.world.network.memory import MemoryNetwork, MemoryStream
from pillarbox.world.resolver.servers import NameServer
from pillarbox.world.resolver.validation import Examined, Validation
from pillarbox.world.resolver.zone import Records, ZoneResolver

HOST = "mail.example.org"
ADDRESS, REVERSE = "193.0.6.139", "139.6.0.193.in-addr.arpa"


def zone() -> ZoneResolver:
    return ZoneResolver(
        ["example.org", "in-addr.arpa"],
        {
            (HOST, Kind.A): (ADDRESS,),
            (HOST, Kind.TXT): (b"v=spf1 a -all",),
            (REVERSE, Kind.PTR): (HOST,),
            ("example.org", Kind.MX): (Mx(10, HOST),),
            ("example.org", Kind.TXT): (b"v=spf1 mx -all", b"other"),
            ("_dmarc.example.org", Kind.TXT): (b"v=DMARC1; p=none",),
            ("_smtp._tls.example.org", Kind.TXT): (b"v=TLSRPTv1; rua=mailto:postmaster@example.org",),
            ("ns.example.org", Kind.A): (ADDRESS,),
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
        ("example.org", Kind.MX, (Mx(5, "ns.example.org"),), "problem", "name other hosts: ns.example.org", "Set:"),
        ("example.org", Kind.MX, (Mx(0, ""),), "problem", "nowhere (null MX)", "Set:"),
        ("example.org", Kind.TXT, (), "warning", "no SPF record", '"v=spf1 mx -all"'),
        ("example.org", Kind.TXT, (b"v=spf1 -all", b"v=spf1 +all"), "problem", "2 SPF records", "all but one"),
        ("_smtp._tls.example.org", Kind.TXT, (), "advice", "no TLSRPT record", "_smtp._tls.example.org. TXT"),
        ("_smtp._tls.example.org", Kind.TXT, (b"v=TLSRPTv1; rua=x",), "problem", "means nothing", "Correct it"),
        (HOST, Kind.TXT, (), "warning", "there is no SPF record; reports of this machine", '"v=spf1 a -all"'),
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


def test_a_domain_without_dmarc_leaves_the_host_without_it() -> None:
    resolver = zone()
    resolver.put("_dmarc.example.org", Kind.TXT)
    wrong = [(one.subject, one.found, one.remedy) for one in looked_up(resolver) if one.level is not Level.OK]
    host, domain = wrong
    assert (host[0], "neither the name nor a domain above it" in host[1]) == (HOST, True)
    assert "_dmarc.mail.example.org. TXT" in host[2]
    assert (domain[0], "no DMARC record" in domain[1]) == ("example.org", True)
    assert "_dmarc.example.org. TXT" in domain[2]


def test_a_host_that_is_a_domain_has_one_spf_record() -> None:
    assert [one for one in collected(dns.host(zone(), HOST, is_domain=True)) if "SPF" in one.found] == []
    texts = [record for record in dns_records.for_host(HOST, is_domain=True) if record.kind == "TXT"]
    assert texts == []
    (text,) = [record for record in dns_records.for_host(HOST) if record.kind == "TXT"]
    assert text.zone_line == f'{HOST}. TXT "v=spf1 a -all"'


@pytest.mark.rfc("7208 §4.6.4", "MUST")
@pytest.mark.rfc("7208 §5.1", "MUST")
@pytest.mark.parametrize(
    ("text", "level", "found"),
    [
        ("v=spf1 mx +all", "problem", "lets others send as example.org: +all"),
        ("v=spf1 mx all", "problem", ": all"),
        ("v=spf1 mx ?all", "problem", ": ?all"),
        ("v=spf1 ip4:10.0.0.0/15 -all", "problem", "ip4:10.0.0.0/15"),
        ("v=spf1 ip4:10.0.0.0/16 -all", None, ""),
        ("v=spf1 -ip4:10.0.0.0/8 ip4:193.0.6.139 -all", None, ""),
        ("v=spf1 ip6:2001::/31 -all", "problem", "ip6:2001::/31"),
        ("v=spf1 a/8 -all", "problem", "a/8"),
        ("v=spf1 mx//16 -all", "problem", "mx//16"),
        ("v=spf1 " + " ".join(f"ip4:{n}.0.0.0/16" for n in range(1, 33)) + " -all", None, ""),
        ("v=spf1 mx -al", "problem", "the SPF record is invalid: -al: no mechanism al (at character 11)"),
        ("v=spf1 " + "a " * 10 + "-all", None, ""),
        ("v=spf1 " + "a:mail.example.org " * 11 + "-all", "problem", "the SPF record is in error: "),
        ("v=spf1 include:none.example.org -all", "problem", "no SPF record at none.example.org"),
        ("v=spf1 include:wide.example.org -all", "problem", "includes lets everybody send: include:wide"),
        ("V=SPF1 mx ~all", None, ""),
        ("v=spf10 mx -all", "warning", "there is no SPF record"),
    ],
)
def test_an_spf_record_that_does_not_do_what_it_should(text: str, level: str | None, found: str) -> None:
    resolver = zone()
    resolver.put("example.org", Kind.TXT, text.encode())
    resolver.put("example.org", Kind.A, ADDRESS)
    resolver.put("wide.example.org", Kind.TXT, b"v=spf1 +all")
    wrong = [one for one in looked_up(resolver) if one.level is not Level.OK]
    if level is None:
        assert wrong == []
    else:
        (one,) = wrong
        assert (one.level, found in one.found) == (level, True), one


def test_pct_of_an_old_dmarc_record_is_advised_against() -> None:
    resolver = zone()
    resolver.put("_dmarc.example.org", Kind.TXT, b"v=DMARC1; p=reject; pct=50")
    (one,) = [one for one in looked_up(resolver) if one.level is not Level.OK]
    assert one.level is Level.ADVICE
    assert "pct" in one.found


def test_name_servers_that_do_not_answer() -> None:
    silent = ZoneResolver([], {}, outside=Failure("timeout"))

    found = looked_up(silent)

    assert {one.level for one in found} == {Level.PROBLEM}
    assert all("resolv.conf" in one.remedy for one in found)


def test_a_domain_that_does_not_exist() -> None:
    assert "does not exist" in collected(dns.domain(ZoneResolver([], {}), "example.org", HOST))[0].found


@pytest.mark.rfc("2181 §10.3", "MUST")
@pytest.mark.parametrize(
    ("name", "kind", "records", "found"),
    [
        ("mx.example.org", Kind.A, ("193.0.6.140",), ""),
        ("mx.example.org", Kind.A, (), "names mx.example.org, which has no address"),
    ],
)
def test_another_host_of_a_domain(name: str, kind: Kind, records: tuple[Record, ...], found: str) -> None:
    resolver = zone()
    resolver.put("example.org", Kind.MX, Mx(10, HOST), Mx(20, "mx.example.org"))
    resolver.put(name, kind, *records)
    wrong = [one.found for one in looked_up(resolver) if one.level is not Level.OK]
    assert [found in one for one in wrong] == [True] * bool(found)


def test_an_alias_as_a_mail_exchanger_is_named() -> None:
    class Aliased(ZoneResolver):
        async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
            outcome = await super().lookup(name, kind)
            if isinstance(outcome, Answer) and name == "mx.example.org":
                return msgspec.structs.replace(outcome, canonical_name="real.example")
            return outcome

    records: Records = {
        ("example.org", Kind.MX): (Mx(10, "mx.example.org"),),
        ("mx.example.org", Kind.A): (ADDRESS,),
    }
    found = [
        one.found for one in collected(dns.domain(Aliased(["example.org"], records), "example.org", HOST))
    ]
    assert "the MX record names mx.example.org, an alias (CNAME) of real.example" in found


@pytest.mark.rfc("7489 §6.3", "MUST")
@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("v=DMARC1; p=none", None),
        ("v=DMARC1;p=reject;sp=none;pct=100;adkim=s;aspf=r;fo=1;ri=86400;", None),
        ("v=DMARC1; p=none; rua=mailto:a@b.example!10m, mailto:c@d.example", None),
        ("v=DMARC1; p=quarantine; x-else=1", None),
        ("v=DMARC1 p=none", "a semicolon"),
        ("v=dmarc1; p=none", "should be v=DMARC1"),
        ("v=DMARC1", "no policy"),
        ("v=DMARC1; rua=mailto:a@b.example", "no policy"),
        ("v=DMARC1; p=monitor", "none, quarantine or reject"),
        ("v=DMARC1; p=none; pct=101", "up to 100"),
        ("v=DMARC1; p=none; adkim=strict", "r or s"),
        ("v=DMARC1; p=none; rua=a@b.example", "mailto:"),
        ("v=DMARC1; p=none; p=reject", "twice"),
        ("v=DMARC1; p=none; none", "name=value"),
        ("v=DMARC1; p=none;; sp=none", "name=value"),
    ],
)
def test_the_syntax_of_dmarc(text: str, wrong: str | None) -> None:
    found = mistake(text)
    assert (found is None) if wrong is None else (wrong in (found or ""))


def test_a_dmarc_record_that_means_nothing_is_a_problem() -> None:
    resolver = zone()
    resolver.put("_dmarc.example.org", Kind.TXT, b"v=DMARC1; p=monitor")
    (wrong,) = [one for one in looked_up(resolver) if one.level is not Level.OK]
    assert wrong.level is Level.PROBLEM
    assert "'p=monitor' should be none, quarantine or reject" in wrong.found


# --- name servers that are silent


class Silent(ZoneResolver):
    """Answers for one name alone."""

    def __init__(self) -> None:
        super().__init__(["example.org"], {})
        self.asked = 0

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked += 1
        if name != "answers.example.org":
            await asyncio.get_running_loop().create_future()
        return await super().lookup(name, kind)


def test_silent_name_servers_are_waited_for_once() -> None:
    async def test() -> None:
        clock, silent = VirtualClock(), Silent()
        resolver = BoundedResolver(silent, clock, within_s=5)
        lookups = [asyncio.ensure_future(resolver.txt(f"{n}.example.org")) for n in range(10 * MAX_AT_ONCE)]
        await asyncio.sleep(0)
        await clock.advance(5)
        assert set(await asyncio.gather(*lookups)) == {Failure("no answer within 5 seconds")}
        assert silent.asked == MAX_AT_ONCE

    asyncio.run(test())


def test_one_name_without_an_answer_does_not_spoil_the_others() -> None:
    async def test() -> None:
        clock = VirtualClock()
        resolver = BoundedResolver(Silent(), clock, within_s=5)
        assert isinstance(await resolver.txt("answers.example.org"), NxDomain)
        late = asyncio.ensure_future(resolver.txt("late.example.org"))
        await asyncio.sleep(0)
        await clock.advance(5)
        assert isinstance(await late, Failure)
        assert isinstance(await resolver.txt("answers.example.org"), NxDomain)

    asyncio.run(test())


# --- routes


def answers(*replies: bytes) -> Callable[[MemoryStream], Awaitable[None]]:
    async def accept(stream: MemoryStream) -> None:
        for place, reply in enumerate(replies):
            if place:
                await stream.read()
            await stream.write(reply)
        await stream.close()

    return accept


@pytest.mark.parametrize(
    ("destination", "target", "level", "found"),
    [
        ("far.example", Target(HOST, 2525), Level.OK, "a mail server answers"),
        ("far.example", Target("10.0.0.7", 25), Level.OK, "a mail server answers"),
        ("far.example", Target("10.0.0.7", 465, greets=False), Level.OK, "a mail server answers"),
        ("far.example", Target("10.0.0.7", 26), Level.PROBLEM, "Connection refused"),
        ("far.example", Target("10.0.0.7", 27), Level.PROBLEM, "its greeting is: 554 busy"),
        ("far.example", Target("10.0.0.7", 28), Level.PROBLEM, "its reply to EHLO is: 502 what"),
        ("far.example", Target("10.0.0.7", 29), Level.PROBLEM, "it closed the connection"),
        ("far.example", Target("nowhere.example.org", 25), Level.PROBLEM, "no address"),
        ("far.example", Target(HOST, 25), Level.PROBLEM, "leads back to this server"),
        ("everything else", Target("127.0.0.1", 25), Level.PROBLEM, "leads back to this server"),
        ("example.org", Target("10.0.0.7", 25), Level.WARNING, "served here"),
    ],
)
def test_routes_that_lead_nowhere_or_back(destination: str, target: Target, level: Level, found: str) -> None:
    async def test() -> CheckResult:
        clock = VirtualClock()
        network = MemoryNetwork(clock)
        good = answers(b"220-mail\r\n220 far\r\n", b"250-far\r\n250 SIZE\r\n")
        network.serve(ADDRESS, 2525, good)
        network.serve("10.0.0.7", 25, good)
        network.serve("10.0.0.7", 465, answers())
        network.serve("10.0.0.7", 27, answers(b"554 busy\r\n"))
        network.serve("10.0.0.7", 28, answers(b"220 far\r\n", b"502 what\r\n"))
        network.serve("10.0.0.7", 29, answers())
        here = Surroundings(
            resolver=zone(), network=network, clock=clock, hostname=HOST,
            own_hosts={HOST, "127.0.0.1"}, own_ports={25}, served=["example.org"],
        )  # fmt: skip
        (one,) = [one async for one in routes(here, {destination: target})]
        return one

    one = asyncio.run(test())
    assert one.level is level
    assert found in one.found
    assert level is Level.OK or one.remedy


@pytest.mark.parametrize(
    ("validation", "level"),
    [
        (Validation.VALIDATES, Level.OK),
        (Validation.UNTRUSTED, Level.WARNING),
        (Validation.NOT_VALIDATING, Level.WARNING),
        (Validation.DECEPTIVE, Level.WARNING),
        (Validation.UNKNOWN, Level.ADVICE),
    ],
)
def test_name_servers_that_do_not_validate_are_told(validation: Validation, level: Level) -> None:
    class Examining(ZoneResolver):
        async def examine(self) -> list[Examined]:
            return [Examined(NameServer("127.0.0.53"), validation)]

    async def found() -> list[CheckResult]:
        bounded = BoundedResolver(Examining([], {}), VirtualClock())
        return [result async for result in dnssec.name_servers(bounded)]

    (result,) = asyncio.run(found())
    assert result.level is level
    assert result.subject == "name server 127.0.0.53"
    assert ("DANE is off" in result.found) is (level is Level.WARNING)
    assert bool(result.remedy) is (level is not Level.OK)


def test_a_postmaster_whom_push_services_do_not_know_is_told() -> None:
    assert not list(push.reachable("mailto:postmaster@example.org"))
    (result,) = push.reachable("mailto:postmaster@corp.internal")
    assert result.level is Level.ADVICE
    assert "the subject has a host that is known here only: corp.internal" in result.found
    assert "[push] subject" in result.remedy


def test_the_domain_of_passkeys_is_shown_and_what_a_change_costs() -> None:
    config = Config(hostname="mail.example.org", domain="example.org", listen=Listen(https=("*:443",)))
    (shown,) = passkeys.passkeys(config)
    assert (shown.level, shown.subject) == (Level.OK, "mail.example.org")
    assert "https://mail.example.org" in shown.found
    assert "if it changes, all of them become useless" in shown.found
    shown, warned = passkeys.passkeys(config, 3)
    assert (warned.level, "no use: 3" in warned.found) == (Level.WARNING, True)
    assert "[http] passkey_domain" in warned.remedy
    (told,) = passkeys.passkeys(replace(config, http=Http(url="https://192.0.2.7")))
    assert told.level is Level.ADVICE
    assert "IP address" in told.found
    assert not list(passkeys.passkeys(replace(config, listen=Listen(http=(), https=()))))
