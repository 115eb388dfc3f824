"""The bracketed codes of status responses, without their brackets (RFC 9051 §7.1, RFC 5530, and
their extensions)."""

from collections.abc import Iterable
from typing import Final

from pillarbox.mail.number_set import NumberSet

ALERT: Final = b"ALERT"
ALREADYEXISTS: Final = b"ALREADYEXISTS"
AUTHENTICATIONFAILED: Final = b"AUTHENTICATIONFAILED"
AUTHORIZATIONFAILED: Final = b"AUTHORIZATIONFAILED"
CANNOT: Final = b"CANNOT"
CLIENTBUG: Final = b"CLIENTBUG"
CLOSED: Final = b"CLOSED"
CONTACTADMIN: Final = b"CONTACTADMIN"
CORRUPTION: Final = b"CORRUPTION"
EXPIRED: Final = b"EXPIRED"
EXPUNGEISSUED: Final = b"EXPUNGEISSUED"
HASCHILDREN: Final = b"HASCHILDREN"
INUSE: Final = b"INUSE"
LIMIT: Final = b"LIMIT"
NONEXISTENT: Final = b"NONEXISTENT"
NOPERM: Final = b"NOPERM"
NOTSAVED: Final = b"NOTSAVED"
OVERQUOTA: Final = b"OVERQUOTA"
PARSE: Final = b"PARSE"
PRIVACYREQUIRED: Final = b"PRIVACYREQUIRED"
READ_ONLY: Final = b"READ-ONLY"
READ_WRITE: Final = b"READ-WRITE"
SERVERBUG: Final = b"SERVERBUG"
TOOBIG: Final = b"TOOBIG"
TRYCREATE: Final = b"TRYCREATE"
UIDNOTSTICKY: Final = b"UIDNOTSTICKY"
UNAVAILABLE: Final = b"UNAVAILABLE"
UNKNOWN_CTE: Final = b"UNKNOWN-CTE"
USEATTR: Final = b"USEATTR"


def capability(names: Iterable[bytes]) -> bytes:
    """RFC 9051 §7.1: spares the client a CAPABILITY command."""
    return b"CAPABILITY " + b" ".join(names)


def uid_next(uid: int) -> bytes:
    """RFC 9051 §7.1."""
    return b"UIDNEXT %d" % uid


def uid_validity(epoch: int) -> bytes:
    """RFC 9051 §7.1."""
    return b"UIDVALIDITY %d" % epoch


def unseen(sequence_number: int) -> bytes:
    """RFC 3501 §7.1: the first message without \\Seen; IMAP4rev2 dropped it."""
    return b"UNSEEN %d" % sequence_number


def highest_modseq(modseq: int) -> bytes:
    """RFC 7162 §3.1.2.1."""
    return b"HIGHESTMODSEQ %d" % modseq


def permanent_flags(flags: str, *, more: bool) -> bytes:
    """RFC 9051 §7.1; more: whether new keywords can be made (`\\*`)."""
    names = [*flags.encode().split(), b"\\*"] if more else flags.encode().split()
    return b"PERMANENTFLAGS (%b)" % b" ".join(names)


def mailbox_id(object_id: str) -> bytes:
    """RFC 8474 §4.2."""
    return b"MAILBOXID (%b)" % object_id.encode()


def append_uid(uid_validity: int, uids: NumberSet) -> bytes:
    """RFC 4315 §3; with MULTIAPPEND several UIDs, in the order of the messages (RFC 3502)."""
    return b"APPENDUID %d %b" % (uid_validity, uids.text().encode())


def copy_uid(uid_validity: int, sources: NumberSet, copies: NumberSet) -> bytes:
    """RFC 4315 §3: both sets in ascending order, so that they pair off."""
    return b"COPYUID %d %b %b" % (uid_validity, sources.text().encode(), copies.text().encode())


def in_progress(tag: bytes) -> bytes:
    """RFC 9585 §4: the command with this tag goes on; how far it is, is not known."""
    return b"INPROGRESS (%b NIL NIL)" % (b"NIL" if b"]" in tag else b'"%b"' % tag)


def modified(numbers: NumberSet) -> bytes:
    """RFC 7162 §3.1.3: those that STORE UNCHANGEDSINCE did not change."""
    return b"MODIFIED " + numbers.text().encode()
