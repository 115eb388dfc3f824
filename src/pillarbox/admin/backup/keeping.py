"""Which points are kept.

The newest is the one that was made last, whatever the clock said. A point that can't be read is never removed, and
counts for nothing; as long as there is one, no block is removed, for nobody knows which it needs.
"""

from dataclasses import dataclass

from pillarbox.admin.backup.folder import BackupFolder
from pillarbox.admin.backup.points import Point
from pillarbox.admin.permissions import OPERATOR, may


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed."""

    octets: int
    """Of packs."""
    unreadable: tuple[str, ...]
    """Points that can't be read."""


@may(OPERATOR)
def remove_old(folder: BackupFolder, keep: int | None) -> Removed:
    """Remove all points but the newest `keep`, and the newest that is whole; then the blocks that none needs.

    Raises OSError.
    """
    needed: set[bytes] = set()
    readable, old = [], []
    found_whole = False
    for number, point in enumerate(folder.points.readable()):
        readable.append(point.name)
        is_newest_whole = keep is not None and not found_whole and is_whole(folder, point)
        found_whole = found_whole or is_newest_whole
        if keep is None or number < keep or is_newest_whole:
            needed |= point.needed()
        else:
            old.append(point.name)
    unreadable = tuple(name for name in folder.points.names() if name not in readable)
    folder.points.remove(old)
    return Removed(0 if unreadable else folder.packs.keep_only(needed), unreadable)


@may(OPERATOR)
def is_whole(folder: BackupFolder, point: Point) -> bool:
    """Whether a point lacks nothing: nothing was damaged when it was made, and every block can be had."""
    # In the order of the files, which is about that of the packs
    return not point.damage and all(
        folder.packs.is_sound(digest) for file in point.files for digest in file.digests
    )
