"""`pillarbox alias`: addresses that lead to others."""

import click

from pillarbox.app.commands.installation import Installation, on_installation, table


@click.group("alias")
def command() -> None:
    """Aliases: addresses that lead to others, here or elsewhere.

    @DOMAIN as an address is the domain's catch-all: it takes what no other address takes.
    """


@command.command("add")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@click.option("--receive-only", is_flag=True, help="Those it leads to may not write as it.")
@on_installation
def add(here: Installation, address: str, targets: tuple[str, ...], receive_only: bool) -> None:
    """Let ADDRESS lead to TARGETS."""
    from pillarbox.admin import aliases

    here.write(aliases.add, address, targets, may_send=not receive_only)
    here.say({"address": address, "targets": targets}, f"{address} leads to {', '.join(targets)}.")


@command.command("list")
@click.option("--domain", help="Only those of this domain.")
@on_installation
def listed(here: Installation, domain: str | None) -> None:
    """All aliases."""
    from pillarbox.admin import aliases

    found = here.read(aliases.listing, domain=domain)
    rows = ((one.address, ", ".join(one.targets), "" if one.may_send else "receive only") for one in found)
    here.say(found, table(("ADDRESS", "LEADS TO", ""), rows))


@command.command("set")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@on_installation
def change(here: Installation, address: str, targets: tuple[str, ...]) -> None:
    """Let an alias lead to other TARGETS than before."""
    from pillarbox.admin import aliases

    here.write(aliases.set_targets, address, targets)
    here.say({"address": address, "targets": targets}, f"{address} leads to {', '.join(targets)}.")


@command.command("remove")
@click.argument("address")
@on_installation
def remove(here: Installation, address: str) -> None:
    """End an alias."""
    from pillarbox.admin import aliases

    here.write(aliases.remove, address)
    here.say({"removed": address}, f"{address} leads nowhere any more.")
