"""What is cached of recipients is never older than what was withdrawn."""

from collections.abc import Callable

import pytest

from pillarbox.delivery.placement import Placement
from pillarbox.delivery.recipient_cache import MAX_AGE_S, RecipientCache
from pillarbox.delivery.route import LocalRecipient, RemoteRecipient, UnknownRecipient
from pillarbox.directory import accounts, domains, quota
from pillarbox.mail.address import Address
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Transaction
from pillarbox.world.signals import LocalSignals
from tests.kit.smtp.provider import SmtpClient, SmtpProvider, run_with_smtp

ANNA = Address("anna", "one.example")
HERE = LocalRecipient((Placement(AccountId(1), MailboxId(1)),), (), cacheable=True)


def empty() -> RecipientCache:
    return RecipientCache(LocalSignals(), VirtualClock())


def test_only_what_is_cacheable_is_cached() -> None:
    for found in (LocalRecipient(HERE.placements, ()), RemoteRecipient(), UnknownRecipient(disabled=True)):
        recipients = empty()
        recipients.put(ANNA, found)
        assert recipients.get(ANNA) is None
    recipients.put(ANNA, HERE)
    assert recipients.get(ANNA) is HERE
    assert recipients.get(Address("Anna", "one.example")) is None


async def _rcpt(client: SmtpClient, address: str) -> int:
    codes = await client.codes("RSET", "MAIL FROM:<a@mail.example>", f"RCPT TO:<{address}>")
    return codes[-1]


def test_an_account_is_looked_up_once_in_a_while() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        assert await _rcpt(client, "anna@one.example") == 250
        calls = provider.database.calls
        assert await _rcpt(client, "anna@one.example") == 250
        assert provider.database.calls == calls
        await provider.clock.advance(MAX_AGE_S)
        assert await _rcpt(client, "anna@one.example") == 250
        assert provider.database.calls == calls + 1

    run_with_smtp(test)


@pytest.mark.parametrize("address", ["info@one.example", "anna+shops@one.example", "crew@one.example"])
def test_what_leads_there_in_a_roundabout_way_is_always_looked_up(address: str) -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        for _ in range(2):
            calls = provider.database.calls
            assert await _rcpt(client, address) == 250
            assert provider.database.calls == calls + 1

    run_with_smtp(test)


def _disable(tx: Transaction, anna: AccountId) -> None:
    accounts.set_enabled(tx, anna, enabled=False)


def _no_room(tx: Transaction, anna: AccountId) -> None:
    quota.set_account_quota(tx, anna, 1)


def _no_room_in_the_domain(tx: Transaction, _anna: AccountId) -> None:
    quota.set_domain_quota(tx, "one.example", 1)


def _free(tx: Transaction, anna: AccountId) -> None:
    accounts.remove_address(tx, anna, "second@one.example")


def _not_served(tx: Transaction, _anna: AccountId) -> None:
    domains.remove(tx, "other.example")


@pytest.mark.parametrize(
    ("change", "address", "code"),
    [
        (_disable, "anna@one.example", 550),
        (accounts.remove, "anna@one.example", 550),
        (_no_room, "anna@one.example", 452),
        (_no_room_in_the_domain, "anna@one.example", 452),
        (_free, "second@one.example", 550),
        (_not_served, "anna@other.example", 550),
    ],
)
def test_what_is_withdrawn_is_forgotten(
    change: Callable[[Transaction, AccountId], None], address: str, code: int
) -> None:
    async def test(provider: SmtpProvider) -> None:
        anna = provider.people["anna"]

        def prepare(tx: Transaction) -> None:
            accounts.add_address(tx, anna, "second@one.example")
            domains.create(tx, "other.example", now_ms=0, alias_of="one.example")

        await provider.database.write(prepare)
        client = provider.client()
        await client.greet()
        assert await _rcpt(client, address) == 250
        await client.say("DATA")
        assert (await client.say(b"Subject: x\r\n\r\nx\r\n.\r\n")).startswith("250")
        calls = provider.database.calls
        assert await _rcpt(client, address) == 250
        assert provider.database.calls == calls, "it was remembered"
        await provider.database.write(change, anna)
        assert await _rcpt(client, address) == code

    run_with_smtp(test)


def test_it_does_not_grow_without_end() -> None:
    recipients = RecipientCache(LocalSignals(), VirtualClock(), max_entries=3)
    for number in range(10):
        recipients.put(Address(f"u{number}", "one.example"), HERE)
        assert len(recipients._entries) <= 3
        assert recipients.get(Address(f"u{number}", "one.example")) is HERE
