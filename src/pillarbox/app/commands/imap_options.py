"""Options of `pillarbox import` for mail on another server, and where its password or token comes from.

Neither is ever an argument, which every process of the machine could read.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from pillarbox.app.commands.installation import CommandFailed

if TYPE_CHECKING:
    from pillarbox.admin.importing.imap.remote import Password, Remote, Token

PASSWORD_VARIABLE: Final = "PILLARBOX_IMAP_PASSWORD"  # noqa: S105 - the name of a variable
MAX_SECRET_OCTETS: Final = 16_384
TOKEN_COMMAND_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapOptions:
    """The options as given."""

    imap: str | None
    imap_user: str | None
    password_file: Path | None
    token_file: Path | None
    token_command: str | None
    starttls: bool
    insecure_no_tls: bool
    insecure_certificate: bool
    ca: Path | None
    mailbox: tuple[str, ...]
    exclude: tuple[str, ...]
    list_only: bool
    delete: bool

    def given(self) -> list[str]:
        """The names of those that were given and mean something with `--imap` only."""
        return [
            "--list" if one.name == "list_only" else f"--{one.name.replace('_', '-')}"
            for one in fields(self)
            if one.name != "imap" and getattr(self, one.name)
        ]


_FILE: Final = click.Path(path_type=Path, dir_okay=False, allow_dash=True)
_OPTIONS: Final = (
    click.option("--imap", metavar="HOST[:PORT]", help="Import from this server instead, by IMAP."),
    click.option("--imap-user", metavar="USER", help="The login there; by default LOGIN."),
    click.option(
        "--password-file",
        type=_FILE,
        help=f"The password there, the first line of a file (- is standard input). Without it: ${PASSWORD_VARIABLE}, "
        "or a prompt.",
    ),
    click.option("--token-file", type=_FILE, help="Log in by OAuth 2.0, with the token in this file."),
    click.option(
        "--token-command",
        metavar="COMMAND",
        help="Log in by OAuth 2.0, with the token that this command prints, before each login.",
    ),
    click.option("--starttls", is_flag=True, help="Begin TLS by STARTTLS, at port 143 unless given."),
    click.option("--insecure-no-tls", is_flag=True, help="No TLS: password and mail can be read on the way."),
    click.option(
        "--insecure-certificate", is_flag=True, help="Accept any certificate: open to eavesdroppers."
    ),
    click.option("--ca", type=_FILE, help="A PEM file with certificates of authorities to trust besides."),
    click.option(
        "--mailbox",
        multiple=True,
        metavar="PATTERN",
        help="Import only these mailboxes of the server (* stands for anything, % within a level). Repeatable.",
    ),
    click.option("--exclude", multiple=True, metavar="PATTERN", help="Leave these out. Repeatable."),
    click.option(
        "--list", "list_only", is_flag=True, help="Only show the mailboxes there and where each goes."
    ),
    click.option(
        "--delete", is_flag=True, help="Delete here what was imported and has been deleted there since."
    ),
)


def imap_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options; the command gets them as `remote`."""

    @wraps(command)
    def run(*arguments: Any, **keywords: Any) -> Any:
        mine = {one.name: keywords.pop(one.name) for one in fields(ImapOptions)}
        return command(*arguments, remote=ImapOptions(**mine), **keywords)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run


def remote_of(options: ImapOptions, login: str) -> "Remote":
    """The server and how to log in. Prompts for the password where no option says where it is."""
    from pillarbox.admin.importing.imap.remote import IMAP_PORT, IMAPS_PORT, Encryption, Remote

    if options.starttls and options.insecure_no_tls:
        raise click.UsageError("Either --starttls or --insecure-no-tls.")
    encryption = (
        Encryption.STARTTLS
        if options.starttls
        else Encryption.NONE
        if options.insecure_no_tls
        else Encryption.TLS
    )
    default = IMAPS_PORT if encryption is Encryption.TLS else IMAP_PORT
    host, port = _host_and_port(options.imap or "", default)
    user = options.imap_user or login
    return Remote(host, port, user, _secret(options, user, host), encryption, _context(options))


def _host_and_port(text: str, default: int) -> tuple[str, int]:
    """`imap.example.org`, `imap.example.org:1993`, `[2001:db8::1]:1993`."""
    host, colon, port = text.rpartition(":")
    if not colon or "]" in port or (":" in host and not host.endswith("]")):
        host, port = text, str(default)
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65_536):
        raise click.BadParameter(f"not HOST or HOST:PORT: {text}", param_hint="--imap")
    return host, int(port)


def _context(options: ImapOptions) -> Any:
    import ssl

    from pillarbox.app.privileges import as_invoker
    from pillarbox.world.tls.client import opportunistic, verified

    if options.insecure_certificate:
        return opportunistic()
    try:
        with as_invoker():
            return verified(options.ca)
    except ssl.SSLError as failure:
        raise CommandFailed(f"No certificates in {options.ca}: {failure.reason or failure}") from None


# --- passwords and tokens


def _secret(options: ImapOptions, user: str, host: str) -> "Callable[[], Password | Token]":
    from pillarbox.admin.importing.imap.remote import Password, Token

    ways = [options.password_file, options.token_file, options.token_command]
    if len(list(filter(None, ways))) > 1:
        raise click.UsageError("Only one of --password-file, --token-file and --token-command.")
    if options.token_command:
        words = _words(options.token_command)
        return lambda: Token(_printed_by(words))
    if options.token_file:
        path = options.token_file
        return lambda: Token(_first_line(path))
    if options.password_file:
        password = Password(_first_line(options.password_file))
    elif PASSWORD_VARIABLE in os.environ:
        password = Password(os.environ[PASSWORD_VARIABLE])
    else:
        password = Password(click.prompt(f"Password of {user} at {host}", hide_input=True, err=True))
    return lambda: password


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as wrong:
        raise click.UsageError(f"--token-command: {wrong}: {command}") from None
    if not words:
        raise click.UsageError("--token-command is empty.")
    return words


def _first_line(path: Path) -> str:
    """Of a file, or of standard input. Raises `SecretUnavailable`."""
    from pillarbox.admin.importing.imap.remote import SecretUnavailable
    from pillarbox.app.privileges import as_invoker

    try:
        if str(path) == "-":
            text = sys.stdin.readline(MAX_SECRET_OCTETS)
        else:
            with as_invoker(), path.open(encoding="utf-8") as file:
                text = file.readline(MAX_SECRET_OCTETS)
    except OSError as failure:
        raise SecretUnavailable(f"{failure.strerror}: {path}") from failure
    except UnicodeDecodeError as failure:
        raise SecretUnavailable(f"No text in UTF-8: {path}") from failure
    return _not_empty(text.rstrip("\r\n"), str(path))


def _printed_by(words: list[str]) -> str:
    """The first line that a command prints. Raises `SecretUnavailable`."""
    from pillarbox.admin.importing.imap.remote import SecretUnavailable
    from pillarbox.app.privileges import as_invoker

    try:
        with as_invoker():
            done = subprocess.run(  # noqa: S603 - the operator's own command
                words, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=TOKEN_COMMAND_S, check=True
            )
    except (OSError, subprocess.SubprocessError) as failure:
        raise SecretUnavailable(
            f"The command for the token {_failed(failure)}: {shlex.join(words)}"
        ) from failure
    line, _, _ = done.stdout[:MAX_SECRET_OCTETS].partition(b"\n")
    return _not_empty(line.decode("utf-8", "replace").strip(), words[0])


def _failed(failure: OSError | subprocess.SubprocessError) -> str:
    """What became of a command, in words."""
    match failure:
        case subprocess.CalledProcessError(returncode=code) if code < 0:
            return f"was ended by signal {-code}"
        case subprocess.CalledProcessError(returncode=code):
            return f"failed with exit code {code}"
        case subprocess.TimeoutExpired():
            return f"was not done in {TOKEN_COMMAND_S} seconds"
        case OSError(strerror=str(reason)):
            return f"can't be run: {reason}"
        case _:
            return "failed"


def _not_empty(text: str, where: str) -> str:
    from pillarbox.admin.importing.imap.remote import SecretUnavailable

    if not text:
        raise SecretUnavailable(f"No password or token in the first line: {where}")
    return text
