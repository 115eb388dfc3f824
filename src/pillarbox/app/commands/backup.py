"""`pillarbox backup`: a point in time, made while mail is served."""

from pathlib import Path

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import Installation, on_installation, table
from pillarbox.app.commands.progress import octets_read


@click.command("backup")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(1, 10_000), metavar="N", help="Keep the newest N points only.")
@click.option("--list", "listing", is_flag=True, help="Make none; list the points that are there.")
@click.option("--verify", "verifying", is_flag=True, help="Make none; read the newest point and compare it.")
@on_installation
def command(here: Installation, directory: Path, keep: int | None, listing: bool, verifying: bool) -> None:
    """Add a point in time to the backup in DIRECTORY.

    The server may go on serving. The first run copies everything, later ones what is new. To have a point
    back: pillarbox restore DIRECTORY. The configuration file is not part of it: keep a copy of that as well.
    """
    if listing and verifying:
        raise click.UsageError("Give --list or --verify, not both.")
    if listing:
        _list(here, directory)
    elif verifying:
        _verify(here, directory)
    else:
        _make(here, directory, keep)


def _make(here: Installation, directory: Path, keep: int | None) -> None:
    from pillarbox.admin import backup
    from pillarbox.app.privileges import as_invoker

    database = here.database
    with octets_read("Backing up", shown=not here.as_json) as progress, as_invoker():
        made = backup.make_backup(
            database, here.settings.data, directory, keep=keep, now_ms=here.now_ms, progress=progress
        )
    lines = [
        (
            f"{made.point}: {made.files} files, {shown(made.octets)}, of which {shown(made.new_octets)} are new."
            f" {len(made.points)} points are kept."
        )
    ]
    if made.damaged:
        lines += [
            "",
            "These messages were damaged before they were backed up (see: pillarbox fsck):",
            *(f"  {path}" for path in made.damaged),
        ]
    here.say(made, "\n".join(lines))
    if made.damaged:
        raise SystemExit(1)


def _list(here: Installation, directory: Path) -> None:
    from pillarbox.admin import backup

    with backup.open_backup(directory) as folder:
        points = [folder.points.read(name) for name in folder.points.names()]
    rows = (
        (point.name, point.made_at, len(point.files), shown(point.octets), point.pillarbox)
        for point in points
    )
    told = [
        {"name": point.name, "made_at": point.made_at, "files": len(point.files), "octets": point.octets}
        for point in points
    ]
    here.say(told, table(("POINT", "MADE AT", "FILES", "SIZE", "BY"), rows))


def _verify(here: Installation, directory: Path) -> None:
    from pillarbox.admin import backup

    with octets_read("Comparing", shown=not here.as_json) as progress:
        point = backup.verify_backup(directory, None, progress)
    here.say(
        {"verified": point.name, "octets": point.octets}, f"{point.name} is whole: {shown(point.octets)}."
    )
