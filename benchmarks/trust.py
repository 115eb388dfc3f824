"""CPU that judging and signing cost a message: SPF, DKIM, ARC, DMARC and iprev with answers that are in the cache.

    python3 benchmarks/trust.py [--times N] [--profile NAME]

No server and no database: what is measured is what a check adds to the acceptance of a message, and what a signature
adds to a submission, each in turns with the others, and the least of the turns. `--profile` prints where one of them
spends its time.
"""

import argparse
import asyncio
import cProfile
import pstats
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, cast

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from pillarbox.config.schema import Config
from pillarbox.delivery.checks.authentication import Authentication
from pillarbox.delivery.checks.check import Evidence
from pillarbox.delivery.envelope import Envelope, Origin, Source
from pillarbox.delivery.pieces import NO_REST
from pillarbox.dns import Kind, Outcome
from pillarbox.mail.address import Address
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.commands import Body
from pillarbox.trust import arc, dkim
from pillarbox.trust.dkim.keys import record_text
from pillarbox.trust.results import Result
from pillarbox.trust.signatures.body_hash import body_digest
from pillarbox.trust.signatures.signing_key import SigningKey
from pillarbox.world.aside import Aside
from pillarbox.world.clock import SystemClock
from pillarbox.world.resolver.cache import CachingResolver
from pillarbox.world.resolver.zone import ZoneResolver
from pillarbox.world.world import World

DOMAIN, FORWARDER, CLIENT = "sender.example", "forwarder.example", "192.0.2.7"
TURNS = 7
HEADER = (
    b"Received: from a.sender.example (a.sender.example [192.0.2.1])\r\n\tby b.sender.example with ESMTPS id 1234;\r\n"
    b"\tTue, 1 Dec 2026 01:00:00 +0000\r\n"
    b"From: Joe Doe <joe@sender.example>\r\nTo: Ann <ann@one.example>\r\nSubject: Plans for the week after next\r\n"
    b"Date: Tue, 1 Dec 2026 01:00:00 +0000\r\nMessage-ID: <12345678@sender.example>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nX-Mailer: Some program 1.0\r\n\r\n"
)


@dataclass(frozen=True)
class Outside:
    """What a check sees of the world."""

    clock: SystemClock
    resolver: CachingResolver
    fetcher: None = None
    aside: Aside = field(default_factory=Aside)


class Counting(ZoneResolver):
    """Counts questions that the cache could not answer."""

    asked = 0

    async def lookup(self, name: str, kind: Kind) -> Outcome[Any]:
        self.asked += 1
        return await super().lookup(name, kind)


def names(*keys: SigningKey) -> Counting:
    """What the domains publish."""
    resolver = Counting(("example", "arpa"), {})
    put = resolver.put
    put(DOMAIN, Kind.TXT, b"v=spf1 include:_spf.sender.example ip4:198.51.100.0/24 -all")
    put("_spf.sender.example", Kind.TXT, b"v=spf1 ip4:203.0.113.0/24 ip4:192.0.2.0/24 ~all")
    put(f"_dmarc.{DOMAIN}", Kind.TXT, b"v=DMARC1; p=reject; rua=mailto:reports@sender.example")
    put("7.2.0.192.in-addr.arpa", Kind.PTR, f"mail.{DOMAIN}")
    put(f"mail.{DOMAIN}", Kind.A, CLIENT)
    put(f"mail.{DOMAIN}", Kind.TXT, b"v=spf1 a -all")
    for key in keys:
        put(f"{key.selector}._domainkey.{key.domain}", Kind.TXT, record_text(key.key).encode())
    return resolver


def with_body(octets: int) -> bytes:
    """A message of about this size."""
    line = b"The quick brown fox jumps over the lazy dog, and goes home to sleep.\r\n"
    return HEADER + line * ((octets - len(HEADER)) // len(line))


def signed(message: bytes, *keys: SigningKey) -> bytes:
    """The message as its author's provider sends it."""
    header, start = Header.parse(message)
    return dkim.sign(header, body_digest(message[start:]), keys, signed_s=int(time.time())) + message


def sealed(message: bytes, key: SigningKey) -> bytes:
    """The message as a forwarder sends it."""
    header, start = Header.parse(message)
    digest = body_digest(message[start:])
    results = f"{FORWARDER}; dmarc=pass header.from={DOMAIN}"
    return (
        arc.seal(header, digest, key, verdict=Result.NONE, results=results, sealed_s=int(time.time()))
        + message
    )


class Bench:
    """What is measured, by name."""

    def __init__(self) -> None:
        rsa_key = SigningKey(DOMAIN, "r1", rsa.generate_private_key(65537, 2048))
        own = (rsa_key, SigningKey(DOMAIN, "e1", Ed25519PrivateKey.generate()))
        forwarder = SigningKey(FORWARDER, "f1", rsa.generate_private_key(65537, 2048))
        self.dns = names(*own, forwarder)
        clock = SystemClock()
        world = Outside(clock, CachingResolver(self.dns, clock))
        self.check = Authentication(
            cast("World", world), Config(hostname="mx.one.example", domain="one.example")
        )
        self.cases: dict[str, Callable[[], Awaitable[object]]] = {}
        for octets in (2_000, 20_000):
            plain = with_body(octets)
            size = f"{octets // 1000} KB"
            self.cases[f"{size}, not signed"] = self.judging(plain)
            self.cases[f"{size}, DKIM"] = self.judging(signed(plain, rsa_key))
            self.cases[f"{size}, DKIM and ARC"] = self.judging(sealed(signed(plain, rsa_key), forwarder))
            self.cases[f"{size}, sign with RSA"] = self.signing(plain, rsa_key)
            self.cases[f"{size}, sign with both"] = self.signing(plain, *own)

    def judging(self, message: bytes) -> Callable[[], Awaitable[object]]:
        """From MAIL to the end of data."""
        path = Address.parse(f"joe@{DOMAIN}")
        origin = Origin(
            source=Source.PUBLIC,
            service="mx",
            protocol="ESMTPS",
            client_name=f"mail.{DOMAIN}",
            client_address=CLIENT,
        )

        async def judge() -> object:
            evidence = Evidence(origin, Envelope(path, body=Body.EIGHT_BIT))
            self.check.begin(evidence)
            evidence.top, evidence.rest = message, NO_REST
            finding = await self.check.conclude(evidence)
            self.check.abandon(evidence)
            return finding

        return judge

    def signing(self, message: bytes, *keys: SigningKey) -> Callable[[], Awaitable[object]]:
        """As it is accepted."""

        async def sign() -> object:
            return signed(message, *keys)

        return sign


async def measure(bench: Bench, times: int) -> dict[str, float]:
    """Milliseconds of CPU each."""
    for name, work in bench.cases.items():
        before = bench.dns.asked
        found = await work()
        await work()
        print(f"{name}: {bench.dns.asked - before} questions at first, {getattr(found, 'result', '')}")
    best = dict.fromkeys(bench.cases, float("inf"))
    for _ in range(TURNS):
        for name, work in bench.cases.items():
            began = time.process_time()
            for _ in range(times):
                await work()
            best[name] = min(best[name], (time.process_time() - began) / times * 1000)
    return best


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=300)
    parser.add_argument("--profile", metavar="NAME")
    options = parser.parse_args()
    bench = Bench()
    if options.profile:
        work = bench.cases[options.profile]

        async def repeated() -> None:
            for _ in range(2000):
                await work()

        profile = cProfile.Profile()
        profile.runcall(asyncio.run, repeated())
        pstats.Stats(profile).sort_stats("tottime").print_stats(35)
        return
    for name, cpu_ms in asyncio.run(measure(bench, options.times)).items():
        print(f"{name:24} {cpu_ms:7.3f} ms")


if __name__ == "__main__":
    main()
