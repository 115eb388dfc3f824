"""The command line, one file for each family of commands.

`COMMANDS` is the table of all families. A family's file is imported only when one of its commands runs (or is
asked for help), so that `pillarbox --help` and `pillarbox demo` start at once. To add a family: write
`app/commands/<module>.py` with a click command or group called `command`, and add a row here.

Commands only speak: they parse what was typed, call a verb of `admin` through `installation.Installation`,
and say what came of it, as text or (`--json`) as one JSON value. Exit codes: 0 all is well, 1 it could not
be done or something was found, 2 the command line was wrong.
"""

import importlib
from dataclasses import dataclass
from typing import Final

import click


@dataclass(frozen=True, slots=True)
class Family:
    """A row of the table."""

    module: str
    """Below this package; its `command` is what is run."""
    section: str
    """The heading it stands under in `pillarbox --help`."""
    summary: str
    """One line for `pillarbox --help`."""


RUN: Final = "Run"
PEOPLE: Final = "Domains and people"
MAIL: Final = "Mail"
CARE: Final = "Care"

COMMANDS: Final = {
    "demo": Family("demo", RUN, "Start a complete provider on loopback, to try it."),
    "init": Family("init", RUN, "Set up a provider for a domain of yours."),
    "serve": Family("serve", RUN, "Serve mail as the configuration says."),
    "check": Family("check", RUN, "Find what is wrong with configuration, DNS, certificates and disk."),
    "config": Family("config", RUN, "Every option, and what is in force."),
    "domain": Family("domain", PEOPLE, "Domains that are served here."),
    "account": Family("account", PEOPLE, "Accounts: people and programs that log in and receive."),
    "alias": Family("alias", PEOPLE, "Addresses that lead to others; catch-alls."),
    "group": Family("group", PEOPLE, "Sets of accounts that share an address."),
    "app-password": Family("app_password", PEOPLE, "A password for each program, revoked alone."),
    "import": Family("importing", MAIL, "Bring mail in from mbox files or Maildirs."),
    "queue": Family("queue", MAIL, "Mail that waits for other providers."),
    "export": Family("exporting", MAIL, "Write an account's mail as mbox files or as a Maildir."),
    "backup": Family("backup", CARE, "Add a point in time to a backup, while mail is served."),
    "restore": Family("restore", CARE, "Bring the data directory back from a backup."),
    "fsck": Family("fsck", CARE, "Look at everything that must be true, and mend it."),
    "rebuild": Family("rebuild", CARE, "Make a damaged database anew from what can be read."),
}
"""By name, in the order in which help shows them."""


class Families(click.Group):
    """The table as a click group that imports nothing before it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import the family."""
        family = COMMANDS.get(cmd_name)
        if family is None:
            return None
        command = importlib.import_module(f"{__name__}.{family.module}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the near name for one that is not there."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else " See: pillarbox --help"
            ctx.fail(f"There is no command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The table, by section, without importing what is in it."""
        width = max(map(len, COMMANDS))
        for section in dict.fromkeys(family.section for family in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (name.ljust(width), family.summary)
                        for name, family in COMMANDS.items()
                        if family.section == section
                    ]
                )
