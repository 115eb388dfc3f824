"""Domains in a header as A-labels (RFC 5890 §2.3.2.1), for a server without SMTPUTF8.

A domain has an ASCII form that means the same (RFC 6531 §3.2); a local part or a name has none that everybody would
read so. A field that is not ASCII for another reason stays as it is, and so does what was signed or traced by others.
"""

import re
from typing import Final

from pillarbox.mail.address import InvalidAddress, domain_key
from pillarbox.mail.header import Header

MAX_DOMAINS: Final = 500
"""Domains of a header that are converted: each costs some ten microseconds."""
_MAX_LINE_OCTETS: Final = 998

ADDRESS_FIELDS: Final = frozenset(
    {"from", "sender", "reply-to", "to", "cc", "bcc", "disposition-notification-to", "return-receipt-to"}
    | {f"resent-{name}" for name in ("from", "sender", "reply-to", "to", "cc", "bcc")}
)
"""Fields whose value is addresses (RFC 5322 §3.6.2, §3.6.3, §3.6.6; RFC 8098 §2.1)."""

# RFC 5322 §3.2.3: what is neither white space nor a special
_DOMAIN: Final = re.compile(rb'(?<=@)[^\x00-\x20()<>@,;:\\"\[\]\x7f]+')


def with_ascii_domains(octets: bytes) -> bytes:
    """The message with the domains of its addresses as A-labels; the same object if there is nothing to convert."""
    header, body_start = Header.parse(octets)
    if header.octets.isascii():
        return octets
    left = MAX_DOMAINS
    fields: list[bytes] = []
    for field in header.fields:
        raw = field.raw
        if left and field.key in ADDRESS_FIELDS and not raw.isascii():
            raw, count = _DOMAIN.subn(_converted, raw, left)
            left -= count
            if max(map(len, raw.splitlines())) > _MAX_LINE_OCTETS:
                raw = field.raw
        fields.append(raw)
    return b"".join((*fields, header.separator, octets[body_start:]))


def _converted(found: re.Match[bytes]) -> bytes:
    if found[0].isascii():
        return found[0]
    try:
        return domain_key(found[0].decode()).encode()
    except (InvalidAddress, UnicodeDecodeError):
        return found[0]
