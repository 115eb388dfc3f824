"""The server's responses (RFC 9051 §7), as octets for the wire.

Status responses take their code without brackets (`response_codes`). Text is for people: short, ASCII, and
without details that help an attacker. Bulk FETCH responses are in `fetch_responses`.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from pillarbox.mail.mailbox_name import SEPARATOR
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import response_codes, strings
from pillarbox.protocol.imap.commands import StatusItem

UNTAGGED: Final = b"*"


# --- status responses


def ok(tag: bytes, text: str, code: bytes | None = None) -> bytes:
    """Success; with the tag UNTAGGED information."""
    return _status(tag, b"OK", text, code)


def no(tag: bytes, text: str, code: bytes | None = None) -> bytes:
    """Failure."""
    return _status(tag, b"NO", text, code)


def bad(tag: bytes, text: str, code: bytes | None = None) -> bytes:
    """Not understood, or not allowed here."""
    return _status(tag, b"BAD", text, code)


def bye(text: str, code: bytes | None = None) -> bytes:
    """The server closes the connection."""
    return _status(UNTAGGED, b"BYE", text, code)


def continuation(text: str = "OK") -> bytes:
    """A continuation request (RFC 9051 §7.6)."""
    return b"+ %b\r\n" % text.encode("ascii")


def _status(tag: bytes, word: bytes, text: str, code: bytes | None) -> bytes:
    octets = text.encode("ascii", "replace")
    return (
        b"%b %b %b\r\n" % (tag, word, octets)
        if code is None
        else b"%b %b [%b] %b\r\n" % (tag, word, code, octets)
    )


CLOSED: Final = ok(UNTAGGED, "Previous mailbox closed", response_codes.CLOSED)
"""RFC 9051 §7.1: responses from here on are not about the mailbox that was selected."""


# --- the server


def capability(names: Iterable[bytes]) -> bytes:
    """RFC 9051 §7.2.2."""
    return b"* CAPABILITY %b\r\n" % b" ".join(names)


def enabled(names: Iterable[bytes]) -> bytes:
    """RFC 9051 §7.2.1; also where nothing was enabled."""
    return b"* %b\r\n" % b" ".join((b"ENABLED", *names))


def jmap_access(url: str) -> bytes:
    """RFC 9698 §4: where the JMAP session is."""
    return b"* JMAPACCESS %b\r\n" % strings.quoted(url.encode())


def identification(fields: Sequence[tuple[str, str | None]] | None) -> bytes:
    """RFC 2971 §3.2."""
    if not fields:
        return b"* ID NIL\r\n"
    pairs = [
        b"%b %b" % (strings.string(name.encode()), strings.nstring(None if value is None else value.encode()))
        for name, value in fields
    ]
    return b"* ID (%b)\r\n" % b" ".join(pairs)


def namespace() -> bytes:
    """RFC 9051 §6.3.10: one personal namespace, no others."""
    return b'* NAMESPACE (("" "%b")) NIL NIL\r\n' % SEPARATOR.encode()


# --- mailboxes


def listed(
    name: str,
    attributes: Iterable[str] = (),
    *,
    utf8: bool,
    child_info: bool = False,
    old_name: str | None = None,
    verb: bytes = b"LIST",
) -> bytes:
    """A LIST or LSUB line (RFC 9051 §7.3.1, RFC 5258 §4); child_info: subscribed children match below it."""
    extended = []
    if child_info:
        extended.append(b'"CHILDINFO" ("SUBSCRIBED")')
    if old_name is not None:
        extended.append(b'"OLDNAME" (%b)' % strings.mailbox(old_name, utf8=utf8))
    return b'* %b (%b) "%b" %b%b\r\n' % (
        verb,
        " ".join(attributes).encode(),
        SEPARATOR.encode(),
        strings.mailbox(name, utf8=utf8),
        b" (%b)" % b" ".join(extended) if extended else b"",
    )


def separator() -> bytes:
    """The answer to LIST "" "" (RFC 9051 §6.3.9)."""
    return b'* LIST (\\Noselect) "%b" ""\r\n' % SEPARATOR.encode()


def status(name: str, values: Iterable[tuple[StatusItem, int | str | None]], *, utf8: bool) -> bytes:
    """RFC 9051 §7.3.4; an object id goes in parentheses (RFC 8474 §4.3), no limit is NIL (RFC 7889 §3)."""
    pairs = [b"%b %b" % (item.value, _status_value(value)) for item, value in values]
    return b"* STATUS %b (%b)\r\n" % (strings.mailbox(name, utf8=utf8), b" ".join(pairs))


def _status_value(value: int | str | None) -> bytes:
    match value:
        case None:
            return strings.NIL
        case int():
            return b"%d" % value
        case str():
            return b"(%b)" % value.encode()


def flags(names: str) -> bytes:
    """RFC 9051 §7.3.5: the flags in use in this mailbox."""
    return b"* FLAGS (%b)\r\n" % names.encode()


def exists(count: int) -> bytes:
    """RFC 9051 §7.4.1."""
    return b"* %d EXISTS\r\n" % count


def recent(count: int) -> bytes:
    """RFC 3501 §7.3.2; not for a client that enabled IMAP4rev2."""
    return b"* %d RECENT\r\n" % count


# --- messages


def expunged(sequence_numbers: Iterable[int]) -> bytes:
    """RFC 9051 §7.5.1: messages gone, by their ascending numbers before any of them went."""
    return b"".join([b"* %d EXPUNGE\r\n" % (number - gone) for gone, number in enumerate(sequence_numbers)])


def vanished(uids: NumberSet, *, earlier: bool = False) -> bytes:
    """RFC 7162 §3.2.10; nothing for no messages."""
    return b"* VANISHED %b%b\r\n" % (b"(EARLIER) " if earlier else b"", uids.text().encode()) if uids else b""
