"""Points in time: each lists the blocks of every file, and is stored twice, so that no damage to one file costs it.

    points/000012.2026-08-06T101112Z.point
    points/000012.2026-08-06T101112Z.copy

The number gives the order, whatever the clock said. Either file is the point: both are written when all blocks are
durable. A writing run writes again the one that is damaged or missing.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Final

from pillarbox.admin.backup.packs import BLOCK_OCTETS, BackupDamaged
from pillarbox.world.durable import make_folder, write_whole

FORMAT: Final = 2
"""Of points and packs; a backup of a newer format is refused. In format 1, names had no number."""
_ENDINGS = (".point", ".copy")
_NAME_FORMAT: Final = "%Y-%m-%dT%H%M%SZ"
_NAME_EXAMPLE: Final = "2026-08-06T101112Z"
_NUMBERED = re.compile(r"(?:(\d{6,9})\.)?(.+)")

HOLE: Final = bytes(32)
"""In the place of a digest: this block could not be read when the backup was made."""


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
    """The SHA-256 of its blocks of `BLOCK_OCTETS`, in order, as one text of hexadecimal digits; or `HOLE`."""

    @property
    def digests(self) -> list[bytes]:
        """Its blocks."""
        joined = bytes.fromhex(self.blocks)
        return [joined[start : start + 32] for start in range(0, len(joined), 32)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Holdings:
    """How much there was: what tells that a database is not the one that was backed up before."""

    accounts: int
    messages: int
    domains: tuple[str, ...]


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
    holdings: Holdings | None = None
    """`None` where they could not be read."""
    damage: tuple[str, ...] = ()
    """What was damaged or missing already when it was made, in sentences."""

    @property
    def octets(self) -> int:
        """Of all files together."""
        return sum(file.octets for file in self.files)

    def needed(self) -> set[bytes]:
        """All its blocks."""
        return {digest for file in self.files for digest in file.digests} - {HOLE}


def made_at_ms(name: str) -> int | None:
    """When the point of this name was made, by the clock of then; `None` where the name does not say."""
    try:
        made = datetime.strptime(name[: len(_NAME_EXAMPLE)], _NAME_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        return None
    return int(made.timestamp() * 1000)


class Points:
    """The points of one backup folder, oldest first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Their names, in the order in which they were made."""
        return [name for _, name in sorted(self._stems())]

    def readable(self) -> Iterator[Point]:
        """Those that can be read, newest first; one at a time in memory."""
        return filter(None, map(self._read_or_none, reversed(self.names())))

    def newest(self) -> Point | None:
        """The newest that can be read."""
        return next(self.readable(), None)

    def _read_or_none(self, name: str) -> Point | None:
        try:
            return self.read(name)
        except BackupDamaged:
            return None

    def _stems(self) -> dict[tuple[int, str], str]:
        """By number and name, the names of their files without the ending."""
        found = {}
        for ending in _ENDINGS:
            for path in self._folder.glob(f"*{ending}"):
                match = _NUMBERED.fullmatch(path.stem)
                if match and not path.name.startswith("."):
                    found[int(match[1] or 0), match[2]] = path.stem
        return found

    def _paths(self, name: str) -> list[Path]:
        stems = [stem for (_, known), stem in sorted(self._stems().items()) if known == name]
        if not stems:
            raise NoSuchPoint(
                f"There is no backup called '{name}'. There are: {', '.join(self.names()) or 'none'}"
            )
        return [self._folder / f"{stems[-1]}{ending}" for ending in _ENDINGS]

    def unused_name(self, now_ms: int) -> str:
        """A name for a point that is made now."""
        name = datetime.fromtimestamp(now_ms / 1000, UTC).strftime(_NAME_FORMAT)
        taken = set(self.names())
        candidates = (name, *(f"{name}-{n}" for n in range(2, 10_000)))
        return next(candidate for candidate in candidates if candidate not in taken)

    def write(self, point: Point) -> None:
        """Add the newest one, durably. Raises OSError."""
        make_folder(self._folder)
        number = max((number for number, _ in self._stems()), default=0) + 1
        text = json.dumps({"format": FORMAT, "block_octets": BLOCK_OCTETS, **asdict(point)}).encode()
        for ending in _ENDINGS:
            path = self._folder / f"{number:06}.{point.name}{ending}"
            write_whole(path, sha256(text).hexdigest().encode() + b"\n" + text)

    def read(self, name: str) -> Point:
        """The point of this name. Raises `NoSuchPoint` or `BackupDamaged`."""
        paths = self._paths(name)
        text = next(filter(None, map(_text, paths)), None)
        if text is None:
            raise BackupDamaged(f"the list of files of {name} is damaged: {paths[0]}")
        found = json.loads(text)
        if found.pop("format") > FORMAT or found.pop("block_octets") != BLOCK_OCTETS:
            raise BackupDamaged(f"{name} was made by a newer Pillarbox; use that one to restore it")
        holdings = found.pop("holdings", None)
        if holdings:
            holdings = Holdings(**{**holdings, "domains": tuple(holdings["domains"])})
        files = tuple(BackedUpFile(**file) for file in found.pop("files"))
        damage = tuple(found.pop("damage", ()))
        return Point(**found, files=files, holdings=holdings, damage=damage)

    def damaged_files(self, name: str) -> list[Path]:
        """Which of its two files are damaged or missing; in format 1 there was only one."""
        return [path for path in self._paths(name) if _text(path) is None and not _was_never_written(path)]

    def _unreadable_files(self, name: str) -> list[Path]:
        return [path for path in self._paths(name) if _text(path) is None]

    def mend(self) -> None:
        """Write again the file of each point that is damaged or missing, from the other. Raises OSError."""
        for left in self._folder.glob(".*.unfinished"):
            left.unlink()
        for name in self.names():
            sound = [path for path in self._paths(name) if _text(path) is not None]
            if len(sound) == 1:
                for path in self._unreadable_files(name):
                    write_whole(path, sound[0].read_bytes())

    def remove(self, names: Iterable[str]) -> None:
        """Remove these. Raises OSError."""
        for name in names:
            for path in self._paths(name):
                path.unlink(missing_ok=True)


def _was_never_written(path: Path) -> bool:
    """Whether this is the copy of a point of format 1, before a writing run has made one."""
    match = _NUMBERED.fullmatch(path.stem)
    return path.suffix == ".copy" and match is not None and match[1] is None and not path.exists()


def _text(path: Path) -> bytes | None:
    """What a file of a point says; `None` where it is missing, damaged or can't be read."""
    try:
        digest, _, text = path.read_bytes().partition(b"\n")
    except OSError:
        return None
    return text if sha256(text).hexdigest().encode() == digest else None
