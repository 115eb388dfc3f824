"""`pillarbox who` and `pillarbox kick`: who is connected, and ending that."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from pillarbox.app.commands.amounts import shown
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation, table
from pillarbox.app.commands.spans import span

if TYPE_CHECKING:
    from pillarbox.admin.control.client import Reply
    from pillarbox.admin.control.messages import Request, Selection, Session

P = ParamSpec("P")

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
_ALL_OF_THEM = "ending the sessions of everybody needs --all"


def _selecting(verb: "Callable[Concatenate[Installation, Selection, P], None]") -> Callable[..., None]:
    """Give a command the sessions that are selected by account, service or address."""

    @click.option("--service", default="", help="A service (imaps), or the beginning of several (imap).")
    @click.option("--address", default="", metavar="NET", help="An address or a network (192.0.2.0/24).")
    @functools.wraps(verb)
    def run(
        installation: Installation, service: str, address: str, *arguments: P.args, **keywords: P.kwargs
    ) -> None:
        from pillarbox.admin.control.messages import Selection

        _require_network(address)
        verb(installation, Selection(service=service, network=address), *arguments, **keywords)

    return run


@click.command("who")
@click.argument("account", required=False)
@on_installation
@_selecting
def who(installation: Installation, selection: "Selection", account: str | None) -> None:
    """List the sessions of clients, or those of ACCOUNT.

    IDLE is how long the client has sent nothing; IN and OUT are the octets of the connection. ID is for: pillarbox
    kick ID.
    """
    from msgspec.structs import replace

    from pillarbox.admin.control.messages import GetSessions, Session

    replies = _ask(installation, GetSessions(replace(selection, login=account or "")))
    found = [answer for reply in replies for answer in reply.answers if isinstance(answer, Session)]
    found.sort(key=lambda session: (session.login, session.service, -session.open_s))
    lines = [table(_HEADS, map(_row, found))] if found else []
    installation.show(found, "\n".join([*lines, f"{counted(len(found), 'session')}."]))
    _report_silent(replies)


@click.command("kick")
@click.argument("targets", nargs=-1, metavar="[ACCOUNT|ID]...")
@click.option("--all", "everybody", is_flag=True, help="End the sessions of everybody.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@on_installation
@_selecting
def kick(
    installation: Installation, selection: "Selection", targets: tuple[str, ...], everybody: bool, yes: bool
) -> None:
    """End sessions: of an account, with an ID (see: pillarbox who), or from an address.

    Clients are told, and may connect again at once. To keep an account out: pillarbox account disable ACCOUNT.
    """
    from pillarbox.admin.control.messages import GetSessions, Kick, Kicked, Session

    if not (targets or selection.network or selection.service or everybody):
        raise CommandFailed(
            f"Nothing selected. Give an account, an ID, --address or --service; {_ALL_OF_THEM}"
        )
    selections = _selections(selection, targets)
    if not yes and installation.as_json:
        raise CommandFailed("With --json nobody can be asked: add --yes")
    if not yes:
        found = {
            answer.id
            for one in selections
            for reply in _ask(installation, GetSessions(one))
            for answer in reply.answers
            if isinstance(answer, Session)
        }
        if found and not click.confirm(f"End {counted(len(found), 'session')}?", default=False, err=True):
            raise CommandFailed("Nothing was ended")
    kicked, replies = 0, []
    for one in selections:
        replies = _ask(installation, Kick(one))
        answers = (answer for reply in replies for answer in reply.answers)
        kicked += sum(answer.sessions for answer in answers if isinstance(answer, Kicked))
    installation.show({"sessions": kicked}, f"{counted(kicked, 'session')} ended.")
    _report_silent(replies)


def _selections(selection: "Selection", targets: tuple[str, ...]) -> "list[Selection]":
    """One for each account, and one for all IDs: these have no @, and a number first."""
    from msgspec.structs import replace

    ids = tuple(target for target in targets if "@" not in target and target.partition(".")[0].isdecimal())
    logins = [target for target in targets if target not in ids]
    found = [replace(selection, login=login) for login in logins]
    if ids or not logins:
        found.append(replace(selection, ids=ids))
    return found


def _ask(installation: Installation, request: "Request") -> "list[Reply]":
    from pillarbox.admin.control.client import ask

    replies = ask(installation.data.control, request)
    if not replies:
        raise CommandFailed("The server is not running")
    return replies


def _require_network(text: str) -> None:
    import ipaddress

    try:
        if text:
            ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise CommandFailed(f"'{text}' is neither an address nor a network such as 192.0.2.0/24") from None


def _report_silent(replies: "list[Reply]") -> None:
    silent = [reply for reply in replies if reply.silent]
    for reply in silent:
        click.echo(f"Warning: worker {reply.worker}: {reply.silent}. See: pillarbox status", err=True)
    if silent:
        raise SystemExit(1)


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
