"""What is read from a message once, at delivery, and kept beside it ever after.

A listing of ten thousand messages then parses nothing: ENVELOPE, BODY, BODYSTRUCTURE and the header fields
that clients ask for most rest as the octets that go on the wire; sort keys, thread links and preview as text.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from pillarbox.mail import bodystructure, date, encoded_word, envelope, subject, text, threading
from pillarbox.mail.address_list import AddressItem, Group
from pillarbox.mail.collation import collate
from pillarbox.mail.header import Header
from pillarbox.mail.part import Part, parse

DIGEST_FIELDS: Final = frozenset(
    b"from sender reply-to to cc bcc subject date message-id in-reply-to references newsgroups content-type"
    b" priority x-priority importance precedence auto-submitted user-agent x-mailer delivered-to list-id"
    b" list-post list-help list-archive list-owner list-subscribe list-unsubscribe"
    b" list-unsubscribe-post".split()
)
"""Lower-case names of the fields whose lines ``Summary.digest`` holds, however often they occur."""

MAX_SUBJECT_CHARACTERS: Final = 2000
"""A longer subject is cut, but in ENVELOPE and the digest, where it stays as it came."""

MAX_SORT_CHARACTERS: Final = 255
"""Sort keys are compared by their first so many characters."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Everything that is rendered once. Holds for any octets whatsoever."""

    size: int
    """Octets of the whole message, RFC822.SIZE."""
    crlf_size: int
    """Octets when every line, the last too, ends in CRLF: what POP3 sends and lists (RFC 1939 §11)."""
    header_size: int
    """Octets of the header with the empty line that ends it: BODY[HEADER] is the first so many octets."""
    envelope: bytes
    """ENVELOPE as it goes on the wire (RFC 9051 §7.5.2)."""
    body: bytes
    """BODY as it goes on the wire: BODYSTRUCTURE without extension data."""
    bodystructure: bytes
    """BODYSTRUCTURE as it goes on the wire."""
    preview: str
    """The start of the text, at most 256 characters (RFC 8970 §3.1)."""
    subject: str
    """Subject with its encoded words decoded; no text of a summary holds NUL."""
    base_subject: str
    """Base subject (RFC 5256 §2.1), collated: compare and sort it as it is."""
    is_reply: bool
    """The subject is that of a reply or forward (RFC 5256 §3, REFERENCES)."""
    message_id: str | None
    """Without angle brackets."""
    references: tuple[str, ...]
    """References, or for want of any the first of In-Reply-To (RFC 5256 §3): oldest first, each once."""
    in_reply_to: tuple[str, ...]
    """All of In-Reply-To, also what ``references`` leaves out."""
    sent_at_ms: int | None
    """The Date field, milliseconds since 1970-01-01T00:00Z; None where INTERNALDATE must stand in for it."""
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
    """Some part is a file to be saved rather than text to be read."""
    digest: bytes
    """The lines of DIGEST_FIELDS as they came, in the message's order; line ends CRLF."""


def summarize(octets: bytes) -> Summary:
    """All of a message's Summary; never raises, whatever the octets."""
    root = parse(octets)
    header = root.header
    addresses = envelope.read_addresses(header)
    structure = bodystructure.render(root)
    written_subject = _decode(header.first("subject") or b"")[:MAX_SUBJECT_CHARACTERS]
    base = subject.reduce(written_subject)
    sent = date.parse_sent(header.first("date") or b"")
    message_ids = threading.message_ids(header.first("message-id") or b"")
    in_reply_to = _linked(header, "in-reply-to")
    references = _linked(header, "references")
    return Summary(
        size=len(octets),
        crlf_size=_crlf_size(octets),
        header_size=root.body_start,
        envelope=envelope.render_with(header, addresses),
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
        sort_from=_mailbox_key(addresses.from_),
        sort_to=_mailbox_key(addresses.to),
        sort_cc=_mailbox_key(addresses.cc),
        sort_display_from=_display_key(addresses.from_),
        sort_display_to=_display_key(addresses.to),
        has_attachment=any(_is_attachment(part) for part in root.walk()),
        digest=_digest(header),
    )


def _linked(header: Header, name: str) -> list[str]:
    values = header.all(name)
    return threading.message_ids(b" ".join(values)) if values else []


def _crlf_size(octets: bytes) -> int:
    bare = octets.count(b"\n") - octets.count(b"\r\n")
    return len(octets) + bare + (2 if octets and not octets.endswith(b"\n") else 0)


def _mailbox_key(items: list[AddressItem] | None) -> str:
    # RFC 5256 §3: the addr-mailbox of the first address structure, which of a group is its name
    if not items:
        return ""
    first = items[0]
    return _key(first.name if isinstance(first, Group) else first.local)


def _display_key(items: list[AddressItem] | None) -> str:
    """RFC 5957 §3: the display name, else the address, else what there is."""
    if not items:
        return ""
    first = items[0]
    if isinstance(first, Group):
        return _key(first.name)
    return _key(first.display or b"") or _key(b"%b@%b" % (first.local, first.domain))


def _key(octets: bytes) -> str:
    return _usual_key(octets) if len(octets) <= 80 else _any_key(octets)


def _any_key(octets: bytes) -> str:
    return collate(_decode(octets)[:MAX_SORT_CHARACTERS])


_usual_key = lru_cache(maxsize=2048)(_any_key)


def _decode(octets: bytes) -> str:
    # Databases end a text at NUL or refuse it
    return encoded_word.decode(octets[: envelope.MAX_VALUE_OCTETS]).replace("\0", "\ufffd")


def _is_attachment(part: Part) -> bool:
    if part.children and part.media_type == "multipart":
        return False
    disposition = part.disposition
    if disposition is not None and disposition.kind == "attachment":
        return True
    match part.media_type:
        case "text" | "multipart":
            return False
        case "image" | "audio" | "video":  # shown in the text, where it says so or is referred to
            return disposition is None and part.content_id is None
        case "message":
            return part.subtype in {"rfc822", "global"}
        case _:  # signatures and such are the mail program's to read
            return part.subtype not in {
                "pgp-signature",
                "pkcs7-signature",
                "x-pkcs7-signature",
                "pgp-encrypted",
            }


def _digest(header: Header) -> bytes:
    lines = header.lines(DIGEST_FIELDS)
    if lines.count(b"\n") != lines.count(b"\r\n"):
        lines = lines.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines if not lines or lines.endswith(b"\n") else lines + b"\r\n"
