"""`pillarbox alias`: addresses that forward to others."""

import click

from pillarbox.app.commands.installation import Installation, on_installation, table, with_warnings
from pillarbox.app.commands.renamed import keep_address_option, renamed_lines


@click.group("alias")
def command() -> None:
    """Manage aliases: addresses that forward to others, on this server or elsewhere.

    The address @DOMAIN is a catch-all: it receives mail for addresses that do not exist.
    """


@command.command("add")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@click.option("--receive-only", is_flag=True, help="Do not allow the targets to send from this address.")
@on_installation
def add(installation: Installation, address: str, targets: tuple[str, ...], receive_only: bool) -> None:
    """Create an alias that forwards ADDRESS to TARGETS."""
    from pillarbox.admin import aliases

    missing = installation.write(aliases.add, address, targets, may_send=not receive_only)
    _show(installation, "created", address, targets, missing)


@command.command("list")
@click.option("--domain", help="Only aliases of this domain.")
@on_installation
def list_aliases(installation: Installation, domain: str | None) -> None:
    """List aliases."""
    from pillarbox.admin import aliases

    found = installation.read(aliases.listing, domain=domain)
    rows = (
        (alias.address, ", ".join(alias.targets), "" if alias.may_send else "receive only") for alias in found
    )
    installation.show(found, table(("ADDRESS", "TARGETS", ""), rows))


@command.command("set")
@click.argument("address")
@click.argument("targets", nargs=-1, required=True)
@on_installation
def change(installation: Installation, address: str, targets: tuple[str, ...]) -> None:
    """Change the targets of an alias."""
    from pillarbox.admin import aliases

    missing = installation.write(aliases.set_targets, address, targets)
    _show(installation, "changed", address, targets, missing)


def _show(
    installation: Installation, what: str, address: str, targets: tuple[str, ...], missing: list[str]
) -> None:
    warnings = [f"{target} does not exist (yet): it gets nothing" for target in missing]
    installation.show(
        {"address": address, "targets": targets, "missing": missing},
        with_warnings(f"Alias {what}: {address} -> {', '.join(targets)}", warnings),
    )


@command.command("rename")
@click.argument("address")
@click.argument("new", metavar="NEW_ADDRESS")
@keep_address_option
@on_installation
def rename(installation: Installation, address: str, new: str, keep_address: bool) -> None:
    """Give an alias another address. Its targets are kept."""
    from pillarbox.admin import renaming

    renamed = installation.write(renaming.rename_alias, address, new, keep_address=keep_address)
    installation.show(renamed, "\n".join(renamed_lines("Alias", renamed)))


@command.command("remove")
@click.argument("address")
@on_installation
def remove(installation: Installation, address: str) -> None:
    """Delete an alias."""
    from pillarbox.admin import aliases

    dangling = installation.write(aliases.remove, address)
    installation.show(
        {"removed": address, "dangling": dangling}, with_warnings(f"Alias deleted: {address}", dangling)
    )
