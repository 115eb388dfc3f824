"""Keywords of a Maildir folder, as Dovecot and Courier store them.

`dovecot-keywords` names small letters, at most 26: `0 $Label1` is the letter a. `courierimapkeywords/:list` has all
keywords, one a line, an empty line, and then the numbers of each message's: `1027453163.M1P2.host:0 4`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pillarbox.admin.importing.reading import plain_file

DOVECOT_FILE: Final = "dovecot-keywords"
COURIER_FOLDER: Final = "courierimapkeywords"
COURIER_FILE: Final = ":list"
MAX_LETTERS: Final = 26
MAX_FILE_OCTETS: Final = 32 * 1024 * 1024
"""What is beyond is not read."""
_MAX_KEYWORDS: Final = 10_000


def letters(folder: Path) -> dict[str, str]:
    """The keyword of each letter, of a folder."""
    return letters_in(_octets(folder / DOVECOT_FILE))


def letters_in(octets: bytes) -> dict[str, str]:
    """The keyword of each letter, in the octets of Dovecot's file."""
    pairs = (line.split(None, 1) for line in _lines(octets))
    return {
        chr(ord("a") + int(pair[0])): pair[1].strip()
        for pair in pairs
        if len(pair) == 2
        and len(pair[0]) < 3
        and pair[0].isascii()
        and pair[0].isdecimal()
        and int(pair[0]) < MAX_LETTERS
    }


def by_message(folder: Path) -> dict[str, tuple[str, ...]]:
    """The keywords of each message of a folder, by its name without info."""
    return by_message_in(_octets(folder / COURIER_FOLDER / COURIER_FILE))


def by_message_in(octets: bytes) -> dict[str, tuple[str, ...]]:
    """The same, in the octets of Courier's file."""
    lines = iter(_lines(octets))
    names = list[str]()
    for line in lines:
        if not line:
            break
        names.append(line)
    if len(names) > _MAX_KEYWORDS:
        return {}
    found: dict[str, tuple[str, ...]] = {}
    sets: dict[str, tuple[str, ...]] = {}  # few sets of keywords, many messages
    for line in lines:
        base, _, numbers = line.rpartition(":")
        if base and numbers not in sets:
            sets[numbers] = tuple(
                names[int(number)]
                for number in numbers.split()[:_MAX_KEYWORDS]
                if number.isascii() and number.isdecimal() and len(number) < 6 and int(number) < len(names)
            )
        if base:
            found[base] = sets[numbers]
    return found


def courier_lines(names: list[str], keywords: dict[str, tuple[int, ...]]) -> Iterator[bytes]:
    """The lines of Courier's file: all keywords, and the numbers of each message's."""
    yield from (f"{name}\n".encode() for name in names)
    yield b"\n"
    for base, numbers in keywords.items():
        yield f"{base}:{' '.join(map(str, numbers))}\n".encode()


def _octets(path: Path) -> bytes:
    try:
        with plain_file(path) as file:
            return file.read(MAX_FILE_OCTETS)
    except OSError:
        return b""


def _lines(octets: bytes) -> list[str]:
    return octets.decode("utf-8", "surrogateescape").split("\n")
