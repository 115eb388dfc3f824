"""The commands of a client that reads, without tag and line end.

None of them changes anything at the server: mailboxes are opened by EXAMINE, and messages read by BODY.PEEK.
"""

from typing import Final

from pillarbox.mail.number_set import NumberSet

SEARCH_PAGE: Final = 50_000
"""Messages that one SEARCH asks about."""


class CannotBeSent(ValueError):
    """No command can hold this name."""


def quoted(octets: bytes) -> bytes:
    """A quoted string (RFC 9051 §4.3). Raises `CannotBeSent` where it can't hold these octets."""
    if any(octet in octets for octet in (b"\r", b"\n", b"\0")):
        raise CannotBeSent("a line end or NUL in a quoted string")
    return b'"%b"' % octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def list_all(offered: frozenset[str]) -> list[bytes]:
    """All mailboxes, the subscribed ones marked as such or listed besides (RFC 5258 §3.1, RFC 6154 §2)."""
    if "LIST-EXTENDED" in offered or "IMAP4REV2" in offered:
        special = b" SPECIAL-USE" if "SPECIAL-USE" in offered or "IMAP4REV2" in offered else b""
        return [b'LIST "" "*" RETURN (SUBSCRIBED%b)' % special]
    return [b'LIST "" "*"', b'LSUB "" "*"']


def status(name: bytes) -> bytes:
    """How many messages a mailbox has."""
    return b"STATUS %b (MESSAGES)" % quoted(name)


def examine(name: bytes, offered: frozenset[str]) -> bytes:
    """Open a mailbox for reading; with modification sequences where there are any (RFC 7162 §3.1.8)."""
    condstore = b" (CONDSTORE)" if "CONDSTORE" in offered or "QRESYNC" in offered else b""
    return b"EXAMINE %b%b" % (quoted(name), condstore)


def search(first: int, last: int, offered: frozenset[str]) -> bytes:
    """The UIDs of messages by their sequence numbers, in the short form where it is offered (RFC 4731)."""
    short = b" RETURN (ALL)" if "ESEARCH" in offered or "IMAP4REV2" in offered else b""
    return b"UID SEARCH%b %d:%d" % (short, first, last)


def fetch(uids: NumberSet, items: bytes, *, changed_since: int | None = None) -> bytes:
    """Items of messages; `changed_since`: only of those whose MODSEQ is greater (RFC 7162 §3.1.4.1)."""
    since = b"" if changed_since is None else b" (CHANGEDSINCE %d)" % changed_since
    return b"UID FETCH %b (%b)%b" % (uids.text().encode(), items, since)
