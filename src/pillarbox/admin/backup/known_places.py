"""Where backups of this data directory were made: a list in a file, one folder a line.

A folder that held a backup and is empty now is a disk that is not mounted, more likely than a wish to begin anew.
"""

from contextlib import suppress
from pathlib import Path

from pillarbox.admin.backup.folder import BackupRefused, is_backup
from pillarbox.world.durable import write_whole


def require_still_there(places: Path, directory: Path) -> None:
    """Raise `BackupRefused` if there was a backup in `directory` and there is none now. Raises OSError."""
    if str(directory.absolute()) in _read(places) and not is_backup(directory):
        raise BackupRefused(
            f"There is no backup in {directory}, and there was one. Is its disk mounted? To begin a new one there:"
            f" pillarbox backup {directory} --force"
        )


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
