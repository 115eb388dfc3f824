"""When the database, the disk or the DNS fails, SMTP replies 4yz, and nothing is acknowledged."""

from dataclasses import replace
from typing import Any

import pytest

from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.smtp.refusals import reply_to
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp
from tests.kit.world import world_of


class BrokenDatabase:
    """Fails once it is set to."""

    def __init__(self, database: Any) -> None:
        self._database = database
        self.fails_to: set[str] = set()

    async def read(self, *arguments: Any, **keywords: Any) -> Any:
        if "read" in self.fails_to:
            raise DatabaseUnavailable("database is locked")
        return await self._database.read(*arguments, **keywords)

    async def write(self, *arguments: Any, **keywords: Any) -> Any:
        if "write" in self.fails_to:
            raise DatabaseUnavailable("disk is full")
        return await self._database.write(*arguments, **keywords)


def with_database(provider: SmtpProvider, database: Any) -> World:
    return replace(provider.world, database=database)


def test_every_failure_is_transient() -> None:
    assert reply_to(Refused(Reason.UNAVAILABLE)).octets.startswith(b"452 4.3.1")
    assert reply_to(Refused(Reason.RECIPIENT_GONE)).octets.startswith(b"451 4.3.0")


def test_every_reason_has_its_reply() -> None:
    replies = {reason: reply_to(Refused(reason, "7.1", "no")) for reason in Reason}
    transient = {reason for reason, reply in replies.items() if reply.transient}
    assert all(reply.code >= 400 and reply.status for reply in replies.values())
    assert transient == {
        Reason.MAILBOX_FULL,
        Reason.TOO_MANY_RECIPIENTS,
        Reason.DEFERRED_BY_CHECK,
        Reason.UNAVAILABLE,
        Reason.MEMORY_SCARCE,
        Reason.RECIPIENT_GONE,
    }


@pytest.mark.parametrize("role", [Role.MX, Role.LMTP])
def test_a_commit_that_fails_is_not_250(role: Role) -> None:
    async def test(provider: SmtpProvider) -> None:
        broken = BrokenDatabase(provider.database)
        client = provider.client(role, world=with_database(provider, broken))
        await client.greet()
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        broken.fails_to = {"write"}
        assert await client.say(b"Subject: x\r\n\r\n.\r\n") == "452 4.3.1 Insufficient system storage\r\n"
        broken.fails_to = set()
        assert provider.inbox("anna") == []
        # and the session lives on
        await client.codes("MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "DATA")
        assert (await client.say(b"Subject: x\r\n\r\n.\r\n")).startswith("250")

    run_with_smtp(test)


def test_a_directory_that_cannot_be_read() -> None:
    async def test(provider: SmtpProvider) -> None:
        broken = BrokenDatabase(provider.database)
        client = provider.client(world=with_database(provider, broken))
        await client.greet()
        await client.say("MAIL FROM:<a@mail.example>")
        broken.fails_to = {"read"}
        assert (await client.say("RCPT TO:<anna@one.example>")).startswith("452 4.3.1")
        broken.fails_to = set()
        assert await client.codes("RCPT TO:<anna@one.example>", "NOOP") == [250, 250]

    run_with_smtp(test)


def test_an_account_that_goes_between_rcpt_and_the_end() -> None:
    async def test(provider: SmtpProvider) -> None:
        client = provider.client()
        await client.greet()
        await client.codes(
            "MAIL FROM:<a@mail.example>", "RCPT TO:<anna@one.example>", "RCPT TO:<bert@one.example>", "DATA"
        )
        provider.database.write_now(
            lambda tx: tx.execute("DELETE FROM ledgers WHERE account = ?", (provider.people["bert"],))
        )
        assert (await client.say(b"Subject: x\r\n\r\n.\r\n")).startswith("451 4.3.0")
        assert provider.inbox("anna") == []  # all or nothing

    run_with_smtp(test)


def test_a_login_while_the_database_is_away() -> None:
    async def test(provider: SmtpProvider) -> None:
        broken = BrokenDatabase(provider.database)
        world = world_of(broken, provider.clock)  # type: ignore[arg-type]  # stands in for it
        client = replace(provider, authenticator=Authenticator(world)).client(Role.SUBMISSION, tls=True)
        await client.greet()
        broken.fails_to = {"read"}
        assert await client.codes("AUTH PLAIN AGFubmEAYg==", "NOOP") == [454, 250]

    run_with_smtp(test)
