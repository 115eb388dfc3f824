"""One folder of a Maildir as a source: each message a file in `cur` or `new`, its flags in its name.

`S=seen R=answered F=flagged D=draft T=deleted P=passed on`; small letters are keywords, named in the file
`dovecot-keywords` beside them. The date of a message is its file's.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.importing.mbox import flags_of
from pillarbox.admin.importing.source import LARGEST_OCTETS, Item, Mark, PassedOver
from pillarbox.mail import flags as flag_text

LETTERS: Final = {
    "S": flag_text.SEEN,
    "R": flag_text.ANSWERED,
    "F": flag_text.FLAGGED,
    "D": flag_text.DRAFT,
    "T": flag_text.DELETED,
    "P": "$Forwarded",
}
KEYWORDS_FILE: Final = "dovecot-keywords"
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")


def is_maildir(path: Path) -> bool:
    """Whether a folder of messages lies here."""
    return (path / "cur").is_dir() or (path / "new").is_dir()


@dataclass(frozen=True, slots=True)
class MaildirSource:
    """One folder with `cur` and `new`."""

    path: Path
    mailbox: str

    @property
    def name(self) -> str:
        """See `Source.name`: a Maildir may be moved, and a message's name is unique wherever it lies."""
        return f"maildir:{self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return sum(entry.stat().st_size for entry in self._files())

    def read(self, last: Mark | None, taken: Callable[[str], bool]) -> Iterator[Item | PassedOver]:  # noqa: ARG002 - items have names
        """See `Source.read`. Oldest first, as names begin with the second of arrival."""
        keywords = _keyword_names(self.path / KEYWORDS_FILE)
        done = 0
        for entry in sorted(self._files(), key=_order):
            mark = Mark(entry.name.partition(":")[0])
            try:
                status = entry.stat()
                done += status.st_size
                if not taken(mark.item):
                    yield self._found(Path(entry.path), status, mark, keywords, done)
            except OSError as failure:  # read or removed by a program that is still at work on it
                yield PassedOver(entry.path, failure.strerror or str(failure), None, done)

    def _found(
        self, path: Path, status: os.stat_result, mark: Mark, keywords: dict[str, str], done: int
    ) -> Item | PassedOver:
        if status.st_size > LARGEST_OCTETS:
            why = f"{status.st_size} octets are over the limit of {LARGEST_OCTETS}"
            return PassedOver(str(path), why, mark, done)
        octets = _BARE_LF.sub(b"\r\n", path.read_bytes())
        if not octets:
            return PassedOver(str(path), "it is empty", mark, done)
        letters = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
        names = {**keywords, **LETTERS}
        flags = flags_of(names[letter] for letter in letters if letter in names)
        return Item(octets, flags, status.st_mtime_ns // 1_000_000, mark, done)

    def _files(self) -> Iterator[os.DirEntry[str]]:
        for folder in ("cur", "new"):
            if (self.path / folder).is_dir():
                with os.scandir(self.path / folder) as entries:
                    yield from (one for one in entries if one.name[0] != "." and one.is_file())


def _order(entry: os.DirEntry[str]) -> tuple[int, str]:
    second = entry.name.partition(".")[0]
    return (int(second) if second.isascii() and second.isdecimal() else 0), entry.name


def _keyword_names(path: Path) -> dict[str, str]:
    """Lines such as `0 $Label1`: keyword number 0 is the letter a."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return {}
    pairs = (line.split(None, 1) for line in lines)
    return {
        chr(ord("a") + int(pair[0])): pair[1].strip()
        for pair in pairs
        if len(pair) == 2 and pair[0].isdecimal() and int(pair[0]) < 26
    }
