"""`pillarbox domain`: which domains are served."""

import click

from pillarbox.app.commands.amounts import Octets, shown
from pillarbox.app.commands.installation import Installation, on_installation, table


@click.group("domain")
def command() -> None:
    """Domains that are served here."""


@command.command("add")
@click.argument("domain")
@click.option("--alias-of", metavar="DOMAIN", help="Every address leads where it leads in this domain.")
@click.option("--quota", type=Octets(), help="What each account may hold that has no quota of its own.")
@on_installation
def add(here: Installation, domain: str, alias_of: str | None, quota: int | None) -> None:
    """Serve a domain. Other providers find it by its MX record: see `pillarbox check`."""
    from pillarbox.admin import domains

    made = here.write(domains.add, domain, alias_of=alias_of, now_ms=here.now_ms)
    if quota is not None:
        here.write(domains.change, made.name, domains.DomainChange(quota_octets=quota))
    here.say(
        {"domain": made.name, "alias_of": made.alias_of},
        f"{made.name} is served, as {made.alias_of} is. Give it DNS records (pillarbox check)."
        if made.alias_of
        else f"{made.name} is served. Give it accounts (pillarbox account add NAME@{made.name}) "
        "and DNS records (pillarbox check).",
    )


@command.command("list")
@on_installation
def listed(here: Installation) -> None:
    """All domains."""
    from pillarbox.admin import domains

    found = here.read(domains.listing)
    rows = (
        (
            one.name,
            one.accounts,
            one.aliases,
            shown(one.quota_octets),
            f"alias of {one.alias_of}" if one.alias_of else f"postmaster {one.postmaster or 'nobody'}",
        )
        for one in found
    )
    here.say(found, table(("DOMAIN", "ACCOUNTS", "ALIASES", "QUOTA", ""), rows))


@command.command("set")
@click.argument("domain")
@click.option("--quota", type=Octets(), help="What each account may hold that has no quota of its own.")
@click.option("--separator", help="Between a name and its detail, as in anna+shops; empty: none.")
@click.option("--postmaster", metavar="LOGIN", help="Who reads postmaster@ and abuse@.")
@on_installation
def change(
    here: Installation, domain: str, quota: int | None, separator: str | None, postmaster: str | None
) -> None:
    """Change what holds for a domain."""
    from pillarbox.admin import domains

    wanted = domains.DomainChange(quota_octets=quota, separator=separator, postmaster=postmaster)
    here.write(domains.change, domain, wanted)
    here.say({"domain": domain}, f"{domain} is changed.")


@command.command("remove")
@click.argument("domain")
@on_installation
def remove(here: Installation, domain: str) -> None:
    """Serve a domain no more. It must have no accounts, aliases or groups left."""
    from pillarbox.admin import domains

    here.write(domains.remove, domain)
    here.say({"removed": domain}, f"{domain} is served no more.")
