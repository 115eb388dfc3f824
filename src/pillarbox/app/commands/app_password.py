"""`pillarbox app-password`: a password for each program, revoked alone."""

import click

from pillarbox.app.commands.amounts import Duration, day
from pillarbox.app.commands.installation import Installation, on_installation, table

SCOPES = ("mail", "imap", "pop3", "smtp")


@click.group("app-password")
def command() -> None:
    """App passwords: one for each program or device, revoked alone."""


@command.command("add")
@click.argument("login")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    type=click.Choice(SCOPES),
    multiple=True,
    default=("mail",),
    show_default=True,
    help="What it opens; mail is all of it. May be given several times.",
)
@click.option("--expires-in", type=Duration(), help="Worthless after so long: 12h, 90d, 1y.")
@on_installation
def add(here: Installation, login: str, name: str, scopes: tuple[str, ...], expires_in: int | None) -> None:
    """Make an app password for a program called NAME and show it, once."""
    from pillarbox.admin import app_passwords
    from pillarbox.directory.app_passwords import Scope
    from pillarbox.world.entropy import SystemEntropy

    entropy, now_ms = SystemEntropy(), here.now_ms
    parameters = here.write(app_passwords.hash_parameters, login, entropy=entropy)
    password, hashed = app_passwords.generate(parameters, entropy=entropy)
    number = here.write(
        app_passwords.add,
        login,
        hashed,
        name=name,
        scopes=map(Scope, scopes),
        now_ms=now_ms,
        expires_at_ms=None if expires_in is None else now_ms + expires_in,
    )
    here.say(
        {"id": number, "name": name, "password": password},
        f"App password {number} for '{name}':\n\n  {password}\n\nIt is not shown again.",
    )


@command.command("list")
@click.argument("login")
@on_installation
def listed(here: Installation, login: str) -> None:
    """The app passwords of an account; never what they are."""
    from pillarbox.admin import app_passwords

    found = here.read(app_passwords.listing, login)
    rows = (
        (
            one.id,
            one.name,
            " ".join(sorted(one.scopes)),
            day(one.created_at_ms),
            day(one.last_used_at_ms),
            day(one.expires_at_ms),
        )
        for one in found
    )
    here.say(found, table(("ID", "NAME", "OPENS", "MADE", "LAST USED", "EXPIRES"), rows))


@command.command("revoke")
@click.argument("login")
@click.argument("id", type=int)
@on_installation
def revoke(here: Installation, login: str, id: int) -> None:  # noqa: A002 - what the list calls it
    """Make an app password worthless at once."""
    from pillarbox.admin import app_passwords

    here.write(app_passwords.revoke, login, id)
    here.say({"revoked": id}, f"App password {id} of {login} is worth nothing any more.")
