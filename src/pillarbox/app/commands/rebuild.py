"""`pillarbox rebuild`: a new database from what can be read of a damaged one."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, on_installation
from pillarbox.app.commands.progress import steps

if TYPE_CHECKING:
    from pillarbox.admin.rebuild import RebuildResult


@click.command("rebuild")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_installation
def command(here: Installation, yes: bool) -> None:
    """Make the database anew from what can be read of it, and from the messages.

    For a database that is damaged, or has lost a table. Stop the server first. The old database stays beside
    the new one; there must be room for both. Where you have a good backup of today, restore that instead.
    """
    from pillarbox.admin.rebuild import rebuild_database
    from pillarbox.app.commands.maintenance import repair_context, schemas
    from pillarbox.app.privileges import as_owner_of

    if not yes and not here.as_json:
        click.confirm(f"Make {here.settings.database} anew?", abort=True)
    with as_owner_of(here.settings.data), steps("Rebuilding:", shown=not here.as_json) as progress:
        done = rebuild_database(here.settings.database, repair_context(here), schemas(), progress)
    here.say(done, _text(done))
    if done.problems:
        raise SystemExit(1)


def _text(done: "RebuildResult") -> str:
    gaps = sum(table.gaps for table in done.tables)
    lines = [
        f"{done.rows} rows were copied; {gaps} places could not be read.",
        f"{done.emails.rendered} messages were read anew.",
    ]
    if done.relinked:
        lines.append(f"{done.relinked} messages had lost their rows and were found again.")
    if done.emails.unreadable:
        lines.append(f"{done.emails.unreadable} messages have lost their octets: see pillarbox fsck.")
    if done.lost:
        lines.append(f"{done.lost} messages are lost and were taken out of their mailboxes.")
    if done.repaired:
        lines.append(f"Repaired: {', '.join(done.repaired)}.")
    lines += [f"{problem.check}: {problem.what}\n    {problem.remedy}" for problem in done.problems]
    lines.append(f"The old database is {done.old_database}: remove it when all is well.")
    return "\n".join(lines)
