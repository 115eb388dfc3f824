"""`pillarbox restore`: the data directory as of a point in time."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import Installation, on_installation
from pillarbox.app.commands.progress import octets_read

if TYPE_CHECKING:
    from pillarbox.config.schema import Config


@click.command("restore")
@click.argument("directory", type=click.Path(file_okay=False, exists=True, path_type=Path))
@click.option(
    "--point",
    metavar="NAME",
    help="The point to restore (see `pillarbox backup --list`); by default the newest.",
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Restore into this folder instead of the data directory.",
)
@on_installation
def command(installation: Installation, directory: Path, point: str | None, to: Path | None) -> None:
    """Restore the data directory from the backup in DIRECTORY.

    The data directory must be empty or missing: existing mail is never overwritten. Everything is verified and
    opened before it is put in place.
    """
    from pillarbox.admin.backup import restore_backup
    from pillarbox.app.database import SCHEMAS

    target = to or installation.data.path
    with octets_read("Restoring", shown=not installation.as_json) as progress:
        restored = restore_backup(
            directory,
            target,
            point=point,
            schemas=SCHEMAS,
            database_name=installation.data.database.name,
            progress=progress,
            settle=lambda folder: _give_to_server(folder, installation.config),
        )
    next_step = "pillarbox fsck"
    if to:
        next_step += f', with --config and a copy of the configuration with: data = "{target.absolute()}"'
    installation.show(
        {"point": restored.name, "made_at": restored.made_at, "data": target},
        f"Restored {restored.name} of {restored.made_at} to {target} ({shown(restored.octets)})."
        f" To check it: {next_step}",
    )


def _give_to_server(folder: Path, config: "Config") -> None:
    """Where root restores, give the files to the user that serves."""
    import os

    from pillarbox.app.privileges import identity

    if os.geteuid() != 0 or not config.user:
        return
    server = identity(config.user, config.group)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, server.user, server.group, follow_symlinks=False)
