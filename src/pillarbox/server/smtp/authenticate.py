"""AUTH: one SASL exchange in SMTP's words (RFC 4954 §4, §6)."""

import base64
from typing import assert_never

from pillarbox.directory.accounts import Account
from pillarbox.protocol.sasl.exchange import Challenge, Failure, Reason
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.server.authentication import Attempt, AuthenticationUnavailable
from pillarbox.world.database import DatabaseUnavailable

_FAILURES = {
    Reason.MALFORMED: replies.AUTH_BASE64,
    Reason.TOO_LONG: replies.AUTH_TOO_LONG,
    Reason.CREDENTIALS: replies.AUTH_FAILED,
    Reason.CHANNEL_BINDING: replies.AUTH_FAILED,
}


async def respond(attempt: Attempt, octets: bytes | None) -> tuple[Reply, Account | None]:
    """Our answer to a response, and who is logged in by it. A 334 asks for another response."""
    try:
        step = await attempt.respond(octets)
    except (AuthenticationUnavailable, DatabaseUnavailable):
        return replies.AUTH_LATER, None
    match step:
        case Challenge(challenge):
            return replies.challenge(base64.b64encode(challenge).decode()), None
        case Failure(reason):
            return _FAILURES[reason], None
        case Account():
            return replies.AUTHENTICATED, step
        case _:
            assert_never(step)
