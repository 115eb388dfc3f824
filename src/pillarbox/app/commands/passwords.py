"""Where commands get a password from: generated, typed, or read from standard input. It is never an argument,
which every process of the machine could read.
"""

import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import click

if TYPE_CHECKING:
    from pillarbox.admin.accounts import NewAccount
    from pillarbox.app.commands.installation import Installation


_MAX_LINE: Final = 8192
"""Octets of a line that are looked at."""


def password_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--ask` and `--password-stdin`."""
    ask = click.option("--ask", is_flag=True, help="Prompt for the password instead of generating one.")
    stdin = click.option(
        "--password-stdin", "stdin", is_flag=True, help="Read the password from standard input."
    )
    return ask(stdin(command))


def obtain(installation: "Installation", *, ask: bool, stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was generated and has to be shown. Raises `CommandFailed`, `NameRefused` for a bad
    one."""
    if ask and stdin:
        raise click.UsageError("Give --ask or --password-stdin, not both.")
    if stdin:
        return _checked(installation, sys.stdin.readline().rstrip("\r\n")), False
    if ask:
        typed = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return _checked(installation, typed), False
    return generated(), True


def _checked(installation: "Installation", password: str) -> str:
    """What was given, if it may be chosen; what else is wrong with it is found where it is hashed."""
    from pillarbox.admin.password_rules import FileUnusable, PasswordRules
    from pillarbox.app.commands.installation import CommandFailed

    demanded = installation.config.passwords
    try:
        PasswordRules(demanded.shortest, demanded.breached).check(password)
    except FileUnusable as wrong:
        raise CommandFailed(f"'passwords.breached': {demanded.breached} {wrong}") from None
    return password


def hash_given(given: str) -> str:
    """The hash that was given, or is on standard input."""
    return sys.stdin.readline(_MAX_LINE).rstrip("\r\n") if given == "-" else given


def lines_of(file: BinaryIO) -> Iterator[bytes]:
    """The lines of a file; of one that is too long, its beginning, which is too long as well."""
    while line := file.readline(_MAX_LINE):
        yield line
        while len(line) == _MAX_LINE and not line.endswith(b"\n"):
            line = file.readline(_MAX_LINE)


def generated() -> str:
    """A password that can be read out and copied: `abcd-efgh-ijkl-mnop-qrst`, 100 bits of entropy."""
    from pillarbox.directory.sign_in.app_passwords import RANDOM_OCTETS, format_app_password
    from pillarbox.world.entropy import SystemEntropy

    return format_app_password(SystemEntropy().token_bytes(RANDOM_OCTETS))


def password_shown(password: str) -> str:
    """A generated password, as the end of a command's output."""
    return f"\n\n  Password: {password}\n\nThe password is not shown again."


def hashed(installation: "Installation", address: str, password: str, *, name: str = "") -> "NewAccount":
    """An account to be created, with its password hashed outside of any transaction."""
    from pillarbox.admin import accounts
    from pillarbox.world.entropy import SystemEntropy

    entropy = SystemEntropy()
    salt = installation.write(accounts.salt_for, address, entropy=entropy)
    return accounts.with_password(address, password, salt=salt, entropy=entropy, name=name)
