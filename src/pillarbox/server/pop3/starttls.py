"""STLS (RFC 2595 §4)."""

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import Stls
from pillarbox.server.pop3.capability import conditions
from pillarbox.server.pop3.session_state import SessionState


async def stls(session: SessionState, _: Stls) -> None:
    """RFC 2595 §4: the reply is the last thing sent in plain text."""
    now = conditions(session)
    if not now.tls_available:
        session.reply(replies.error("TLS is already active." if now.tls_active else "TLS not available."))
        return
    session.reply(replies.ok("Begin TLS negotiation now."))
    session.name = ""
    dropped = await session.connection.start_tls()
    if dropped:
        session.world.telemetry.warning(
            "octets before TLS dropped", address=session.connection.peer.address, octets=dropped
        )
