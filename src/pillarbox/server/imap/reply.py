"""How a command ends: the tagged response, as a value that handlers return or raise.

A handler returns its `Reply`; what it can not do it raises as `Refused`, or lets a verb's own exception
rise: the table below says what each means to an IMAP client (RFC 9051 §7.1, RFC 5530). Text for the peer
says little.
"""

from dataclasses import dataclass
from typing import Final

from pillarbox.mail.flags import TooManyFlags
from pillarbox.mail.mailbox_name import InvalidMailboxName
from pillarbox.mail.transfer import UnknownEncoding
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.selected import NoSuchMessage
from pillarbox.server.authentication import AuthenticationUnavailable
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox, OverQuota
from pillarbox.store.mailboxes import CannotDeleteInbox, MailboxExists, NestedInItself
from pillarbox.world.blobs import BlobMissing
from pillarbox.world.database import DatabaseUnavailable


@dataclass(frozen=True, slots=True)
class Reply:
    """One tagged response, but for the tag."""

    word: str
    """OK, NO or BAD."""
    text: str
    code: bytes | None = None

    def octets(self, tag: bytes) -> bytes:
        """As it goes on the wire."""
        match self.word:
            case "OK":
                return responses.ok(tag, self.text, self.code)
            case "NO":
                return responses.no(tag, self.text, self.code)
            case _:
                return responses.bad(tag, self.text, self.code)


class Refused(Exception):
    """A command ends here, in NO or BAD."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


class BrokenOff(Exception):
    """The world failed within a response of which a part is said: only the connection's end can tell."""


def ok(text: str, code: bytes | None = None) -> Reply:
    """It is done, durably."""
    return Reply("OK", text, code)


def no(text: str, code: bytes | None = None) -> Reply:
    """It can not be done."""
    return Reply("NO", text, code)


def bad(text: str, code: bytes | None = None) -> Reply:
    """It makes no sense here."""
    return Reply("BAD", text, code)


REFUSALS: Final[dict[type[Exception], Reply]] = {
    NoSuchMailbox: no("No such mailbox", response_codes.NONEXISTENT),
    MailboxExists: no("There is a mailbox of that name", response_codes.ALREADYEXISTS),
    CannotDeleteInbox: no("INBOX stays", response_codes.CANNOT),
    NestedInItself: no("A mailbox can't lie within itself", response_codes.CANNOT),
    InvalidMailboxName: no("No mailbox can have that name", response_codes.CANNOT),
    NoSuchMessage: bad("No such message"),
    TooManyFlags: no("Too many keywords", response_codes.LIMIT),
    OverQuota: no("Over quota", response_codes.OVERQUOTA),
    # RFC 3516 §4.3: the client falls back to BODY and decodes by itself
    UnknownEncoding: no("Can't undo that transfer encoding", response_codes.UNKNOWN_CTE),
    BlobMissing: no("That message can't be read", response_codes.CORRUPTION),
    DatabaseUnavailable: no("Try again later", response_codes.UNAVAILABLE),
    AuthenticationUnavailable: no("Too many are logging in, try again later", response_codes.UNAVAILABLE),
    NoSuchAccount: no("This account is gone", response_codes.CONTACTADMIN),
}
"""What a verb's exception is to the client; any other is ours, and ends the connection."""


def refusal(error: Exception) -> Reply | None:
    """The reply for what a handler raised, or None if it is no refusal."""
    if isinstance(error, Refused):
        return error.reply
    return next((reply for kind, reply in REFUSALS.items() if isinstance(error, kind)), None)
