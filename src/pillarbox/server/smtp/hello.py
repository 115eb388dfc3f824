"""EHLO, HELO and LHLO: what begins a session, or restarts it (RFC 5321 §4.1.1.1)."""

from collections.abc import Awaitable
from functools import lru_cache

from pillarbox.delivery.checks.check import Stage
from pillarbox.protocol.smtp.capabilities import Offer
from pillarbox.protocol.smtp.commands import Hello, Verb
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
    context.end_if(context.counts.idle_command(stranger=context.account is None))


@lru_cache(maxsize=64)
def _ehlo(hostname: str, offer: Offer) -> bytes:
    return Reply(250, "", hostname, offer.lines).octets
