"""Every invariant of a data directory at rest."""

from pathlib import Path

from pillarbox.admin.fsck import RepairContext, check
from pillarbox.app.database import SCHEMAS
from pillarbox.world.blobs import FileBlobs
from pillarbox.world.database.sqlite import open_database


def assert_sound(directory: Path, *, quick: bool = False) -> None:
    """Raises AssertionError with what is wrong. A log that was found damaged is, since nothing damages it here."""
    kept = list(directory.glob("*.damaged-*"))
    assert not kept, f"taken for damage: {kept}"
    database = open_database(directory / "pillarbox.db", SCHEMAS)
    try:
        context = RepairContext(FileBlobs(directory / "blobs"), 0, directory / "lost+found")
        report = database.read_now(check, context, SCHEMAS, quick=quick)
    finally:
        database.close_now()
    assert report.sound, "\n".join(f"{one.check}: {one.what}" for one in report.problems)
    assert report.checks > 20
