"""A mailbox as a value: its role, numbers and counts, and the mailboxes that every account begins with."""

from dataclasses import dataclass
from enum import StrEnum

from pillarbox.mail.identifiers import MailboxId, ModSeq, Uid, UidValidity
from pillarbox.mail.mailbox_name import INBOX


class Role(StrEnum):
    """What a mailbox is for (RFC 6154 §2, RFC 8621 §2); stored as written here.

    `snoozed` is of JMAP alone: it has the emails that are away until a time, and is a plain mailbox for IMAP.
    """

    INBOX = "inbox"
    DRAFTS = "drafts"
    SENT = "sent"
    JUNK = "junk"
    TRASH = "trash"
    ARCHIVE = "archive"
    ALL = "all"
    FLAGGED = "flagged"
    IMPORTANT = "important"
    SNOOZED = "snoozed"

    @property
    def attribute(self) -> str | None:
        """The attribute in LIST: `\\Sent`. Not every role has one."""
        return None if self in (Role.INBOX, Role.SNOOZED) else f"\\{self.value.capitalize()}"


DEFAULT_MAILBOXES = {
    INBOX: Role.INBOX,
    "Drafts": Role.DRAFTS,
    "Sent": Role.SENT,
    "Junk": Role.JUNK,
    "Trash": Role.TRASH,
    "Archive": Role.ARCHIVE,
}
"""Created with every account."""

MAX_SORT_ORDER = 2**31 - 1
"""RFC 8621 §2."""

MAX_MAILBOXES = 5_000
"""That an account can have; and subscriptions."""


@dataclass(frozen=True, slots=True)
class Mailbox:
    """A mailbox as its row says: names, numbers and counts."""

    id: MailboxId
    name: str
    role: Role | None
    uid_validity: UidValidity
    uid_next: Uid
    first_recent: Uid
    """Messages from this UID on are \\Recent in the session that claims them (RFC 3501 §2.3.2)."""
    highest_modseq: ModSeq
    messages: int
    unseen: int
    deleted: int
    octets: int
    """Sum of the messages' sizes (RFC 8438, STATUS=SIZE)."""
    subscribed: bool
    sort_order: int | None = None
    """Where a client of JMAP wants it among its siblings; None where none has said so (RFC 8621 §2)."""
