"""Passwords from another server: lines of `login:hash`, as of Dovecot's passwd-file and /etc/shadow.

Each line is read and set by itself, so that a bad one stops no other. What follows a second colon is ignored.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from pillarbox.admin import accounts
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import credentials
from pillarbox.world.database import Database
from pillarbox.world.entropy import Entropy

MAX_LINE_OCTETS: Final = 4096


class Outcome(StrEnum):
    """What became of a line."""

    SET = "set"
    UNCHANGED = "unchanged"
    """The hash was imported before, and stands, or was upgraded at a login since."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class LineResult:
    """What became of a line."""

    line: int
    """From 1."""
    login: str
    """Of the account; as the line has it where there is none."""
    outcome: Outcome
    reason: str = ""
    """Why it was refused."""


@may(OPERATOR)
def import_lines(
    database: Database, lines: Iterable[bytes], *, entropy: Entropy, now_ms: int, dry_run: bool = False
) -> Iterator[LineResult]:
    """Set the passwords of existing accounts. With `dry_run` only say what would become of each line."""
    for number, octets in enumerate(lines, 1):
        text = octets.decode("utf-8", "replace").strip()
        if not text or text.startswith("#"):
            continue
        login, _colon, rest = text.partition(":")
        try:
            if len(octets) > MAX_LINE_OCTETS:
                raise NameRefused(f"the line is longer than {MAX_LINE_OCTETS} octets")
            given = rest.partition(":")[0]
            found, outcome = _import(database, login, given, entropy=entropy, now_ms=now_ms, dry_run=dry_run)
            yield LineResult(number, found, outcome)
        except NameRefused as refused:
            yield LineResult(number, login[:MAX_LINE_OCTETS], Outcome.REFUSED, str(refused))


def _import(
    database: Database, login: str, given: str, *, entropy: Entropy, now_ms: int, dry_run: bool
) -> tuple[str, Outcome]:
    account = database.read_now(accounts.find, login)
    if database.read_now(credentials.has_imported, account.id, given):
        return account.login, Outcome.UNCHANGED
    salt = database.read_now(accounts.password_salt, account.login)
    hashed = accounts.hash_for(given, salt=salt, entropy=entropy)
    if not dry_run:
        database.write_now(accounts.set_password, account.login, hashed, now_ms=now_ms)
    return account.login, Outcome.SET
