"""Values that nobody wrote, as a damaged page has them, are told of as damage of the database; no client gets them."""

from collections.abc import Callable

import pytest

from pillarbox.mail.identifiers import MailboxId, ModSeq
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import (
    account_counters,
    changes,
    flag_runs,
    mailbox_cache,
    mailboxes,
    maildrop,
    placements,
)
from pillarbox.store.flags import Mode, alter
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, open_store, put

TOLD = (ValuesDamaged, TypeError)
"""The latter becomes the former in the database, which knows what the verb has read."""
ONE = NumberSet(((1, 1),))
NUMBERS = ["modseq = 'zz'", "modseq = x'ff'", "modseq = 1.5", "more = 0.5"]
TEXTS = ["flags = x'ff00'", "flags = 'x' || char(13, 10) || '* BYE hi'", "flags = 'a(b'", "flags = 'é'"]


def _damaged(tx: SqliteTransaction, damage: str) -> MailboxId:
    inbox = mailbox(tx, "INBOX")
    for _ in range(3):
        put(tx)
    tx.execute(f"UPDATE flags SET {damage} WHERE mailbox = ? AND uid = 1", (inbox,))
    return inbox


@pytest.mark.parametrize("damage", [*NUMBERS, *TEXTS, "modseq = -1"])
def test_a_mailbox_with_such_flags_is_not_loaded(damage: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, damage)
        with pytest.raises(ValuesDamaged, match=f"mailbox {inbox} of account {ANNA} .* pillarbox fsck"):
            mailbox_cache.load(tx, ANNA, inbox)


@pytest.mark.parametrize(
    "damage", ["UPDATE flags SET uid = -7", "DELETE FROM flags", "UPDATE flags SET more = -1"]
)
def test_a_mailbox_of_which_flags_are_missing_is_not_loaded(damage: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        tx.execute(f"{damage} WHERE mailbox = ? AND uid = 2", (inbox,))
        with pytest.raises(ValuesDamaged):  # else a message would be there that no client is shown
            mailbox_cache.load(tx, ANNA, inbox)


@pytest.mark.parametrize("damage", [*NUMBERS, *TEXTS])
def test_such_flags_are_neither_read_nor_changed(damage: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, damage)
        with pytest.raises(ValuesDamaged):
            flag_runs.overlapping(tx, ANNA, inbox, EVERYTHING)
        with pytest.raises(ValuesDamaged):
            changes.since(tx, ANNA, inbox, ModSeq(0))
        for uids in (ONE, EVERYTHING):
            with pytest.raises(ValuesDamaged):
                alter(tx, ANNA, inbox, uids, mode=Mode.ADD, flags="\\Seen")


@pytest.mark.parametrize("damage", TEXTS[1:])  # octets are not found at all
def test_such_flags_are_not_copied(damage: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, damage)
        with pytest.raises(ValuesDamaged):
            placements.copy(tx, ANNA, inbox, ONE, to=mailbox(tx, "Sent"), now_ms=NOW_MS)


def test_to_a_flag_that_does_not_exist_none_is_added_but_others_can_be_read() -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "flags = '\\Flafged'")
        assert mailbox_cache.load(tx, ANNA, inbox).flags == ["\\Flafged", "", ""]
        with pytest.raises(ValuesDamaged):
            alter(tx, ANNA, inbox, ONE, mode=Mode.ADD, flags="\\Seen")
        alter(tx, ANNA, inbox, ONE, mode=Mode.REPLACE, flags="\\Seen")


@pytest.mark.parametrize("column", ["first_recent", "uid_next", "uid_validity", "highest_modseq"])
def test_numbers_of_a_mailbox_that_are_none_are_damage(column: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "modseq = 1")
        known = mailbox_cache.load(tx, ANNA, inbox).version
        tx.execute(f"UPDATE mailboxes SET {column} = 'zz' WHERE id = ?", (inbox,))
        with pytest.raises(ValuesDamaged):
            mailbox_cache.load(tx, ANNA, inbox)
        if column in {"uid_validity", "highest_modseq"}:
            with pytest.raises(ValuesDamaged):
                mailbox_cache.read(tx, ANNA, inbox, known)


WRITES: dict[str, Callable[[SqliteTransaction, MailboxId], object]] = {
    "STORE": lambda tx, inbox: alter(tx, ANNA, inbox, ONE, mode=Mode.ADD, flags="\\Seen"),
    "APPEND": lambda tx, inbox: put(tx),
    "COPY": lambda tx, inbox: placements.copy(tx, ANNA, inbox, ONE, to=inbox, now_ms=NOW_MS),
    "EXPUNGE": lambda tx, inbox: placements.expunge(tx, ANNA, inbox, ONE, deleted_only=False),
}


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize(
    "damage",
    [
        *(
            f"ledgers SET modseq = {value}"
            for value in ("'q'", "x'01'", "-1", "1.5", "9223372036854775807", "1 << 49")
        ),
        "ledgers SET modseq = 1",  # below those that clients have
        "mailboxes SET highest_modseq = 9223372036854775807",
        "mailboxes SET highest_modseq = 'q'",
    ],
)
def test_no_modseq_goes_on_from_a_damaged_one(damage: str, verb: str) -> None:
    """What would be written falls behind what clients have, or can't be followed by another one."""
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        alter(tx, ANNA, inbox, ONE, mode=Mode.ADD, flags="\\Flagged")
        tx.execute(f"UPDATE {damage}")
        with pytest.raises(TOLD):
            WRITES[verb](tx, inbox)


@pytest.mark.parametrize("value", ["'q'", "x'01'", "0", "-3", "1 << 33", "1.5"])
@pytest.mark.parametrize("verb", ["APPEND", "COPY"])
def test_no_uid_goes_on_from_a_damaged_one(value: str, verb: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        tx.execute(f"UPDATE mailboxes SET uid_next = {value}")
        with pytest.raises(TOLD):
            WRITES[verb](tx, inbox)


@pytest.mark.parametrize("column", ["octets", "messages"])
@pytest.mark.parametrize("value", ["'q'", "x'01'", "-3", "9223372036854775807"])
@pytest.mark.parametrize("verb", ["APPEND", "EXPUNGE"])
def test_damaged_usage_is_counted_anew(column: str, value: str, verb: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        tx.execute(f"UPDATE ledgers SET {column} = {value}")
        assert account_counters.usage(tx, ANNA) == _placed(tx)
        WRITES[verb](tx, inbox)
        assert account_counters.usage(tx, ANNA) == _placed(tx)


@pytest.mark.parametrize("column", ["octets", "messages"])
def test_usage_that_is_too_low_does_not_fall_below_nothing(column: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        tx.execute(f"UPDATE ledgers SET {column} = 0")
        WRITES["EXPUNGE"](tx, inbox)
        assert account_counters.usage(tx, ANNA) == _placed(tx)


def _placed(tx: SqliteTransaction) -> account_counters.Usage:
    return account_counters.Usage(*(tx.row("SELECT sum(size), count(*) FROM placements") or ()))


def test_usage_that_cannot_be_counted_is_damage() -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        tx.execute("UPDATE ledgers SET octets = -1")
        tx.execute("UPDATE placements SET size = -5000 WHERE uid = 3")
        with pytest.raises(ValuesDamaged, match=f"account {ANNA} "):
            WRITES["APPEND"](tx, inbox)


@pytest.mark.parametrize("value", ["'q'", "x'01'", "-3", "9223372036854775807"])
def test_nothing_is_counted_from_damaged_numbers_of_an_account(value: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "more = 0")
        tx.execute(f"UPDATE ledgers SET last_email = {value}")
        for verb in ("APPEND", "EXPUNGE"):
            with pytest.raises(ValuesDamaged, match=f"account {ANNA} "):
                WRITES[verb](tx, inbox)


@pytest.mark.parametrize("column", ["modseq", "last_mailbox", "last_uid_validity"])
@pytest.mark.parametrize("value", ["'q'", "x'01'", "-3", "9223372036854775807"])
def test_no_mailbox_is_numbered_from_a_damaged_one(column: str, value: str) -> None:
    with open_store() as tx:
        tx.execute(f"UPDATE ledgers SET {column} = {value}")
        with pytest.raises(ValuesDamaged, match=f"account {ANNA} "):
            mailboxes.create(tx, ANNA, "New", now_ms=NOW_MS)


def test_no_client_is_sent_a_modseq_beyond_its_mailboxs() -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "modseq = 9223372036854775807")
        with pytest.raises(ValuesDamaged):
            mailbox_cache.load(tx, ANNA, inbox)
        tx.execute("UPDATE mailboxes SET highest_modseq = 9223372036854775807")
        with pytest.raises(ValuesDamaged):
            mailbox_cache.load(tx, ANNA, inbox)


@pytest.mark.parametrize("column", ["uid_next", "highest_modseq", "messages", "unseen", "octets"])
@pytest.mark.parametrize("value", ["-1", "9223372036854775807"])
def test_numbers_that_are_beyond_all_bounds_are_not_listed(column: str, value: str) -> None:
    with open_store() as tx:
        tx.execute(f"UPDATE mailboxes SET {column} = {value} WHERE name = 'INBOX'")
        with pytest.raises(ValuesDamaged, match="mailbox 'INBOX' "):
            mailboxes.by_name(tx, ANNA, "INBOX")
        with pytest.raises(ValuesDamaged):
            mailboxes.listing(tx, ANNA)


@pytest.mark.parametrize("damage", ["UPDATE placements SET uid = '2x' WHERE uid = 2", "DELETE FROM emails"])
def test_a_maildrop_with_messages_that_are_not_found_is_not_loaded(damage: str) -> None:
    with open_store() as tx:
        _damaged(tx, "more = 0")
        tx.execute(damage)
        with pytest.raises(TOLD):  # else a message would be there and not be listed
            maildrop.load(tx, ANNA)


@pytest.mark.parametrize("damage", ["kind = 77", "last = 'zz'"])
def test_a_change_that_is_none_is_damage(damage: str) -> None:
    with open_store() as tx:
        inbox = _damaged(tx, "modseq = 1")
        tx.execute(f"UPDATE changes SET {damage} WHERE mailbox = ?", (inbox,))
        with pytest.raises(ValuesDamaged):
            changes.runs(tx, ANNA, inbox, ModSeq(0))
