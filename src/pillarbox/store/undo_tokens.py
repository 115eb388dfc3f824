"""Tokens by which a client undoes what one call has changed: the rows that they stand for, for how long, and how many.

A token is random, belongs to an account, and has a row for each email that its call changed: what the email was, and
what the call made of it. Of a destroyed email the row has as well what its messages told, and holds back the rest: its
row in `emails` and its octets stay, and it is listed in `orphans` only when the token ends. So whoever sweeps looks
at nothing that is held. What is held counts towards no quota, since mail is deleted to make room; it has a limit of
its own.

Where an account has too many tokens, or they hold too much, the oldest end first. That only marks them: a chore
removes what has ended, one token at a time.
"""

from collections.abc import Collection, Iterable, Sequence
from enum import Enum, IntEnum
from typing import Final, NamedTuple

from msgspec import Struct, structs

from pillarbox.mail.identifiers import AccountId, EmailId
from pillarbox.store import account_counters, by_ids
from pillarbox.world.database import SqlValue, Transaction, ValuesDamaged

TOKEN_OCTETS: Final = 16
MAX_HELD_OCTETS: Final = 1024**3
"""Octets of destroyed emails that the tokens of an account hold."""
MAX_TEXT_OCTETS: Final = 256 * 1024
"""Octets of mailboxes and flags in the rows of one token: for 500 emails, ten times of what they usually have."""


class Undoable(Struct, frozen=True, kw_only=True):
    """Under which token something can be undone, and what an account may keep for that."""

    token: bytes
    """`TOKEN_OCTETS`, random."""
    kept_ms: int
    most: int
    """Tokens."""
    held_octets: int = MAX_HELD_OCTETS
    text_octets: int = MAX_TEXT_OCTETS
    spared: bytes = b""
    """A token that is not ended to make room: the one that is being used up."""

    def within(self, quota_octets: int | None) -> "Undoable":
        """It, holding no more than the account may have mail: so at worst, an account has twice of that."""
        if quota_octets is None or quota_octets >= self.held_octets:
            return self
        return structs.replace(self, held_octets=quota_octets)


class Kept(Enum):
    """Whether something can be undone."""

    NOTHING = "nothing"
    """Nothing has changed."""
    ALL = "all"
    TOO_MUCH = "too much"
    """It is more than is kept: nothing is."""


class Kind(IntEnum):
    """What a call did to an email. The numbers are stored; undoing goes in their order, which makes room first."""

    CREATED = 1
    CHANGED = 2
    DESTROYED = 3


class Look(NamedTuple):
    """What clients see of an email; `None`: it is not there or, of what was changed, that this was not."""

    mailboxes: str | None = None
    """Ids, ascending, separated by blanks."""
    flags: str | None = None
    """Canonical."""

    @property
    def octets(self) -> int:
        """About what it takes."""
        return len(self.mailboxes or "") + len(self.flags or "")


class Told(NamedTuple):
    """What the messages of a destroyed email told, and nothing else does."""

    thread: int
    size: int
    received_at_ms: int
    sent_at_ms: int | None
    sent_day: int | None


_NOTHING: Final = (None,) * 5


class Snoozed(NamedTuple):
    """Where an email was snoozed that the call took away from there, and what for (`mail.snooze`)."""

    mailbox: int
    until_ms: int
    move_to: int | None
    set_flags: str
    unset_flags: str

    @property
    def octets(self) -> int:
        """About what the texts take."""
        return len(self.set_flags) + len(self.unset_flags)


class Item(Struct, frozen=True):
    """What a call did to one email."""

    kind: Kind
    email: EmailId
    before: Look
    after: Look
    told: Told | None = None
    """Of a destroyed one."""
    snoozed: Snoozed | None = None
    """Of one that was moved or destroyed."""

    @property
    def text_octets(self) -> int:
        """About what its texts take."""
        snoozed = 0 if self.snoozed is None else self.snoozed.octets
        return self.before.octets + self.after.octets + snoozed

    @property
    def held_octets(self) -> int:
        """What it holds back."""
        return 0 if self.told is None else self.told.size


# --- keeping


def keep(
    tx: Transaction, account: AccountId, undoable: Undoable, items: Sequence[Item], *, now_ms: int
) -> Kept:
    """Keep rows under a token, which may have some already.

    `Kept.TOO_MUCH`: with these it would have more than is kept, and ends. Raises `NoSuchAccount`, `ValuesDamaged`.
    """
    if not items:
        return Kept.NOTHING
    token = undoable.token
    there = tx.row(
        "SELECT octets, text_octets FROM undo_tokens WHERE account = ? AND token = ?", (account, token)
    )
    octets, text_octets = there or (0, 0)
    octets += sum(item.held_octets for item in items)
    text_octets += sum(item.text_octets for item in items)
    if octets > undoable.held_octets or text_octets > undoable.text_octets:
        tx.execute(_END, (account, token))
        return Kept.TOO_MUCH
    _make_room(tx, account, undoable, octets, now_ms)
    if there is None:
        number, until_ms = account_counters.modseq(tx, account), now_ms + undoable.kept_ms
        tx.execute(
            "INSERT INTO undo_tokens VALUES (?, ?, ?, ?, ?, ?)",
            (account, token, number, until_ms, octets, text_octets),
        )
    else:
        tx.execute(
            "UPDATE undo_tokens SET octets = ?, text_octets = ? WHERE account = ? AND token = ?",
            (octets, text_octets, account, token),
        )
    tx.execute_many(_INSERT, [_row(account, token, item) for item in items])
    tx.execute_many("DELETE FROM orphans WHERE email = ?", [(item.email,) for item in items if item.told])
    return Kept.ALL


_INSERT: Final = "INSERT INTO undo_emails VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_END: Final = "UPDATE undo_tokens SET until_ms = 0 WHERE account = ? AND token = ?"


def _row(account: AccountId, token: bytes, item: Item) -> tuple[SqlValue, ...]:
    told = _NOTHING if item.told is None else item.told
    snoozed = _NOTHING if item.snoozed is None else item.snoozed
    return (account, token, item.kind.value, item.email, *item.before, *item.after, *told, *snoozed)


def _make_room(tx: Transaction, account: AccountId, undoable: Undoable, octets: int, now_ms: int) -> None:
    """End the oldest tokens beside this one, which holds so much."""
    tokens = 1
    for token, held in tx.rows(_OTHERS, (account, now_ms, undoable.token, undoable.spared)):
        tokens, octets = tokens + 1, octets + held
        if tokens > undoable.most or octets > undoable.held_octets:
            tx.execute(_END, (account, token))


_OTHERS: Final = """
SELECT token, octets FROM undo_tokens
WHERE account = ? AND until_ms > ? AND token <> ? AND token <> ? ORDER BY number DESC, token"""


def created(
    tx: Transaction, account: AccountId, token: bytes, ids: Collection[EmailId]
) -> dict[EmailId, Look]:
    """Those of these emails that the token has as created, with what they were made."""
    rows = by_ids.rows(tx, _CREATED, ids, account, token)
    return {email: Look(*look) for email, *look in rows}


def forget_created(tx: Transaction, account: AccountId, token: bytes, ids: Iterable[EmailId]) -> None:
    """Take emails that were created out of a token."""
    tx.execute_many(_FORGET, [(account, token, Kind.CREATED.value, email) for email in ids])


_CREATED: Final = f"""
SELECT email, mailboxes_after, flags_after FROM undo_emails
WHERE email IN {by_ids.IDS} AND account = ? AND token = ? AND kind = 1 LIMIT ?"""  # noqa: S608 - a constant
_FORGET: Final = "DELETE FROM undo_emails WHERE account = ? AND token = ? AND kind = ? AND email = ?"


# --- using


def is_valid(tx: Transaction, account: AccountId, token: bytes, *, now_ms: int) -> bool:
    """Whether the account has this token, and it has not ended."""
    return tx.row(_VALID, (account, token, now_ms)) is not None


_VALID: Final = "SELECT 1 FROM undo_tokens WHERE account = ? AND token = ? AND until_ms > ?"


def items(
    tx: Transaction, account: AccountId, token: bytes, *, after: tuple[int, int], limit: int
) -> list[Item]:
    """The next items of a token, behind a kind and an email, in order; `(0, 0)` to begin with.

    Raises `ValuesDamaged`, so that nothing is put into mailboxes that nobody wrote.
    """
    kind, email = after
    rows = tx.rows(_ITEMS, (account, token, kind, kind, email, limit))
    return [
        Item(
            Kind(row[0]),
            EmailId(row[1]),
            Look(row[2], row[3]),
            Look(row[4], row[5]),
            _told(account, row[6:11]) if row[0] == Kind.DESTROYED.value else None,
            _snoozed(account, row[11:]),
        )
        for row in rows
    ]


def _told(account: AccountId, numbers: Sequence[object]) -> Told:
    told = Told(*numbers)  # type: ignore[arg-type]  # which is what is looked at
    sent = (number for number in told[3:] if number is not None)
    if any(type(number) is not int for number in (*told[:3], *sent)) or min(told[:2]) < 0:
        raise _damaged(account)
    return told


def _snoozed(account: AccountId, values: Sequence[object]) -> Snoozed | None:
    if values[0] is None:
        return None
    snoozed = Snoozed(*values)  # type: ignore[arg-type]  # which is what is looked at
    numbers = (snoozed.mailbox, snoozed.until_ms, *(() if snoozed.move_to is None else (snoozed.move_to,)))
    texts = (snoozed.set_flags, snoozed.unset_flags)
    if any(type(one) is not int for one in numbers) or any(type(one) is not str for one in texts):
        raise _damaged(account)
    return snoozed


def _damaged(account: AccountId) -> ValuesDamaged:
    return ValuesDamaged(
        f"what a client of account {account} can undo is damaged: pillarbox fsck --repair mends it"
    )


_ITEMS: Final = """
SELECT kind, email, mailboxes_before, flags_before, mailboxes_after, flags_after, thread, size, received_at_ms,
  sent_at_ms, sent_day, snoozed_in, until_ms, move_to, set_flags, unset_flags
FROM undo_emails WHERE account = ? AND token = ? AND (kind > ? OR (kind = ? AND email > ?))
ORDER BY kind, email LIMIT ?"""


def settle(tx: Transaction, account: AccountId, token: bytes, done: Iterable[Item]) -> None:
    """Take items out of a token, and the token away with the last one. What was held is held no more."""
    tx.execute_many(_FORGET, [(account, token, item.kind.value, item.email) for item in done])
    tx.execute(_REMOVE_EMPTY, (account, token, account, token))


_REMOVE_EMPTY: Final = """
DELETE FROM undo_tokens WHERE account = ? AND token = ?
  AND NOT EXISTS (SELECT 1 FROM undo_emails u WHERE u.account = ? AND u.token = ?)"""


# --- the chore


def any_ended(tx: Transaction, *, now_ms: int) -> bool:
    """Whether `sweep` has work."""
    return tx.row("SELECT 1 FROM undo_tokens WHERE until_ms <= ? LIMIT 1", (now_ms,)) is not None


def sweep(tx: Transaction, *, now_ms: int) -> bool:
    """Remove a token that has ended, and leave what it held to `orphans.sweep`; False where there is none."""
    row = tx.row(
        "SELECT account, token FROM undo_tokens WHERE until_ms <= ? ORDER BY until_ms LIMIT 1", (now_ms,)
    )
    if row is None:
        return False
    tx.execute(_RELEASE, row)
    tx.execute("DELETE FROM undo_emails WHERE account = ? AND token = ?", row)
    tx.execute("DELETE FROM undo_tokens WHERE account = ? AND token = ?", row)
    return True


_RELEASE: Final = """
INSERT INTO orphans SELECT email FROM undo_emails u WHERE account = ? AND token = ? AND kind = 3
  AND EXISTS (SELECT 1 FROM emails e WHERE e.id = u.email)
  AND NOT EXISTS (SELECT 1 FROM placements p WHERE p.email = u.email)
ON CONFLICT DO NOTHING"""
