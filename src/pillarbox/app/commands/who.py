"""`pillarbox who`: who is connected."""

from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import Installation, counted, on_installation, table
from pillarbox.app.commands.sessions import ask_workers, login_of, report_silent, require_text, selecting
from pillarbox.app.commands.spans import span

if TYPE_CHECKING:
    from pillarbox.admin.control.messages import Selection, Session

_HEADS = (
    "ID",
    "SERVICE",
    "ACCOUNT",
    "ADDRESS",
    "SINCE",
    "IDLE",
    "STATE",
    "COMMAND",
    "TLS",
    "IN",
    "OUT",
    "CLIENT",
)


@click.command("who")
@click.argument("account", required=False)
@on_installation
@selecting
def command(installation: Installation, selection: "Selection", account: str | None) -> None:
    """List the sessions of clients, or those of ACCOUNT.

    IDLE is how long the client has sent nothing; IN and OUT are the octets of the connection. ID is for: pillarbox
    kick ID.
    """
    from msgspec.structs import replace

    from pillarbox.admin.control.messages import GetSessions, Session

    require_text("account", account)
    login = login_of(installation, account) if account else ""
    replies = ask_workers(installation, GetSessions(replace(selection, login=login)))
    found = [answer for reply in replies for answer in reply.answers if isinstance(answer, Session)]
    found.sort(key=lambda session: (session.login, session.service, -session.open_s))
    lines = [table(_HEADS, map(_row, found))] if found else []
    installation.show(found, "\n".join([*lines, f"{counted(len(found), 'session')}."]))
    report_silent(replies)


def _row(session: "Session") -> tuple[object, ...]:
    return (
        session.id,
        session.service,
        session.login or "-",
        session.address,
        span(session.open_s * 1000),
        None if session.silent_s is None else span(session.silent_s * 1000),
        session.state,
        session.command,
        session.tls or "no",
        None if session.received_octets is None else shown(session.received_octets),
        None if session.sent_octets is None else shown(session.sent_octets),
        session.client,
    )
