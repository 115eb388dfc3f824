"""One folder of a Maildir as a source: each message is a file in `cur` or `new`, with its flags in its name.

    1027453163.M1P2.host,S=2417:2,FSa     name, sizes, info: `:2,` (or `;2,`, `!2,` where names can't have a colon)

`S=seen R=answered F=flagged D=draft T=deleted P=passed on`; small letters are keywords, named in the file
`dovecot-keywords` of the folder. Further keywords are in `courierimapkeywords/:list`. The date of a message is the
time of its file. Files may be packed by gzip (Dovecot); those of Thunderbird end in `.eml`, and have flags in fields.

Symbolic links are not followed: whose Maildir it is must not choose what root reads.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.importing import maildir_keywords
from pillarbox.admin.importing.fields import unpack
from pillarbox.admin.importing.reading import (
    MESSAGE_SUFFIX,
    PACKED_OTHERWISE,
    UNREADABLE,
    opened,
    why,
)
from pillarbox.admin.importing.source import Checkpoint, SkippedMessage, SourceMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS, Entry, with_crlf

LETTERS: Final = {
    "S": flag_text.SEEN,
    "R": flag_text.ANSWERED,
    "F": flag_text.FLAGGED,
    "D": flag_text.DRAFT,
    "T": flag_text.DELETED,
    "P": "$Forwarded",
}
HOST: Final = "pillarbox"
KEPT: Final = "pillarbox-kept"
"""The host in the name of an exported message; `KEPT` where its line ends are as in the file."""
_SECOND: Final = re.compile(r"(-?[0-9]{1,12})\.")
_EXPORTED: Final = re.compile(
    rf"-?[0-9]{{1,20}}\.E[0-9]{{1,20}}V[0-9]{{1,20}}U([0-9]{{1,10}})\.(?:{HOST}|{KEPT}),"
)
_DIGITS: Final = re.compile("[0-9]{1,20}")
_INFO: Final = (":2,", ";2,", "!2,")


def is_maildir(path: Path) -> bool:
    """Whether this is a folder with messages."""
    return any(_is_folder(path / part) for part in ("cur", "new"))


def parts_of(name: str) -> tuple[str, str]:
    """The name of a message without its info, and the letters of its flags."""
    at = max(name.rfind(info) for info in _INFO)
    return (name[:at], name[at + 3 :]) if at >= 0 else (name.partition(":")[0], "")


def flags_of(letters: str, keywords: dict[str, str], more: tuple[str, ...] = ()) -> str:
    """The flags that these letters stand for, and more keywords."""
    names = {**keywords, **LETTERS}
    return flag_text.known([*(names[letter] for letter in letters if letter in names), *more])


def message_octets(base: str, octets: bytes) -> bytes:
    """The message in a file of this name."""
    return octets if f".{KEPT}," in base else with_crlf(octets)


def received_at_ms(base: str, modified_at_ms: int | None) -> int | None:
    """When a message was received. An exported one has it in its name, which a copy of the file keeps as well."""
    second = _second(base)
    is_ours = f".{HOST}," in base or f".{KEPT}," in base
    if second and (modified_at_ms is None or (is_ours and second != modified_at_ms // 1000)):
        return second * 1000
    return modified_at_ms


@dataclass(frozen=True, slots=True)
class MaildirSource:
    """One folder with `cur` and `new`."""

    path: Path
    mailbox: str
    folder: str = ""
    """Which folder it is, where another one leads to the same mailbox."""
    max_message_octets: int = MAX_MESSAGE_OCTETS
    """Messages beyond this size are skipped."""

    @property
    def name(self) -> str:
        """See `Source.name`: a Maildir may be moved, and the names of messages are unique anyway, or
        nearly: the checkpoint has the size as well."""
        return f"maildir:{self.mailbox}\n{_text(self.folder)}" if self.folder else f"maildir:{self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return sum(_size(entry) for entry in self._files([]))

    def read(
        self, checkpoint_of: Callable[[str], Checkpoint | None]
    ) -> Iterator[SourceMessage | SkippedMessage]:
        """See `Source.read`. Oldest first."""
        keywords = maildir_keywords.letters(self.path)
        more = maildir_keywords.by_message(self.path)
        done, trouble, items = 0, list[SkippedMessage](), set[str]()
        for entry in sorted(self._files(trouble), key=_by_age):
            base, letters = parts_of(entry.name)
            item = _text(base)
            try:
                status = entry.stat(follow_symlinks=False)
                done += status.st_size
                size = str(status.st_size).encode()
                known = checkpoint_of(item)
                if item in items or (known is not None and known.fingerprint not in (b"", size)):
                    # Another message of this name: in "new" as well, or in another Maildir
                    item = f"{item}\n{status.st_size}"
                    known = checkpoint_of(item)
                items.add(item)
                if known is not None:
                    continue
                octets = self._octets(Path(entry.path), status)
            except UNREADABLE as failure:
                # Perhaps removed or renamed by a program that uses the Maildir
                yield SkippedMessage(entry.path, why(failure), None, done)
                continue
            if isinstance(octets, str):
                yield SkippedMessage(entry.path, octets, Checkpoint(item, fingerprint=size, messages=0), done)
                continue
            unpacked = unpack(Entry(b"", octets)) if base.endswith(MESSAGE_SUFFIX) else None
            if unpacked and not unpacked.is_mail:
                continue
            flags = flags_of(letters, keywords, more.get(base, ()))
            yield SourceMessage(
                unpacked.octets if unpacked else message_octets(base, octets),
                flag_text.add(flags, unpacked.flags) if unpacked else flags,
                received_at_ms(base, status.st_mtime_ns // 1_000_000),
                Checkpoint(item, fingerprint=size),
                done,
            )
        yield from trouble

    def _octets(self, path: Path, status: os.stat_result) -> bytes | str:
        """The octets of a message, or why it can't be imported."""
        too_large = f"octets are over the limit of {self.max_message_octets}"
        if status.st_size > self.max_message_octets:
            return f"{status.st_size} {too_large}"
        with opened(path) as (file, _):  # Dovecot may have packed it
            octets = file.read(self.max_message_octets + 1)
        if octets.startswith(PACKED_OTHERWISE):
            return "it is packed in a way that is not read here"
        if len(octets) > self.max_message_octets:
            return f"{len(octets)} {too_large}"
        return octets or "it is empty"

    def _files(self, trouble: list[SkippedMessage]) -> Iterator[os.DirEntry[str]]:
        """The messages; adds to `trouble` what can't be listed."""
        for part in ("cur", "new"):
            folder = self.path / part
            if not _is_folder(folder):
                continue
            try:
                with os.scandir(folder) as entries:
                    yield from (
                        entry
                        for entry in entries
                        if entry.name[0] != "." and entry.is_file(follow_symlinks=False)
                    )
            except OSError as failure:
                trouble.append(SkippedMessage(str(folder), why(failure), None, 0))


def _text(name: str) -> str:
    """The name of a file as text that can be stored."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _is_folder(path: Path) -> bool:
    """Whether this is a folder, and no link to one; not if it can't be known."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_size
    except OSError:
        return 0


def _by_age(entry: os.DirEntry[str]) -> tuple[int, int, str]:
    """Exported messages by UID; others by the time that their names begin with, and what makes them unique."""
    name = entry.name
    if exported := _EXPORTED.match(name):
        return 0, int(exported[1]), name
    return 1, _second(name), _DIGITS.sub(lambda digits: digits[0].zfill(20), name)


def _second(name: str) -> int:
    """The time that a name begins with, in seconds since 1970; 0 where there is none."""
    found = _SECOND.match(name)
    return int(found[1]) if found else 0
