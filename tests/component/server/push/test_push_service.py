"""A message goes to a push service over HTTPS, which judges as strictly as Apple's, and its client reads it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from ipaddress import ip_network

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pillarbox.dns import Kind
from pillarbox.protocol.webpush import base64url, encryption, p256, request
from pillarbox.protocol.webpush.client_keys import client_keys
from pillarbox.protocol.webpush.p256 import CHANCE_OCTETS
from pillarbox.protocol.webpush.request import Meaning, Outcome, Urgency
from pillarbox.server.push.identity import Identity
from pillarbox.world.clock import SystemClock
from pillarbox.world.entropy import SystemEntropy
from pillarbox.world.fetcher.addresses import public_or_in
from pillarbox.world.fetcher.https import HttpsFetcher
from pillarbox.world.network.system import SystemNetwork
from pillarbox.world.resolver.zone import ZoneResolver
from tests.kit.certificate import certificate_file
from tests.kit.https import HERE, Web, response, web
from tests.kit.provider import Provider, open_provider
from tests.kit.webpush import Client, octets_of, refusal

PLAIN = b'{"@type":"StateChange","changed":{"A1":{"Email":"7"}}}'


@dataclass
class House:
    """A provider, a push service with a subscription, and who has subscribed."""

    provider: Provider
    identity: Identity
    service: Web
    client: Client

    async def push(self, url: str, *networks: str, plain: bytes = PLAIN) -> Outcome:
        """Send a message to a URL, as the provider does; the networks are those that its operator allows."""
        world, entropy = self.provider.world, SystemEntropy()
        now_s = world.clock.now_ms() // 1000
        _, sender = await self.identity.current()
        keys = client_keys(base64url.encoded(self.client.p256dh), base64url.encoded(self.client.auth))
        body = encryption.encrypt(
            plain,
            p256dh=keys.p256dh,
            auth=keys.auth,
            private=p256.scalar_of(entropy.token_bytes(CHANCE_OCTETS)),
            salt=entropy.token_bytes(encryption.SALT_OCTETS),
        )
        answer = await HttpsFetcher(
            SystemNetwork(),
            ZoneResolver(["localhost"], {("localhost", Kind.A): [HERE]}),
            SystemClock(),
            authorities=certificate_file(),
            ports=None,
            admits=public_or_in([ip_network(network) for network in networks]),
        ).post(
            url,
            body,
            media_type="application/octet-stream",
            content_encoding=encryption.CONTENT_ENCODING,
            fields=request.fields(
                authorization=sender.authorization(url, now_s=now_s),
                ttl_s=3600,
                urgency=Urgency.HIGH,
                topic="mail",
            ),
            max_octets=0,
            timeout_s=10,
        )
        return request.outcome(answer, now_s=now_s)


def run(scenario: Callable[[House], Awaitable[None]]) -> None:
    async def inside() -> None:
        provider = await open_provider()
        client = Client(ec.generate_private_key(ec.SECP256R1()), bytes(range(16)))
        try:
            async with web() as service:
                identity = Identity(provider.world, provider.config)
                await scenario(House(provider, identity, service, client))
        finally:
            await provider.close()

    asyncio.run(inside())


def test_what_is_pushed_is_taken_and_read() -> None:
    async def scenario(house: House) -> None:
        house.service.pages["/x"] = response("201 Created", b"", "Location: https://localhost/m")
        url = house.service.url("/x")
        for plain in (PLAIN, b"", b"x" * encryption.MAX_PLAIN_OCTETS):
            outcome = await house.push(url, "127.0.0.0/8", plain=plain)
            assert outcome == Outcome(Meaning.DELIVERED)
            asked = house.service.requests[-1]
            assert house.client.read(asked.octets) == plain
            assert asked.fields["content-encoding"] == "aes128gcm"
            sent = [asked.fields[name] for name in ("ttl", "urgency", "topic")]
            assert sent == ["3600", "high", "mail"]
            assert not refusal(
                asked.fields["authorization"],
                origin=f"https://localhost:{house.service.port}",
                key=octets_of(await house.identity.application_server_key()),
                now_s=house.provider.world.clock.now_ms() / 1000,
            )

    run(scenario)


@pytest.mark.parametrize(
    ("status", "fields", "meaning", "wait_s"),
    [
        ("404 Not Found", (), Meaning.GONE, None),
        ("410 Gone", (), Meaning.GONE, None),
        ("413 Too Large", (), Meaning.TOO_LARGE, None),
        ("429 Too Many Requests", ("Retry-After: 7",), Meaning.SLOW_DOWN, 7),
        ("403 Forbidden", (), Meaning.REFUSED, None),
        ("307 Elsewhere", ("Location: https://localhost/",), Meaning.REFUSED, None),
        ("503 Busy", ("Retry-After: 9",), Meaning.TRY_LATER, 9),
    ],
)
def test_what_a_push_service_answers(
    status: str, fields: tuple[str, ...], meaning: Meaning, wait_s: int | None
) -> None:
    async def scenario(house: House) -> None:
        house.service.pages["/x"] = response(status, b"why", *fields)
        outcome = await house.push(house.service.url("/x"), "127.0.0.0/8")
        assert (outcome.meaning, outcome.wait_s) == (meaning, wait_s)
        assert len(house.service.requests) == 1

    run(scenario)


def test_a_push_service_where_nobody_should_look_is_not_asked() -> None:
    async def scenario(house: House) -> None:
        for networks in ((), ("10.0.0.0/8", "::1/128")):
            outcome = await house.push(house.service.url("/x"), *networks)
            assert outcome == Outcome(Meaning.TRY_LATER, "localhost has no public address")
        assert not house.service.requests

    run(scenario)
