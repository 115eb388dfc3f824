"""The octets of a message on their way out: in memory, or, of a large one, in their file and read block by block."""

from collections.abc import Iterator
from hashlib import sha256
from typing import Final, Self

from pillarbox.mail.seven_bit import LongLines, has_long_line
from pillarbox.world.blobs import BlobDamaged, Blobs, OpenBlob
from pillarbox.world.database import Transaction

BLOCK_OCTETS: Final = 256 * 1024
"""Octets of a message that are read, and sent under one time limit (RFC 5321 §4.5.3.2.5)."""


class FileContent:
    """A large message. As far as `bytes` is asked about, it answers alike."""

    __slots__ = ("_blob", "_is_ascii", "_lines")

    def __init__(self, blob: OpenBlob) -> None:
        self._blob = blob
        self._is_ascii = True
        self._lines = LongLines()

    @classmethod
    def open(cls, tx: Transaction, blobs: Blobs, digest: bytes) -> Self:
        """In a thread, since all of it is read once: what is passed on is what was accepted.

        Raises `BlobDamaged`, `DatabaseUnavailable`.
        """
        blob = blobs.open(tx, digest)
        try:
            content, found = cls(blob), sha256()
            for block in content.blocks():
                found.update(block)
                content._is_ascii = content._is_ascii and block.isascii()
                content._lines.add(block)
            if found.digest() != digest:
                raise BlobDamaged(digest.hex(), "is damaged: its octets are not those it is named after")
        except BaseException:
            blob.__exit__()
            raise
        return content

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_failure: object) -> None:
        self._blob.__exit__()

    def __len__(self) -> int:
        return self._blob.size

    def isascii(self) -> bool:
        """Whether it has no octet above 127."""
        return self._is_ascii

    @property
    def has_long_lines(self) -> bool:
        """Whether a line is longer than SMTP has them (RFC 5321 §4.5.3.1.6)."""
        return self._lines.found

    def blocks(self) -> Iterator[bytes]:
        """All of it. Raises `BlobDamaged`, `DatabaseUnavailable`."""
        for start in range(0, self._blob.size, BLOCK_OCTETS):
            yield self._blob.read(start, BLOCK_OCTETS)


Content = bytes | FileContent


def has_long_lines(content: Content) -> bool:
    """Whether a line is longer than SMTP has them (RFC 5321 §4.5.3.1.6)."""
    return content.has_long_lines if isinstance(content, FileContent) else has_long_line(content)
