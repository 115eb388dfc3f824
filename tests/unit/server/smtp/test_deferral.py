"""A message that cannot be judged now is not deferred for ever, whoever hands it over."""

import pytest

from pillarbox.config.sections.authentication import Authentication, FailedDmarc
from pillarbox.delivery.checks.deferral import MAX_DEFERRED_S
from pillarbox.dns import Failure, Kind
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.connection import Peer
from tests.kit.smtp.provider import FakeConnection, SmtpClient, SmtpProvider, run_with_smtp


@pytest.mark.rfc("9989 §5.3.6", "MUST")
def test_each_attempt_may_come_from_another_address() -> None:
    async def test(provider: SmtpProvider) -> None:
        provider.resolver.put("_dmarc.big.example", Kind.TXT, b"v=DMARC1; p=reject")
        provider.resolver.put("big.example", Kind.TXT, b"v=spf1 include:silent.test -all")
        assert isinstance(await provider.resolver.lookup("silent.test", Kind.TXT), Failure)
        service = provider.service(Role.MX, authentication=Authentication(dmarc=FailedDmarc.REJECT))

        async def sent_from(address: str) -> str:
            connection = FakeConnection()
            connection.peer = Peer(address, 40_000)
            client = SmtpClient(service, connection)
            await client.greet()
            await client.codes("MAIL FROM:<joe@big.example>", "RCPT TO:<anna@one.example>", "DATA")
            return await client.say(b"From: joe@big.example\r\n\r\nHello\r\n.\r\n")

        assert (await sent_from("192.0.2.1")).startswith("451")
        await provider.clock.advance(MAX_DEFERRED_S + 1)
        assert (await sent_from("192.0.2.2")).startswith("250")

    run_with_smtp(test)
