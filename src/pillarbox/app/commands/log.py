"""`pillarbox log`: the log, for people."""

import asyncio
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from pillarbox.app.commands.installation import CommandFailed, Installation, on_installation
from pillarbox.mail.visible import visible, visible_json

if TYPE_CHECKING:
    from pillarbox.admin.log_reading import LogEntry, LogQuery

FOLLOW_S: Final = 0.25
"""How often the file is looked at."""
STANDARD_INPUT: Final = Path("-")
TEXT_OCTETS: Final = 4096
"""Looked at to see whether a file is text."""
_UNITS_S: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@click.command("log")
@click.argument("file", required=False, type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("-f", "--follow", is_flag=True, help="Go on with what is logged from now on, until Ctrl-C.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(0, 1_000_000),
    default=50,
    show_default=True,
    help="Show at most the last N entries.",
)
@click.option(
    "--level",
    type=click.Choice(("info", "warning", "error")),
    default="info",
    help="Only this level and above.",
)
@click.option("--event", default="", metavar="TEXT", help="Only events with this text in their name.")
@click.option(
    "--account", "about", default="", metavar="NAME", help="Only entries about this account or host."
)
@click.option(
    "--since",
    default="",
    metavar="TIME",
    help="Only since then: 30m, 2h, 3d, 2026-11-30T09:14 (UTC).",
)
@on_installation
def command(
    installation: Installation,
    file: Path | None,
    follow: bool,
    lines: int,
    level: str,
    event: str,
    about: str,
    since: str,
) -> None:
    """Show the last entries of the log, in lines for people; as they are with --json.

    Without FILE, the log is that of the configuration (log.file). "-" reads the log from standard input:
    journalctl -u pillarbox -o cat | pillarbox log - --level warning
    """
    from pillarbox.admin.log_reading import LogQuery, entries, last_entries
    from pillarbox.app.privileges import as_invoker

    since_ms = _since_ms(installation, since) if since else None
    account = _account_id(installation, about)
    query = LogQuery(level=level, event=event, about=about, account_id=account, since_ms=since_ms)
    try:
        if file == STANDARD_INPUT:
            _show(installation, entries((line.rstrip(b"\r\n") for line in sys.stdin.buffer), query))
            return
        path = file or _configured(installation)
        with as_invoker():
            _require_text(path)
            _show(installation, last_entries(path, query, limit=lines))
            if follow:
                asyncio.run(_follow(installation, path, query))
    except BrokenPipeError:
        sys.stderr.close()  # the pager was left: nobody reads on
    except KeyboardInterrupt:
        return


def _configured(installation: Installation) -> Path:
    file = installation.config.log.file
    if file is None:
        raise CommandFailed(
            "The log goes to standard error, which systemd's journal keeps: journalctl -u pillarbox -o cat | pillarbox "
            "log -. To have it in a file, set `log.file` in the configuration"
        )
    return file


def _require_text(path: Path) -> None:
    """Raises `CommandFailed` where the file is no text."""
    with path.open("rb") as file:
        if b"\0" in file.read(TEXT_OCTETS):
            raise CommandFailed(f"{path} is no log: it is not text")


async def _follow(installation: Installation, path: Path, query: "LogQuery") -> None:
    from pillarbox.admin.log_reading import LogFollower, entries
    from pillarbox.world.clock import SystemClock

    follower = LogFollower(path)
    try:
        while True:
            _show(installation, entries(follower.added(), query))
            await SystemClock().sleep(FOLLOW_S)
    finally:
        follower.close()


def _show(installation: Installation, found: "Iterable[LogEntry]") -> None:
    from pillarbox.world.log_text import text_line

    for entry in found:
        if installation.as_json:
            if entry.fields is not None:
                click.echo(visible_json(entry.line))
        else:
            click.echo(visible(entry.line) if entry.fields is None else text_line(entry.fields))


def _account_id(installation: Installation, about: str) -> int | None:
    """The number of the account of this name, where there is one and the database can be read."""
    from pillarbox.directory import accounts
    from pillarbox.world.database import DatabaseFailure, DatabaseInUse, SchemaTooNew

    if not about or "@" not in about:
        return None
    try:
        account = installation.read(accounts.by_login, about)
    except (CommandFailed, DatabaseFailure, DatabaseInUse, SchemaTooNew, OSError):
        return None
    return account.id if account else None


def _since_ms(installation: Installation, text: str) -> int:
    from pillarbox.admin.log_reading import utc_ms

    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdecimal() and unit in _UNITS_S:
        return installation.now_ms - int(number) * _UNITS_S[unit] * 1000
    try:
        return utc_ms(text)
    except ValueError:
        raise CommandFailed(
            f"'{text}' is not a time. Write 30m, 2h, 3d, 2026-11-30 or 2026-11-30T09:14"
        ) from None
