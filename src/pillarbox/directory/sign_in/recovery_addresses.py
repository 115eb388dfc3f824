"""Recovery addresses: a mailbox elsewhere, to which a link for a new password may be sent.

An address counts only after a link that was sent to it has been used. Until then the former one stays. Mail to them is
limited, by account and by address, so that nobody has others flooded: `may_mail`.
"""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from pillarbox.directory import domains
from pillarbox.directory.naming import NameRefused, parse_address
from pillarbox.directory.sign_in import reset_links
from pillarbox.directory.sign_in.reset_links import MadeBy
from pillarbox.mail.address import Address, domain_key
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction

MAX_MAILS: Final = 3
"""For one purpose within an hour, for an account; and for an address, whoever has named it."""
MAX_TOLD: Final = 3
"""Letters about changes of one kind within a day, for an account: whoever makes many floods nobody."""
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 86_400_000
CONFIRM_WITHIN_MS: Final = 86_400_000
MAX_CHARACTERS: Final = 254
"""RFC 5321 §4.5.3.1.3: a path has 256 octets with its brackets."""
REMOVED_TOGETHER: Final = 500


class Purpose(StrEnum):
    """Why a mail goes to a recovery address; or to the owner of an account, about a change."""

    CONFIRM = "confirm"
    RESET = "reset"
    CODES_SET_UP = "codes set up"
    CODES_REMOVED = "codes removed"
    FACTORS_REMOVED = "second factors removed"
    PASSKEY_ADDED = "passkey added"
    PASSKEY_REMOVED = "passkey removed"
    APP_PASSWORD_MADE = "app password made"  # noqa: S105 - no password
    LETTERS_OFF = "letters off"
    PASSWORD_CHANGED = "password changed"  # noqa: S105 - no password


class Recovery(Struct, frozen=True, gc=False):
    """What an account has set."""

    address: str | None = None
    """The one that counts."""
    confirmed_at_ms: int | None = None
    waiting: str | None = None
    """One that is to be confirmed."""
    confirm_until_ms: int | None = None


class Waiting(Struct, frozen=True, gc=False):
    """An address that is to be confirmed."""

    account: AccountId
    login: str
    address: str


def get(tx: Transaction, account: AccountId, *, now_ms: int) -> Recovery:
    """What an account has set."""
    row = tx.row("SELECT address, confirmed_at_ms FROM recovery_addresses WHERE account = ?", (account,))
    waits = tx.row(
        "SELECT address, expires_at_ms FROM recovery_confirmations WHERE account = ? AND expires_at_ms > ?",
        (account, now_ms),
    )
    return Recovery(*(row or (None, None)), *(waits or (None, None)))


def begin(tx: Transaction, account: AccountId, address: str, digest: bytes, *, now_ms: int) -> Address:
    """Note an address that is to be confirmed, in the place of one that was. Raises `NameRefused`.

    `digest`: of the token in the link that is sent to it (`link_tokens`).
    """
    written = parse_address(address.strip())
    if len(str(written)) > MAX_CHARACTERS:
        raise NameRefused("the address is too long")
    if written.domain.startswith("["):
        raise NameRefused("the address needs the name of a domain")
    if domains.get(tx, domain_key(written.domain)) is not None:
        raise NameRefused(
            f"'{written}' is an address of this provider: who cannot log in here could not read its mail"
        )
    tx.execute("DELETE FROM recovery_confirmations WHERE account = ?", (account,))
    tx.execute(
        "INSERT INTO recovery_confirmations (account, address, digest, expires_at_ms) VALUES (?, ?, ?, ?)",
        (account, str(written), digest, now_ms + CONFIRM_WITHIN_MS),
    )
    return written


def find_waiting(tx: Transaction, digest: bytes, *, now_ms: int) -> Waiting | None:
    """What is confirmed by the link with this digest. Looking uses nothing up."""
    row = tx.row(
        "SELECT c.account, a.login, c.address, c.expires_at_ms FROM recovery_confirmations c"
        " JOIN accounts a ON a.id = c.account WHERE c.digest = ? AND a.enabled = 1",
        (digest,),
    )
    # A text in a damaged row is no number that is compared with others
    if row is None or type(row[3]) is not int or row[3] <= now_ms:
        return None
    return Waiting(*row[:3])


def confirm(tx: Transaction, digest: bytes, *, now_ms: int) -> Waiting | None:
    """Let the address count from now on, once. A link that was sent to the former one ends."""
    waiting = find_waiting(tx, digest, now_ms=now_ms)
    if waiting is None:
        return None
    tx.execute("DELETE FROM recovery_confirmations WHERE account = ?", (waiting.account,))
    reset_links.end(tx, waiting.account, made_by=MadeBy.MAIL)
    tx.execute(
        "INSERT INTO recovery_addresses (account, address, confirmed_at_ms) VALUES (?, ?, ?)"
        " ON CONFLICT (account) DO UPDATE SET address = excluded.address,"
        " confirmed_at_ms = excluded.confirmed_at_ms",
        (waiting.account, waiting.address, now_ms),
    )
    return waiting


def remove(tx: Transaction, account: AccountId) -> bool:
    """Remove the address, and one that is to be confirmed; returns whether there was any. A link that was sent to it
    ends."""
    reset_links.end(tx, account, made_by=MadeBy.MAIL)
    waited = tx.execute("DELETE FROM recovery_confirmations WHERE account = ?", (account,))
    return tx.execute("DELETE FROM recovery_addresses WHERE account = ?", (account,)) + waited > 0


def may_mail(tx: Transaction, account: AccountId, address: str, purpose: Purpose, *, now_ms: int) -> bool:
    """Count a mail that is about to be sent; false where it is one too many."""
    # Later ones are from before the clock was set back
    within_ms = (now_ms - HOUR_MS, now_ms + HOUR_MS)
    by_account = _sent(tx, account, purpose, within_ms)
    key = address.lower()
    to_address: int = tx.value(
        "SELECT count(*) FROM recovery_mails WHERE address = ? AND purpose = ? AND at_ms > ? AND at_ms <= ?",
        (key, purpose.value, *within_ms),
    )
    if by_account >= MAX_MAILS or to_address >= MAX_MAILS:
        return False
    _note_sent(tx, account, key, purpose, now_ms)
    return True


def may_tell(tx: Transaction, account: AccountId, change: Purpose, *, now_ms: int) -> bool:
    """Count a letter about a change that is about to be sent to the owner; false where it is one too many."""
    if _sent(tx, account, change, (now_ms - DAY_MS, now_ms + DAY_MS)) >= MAX_TOLD:
        return False
    _note_sent(tx, account, "", change, now_ms)
    return True


def _sent(tx: Transaction, account: AccountId, purpose: Purpose, within_ms: tuple[int, int]) -> int:
    sent: int = tx.value(
        "SELECT count(*) FROM recovery_mails WHERE account = ? AND purpose = ? AND at_ms > ? AND at_ms <= ?",
        (account, purpose.value, *within_ms),
    )
    return sent


def _note_sent(tx: Transaction, account: AccountId, key: str, purpose: Purpose, now_ms: int) -> None:
    tx.execute(
        "INSERT INTO recovery_mails (account, address, purpose, at_ms) VALUES (?, ?, ?, ?)",
        (account, key, purpose.value, now_ms),
    )


def any_expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there is something that `remove_expired` would remove."""
    old = tx.row("SELECT 1 FROM recovery_confirmations WHERE expires_at_ms <= ? LIMIT 1", (now_ms,))
    return bool(old or tx.row("SELECT 1 FROM recovery_mails WHERE at_ms <= ? LIMIT 1", (now_ms - DAY_MS,)))


def remove_expired(tx: Transaction, *, now_ms: int) -> int:
    """Remove some of what has expired; returns how many."""
    waiting = tx.execute(
        "DELETE FROM recovery_confirmations WHERE account IN"
        " (SELECT account FROM recovery_confirmations WHERE expires_at_ms <= ? LIMIT ?)",
        (now_ms, REMOVED_TOGETHER),
    )
    mails = tx.execute(
        "DELETE FROM recovery_mails WHERE id IN (SELECT id FROM recovery_mails WHERE at_ms <= ? LIMIT ?)",
        (now_ms - DAY_MS, REMOVED_TOGETHER),
    )
    return waiting + mails


def forget_waiting_of(tx: Transaction, account: AccountId) -> None:
    """End the link that would confirm an address of this account."""
    tx.execute("DELETE FROM recovery_confirmations WHERE account = ?", (account,))


def forget_waiting(tx: Transaction) -> None:
    """End all links that confirm an address: after a restore, one that was used or replaced meanwhile would be there
    again."""
    tx.execute("DELETE FROM recovery_confirmations", ())
