"""IMAP strings: quoted where a quoted string can hold them, else literals.

Quoted strings are 7-bit here and hold no CR, LF or NUL, so that IMAP4rev1 and IMAP4rev2 clients read them the same;
anything else is sent as a literal, in which NUL is the only octet that neither revision allows (RFC 3501 §9 and
RFC 9051 §9: CHAR8).
"""

import re
from typing import Final

NIL: Final = b"NIL"

MAX_QUOTED_OCTETS: Final = 1000
"""Longer strings are literals: some clients read lines into buffers of fixed size (RFC 2683 §3.2.1.5)."""

_NOT_PLAIN: Final = 1
_NOT_PLAIN_TABLE: Final = bytes(
    _NOT_PLAIN if octet in b'\0\n\r"\\' or octet > 127 else 0 for octet in range(256)
)
"""Marks octets that a quoted string can't hold unescaped. (Translating and searching is faster than a pattern.)"""
_TO_ESCAPE = re.compile(rb'(["\\])')
_ESCAPABLE = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*").fullmatch


def string(octets: bytes) -> bytes:
    """A `string`, always well-formed; NUL becomes "?", all other octets are kept."""
    if len(octets) <= MAX_QUOTED_OCTETS:
        if _NOT_PLAIN not in octets.translate(_NOT_PLAIN_TABLE):
            return b'"%b"' % octets
        if _ESCAPABLE(octets):
            return b'"%b"' % _TO_ESCAPE.sub(rb"\\\1", octets)
    octets = octets.replace(b"\0", b"?")
    return b"{%d}\r\n%b" % (len(octets), octets)


def nstring(octets: bytes | None) -> bytes:
    """An `nstring`: NIL where there is no value, which is not the same as an empty one."""
    return NIL if octets is None else string(octets)
