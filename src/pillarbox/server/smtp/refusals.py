"""What a refusal of the reception is in SMTP: one table."""

from functools import lru_cache
from typing import Final

from pillarbox.delivery.refusal import Reason, Refused
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.replies import Reply

REPLIES: Final = {
    Reason.NOT_YOUR_ADDRESS: replies.SENDER_NOT_OWNED,
    Reason.SENDER_NEEDS_SMTPUTF8: replies.SENDER_NON_ASCII,
    Reason.HOLD_TOO_LONG: replies.HOLD_TOO_LONG,
    Reason.TOO_MUCH_HELD: replies.TOO_MUCH_HELD,
    Reason.NO_SUCH_RECIPIENT: replies.USER_UNKNOWN,
    Reason.MAILBOX_DISABLED: replies.MAILBOX_DISABLED,
    Reason.MAILBOX_FULL: replies.MAILBOX_FULL,
    Reason.RELAY_DENIED: replies.RELAY_DENIED,
    Reason.RECIPIENT_NEEDS_SMTPUTF8: replies.RECIPIENT_NON_ASCII,
    Reason.TOO_MANY_RECIPIENTS: replies.TOO_MANY_RECIPIENTS,
    Reason.MESSAGE_TOO_LARGE: replies.TOO_LARGE,
    Reason.TOO_MANY_HOPS: replies.TOO_MANY_HOPS,
    Reason.HEADER_TOO_LARGE: replies.HEADER_TOO_LARGE,
    Reason.HEADER_AMBIGUOUS: replies.HEADER_AMBIGUOUS,
    Reason.NO_FROM: replies.NO_FROM,
    Reason.FROM_NOT_OWNED: replies.FROM_NOT_OWNED,
    # always transient, so that nothing is lost
    Reason.UNAVAILABLE: replies.SYSTEM_FULL,
    Reason.MEMORY_SCARCE: replies.SYSTEM_BUSY,
    Reason.RECIPIENT_GONE: replies.LOCAL_ERROR,
}
"""For all reasons but those of checks, which bring their own words."""

CODES: Final = {
    Reason.REJECTED_BY_CHECK: 550,
    Reason.DEFERRED_BY_CHECK: 451,
}


def reply_to(refused: Refused) -> Reply:
    """The answer to what was refused."""
    return REPLIES.get(refused.reason) or _of_check(refused.reason, refused.status, refused.text)


@lru_cache(maxsize=256)
def _of_check(reason: Reason, status: str, text: str) -> Reply:
    return Reply(CODES[reason], status, text)
