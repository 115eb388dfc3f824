"""What `who` and `kick` share: which sessions are meant, and asking the workers for them."""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from pillarbox.app.commands.installation import CommandFailed, Installation

if TYPE_CHECKING:
    from pillarbox.admin.control.client import Reply
    from pillarbox.admin.control.messages import Request, Selection

P = ParamSpec("P")


def selecting(verb: "Callable[Concatenate[Installation, Selection, P], None]") -> Callable[..., None]:
    """Give a command the sessions that are selected by account, service or address."""

    @click.option("--service", help="A service (imaps), or the beginning of several (imap).")
    @click.option("--address", metavar="NET", help="An address or a network (192.0.2.0/24).")
    @functools.wraps(verb)
    def run(
        installation: Installation,
        service: str | None,
        address: str | None,
        *arguments: P.args,
        **keywords: P.kwargs,
    ) -> None:
        from pillarbox.admin.control.messages import Selection

        require_text("--service", service)
        require_text("--address", address)
        _require_network(address or "")
        _require_service(service or "")
        selection = Selection(service=service or "", network=address or "")
        verb(installation, selection, *arguments, **keywords)

    return run


def ask_workers(installation: Installation, request: "Request") -> "list[Reply]":
    """What each says. Raises `CommandFailed` where no server runs."""
    from pillarbox.admin.control.client import ask

    replies = ask(installation.data.control, request)
    if not replies:
        raise CommandFailed("The server is not running")
    return replies


def require_text(what: str, text: str | None) -> None:
    """Raises `CommandFailed` where it was given and is empty, as from a variable of a script that is not set: it would
    mean everybody."""
    if text is not None and not text.strip():
        raise CommandFailed(f"The {what} is empty")


def login_of(installation: Installation, account: str) -> str:
    """The login of an account. Raises `CommandFailed` where there is none: "0 sessions" would hide a slip."""
    from pillarbox.admin import accounts

    return installation.read(accounts.find, account).login


def _require_service(text: str) -> None:
    from pillarbox.config.services import SERVICES

    if not any(name.startswith(text) for name in SERVICES):
        raise CommandFailed(f"'{text}' is no service: {', '.join(SERVICES)}")


def _require_network(text: str) -> None:
    import ipaddress

    try:
        if text:
            ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise CommandFailed(f"'{text}' is neither an address nor a network such as 192.0.2.0/24") from None


def report_silent(replies: "list[Reply]") -> None:
    """Warn of workers that did not answer; then the exit code is 1."""
    silent = [reply for reply in replies if reply.silent]
    for reply in silent:
        click.echo(f"Warning: worker {reply.worker}: {reply.silent}. See: pillarbox status", err=True)
    if silent:
        raise SystemExit(1)
