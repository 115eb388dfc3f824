"""`pillarbox kick`: ending sessions."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation
from pillarbox.app.commands.sessions import ask_workers, login_of, report_silent, require_text, selecting

if TYPE_CHECKING:
    from pillarbox.admin.control.messages import Selection

_NOTHING_SELECTED = (
    "Nothing selected. Give an account, an ID, --address or --service; "
    "ending the sessions of everybody needs --all"
)


@click.command("kick")
@click.argument("targets", nargs=-1, metavar="[ACCOUNT|ID]...")
@click.option("--all", "everybody", is_flag=True, help="End the sessions of everybody.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_installation
@selecting
def command(
    installation: Installation, selection: "Selection", targets: tuple[str, ...], everybody: bool, yes: bool
) -> None:
    """End sessions: of an account, with an ID (see: pillarbox who), or from an address.

    Clients are told, and may connect again at once. To keep an account out: pillarbox account disable ACCOUNT.
    """
    from pillarbox.admin.control.messages import GetSessions, Kick, Kicked, Session

    if not (targets or selection.network or selection.service or everybody):
        raise CommandFailed(_NOTHING_SELECTED)
    for target in targets:
        require_text("account or ID", target)
    selections = _selections(installation, selection, targets)
    if not yes and installation.as_json:
        raise CommandFailed("With --json nobody can be asked: add --yes")
    if not yes:
        found = {
            answer.id
            for one in selections
            for reply in ask_workers(installation, GetSessions(one))
            for answer in reply.answers
            if isinstance(answer, Session)
        }
        if found and not click.confirm(f"End {counted(len(found), 'session')}?", default=False, err=True):
            raise CommandFailed("Nothing was ended")
    kicked, replies = 0, []
    for one in selections:
        replies = ask_workers(installation, Kick(one))
        answers = (answer for reply in replies for answer in reply.answers)
        kicked += sum(answer.sessions for answer in answers if isinstance(answer, Kicked))
    installation.show({"sessions": kicked}, f"{counted(kicked, 'session')} ended.")
    report_silent(replies)
    if not kicked and any(one.ids for one in selections):
        raise SystemExit(1)  # the session that was meant was not there: a script should notice


def _selections(
    installation: Installation, selection: "Selection", targets: tuple[str, ...]
) -> "list[Selection]":
    """One for each account, and one for all IDs: these have no @, and a number first."""
    from msgspec.structs import replace

    ids = tuple(target for target in targets if "@" not in target and target.partition(".")[0].isdecimal())
    logins = [login_of(installation, target) for target in targets if target not in ids]
    found = [replace(selection, login=login) for login in logins]
    if ids or not logins:
        found.append(replace(selection, ids=ids))
    return found
