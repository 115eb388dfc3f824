"""What other programs write into the header of a message in an mbox, about the message.

    Status, X-Status, X-Keywords    Berkeley Mail, mutt, Pine, Dovecot: flags and keywords
    X-Mozilla-Status, -Status2, -Keys   Thunderbird: flags as hexadecimal numbers, and tags
    X-Gmail-Labels, X-GM-THRID      Google Takeout: see `gmail`
    X-UID, X-IMAP, X-IMAPbase       c-client and Dovecot: UIDs
    Content-Length                  where a message ends, if it was believed

These fields are read and removed where their value is what these programs write; any other `Status` is the message's
own, and so is `X-Keywords: sale, shoes` where no other of these fields says that a program was at work. Of each, the
topmost counts. Where `marker` has written its fields, only they do.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.importing import gmail, marker
from pillarbox.admin.importing.keywords import keywords_in
from pillarbox.mail import flags as flag_text
from pillarbox.mail.header import Header
from pillarbox.mail.mbox import Entry

_LETTERS: Final = {"R": flag_text.SEEN, "D": flag_text.DELETED}
_X_LETTERS: Final = {
    "A": flag_text.ANSWERED,
    "F": flag_text.FLAGGED,
    "D": flag_text.DELETED,
    "T": flag_text.DRAFT,
}
_MOZILLA: Final = {0x1: flag_text.SEEN, 0x2: flag_text.ANSWERED, 0x4: flag_text.FLAGGED, 0x1000: "$Forwarded"}
_MOZILLA_EXPUNGED: Final = 0x8
_MOZILLA_2: Final = {0x20_0000: flag_text.DELETED}
_MOZILLA_2_LABEL: Final = 25
"""Three bits from here on are the number of a tag, as Thunderbird once wrote it."""

_STATUS: Final = re.compile(rb"[ROUND]{0,5}")
_X_STATUS: Final = re.compile(rb"[AFDTRON]{0,7}")
_WORDS: Final = re.compile(rb"[^\x00-\x08]*")
_KEYWORDS: Final = re.compile(rb"[!#$&'+\-./0-9:;<=>?@A-Z\[^_`a-z|}~ \t]*")
_HEX_4: Final = re.compile(rb"[0-9A-Fa-f]{4}")
_HEX_8: Final = re.compile(rb"[0-9A-Fa-f]{8}")
_NUMBER: Final = re.compile(rb"\d{1,20}")
_UIDS: Final = re.compile(rb"\d{1,10} \d{1,10}.*")
_VALUES: Final = {
    "status": _STATUS,
    "x-status": _X_STATUS,
    "x-keywords": _WORDS,
    "x-mozilla-status": _HEX_4,
    "x-mozilla-status2": _HEX_8,
    "x-mozilla-keys": _WORDS,
    "x-gmail-labels": _WORDS,
    "x-gm-thrid": _NUMBER,
    "x-uid": _NUMBER,
    "x-imap": _UIDS,
    "x-imapbase": _UIDS,
    "content-length": _NUMBER,
}
"""By the name of the field, in lower case: what these programs write."""
_NAMES: Final = frozenset(name.encode() for name in _VALUES)
_REWRITTEN: Final = _NAMES | {b"lines", b"x-evolution", b"replied", b"forwarded", b"resent"}
"""What programs write into a message that they have had for a while: mutt, Evolution, and the annotations of MH."""

_INTERNAL_SUBJECT: Final = b"DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA"


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A message without these fields, and what they say."""

    octets: bytes
    """With CRLF line ends."""
    flags: str = ""
    received_at_ms: int | None = None
    mailboxes: tuple[tuple[str, ...], ...] = ()
    """The levels of mailboxes, where the message has labels."""
    is_mail: bool = True
    """False for one that was deleted, and for a program's own notes."""


def unpack(entry: Entry) -> Unpacked:
    """Read and remove the fields of an mbox entry."""
    if exported := marker.read(entry.octets):
        return Unpacked(exported.octets, exported.flags, exported.received_at_ms)
    octets, received_at_ms = entry.message, entry.received_at_ms
    header, body_start = Header.parse(octets)
    names = header.names & (_NAMES if entry.counted else _NAMES - {b"content-length"})
    if not names:
        return Unpacked(octets, received_at_ms=received_at_ms)
    found, kept = _topmost(header, {name.decode("ascii") for name in names})
    if found.keys() == {"x-keywords"} and not _KEYWORDS.fullmatch(found["x-keywords"]):
        return Unpacked(octets, received_at_ms=received_at_ms)
    if header.first("Subject") == _INTERNAL_SUBJECT and ("x-imap" in found or "x-imapbase" in found):
        return Unpacked(octets, is_mail=False)
    mozilla = int(found.get("x-mozilla-status", b"0"), 16)
    labels = gmail.read(found["x-gmail-labels"]) if "x-gmail-labels" in found else None
    return Unpacked(
        kept + header.separator + octets[body_start:],
        flag_text.known([*_flags(found, mozilla), *(labels.flags if labels else ())]),
        received_at_ms,
        labels.mailboxes if labels else (),
        is_mail=not mozilla & _MOZILLA_EXPUNGED,
    )


def without_rewritten(octets: bytes) -> bytes:
    """The message without any field that a program may write anew, whatever it says: by this it is recognized."""
    header, body_start = Header.parse(octets)
    if not (found := {name.decode("ascii") for name in header.names & _REWRITTEN}):
        return octets
    kept = b"".join(field.raw for field in header.fields if field.key not in found)
    return kept + header.separator + octets[body_start:]


def _topmost(header: Header, names: set[str]) -> tuple[dict[str, bytes], bytes]:
    """The values of the fields of these names, and the octets of all others."""
    found, kept = dict[str, bytes](), list[bytes]()
    for field in header.fields:
        key = field.key
        if key in names and key not in found and _VALUES[key].fullmatch(field.body):
            # Labels are encoded words, whose folding matters.
            found[key] = field.raw.partition(b":")[2] if key == "x-gmail-labels" else field.body
        else:
            kept.append(field.raw)
    return found, b"".join(kept)


def _flags(found: dict[str, bytes], mozilla: int) -> Iterable[str]:
    letters, more = (found.get(name, b"").decode("ascii") for name in ("status", "x-status"))
    yield from (_LETTERS[letter] for letter in letters if letter in _LETTERS)
    yield from (_X_LETTERS[letter] for letter in more if letter in _X_LETTERS)
    yield from (flag for bit, flag in _MOZILLA.items() if mozilla & bit)
    mozilla_2 = int(found.get("x-mozilla-status2", b"0"), 16)
    yield from (flag for bit, flag in _MOZILLA_2.items() if mozilla_2 & bit)
    if 1 <= (label := mozilla_2 >> _MOZILLA_2_LABEL & 7) <= 5:
        yield f"$label{label}"
    for name in ("x-keywords", "x-mozilla-keys"):
        yield from keywords_in(found.get(name, b""))
