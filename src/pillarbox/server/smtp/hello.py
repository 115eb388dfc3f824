"""EHLO, HELO, LHLO and STARTTLS: what begins a session, or restarts it (RFC 5321 §4.1.1.1, RFC 3207)."""

from collections.abc import Awaitable
from functools import lru_cache

from pillarbox.delivery.checks.check import Stage
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.capabilities import Offer
from pillarbox.protocol.smtp.commands import Hello, Simple, Verb
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.server.smtp.context import Context
from pillarbox.server.smtp.refusals import reply_to


def on_hello(context: Context, command: Hello) -> Awaitable[None] | None:
    """Greet back, and say what is offered."""
    if context.refused_by_table(command):
        return None
    context.reset()
    shared = context.shared
    if shared.reception.checks.rows[context.source][Stage.GREETING]:
        return _checked(context, command)
    _accept(context, command)
    return None


async def _checked(context: Context, command: Hello) -> None:
    before = context.hello
    context.greeted(command)
    reception = context.shared.reception
    verdict = await reception.check(Stage.GREETING, context.origin(), context.connect_verdict)
    if verdict.refused:
        context.greeted(before)
        context.machine.failed()
        context.answer(reply_to(verdict.refused))
        return
    context.verdict = verdict
    _accept(context, command)


def _accept(context: Context, command: Hello) -> None:
    context.greeted(command)
    context.machine.succeeded(command)
    if command.verb is Verb.HELO:
        context.replies.append(Reply(250, "", context.hostname).octets)
    else:
        context.replies.append(_ehlo(context.hostname, context.machine.offer))
    context.end_if(context.counts.idle_command())


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
        context.shared.world.telemetry.warning("plain text after STARTTLS", octets=dropped)
    # RFC 3207 §4.2: everything learnt before is discarded
    context.reset()
    context.greeted(None)
    context.account = context.attempt = None
    context.verdict = context.connect_verdict
    context.update_conditions()
    context.machine.secured()


@lru_cache(maxsize=64)
def _ehlo(hostname: str, offer: Offer) -> bytes:
    return Reply(250, "", hostname, offer.lines).octets
