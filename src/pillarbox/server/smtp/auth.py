"""AUTH: a SASL exchange in SMTP (RFC 4954 §4, §6)."""

import base64
from typing import assert_never

from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Auth
from pillarbox.protocol.smtp.machine import Response
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated, Unsuitable
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.server.smtp.context import AUTH_TIMEOUT_S, COMMAND_TIMEOUT_S, Context
from pillarbox.world.database import DatabaseUnavailable

_FAILURES = {
    Reason.MALFORMED: replies.AUTH_BASE64,
    Reason.TOO_LONG: replies.AUTH_TOO_LONG,
    Reason.CREDENTIALS: replies.AUTH_FAILED,
    Reason.CHANNEL_BINDING: replies.AUTH_FAILED,
}


async def on_auth(context: Context, command: Auth) -> None:
    """Begin an exchange."""
    if context.refused_by_table(command):
        return
    refusal = _refusal(context)
    attempt = None
    if refusal is None:
        client = Client(context.connection.peer.address, Scope.SMTP)
        attempt = context.shared.authenticator.begin(
            command.mechanism,
            client,
            context.connection.tls,
            plain_allowed=context.shared.config.plain_passwords,
        )
    if attempt is None:
        context.machine.failed()
        context.answer(refusal or replies.AUTH_MECHANISM)
        return
    context.machine.succeeded(command)
    context.attempt = attempt
    context.connection.set_deadline(AUTH_TIMEOUT_S)
    await _respond(context, command.initial)


async def on_response(context: Context, event: Response) -> None:
    """The client's next response."""
    if event.refusal or context.attempt is None:
        _ended(context, event.refusal or replies.OUT_OF_ORDER)
        return
    await _respond(context, event.octets)


def _refusal(context: Context) -> Reply | None:
    if context.account:
        return replies.AUTH_TWICE
    if not context.shared.role.submits:
        return replies.NOT_IMPLEMENTED
    if not context.machine.conditions.mechanisms:
        return replies.AUTH_NEEDS_TLS
    return None


async def _respond(context: Context, octets: bytes | None) -> None:
    reply, who = await _answer(context, octets)
    if reply.code == 334:
        context.answer(reply)
        context.machine.expect_response()
        return
    if who is not None:
        context.account, context.credential = who.account, who.credential
    _ended(context, reply)


async def _answer(context: Context, octets: bytes | None) -> tuple[Reply, Authenticated | None]:
    """The answer to a response, and who is logged in by it. A 334 asks for another response."""
    assert context.attempt is not None, "an exchange is under way"
    try:
        step = await context.attempt.respond(octets)
    except (AuthenticationUnavailable, DatabaseUnavailable):
        return replies.AUTH_LATER, None
    match step:
        case Challenge(challenge):
            return replies.challenge(base64.b64encode(challenge).decode()), None
        case Failure(reason):
            return _FAILURES[reason], None
        case Unsuitable():
            if step.needs_app_password:
                return replies.too_weak(step.hint(context.shared.config.web_url)), None
            return replies.insufficient(step.words), None
        case Authenticated():
            return replies.AUTHENTICATED, step
        case _:
            assert_never(step)


def _ended(context: Context, reply: Reply) -> None:
    context.attempt = None
    context.connection.set_deadline(COMMAND_TIMEOUT_S)
    context.update_conditions()
    context.machine.authentication_ended()
    context.answer(reply)
    if not reply.positive:
        context.end_if(context.counts.failed_login())
