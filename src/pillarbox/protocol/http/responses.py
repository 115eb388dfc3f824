"""Responses as octets (RFC 9112 §4, §5)."""

from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from typing import Final

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"
LAST_CHUNK: Final = b"0\r\n\r\n"
_RENAMED: Final = {413: "Content Too Large", 414: "URI Too Long"}
"""What RFC 9110 calls them, and Python since 3.13."""
PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | _RENAMED
_LINES: Final = {
    status: b"HTTP/1.1 %d %b\r\n" % (status, phrase.encode()) for status, phrase in PHRASES.items()
}


def date(now_s: int) -> bytes:
    """RFC 9110 §5.6.7: a time as fields have it."""
    return formatdate(now_s, usegmt=True).encode("ascii")


def has_no_body(status: int) -> bool:
    """RFC 9110 §6.4.1: whether a response of this status never has a body."""
    return status in (204, 304) or status < 200


def head(status: int, fields: Iterable[tuple[bytes, bytes]], block: bytes) -> bytes:
    """The status line, the fields, a `block` of whole field lines, and the empty line.

    Raises ValueError where a field would be more than one line.
    """
    lines = [b"%b: %b\r\n" % field for field in fields]
    joined = b"".join(lines)
    if joined.count(b"\n") != len(lines) or joined.count(b"\r") != len(lines) or b"\0" in joined:
        raise ValueError("a field of a response has a line end in it")  # RFC 9110 §5.5
    line = _LINES.get(status) or b"HTTP/1.1 %d \r\n" % status
    return b"%b%b%b\r\n" % (line, joined, block)


def chunk(octets: bytes) -> bytes:
    """RFC 9112 §7.1: a chunk that is not the last, so not empty."""
    assert octets, "an empty chunk is the last"
    return b"%x\r\n%b\r\n" % (len(octets), octets)
