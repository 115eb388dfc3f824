"""Signing keys are made, activated and forgotten by schedule: never before the DNS has their records."""

from collections.abc import Awaitable, Callable

from pillarbox.admin import dkim
from pillarbox.admin.dkim import OVERLAP_S, KeyRecord
from pillarbox.directory import domains
from pillarbox.directory.dkim_keys import KeyState
from pillarbox.dns import Kind
from pillarbox.server.chores.key_rotation import KEY_AGE_S, rotate_keys
from pillarbox.world.database import Transaction
from tests.kit.signed_mail import ed25519_key, rsa_key
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp

DAY_S = 86_400


class Site:
    """A provider whose first domain has keys, and its DNS."""

    def __init__(self, provider: SmtpProvider) -> None:
        self.provider = provider

    async def begin(self, *names: str) -> None:
        for name in names:
            await self.provider.database.write(
                dkim.add, name, (rsa_key().key, ed25519_key().key), now_ms=self.provider.clock.now_ms()
            )

    async def keys(self, state: KeyState, domain: str = "one.example") -> list[KeyRecord]:
        found = await self.provider.database.read(dkim.listing, domain)
        return [key for key in found if key.state is state]

    def publish(self, keys: list[KeyRecord]) -> None:
        for key in keys:
            self.provider.resolver.put(key.name, Kind.TXT, key.text.encode())

    async def after(self, seconds: float) -> None:
        """The chore once an hour would find nothing else than it finds now."""
        await self.provider.clock.advance(seconds)
        await rotate_keys(self.provider.world, None)  # type: ignore[arg-type]  # it takes no rest


def run(test: Callable[[Site], Awaitable[None]]) -> None:
    run_with_smtp(lambda provider: test(Site(provider)))


def test_a_rotation_from_end_to_end() -> None:
    async def test(site: Site) -> None:
        await site.begin("one.example")
        first = await site.keys(KeyState.ACTIVE)
        await site.after(KEY_AGE_S - 1)
        assert not await site.keys(KeyState.NEXT)
        await site.after(2)
        following = await site.keys(KeyState.NEXT)
        assert {key.algorithm for key in following} == {"rsa-sha256", "ed25519-sha256"}
        assert not {key.selector for key in following} & {key.selector for key in first}

        await site.after(300 * DAY_S)
        assert await site.keys(KeyState.ACTIVE) == first, "the DNS does not have the records"
        assert await site.keys(KeyState.NEXT) == following, "and there are no more"
        site.publish(following[:1])
        await site.after(DAY_S)
        assert await site.keys(KeyState.ACTIVE) == first, "nor does one suffice"

        site.publish(following)
        await site.after(DAY_S)
        assert {key.selector for key in await site.keys(KeyState.ACTIVE)} == {
            key.selector for key in following
        }
        assert {key.selector for key in await site.keys(KeyState.RETIRED)} == {key.selector for key in first}
        await site.after(OVERLAP_S - 1)
        assert len(await site.keys(KeyState.RETIRED)) == 2
        await site.after(2)
        assert not await site.keys(KeyState.RETIRED)
        told = [
            name
            for name, fields in site.provider.telemetry.events
            if "keys" in name and fields["domain"] == "one.example"
        ]
        assert told == [
            "signing keys made: their DNS records are needed",
            "signing keys rotated",
            "signing keys forgotten: their DNS records may go",
        ]

    run(test)


def test_another_record_than_that_of_the_key_is_none() -> None:
    async def test(site: Site) -> None:
        await site.begin("one.example")
        await site.after(KEY_AGE_S)
        for key in await site.keys(KeyState.NEXT):
            site.provider.resolver.put(key.name, Kind.TXT, b"v=DKIM1; p=")
        await site.after(DAY_S)
        assert len(await site.keys(KeyState.NEXT)) == 2

    run(test)


def test_one_domain_does_not_wait_for_another_whose_keys_are_damaged() -> None:
    async def test(site: Site) -> None:
        await site.begin("one.example", "two.example")
        await site.after(KEY_AGE_S)

        def damage(tx: Transaction) -> None:
            tx.execute("UPDATE dkim_keys SET pem = 'odd' WHERE domain = 'one.example'")

        await site.provider.database.write(damage)
        site.publish(await site.keys(KeyState.NEXT, "two.example"))
        await site.after(DAY_S)
        assert len(await site.keys(KeyState.RETIRED, "two.example")) == 2
        assert len(await site.keys(KeyState.NEXT)) == 2, "what cannot be read does not sign"

    run(test)


def test_a_domain_that_is_no_longer_served_has_no_keys() -> None:
    async def test(site: Site) -> None:
        await site.begin("two.example")
        await site.provider.database.write(domains.remove, "two.example")
        await site.after(KEY_AGE_S)
        found = await site.provider.database.read(dkim.listing)
        assert not [key for key in found if key.domain == "two.example"]

    run(test)


def test_a_domain_without_keys_gets_some_that_sign_when_the_dns_has_them() -> None:
    async def test(site: Site) -> None:
        await site.after(1)
        following = await site.keys(KeyState.NEXT)
        assert {key.algorithm for key in following} == {"rsa-sha256", "ed25519-sha256"}
        await site.after(DAY_S)
        assert await site.keys(KeyState.NEXT) == following, "once"
        assert not await site.keys(KeyState.ACTIVE)
        site.publish(following)
        await site.after(DAY_S)
        assert {key.selector for key in await site.keys(KeyState.ACTIVE)} == {
            key.selector for key in following
        }

    run(test)
