"""Where backups of this data directory were made: a list in a file, one folder a line.

A folder that held a backup and is empty now is a disk that is not mounted, more likely than a wish to begin anew.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pillarbox.admin.backup.folder import BackupRefused, is_backup, points_of
from pillarbox.admin.backup.points import made_at_ms
from pillarbox.world.durable import write_whole


def require_still_there(places: Path, directory: Path) -> None:
    """Raise `BackupRefused` if there was a backup in `directory` and there is none now. Raises OSError."""
    if str(directory.absolute()) in _read(places) and not is_backup(directory):
        raise BackupRefused(
            f"There is no backup in {directory}, and there was one. Is its disk mounted? To begin a new one there:"
            f" pillarbox backup {directory} --force"
        )


@dataclass(frozen=True, slots=True)
class LastBackup:
    """The newest point in a folder where backups were made."""

    directory: str
    point: str | None
    """Its name; `None` where the folder has none, or can't be read."""
    made_at_ms: int | None
    trouble: str = ""
    """Why there is none."""


def last_backups(places: Path) -> list[LastBackup]:
    """The newest point of each place, without reading it. Raises OSError where the list can't be read."""
    return [_last_backup(Path(place)) for place in _read(places)]


def _last_backup(directory: Path) -> LastBackup:
    try:
        if not is_backup(directory):
            return LastBackup(str(directory), None, None, "there is no backup. Is its disk mounted?")
        names = points_of(directory).names()
    except OSError as failure:
        return LastBackup(str(directory), None, None, str(failure.strerror))
    if not names:
        return LastBackup(str(directory), None, None, "there is no complete point")
    return LastBackup(str(directory), names[-1], made_at_ms(names[-1]))


def remember(places: Path, directory: Path) -> None:
    """Note that there is a backup in `directory`. Where that can't be written, the backup is none the worse."""
    known = _read(places)
    if str(directory.absolute()) in known:
        return
    with suppress(OSError):
        write_whole(
            places,
            "".join(f"{place}\n" for place in [*known, directory.absolute()]).encode(
                errors="surrogateescape"
            ),
        )


def _read(places: Path) -> list[str]:
    try:
        return places.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return []
