"""`pillarbox dkim`: the keys that sign mail."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from pillarbox.app.commands.installation import Installation, on_installation, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pillarbox.admin.checks.signing_keys import Lack
    from pillarbox.admin.dkim import KeyRecord
    from pillarbox.world.resolver import Resolver


@click.group("dkim")
def command() -> None:
    """Manage the keys that sign mail (DKIM).

    Every domain gets keys when it is added, RSA and Ed25519. Twice a year the server makes the next ones; it signs
    with them once the DNS has their records (pillarbox dkim records), and drops the old ones two weeks later.
    """


@command.command("list")
@click.argument("domain", required=False)
@on_installation
def list_keys(installation: Installation, domain: str | None) -> None:
    """List keys, of all domains or of one."""
    from pillarbox.admin import dkim

    found = installation.read(dkim.listing, domain)
    rows = ((one.domain, one.selector, one.algorithm, one.state.value, _day(one.since_ms)) for one in found)
    installation.show(found, table(("DOMAIN", "SELECTOR", "ALGORITHM", "STATE", "SINCE"), rows))


@command.command("new")
@click.argument("domain")
@on_installation
def new(installation: Installation, domain: str) -> None:
    """Make keys for DOMAIN. They are used at once where it has none, else after `pillarbox dkim rotate`."""
    from pillarbox.admin import dkim

    made = installation.write(dkim.add, domain, dkim.fresh_keys(), now_ms=installation.now_ms)
    then = f"\n\nThen: pillarbox dkim rotate {domain}" if made[0].state.value == "next" else ""
    installation.show(made, f"Keys created. DNS records to create:\n\n{_zone(made)}{then}")


@command.command("rotate")
@click.argument("domain")
@click.option("--force", is_flag=True, help="Also where the DNS does not have the records of the next keys.")
@on_installation
def rotate(installation: Installation, domain: str, force: bool) -> None:
    """Sign with the next keys of DOMAIN from now on.

    The records of the keys before must stay for two weeks: mail that they signed is still on its way.
    """
    import asyncio

    from pillarbox.admin import dkim
    from pillarbox.admin.checks import signing_keys
    from pillarbox.app.world import open_resolver
    from pillarbox.world.clock import SystemClock

    if not force:
        # Before the data is opened: its owner may not be able to read the modules
        resolver = open_resolver(installation.resolved, SystemClock())
        following = [one for one in installation.read(dkim.listing, domain) if one.state.value == "next"]
        lacks = asyncio.run(_lacking(resolver, following)) if following else []
        signing_keys.refuse(lacks, domain)
    active = installation.write(dkim.rotate, domain, now_ms=installation.now_ms)
    names = ", ".join(one.selector for one in active)
    installation.show(active, f"{active[0].domain} signs with {names} from now on.")


@command.command("retire")
@click.argument("domain")
@click.argument("selector")
@on_installation
def retire(installation: Installation, domain: str, selector: str) -> None:
    """Delete a key of DOMAIN, at once. Its DNS record may be removed then."""
    from pillarbox.admin import dkim

    before = installation.read(dkim.listing, domain)
    installation.write(dkim.retire, domain, selector)
    left = [one.selector for one in before if one.state.value == "active" and one.selector != selector]
    signed = any(one.state.value == "active" for one in before if one.selector == selector)
    following = any(one.state.value == "next" for one in before)
    said = f"Key deleted: {selector} of {domain}"
    if signed:
        said += f"\n{domain} signs {'with ' + ', '.join(left) + ' only' if left else 'no mail any more'}. "
        if following:  # while there are some, no others are made
            said += f"Use the next keys: pillarbox dkim rotate {domain}"
        else:
            said += f"{'Both keys anew' if left else 'Make keys'}: pillarbox dkim new {domain}"
    installation.show({"domain": domain, "removed": selector}, said)


@command.command("records")
@click.argument("domain", required=False)
@on_installation
def records(installation: Installation, domain: str | None) -> None:
    """Print the DNS records of keys as lines of a zone file."""
    from pillarbox.admin import dkim

    found = installation.read(dkim.listing, domain)
    installation.show(found, _zone(found))


async def _lacking(resolver: "Resolver", keys: "Sequence[KeyRecord]") -> "list[Lack]":
    from pillarbox.admin.checks import signing_keys

    try:
        return await signing_keys.lacking(resolver, keys)
    finally:
        await resolver.close()


def _zone(keys: "Sequence[KeyRecord]") -> str:
    return "\n".join(one.zone_line for one in keys if one.zone_line)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
