"""The file of a report as it comes: plain, or compressed by gzip or zip, whatever its name and media type say.

Octets come from strangers: what is unpacked has a limit that is looked at while it is unpacked. Of a zip archive the
first file counts; its directory is not read, so files that overlap there make no difference.
"""

import struct
import zlib
from typing import Final

from msgspec import Struct

MAX_COMPRESSED_OCTETS: Final = 2 * 1024 * 1024
MAX_OCTETS: Final = 10 * 1024 * 1024
"""Of what is unpacked."""
MAX_FOLDERS: Final = 8
"""Entries of a zip archive without content that stand before the file."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_ZIP_HEADER: Final = struct.Struct("<4sHHHHHLLLHH")
_ENCRYPTED: Final = 0x0001
_STORED: Final = 0
_DEFLATED: Final = 8


class Unreadable(Struct, frozen=True, gc=False):
    """It is no report."""

    reason: str


def unpacked(octets: bytes) -> bytes | Unreadable:
    """What the file holds; the kind of compression is seen by its first octets."""
    if octets.startswith(_GZIP):
        return _inflated(octets, 16 + zlib.MAX_WBITS)
    if octets.startswith(_ZIP):
        return _first_of_zip(octets)
    return octets if len(octets) <= MAX_OCTETS else Unreadable("too large")


def _inflated(octets: bytes, wbits: int) -> bytes | Unreadable:
    if len(octets) > MAX_COMPRESSED_OCTETS:
        return Unreadable("too large")
    unpacking = zlib.decompressobj(wbits)
    try:
        found = unpacking.decompress(octets, MAX_OCTETS + 1)
    except zlib.error:
        return Unreadable("damaged compression")
    if len(found) > MAX_OCTETS:
        return Unreadable("too large")
    return found if unpacking.eof else Unreadable("cut off")


def _first_of_zip(octets: bytes) -> bytes | Unreadable:
    at = 0
    for _ in range(MAX_FOLDERS):
        if len(octets) - at < _ZIP_HEADER.size:
            return Unreadable("cut off")
        (magic, _, flags, method, _, _, _, size, _, name, extra) = _ZIP_HEADER.unpack_from(octets, at)
        if magic != _ZIP:
            return Unreadable("no file in the archive")
        start = at + _ZIP_HEADER.size + name + extra
        if flags & _ENCRYPTED:
            return Unreadable("encrypted")
        if octets[start - extra - 1 : start - extra] == b"/":
            at = start + size
        elif method == _DEFLATED:
            return _inflated(octets[start:], -zlib.MAX_WBITS)
        elif method == _STORED:
            found = octets[start : start + size]
            return Unreadable("too large") if len(found) > MAX_OCTETS else found
        else:
            return Unreadable("unknown compression")
    return Unreadable("no file in the archive")
