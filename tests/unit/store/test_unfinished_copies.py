"""Large copies are all or nothing, whatever ends them."""

from functools import partial

import pytest

from pillarbox.mail.number_set import NumberSet
from pillarbox.store import mailboxes, placements, unfinished_copies
from pillarbox.store.placements import Copied
from pillarbox.store.unfinished_copies import LEASE_MS, CopyUndone
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, open_store, put


def _uids(tx: SqliteTransaction, name: str) -> list[int]:
    rows = tx.rows("SELECT uid FROM placements WHERE mailbox = ? ORDER BY uid", (mailbox(tx, name),))
    return [uid for (uid,) in rows]


def _part(
    tx: SqliteTransaction, first: int, last: int, begun: Copied | None, parts: int, now_ms: int = NOW_MS
) -> Copied:
    to = mailbox(tx, "Archive")
    copy = partial(
        placements.copy,
        account=ANNA,
        mailbox=mailbox(tx),
        uids=NumberSet(((first, last),)),
        to=to,
        now_ms=now_ms,
    )
    name = None if begun is None else (begun.modseq, parts)
    copied = unfinished_copies.copy_part(tx, ANNA, to, copy, name, now_ms=now_ms)
    assert copied is not None
    return copied


def _sweep(tx: SqliteTransaction, now_ms: int) -> None:
    assert unfinished_copies.exist(tx, now_ms=now_ms)
    while unfinished_copies.sweep(tx, now_ms=now_ms, limit=2):
        pass
    assert not unfinished_copies.exist(tx, now_ms=now_ms)


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_parts_are_expunged_when_their_lease_is_over_and_nothing_else_is() -> None:
    with open_store() as tx:
        for _ in range(6):
            put(tx)
        put(tx, to="Archive")
        first = _part(tx, 1, 3, None, 0)
        put(tx, to="Archive")
        _part(tx, 4, 6, first, 1, NOW_MS + LEASE_MS)
        assert not unfinished_copies.exist(tx, now_ms=NOW_MS + LEASE_MS), "each part extends it"
        _sweep(tx, NOW_MS + 2 * LEASE_MS)
        assert _uids(tx, "Archive") == [1, 5]


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_a_finished_copy_stays() -> None:
    with open_store() as tx:
        for _ in range(4):
            put(tx)
        first = _part(tx, 1, 2, None, 0)
        _part(tx, 3, 4, first, 1)
        unfinished_copies.finish(tx, ANNA, (first.modseq, 2))
        assert not unfinished_copies.exist(tx, now_ms=NOW_MS + 2 * LEASE_MS)
        assert _uids(tx, "Archive") == [1, 2, 3, 4]


def test_a_copy_that_was_undone_is_neither_continued_nor_finished() -> None:
    with open_store() as tx:
        for _ in range(4):
            put(tx)
        first = _part(tx, 1, 2, None, 0)
        unfinished_copies.give_up(tx, ANNA, first.modseq)
        _sweep(tx, NOW_MS)
        with pytest.raises(CopyUndone):
            _part(tx, 3, 4, first, 1)
        with pytest.raises(CopyUndone):
            unfinished_copies.finish(tx, ANNA, (first.modseq, 1))
        assert _uids(tx, "Archive") == []


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_a_copy_that_is_being_undone_is_neither_continued_nor_finished() -> None:
    with open_store() as tx:
        for _ in range(4):
            put(tx)
        first = _part(tx, 1, 2, None, 0)
        late = NOW_MS + LEASE_MS
        assert unfinished_copies.sweep(tx, now_ms=late, limit=2), "all is gone, and still listed"
        with pytest.raises(CopyUndone):
            _part(tx, 3, 4, first, 1, late)
        with pytest.raises(CopyUndone):
            unfinished_copies.finish(tx, ANNA, (first.modseq, 1))
        _sweep(tx, late)
        assert _uids(tx, "Archive") == []


def test_only_the_copy_that_is_given_up_is_undone() -> None:
    with open_store() as tx:
        for _ in range(4):
            put(tx)
        one, other = _part(tx, 1, 2, None, 0), _part(tx, 3, 4, None, 0)
        unfinished_copies.give_up(tx, ANNA, one.modseq)
        _sweep(tx, NOW_MS)
        unfinished_copies.finish(tx, ANNA, (other.modseq, 1))
        assert _uids(tx, "Archive") == [3, 4]


def test_nothing_is_left_of_a_mailbox_that_is_gone() -> None:
    with open_store() as tx:
        put(tx)
        first = _part(tx, 1, 1, None, 0)
        mailboxes.delete(tx, ANNA, mailbox(tx, "Archive"))
        unfinished_copies.give_up(tx, ANNA, first.modseq)
        _sweep(tx, NOW_MS)


def test_a_lease_from_when_the_clock_was_ahead_is_over() -> None:
    with open_store() as tx:
        put(tx)
        _part(tx, 1, 1, None, 0, NOW_MS + 10 * LEASE_MS)
        _sweep(tx, NOW_MS)
        assert _uids(tx, "Archive") == []


@pytest.mark.parametrize(
    "damage", ["last = 'x'", "last = last + 4294967296", "last = last + 1", "mailbox = 1"]
)
def test_a_damaged_list_expunges_nothing(damage: str) -> None:
    with open_store() as tx:
        for _ in range(3):
            put(tx)
        _part(tx, 1, 3, None, 0)
        put(tx, to="Archive")
        tx.execute(f"UPDATE unfinished_copies SET {damage}")
        _sweep(tx, NOW_MS + 2 * LEASE_MS)
        assert (_uids(tx, "INBOX"), _uids(tx, "Archive")) == ([1, 2, 3], [1, 2, 3, 4])
