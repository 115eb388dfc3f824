"""`pillarbox fsck`: check and repair the data directory."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, counted, on_installation
from pillarbox.app.commands.progress import steps

if TYPE_CHECKING:
    from pillarbox.admin.fsck import Problem, Report


@click.command("fsck")
@click.option(
    "--repair",
    "repairing",
    is_flag=True,
    help="Repair what loses nothing. Stop the server first.",
)
@click.option("--quick", is_flag=True, help="Do not read every message.")
@on_installation
def command(installation: Installation, repairing: bool, quick: bool) -> None:
    """Check the consistency of the data directory.

    Without --repair it changes nothing and may run while the server does. It reports each error with what can be
    done about it. Exit code 1: errors are left.
    """
    from pillarbox.admin import fsck
    from pillarbox.app.commands.maintenance import repair_context, schemas

    installation.any_domain = True
    installation.alone = repairing
    database = installation.database  # opened now: from here on root acts as its owner
    context = repair_context(installation)
    with steps("Checking", shown=not installation.as_json) as progress:
        report = installation.read(fsck.check, context, schemas(), quick=quick, progress=progress)
    found = list(report.problems)
    if repairing and not report.sound:
        with steps("Repairing", shown=not installation.as_json) as progress:
            report.repaired = fsck.repair(database, context, schemas(), progress)
        with steps("Checking again", shown=not installation.as_json) as progress:
            report.problems = installation.read(
                fsck.check, context, schemas(), quick=quick, progress=progress
            ).problems
    data = {"found": found, "repaired": report.repaired, "left": report.problems, "checks": report.checks}
    installation.show(data, _text(report, found, repairing=repairing))
    if not report.sound:
        raise SystemExit(1)


def _text(report: "Report", found: "list[Problem]", *, repairing: bool) -> str:
    checked = f"{report.checks} invariants and {report.blobs} messages checked"
    if not found:
        return f"No errors found. {checked}."
    lines = [f"{counted(len(found), 'error')} found. {checked}.", ""]
    last = ""
    for problem in report.problems:
        lines.append(f"{problem.check}: {problem.what}")
        if problem.remedy != last:
            who = "--repair: " if problem.repairable else "what to do: "
            lines.append(f"    {who}{problem.remedy}")
            last = problem.remedy
    if repairing:
        lines.append(
            f"Repaired: {', '.join(report.repaired) or 'nothing'}. {counted(len(report.problems), 'error')} left."
        )
    return "\n".join(lines)
