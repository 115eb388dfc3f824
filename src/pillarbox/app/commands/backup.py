"""`pillarbox backup`: incremental backups while the server runs."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import Installation, counted, on_installation, table
from pillarbox.app.commands.maintenance import form, schemas
from pillarbox.app.commands.progress import octets_read

if TYPE_CHECKING:
    from pillarbox.admin.backup import BackupResult, LostMessage, VerifiedPoint, VerifyReport


@click.command("backup")
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@click.option("--keep", type=click.IntRange(1, 10_000), metavar="N", help="Keep only the newest N points.")
@click.option("--list", "listing", is_flag=True, help="List the existing points instead.")
@click.option("--verify", "verifying", is_flag=True, help="Read and check everything instead.")
@click.option(
    "--force",
    is_flag=True,
    help="Back up although most accounts are gone, or begin anew where a backup has disappeared.",
)
@on_installation
def command(
    installation: Installation,
    directory: Path,
    keep: int | None,
    listing: bool,
    verifying: bool,
    force: bool,
) -> None:
    """Add a point in time to the backup in DIRECTORY.

    The server may run meanwhile. The first run copies everything, later ones what has changed. To restore a
    point: pillarbox restore DIRECTORY. The configuration file is not included: keep a copy of it as well.

    Exit code 1: messages are damaged or missing, and are listed; the point has everything else.
    """
    if listing and verifying:
        raise click.UsageError("Give --list or --verify, not both.")
    if (listing or verifying) and (keep or force):
        raise click.UsageError("--keep and --force are for making a backup.")
    if listing:
        _list(installation, directory)
    elif verifying:
        _verify(installation, directory)
    else:
        _make(installation, directory, keep, force=force)


def _make(installation: Installation, directory: Path, keep: int | None, *, force: bool) -> None:
    from pillarbox.admin import backup
    from pillarbox.admin.backup import known_places
    from pillarbox.app.privileges import as_invoker

    database = installation.database
    places = installation.data.backups
    with octets_read("Backing up", shown=not installation.as_json) as progress, as_invoker():
        if not force:
            known_places.require_still_there(places, directory)
        made = backup.make_backup(
            database,
            installation.data.path,
            directory,
            keep=keep,
            now_ms=installation.now_ms,
            progress=progress,
            force=force,
            schemas=schemas(),
        )
    known_places.remember(places, directory)
    installation.show(made, "\n".join(_made(made, directory)))
    if made.damaged or made.unreadable:
        raise SystemExit(1)


def _made(made: "BackupResult", directory: Path) -> Iterable[str]:
    healed = f", {shown(made.healed_octets)} written again" if made.healed_octets else ""
    yield (
        f"Backup completed: {made.point}: {counted(made.files, 'file')}, {shown(made.octets)}"
        f" ({shown(made.new_octets)} new{healed}), {counted(len(made.points), 'point')} kept"
    )
    yield from _damaged("Damaged or missing in the data directory:", made.damaged)
    if made.damaged:
        yield f"To have back what earlier points have: pillarbox restore {directory} --missing"
    if made.unreadable:
        yield "Could not be read:"
        yield from (f"  {what}" for what in made.unreadable)
        yield "See: pillarbox fsck, and: pillarbox backup --verify"


def _damaged(title: str, messages: "Iterable[LostMessage]") -> Iterable[str]:
    lines = [f"  {message.line}" for message in messages]
    return [title, *lines] if lines else []


def _list(installation: Installation, directory: Path) -> None:
    from pillarbox.admin import backup

    rows: list[tuple[object, ...]] = []
    data: list[dict[str, object]] = []
    with backup.open_backup(directory) as folder:
        for name in folder.points.names():
            try:
                point = folder.points.read(name)
            except backup.BackupDamaged as damaged:
                rows.append((name, "", "", "", "", str(damaged)))
                data.append({"name": name, "error": str(damaged)})
                continue
            state = f"{len(point.damage)} damaged" if point.damage else ""
            rows.append((name, point.made_at, len(point.files), shown(point.octets), point.pillarbox, state))
            data.append(
                {
                    "name": name,
                    "made_at": point.made_at,
                    "files": len(point.files),
                    "octets": point.octets,
                    "damage": point.damage,
                }
            )
    text = table(("POINT", "CREATED", "FILES", "SIZE", "VERSION", "DAMAGE"), rows)
    installation.show(
        data, text if rows else "No complete point: the first run was interrupted. Run it again."
    )
    if any("error" in point for point in data) or not rows:
        raise SystemExit(1)


def _verify(installation: Installation, directory: Path) -> None:
    from pillarbox.admin import backup

    with (
        octets_read("Verifying", shown=not installation.as_json) as progress,
        backup.work_folder(installation.data.path) as work,
    ):
        report = backup.verify_backup(directory, work, form(installation), progress)
    installation.show(report, "\n".join(_verified(report, directory)))
    if not report.sound:
        raise SystemExit(1)


def _verified(report: "VerifyReport", directory: Path) -> Iterable[str]:
    for point in report.points:
        yield from _point(point)
    yield from report.damage
    if report.sound:
        yield f"Backup verified: {counted(len(report.points), 'point')}, all can be restored."
        return
    yield (
        f"The backup is damaged. Delete nothing: what is sound can be restored. To write again what the data"
        f" directory still has: pillarbox backup {directory}"
    )


def _point(point: "VerifiedPoint") -> Iterable[str]:
    if point.sound:
        yield f"{point.name}: verified, {shown(point.octets)}"
    elif point.can_be_restored:
        yield f"{point.name}: damaged, can be restored without what is listed"
    else:
        yield f"{point.name}: can't be restored"
    yield from (f"  {what}" for what in point.damage)
    yield from (f"  {message.line}" for message in point.lost)
