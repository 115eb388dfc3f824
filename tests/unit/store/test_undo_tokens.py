"""What is kept so that a client can undo: limits, slices, and what is damaged."""

from typing import Any

import pytest

from pillarbox.mail.identifiers import EmailId
from pillarbox.store import email_set, emails, orphans, undo_keeping, undo_tokens, undoing
from pillarbox.store.email_set import EmailChange
from pillarbox.store.undo_tokens import Kept, Undoable
from pillarbox.store.undoing import EMAILS_TOGETHER, MAILBOXES_TOGETHER, Undone, Why
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put

SIZE = len(octets())


def undoable(name: int = 0, **limits: Any) -> Undoable:
    return Undoable(token=bytes([name]) * 16, **{"kept_ms": 1000, "most": 10, **limits})


def destroy(tx: SqliteTransaction, how: Undoable, *some: EmailId, now_ms: int = NOW_MS) -> Kept:
    was = undo_keeping.before(tx, ANNA, [], some)
    email_set.destroy_emails(tx, ANNA, some)
    return undo_keeping.keep(tx, ANNA, how, was, [], now_ms=now_ms)


def change(tx: SqliteTransaction, how: Undoable, *changes: EmailChange) -> Kept:
    was = undo_keeping.before(tx, ANNA, [one.email for one in changes], [])
    email_set.set_emails(tx, ANNA, changes, now_ms=NOW_MS)
    return undo_keeping.keep(tx, ANNA, how, was, [], now_ms=NOW_MS)


def undo(tx: SqliteTransaction, name: int = 0, **how: Any) -> Undone | None:
    given = {"valid_at_ms": NOW_MS, "now_ms": NOW_MS, **how}
    return undoing.undo(tx, ANNA, bytes([name]) * 16, undoable(99), **given)


def some_of(tx: SqliteTransaction, number: int) -> list[EmailId]:
    return [put(tx).email_id for _ in range(number)]


def swept(tx: SqliteTransaction, *, now_ms: int = NOW_MS) -> list[EmailId]:
    """What is left of emails after the chores."""
    while undo_tokens.sweep(tx, now_ms=now_ms) or orphans.sweep(tx):
        pass
    return [email for (email,) in tx.rows("SELECT id FROM emails ORDER BY id")]


def test_more_than_may_be_held_is_not() -> None:
    with open_store() as tx:
        first, second, third = some_of(tx, 3)
        assert destroy(tx, undoable(held_octets=2 * SIZE), first, second) is Kept.ALL
        assert destroy(tx, undoable(held_octets=2 * SIZE), third) is Kept.TOO_MUCH, "of the same call"
        assert undo(tx) is None
        assert swept(tx) == []


def test_what_the_tokens_of_an_account_hold_has_a_limit() -> None:
    with open_store() as tx:
        several = some_of(tx, 4)
        for number, email in enumerate(several):
            assert destroy(tx, undoable(number, held_octets=2 * SIZE), email) is Kept.ALL
        assert swept(tx) == several[2:]
        assert [undo(tx, number) is None for number in range(4)] == [True, True, False, False]


def test_what_the_rows_of_a_token_take_has_a_limit() -> None:
    with open_store() as tx:
        (email,) = some_of(tx, 1)
        moved = EmailChange(email, mailboxes=frozenset((mailbox(tx, "Archive"),)))
        flagged = EmailChange(email, keywords="\\Seen")
        assert change(tx, undoable(text_octets=1), moved) is Kept.TOO_MUCH
        assert change(tx, undoable(1, text_octets=5), flagged) is Kept.ALL
        assert undo(tx, 0) is None
        assert undo(tx, 1) is not None


def test_the_limits_of_one_account_are_not_those_of_another() -> None:
    with open_store(ANNA, BOB) as tx:
        email = put(tx, account=BOB).email_id
        was = undo_keeping.before(tx, BOB, [], [email])
        email_set.destroy_emails(tx, BOB, [email])
        undo_keeping.keep(tx, BOB, undoable(1), was, [], now_ms=NOW_MS)
        for number in (2, 3):
            destroy(tx, undoable(number, most=1), *some_of(tx, 1))
        assert undo(tx, 1) is None, "it is of another account"
        assert [len(swept(tx)), undo(tx, 2) is None, undo(tx, 3) is None] == [2, True, False]


def test_a_token_ends_with_its_time() -> None:
    with open_store() as tx:
        (email,) = some_of(tx, 1)
        destroy(tx, undoable(), email)
        assert not undo_tokens.any_ended(tx, now_ms=NOW_MS + 999)
        assert swept(tx, now_ms=NOW_MS + 999) == [email]
        assert undo(tx, valid_at_ms=NOW_MS + 1000) is None
        assert undo_tokens.any_ended(tx, now_ms=NOW_MS + 1000)
        assert swept(tx, now_ms=NOW_MS + 1000) == []


def test_a_slice_is_bounded_by_emails_and_by_mailboxes() -> None:
    with open_store() as tx:
        several = some_of(tx, EMAILS_TOGETHER + 2)
        destroy(tx, undoable(), *several)
        assert _slices(tx) == [EMAILS_TOGETHER, 2]
        assert {*emails.by_id(tx, ANNA, several)} == {*several}

        some = some_of(tx, 4)
        destroy(tx, undoable(1), *some)
        many = " ".join(map(str, range(1, MAILBOXES_TOGETHER // 2)))
        tx.execute("UPDATE undo_emails SET mailboxes_before = ? WHERE token = ?", (many, b"\x01" * 16))
        assert _slices(tx, 1) == [2, 2]


def _slices(tx: SqliteTransaction, name: int = 0) -> list[int]:
    sizes, after = list[int](), (0, 0)
    while (undone := undo(tx, name, after=after)) is not None:
        sizes.append(len(undone.emails))
        if undone.next is None:
            break
        after = undone.next
    return sizes


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("DELETE FROM emails", Why.NOT_FOUND),
        ("DELETE FROM mailboxes", Why.NO_MAILBOX),
    ],
)
def test_what_can_not_be_undone(damage: str, why: Why) -> None:
    with open_store() as tx:
        (email,) = some_of(tx, 1)
        destroy(tx, undoable(), email)
        tx.execute(damage)
        undone = undo(tx)
        assert undone is not None
        assert undone.emails == {}
        assert undone.refused[email].why is why
        assert undone.kept is Kept.NOTHING
        assert (undo(tx) is None) is why.is_final


def test_what_is_there_again_by_other_ways_stays() -> None:
    with open_store() as tx:
        email, other = some_of(tx, 2)
        destroy(tx, undoable(), email)
        tx.execute("UPDATE placements SET email = ? WHERE email = ?", (email, other))
        undone = undo(tx)
        assert undone is not None
        assert undone.refused[email].why is Why.CHANGED_SINCE


def test_words_that_nobody_wrote_do_no_harm() -> None:
    with open_store() as tx:
        (email,) = some_of(tx, 1)
        destroy(tx, undoable(), email)
        tx.execute("UPDATE undo_emails SET mailboxes_before = 'a -1 99', flags_before = 'x(y'")
        assert undo(tx) is not None
        found = emails.by_id(tx, ANNA, [email])[email]
        assert (found.mailboxes, found.flags) == ({mailbox(tx)}, "")


def test_mail_that_is_in_mailboxes_again_has_its_dates() -> None:
    with open_store() as tx:
        text = octets(date="Mon, 20 Nov 2023 10:00:00 +0200")
        email = put(tx, text, received_at_ms=5).email_id
        dates = "SELECT received_at_ms, sent_at_ms, sent_day, thread, size FROM placements"
        before = tx.rows(dates)
        destroy(tx, undoable(), email)
        undo(tx)
        assert tx.rows(dates) == before
        assert tx.value("SELECT saved_at_ms FROM placements") == NOW_MS
