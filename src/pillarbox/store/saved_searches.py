"""Searches that an account has saved: a filter of emails under a name, which clients show beside its mailboxes.

Filter and order are kept as their client has sent them, as JSON; who carries them out knows what they mean. What was
destroyed stays as a row without content, so that others hear of it; `complete_from` of the account says since when
none of these is missing. Each change takes a MODSEQ of the account; no mail has changed with it.
"""

from typing import Any, Final, NamedTuple

from msgspec import Struct

from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.store import states
from pillarbox.store.account_counters import MAX_MODSEQ, Touched, next_modseq
from pillarbox.store.states import CannotCalculateChanges
from pillarbox.world.database import Transaction

MAX_SEARCHES: Final = 100
"""Of an account."""
MAX_DESTROYED: Final = 100
"""So many are remembered after they were destroyed."""
_MAX_DIGITS: Final = 18


class Definition(Struct, frozen=True, gc=False):
    """What the owner sets of a search."""

    name: str
    filter: str | None
    """As JSON; `None`: all emails."""
    sort: str | None
    collapse_threads: bool
    sort_order: int


class SavedSearch(Struct, frozen=True, gc=False):
    """One search."""

    id: int
    definition: Definition


class Logged(NamedTuple):
    """A search that has changed."""

    id: int
    created: ModSeq
    changed: ModSeq
    destroyed: bool


class Place(NamedTuple):
    """How far a client knows the searches, and what is counted by them."""

    definitions: ModSeq
    """Of the last change of a search."""
    emails: ModSeq = ModSeq(0)
    """Of the last change of the account's emails; 0 where there is no search that could count them."""
    told_until: ModSeq = ModSeq(0)
    """Of the searches up to `told_id` the client knows it up to here."""
    told_id: int = 0

    @property
    def text(self) -> str:
        """As clients have it."""
        if self.told_until:
            return f"{self.definitions}.{self.emails}.{self.told_until}.{self.told_id}"
        return f"{self.definitions}.{self.emails}" if self.emails else str(self.definitions)


def parse(text: str) -> Place:
    """The place behind a state. Raises `CannotCalculateChanges` where none was ever written so."""
    parts = text.split(".", 4)
    if len(parts) not in (1, 2, 4) or not all(map(_is_number, parts)):
        raise CannotCalculateChanges(text[:100])
    numbers = list(map(int, parts))
    place = Place(*map(ModSeq, numbers[:3]), *numbers[3:])
    if max(place[:3]) > MAX_MODSEQ or place.text != text:
        raise CannotCalculateChanges(text[:100])
    return place


def _is_number(part: str) -> bool:
    return 0 < len(part) <= _MAX_DIGITS and part.isascii() and part.isdigit()


# --- reading


def definitions_state(tx: Transaction, account: AccountId) -> ModSeq:
    """The MODSEQ of the last change of a search; 0 where there never was one."""
    latest: int | None = tx.value("SELECT max(modseq) FROM saved_searches WHERE account = ?", (account,))
    return ModSeq(latest or 0)


def state(tx: Transaction, account: AccountId) -> Place:
    """Where an account is. Raises `NoSuchAccount`, `ValuesDamaged`."""
    emails = states.read(tx, account).email.modseq
    return Place(definitions_state(tx, account), emails if number(tx, account) else ModSeq(0))


def number(tx: Transaction, account: AccountId) -> int:
    """How many searches there are."""
    found: int = tx.value(
        "SELECT count(*) FROM saved_searches WHERE account = ? AND destroyed = 0", (account,)
    )
    return found


def listing(tx: Transaction, account: AccountId) -> list[SavedSearch]:
    """All searches of an account, oldest first; at most `MAX_SEARCHES`."""
    return [_search(row) for row in tx.rows(f"{_SELECT} ORDER BY id", (account,))]


def get(tx: Transaction, account: AccountId, identifier: int) -> SavedSearch | None:
    """One search."""
    row = tx.row(f"{_SELECT} AND id = ?", (account, identifier))
    return None if row is None else _search(row)


def changes(tx: Transaction, account: AccountId, since: ModSeq) -> list[Logged]:
    """The searches that have changed since a MODSEQ, each once. Raises `CannotCalculateChanges`."""
    complete: int | None = tx.value(
        "SELECT complete_from FROM saved_search_counters WHERE account = ?", (account,)
    )
    if not (complete or 0) <= since <= definitions_state(tx, account):
        raise CannotCalculateChanges(str(since))
    rows = tx.rows(
        "SELECT id, created_modseq, modseq, destroyed FROM saved_searches WHERE account = ? AND modseq > ?"
        " ORDER BY modseq, id",
        (account, since),
    )
    return [Logged(key, created, changed, bool(destroyed)) for key, created, changed, destroyed in rows]


_SELECT: Final = (
    "SELECT id, name, filter, sort, collapse_threads, sort_order FROM saved_searches"
    " WHERE account = ? AND destroyed = 0"
)


def _search(row: tuple[Any, ...]) -> SavedSearch:
    identifier, name, filter_, sort, collapse_threads, sort_order = row
    return SavedSearch(identifier, Definition(name, filter_, sort, bool(collapse_threads), sort_order))


# --- writing


def create(tx: Transaction, account: AccountId, new: Definition) -> int:
    """Save a search; return its id. There may be `MAX_SEARCHES`, which the caller looks at. Raises `NoSuchAccount`."""
    modseq = next_modseq(tx, account, Touched.NOTHING)
    tx.execute(
        "INSERT INTO saved_search_counters VALUES (?, 1, 0) ON CONFLICT (account) DO UPDATE SET latest = latest + 1",
        (account,),
    )
    identifier: int = tx.value("SELECT latest FROM saved_search_counters WHERE account = ?", (account,))
    tx.execute(
        "INSERT INTO saved_searches (account, id, name, filter, sort, collapse_threads, sort_order, created_modseq,"
        " modseq, destroyed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
        (account, identifier, *_columns(new), modseq, modseq),
    )
    return identifier


def update(tx: Transaction, account: AccountId, identifier: int, new: Definition) -> None:
    """Make a search that is there another one. Raises `NoSuchAccount`."""
    modseq = next_modseq(tx, account, Touched.NOTHING)
    tx.execute(
        "UPDATE saved_searches SET name = ?, filter = ?, sort = ?, collapse_threads = ?, sort_order = ?, modseq = ?"
        " WHERE account = ? AND id = ?",
        (*_columns(new), modseq, account, identifier),
    )


def destroy(tx: Transaction, account: AccountId, identifier: int) -> None:
    """Forget a search that is there, but for its id. Raises `NoSuchAccount`."""
    modseq = next_modseq(tx, account, Touched.NOTHING)
    tx.execute(
        "UPDATE saved_searches SET destroyed = 1, name = '', filter = NULL, sort = NULL, modseq = ?"
        " WHERE account = ? AND id = ?",
        (modseq, account, identifier),
    )
    rows = tx.rows(
        "SELECT id, modseq FROM saved_searches WHERE account = ? AND destroyed = 1 ORDER BY modseq DESC",
        (account,),
    )
    for forgotten, changed in rows[MAX_DESTROYED:]:
        tx.execute(
            "UPDATE saved_search_counters SET complete_from = ? WHERE account = ? AND complete_from < ?",
            (changed, account, changed),
        )
        tx.execute("DELETE FROM saved_searches WHERE account = ? AND id = ?", (account, forgotten))


def _columns(new: Definition) -> tuple[str, str | None, str | None, int, int]:
    return new.name, new.filter, new.sort, int(new.collapse_threads), new.sort_order
