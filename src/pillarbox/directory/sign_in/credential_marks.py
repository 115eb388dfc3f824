"""Marks: what tells one password of an account from any other, and says nothing of it.

A mark is a digest of the stored hash. Hashes are salted or keyed, so a password that is set once more has another mark,
and numbers that are used again are no danger. What somebody makes that is to end with the password of their login is
kept with its mark.

A browser session has a mark of its own, since it ends by itself.

A password whose hash was replaced at a login is still the same password: the mark of the hash before it stays valid,
as a former mark. Where an operator has changed a password and kept its sessions, the mark before is kept for them only.

While an account has a second factor, programs are let in by app passwords alone: no mark of its own password is valid,
now or former, and what was opened with it ends.
"""

import hashlib
from collections.abc import Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.directory.sign_in import app_passwords, browser_sessions
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.second_factors import OF_ROW, has_second_factor
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction


class Reason(StrEnum):
    """Why a former mark is kept."""

    UPGRADED = "upgraded"
    """The hash was replaced by a better one of the same password."""
    KEPT = "kept"
    """The password was changed, and what was logged in by then stays so."""


_OCTETS: Final = 12

Login = tuple[AccountId, str]
"""An account, and the mark of the password or browser session that it was logged in to with."""


def mark(stored: str | bytes) -> str:
    """The mark of a password, by its Argon2 hash; of an app password, by its digest."""
    octets = stored.encode() if isinstance(stored, str) else stored
    return hashlib.blake2b(octets, digest_size=_OCTETS, person=b"credential mark").hexdigest()


def valid(tx: Transaction, account: AccountId, *, scope: Scope, now_ms: int) -> dict[str, int | None]:
    """The marks of all passwords by which the account can be logged in to for `scope` now, and of its browser sessions
    (for JMAP), with the time at which they expire, as milliseconds; `None`: they do not. Empty for an account that is
    disabled."""
    if not tx.value("SELECT enabled FROM accounts WHERE id = ?", (account,)):
        return {}
    found = dict[str, int | None]() if has_second_factor(tx, account) else _of_own(tx, account)
    for digest, scopes, expires_at_ms in tx.rows(
        "SELECT digest, scopes, expires_at_ms FROM app_passwords WHERE account = ?", (account,)
    ):
        if app_passwords.is_valid(scopes, expires_at_ms, scope=scope, now_ms=now_ms):
            found[mark(digest)] = expires_at_ms
    if scope is Scope.JMAP:
        for session in browser_sessions.listing(tx, account, now_ms=now_ms):
            found[session.mark] = session.expires_at_ms
    return found


def _of_own(tx: Transaction, account: AccountId) -> dict[str, int | None]:
    """The marks of the account's own password."""
    found: dict[str, int | None] = {
        mark(argon2): None
        for (argon2,) in tx.rows("SELECT argon2 FROM passwords WHERE account = ?", (account,))
    }
    for (hashed,) in tx.rows(
        "SELECT hash FROM foreign_passwords WHERE account = ?"
        " AND NOT EXISTS (SELECT 1 FROM passwords p WHERE p.account = foreign_passwords.account)",
        (account,),
    ):
        found[mark(hashed)] = None
    for (former,) in tx.rows(
        "SELECT mark FROM former_marks WHERE account = ? AND reason = ?", (account, Reason.UPGRADED.value)
    ):
        found[former] = None
    return found


_OWN: Final = (
    f"SELECT a.enabled, p.argon2, f.hash, {OF_ROW}, p.stored_key FROM accounts a"  # noqa: S608 - constants
    " LEFT JOIN passwords p ON p.account = a.id LEFT JOIN foreign_passwords f ON f.account = a.id WHERE a.id = ?"
)


class Own(Struct, frozen=True, gc=False):
    """The own password of an account, and what decides whether it opens anything."""

    enabled: bool = False
    """The account is."""
    argon2: str | None = None
    foreign: str | None = None
    """The hash of another server, where there is no Argon2 hash."""
    second_factor: bool = False
    """The account has one."""
    stored_key: bytes | None = None
    """For SCRAM."""

    def __repr__(self) -> str:
        return "Own()"


_NOTHING: Final = Own()


def own_password(tx: Transaction, account: AccountId) -> Own:
    """All of it in one statement, for each login asks; empty for an account that does not exist."""
    row = tx.row(_OWN, (account,))
    if row is None:
        return _NOTHING
    enabled, argon2, foreign, second_factor, stored_key = row
    return Own(bool(enabled), argon2, foreign if argon2 is None else None, bool(second_factor), stored_key)


def own_stands(tx: Transaction, account: AccountId, hashed: str, *, of_person: bool = False) -> bool:
    """Whether the account's own password that was stored so has not been withdrawn, as `withdrawn` tells. It costs one
    statement while this hash is the stored one."""
    own = own_password(tx, account)
    if own.enabled and hashed in (own.argon2, own.foreign) and (of_person or not own.second_factor):
        return True
    return not withdrawn(tx, ((account, mark(hashed)),), of_person=of_person)


def app_password_stands(tx: Transaction, account: AccountId, digest: bytes) -> bool:
    """The same of an app password, by its digest."""
    return bool(
        tx.value(
            "SELECT a.enabled FROM app_passwords d JOIN accounts a ON a.id = d.account"
            " WHERE d.digest = ? AND d.account = ?",
            (digest, account),
        )
    )


def withdrawn(tx: Transaction, logins: Iterable[Login], *, of_person: bool = False) -> set[Login]:
    """Those of these logins whose sessions must end: the password was changed or revoked, it is the account's own and
    the account has got a second factor, the browser session has ended, or the account was disabled or removed. That an
    app password expires ends no session.

    `of_person`: of somebody who shows the second factor as well, so that the own password counts all the same.
    """
    gone, marks = set[Login](), dict[AccountId, set[str]]()
    for account, shown in logins:
        if account not in marks:
            marks[account] = _all(tx, account, of_person=of_person)
        if shown not in marks[account]:
            gone.add((account, shown))
    return gone


def _all(tx: Transaction, account: AccountId, *, of_person: bool) -> set[str]:
    """The marks of all passwords and sessions that open an account; none where it is disabled or removed."""
    if not tx.value("SELECT enabled FROM accounts WHERE id = ?", (account,)):
        return set()
    others = {
        mark(digest)
        for (digest,) in tx.rows("SELECT digest FROM app_passwords WHERE account = ?", (account,))
    }
    for (session,) in tx.rows("SELECT id FROM browser_sessions WHERE account = ?", (account,)):
        others.add(browser_sessions.mark(session))
    if not of_person and has_second_factor(tx, account):
        return others
    own = tx.rows("SELECT argon2 FROM passwords WHERE account = ?", (account,))
    foreign = tx.rows("SELECT hash FROM foreign_passwords WHERE account = ?", (account,))
    former = tx.rows("SELECT mark FROM former_marks WHERE account = ?", (account,))
    return {
        *others,
        *(mark(stored) for (stored,) in (*own, *foreign)),
        *(one for (one,) in former),
    }
