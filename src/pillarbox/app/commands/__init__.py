"""The command line: one file for each command or group of commands.

`COMMANDS` is the table of all of them. A file is imported only when its command runs (or is asked for help), so that
`pillarbox --help` and `pillarbox demo` start fast. To add a command: write `app/commands/<module>.py` with a click
command or group called `command`, and add a row here.

Commands contain no logic of their own: they parse arguments, call a verb of `admin` through
`installation.Installation`, and print the result as text or (`--json`) as one JSON value. Exit codes: 0 success,
1 failure or problems found, 2 usage error; `status` has one more.
"""

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table."""

    module: str
    """Its module in this package, which has a click command named `command`."""
    section: str
    """Its heading in `pillarbox --help`."""
    summary: str
    """Its line in `pillarbox --help`."""


SERVER: Final = "Server"
ACCOUNTS: Final = "Domains and accounts"
MAIL: Final = "Mail"
MAINTENANCE: Final = "Maintenance"

COMMANDS: Final = {
    "demo": Row("demo", SERVER, "Start a complete provider on loopback, to try it out."),
    "init": Row("init", SERVER, "Set up a provider for a domain."),
    "serve": Row("serve", SERVER, "Run the server."),
    "status": Row("status", SERVER, "Show how the server, its queue and its storage are."),
    "who": Row("who", SERVER, "List the sessions of clients."),
    "kick": Row("kick", SERVER, "End sessions."),
    "log": Row("log", SERVER, "Show the log, and follow it."),
    "check": Row("check", SERVER, "Check the configuration, DNS, certificates, ports and disk."),
    "config": Row("config", SERVER, "Show all options, or those in effect."),
    "completion": Row("completion", SERVER, "Print a script for completion in bash, zsh or fish."),
    "domain": Row("domain", ACCOUNTS, "Manage domains."),
    "dkim": Row("dkim", ACCOUNTS, "Manage the keys that sign mail."),
    "account": Row("account", ACCOUNTS, "Manage accounts: logins, passwords, addresses and quotas."),
    "alias": Row("alias", ACCOUNTS, "Manage aliases: addresses that forward to others; catch-alls."),
    "group": Row("group", ACCOUNTS, "Manage groups: accounts that share an address."),
    "app-password": Row("app_password", ACCOUNTS, "Manage app passwords: one for each program or device."),
    "role": Row("role", ACCOUNTS, "Manage roles: owners, and administrators of domains."),
    "mail": Row("mail", MAIL, "Find messages in accounts; show, move, flag and delete them."),
    "import": Row("importing", MAIL, "Import mail from files of other programs, or from another server."),
    "queue": Row("queue", MAIL, "Manage the queue of outgoing mail."),
    "reports": Row("reports", MAIL, "Show what others report about mail and TLS, and what was reported."),
    "export": Row("exporting", MAIL, "Export an account as mbox files or a Maildir."),
    "contacts": Row("contacts", MAIL, "Import and export contacts as vCards."),
    "verify": Row("verify", MAIL, "Say what SPF, DKIM, ARC and DMARC make of a message; answer test suites."),
    "backup": Row("backup", MAINTENANCE, "Make an incremental backup, while the server runs."),
    "restore": Row("restore", MAINTENANCE, "Restore the data directory from a backup."),
    "fsck": Row("fsck", MAINTENANCE, "Check the consistency of the data directory, and repair it."),
    "rebuild": Row("rebuild", MAINTENANCE, "Rebuild a damaged database from what can be read."),
}
"""By name, in the order in which help shows them."""


class CommandTable(click.Group):
    """The table as a click group that imports each command only when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - likewise
        """Import the command."""
        row = COMMANDS.get(cmd_name)
        if row is None:
            return None
        command = importlib.import_module(f"{__name__}.{row.module}").command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Suggest the nearest name for an unknown command, and where options of commands belong."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean '{near[0]}'?" if near else " See: pillarbox --help"
            ctx.fail(f"No such command '{args[0]}'.{hint}")
        return super().resolve_command(ctx, args)

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Say of an option before the command that it belongs behind."""
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.NoSuchOption as failure:
            if failure.possibilities:
                raise
            place = f"{info_name} COMMAND {failure.option_name} ..."
            raise click.NoSuchOption(
                failure.option_name,
                f"No such option '{failure.option_name}'. Options follow the command: {place}",
            ) from None

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete a name from the table, without importing the commands."""
        from click.shell_completion import CompletionItem

        return [
            *(
                CompletionItem(name, help=row.summary)
                for name, row in COMMANDS.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),  # the options
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The table by section, without importing the commands."""
        width = max(map(len, COMMANDS))
        for section in dict.fromkeys(row.section for row in COMMANDS.values()):
            with formatter.section(section):
                formatter.write_dl(
                    [
                        (name.ljust(width), row.summary)
                        for name, row in COMMANDS.items()
                        if row.section == section
                    ]
                )
