"""STARTTLS (RFC 9051 §6.2.1)."""

from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import StartTls
from pillarbox.server.imap.authenticate import conditions
from pillarbox.server.imap.session_state import SessionState


async def start_tls(session: SessionState, _: StartTls) -> None:
    """RFC 9051 §6.2.1: the tagged OK is the last thing sent in plain text."""
    session.write(responses.ok(session.tag, "Begin TLS negotiation now"))
    session.flush()
    dropped = await session.connection.start_tls()
    session.machine.tls_started(conditions(session.authenticator, session.config, session.connection))
    if dropped:
        session.world.telemetry.warning(
            "octets before TLS dropped", address=session.connection.peer.address, octets=dropped
        )
