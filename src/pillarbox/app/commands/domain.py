"""`pillarbox domain`: the domains of this server."""

import click

from pillarbox.app.commands.amounts import Octets, shown
from pillarbox.app.commands.installation import CommandFailed, Installation, counted, on_installation, table


@click.group("domain")
def command() -> None:
    """Manage the domains of this server."""


@command.command("add")
@click.argument("domain")
@click.option("--alias-of", metavar="DOMAIN", help="Deliver to the same addresses of this domain.")
@click.option("--quota", type=Octets(), help="The quota of accounts that have none of their own.")
@on_installation
def add(installation: Installation, domain: str, alias_of: str | None, quota: int | None) -> None:
    """Add a domain. For its DNS records see: pillarbox check."""
    from pillarbox.admin import dkim, domains

    if alias_of and quota is not None:
        raise click.UsageError(
            "An alias domain has no accounts: give --quota to the domain that it leads to."
        )
    installation.any_domain = True
    keys = dkim.fresh_keys()
    made = installation.write(domains.add, domain, alias_of=alias_of, keys=keys, now_ms=installation.now_ms)
    if quota is not None:
        installation.write(domains.change, made.name, domains.DomainChange(quota_octets=quota))
    records = installation.read(dkim.listing, made.name)
    said = [f"Domain created: {made.name}" + (f" (alias of {made.alias_of})" if made.alias_of else "")]
    if not made.alias_of:
        said.append(f"Accounts: pillarbox account add NAME@{made.name}")
    said += [
        "DNS records: pillarbox check",
        "DNS records of its keys (DKIM):",
        *(f"  {one.zone_line}" for one in records),
    ]
    installation.show(
        {"domain": made.name, "alias_of": made.alias_of, "keys": records},
        "\n".join(said),
    )


@command.command("list")
@on_installation
def list_domains(installation: Installation) -> None:
    """List domains."""
    from pillarbox.admin import domains

    installation.any_domain = True
    found = installation.read(domains.listing)
    rows = (
        (
            domain.name,
            domain.accounts,
            domain.aliases,
            shown(domain.quota_octets),
            f"alias of {domain.alias_of}" if domain.alias_of else f"postmaster {domain.postmaster or 'none'}",
        )
        for domain in found
    )
    installation.show(found, table(("DOMAIN", "ACCOUNTS", "ALIASES", "QUOTA", ""), rows))


@command.command("set")
@click.argument("domain")
@click.option("--quota", type=Octets(), help="The quota of accounts that have none of their own.")
@click.option("--separator", help="The character of subaddresses, as in anna+shops; empty: no subaddresses.")
@click.option(
    "--postmaster", metavar="LOGIN", help="The account that receives mail for postmaster@ and abuse@."
)
@on_installation
def change(
    installation: Installation, domain: str, quota: int | None, separator: str | None, postmaster: str | None
) -> None:
    """Change the settings of a domain."""
    from pillarbox.admin import domains

    if quota is None and separator is None and postmaster is None:
        raise click.UsageError("Give what to change: --quota, --separator or --postmaster.")
    wanted = domains.DomainChange(quota_octets=quota, separator=separator, postmaster=postmaster)
    installation.write(domains.change, domain, wanted)
    installation.show({"domain": domain}, f"Domain changed: {domain}")


@command.command("remove")
@click.argument("domain")
@click.option("--detach", is_flag=True, help="Also remove it from aliases of other domains that lead to it.")
@on_installation
def remove(installation: Installation, domain: str, detach: bool) -> None:
    """Delete a domain. It must have no accounts, aliases or groups."""
    from pillarbox.admin import domains
    from pillarbox.directory.naming import domain_name
    from pillarbox.queue.inspection import count_to

    name = domain_name(domain)
    if name == installation.config.domain:
        raise CommandFailed(
            f"{name} is the configured domain. Set another `domain` in the configuration first"
        )
    aliases = installation.write(domains.remove, name, detach=detach)
    queued = installation.read(count_to, name)
    lines = [f"Domain deleted: {name}", *(f"Removed from alias {alias}" for alias in aliases)]
    if queued:
        lines.append(
            f"Queued for it, and now sent elsewhere: {counted(queued, 'recipient')} (pillarbox queue list)"
        )
    installation.show({"removed": name, "aliases": aliases, "queued": queued}, "\n".join(lines))
