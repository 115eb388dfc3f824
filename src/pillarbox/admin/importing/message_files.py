"""A folder of files with one message each: `.eml`, Apple's `.emlx`, and MH, whose files are named by numbers.

An `.emlx` begins with a line that has the octets of the message; behind the message is a property list with flags and
the date of arrival. The date of another message is that of its header.

A message is recorded by its octets and not by its name: MH gives the number of a removed message to a new one, and
numbers all anew when it packs or sorts a folder.
"""

import os
import plistlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, cast

from pillarbox.admin.importing.names import readable
from pillarbox.admin.importing.reading import (
    EMLX_SUFFIX,
    HEAD_OCTETS,
    MESSAGE_SUFFIX,
    UNREADABLE,
    Kind,
    kind_of,
    opened,
    why,
)
from pillarbox.admin.importing.recognition import Recognition
from pillarbox.admin.importing.source import Checkpoint, Found, SkippedMessage, SourceMessage
from pillarbox.mail import flags as flag_text
from pillarbox.mail.mbox import MAX_MESSAGE_OCTETS, with_crlf

MAX_PROPERTIES_OCTETS: Final = 64 * 1024
"""A longer property list is not read."""
_EMLX_FLAGS: Final = {
    0x1: flag_text.SEEN,
    0x2: flag_text.DELETED,
    0x4: flag_text.ANSWERED,
    0x10: flag_text.FLAGGED,
    0x40: flag_text.DRAFT,
    0x100: "$Forwarded",
}
_MAX_SECONDS: Final = 10**11
NO_MAIL: Final = "it is no mail"
_OLD_MAC: Final = re.compile(
    rb"(?:From [^\r]{0,998}\r)?"
    rb"[!-9;-~]{1,76}[ \t]{0,8}:[^\r]{0,998}\r(?:[!-9;-~]{1,76}[ \t]{0,8}:|[ \t\r])"
)
"""A field, and behind a bare CR another one, the rest of it, or the empty line that ends the header.

A separator of mbox may stand above.
"""


class MessageFile(NamedTuple):
    """The message in a file."""

    octets: bytes
    flags: str = ""
    received_at_ms: int | None = None


def is_message_name(name: str) -> bool:
    """Whether a file of this name has one message."""
    return name.lower().endswith((MESSAGE_SUFFIX, EMLX_SUFFIX))


def is_number(name: str) -> bool:
    """Whether a file of this name has one message of MH, unless it is an mbox."""
    return name.isascii() and name.isdecimal()


def message_in(octets: bytes, name: str) -> MessageFile | None:
    """The message in the octets of a file of this name; `None` where it has none.

    Raises EOFError where the file ends before its message does.
    """
    match kind_of(octets[:HEAD_OCTETS], name.lower()):
        case Kind.EMLX:
            return _emlx(octets)
        case Kind.MESSAGE | Kind.MBOX:
            if is_of_old_mac(octets):
                octets = octets.replace(b"\r", b"\r\n")
            return MessageFile(with_crlf(without_separator(octets)))
        case _:
            return None


def is_of_old_mac(octets: bytes) -> bool:
    """Whether a message has the line ends of Mac OS before X: a bare CR."""
    return b"\n" not in octets and _OLD_MAC.match(octets) is not None


def without_separator(octets: bytes) -> bytes:
    """Without the line that a program that writes mbox left at the top."""
    return octets.partition(b"\n")[2] if octets.startswith(b"From ") else octets


def too_large(where: str, reason: str, item: str, size: int, end: int) -> SkippedMessage:
    """A file of this size whose message is over the limit: a later run does not report it again."""
    return SkippedMessage(where, reason, Checkpoint(item, fingerprint=str(size).encode(), messages=0), end)


def is_reported(found: Checkpoint | None, size: int) -> bool:
    """Whether the file of this checkpoint was found too large, and is the same still."""
    return found is not None and not found.messages and found.fingerprint in (b"", str(size).encode())


@dataclass(frozen=True, slots=True)
class MessageFilesSource:
    """The messages in the files of a folder, not of those below it."""

    path: Path
    mailbox: str
    only: str | None = None
    """The name of the file, where only one is meant."""
    max_message_octets: int = MAX_MESSAGE_OCTETS

    @property
    def name(self) -> str:
        """See `Source.name`."""
        return f"files:{readable(str(self.path.absolute()))} into {self.mailbox}"

    @property
    def octets(self) -> int:
        """See `Source.octets`."""
        return sum((self.path / name).lstat().st_size for name in self._names())

    def read(self, checkpoint_of: Callable[[str], Checkpoint | None]) -> Iterator[Found]:
        """See `Source.read`. In the order of numbers, then of names."""
        done, recognition, most = 0, Recognition(checkpoint_of), self.max_message_octets
        for name in sorted(self._names(), key=_by_number):
            path, item = self.path / name, readable(name)
            try:
                with opened(path) as (file, _):
                    octets = file.read(most + 1)
                size = path.lstat().st_size
                done += size
                if (
                    self.only is None
                    and is_number(name)
                    and kind_of(octets[:HEAD_OCTETS]) is not Kind.MESSAGE
                ):
                    continue  # another source, or reported where the folder was looked into
                message = message_in(octets, name.removesuffix(".gz")) if len(octets) <= most else None
            except UNREADABLE as failure:
                yield SkippedMessage(str(path), why(failure), None, done)
                continue
            if message is not None:
                yield recognition.judge(SourceMessage(*message, Checkpoint(item), done), item)
            elif len(octets) <= most:
                yield SkippedMessage(str(path), NO_MAIL, None, done)
            elif not is_reported(checkpoint_of(item), size):
                yield too_large(str(path), f"it has more than {most} octets", item, size, done)

    def _names(self) -> list[str]:
        if self.only is not None:
            return [self.only]
        with os.scandir(self.path) as entries:
            return [
                entry.name
                for entry in entries
                if (is_message_name(entry.name) or is_number(entry.name))
                and entry.is_file(follow_symlinks=False)
            ]


def _by_number(name: str) -> tuple[int, str]:
    number = name.partition(".")[0]
    return (int(number) if number.isascii() and number.isdecimal() and len(number) < 20 else 0), name


def _emlx(octets: bytes) -> MessageFile | None:
    first, _, rest = octets.partition(b"\n")
    size = int(first)
    if len(rest) < size:
        raise EOFError
    message, properties = rest[:size], rest[size:]
    if not message.strip():
        return None
    try:
        found = plistlib.loads(properties) if len(properties) <= MAX_PROPERTIES_OCTETS else {}
    except Exception:  # whatever its parts raise, of what others wrote; the message is whole
        found = {}
    values = found if isinstance(found, dict) else {}
    number, received = values.get("flags"), values.get("date-received")
    bits = number if isinstance(number, int) else 0
    flags = flag_text.known(flag for bit, flag in _EMLX_FLAGS.items() if bits & bit)
    is_date = isinstance(received, int | float) and abs(received) < _MAX_SECONDS
    return MessageFile(with_crlf(message), flags, int(cast("float", received) * 1000) if is_date else None)
