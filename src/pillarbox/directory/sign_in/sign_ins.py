"""The last sign-ins of each account: what its owner looks at to see whether somebody else has been there.

A program that logs in every minute is one row a day: equal attempts are counted, with the time of the first and of the
last one. Failed ones are kept apart, so that guessing pushes out no sign-in that succeeded, and there are never more
than `MAX_KEPT` of either. What is tried with a login that no account has is not kept at all.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.directory.sign_in.allowed_networks import plain_address
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.visible import visible
from pillarbox.world.database.transaction import Transaction

MAX_KEPT: Final = 100
"""Rows of an account that succeeded, and as many that failed."""
TOGETHER_MS: Final = 86_400_000
"""Equal attempts within this time are one row."""
MAX_TEXT_CHARACTERS: Final = 200
"""Of what a client says it is, and of why it was refused."""
REMOVED_TOGETHER: Final = 1_000


class Way(StrEnum):
    """By what somebody comes in: the services that a login is for (`app_passwords.Scope`), and pages."""

    IMAP = "imap"
    POP3 = "pop3"
    SMTP = "smtp"
    JMAP = "jmap"
    DAV = "dav"
    SIEVE = "sieve"
    WEB = "web"


class Result(StrEnum):
    """What became of it."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    THROTTLED = "throttled"
    """Not even looked at: too many attempts were waiting."""


class Why(StrEnum):
    """Why nobody was let in, as the log and the command line say it; pages have words of their own."""

    WRONG_PASSWORD = "wrong password"  # noqa: S105 - no password
    DISABLED = "the account is disabled"
    TOO_MANY = "too many attempts at once"
    SECOND_FACTOR = "the account has a second factor"
    WRONG_CODE = "a wrong code"
    WRONG_CODE_WITH_LINK = "a wrong code with a link"
    WRONG_PASSKEY = "a wrong passkey"
    UNFINISHED = "password right, second step not completed"
    OUTSIDE = "outside of the networks of the app password"
    EXPIRED = "the app password has expired"
    OTHER_SERVICE = "the app password is for other services"
    READ_ONLY = "the app password is read-only"
    FOR_PROGRAMS = "an app password at the sign-in page"


class Attempt(Struct, frozen=True, gc=False):
    """What makes attempts equal."""

    way: Way
    address: str
    """The IP address of the client, as `allowed_networks.plain_address` writes it; empty for a local socket."""
    method: str
    """By what: `password`, `app password`, `password+totp`, `passkey`; empty where that is not known."""
    name: str
    """Of the app password or the passkey, if it was one."""
    result: Result
    reason: str
    """Why it failed: a `Why`, or what an older version called it."""


class Noted(Struct, frozen=True, gc=False):
    """Equal attempts that were made since the last ones were written."""

    attempt: Attempt
    count: int
    first_at_ms: int
    last_at_ms: int
    agent: str = ""
    """What the client says it is; control characters as `plain` leaves them out."""


class SignIn(Struct, frozen=True, gc=False):
    """A row: equal attempts of a day."""

    attempt: Attempt
    count: int
    first_at_ms: int
    last_at_ms: int
    agent: str

    @property
    def has_failed(self) -> bool:
        """Whether nobody was let in."""
        return self.attempt.result is not Result.SUCCEEDED


def plain(text: str) -> str:
    """What others say of themselves, in one short line without hidden characters."""
    return visible(" ".join(text[: 2 * MAX_TEXT_CHARACTERS].split()))[:MAX_TEXT_CHARACTERS]


def add(tx: Transaction, account: AccountId, noted: Noted) -> int:
    """Count attempts to the row of equal ones, or write one; returns its number."""
    attempt = noted.attempt
    result = attempt.result.value
    number: int | None = tx.value(
        "SELECT id FROM sign_ins WHERE account = ? AND failed = ? AND way = ? AND address = ? AND method = ?"
        " AND name = ? AND result = ? AND reason = ? AND first_at_ms > ? ORDER BY id DESC LIMIT 1",
        (
            account,
            _failed(attempt),
            attempt.way.value,
            attempt.address,
            attempt.method,
            attempt.name,
            result,
            attempt.reason,
            noted.last_at_ms - TOGETHER_MS,
        ),
    )
    if number is not None:
        tx.execute(
            "UPDATE sign_ins SET attempts = attempts + ?, last_at_ms = ?,"
            " agent = CASE WHEN ? = '' THEN agent ELSE ? END WHERE id = ?",
            (noted.count, noted.last_at_ms, noted.agent, noted.agent, number),
        )
        return number
    added: int = tx.value(
        "INSERT INTO sign_ins (account, failed, way, address, method, name, result, reason, agent, attempts,"
        " first_at_ms, last_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            account,
            _failed(attempt),
            attempt.way.value,
            attempt.address,
            attempt.method,
            attempt.name,
            result,
            attempt.reason,
            noted.agent,
            noted.count,
            noted.first_at_ms,
            noted.last_at_ms,
        ),
    )
    tx.execute(
        "DELETE FROM sign_ins WHERE account = ? AND failed = ? AND id NOT IN (SELECT id FROM sign_ins"
        " WHERE account = ? AND failed = ? ORDER BY last_at_ms DESC, id DESC LIMIT ?)",
        (account, _failed(attempt), account, _failed(attempt), MAX_KEPT),
    )
    return added


def add_unfinished(
    tx: Transaction, account: AccountId, *, address: str, agent: str, method: str, now_ms: int
) -> int:
    """Note that a password was right and something else is to be shown; returns the row's number.

    It is a failure until `finish`: so the owner sees that somebody has the password, whatever becomes of the sign-in.
    """
    attempt = Attempt(Way.WEB, plain_address(address), method, "", Result.FAILED, Why.UNFINISHED.value)
    return add(tx, account, Noted(attempt, 1, now_ms, now_ms, plain(agent)))


def finish(tx: Transaction, account: AccountId, number: int) -> None:
    """One of the attempts of this row was completed after all."""
    which = (account, number, Why.UNFINISHED.value)
    tx.execute(
        "UPDATE sign_ins SET attempts = attempts - 1 WHERE account = ? AND id = ? AND reason = ?", which
    )
    tx.execute("DELETE FROM sign_ins WHERE account = ? AND id = ? AND reason = ? AND attempts <= 0", which)


def listing(tx: Transaction, account: AccountId) -> list[SignIn]:
    """The account's last sign-ins, succeeded and failed ones, the latest first."""
    rows = tx.rows(
        "SELECT way, address, method, name, result, reason, attempts, first_at_ms, last_at_ms, agent FROM sign_ins"
        " WHERE account = ? ORDER BY last_at_ms DESC, id DESC",
        (account,),
    )
    return [
        SignIn(Attempt(Way(way), address, method, name, Result(result), reason), *rest)
        for way, address, method, name, result, reason, *rest in rows
    ]


def any_before(tx: Transaction, before_ms: int) -> bool:
    """Whether there are some whose last time was before this time."""
    return tx.row("SELECT 1 FROM sign_ins WHERE last_at_ms < ? LIMIT 1", (before_ms,)) is not None


def forget_before(tx: Transaction, before_ms: int) -> int:
    """Remove `REMOVED_TOGETHER` of them at most; returns how many."""
    return tx.execute(
        "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE last_at_ms < ? LIMIT ?)",
        (before_ms, REMOVED_TOGETHER),
    )


def _failed(attempt: Attempt) -> int:
    return int(attempt.result is not Result.SUCCEEDED)
