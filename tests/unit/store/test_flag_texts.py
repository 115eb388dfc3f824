"""How many different flags the messages of a mailbox may have together."""

import sys

import pytest

from pillarbox.mail.flags import MailboxFlagsFull, canonical, shortened
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, fetch, flag_texts, flags, mailboxes, placements
from pillarbox.store.fetch import Column
from pillarbox.store.flag_texts import MAX_MAILBOX_OCTETS
from pillarbox.store.flags import Mode
from pillarbox.store.invariants import INVARIANTS
from pillarbox.store.schema import SCHEMA
from pillarbox.world.database import Transaction
from pillarbox.world.database.schema import statements
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, mailbox, open_store, put

LONG_OCTETS = 512
AT_MOST = MAX_MAILBOX_OCTETS // LONG_OCTETS


def _long(number: int) -> str:
    """Keywords that no other message has."""
    return canonical([f"{number}-{word}".ljust(170, "k") for word in range(3)])


def _fill(tx: SqliteTransaction, *, to: str = "INBOX") -> None:
    for number in range(AT_MOST):
        put(tx, to=to, flags=_long(number))


def _texts(tx: SqliteTransaction, name: str = "INBOX") -> list[str]:
    return [text for _, text in fetch.rows(tx, ANNA, mailbox(tx, name), EVERYTHING, (Column.FLAGS,))]


def _is_sound(tx: SqliteTransaction) -> bool:
    return not any(list(one.find(tx)) for one in INVARIANTS if one.name == "flag-texts-match")


def test_a_mailbox_has_a_limited_number_of_different_flags() -> None:
    with open_store() as tx:
        _fill(tx)
        before = account_counters.modseq(tx, ANNA)
        with pytest.raises(MailboxFlagsFull):
            put(tx, flags=_long(-1))
        with pytest.raises(MailboxFlagsFull):
            flags.alter(tx, ANNA, mailbox(tx), NumberSet.of([1]), mode=Mode.ADD, flags="k" * 41)
        assert account_counters.modseq(tx, ANNA) == before
        memory = sum(map(sys.getsizeof, set(_texts(tx))))
        assert memory < MAX_MAILBOX_OCTETS + 100 * AT_MOST


def test_what_the_mailbox_has_already_and_what_is_short_is_never_refused() -> None:
    with open_store() as tx:
        _fill(tx)
        put(tx, flags=_texts(tx)[0])
        for number in range(50):
            put(tx, flags=f"\\Seen $label{number}")
        assert _is_sound(tx)


def test_system_flags_change_whatever_there_is() -> None:
    with open_store() as tx:
        _fill(tx)
        uids = NumberSet(((1, 100),))
        changed = flags.alter(tx, ANNA, mailbox(tx), uids, mode=Mode.ADD, flags="\\Seen")
        assert changed.changed == 100
        assert _is_sound(tx)


def test_keywords_can_be_removed_where_that_leaves_no_more_than_before() -> None:
    with open_store() as tx:
        _fill(tx)
        text = _texts(tx)[0]
        word = text.split()[0]
        put(tx, flags=text)
        with pytest.raises(MailboxFlagsFull):  # the other message with these flags keeps them
            flags.alter(tx, ANNA, mailbox(tx), NumberSet.of([1]), mode=Mode.REMOVE, flags=word)
        flags.alter(tx, ANNA, mailbox(tx), NumberSet.of([1, AT_MOST + 1]), mode=Mode.REMOVE, flags=word)
        assert word not in _texts(tx)[0]
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.REPLACE, flags="\\Seen")
        put(tx, flags=text)
        assert _is_sound(tx)


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_a_refused_copy_or_move_changes_nothing() -> None:
    with open_store() as tx:
        _fill(tx)
        put(tx, to="Archive", flags=_long(-1))
        put(tx, to="Archive", flags="\\Seen")
        for verb in (placements.copy, placements.move):
            before = account_counters.modseq(tx, ANNA)
            with pytest.raises(MailboxFlagsFull):
                verb(tx, ANNA, mailbox(tx, "Archive"), EVERYTHING, to=mailbox(tx), now_ms=0)
            assert account_counters.modseq(tx, ANNA) == before
        assert placements.move(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Sent"), now_ms=0)
        assert placements.move(tx, ANNA, mailbox(tx, "Archive"), EVERYTHING, to=mailbox(tx), now_ms=0)
        assert _is_sound(tx)


def _legacy(tx: Transaction, number: int) -> None:
    """Texts beyond the limit, from a time before there was one."""
    for uid in range(1, number + 1):
        tx.execute("UPDATE flags SET flags = ? WHERE uid = ?", (_long(uid), uid))
    tx.execute("DROP TABLE flag_texts")
    [script] = [one for one in SCHEMA.migrations if "flag_texts" in one]
    for statement in statements(script):
        tx.execute(statement)


def test_a_mailbox_beyond_the_limit_is_read_and_emptied_and_inbox_renamed() -> None:
    with open_store() as tx:
        for _ in range(AT_MOST + 50):
            put(tx)
        _legacy(tx, AT_MOST + 50)
        assert len(set(_texts(tx))) == AT_MOST + 50
        assert _is_sound(tx)
        with pytest.raises(MailboxFlagsFull):
            put(tx, flags=_long(0))
        word = _long(3).split()[0]
        flags.alter(tx, ANNA, mailbox(tx), NumberSet.of([3]), mode=Mode.REMOVE, flags=word)
        mailboxes.rename(tx, ANNA, mailbox(tx), "Old", now_ms=0)
        assert len(set(_texts(tx, "Old"))) == AT_MOST + 50
        placements.expunge(tx, ANNA, mailbox(tx, "Old"), deleted_only=False)
        assert tx.rows("SELECT * FROM flag_texts") == []


def test_they_are_counted_whatever_happens_to_messages() -> None:
    with open_store() as tx:
        for number in (1, 1, 2):
            put(tx, flags=_long(number))
        flags.alter(tx, ANNA, mailbox(tx), NumberSet.of([1, 3]), mode=Mode.REPLACE, flags=_long(3))
        placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Archive"), now_ms=0)
        placements.move(tx, ANNA, mailbox(tx), NumberSet.of([1]), to=mailbox(tx, "Sent"), now_ms=0)
        assert _is_sound(tx)
        assert flag_texts.messages(tx, ANNA, mailbox(tx, "Archive"), _long(3)) == 2
        mailboxes.delete(tx, ANNA, mailbox(tx, "Archive"))
        assert _is_sound(tx)
        mailboxes.delete_account(tx, ANNA)
        assert tx.rows("SELECT * FROM flag_texts") == []


def test_what_fits_is_taken_in_order_and_the_rest_is_shortened() -> None:
    with open_store() as tx:
        put(tx, flags="a" * 60)
        texts = ["a" * 60, "b" * 100, "\\Seen short " + "c" * 90, "d" * 50]
        shorter = flag_texts.fitting(tx, ANNA, mailbox(tx), texts, max_octets=210)
        assert shorter == {"\\Seen short " + "c" * 90: "\\Seen short"}


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("", ""),
        (
            "\\Answered \\Flagged \\Deleted \\Seen \\Draft key",
            "\\Answered \\Flagged \\Deleted \\Seen \\Draft",
        ),
        ("\\Seen " + "a" * 34, "\\Seen " + "a" * 34),
        ("\\Seen " + "a" * 35 + " b", "\\Seen b"),
    ],
)
def test_shortened(text: str, short: str) -> None:
    assert shortened(text) == short
