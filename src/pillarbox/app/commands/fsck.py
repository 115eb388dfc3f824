"""`pillarbox fsck`: check and repair the data directory."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, counted, on_installation
from pillarbox.app.commands.progress import steps
from pillarbox.mail.visible import visible

if TYPE_CHECKING:
    from pillarbox.admin.fsck import Problem, Report


@click.command("fsck")
@click.option(
    "--repair",
    "repairing",
    is_flag=True,
    help="Repair what loses nothing. Stop the server first.",
)
@click.option(
    "--accept-loss",
    is_flag=True,
    help="With --repair: remove what is lost from mailboxes and queue; what is left of it goes to lost+found.",
)
@click.option("--quick", is_flag=True, help="Do not read every message.")
@on_installation
def command(installation: Installation, repairing: bool, accept_loss: bool, quick: bool) -> None:
    """Check the consistency of the data directory.

    Without --repair it changes nothing and may run while the server does. It reports each error with what can be
    done about it; what is lost is listed message by message. Exit code 1: errors are left.
    """
    if accept_loss and (quick or not repairing):
        raise click.UsageError("--accept-loss goes with --repair, and reads every message: not with --quick.")
    from pillarbox.admin import fsck
    from pillarbox.app.commands.maintenance import repair_context, schemas

    installation.any_domain = True
    installation.alone = repairing
    database = installation.database  # opened now: from here on root acts as its owner
    context = repair_context(installation, installation.blobs)
    with steps("Checking", shown=not installation.as_json) as progress:
        report = installation.read(fsck.check, context, schemas(), quick=quick, progress=progress)
    report.problems += _of_installation(installation)
    found = list(report.problems)
    if repairing and not report.sound:
        with steps("Repairing", shown=not installation.as_json) as progress:
            report.repaired = fsck.repair(database, context, schemas(), progress, accept_loss=accept_loss)
            if accept_loss and fsck.accept_log_losses(installation.data.database):
                report.repaired.append("what the log has lost")
        with steps("Checking again", shown=not installation.as_json) as progress:
            report.problems = installation.read(
                fsck.check, context, schemas(), quick=quick, progress=progress
            ).problems
        report.problems += _of_installation(installation)
    data = {
        "notes": report.notes,
        "found": found,
        "repaired": report.repaired,
        "left": report.problems,
        "checks": report.checks,
    }
    installation.show(data, _text(report, found, repairing=repairing, accepted=accept_loss))
    if not report.sound:
        raise SystemExit(1)


def _of_installation(installation: Installation) -> "list[Problem]":
    """What is not in the database's tables."""
    from pillarbox.admin.fsck import log_losses

    return [*log_losses(installation.data.database), *_unknown_domain(installation)]


def _unknown_domain(installation: Installation) -> "list[Problem]":
    """Without the configured domain the server does not start."""
    from pillarbox.admin.fsck import Problem
    from pillarbox.directory import domains
    from pillarbox.world.database import DatabaseFailure

    domain = installation.config.domain
    try:
        if installation.read(domains.get, domain) is not None:
            return []
    except DatabaseFailure:
        return []  # reported by the check
    what = f"{domain}, the configured domain, is not in the database"
    remedy = (
        "If it is another one's: mount the right disk, or restore a backup. Else: pillarbox domain add "
        + domain
    )
    return [Problem("domain", what, remedy, repairable=False)]


def _text(report: "Report", found: "list[Problem]", *, repairing: bool, accepted: bool) -> str:
    checked = f"{report.checks} invariants and {report.blobs} messages checked"
    if not found:
        return "\n".join([f"No errors found. {checked}.", *report.notes])
    lines = [f"{counted(len(found), 'error')} found. {checked}.", ""]
    if accepted:  # what is gone now is told nowhere else
        lines += [visible(f"{one.check}: {one.what}") for one in found if one not in report.problems]
    last = ""
    for problem in report.problems:
        lines.append(visible(f"{problem.check}: {problem.what}"))
        if problem.remedy != last:
            who = "--repair: " if problem.repairable else "what to do: "
            lines.append(f"    {who}{problem.remedy}")
            last = problem.remedy
    if repairing:
        lines.append(
            f"Repaired: {', '.join(report.repaired) or 'nothing'}. {counted(len(report.problems), 'error')} left."
        )
    return "\n".join([*lines, *report.notes])
