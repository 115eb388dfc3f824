"""Mail that comes from outside to whoever uses JMAP."""

from pillarbox.delivery.reception.reception import Reception
from pillarbox.mail import object_id
from pillarbox.mail.identifiers import EmailId
from pillarbox.protocol.smtp.capabilities import Role
from pillarbox.server.smtp.command_counts import SessionLimits
from pillarbox.server.smtp.service import SmtpService
from pillarbox.world.database import Transaction
from tests.kit.jmap.client import JmapClient
from tests.kit.smtp.provider import FakeConnection, SmtpClient, tls_state


async def from_outside(
    client: JmapClient, message: bytes, *, helo: str = "client.example", tls: bool = False
) -> str:
    """Send a message from outside to the client; the id of the email."""
    provider = client.provider
    reception = Reception(provider.world, provider.config)
    service = SmtpService(
        provider.world, provider.authenticator, provider.config, reception, Role.MX, SessionLimits()
    )
    outside = SmtpClient(service, FakeConnection(tls=tls_state() if tls else None))
    await outside.connect()
    await outside.say(f"EHLO {helo}")
    await outside.codes("MAIL FROM:<joe@example.org>", "RCPT TO:<u0@one.example>", "DATA")
    assert (await outside.say(message + b".\r\n")).startswith("250")
    return await provider.world.database.read(last_email, client.account.id)


def last_email(tx: Transaction, account: int) -> str:
    """The id of the account's newest email."""
    return object_id.of_email(
        EmailId(tx.value("SELECT last_email FROM ledgers WHERE account = ?", (account,)))
    )
