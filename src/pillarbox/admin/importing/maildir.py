"""One folder of a Maildir as a source: each message is a file in `cur` or `new`, with its flags in its name.

`S=seen R=answered F=flagged D=draft T=deleted P=passed on`; small letters are keywords, named in the file
`dovecot-keywords` of the folder. The date of a message is the modification time of its file.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.importing.mbox import flags_of
from pillarbox.admin.importing.source import Checkpoint, SkippedMessage, SourceMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS

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
    """Whether this is a folder with messages."""
    return (path / "cur").is_dir() or (path / "new").is_dir()


@dataclass(frozen=True, slots=True)
class MaildirSource:
    """One folder with `cur` and `new`."""

    path: Path
    mailbox: str
    max_message_octets: int = MAX_MESSAGE_OCTETS
    """Messages beyond this size are skipped."""

    @property
    def name(self) -> str:
        """See `Source.name`: a Maildir may be moved, and the names of messages are unique anyway."""
        return f"maildir:{self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return sum(entry.stat().st_size for entry in self._files())

    def read(
        self, checkpoint_of: Callable[[str], Checkpoint | None]
    ) -> Iterator[SourceMessage | SkippedMessage]:
        """See `Source.read`. Oldest first: names begin with the time of arrival in seconds."""
        keywords = _keyword_names(self.path / KEYWORDS_FILE)
        done = 0
        for entry in sorted(self._files(), key=_by_time):
            checkpoint = Checkpoint(entry.name.partition(":")[0])
            try:
                status = entry.stat()
                done += status.st_size
                if not checkpoint_of(checkpoint.item):
                    yield self._read_file(Path(entry.path), status, checkpoint, keywords, done)
            except OSError as failure:  # removed or renamed by a program that uses the Maildir
                yield SkippedMessage(entry.path, failure.strerror or str(failure), None, done)

    def _read_file(
        self, path: Path, status: os.stat_result, checkpoint: Checkpoint, keywords: dict[str, str], done: int
    ) -> SourceMessage | SkippedMessage:
        if status.st_size > self.max_message_octets:
            why = f"{status.st_size} octets are over the limit of {self.max_message_octets}"
            return SkippedMessage(str(path), why, checkpoint, done)
        octets = _BARE_LF.sub(b"\r\n", path.read_bytes())
        if not octets:
            return SkippedMessage(str(path), "it is empty", checkpoint, done)
        letters = path.name.rpartition(":2,")[2] if ":2," in path.name else ""
        names = {**keywords, **LETTERS}
        flags = flags_of(names[letter] for letter in letters if letter in names)
        return SourceMessage(octets, flags, status.st_mtime_ns // 1_000_000, checkpoint, done)

    def _files(self) -> Iterator[os.DirEntry[str]]:
        for folder in ("cur", "new"):
            if (self.path / folder).is_dir():
                with os.scandir(self.path / folder) as entries:
                    yield from (entry for entry in entries if entry.name[0] != "." and entry.is_file())


def _by_time(entry: os.DirEntry[str]) -> tuple[int, str]:
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
