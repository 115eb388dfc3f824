"""The size of a zip's directory, looked at before all of it is read into memory."""

import os
import struct
from typing import BinaryIO, Final

MAX_DIRECTORY_OCTETS: Final = 64 * 1024 * 1024
"""Enough for half a million files."""
_END: Final = b"PK\x05\x06"
_END_OCTETS: Final = 22
_MAX_COMMENT_OCTETS: Final = 65_535
_END_64: Final = b"PK\x06\x06"
_END_64_OCTETS: Final = 56
_LOCATOR_OCTETS: Final = 20
_IN_ZIP64: Final = 0xFFFF_FFFF
"""What stands for a number that only zip64 has."""


def require_small_directory(file: BinaryIO) -> None:
    """Raises OSError where the directory is larger than `MAX_DIRECTORY_OCTETS`. APPNOTE.TXT §4.3.14 to §4.3.16."""
    size = file.seek(0, os.SEEK_END)
    start = max(0, size - _END_OCTETS - _MAX_COMMENT_OCTETS)
    file.seek(start)
    tail = file.read()
    at = tail.rfind(_END)
    octets = 0
    if at >= 0 and len(tail) - at >= _END_OCTETS:
        octets = struct.unpack_from("<L", tail, at + 12)[0]
        # What a zip64 has instead stands before the locator, somewhere before the end.
        before = max(0, start + at - _LOCATOR_OCTETS - _END_64_OCTETS)
        file.seek(before)
        longer = file.read(_LOCATOR_OCTETS + _END_64_OCTETS)
        if (found := longer.rfind(_END_64)) >= 0 and len(longer) - found >= _END_64_OCTETS:
            octets = max(octets % _IN_ZIP64, struct.unpack_from("<Q", longer, found + 40)[0])
    file.seek(0)
    if octets > min(MAX_DIRECTORY_OCTETS, size):
        raise OSError(0, f"its directory has more than {MAX_DIRECTORY_OCTETS} octets")
