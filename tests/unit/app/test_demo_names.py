"""The DNS of a demo: mail between its domains is signed, verified and judged."""

from dataclasses import replace

from pillarbox.app.demo_names import DemoNames
from pillarbox.mail.header import Header
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.connection import Peer
from tests.kit.smtp.provider import SmtpProvider, run_with_smtp
from tests.unit.server.smtp.test_signing import submitted, waiting, with_keys


def test_mail_between_the_domains_of_a_demo_passes() -> None:
    async def test(provider: SmtpProvider) -> None:
        await with_keys(provider, "one.example")
        await submitted(provider)
        names = DemoNames(dict.fromkeys(("one.example", "two.example"), "127.0.0.1"), provider.database)
        client = provider.client(Role.MX, world=replace(provider.world, resolver=names))
        client.connection.peer = Peer("127.0.0.1", 1)
        await client.greet()
        await client.codes("MAIL FROM:<anna@one.example>", "RCPT TO:<bert@one.example>", "DATA")
        assert (await client.say(waiting(provider) + b".\r\n")).startswith("250")
        (octets,) = provider.inbox("bert")
        (results,) = Header.parse(octets)[0].all("Authentication-Results")
        assert b"spf=pass" in results
        assert results.count(b"dkim=pass") == 2
        assert b"dmarc=pass" in results

    run_with_smtp(test)
