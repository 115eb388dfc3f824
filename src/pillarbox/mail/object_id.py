"""Object identifiers as clients see them: the same in IMAP (RFC 8474) and JMAP (RFC 8620 §1.2).

A letter says what the number names, so an id is safe in both protocols (never begins with a digit or a dash, never
reads as NIL or as a number) and can't be taken for an id of another kind.
"""

import re
from typing import Final

from pillarbox.mail.identifiers import EmailId, MailboxId, ThreadId

_OBJECT_ID: Final = re.compile(r"([FMT])([1-9][0-9]{0,17})")


def of_mailbox(mailbox: MailboxId) -> str:
    """MAILBOXID (RFC 8474 §4)."""
    return f"F{mailbox}"


def of_email(email: EmailId) -> str:
    """EMAILID (RFC 8474 §5.1)."""
    return f"M{email}"


def of_thread(thread: ThreadId) -> str:
    """THREADID (RFC 8474 §5.2)."""
    return f"T{thread}"


def mailbox(text: str) -> MailboxId | None:
    """The mailbox that this id names; None where it names none of ours. Letter case counts (RFC 8474 §7)."""
    return None if (number := _number("F", text)) is None else MailboxId(number)


def email(text: str) -> EmailId | None:
    """The email that this id names, or None."""
    return None if (number := _number("M", text)) is None else EmailId(number)


def thread(text: str) -> ThreadId | None:
    """The thread that this id names, or None."""
    return None if (number := _number("T", text)) is None else ThreadId(number)


def _number(kind: str, text: str) -> int | None:
    found = _OBJECT_ID.fullmatch(text)
    return int(found[2]) if found and found[1] == kind else None
