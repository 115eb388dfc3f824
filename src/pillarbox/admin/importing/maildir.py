"""One folder of a Maildir as a source: each message is a file in `cur` or `new`, with its flags in its name.

    1027453163.M1P2.host,S=2417:2,FSa     name, sizes, info: `:2,` (or `;2,`, `!2,` where names can't have a colon)

`S=seen R=answered F=flagged D=draft T=deleted P=passed on`; small letters are keywords, named in the file
`dovecot-keywords` of the folder. Further keywords are in `courierimapkeywords/:list`. The date of a message is the
time of its file. Dovecot may have packed a file by gzip: where `S=` is the size of the file, it is not packed, whatever
it begins with. Thunderbird's names end in `.eml`, or have no info: its flags are in fields, as in its mbox files.

Symbolic links are not followed: whose Maildir it is must not choose what root reads.
"""

import gzip
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pillarbox.admin.importing import maildir_keywords
from pillarbox.admin.importing.fields import unpack
from pillarbox.admin.importing.keywords import keyword_of
from pillarbox.admin.importing.message_files import MessageFile, without_separator
from pillarbox.admin.importing.reading import (
    GZIP,
    MESSAGE_SUFFIX,
    PACKED_OTHERWISE,
    UNREADABLE,
    plain_file,
    why,
)
from pillarbox.admin.importing.source import AlreadyImported, Checkpoint, Found, SkippedMessage, SourceMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.header import Header
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
_SIZE: Final = re.compile(r",S=([0-9]{1,12})(?=,|\Z)")
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
    own = (LETTERS.get(letter) or keyword_of(keywords.get(letter, "")) for letter in letters)
    return flag_text.known([*filter(None, own), *map(keyword_of, more)])


def unpacked(path: str, octets: bytes, most: int) -> bytes:
    """The octets of a file, unpacked where a server has packed it; at most one more than `most`.

    Raises what `UNREADABLE` has.
    """
    size = _SIZE.search(parts_of(path.rpartition("/")[2])[0])
    if size and int(size[1]) == len(octets):
        return octets
    if octets.startswith(PACKED_OTHERWISE):
        raise OSError(0, "it is packed in a way that is not read here")
    if octets.startswith(GZIP):
        return gzip.GzipFile(fileobj=io.BytesIO(octets)).read(most + 1)
    return octets


def message_in(
    path: str,
    octets: bytes,
    letters: dict[str, str],
    keywords: dict[str, tuple[str, ...]],
    modified_at_ms: int | None,
) -> MessageFile | None:
    """The message in the file of this path, unpacked; `None` where Thunderbird has deleted it.

    `letters`, `keywords`: of the folder, see `maildir_keywords`.
    """
    part, _, name = path.rpartition("/")
    base, own = parts_of(name)
    flags, at_ms = flags_of(own, letters, keywords.get(base, ())), received_at_ms(base, modified_at_ms)
    has_no_info = part.endswith("cur") and base == name
    if base.endswith(MESSAGE_SUFFIX) or (has_no_info and _has_mozilla_status(octets)):
        found = unpack(Entry(b"", without_separator(octets)))
        return MessageFile(found.octets, flag_text.add(flags, found.flags), at_ms) if found.is_mail else None
    return MessageFile(octets if f".{KEPT}," in base else with_crlf(octets), flags, at_ms)


def _has_mozilla_status(octets: bytes) -> bool:
    header, _ = Header.parse(without_separator(octets))
    return b"x-mozilla-status" in header.names


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

    def read(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> Iterator[Found]:
        """See `Source.read`. Oldest first."""
        letters = maildir_keywords.letters(self.path)
        keywords = maildir_keywords.by_message(self.path)
        done, trouble, items = 0, list[SkippedMessage](), set[str]()
        for entry in sorted(self._files(trouble), key=_by_age):
            item = _text(parts_of(entry.name)[0])
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
                    yield AlreadyImported(known.messages, done)
                    continue
                octets = self._octets(entry.path, status.st_size)
            except UNREADABLE as failure:
                # Perhaps removed or renamed by a program that uses the Maildir
                yield SkippedMessage(entry.path, why(failure), None, done)
                continue
            if isinstance(octets, str):
                yield SkippedMessage(entry.path, octets, Checkpoint(item, fingerprint=size, messages=0), done)
                continue
            found = message_in(entry.path, octets, letters, keywords, status.st_mtime_ns // 1_000_000)
            if found is not None:
                yield SourceMessage(*found, Checkpoint(item, fingerprint=size), done)
        yield from trouble

    def _octets(self, path: str, size: int) -> bytes | str:
        """The octets of a message, or why it can't be imported, also by a later run. Raises what `UNREADABLE` has."""
        most = self.max_message_octets
        if size <= most:
            with plain_file(Path(path)) as file:
                octets = unpacked(path, file.read(most + 1), most)
            if len(octets) <= most:
                return octets or "it is empty"
            size = len(octets)
        return f"{size} octets are over the limit of {most}"

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
