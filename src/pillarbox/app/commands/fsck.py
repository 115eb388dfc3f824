"""`pillarbox fsck`: is everything as it must be?"""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, on_installation
from pillarbox.app.commands.progress import steps

if TYPE_CHECKING:
    from pillarbox.admin.fsck import Problem, Report


@click.command("fsck")
@click.option("--repair", "repairing", is_flag=True, help="Mend what loses nothing. Stop the server first.")
@click.option("--quick", is_flag=True, help="Do not read every message.")
@on_installation
def command(here: Installation, repairing: bool, quick: bool) -> None:
    """Look at everything that must always be true of the data directory.

    Without --repair it changes nothing, and may run while mail is served. It says what it found and what can be
    done about it. Exit code 1: something was found that is not repaired.
    """
    from pillarbox.admin import fsck
    from pillarbox.app.commands.maintenance import repair_context, schemas

    if repairing:
        here.alone = True
    database = here.database  # from here on as its owner
    context = repair_context(here)
    with steps("Looking at", shown=not here.as_json) as progress:
        report = here.read(fsck.check, context, schemas(), quick=quick, progress=progress)
    found = list(report.problems)
    if repairing and not report.sound:
        with steps("Repairing", shown=not here.as_json) as progress:
            report.repaired = fsck.repair(database, context, schemas(), progress)
        with steps("Looking again at", shown=not here.as_json) as progress:
            report.problems = here.read(
                fsck.check, context, schemas(), quick=quick, progress=progress
            ).problems
    data = {"found": found, "repaired": report.repaired, "left": report.problems, "checks": report.checks}
    here.say(data, _text(report, found, repairing=repairing))
    if not report.sound:
        raise SystemExit(1)


def _text(report: "Report", found: "list[Problem]", *, repairing: bool) -> str:
    looked = f"{report.checks} invariants and {report.blobs} messages were looked at"
    if not found:
        return f"Everything is as it must be. {looked}."
    lines = [f"{len(found)} things are not as they must be. {looked}.", ""]
    last = ""
    for problem in report.problems:
        lines.append(f"{problem.check}: {problem.what}")
        if problem.remedy != last:
            does = "--repair: " if problem.repairable else "what to do: "
            lines.append(f"    {does}{problem.remedy}")
            last = problem.remedy
    if repairing:
        lines.append(
            f"Repaired: {', '.join(report.repaired) or 'nothing'}. {len(report.problems)} things are left."
        )
    return "\n".join(lines)
