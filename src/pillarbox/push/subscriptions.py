"""Push subscriptions: URLs where clients want to be told what has changed in an account (RFC 8620 §7.2).

A subscription belongs to the password with which it was made (`credential`, a mark): nobody else sees it, and it goes
when the password goes. Before anything else a code is sent to its URL, once; nothing more is, until the client has
shown that the code came there.

`told` is where the client is: states as they were when it was told last, and `told_email`, the last email that it may
have been told of. They follow the pushes by a second or so: after a crash something may be told twice, and nothing is
left out.
"""

from collections.abc import Collection, Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import astuple

from pillarbox.mail.identifiers import AccountId
from pillarbox.world.database.transaction import Transaction
from pillarbox.world.topic import Topic

MAX_SUBSCRIPTIONS: Final = 20
"""Of one account, those of all its passwords together (RFC 8620 §8.6)."""
HOUR_MS: Final = 3_600_000
MAX_VERIFIED: Final = 40
"""URLs to which an account may have codes sent within an hour (RFC 8620 §8.6)."""
MAX_VERIFIED_AT_HOST: Final = 2_000
"""Codes that are sent to one host within an hour, for all accounts: whoever has many accounts floods nobody."""
LISTED_TOGETHER: Final = 500
REMOVED_TOGETHER: Final = 500

NEW, ASKED, VERIFIED = "new", "asked", "verified"
"""Of `Subscription.state`: the code is to be sent; it was sent, or an attempt was made; it came back."""


class SubscriptionRefused(Exception):
    """There may be no more: `type` is that of a SetError (RFC 8620 §5.3)."""

    def __init__(self, type_: str, description: str) -> None:
        super().__init__(description)
        self.type = type_
        self.description = description


class Subscription(Struct, frozen=True, gc=False):
    """One subscription."""

    id: int
    account: AccountId
    credential: str
    device: str
    """`deviceClientId`."""
    url: str
    p256dh: bytes | None
    auth: bytes | None
    """The keys of the client, both or none (RFC 8291)."""
    vapid_key: int
    """The number of the key of ours that the client knew (RFC 9749 §4)."""
    types: str | None
    """JSON; None for all types."""
    email_push: str | None
    """JSON (draft-ietf-jmap-emailpush-03 §4)."""
    code: str
    state: str
    expires_at_ms: int
    told: str
    told_email: int
    failures: int
    """Attempts without a success since the last one."""
    retry_at_ms: int
    """Nothing is sent before."""

    def __repr__(self) -> str:
        return f"Subscription({self.id})"


class Progress(Struct, frozen=True, gc=False):
    """What has become of a subscription by what was sent."""

    id: int
    told: str
    told_email: int
    failures: int
    retry_at_ms: int


TOPIC: Final = "push"


def changed(account: AccountId) -> Topic:
    """Subscriptions of this account were made, verified or changed."""
    return Topic(TOPIC, account)


_COLUMNS: Final = (
    "id, account, credential, device, url, p256dh, auth, vapid_key, types, email_push, code, state,"
    " expires_at_ms, told, told_email, failures, retry_at_ms"
)
_OF_ACCOUNT: Final = f"SELECT {_COLUMNS} FROM push_subscriptions WHERE account = ? ORDER BY id"  # noqa: S608 - a constant


def of_account(tx: Transaction, account: AccountId, *, now_ms: int) -> list[Subscription]:
    """Those of an account that have not expired, the oldest first."""
    rows = tx.rows(_OF_ACCOUNT, (account,))
    return [found for row in rows if (found := Subscription(*row)).expires_at_ms > now_ms]


def of_credential(
    tx: Transaction, account: AccountId, credential: str, *, now_ms: int
) -> dict[int, Subscription]:
    """Those that were made with one password, by number."""
    found = of_account(tx, account, now_ms=now_ms)
    return {one.id: one for one in found if one.credential == credential}


def accounts_after(tx: Transaction, account: int) -> list[AccountId]:
    """The next accounts that have subscriptions, by number; at most `LISTED_TOGETHER`."""
    return [
        found
        for (found,) in tx.rows(
            "SELECT DISTINCT account FROM push_subscriptions WHERE account > ? ORDER BY account LIMIT ?",
            (account, LISTED_TOGETHER),
        )
    ]


def create(tx: Transaction, new: Subscription, host: str, *, now_ms: int) -> int:
    """Make one, whose number is not looked at; returns its number. Its code is to be sent.

    `host`: that of its URL. Raises `SubscriptionRefused`.
    """
    _check_room(tx, new.account, host, now_ms)
    tx.execute("INSERT INTO push_verifications VALUES (?, ?, ?)", (new.account, host, now_ms))
    number: int = tx.value(_INSERT, astuple(new)[1:])
    tx.announce(changed(new.account))
    return number


_INSERT: Final = (
    "INSERT INTO push_subscriptions (account, credential, device, url, p256dh, auth, vapid_key, types, email_push,"
    " code, state, expires_at_ms, told, told_email, failures, retry_at_ms)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id"
)
"""In the order of the fields of `Subscription`."""


def _check_room(tx: Transaction, account: AccountId, host: str, now_ms: int) -> None:
    if len(of_account(tx, account, now_ms=now_ms)) >= MAX_SUBSCRIPTIONS:
        raise SubscriptionRefused("overQuota", f"There are {MAX_SUBSCRIPTIONS} push subscriptions already")
    # Later ones are from before the clock was set back; calls at the same time differ by less
    within_ms = (now_ms - HOUR_MS, now_ms + HOUR_MS)
    by_account = tx.value(
        "SELECT COUNT(*) FROM push_verifications WHERE account = ? AND at_ms > ? AND at_ms <= ?",
        (account, *within_ms),
    )
    at_host = tx.value(
        "SELECT COUNT(*) FROM push_verifications WHERE host = ? AND at_ms > ? AND at_ms <= ?",
        (host, *within_ms),
    )
    if by_account >= MAX_VERIFIED or at_host >= MAX_VERIFIED_AT_HOST:
        raise SubscriptionRefused(
            "rateLimit", "Too many push subscriptions were created within the last hour"
        )


def update(tx: Transaction, changed_: Subscription) -> None:
    """What a client may change: `types`, `email_push`, `expires_at_ms`, `state`, `told_email`."""
    tx.execute(
        "UPDATE push_subscriptions SET types = ?, email_push = ?, expires_at_ms = ?, state = ?, told_email = ?"
        " WHERE id = ?",
        (
            changed_.types,
            changed_.email_push,
            changed_.expires_at_ms,
            changed_.state,
            changed_.told_email,
            changed_.id,
        ),
    )
    tx.announce(changed(changed_.account))


def begin_verification(tx: Transaction, number: int) -> bool:
    """Note that the code is going to be sent; returns whether it is the first time, as it has to be."""
    return (
        tx.execute("UPDATE push_subscriptions SET state = ? WHERE id = ? AND state = ?", (ASKED, number, NEW))
        == 1
    )


def note_progress(tx: Transaction, progress: Iterable[Progress]) -> None:
    """Record what was sent. An email that a client was told of, or has no need to be, stays so."""
    for one in progress:
        tx.execute(
            "UPDATE push_subscriptions SET told = ?, failures = ?, retry_at_ms = ?,"
            " told_email = CASE WHEN told_email < ? THEN ? ELSE told_email END WHERE id = ?",
            (one.told, one.failures, one.retry_at_ms, one.told_email, one.told_email, one.id),
        )


# --- removing


def remove(tx: Transaction, numbers: Iterable[int]) -> None:
    """Remove subscriptions, with their URLs and keys."""
    for number in numbers:
        tx.execute("DELETE FROM push_subscriptions WHERE id = ?", (number,))


def keep_only(tx: Transaction, account: AccountId, credentials: Collection[str]) -> None:
    """Remove what was made with passwords that an account has no more (RFC 8620 §7.2)."""
    rows = tx.rows("SELECT id, credential FROM push_subscriptions WHERE account = ?", (account,))
    remove(tx, [number for number, credential in rows if credential not in credentials])


def remove_account(tx: Transaction, account: AccountId) -> None:
    """Remove all that is kept of an account."""
    tx.execute("DELETE FROM push_subscriptions WHERE account = ?", (account,))
    tx.execute("DELETE FROM push_verifications WHERE account = ?", (account,))


def any_expired(tx: Transaction, *, now_ms: int) -> bool:
    """Whether there is something that `remove_expired` would remove."""
    old = tx.row("SELECT 1 FROM push_subscriptions WHERE expires_at_ms <= ? LIMIT 1", (now_ms,))
    return bool(
        old or tx.row("SELECT 1 FROM push_verifications WHERE at_ms <= ? LIMIT 1", (now_ms - HOUR_MS,))
    )


def remove_expired(tx: Transaction, *, now_ms: int) -> int:
    """Remove some of what has expired; returns how many."""
    rows = tx.rows(
        "SELECT id FROM push_subscriptions WHERE expires_at_ms <= ? LIMIT ?", (now_ms, REMOVED_TOGETHER)
    )
    remove(tx, [number for (number,) in rows])
    tx.execute("DELETE FROM push_verifications WHERE at_ms <= ?", (now_ms - HOUR_MS,))
    return len(rows)
