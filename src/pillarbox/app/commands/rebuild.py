"""`pillarbox rebuild`: a new database from a damaged one."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, counted, on_installation, require_data_directory
from pillarbox.app.commands.progress import steps
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.admin.rebuild import RebuildResult


LOST_AND_FOUND = "blob-is-used"
"""The invariant whose repair puts octets into lost+found."""


@click.command("rebuild")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@on_installation
def command(installation: Installation, yes: bool) -> None:
    """Rebuild the database from what can be read of it, and from the messages.

    For a database that is damaged or has lost a table. Stop the server first. The old database is kept beside
    the new one, so there must be room for both. With a recent backup, restore that instead.

    Exit code 1: messages were lost, or errors are left; both are listed.
    """
    from pillarbox.admin.rebuild import rebuild_database
    from pillarbox.app.commands.maintenance import repair_context, schemas
    from pillarbox.app.privileges import as_owner_of
    from pillarbox.world.blobs import FileBlobs

    require_data_directory(installation.data)
    if not yes and not installation.as_json:
        click.confirm(f"Rebuild {installation.data.database}?", abort=True)
    with (
        as_owner_of(installation.data.path),
        steps("Rebuilding:", shown=not installation.as_json) as progress,
    ):
        # Not as the installation opens them: that reads the database, which is damaged
        context = repair_context(installation, FileBlobs(installation.data.blobs, make=False))
        done = rebuild_database(installation.data.database, context, schemas(), progress)
    installation.show(done, _text(done, installation))
    if done.problems or done.lost:
        raise SystemExit(1)


def _text(done: "RebuildResult", installation: Installation) -> str:
    gaps = sum(table.gaps for table in done.tables)
    lines = [
        f"{done.rows} rows copied, {counted(gaps, 'gap')} that could not be read.",
        f"{counted(done.emails.rendered, 'message')} parsed again.",
    ]
    if done.log_damage:
        lines.append(visible(f"Before: {done.log_damage}."))
    nothing = [table.table for table in done.tables if table.gaps and not table.rows]
    if nothing:
        lines.append(f"Nothing could be read of: {', '.join(nothing)}.")
    if done.relinked:
        lines.append(f"{counted(done.relinked, 'message')} without a row recovered.")
    if done.emails.unreadable:
        lines.append(f"{counted(done.emails.unreadable, 'message')} can't be read: see pillarbox fsck.")
    if done.lost:
        lines.append(f"{counted(len(done.lost), 'message')} lost and removed from the mailboxes:")
        lines += [visible(f"  {what}") for what in done.lost]
    if done.repaired:
        lines.append(f"Repaired: {', '.join(done.repaired)}.")
    if LOST_AND_FOUND in done.repaired:
        lines.append(f"Messages whose owner is not known are files in {installation.data.lost_and_found}.")
    lines += [
        visible(f"{problem.check}: {problem.what}") + f"\n    {problem.remedy}" for problem in done.problems
    ]
    lines.append(f"The old database was kept as {done.old_database}. Remove it when all is well.")
    return "\n".join(lines)
