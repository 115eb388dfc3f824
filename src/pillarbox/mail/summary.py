"""The summary of a message: computed once at delivery, and stored with it.

A listing of ten thousand messages then parses nothing: ENVELOPE, BODY, BODYSTRUCTURE and the header fields that
clients request most are stored as the octets sent to clients; sort keys, thread links and preview as text.
"""

from typing import Final

import msgspec

from pillarbox.mail import attachment, bodystructure, date, encoded_word, envelope, subject, text, threading
from pillarbox.mail.address_field import MAX_SORT_CHARACTERS, MAX_VALUE_OCTETS
from pillarbox.mail.collation import collate
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import Limits, TooElaborate, parse
from pillarbox.mail.slices import count

CACHED_FIELDS: Final = frozenset(
    b"from sender reply-to to cc bcc subject date message-id in-reply-to references newsgroups content-type"
    b" priority x-priority importance precedence auto-submitted user-agent x-mailer delivered-to list-id"
    b" list-post list-help list-archive list-owner list-subscribe list-unsubscribe"
    b" list-unsubscribe-post".split()
)
"""Lower-case names of the fields in `Summary.cached_fields`, which has all occurrences."""

MAX_SUBJECT_CHARACTERS: Final = 2000
"""A longer subject is cut, except in ENVELOPE and `cached_fields`, where it stays as received."""

_COPIED_OCTETS: Final = 32 * 1024
"""Octets that are copied together to check their line ends: what is larger costs the system calls to get memory."""


class Summary(msgspec.Struct, frozen=True, gc=False):
    """What is known of a message. It exists for any octets."""

    size: int
    """Octets of the whole message, RFC822.SIZE."""
    crlf_size: int
    """Octets when every line, the last too, ends in CRLF: what POP3 sends and lists (RFC 1939 §11)."""
    header_size: int
    """Octets of the header with the empty line that ends it: the length of BODY[HEADER]."""
    envelope: bytes
    """ENVELOPE as sent to clients (RFC 9051 §7.5.2)."""
    body: bytes
    """BODY as `bodystructure.of_revision` has it: BODYSTRUCTURE without extension data."""
    bodystructure: bytes
    """BODYSTRUCTURE, likewise."""
    preview: str
    """The start of the text, at most 256 characters (RFC 8970 §3.1)."""
    subject: str
    """Subject with its encoded words decoded; no text of a summary holds NUL."""
    base_subject: str
    """Base subject (RFC 5256 §2.1), collated: compared and sorted as it is."""
    is_reply: bool
    """The subject marks a reply or forward (RFC 5256 §3, REFERENCES)."""
    message_id: str | None
    """Without angle brackets."""
    references: tuple[str, ...]
    """References, or if there are none the first of In-Reply-To (RFC 5256 §3): oldest first, each once."""
    in_reply_to: tuple[str, ...]
    """All of In-Reply-To, also what `references` leaves out."""
    sent_at_ms: int | None
    """The Date field, milliseconds since 1970-01-01T00:00Z; None where INTERNALDATE is used instead."""
    sent_day: int | None
    """The day as written in Date, whatever its zone: days since 1970-01-01 (RFC 9051 §6.4.4, SENTON)."""
    sort_from: str
    """Mailbox of the first From address, collated (RFC 5256 §3, SORT FROM)."""
    sort_to: str
    sort_cc: str
    sort_display_from: str
    """Display name, else address, of the first From address, collated (RFC 5957 §3)."""
    sort_display_to: str
    has_attachment: bool
    """Whether some part is a file to save rather than text to read."""
    cached_fields: bytes
    """The fields of `CACHED_FIELDS` as received, in message order; line ends CRLF."""


SIMPLE: Final = Limits(depth=10, parts=64, header_octets=16 * 1024)
"""Limits within which a message of some hundred kilobytes is summarized in some milliseconds, whatever it holds; so are
its addresses, which cost most, octet for octet:"""
SIMPLE_ADDRESS_OCTETS: Final = 4 * 1024
"""Octets of all fields of a simple message that hold addresses, with those of the messages in it."""
_ADDRESS_FIELDS: Final = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})


def summarize(octets: bytes, *, crlf_only: bool = False) -> Summary:
    """Compute the summary of a message; never raises, whatever the octets.

    `crlf_only`: all of its lines, the last too, are known to end in CRLF, and CR occurs nowhere else.
    """
    is_canonical = crlf_only or _is_canonical(octets)
    return _summary(octets, parse(octets, crlf_only=is_canonical), is_canonical)


def summarize_simple(octets: bytes, *, crlf_only: bool = False) -> Summary | None:
    """The same, or `None` where the message exceeds the limits `SIMPLE`, which is noticed as soon."""
    is_canonical = crlf_only or _is_canonical(octets)
    try:
        root = parse(octets, SIMPLE, whole=True, crlf_only=is_canonical)
    except TooElaborate:
        return None
    if _address_octets(root, is_message=True) > SIMPLE_ADDRESS_OCTETS:
        return None
    return _summary(octets, root, is_canonical)


def _summary(octets: bytes, root: Part, is_canonical: bool) -> Summary:
    header = root.mime.header
    shown = envelope.read(header)
    structure = bodystructure.render(root)
    written_subject = _subject(shown.subject) if shown.subject else ""
    base = subject.reduce(written_subject)
    sent = date.parse_sent(shown.date) if shown.date else None
    message_ids = threading.message_ids(shown.message_id) if shown.message_id else []
    in_reply_to = _linked(header, "in-reply-to")
    references = _linked(header, "references")
    return Summary(
        size=len(octets),
        crlf_size=len(octets) if is_canonical else _crlf_size(octets),
        header_size=root.body_start,
        envelope=shown.wire,
        body=structure.body,
        bodystructure=structure.bodystructure,
        preview=text.preview(octets, root),
        subject=written_subject,
        base_subject=collate(base.text[:MAX_SORT_CHARACTERS]),
        is_reply=base.is_reply,
        message_id=message_ids[0] if message_ids else None,
        references=tuple(references or in_reply_to[:1]),
        in_reply_to=tuple(in_reply_to),
        sent_at_ms=sent and sent.at_ms,
        sent_day=sent and sent.day,
        sort_from=shown.from_.mailbox_key,
        sort_to=shown.to.mailbox_key,
        sort_cc=shown.cc.mailbox_key,
        sort_display_from=shown.from_.display_key,
        sort_display_to=shown.to.display_key,
        has_attachment=attachment.has_attachment(octets, root),
        cached_fields=header.lines(CACHED_FIELDS) if is_canonical else _cached_fields(header),
    )


def _subject(value: bytes) -> str:
    # Databases truncate a text at NUL or refuse it
    return encoded_word.decode(value[:MAX_VALUE_OCTETS]).replace("\0", "\ufffd")[:MAX_SUBJECT_CHARACTERS]


def _linked(header: Header, name: str) -> list[str]:
    values = header.all(name)
    if not values:
        return []
    return threading.message_ids(values[0] if len(values) == 1 else b" ".join(values))


def _is_canonical(octets: bytes) -> bool:
    """Whether all lines, the last too, end in CRLF, and CR occurs nowhere else."""
    if not octets.endswith(b"\n"):
        return False
    if len(octets) <= _COPIED_OCTETS:
        return _has_crlf_only(octets)
    start, size = 0, len(octets)
    while start < size:
        end = octets.rfind(b"\n", start, start + _COPIED_OCTETS) + 1 or start + _COPIED_OCTETS
        if not _has_crlf_only(
            octets[start:end]
        ):  # also if it cuts between CR and LF, as few lines are so long
            return False
        start = end
    return True


def _has_crlf_only(octets: bytes) -> bool:
    # Replacing one octet skips from line to line; counting it looks at each octet
    return octets.replace(b"\r", b"").replace(b"\n", b"\r\n") == octets


def _crlf_size(octets: bytes) -> int:
    size = len(octets)
    bare = count(octets, b"\n", 0, size) - count(octets, b"\r\n", 0, size)
    return size + bare + (2 if octets and not octets.endswith(b"\n") else 0)


def _address_octets(part: Part, *, is_message: bool) -> int:
    octets = len(part.header.lines(_ADDRESS_FIELDS)) if is_message else 0
    for child in part.children:
        octets += _address_octets(child, is_message=part.media_type == "message")
    return octets


def _cached_fields(header: Header) -> bytes:
    lines = header.lines(CACHED_FIELDS)
    if lines.count(b"\n") != lines.count(b"\r\n"):
        lines = lines.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines if not lines or lines.endswith(b"\n") else lines + b"\r\n"
