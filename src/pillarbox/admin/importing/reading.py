"""The octets of files that others made: compressed or not, whole or not.

What is told of a file before it is read comes from its first octets. A file that can't be read to its end gives what
can be read, and then says why it ends.
"""

import errno
import gzip
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from io import BufferedReader
from pathlib import Path
from typing import Final, Protocol, cast

from pillarbox.mail.mbox_separator import begins_mbox

CHUNK_OCTETS: Final = 1 << 20
HEAD_OCTETS: Final = 4_096
"""What is looked at to tell what a file is."""
MAX_RATIO: Final = 250
"""Mail does not become so many times smaller; what does is made to fill a disk, or to take time."""
_RATIO_FROM_OCTETS: Final = 64 * 1024 * 1024

GZIP: Final = b"\x1f\x8b"
PACKED_OTHERWISE: Final = (b"BZh", b"\xfd7zXZ\x00", b"\x28\xb5\x2f\xfd", b"Dovecot-LZ4")
"""What bzip2, xz, zstd and Dovecot's lz4 begin with: Dovecot may pack messages so, and they are not read here."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_TAR_OFFSET: Final = 257
_BEFORE_MAIL: Final = re.compile(rb"(?:\xef\xbb\xbf)?[\r\n]{0,64}")
_FIELD_NAME: Final = re.compile(rb"[!-9;-~]{1,76}[ \t]{0,8}:")
_MAIL_FIELD: Final = re.compile(
    rb"^(?:from|to|cc|bcc|subject|date|message-id|received|return-path|delivered-to|sender|reply-to|mime-version"
    rb"|content-type|x-mozilla-status|x-gmail-labels)[ \t]{0,8}:",
    re.IGNORECASE | re.MULTILINE,
)
_EMLX: Final = re.compile(rb"\d{1,10}[ \t]{0,20}\r?\n")

UNREADABLE: Final = (EOFError, zlib.error, OSError, zipfile.BadZipFile, tarfile.TarError, RuntimeError)
"""What reading a damaged file raises."""


MESSAGE_SUFFIX: Final = ".eml"
EMLX_SUFFIX: Final = ".emlx"


class Kind(Enum):
    """What a file is."""

    MBOX = "mbox"
    MESSAGE = "message"
    EMLX = "emlx"
    ZIP = "zip"
    TAR = "tar"
    EMPTY = "empty"
    OTHER = "other"


class Readable(Protocol):
    """What octets are read from."""

    def read1(self, size: int, /) -> bytes:
        """Some octets, at most so many; none at the end."""

    def seek(self, at: int, /) -> int:
        """Go to an offset."""


def kind_of(head: bytes, name: str = "") -> Kind:
    """What a file of this name is that begins with these octets."""
    if not head:
        return Kind.EMPTY
    if head.startswith(_ZIP):
        return Kind.ZIP
    if head[_TAR_OFFSET : _TAR_OFFSET + 5] == b"ustar":
        return Kind.TAR
    before = _BEFORE_MAIL.match(head)
    assert before is not None  # it matches anywhere
    at = before.end()
    if name.endswith(EMLX_SUFFIX) and _EMLX.match(head):
        return Kind.EMLX
    is_message = name.endswith(MESSAGE_SUFFIX)
    if head.startswith(b"From ", at) and (begins_mbox(head[at:]) or is_mbox_of_old_mac(head)):
        return Kind.MESSAGE if is_message else Kind.MBOX
    if at == len(head):
        return Kind.EMPTY
    # Any line may look like a field; without a suffix that says what it is, one of mail must be among them.
    is_mail = is_message or (_MAIL_FIELD.search(head) and b"\0" not in head)
    return Kind.MESSAGE if is_mail and _FIELD_NAME.match(head, at) else Kind.OTHER


def is_mbox_of_old_mac(head: bytes) -> bool:
    """Whether an mbox that begins with these octets has the line ends of Mac OS before X: a bare CR."""
    lines = head[:HEAD_OCTETS].strip(b"\r")  # behind the last CR may be an LF
    return b"\n" not in lines and lines.startswith(b"From ") and begins_mbox(lines.replace(b"\r", b"\n"))


def kind_of_file(path: Path) -> Kind:
    """What a file is, uncompressed if it is a `.gz`. Raises what `UNREADABLE` has."""
    with opened(path) as (file, _):
        return kind_of(head_of(file), path.name.lower())


def head_of(file: Readable) -> bytes:
    """The first octets. Raises what `UNREADABLE` has where there are none."""
    head = b""
    try:
        while len(head) < HEAD_OCTETS and (octets := file.read1(HEAD_OCTETS - len(head))):
            head += octets
    except UNREADABLE:
        if not head:
            raise
    return head


def plain_file(path: Path) -> BufferedReader:
    """A file to read, which is no link and no device. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise OSError(errno.EINVAL, "it is no file", str(path))
    return file


@contextmanager
def opened(path: Path) -> Iterator[tuple[BufferedReader, Callable[[], int]]]:
    """A file, uncompressed if it is a `.gz`, and a function that tells how many octets of the file itself were read."""
    with plain_file(path) as raw:
        packed = raw.read(2) == GZIP
        raw.seek(0)
        yield cast("BufferedReader", gzip.GzipFile(fileobj=raw)) if packed else raw, raw.tell


class Chunks:
    """The octets of an mbox from the start of a message on. `failure` says, at the end, why there are no more.

    Where a bare CR ends each line it becomes an LF, so that offsets stay.
    """

    def __init__(self, file: Readable, packed_octets: Callable[[], int], start: int = 0) -> None:
        self._file, self._packed_octets, self._start = file, packed_octets, start
        self.failure: str | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            self._file.seek(self._start)
            at = self._start
            is_of_old_mac = None
            while chunk := self._file.read1(CHUNK_OCTETS):
                at += len(chunk)
                if at > max(_RATIO_FROM_OCTETS, MAX_RATIO * self._packed_octets()):
                    self.failure = f"it is packed more than {MAX_RATIO} times smaller, which mail is not"
                    return
                if is_of_old_mac is None:
                    is_of_old_mac = is_mbox_of_old_mac(chunk)
                yield chunk.replace(b"\r", b"\n") if is_of_old_mac else chunk
        except UNREADABLE as failure:
            self.failure = why(failure)


def why(failure: BaseException) -> str:
    """Why a file can't be read, in words."""
    match failure:
        case EOFError():
            return "it is truncated"
        case OSError(strerror=str(reason)):
            return reason
        case _:
            return f"it is damaged: {failure}" if str(failure) else "it is damaged"
