"""POP3 replies as octets (RFC 1939 §3, RFC 2449 §3, §8).

Always true: a status line is at most 512 octets with its CRLF, has no line end inside, and begins with a
response code or with no `[` at all, since RESP-CODES is announced (RFC 2449 §6.4).
"""

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from pillarbox.protocol.sasl.line import encode_challenge

MAX_STATUS_LINE_OCTETS: Final = 512
"""Octets of a status line, CRLF included (RFC 2449 §4)."""

END: Final = b".\r\n"
"""Ends a multi-line reply."""


class Code(StrEnum):
    """Response codes: the reason, for programs."""

    IN_USE = "IN-USE"
    """Another session holds the maildrop (RFC 2449 §8.1.2)."""
    AUTH = "AUTH"
    """The credentials are at fault (RFC 3206 §5)."""
    SYS_TEMP = "SYS/TEMP"
    """A temporary failure of the server (RFC 3206 §4)."""
    SYS_PERM = "SYS/PERM"
    """A permanent failure of the server (RFC 3206 §4)."""
    UTF8 = "UTF8"
    """The message needs UTF-8 mode (RFC 6856 §5)."""


def ok(text: str = "") -> bytes:
    """`+OK` with a text for people, or with what the command's definition says."""
    return _status("+OK", text)


def message(octets: int) -> bytes:
    """RFC 1939 §5, RETR: `+OK`, before a message with so many octets."""
    return b"+OK %d octets\r\n" % octets


def error(text: str, code: Code | None = None) -> bytes:
    """`-ERR` with a text for people, and with a code for programs where there is one."""
    return _status("-ERR", f"[{code.value}] {text}" if code else text)


def lines(text: str, items: Iterable[bytes]) -> bytes:
    """A multi-line `+OK` reply; no item may begin with a dot."""
    return b"".join((ok(text), *(item + b"\r\n" for item in items), END))


def challenge(octets: bytes) -> bytes:
    """RFC 5034 §4: a plus, a space, and the challenge in base64, which may be empty."""
    return b"+ " + encode_challenge(octets) + b"\r\n"


def _status(indicator: str, text: str) -> bytes:
    octets = f"{indicator} {text}".rstrip().encode()
    return octets[: MAX_STATUS_LINE_OCTETS - 2] + b"\r\n"
