"""`pillarbox restore`: the data directory as it was at a point in time."""

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
    "--point", metavar="NAME", help="Which point: see `pillarbox backup --list`. Without it, the newest."
)
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    help="Restore into this folder instead of the configuration's data directory.",
)
@on_installation
def command(here: Installation, directory: Path, point: str | None, to: Path | None) -> None:
    """Bring the data directory back from the backup in DIRECTORY.

    The data directory must be empty or absent: nothing is ever written over mail. Everything is compared and
    tried before it is put in place.
    """
    from pillarbox.admin.backup import restore_backup
    from pillarbox.app.wiring import SCHEMAS

    data = to or here.settings.data
    with octets_read("Restoring", shown=not here.as_json) as progress:
        restored = restore_backup(
            directory,
            data,
            point=point,
            schemas=SCHEMAS,
            database_name=here.settings.database.name,
            progress=progress,
            settle=lambda folder: _give_to_server(folder, here.config),
        )
    look = "pillarbox fsck"
    if to:
        look += f', and --config with a copy of the configuration that says: data = "{data.absolute()}"'
    here.say(
        {"point": restored.name, "made_at": restored.made_at, "data": data},
        f"{data} is as it was at {restored.made_at} ({shown(restored.octets)}). Look at it with: {look}",
    )


def _give_to_server(folder: Path, config: "Config") -> None:
    """Where root restores, the files belong to who serves."""
    import os

    from pillarbox.app.privileges import identity

    if os.geteuid() != 0 or not config.user:
        return
    server = identity(config.user, config.group)
    for path in (folder, *folder.rglob("*")):
        os.chown(path, server.user, server.group, follow_symlinks=False)
