"""`pillarbox app-password`: a password for each program."""

import click

from pillarbox.app.commands.amounts import LARGEST_ID, Duration, day
from pillarbox.app.commands.installation import Installation, on_installation, table
from pillarbox.app.commands.passwords import password_shown

SCOPES = ("mail", "imap", "pop3", "smtp", "jmap", "dav", "sieve")


@click.group("app-password")
def command() -> None:
    """Manage app passwords: one for each program or device, which can be revoked by itself."""


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
    help="The services it can log in to; mail is all of them. May be repeated."
    " (dav and sieve are not served yet.)",
)
@click.option("--read-only", is_flag=True, help="It can read, and neither change nor send anything.")
@click.option(
    "--network",
    "networks",
    multiple=True,
    metavar="NETWORK",
    help="Where it can be used from: 192.0.2.0/24, 2001:db8::/32, or an address. May be repeated."
    " Without it: from everywhere.",
)
@click.option("--expires-in", type=Duration(), help="When it expires: 12h, 90d, 1y.")
@on_installation
def add(
    installation: Installation,
    login: str,
    name: str,
    scopes: tuple[str, ...],
    read_only: bool,
    networks: tuple[str, ...],
    expires_in: int | None,
) -> None:
    """Create an app password for a program called NAME. It is shown once."""
    from pillarbox.admin import app_passwords
    from pillarbox.directory.sign_in.app_passwords import Limits, Scope
    from pillarbox.world.entropy import SystemEntropy

    entropy, now_ms = SystemEntropy(), installation.now_ms
    parameters = installation.write(app_passwords.hash_parameters, login, entropy=entropy)
    password, hashed = app_passwords.generate(parameters, entropy=entropy)
    number = installation.write(
        app_passwords.add,
        login,
        hashed,
        name=name,
        scopes=map(Scope, scopes),
        now_ms=now_ms,
        terms=app_passwords.Terms(
            None if expires_in is None else now_ms + expires_in, Limits(read_only, networks)
        ),
        doing=installation.doing,
    )
    installation.show(
        {"id": number, "name": name, "password": password},
        f"App password created: {number} ({name}){password_shown(password)}",
    )


@command.command("list")
@click.argument("login")
@on_installation
def list_app_passwords(installation: Installation, login: str) -> None:
    """List the app passwords of an account (not the passwords themselves), and when, from where and for what each was
    last used."""
    from pillarbox.admin import app_passwords

    found = installation.read(app_passwords.listing, login)
    rows = (
        (
            password.id,
            password.name,
            " ".join(sorted(password.scopes)),
            "read-only" if password.read_only else "all",
            " ".join(password.networks) or "any",
            day(password.created_at_ms),
            day(password.expires_at_ms),
            day(password.last_used_at_ms),
            password.last_used_address or "",
            password.last_used_scope or "",
        )
        for password in found
    )
    headings = (
        *("ID", "NAME", "SCOPES", "ACCESS", "NETWORKS", "CREATED", "EXPIRES"),
        *("LAST USED", "FROM", "BY"),
    )
    installation.show(found, table(headings, rows))


@command.command("revoke")
@click.argument("login")
@click.argument("id", type=click.IntRange(1, LARGEST_ID))
@on_installation
def revoke(installation: Installation, login: str, id: int) -> None:  # noqa: A002 - what the list calls it
    """Revoke an app password: it can't log in any more, and sessions that it has opened end."""
    from pillarbox.admin import app_passwords

    installation.write(app_passwords.revoke, login, id, now_ms=installation.now_ms)
    installation.show({"revoked": id}, f"App password revoked: {id} ({login})")
