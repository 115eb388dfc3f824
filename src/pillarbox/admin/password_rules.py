"""What a password that somebody chooses must be: long enough, and not one that is known to be stolen.

Known ones are in a local file, as Have I Been Pwned gives it out: lines of `SHA-1:COUNT`, in hexadecimal and sorted. It
has some 40 GB, so it is never read as a whole: a password takes about 35 reads.
"""

import hashlib
import os
from dataclasses import dataclass
from enum import StrEnum
from io import FileIO
from pathlib import Path
from typing import Final

from pillarbox.directory.naming import NameRefused

MIN_PASSWORD_CHARACTERS: Final = 8
"""By default; NIST SP 800-63B-4 §3.1.1.2: shorter ones are guessed."""
MAX_LINE_OCTETS: Final = 128
"""A hash has 40 characters."""
_HASH_CHARACTERS: Final = 40
_SAMPLES: Final = 64


class Weakness(StrEnum):
    """Why a password must not be chosen."""

    TOO_SHORT = "too short"
    STOLEN = "stolen"


class PasswordRefused(NameRefused):
    """A password that must not be chosen; the text is for the operator."""

    def __init__(self, weakness: Weakness, text: str) -> None:
        super().__init__(text)
        self.weakness = weakness


class FileUnusable(Exception):
    """The file is not one of sorted hashes. The text says what is wrong, without its name."""


@dataclass(frozen=True, slots=True)
class PasswordRules:
    """What the configuration demands (`[passwords]`)."""

    shortest: int = MIN_PASSWORD_CHARACTERS
    """In characters."""
    breached: Path | None = None

    def check(self, password: str) -> None:
        """Raises `PasswordRefused` for a password that must not be chosen, `FileUnusable`, OSError."""
        if 0 < len(password) < self.shortest:  # an empty one is refused where it is hashed
            raise PasswordRefused(
                Weakness.TOO_SHORT, f"the password is too short: it needs {self.shortest} characters"
            )
        if self.breached is None:
            return
        seen = times_seen(self.breached, password)
        if seen:
            times = "once" if seen == 1 else f"{seen} times"
            raise PasswordRefused(
                Weakness.STOLEN,
                f"this password was seen {times} among stolen ones, which are guessed first: choose another",
            )


def times_seen(file: Path, password: str) -> int:
    """How often the password was seen, 0 where it is not in the file. Raises `FileUnusable`, OSError."""
    wanted = (
        hashlib.sha1(password.encode(errors="replace"), usedforsecurity=False).hexdigest().upper().encode()
    )
    with _opened(file) as opened:
        low, high = 0, os.fstat(opened.fileno()).st_size
        while low < high:  # the line sought begins in low ... high - 1, if there is one
            middle = (low + high) // 2
            begin, line = _line_from(opened.fileno(), middle)
            found = _hash(line) if begin < high else None
            if found == wanted:
                return _count(line)
            if found is not None and found < wanted:
                low = begin + 1
            else:
                high = middle
    return 0


def check_file(file: Path) -> None:
    """Look at the file at some places: whether it can be read, and is sorted there. Raises `FileUnusable`, OSError."""
    with _opened(file) as opened:
        size = os.fstat(opened.fileno()).st_size
        before = b""
        for number in range(_SAMPLES):
            begin, line = _line_from(opened.fileno(), size * number // _SAMPLES)
            if begin >= size:
                break
            found = _hash(line)
            if found < before:
                raise FileUnusable("is not sorted by hash")
            before = found
    if not before:
        raise FileUnusable("is empty")


def _opened(file: Path) -> FileIO:
    if file.exists() and not file.is_file():
        raise FileUnusable("is no regular file")
    return file.open("rb", buffering=0)


def _line_from(opened: int, place: int) -> tuple[int, bytes]:
    """The first line that begins at this place or after it, and where it begins; empty at the end."""
    start = max(place - 1, 0)
    octets = os.pread(opened, 2 * MAX_LINE_OCTETS, start)
    skipped = 0 if place == 0 else octets.find(b"\n") + 1
    if place and not skipped:
        if len(octets) == 2 * MAX_LINE_OCTETS:
            raise FileUnusable("has lines that are too long for hashes")
        return start + len(octets), b""
    line, ended, _ = octets[skipped:].partition(b"\n")
    if not ended and skipped + len(line) == 2 * MAX_LINE_OCTETS:
        raise FileUnusable("has lines that are too long for hashes")
    return start + skipped, line


def _hash(line: bytes) -> bytes:
    found, _colon, _count = line.strip().partition(b":")
    found = found.upper()
    if len(found) != _HASH_CHARACTERS or found.strip(b"0123456789ABCDEF"):
        raise FileUnusable("has lines that do not begin with a SHA-1 hash in hexadecimal")
    return found


def _count(line: bytes) -> int:
    number = line.strip().partition(b":")[2]
    return int(number) if number.isdigit() else 1
