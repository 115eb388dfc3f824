"""What the commands that rename something have in common."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pillarbox.admin.renaming import Renamed

keep_address_option = click.option(
    "--keep-address", is_flag=True, help="Mail for the old address still arrives, and it may be sent from."
)


def renamed_lines(what: str, renamed: "Renamed") -> list[str]:
    """The change for people."""
    return [
        f"{what} renamed: {renamed.old} -> {renamed.new}",
        *([f"Mail for {renamed.old} still arrives"] if renamed.keeps_address else []),
        *(f"Alias {alias} leads to the new address" for alias in renamed.aliases),
    ]
