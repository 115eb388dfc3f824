"""Points in time: each is one file of the backup folder, and lists the blocks of every file."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from pillarbox.admin.backup.packs import BLOCK_OCTETS, BackupDamaged
from pillarbox.world.durable import make_folder, write_whole

FORMAT = 1
"""Of points and packs; a backup of a newer format is refused."""


class NoSuchPoint(LookupError):
    """There is no such point in time."""


@dataclass(frozen=True, slots=True)
class BackedUpFile:
    """A file as of a point."""

    path: str
    """Within the data directory."""
    octets: int
    mode: int
    blocks: str
    """The SHA-256 of its blocks of `BLOCK_OCTETS`, in order, as one text of hexadecimal digits."""

    @property
    def digests(self) -> list[bytes]:
        """Its blocks."""
        joined = bytes.fromhex(self.blocks)
        return [joined[start : start + 32] for start in range(0, len(joined), 32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A data directory as it was at one point in time."""

    name: str
    made_at: str
    """UTC, ISO 8601."""
    pillarbox: str
    """The version of Pillarbox that made it."""
    versions: dict[str, int]
    """Schema versions, by room."""
    files: tuple[BackedUpFile, ...]

    @property
    def octets(self) -> int:
        """Of all files together."""
        return sum(file.octets for file in self.files)

    def needed(self) -> set[bytes]:
        """All its blocks."""
        return {digest for file in self.files for digest in file.digests}


class Points:
    """The points of one backup folder, oldest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Their names, which sort by time."""
        return sorted(path.stem for path in self._folder.glob("*.point"))

    def write(self, point: Point) -> None:
        """Add one, durably."""
        make_folder(self._folder)
        text = json.dumps({"format": FORMAT, "block_octets": BLOCK_OCTETS, **asdict(point)}).encode()
        write_whole(self._path(point.name), sha256(text).hexdigest().encode() + b"\n" + text)

    def read(self, name: str) -> Point:
        """The point of this name. Raises `NoSuchPoint` or `BackupDamaged`."""
        try:
            digest, _, text = self._path(name).read_bytes().partition(b"\n")
        except FileNotFoundError:
            raise NoSuchPoint(
                f"There is no backup called '{name}'. There are: {', '.join(self.names()) or 'none'}"
            ) from None
        if sha256(text).hexdigest().encode() != digest:
            raise BackupDamaged(f"{self._path(name)} is damaged; try an older point: --point NAME")
        found = json.loads(text)
        if found.pop("format") != FORMAT or found.pop("block_octets") != BLOCK_OCTETS:
            raise BackupDamaged(
                f"{self._path(name)} was made by a newer Pillarbox; use that one to restore it"
            )
        return Point(**{**found, "files": tuple(BackedUpFile(**file) for file in found["files"])})

    def latest(self) -> Point | None:
        """The newest that can be read."""
        for name in reversed(self.names()):
            try:
                return self.read(name)
            except BackupDamaged:
                continue
        return None

    def remove(self, names: Iterable[str]) -> None:
        """Remove these."""
        for name in names:
            self._path(name).unlink(missing_ok=True)

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.point"
