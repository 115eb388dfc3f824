"""Counts of emails and threads: the rules of RFC 8621, what is kept in memory, and what is read for it."""

import pytest

from pillarbox.mail.identifiers import MailboxId, ModSeq
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import flags, mailboxes, placements, thread_counts
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox import Role
from pillarbox.store.thread_counts import CountedAccount, Counts, CountsCache, Share, Version
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import RecordingTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put

FIRST = NumberSet(((1, 1),))
THREAD = [octets(subject="s", message_id=f"<{one}@x>", references="<0@x>") for one in range(4)]


def _counted(tx: SqliteTransaction, cache: CountsCache) -> CountedAccount:
    known = cache.version(ANNA)
    counted = cache.take(ANNA, known, thread_counts.read(tx, ANNA, known))
    assert counted is not None
    return counted


def _counts(tx: SqliteTransaction, name: str) -> Counts:
    return _counted(tx, CountsCache()).of(mailbox(tx, name))


@pytest.mark.rfc("8621 §2", "SHOULD")
def test_trash_is_a_world_of_its_own() -> None:
    with open_store() as tx:
        put(tx, THREAD[0], to="Trash")
        put(tx, THREAD[1], flags="\\Seen")
        assert _counts(tx, "Trash").unread_threads == 1
        assert _counts(tx, "INBOX").unread_threads == 0
        # What is in the trash and elsewhere belongs to both
        placements.copy(tx, ANNA, mailbox(tx, "Trash"), FIRST, to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        assert [_counts(tx, name).unread_threads for name in ("Trash", "INBOX", "Sent")] == [1, 1, 1]


@pytest.mark.rfc("8621 §2", "SHOULD")
def test_a_thread_is_unread_in_all_its_mailboxes() -> None:
    with open_store() as tx:
        put(tx, THREAD[0], flags="\\Seen")
        put(tx, THREAD[1], to="Archive")
        assert _counts(tx, "INBOX") == Counts(1, 0, 1, 1)
        assert _counts(tx, "Archive") == Counts(1, 1, 1, 1)
        put(tx, THREAD[2], flags="\\Draft", to="Drafts")
        assert _counts(tx, "Drafts") == Counts(1, 0, 1, 1)


def test_an_email_that_is_twice_in_a_mailbox_is_one() -> None:
    with open_store() as tx:
        put(tx, THREAD[0])
        placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx), now_ms=NOW_MS)
        assert _counts(tx, "INBOX") == Counts(1, 1, 1, 1)
        assert mailboxes.by_name(tx, ANNA, "INBOX").messages == 2


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_what_has_deleted_is_not_counted() -> None:
    with open_store() as tx:
        put(tx, THREAD[0], flags="\\Deleted")
        put(tx, THREAD[1])
        assert _counts(tx, "INBOX") == Counts(1, 1, 1, 1)


def test_another_trash_is_counted_anew() -> None:
    with open_store() as tx:
        cache = CountsCache()
        put(tx, THREAD[0], to="Sent")
        put(tx, THREAD[1], flags="\\Seen")
        assert _counted(tx, cache).of(mailbox(tx)).unread_threads == 1
        mailboxes.set_role(tx, ANNA, mailbox(tx, "Sent"), Role.TRASH)
        assert _counted(tx, cache).of(mailbox(tx)).unread_threads == 0


def test_only_threads_that_changed_are_looked_at() -> None:
    with open_store() as tx:
        for number in range(200):
            put(tx, octets(str(number), subject=str(number)))
        cache = CountsCache()
        counted = _counted(tx, cache)
        known = cache.version(ANNA)
        assert thread_counts.read(tx, ANNA, known) is None
        put(tx, octets("new"))
        recording = RecordingTransaction(tx)
        reading = thread_counts.read(recording, ANNA, known)
        assert recording.read < 6
        assert cache.take(ANNA, known, reading) is counted
        assert counted.of(mailbox(tx)) == Counts(201, 201, 201, 201)


def test_much_is_read_in_a_thread() -> None:
    with open_store() as tx:
        for number in range(20):
            put(tx, octets(str(number), subject=str(number)))
        with pytest.raises(TooMuchToRead):
            thread_counts.read(tx, ANNA, None, max_rows=19)
        cache = CountsCache()
        reading = thread_counts.read(tx, ANNA, None, max_rows=None)
        assert cache.take(ANNA, None, reading) is not None
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        known = cache.version(ANNA)
        with pytest.raises(TooMuchToRead):
            thread_counts.read(tx, ANNA, known, max_rows=19)
        counted = cache.take(ANNA, known, thread_counts.read(tx, ANNA, known, max_rows=None))
        assert counted is not None
        assert counted.of(mailbox(tx)) == Counts(20, 0, 20, 0)


def test_a_reading_is_applied_to_what_it_was_read_for_alone() -> None:
    with open_store() as tx:
        cache = CountsCache()
        _counted(tx, cache)
        known = cache.version(ANNA)
        put(tx)
        late = thread_counts.read(tx, ANNA, known)
        _counted(tx, cache)
        assert cache.take(ANNA, known, late) is None
        assert _counted(tx, cache).of(mailbox(tx)).total_emails == 1


def test_after_a_repair_the_account_is_counted_anew() -> None:
    with open_store() as tx:
        cache = CountsCache()
        put(tx)
        _counted(tx, cache)
        tx.execute("DELETE FROM placements")
        tx.execute("UPDATE ledgers SET modseq = modseq + 1, logged_from = modseq + 1")
        assert _counted(tx, cache).of(mailbox(tx)) == Counts()


def test_the_cache_has_a_limit() -> None:
    cache = CountsCache(max_weight=70)
    for account in (ANNA, BOB):
        counted = CountedAccount(Version(ModSeq(1), None))
        counted.add((thread, Share(((MailboxId(1), 1, 0),))) for thread in range(1, 21))
        assert counted.weight == 60
        reading = thread_counts.Reading(counted.version, {}, counted)
        assert cache.take(account, None, reading) is counted
    assert cache.version(ANNA) is None
    assert cache.version(BOB) == Version(ModSeq(1), None)


@pytest.mark.parametrize("damage", ["flags = x'ff00'", "flags = 'a(b'"])
def test_damaged_flags_are_not_counted(damage: str) -> None:
    with open_store() as tx:
        put(tx)
        tx.execute(f"UPDATE flags SET {damage}")
        with pytest.raises(ValuesDamaged):
            thread_counts.read(tx, ANNA, None)
