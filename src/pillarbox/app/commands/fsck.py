"""`pillarbox fsck`: check and repair the data directory."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, counted, on_installation
from pillarbox.app.commands.progress import steps

if TYPE_CHECKING:
    from pillarbox.admin.fsck import Finding, Report


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
    from pillarbox.app.commands.maintenance import ground, schemas

    if repairing:
        installation.alone = True
    database = installation.database  # opened now: from here on root acts as its owner
    around = ground(installation)
    with steps("Checking", shown=not installation.as_json) as progress:
        report = installation.read(fsck.look, around, schemas(), quick=quick, progress=progress)
    found = list(report.findings)
    if repairing and not report.sound:
        with steps("Repairing", shown=not installation.as_json) as progress:
            report.mended = fsck.repair(database, around, schemas(), progress)
        with steps("Checking again", shown=not installation.as_json) as progress:
            report.findings = installation.read(
                fsck.look, around, schemas(), quick=quick, progress=progress
            ).findings
    data = {"found": found, "mended": report.mended, "left": report.findings, "checks": report.checks}
    installation.show(data, _text(report, found, repairing=repairing))
    if not report.sound:
        raise SystemExit(1)


def _text(report: "Report", found: "list[Finding]", *, repairing: bool) -> str:
    checked = f"{report.checks} invariants and {report.blobs} messages checked"
    if not found:
        return f"No errors found. {checked}."
    lines = [f"{counted(len(found), 'error')} found. {checked}.", ""]
    last = ""
    for finding in report.findings:
        lines.append(f"{finding.check}: {finding.what}")
        if finding.remedy != last:
            who = "--repair: " if finding.mendable else "what to do: "
            lines.append(f"    {who}{finding.remedy}")
            last = finding.remedy
    if repairing:
        lines.append(
            f"Repaired: {', '.join(report.mended) or 'nothing'}. {counted(len(report.findings), 'error')} left."
        )
    return "\n".join(lines)
