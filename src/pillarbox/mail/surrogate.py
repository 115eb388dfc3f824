"""The header of an internationalized message for a client that supports only ASCII (RFC 6858).

What such a client can't read is replaced: an internationalized address by an invalid one, a Subject by encoded words;
a parameter or field without an ASCII form is left out. The stored message never changes; the surrogate is sent
instead, and its signatures do not verify (§5).

8-bit octets that are not UTF-8 make a message malformed, not internationalized (RFC 6532 §3.1); such a header is sent
as received.
"""

import re
from typing import Final

from pillarbox.mail import encoded_word
from pillarbox.mail.address_list import parse_address_list
from pillarbox.mail.composing import words
from pillarbox.mail.header import Field, Header
from pillarbox.mail.name_addr import Group, NameAddr

INVALID: Final = b"<invalid@internationalized-address.invalid>"
"""RFC 6858 §2.1: an address that never exists (RFC 2606)."""

_ADDRESS_FIELDS: Final = frozenset(
    {
        "bcc", "cc", "from", "reply-to", "resent-bcc", "resent-cc", "resent-from", "resent-sender", "resent-to",
        "return-path", "sender", "to",
    }
)  # fmt: skip
"""RFC 6858 §2.1."""
_PARAMETER_FIELDS: Final = frozenset({"content-type", "content-disposition"})
"""RFC 6858 §2.2."""
_PARAMETER: Final = re.compile(rb';[^;="]*=[ \t\r\n]*(?:"(?:[^"\\]|\\.)*"|[^;"]*)', re.DOTALL)


def is_internationalized(header: bytes) -> bool:
    """Whether a header (its octets) needs a client that supports UTF-8."""
    if header.isascii():
        return False
    try:
        header.decode()
    except UnicodeDecodeError:
        return False
    return True


def ascii_header(octets: bytes) -> bytes:
    """The surrogate of an internationalized header, the empty line included where there is one."""
    header, end = Header.parse(octets)
    return b"".join(_ascii_field(field) for field in header.fields) + header.separator + octets[end:]


def _ascii_field(field: Field) -> bytes:
    if field.raw.isascii():
        return field.raw
    if not field.name.isascii():
        return b""
    name = field.name.strip()
    if field.key == "subject":
        return b"%b: %b\r\n" % (name, encoded(encoded_word.decode(field.body)))
    if field.key in _ADDRESS_FIELDS:
        return b"%b: %b\r\n" % (name, _addresses(field.body))
    if field.key in _PARAMETER_FIELDS:
        body = _PARAMETER.sub(lambda found: found[0] if found[0].isascii() else b"", field.body)
        return b"%b: %b\r\n" % (name, body) if body.isascii() else b""
    return b""


def encoded(text: str) -> bytes:
    """Text as encoded words, one per line."""
    return "\r\n ".join(words.encoded(text)).encode("ascii")


def _addresses(value: bytes) -> bytes:
    shown = []
    for item in parse_address_list(value):
        match item:
            case Group(name, members):
                inside = b",\r\n ".join(_address(member) for member in members)
                shown.append(b"%b: %b;" % (_phrase(name), inside))
            case NameAddr():
                shown.append(_address(item))
    return b",\r\n ".join(shown)


def _address(address: NameAddr) -> bytes:
    octets = b"%b@%b" % (address.local, address.domain) if address.domain else address.local
    if not octets.isascii():
        return b"%b %b" % (encoded(octets.decode(errors="replace")), INVALID)
    quoted = octets if _DOT_ATOM(address.local) else b'"%b"@%b' % (_escaped(address.local), address.domain)
    return b"%b <%b>" % (_phrase(address.display), quoted) if address.display else b"<%b>" % quoted


_DOT_ATOM: Final = re.compile(rb"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+").fullmatch


def _phrase(name: bytes) -> bytes:
    return b'"%b"' % _escaped(name) if name.isascii() else encoded(encoded_word.decode(name))


def _escaped(text: bytes) -> bytes:
    return re.sub(rb'(["\\])', rb"\\\1", text)
