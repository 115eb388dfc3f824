"""What a failing world sounds like in SMTP: one table, always transient, so that nothing is lost."""

from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox
from pillarbox.world.database import DatabaseUnavailable

FAILURES: tuple[tuple[type[Exception], Reply], ...] = (
    (DatabaseUnavailable, replies.SYSTEM_FULL),
    (NoSuchAccount, replies.LOCAL_ERROR),  # removed between RCPT and the end of data:
    (NoSuchMailbox, replies.LOCAL_ERROR),  # the next RCPT will say what is true then
)

WORLD_FAILURES = tuple(kind for kind, _ in FAILURES)


def reply_to(failure: Exception) -> Reply:
    """The answer to a command that could not be done for this reason."""
    return next(reply for kind, reply in FAILURES if isinstance(failure, kind))
