"""Links by which a person sets a new password without knowing the old one.

An account has one at a time. It is used once, and ends when the password is changed in another way, or the account is
disabled or removed. Only the digest of its token is stored (`link_tokens`).

A link that an operator has made is not replaced by one that somebody has asked for by mail: everybody may ask.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_VALID_MS: Final = 30 * 86_400_000
MAIL_VALID_MS: Final = 3_600_000
"""How long a link is valid that was sent by mail."""
MAX_TRIES: Final = 10
"""Codes of a second factor that may be tried with one link; then it ends."""
REMOVED_TOGETHER: Final = 500


class MadeBy(StrEnum):
    """How a link came to be."""

    OPERATOR = "operator"
    MAIL = "mail"
    """It was sent to the recovery address."""


_WAYS: Final = tuple(one.value for one in MadeBy)


class ResetLink(Struct, frozen=True, gc=False):
    """A link that can be used now."""

    account: AccountId
    login: str
    made_by: MadeBy
    asks_factor: bool
    """Whether a second factor is still asked for, where the account has one."""
    expires_at_ms: int


class NewLink(Struct, frozen=True, gc=False):
    """A link to store."""

    digest: bytes
    made_by: MadeBy
    asks_factor: bool
    valid_ms: int


def make(tx: Transaction, account: AccountId, new: NewLink, *, now_ms: int) -> bool:
    """Store a link in the place of the account's former one; false where an operator's has to stay."""
    if new.made_by is MadeBy.MAIL:
        row = tx.row(
            "SELECT 1 FROM reset_links WHERE account = ? AND made_by = ? AND expires_at_ms > ?",
            (account, MadeBy.OPERATOR.value, now_ms),
        )
        if row is not None:
            return False
    tx.execute("DELETE FROM reset_links WHERE account = ?", (account,))
    tx.execute(
        "INSERT INTO reset_links (account, digest, made_by, asks_factor, tries, made_at_ms, expires_at_ms)"
        " VALUES (?, ?, ?, ?, 0, ?, ?)",
        (account, new.digest, new.made_by.value, int(new.asks_factor), now_ms, now_ms + new.valid_ms),
    )
    return True


def find(tx: Transaction, digest: bytes, *, now_ms: int) -> ResetLink | None:
    """The link with this digest, if it can be used now. Looking uses nothing up."""
    row = tx.row(
        "SELECT l.account, a.login, l.made_by, l.asks_factor, l.expires_at_ms, l.tries FROM reset_links l"
        " JOIN accounts a ON a.id = l.account WHERE l.digest = ? AND a.enabled = 1",
        (digest,),
    )
    if row is None:
        return None
    account, login, made_by, asks_factor, expires_at_ms, tries = row
    # A damaged row lets nobody in: a text is no number that is compared with others, and no permission
    if type(expires_at_ms) is not int or type(tries) is not int or made_by not in _WAYS:
        return None
    if expires_at_ms <= now_ms or tries >= MAX_TRIES:
        return None
    return ResetLink(account, login, MadeBy(made_by), asks_factor != 0, expires_at_ms)


def count_try(tx: Transaction, digest: bytes, *, now_ms: int) -> bool:
    """Count a code that is about to be tried with this link; false where none may be."""
    if find(tx, digest, now_ms=now_ms) is None:
        return False
    return tx.execute("UPDATE reset_links SET tries = tries + 1 WHERE digest = ?", (digest,)) == 1


def end(tx: Transaction, account: AccountId, *, made_by: MadeBy | None = None) -> None:
    """End the account's link, or only one that was made so."""
    if made_by is None:
        tx.execute("DELETE FROM reset_links WHERE account = ?", (account,))
    else:
        tx.execute("DELETE FROM reset_links WHERE account = ? AND made_by = ?", (account, made_by.value))


def any_expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there is something that `remove_expired` would remove."""
    return tx.row("SELECT 1 FROM reset_links WHERE expires_at_ms <= ? LIMIT 1", (now_ms,)) is not None


def remove_expired(tx: Transaction, *, now_ms: int) -> int:
    """Remove some of those that have expired; returns how many."""
    return tx.execute(
        "DELETE FROM reset_links WHERE account IN"
        " (SELECT account FROM reset_links WHERE expires_at_ms <= ? LIMIT ?)",
        (now_ms, REMOVED_TOGETHER),
    )


def remove_all(tx: Transaction) -> None:
    """End all links: after a restore, one that was used meanwhile would be there again."""
    tx.execute("DELETE FROM reset_links", ())
