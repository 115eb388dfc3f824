"""STARTTLS (RFC 3207)."""

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Simple
from pillarbox.server.smtp.context import Context


async def on_starttls(context: Context, command: Simple) -> None:
    """Begin TLS; the session restarts inside it."""
    conditions = context.machine.conditions
    if conditions.tls_active or not conditions.tls_available:
        context.machine.failed()
        context.answer(replies.TLS_ACTIVE if conditions.tls_active else replies.TLS_NOT_AVAILABLE)
        return
    context.machine.succeeded(command)
    context.replies.append(replies.START_TLS.octets)
    context.flush()
    dropped = await context.connection.start_tls()
    if dropped:
        context.shared.world.telemetry.warning(
            "octets before TLS dropped", address=context.connection.peer.address, octets=dropped
        )
    # RFC 3207 §4.2: everything learnt before is discarded
    context.reset()
    context.greeted(None)
    context.account = context.attempt = None
    context.credential = ""
    context.verdict = context.connect_verdict
    context.update_conditions()
    context.machine.tls_started()
