"""How a command ends: the tagged response, as a value that handlers return or raise.

A handler returns its `Reply`, raises `CommandRefused`, or lets a verb's own exception rise: the table below maps
each to a response for the client (RFC 9051 §7.1, RFC 5530). Texts are those of other servers, and give no details.
"""

from typing import Final

from msgspec import Struct

from pillarbox.mail.flags import MailboxFlagsFull, TooManyFlags
from pillarbox.mail.mailbox_name import InvalidMailboxName
from pillarbox.mail.transfer import UnknownEncoding
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.selected import NoSuchMessage
from pillarbox.server.login.password_checks import AuthenticationUnavailable
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox, OverQuota
from pillarbox.store.mailboxes import CannotDeleteInbox, MailboxExists, NestedInItself, TooManyNames
from pillarbox.world.blobs import BlobDamaged
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.memory import MemoryScarce


class Reply(Struct, frozen=True, gc=False):
    """A tagged response without its tag."""

    word: str
    """OK, NO or BAD."""
    text: str
    untagged: bytes
    """What stands behind the tag, from the space on."""

    def octets(self, tag: bytes) -> bytes:
        """As it goes on the wire."""
        return tag + self.untagged


class CommandRefused(Exception):
    """The command ends in NO or BAD."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class ResponseInterrupted(Exception):
    """A failure after part of a response was written: only closing the connection can show it."""


def ok(text: str, code: bytes | None = None) -> Reply:
    """Done, durably."""
    return Reply("OK", text, responses.ok(b"", text, code))


def no(text: str, code: bytes | None = None) -> Reply:
    """Failed."""
    return Reply("NO", text, responses.no(b"", text, code))


def bad(text: str, code: bytes | None = None) -> Reply:
    """Not valid here."""
    return Reply("BAD", text, responses.bad(b"", text, code))


SOME_GONE: Final = "Some of the requested messages no longer exist"

NO_MESSAGES: Final = ok("No messages found")
"""For commands that name no message of the mailbox (RFC 9051 §6.4.9)."""

READ_ONLY: Final = no("Mailbox is read-only", response_codes.NOPERM)
READ_ONLY_LOGIN: Final = no("This app password is read-only", response_codes.NOPERM)

REFUSALS: Final[dict[type[Exception], Reply]] = {
    NoSuchMailbox: no("Mailbox doesn't exist", response_codes.NONEXISTENT),
    MailboxExists: no("Mailbox already exists", response_codes.ALREADYEXISTS),
    CannotDeleteInbox: no("INBOX can't be deleted", response_codes.CANNOT),
    NestedInItself: no("Can't rename a mailbox to a name below its own", response_codes.CANNOT),
    InvalidMailboxName: no("Invalid mailbox name", response_codes.CANNOT),
    NoSuchMessage: bad("Invalid message set"),
    MailboxFlagsFull: no("Too many different keywords in the mailbox", response_codes.LIMIT),
    TooManyFlags: no("Too many keywords", response_codes.LIMIT),
    TooManyNames: no("Too many mailboxes or subscriptions", response_codes.LIMIT),
    OverQuota: no("Quota exceeded", response_codes.OVERQUOTA),
    # RFC 3516 §4.3: the client falls back to BODY and decodes by itself
    UnknownEncoding: no("Unknown Content-Transfer-Encoding", response_codes.UNKNOWN_CTE),
    BlobDamaged: no("Message is damaged", response_codes.CORRUPTION),
    DatabaseUnavailable: no("Service temporarily unavailable", response_codes.UNAVAILABLE),
    MemoryScarce: no("Insufficient system resources", response_codes.UNAVAILABLE),
    AuthenticationUnavailable: no("Temporary authentication failure", response_codes.UNAVAILABLE),
    NoSuchAccount: no("Account doesn't exist", response_codes.CONTACTADMIN),
}
"""The reply to a verb's exception; any other is our error, and ends the connection."""


def refusal(error: Exception) -> Reply | None:
    """The reply to what a handler raised, or None if it is our error."""
    if isinstance(error, CommandRefused):
        return error.reply
    return next((reply for kind, reply in REFUSALS.items() if isinstance(error, kind)), None)
