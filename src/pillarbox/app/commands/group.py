"""`pillarbox group`: accounts that share an address."""

import click

from pillarbox.app.commands.installation import Installation, on_installation, table, with_warnings
from pillarbox.app.commands.renamed import keep_address_option, renamed_lines


@click.group("group")
def command() -> None:
    """Manage groups: accounts that share an address, which delivers to all members."""


@command.command("add")
@click.argument("name")
@click.argument("address")
@click.argument("members", nargs=-1)
@click.option("--receive-only", is_flag=True, help="Do not allow the members to send from this address.")
@on_installation
def add(
    installation: Installation, name: str, address: str, members: tuple[str, ...], receive_only: bool
) -> None:
    """Create a group with an address. MEMBERS are logins."""
    from pillarbox.admin import groups

    installation.write(groups.add, name, address, members, may_send=not receive_only)
    installation.show(
        {"name": name, "address": address, "members": members},
        f"Group created: {name} ({address}): {', '.join(members) or 'no members'}",
    )


@command.command("list")
@on_installation
def list_groups(installation: Installation) -> None:
    """List groups."""
    from pillarbox.admin import groups

    found = installation.read(groups.listing)
    rows = ((group.name, group.address, ", ".join(group.members)) for group in found)
    installation.show(found, table(("GROUP", "ADDRESS", "MEMBERS"), rows))


@command.command("join")
@click.argument("name")
@click.argument("members", nargs=-1, required=True)
@on_installation
def join(installation: Installation, name: str, members: tuple[str, ...]) -> None:
    """Add accounts to a group."""
    from pillarbox.admin import groups

    installation.write(groups.join, name, members)
    installation.show({"name": name, "joined": members}, f"Added to group {name}: {', '.join(members)}")


@command.command("leave")
@click.argument("name")
@click.argument("members", nargs=-1, required=True)
@on_installation
def leave(installation: Installation, name: str, members: tuple[str, ...]) -> None:
    """Remove accounts from a group."""
    from pillarbox.admin import groups

    installation.write(groups.leave, name, members)
    installation.show({"name": name, "left": members}, f"Removed from group {name}: {', '.join(members)}")


@command.command("rename")
@click.argument("name")
@click.argument("new", metavar="[NEW_NAME]", required=False)
@click.option("--address", help="The new address.")
@keep_address_option
@on_installation
def rename(
    installation: Installation, name: str, new: str | None, address: str | None, keep_address: bool
) -> None:
    """Give a group another name, another address, or both. Its members are kept."""
    from pillarbox.admin import renaming

    if new is None and address is None:
        raise click.UsageError("Give a new name, or --address.")
    renamed = installation.write(renaming.rename_group, name, new, address, keep_address=keep_address)
    lines = [line for one in renamed for line in renamed_lines("Group", one)]
    installation.show({"renamed": renamed}, "\n".join(lines))


@command.command("remove")
@click.argument("name")
@on_installation
def remove(installation: Installation, name: str) -> None:
    """Delete a group and its address. The members' accounts are kept."""
    from pillarbox.admin import groups

    dangling = installation.write(groups.remove, name)
    installation.show(
        {"removed": name, "dangling": dangling}, with_warnings(f"Group deleted: {name}", dangling)
    )
