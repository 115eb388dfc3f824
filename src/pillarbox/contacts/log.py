"""What has changed of an account's contacts, and when: the states of AddressBook and ContactCard (RFC 8620 §5.2).

An account has one counter, its MODSEQ for contacts, which rises by one with each change of a record. So no two changes
have the same, and a client may be told of as few together as it likes. The log has one row for each record, with its
last change; what was destroyed stays in it for the next `REMEMBERED` changes. `complete_from` says since when none of
these is missing.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.world.database import Transaction, ValuesDamaged
from pillarbox.world.database.values import MAX_NUMBER

REMEMBERED: Final = 20_000
"""For so many changes of anything it is remembered that something was destroyed."""
FIRST_BOOK: Final = 1
"""The address book that every account begins with."""


class CannotCalculateChanges(Exception):
    """What happened since then is not known any more."""


class Kind(IntEnum):
    """Of what is logged."""

    BOOK = 1
    CARD = 2


class Logged(NamedTuple):
    """A record that has changed."""

    id: int
    created: ModSeq
    changed: ModSeq
    destroyed: bool


def open_account(tx: Transaction, account: AccountId, name: str) -> None:
    """Write down what the account has had all along: its counters, and its first address book with this name.

    Raises `ValuesDamaged` where it has had counters before.
    """
    if tx.execute(
        "INSERT INTO contact_counters VALUES (?, 0, 0, 0, ?, 0, ?, 0, 0, 0) ON CONFLICT (account) DO NOTHING",
        (account, FIRST_BOOK, FIRST_BOOK),
    ):
        if tx.row("SELECT 1 FROM contact_log WHERE account = ? LIMIT 1", (account,)) is not None:
            raise damaged(account)
        tx.execute("INSERT INTO address_books VALUES (?, ?, ?, NULL, 0, 1)", (account, FIRST_BOOK, name))
        tx.execute("INSERT INTO contact_log VALUES (?, ?, ?, 0, 0, 0)", (account, Kind.BOOK, FIRST_BOOK))


def note(tx: Transaction, account: AccountId, kind: Kind, record: int, *, destroyed: bool = False) -> ModSeq:
    """A record is created, changed or destroyed: take the next MODSEQ, and announce that the account has changed.

    Raises `ValuesDamaged`.
    """
    tx.touch(account)
    taken = tx.execute(_NEXT_OF_BOOKS if kind is Kind.BOOK else _NEXT_OF_CARDS, (account,))
    modseq = tx.value("SELECT modseq FROM contact_counters WHERE account = ?", (account,))
    if not taken or type(modseq) is not int:
        raise damaged(account)
    tx.execute(_LOG, (account, kind, record, modseq, modseq, int(destroyed)))
    if destroyed and modseq > REMEMBERED:
        _forget(tx, account, modseq - REMEMBERED)
    return ModSeq(modseq)


# Bounds, which no text, octets or NULL is within: nothing goes on from those
_NEXT: Final = f"modseq = modseq + 1 WHERE account = ? AND modseq BETWEEN 0 AND {MAX_NUMBER}"
_NEXT_OF_BOOKS: Final = f"UPDATE contact_counters SET book_modseq = modseq + 1, {_NEXT}"  # noqa: S608 - a constant
_NEXT_OF_CARDS: Final = f"UPDATE contact_counters SET card_modseq = modseq + 1, {_NEXT}"  # noqa: S608 - a constant
_LOG: Final = (
    "INSERT INTO contact_log VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account, kind, id)"
    " DO UPDATE SET modseq = excluded.modseq, destroyed = excluded.destroyed"
)


def _forget(tx: Transaction, account: AccountId, until: int) -> None:
    gone = tx.execute(
        "DELETE FROM contact_log WHERE account = ? AND destroyed = 1 AND modseq <= ?", (account, until)
    )
    if gone:
        tx.execute("UPDATE contact_counters SET complete_from = ? WHERE account = ?", (until, account))


def damaged(account: AccountId) -> ValuesDamaged:
    """What to raise where a counter is such as nobody wrote: nothing is counted on from there."""
    return ValuesDamaged(
        f"account {account} has a damaged counter of contacts: pillarbox fsck --repair mends it"
    )


def forget_changes(tx: Transaction) -> None:
    """Have every client of JMAP read everything again: rows were repaired, and the log does not tell what they were."""
    tx.execute(_FORGET)


_FORGET: Final = f"""
UPDATE contact_counters SET modseq = modseq + 1, book_modseq = modseq + 1, card_modseq = modseq + 1,
  complete_from = modseq + 1 WHERE modseq BETWEEN 0 AND {MAX_NUMBER}"""  # noqa: S608 - a number


class States(NamedTuple):
    """Where an account is: the MODSEQs at which anything of each kind last changed, 0 before anything has."""

    book: ModSeq
    card: ModSeq

    def of(self, kind: Kind) -> ModSeq:
        """Of one kind."""
        return self.book if kind is Kind.BOOK else self.card


def states(tx: Transaction, account: AccountId) -> States:
    """The states of an account. Raises `ValuesDamaged`."""
    row = tx.row("SELECT book_modseq, card_modseq FROM contact_counters WHERE account = ?", (account,))
    if row is None:
        return States(ModSeq(0), ModSeq(0))
    if any(type(number) is not int or not 0 <= number <= MAX_NUMBER for number in row):
        raise damaged(account)
    return States(*row)


def changes(tx: Transaction, account: AccountId, kind: Kind, since: ModSeq) -> list[Logged]:
    """What has changed since a state, each once, by its last change. Raises `CannotCalculateChanges`."""
    now = states(tx, account).of(kind)
    if since == now:
        return []
    complete: int | None = tx.value(
        "SELECT complete_from FROM contact_counters WHERE account = ?", (account,)
    )
    if not (complete or 0) <= since < now:
        raise CannotCalculateChanges(since)
    rows = tx.rows(
        "SELECT id, created_modseq, modseq, destroyed FROM contact_log"
        " WHERE account = ? AND kind = ? AND modseq > ? ORDER BY modseq",
        (account, kind, since),
    )
    return [Logged(key, created, changed, bool(destroyed)) for key, created, changed, destroyed in rows]


def parse_state(text: str) -> ModSeq | None:
    """The state that `str` gave; `None` for any other text."""
    in_digits = len(text) < len(str(MAX_NUMBER)) and text.isascii() and text.isdigit()
    return ModSeq(int(text)) if in_digits and (text == "0" or text[0] != "0") else None
