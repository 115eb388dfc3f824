"""Blocks of backed-up files, each stored once, in packs that never change once they are complete.

A pack is a sequence of blocks, each preceded by its SHA-256 (32 octets) and its length (4 octets, big-endian), so a
pack can be read without an index, and read on behind damage: a block whose digest is right shows where the next one
begins. A pack is written under a temporary name, made durable and then renamed: a run that dies leaves no partial
pack, and the packs it finished serve the next run.

A writing run relies on no block that it has not read: `put` compares what is stored with what it was given, and
stores a block again where the stored one is damaged or missing.
"""

import os
from collections.abc import Callable, Collection, Iterator
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
_SEARCHED_OCTETS = 1024 * 1024
"""How much of a pack is searched at once for the next block behind damage."""


class BackupDamaged(Exception):
    """A backup does not hold what it should."""


@dataclass(frozen=True, slots=True)
class _Place:
    pack: Path
    start: int
    octets: int


class Packs:
    """All blocks of one backup folder."""

    def __init__(self, folder: Path, *, writing: bool) -> None:
        """`writing`: make the folder, and remove what an interrupted run has left. Raises OSError."""
        self._folder = folder
        if writing:
            make_folder(folder)
            for left in folder.glob(f"*{_UNFINISHED}"):
                left.unlink()
        self._places: dict[bytes, tuple[_Place, ...]] = {}
        self._number = 0
        self.damaged: dict[Path, str] = {}
        """Packs that can't be read, or not all of them, and why."""
        for path in sorted(folder.glob("*.pack")):
            if path.stem.isdecimal():
                self._number = max(self._number, int(path.stem))
                self._index(path)
        self._writing: BinaryIO | None = None
        self._reading: tuple[Path, BinaryIO] | None = None
        self._new: dict[bytes, _Place] = {}
        self._sound: set[bytes] = set()
        self.written_octets = 0
        """New octets since this was opened."""
        self.healed_octets = 0
        """Of these, octets that were stored before and are damaged now."""

    def _index(self, path: Path) -> None:
        try:
            with path.open("rb") as pack:
                blocks, damage = _contents(pack, path.stat().st_size)
        except OSError as failure:
            self.damaged[path] = f"can't be read: {failure.strerror}"
            return
        for digest, start, octets in blocks:
            self._places[digest] = (*self._places.get(digest, ()), _Place(path, start, octets))
        if damage is not None:
            self.damaged[path] = f"is damaged at octet {damage}"

    # --- storing

    def put(self, octets: bytes) -> bytes:
        """Store a block, unless it is stored already and sound; return its digest. Durable after `finish`.

        Raises OSError.
        """
        digest = sha256(octets).digest()
        if digest not in self._sound:
            places = self._places.get(digest, ())
            if not any(self._read(place) == octets for place in places):
                self.healed_octets += len(octets) if places else 0
                self._write(digest, octets)
            self._sound.add(digest)
        return digest

    def _write(self, digest: bytes, octets: bytes) -> None:
        pack = self._writing or self._begin()
        start = pack.tell()
        pack.write(digest + len(octets).to_bytes(4, "big") + octets)
        self._new[digest] = _Place(self._path, start + _HEAD, len(octets))
        self.written_octets += len(octets)
        if start >= PACK_OCTETS:
            self.finish()

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
        for digest, place in self._new.items():
            self._places[digest] = (*self._places.get(digest, ()), place)
        self._new.clear()

    # --- reading

    def get(self, digest: bytes) -> bytes:
        """A block, compared with its digest. Raises `BackupDamaged`."""
        places = self._places.get(digest, ())
        for place in places:
            octets = self._read(place)
            if octets is not None and sha256(octets).digest() == digest:
                self._sound.add(digest)
                return octets
        if not places:
            raise BackupDamaged(f"block {digest.hex()} is missing")
        raise BackupDamaged(f"block {digest.hex()} in {places[0].pack} is damaged")

    def get_damaged(self, digest: bytes, octets: int) -> bytes:
        """What is left of a block of this size that `get` does not have: mostly right, or zeros."""
        found = map(self._read, self._places.get(digest, ()))
        return next((left for left in found if left is not None and len(left) == octets), bytes(octets))

    def is_sound(self, digest: bytes) -> bool:
        """Whether this block can be had."""
        if digest in self._sound:
            return True
        try:
            self.get(digest)
        except BackupDamaged:
            return False
        return True

    def _read(self, place: _Place) -> bytes | None:
        """What is there; `None` where it can't be read."""
        try:
            file = self._open(place.pack)
            file.seek(place.start)
            return file.read(place.octets)
        except OSError:
            return None

    def _open(self, path: Path) -> BinaryIO:
        if self._reading is None or self._reading[0] != path:
            self._close_reading()
            self._reading = path, path.open("rb")
        return self._reading[1]

    def _close_reading(self) -> None:
        if self._reading:
            self._reading[1].close()
            self._reading = None

    def verify(self, progress: Callable[[int, int], None]) -> Iterator[tuple[bytes, str]]:
        """Read every block, pack by pack; yields the digest of each that is damaged, with a sentence."""
        stored = [(place, digest) for digest, places in self._places.items() for place in places]
        stored.sort(key=lambda one: (one[0].pack, one[0].start))
        total = sum(place.octets for place, _ in stored)
        done = 0
        for place, digest in stored:
            octets = self._read(place)
            if octets is not None and sha256(octets).digest() == digest:
                self._sound.add(digest)
            else:
                why = "can't be read" if octets is None else "is damaged"
                yield digest, f"{place.pack}: the block at octet {place.start} {why}"
            done += place.octets
            progress(done, total)

    # --- removing

    def keep_only(self, needed: Collection[bytes]) -> int:
        """Remove the blocks that are not needed; return how many octets that freed. Raises OSError.

        A pack stays as it is if it holds a needed block that can't be read; one that can't be read itself stays
        until every needed block is sound elsewhere.
        """
        packs: dict[Path, list[bytes]] = {path: [] for path in self.damaged}
        for digest, places in self._places.items():
            for place in places:
                packs.setdefault(place.pack, []).append(digest)
        if self.damaged and not all(map(self.is_sound, needed)):
            packs = {path: digests for path, digests in packs.items() if path not in self.damaged}
        return sum(
            self._rewrite(path, [digest for digest in digests if digest in needed])
            for path, digests in packs.items()
        )

    def _rewrite(self, path: Path, kept: list[bytes]) -> int:
        """Copy the kept blocks of a pack into a new one, durably, before the old one is deleted."""
        size = path.stat().st_size
        kept_octets = sum(self._places[digest][0].octets for digest in kept)
        is_worth_it = path in self.damaged or kept_octets < size * KEPT_SHARE
        if not is_worth_it or not all(map(self.is_sound, kept)):
            return 0
        for digest in kept:
            self._write(digest, self.get(digest))
        self.finish()
        self._close_reading()
        for digest, places in list(self._places.items()):
            left = tuple(place for place in places if place.pack != path)
            if not left:
                del self._places[digest]
            elif len(left) < len(places):
                self._places[digest] = left
        path.unlink()
        self.damaged.pop(path, None)
        return size - kept_octets

    def close(self) -> None:
        """Close the files; blocks that were not finished are dropped."""
        self._close_reading()
        if self._writing:
            self._writing.close()
            Path(self._writing.name).unlink(missing_ok=True)
            self._writing = None


_Block = tuple[bytes, int, int]
"""A block's digest, where its octets begin, and their number."""


def _contents(pack: BinaryIO, size: int) -> tuple[list[_Block], int | None]:
    """All blocks of a pack by their heads, and where the first damage is.

    Heads are believed as long as one leads to the next. Where that ends, the blocks before are read backwards to the
    last one that is sound, and the next one is searched behind it.
    """
    blocks: list[_Block] = []
    damage: int | None = None
    start = 0
    while start < size:
        pack.seek(start)
        head = pack.read(_HEAD)
        octets = int.from_bytes(head[32:], "big")
        if len(head) == _HEAD and octets <= BLOCK_OCTETS and start + _HEAD + octets <= size:
            blocks.append((head[:32], start + _HEAD, octets))
            start += _HEAD + octets
            continue
        doubtful = start
        while blocks and not _is_sound(pack, blocks[-1]):
            doubtful = blocks.pop()[1] - _HEAD
        damage = doubtful if damage is None else damage
        found = _next_block(pack, doubtful + 1, size)
        if found is None:
            break
        start = found
    return blocks, damage


def _is_sound(pack: BinaryIO, block: _Block) -> bool:
    digest, start, octets = block
    pack.seek(start)
    return sha256(pack.read(octets)).digest() == digest


def _next_block(pack: BinaryIO, start: int, size: int) -> int | None:
    """Where the next sound block begins, from `start` on."""
    while start < size:
        pack.seek(start)
        window = pack.read(_SEARCHED_OCTETS + _HEAD)
        # Lengths up to 65536 begin with two octets 00 00 or 00 01, in the 33rd and 34th of a head
        at = window.find(b"\0", 32)
        while 32 <= at <= _SEARCHED_OCTETS + 32 - 1:
            head = window[at - 32 : at + 4]
            octets = int.from_bytes(head[32:], "big")
            begin = start + at - 32
            fits = len(head) == _HEAD and 0 < octets <= BLOCK_OCTETS and begin + _HEAD + octets <= size
            if fits and _is_sound(pack, (head[:32], begin + _HEAD, octets)):
                return begin
            at = window.find(b"\0", at + 1)
        start += _SEARCHED_OCTETS
    return None
