"""Where commands get a password from: generated, typed, or read from standard input. It is never an argument,
which every process of the machine could read.
"""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pillarbox.admin.accounts import NewAccount
    from pillarbox.app.commands.installation import Installation


MIN_PASSWORD_CHARACTERS = 8
"""NIST SP 800-63B-4 §3.1.1.2: shorter ones are guessed."""


def password_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--ask` and `--password-stdin`."""
    ask = click.option("--ask", is_flag=True, help="Prompt for the password instead of generating one.")
    stdin = click.option(
        "--password-stdin", "stdin", is_flag=True, help="Read the password from standard input."
    )
    return ask(stdin(command))


def obtain(*, ask: bool, stdin: bool) -> tuple[str, bool]:
    """The password, and whether it was generated and has to be shown. Raises `CommandFailed` for a bad one."""
    if ask and stdin:
        raise click.UsageError("Give --ask or --password-stdin, not both.")
    if stdin:
        return _checked(sys.stdin.readline().rstrip("\r\n")), False
    if ask:
        return _checked(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)), False
    return generated(), True


def _checked(password: str) -> str:
    """What was given, if it is long enough; what else is wrong with it is found where it is hashed."""
    from pillarbox.app.commands.installation import CommandFailed

    if 0 < len(password) < MIN_PASSWORD_CHARACTERS:
        raise CommandFailed(f"The password is too short: it needs {MIN_PASSWORD_CHARACTERS} characters")
    return password


def generated() -> str:
    """A password that can be read out and copied: `abcd-efgh-ijkl-mnop-qrst`, 100 bits of entropy."""
    from pillarbox.directory.app_passwords import RANDOM_OCTETS, format_app_password
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
