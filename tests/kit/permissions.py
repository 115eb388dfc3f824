"""Letting other users through to a test's folder: what pytest makes is for one user only."""

import stat
from pathlib import Path


def grant_others_access(folder: Path) -> None:
    """Others may enter and list this folder and those above it; no folder loses a right it had."""
    for path in (folder, *folder.parents):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o055 != 0o055:
            path.chmod(mode | 0o055)
