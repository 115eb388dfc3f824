"""`pillarbox role`: owners of the provider, and administrators of domains."""

from typing import Final

import click

from pillarbox.app.commands.amounts import day
from pillarbox.app.commands.installation import Installation, on_installation, table, with_warnings

ROLES: Final = ("owner", "domain")
NO_OWNER: Final = "there is no owner any more: nobody can manage the provider but by this command line"


@click.group("role")
def command() -> None:
    """Manage roles: who else may manage accounts and domains, in the browser. The command line needs no role."""


@command.command("grant")
@click.argument("login")
@click.argument("role", type=click.Choice(ROLES))
@click.argument("domain", required=False)
@on_installation
def grant(installation: Installation, login: str, role: str, domain: str | None) -> None:
    """Make LOGIN an owner of the whole provider (`owner`), or an administrator of one domain (`domain DOMAIN`)."""
    from pillarbox.admin import roles
    from pillarbox.directory.roles import Role

    _check(role, domain)
    made = installation.write(roles.grant, login, Role(role), domain, now_ms=installation.now_ms)
    installation.show(made, f"Role granted: {made.login}, {_named(made.role, made.domain)}")


@command.command("revoke")
@click.argument("login")
@click.argument("role", type=click.Choice(ROLES))
@click.argument("domain", required=False)
@on_installation
def revoke(installation: Installation, login: str, role: str, domain: str | None) -> None:
    """Revoke a role. It permits nothing from then on."""
    from pillarbox.admin import roles
    from pillarbox.directory.roles import Role

    _check(role, domain)
    owned = installation.write(roles.revoke, login, Role(role), domain)
    warnings = [NO_OWNER] if role == "owner" and not owned else []
    installation.show(
        {"revoked": {"login": login, "role": role, "domain": domain or ""}, "warnings": warnings},
        with_warnings(f"Role revoked: {login}, {_named(role, domain or '')}", warnings),
    )


@command.command("list")
@click.argument("login", required=False)
@on_installation
def list_roles(installation: Installation, login: str | None) -> None:
    """List roles, of one account or all. Who is not listed is a user, with nothing but their own things."""
    from pillarbox.admin import roles

    found = installation.read(roles.listing) if login is None else installation.read(roles.of_account, login)
    rows = ((one.login, one.role.value, one.domain or "all", day(one.granted_at_ms)) for one in found)
    installation.show(found, table(("LOGIN", "ROLE", "DOMAIN", "GRANTED"), rows))


def _check(role: str, domain: str | None) -> None:
    if role == "owner" and domain:
        raise click.UsageError("An owner is owner of the whole provider: leave the domain out.")
    if role == "domain" and not domain:
        raise click.UsageError("Name the domain: pillarbox role grant LOGIN domain DOMAIN")


def _named(role: str, domain: str) -> str:
    return "owner" if role == "owner" else f"administrator of {domain}"
