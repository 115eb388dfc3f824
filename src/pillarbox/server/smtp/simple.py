"""Commands without arguments that matter: NOOP, VRFY, EXPN, HELP, RSET, QUIT; and lines that are no command."""

from collections.abc import Awaitable

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import RejectedCommand, Simple, Verb
from pillarbox.protocol.smtp.replies import Reply, goodbye
from pillarbox.server.smtp.context import Context
from pillarbox.server.smtp.message import on_data
from pillarbox.server.smtp.starttls import on_starttls

_ANSWERS = {
    Verb.NOOP: replies.OK,
    # RFC 5321 §3.5.3, §7.3: whether an address exists is answered at RCPT only
    Verb.VRFY: replies.CANNOT_VERIFY,
    Verb.EXPN: replies.NOT_IMPLEMENTED,
    Verb.HELP: replies.HELP,
}


def on_simple(context: Context, command: Simple) -> Awaitable[None] | None:
    """Any command that is its verb alone."""
    if context.refused_by_table(command):
        return None
    if reply := _ANSWERS.get(command.verb):
        _answer(context, command, reply)
        return None
    match command.verb:
        case Verb.DATA:
            on_data(context, command)
        case Verb.STARTTLS:
            return on_starttls(context, command)
        case Verb.QUIT:
            _quit(context, command)
        case Verb.RSET:
            context.reset()
            _answer(context, command, replies.RESET)
        case other:
            raise AssertionError(f"{other} is more than a verb")
    return None


def on_refused(context: Context, event: RejectedCommand) -> None:
    """A line that is no acceptable command."""
    context.answer(event.reply)
    if event.fatal:
        context.close()


def _quit(context: Context, command: Simple) -> None:
    context.reset()
    context.replies.append(goodbye(context.hostname).octets)
    context.machine.succeeded(command)
    context.close()


def _answer(context: Context, command: Simple, reply: Reply) -> None:
    context.machine.succeeded(command)
    context.answer(reply)
    context.end_if(context.counts.idle_command(stranger=context.account is None))
