"""Blocks of backed-up files, each stored once, in packs that never change once they are complete.

A pack is a sequence of blocks, each preceded by its SHA-256 (32 octets) and its length (4 octets, big-endian), so a
pack can be read without an index. It is written under a temporary name, made durable and then renamed: a run that
dies leaves no partial pack, and the packs it finished serve the next run.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, Final

from pillarbox.world.durable import flush_folder, make_folder

BLOCK_OCTETS: Final = 64 * 1024
"""Files are cut into blocks of this size; a page of the database that changes costs one block."""
PACK_OCTETS: Final = 512 * 1024 * 1024
"""A pack that has reached this size is finished, and another one begun."""
KEPT_SHARE: Final = 0.5
"""A pack of which less than this share is needed is rewritten when old points are removed."""
_HEAD = 36
_UNFINISHED = ".unfinished"


class BackupDamaged(Exception):
    """A backup does not hold what it should."""


@dataclass(frozen=True, slots=True)
class _Place:
    pack: Path
    start: int
    octets: int


class Packs:
    """All blocks of one backup folder."""

    def __init__(self, folder: Path) -> None:
        """Raises OSError, or `BackupDamaged`."""
        self._folder = folder
        make_folder(folder)
        for left in folder.glob(f"*{_UNFINISHED}"):
            left.unlink()
        self._places: dict[bytes, _Place] = {}
        self._number = 0
        for path in sorted(folder.glob("*.pack")):
            self._number = max(self._number, int(path.stem))
            self._places.update(_contents(path))
        self._writing: BinaryIO | None = None
        self._reading: tuple[Path, BinaryIO] | None = None
        self._new: dict[bytes, _Place] = {}
        self.written_octets = 0
        """New octets since this was opened."""

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._places or digest in self._new

    def put(self, octets: bytes) -> bytes:
        """Store a block; return its digest. Durable after `finish`. Raises OSError."""
        digest = sha256(octets).digest()
        if digest not in self:
            pack = self._writing or self._begin()
            start = pack.tell()
            pack.write(digest + len(octets).to_bytes(4, "big") + octets)
            self._new[digest] = _Place(self._path, start + _HEAD, len(octets))
            self.written_octets += len(octets)
            if start >= PACK_OCTETS:
                self.finish()
        return digest

    @property
    def _path(self) -> Path:
        return self._folder / f"{self._number:06}.pack"

    def _begin(self) -> BinaryIO:
        self._number += 1
        self._writing = self._path.with_suffix(".pack" + _UNFINISHED).open("wb")
        return self._writing

    def finish(self) -> None:
        """Make the stored blocks durable."""
        if self._writing is None:
            return
        self._writing.flush()
        os.fsync(self._writing.fileno())
        self._writing.close()
        Path(self._writing.name).rename(self._path)
        flush_folder(self._folder)
        self._writing = None
        self._places.update(self._new)
        self._new.clear()

    def get(self, digest: bytes) -> bytes:
        """A block, compared with its digest. Raises `BackupDamaged`."""
        place = self._places.get(digest)
        if place is None:
            raise BackupDamaged(f"block {digest.hex()} is missing")
        file = self._open(place.pack)
        file.seek(place.start)
        octets = file.read(place.octets)
        if sha256(octets).digest() != digest:
            raise BackupDamaged(
                f"block {digest.hex()} in {place.pack} is damaged. Delete that pack and make a backup: it copies"
                " again what still exists. Older points that need the block are lost."
            )
        return octets

    def _open(self, path: Path) -> BinaryIO:
        if self._reading is None or self._reading[0] != path:
            self._close_reading()
            self._reading = path, path.open("rb")
        return self._reading[1]

    def _close_reading(self) -> None:
        if self._reading:
            self._reading[1].close()
            self._reading = None

    def keep_only(self, needed: set[bytes]) -> int:
        """Remove the blocks that are not needed; return how many octets that freed. Raises OSError."""
        self._close_reading()
        packs: dict[Path, list[bytes]] = {}
        for digest, place in self._places.items():
            packs.setdefault(place.pack, []).append(digest)
        freed = 0
        for path, digests in packs.items():
            kept = [digest for digest in digests if digest in needed]
            size = path.stat().st_size
            if sum(self._places[digest].octets for digest in kept) < size * KEPT_SHARE:
                freed += size - self._rewrite(path, digests, kept)
        return freed

    def _rewrite(self, path: Path, digests: list[bytes], kept: list[bytes]) -> int:
        """Copy the kept blocks of a pack into a new one, durably, before the old one is deleted."""
        blocks = [self.get(digest) for digest in kept]
        for digest in digests:
            del self._places[digest]
        for block in blocks:
            self.put(block)
        self.finish()
        self._close_reading()
        path.unlink()
        return sum(map(len, blocks))

    def close(self) -> None:
        """Close the files; blocks that were not finished are dropped."""
        self._close_reading()
        if self._writing:
            self._writing.close()
            Path(self._writing.name).unlink(missing_ok=True)
            self._writing = None


def _contents(path: Path) -> Iterator[tuple[bytes, _Place]]:
    size = path.stat().st_size
    with path.open("rb") as pack:
        start = 0
        while start < size:
            pack.seek(start)
            head = pack.read(_HEAD)
            octets = int.from_bytes(head[32:], "big")
            if len(head) < _HEAD or octets > BLOCK_OCTETS or start + _HEAD + octets > size:
                return  # damaged from here on: these blocks count as missing, and are stored again when needed
            yield head[:32], _Place(path, start + _HEAD, octets)
            start += _HEAD + octets
