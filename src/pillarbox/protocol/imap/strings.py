"""IMAP's strings as a server writes them: atom, quoted, literal, literal8, NIL (RFC 9051 §4.3, §9).

Always true: what is written quoted holds no CR, LF or NUL, and holds octets above 127 only where the client
has enabled UTF-8 there (`utf8=True`: IMAP4rev2 or UTF8=ACCEPT enabled; RFC 9051 §4.3, RFC 6855
§3).
"""

import re
from collections.abc import Sequence
from itertools import repeat
from operator import contains
from typing import Final

from pillarbox.mail import mailbox_name

NIL: Final = b"NIL"
EMPTY: Final = b'""'

_QUOTABLE: Final = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]{0,1000}")
_QUOTABLE_UTF8: Final = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\xff]{0,1000}")
_SPECIAL: Final = re.compile(rb'(["\\])')
_ATOM: Final = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")


def quoted(octets: bytes) -> bytes:
    """A quoted string; the caller knows that it holds nothing a quoted string can't."""
    if b'"' in octets or b"\\" in octets:
        octets = _SPECIAL.sub(rb"\\\1", octets)
    return b'"%b"' % octets


def literal(octets: bytes) -> bytes:
    """A literal (RFC 9051 §4.3)."""
    return b"{%d}\r\n%b" % (len(octets), octets)


def literal8(octets: bytes) -> bytes:
    """A literal8, which may hold NUL (RFC 9051 §4.3)."""
    return b"~{%d}\r\n%b" % (len(octets), octets)


def without_nul(octets: bytes) -> bytes:
    """What is sent in place of a message's octets where NUL is not allowed: as many, with %x80 for each NUL.

    RFC 9051 §9 (3): NUL is in a literal8 only, and that is for BINARY (decision 25).
    """
    return octets.replace(b"\0", b"\x80")


def all_without_nul(texts: Sequence[bytes]) -> Sequence[bytes]:
    """`without_nul` of each: the same sequence where there is none, as almost always."""
    return list(map(without_nul, texts)) if any(map(contains, texts, repeat(0))) else texts


def section(octets: bytes) -> bytes:
    """What BODY[...] answers (RFC 9051 §7.5.2)."""
    # Mail on iOS waits for more behind {0}, until it gives up: clients ask for slices beyond the end of a part
    return literal(without_nul(octets)) if octets else EMPTY


def string(octets: bytes, *, utf8: bool = False) -> bytes:
    """A quoted string where one will do, else a literal."""
    if (_QUOTABLE_UTF8 if utf8 else _QUOTABLE).fullmatch(octets) and _reads_as_text(octets):
        return quoted(octets)
    return literal(octets)


def nstring(octets: bytes | None, *, utf8: bool = False) -> bytes:
    """A string, or NIL for None."""
    return NIL if octets is None else string(octets, utf8=utf8)


def binary(octets: bytes) -> bytes:
    """What BINARY[...] answers: a literal8 only where NUL asks for one (RFC 9051 §7.5.2)."""
    if not octets:
        return EMPTY
    return literal8(octets) if b"\0" in octets else literal(octets)


def astring(octets: bytes, *, utf8: bool = False) -> bytes:
    """An atom where one will do (never one that reads as NIL), else a string."""
    if _ATOM.fullmatch(octets) and octets.upper() != NIL:
        return octets
    return string(octets, utf8=utf8)


def mailbox(name: str, *, utf8: bool) -> bytes:
    """A mailbox name, quoted, in modified UTF-7 or UTF-8 (RFC 3501 §5.1.3, RFC 9051 §5.1)."""
    return string(mailbox_name.encode(name, utf8=utf8), utf8=utf8)


def _reads_as_text(octets: bytes) -> bool:
    if octets.isascii():
        return True
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True
