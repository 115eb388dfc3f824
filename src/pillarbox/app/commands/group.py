"""`pillarbox group`: sets of accounts."""

import click

from pillarbox.app.commands.installation import Installation, on_installation, table


@click.group("group")
def command() -> None:
    """Groups: sets of accounts, each with an address that reaches all members."""


@command.command("add")
@click.argument("name")
@click.argument("address")
@click.argument("members", nargs=-1)
@click.option("--receive-only", is_flag=True, help="Members may not write as it.")
@on_installation
def add(here: Installation, name: str, address: str, members: tuple[str, ...], receive_only: bool) -> None:
    """Make a group with an address, and MEMBERS given by login."""
    from pillarbox.admin import groups

    here.write(groups.add, name, address, members, may_send=not receive_only)
    here.say(
        {"name": name, "address": address, "members": members},
        f"{address} reaches {', '.join(members) or 'nobody yet'}.",
    )


@command.command("list")
@on_installation
def listed(here: Installation) -> None:
    """All groups."""
    from pillarbox.admin import groups

    found = here.read(groups.listing)
    rows = ((one.name, one.address, ", ".join(one.members)) for one in found)
    here.say(found, table(("GROUP", "ADDRESS", "MEMBERS"), rows))


@command.command("join")
@click.argument("name")
@click.argument("members", nargs=-1, required=True)
@on_installation
def join(here: Installation, name: str, members: tuple[str, ...]) -> None:
    """Make accounts members."""
    from pillarbox.admin import groups

    here.write(groups.join, name, members)
    here.say({"name": name, "joined": members}, f"{', '.join(members)}: in '{name}'.")


@command.command("leave")
@click.argument("name")
@click.argument("members", nargs=-1, required=True)
@on_installation
def leave(here: Installation, name: str, members: tuple[str, ...]) -> None:
    """End memberships."""
    from pillarbox.admin import groups

    here.write(groups.leave, name, members)
    here.say({"name": name, "left": members}, f"{', '.join(members)}: no more in '{name}'.")


@command.command("remove")
@click.argument("name")
@on_installation
def remove(here: Installation, name: str) -> None:
    """End a group and free its address. Its members stay."""
    from pillarbox.admin import groups

    here.write(groups.remove, name)
    here.say({"removed": name}, f"There is no group '{name}' any more.")
