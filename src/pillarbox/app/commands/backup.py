"""`pillarbox backup`: incremental backups while the server runs."""

from pathlib import Path

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import Installation, counted, on_installation, table
from pillarbox.app.commands.progress import octets_read


@click.command("backup")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(1, 10_000), metavar="N", help="Keep only the newest N points.")
@click.option("--list", "listing", is_flag=True, help="List the existing points instead.")
@click.option("--verify", "verifying", is_flag=True, help="Verify the newest point instead.")
@on_installation
def command(
    installation: Installation, directory: Path, keep: int | None, listing: bool, verifying: bool
) -> None:
    """Add a point in time to the backup in DIRECTORY.

    The server may run meanwhile. The first run copies everything, later ones what has changed. To restore a
    point: pillarbox restore DIRECTORY. The configuration file is not included: keep a copy of it as well.
    """
    if listing and verifying:
        raise click.UsageError("Give --list or --verify, not both.")
    if listing:
        _list(installation, directory)
    elif verifying:
        _verify(installation, directory)
    else:
        _make(installation, directory, keep)


def _make(installation: Installation, directory: Path, keep: int | None) -> None:
    from pillarbox.admin import backup
    from pillarbox.app.privileges import as_invoker

    database = installation.database
    with octets_read("Backing up", shown=not installation.as_json) as progress, as_invoker():
        made = backup.make_backup(
            database,
            installation.data.path,
            directory,
            keep=keep,
            now_ms=installation.now_ms,
            progress=progress,
        )
    lines = [
        (
            f"Backup completed: {made.point}: {counted(made.files, 'file')}, {shown(made.octets)}"
            f" ({shown(made.new_octets)} new), {counted(len(made.points), 'point')} kept"
        )
    ]
    if made.damaged:
        lines += [
            "",
            "These messages are damaged in the data directory (see: pillarbox fsck):",
            *(f"  {path}" for path in made.damaged),
        ]
    installation.show(made, "\n".join(lines))
    if made.damaged:
        raise SystemExit(1)


def _list(installation: Installation, directory: Path) -> None:
    from pillarbox.admin import backup

    with backup.open_backup(directory) as folder:
        points = [folder.points.read(name) for name in folder.points.names()]
    rows = (
        (point.name, point.made_at, len(point.files), shown(point.octets), point.pillarbox)
        for point in points
    )
    data = [
        {"name": point.name, "made_at": point.made_at, "files": len(point.files), "octets": point.octets}
        for point in points
    ]
    installation.show(data, table(("POINT", "CREATED", "FILES", "SIZE", "VERSION"), rows))


def _verify(installation: Installation, directory: Path) -> None:
    from pillarbox.admin import backup

    with octets_read("Verifying", shown=not installation.as_json) as progress:
        point = backup.verify_backup(directory, None, progress)
    installation.show(
        {"verified": point.name, "octets": point.octets},
        f"Backup verified: {point.name}: {shown(point.octets)}",
    )
