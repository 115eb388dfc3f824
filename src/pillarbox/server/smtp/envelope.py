"""MAIL and RCPT: the commands become an envelope; the reception decides, also about SIZE and the number of
recipients (RFC 5321 §3.3, RFC 6409 §4).
"""

from pillarbox.delivery.destinations import NO_REQUEST, DsnRequest
from pillarbox.delivery.envelope import Envelope
from pillarbox.delivery.refusal import Refused
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Mail, Rcpt
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.server.smtp.context import Context
from pillarbox.server.smtp.refusals import reply_to


async def on_mail(context: Context, command: Mail) -> None:
    """Begin a transaction."""
    context.end_if(context.counts.transaction())
    if context.refused_by_table(command):
        return
    refusal = _login_first(context)
    if refusal:
        context.answer(refusal)
        return
    if _later_than_offered(context, command):
        context.answer(replies.HOLD_TOO_LONG)
        return
    origin = context.origin(smtputf8=command.smtputf8)
    begun = await context.shared.reception.begin(origin, _envelope(command), context.verdict)
    if isinstance(begun, Refused):
        context.answer(reply_to(begun))
        return
    context.incoming = begun
    context.machine.succeeded(command)
    context.answer(replies.SENDER_OK)


async def on_rcpt(context: Context, command: Rcpt) -> None:
    """Add a recipient to the transaction."""
    if context.refused_by_table(command):
        return
    assert context.incoming is not None, "the table has a transaction here"
    refused = await context.incoming.add_recipient(command.forward_path, _dsn_request(command))
    if refused is None:
        context.machine.succeeded(command)
        context.replies.append(replies.RECIPIENT_OK.octets)
        return
    reply = reply_to(refused)
    context.replies.append(reply.octets)
    if not reply.transient:
        context.end_if(context.counts.unknown_recipient())


def _login_first(context: Context) -> Reply | None:
    if not context.shared.role.submits or context.account:
        return None
    # RFC 6409 §4.3, RFC 3207 §4: and before that TLS, without which AUTH is not offered
    return replies.AUTH_FIRST if context.machine.conditions.mechanisms else replies.TLS_FIRST


def _later_than_offered(context: Context, mail: Mail) -> bool:
    """RFC 4865 §4.2: what EHLO said is the limit, however long ago that was."""
    until_ms = mail.release.until_ms if mail.release else None
    return until_ms is not None and until_ms > context.machine.conditions.latest_release_ms


def _envelope(mail: Mail) -> Envelope:
    return Envelope(
        mail.reverse_path,
        mail.size,
        mail.body,
        mail.smtputf8,
        mail.require_tls,
        mail.returns,
        mail.envelope_id,
        mail.release,
    )


def _dsn_request(rcpt: Rcpt) -> DsnRequest:
    if rcpt.notify is None and rcpt.original is None:
        return NO_REQUEST
    notify = "" if rcpt.notify is None else ",".join(sorted(word.value for word in rcpt.notify))
    return DsnRequest(notify, rcpt.original)
