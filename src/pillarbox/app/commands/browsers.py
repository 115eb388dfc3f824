"""`pillarbox account sessions` and `sign-out`: the browsers in which somebody is signed in."""

import click

from pillarbox.app.commands.amounts import moment
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation, table


@click.command("sessions")
@click.argument("login")
@on_installation
def sessions(installation: Installation, login: str) -> None:
    """List the browsers in which an account is signed in.

    METHOD is how: what was shown beside the password, or a passkey alone. Connections of mail programs: pillarbox who.
    """
    from pillarbox.admin import browser_sessions

    found = installation.read(browser_sessions.listing, login, now_ms=installation.now_ms)
    rows = (
        (
            one.id,
            one.method,
            one.address,
            moment(one.created_at_ms),
            moment(one.seen_at_ms),
            moment(one.expires_at_ms),
            one.agent,
        )
        for one in found
    )
    headings = ("ID", "METHOD", "ADDRESS", "SINCE", "LAST SEEN", "UNTIL", "BROWSER")
    lines = [table(headings, rows)] if found else []
    installation.show(found, "\n".join([*lines, f"{counted(len(found), 'session')}."]))


@click.command("sign-out")
@click.argument("login")
@click.argument("id", required=False)
@click.option("--all", "everywhere", is_flag=True, help="In all browsers.")
@on_installation
def sign_out(installation: Installation, login: str, id: str | None, everywhere: bool) -> None:  # noqa: A002 - what the list calls it
    """Sign an account out in a browser (ID: see pillarbox account sessions), or in all.

    What it has opened ends at once. Mail programs stay logged in: pillarbox kick, or change the password.
    """
    from pillarbox.admin import browser_sessions

    if bool(id) == everywhere:
        raise CommandFailed(f"Give an ID (pillarbox account sessions {login}), or --all")
    if everywhere:
        ended = installation.write(browser_sessions.end_all, login, now_ms=installation.now_ms)
    else:
        ended = int(installation.write(browser_sessions.end, login, id or "", now_ms=installation.now_ms))
        if not ended:
            raise CommandFailed(f"'{login}' has no session {id}: pillarbox account sessions {login}")
    installation.show({"sessions": ended}, f"{counted(ended, 'session')} ended.")
