"""Copying, moving, expunging, replacing."""

from typing import Any, Protocol

import pytest

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq, Uid
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, changes, fetch, mailboxes, orphans, placements
from pillarbox.store.account_counters import NoSuchMailbox, OverQuota, Usage
from pillarbox.store.append import Appended, Arrival
from pillarbox.store.changes import ChangeKind
from pillarbox.store.fetch import Column
from pillarbox.store.placements import Copied, Expunged
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import RecordingTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, message, octets, open_store, put


class CopyOrMove(Protocol):
    """The signature of both verbs."""

    def __call__(
        self,
        tx: Transaction,
        account: AccountId,
        mailbox: MailboxId,
        uids: NumberSet,
        *,
        to: MailboxId,
        now_ms: int,
    ) -> Copied | None: ...


def _flags(tx: SqliteTransaction, name: str) -> list[tuple[Uid, str]]:
    return fetch.rows(tx, ANNA, mailbox(tx, name), EVERYTHING, (Column.FLAGS,))


def _three(tx: SqliteTransaction) -> list[Appended]:
    return [
        put(tx, octets(text), flags=flags)
        for text, flags in (("a", "\\Seen"), ("bb", ""), ("ccc", "\\Deleted"))
    ]


@pytest.mark.rfc("9051 §6.4.7", "SHOULD")
def test_a_copy_keeps_flags_and_internal_date_and_is_the_same_email() -> None:
    with open_store() as tx:
        one = put(tx, flags="\\Answered $Work", received_at_ms=NOW_MS - 7)
        copied = placements.copy(
            tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Archive"), now_ms=NOW_MS + 1
        )
        assert copied is not None
        wanted = (
            Column.EMAIL,
            Column.THREAD,
            Column.FLAGS,
            Column.RECEIVED_AT_MS,
            Column.SAVED_AT_MS,
            Column.MODSEQ,
        )
        assert fetch.rows(tx, ANNA, mailbox(tx, "Archive"), EVERYTHING, wanted) == [
            (1, one.email_id, one.thread_id, "\\Answered $Work", NOW_MS - 7, NOW_MS + 1, copied.modseq)
        ]
        assert fetch.find(tx, ANNA, one.email_id) == [(mailbox(tx), 1), (mailbox(tx, "Archive"), 1)]


@pytest.mark.rfc("9051 §7.1", "MUST")
def test_copied_uids_correspond_in_order() -> None:
    with open_store() as tx:
        _three(tx)
        put(tx, to="Archive")
        copied = placements.copy(
            tx, ANNA, mailbox(tx), NumberSet.of([3, 1, 9]), to=mailbox(tx, "Archive"), now_ms=NOW_MS
        )
        assert copied is not None
        assert (copied.source.text(), copied.target.text()) == ("1,3", "2:3")
        assert _flags(tx, "Archive")[1:] == [(2, "\\Seen"), (3, "\\Deleted")]
        box = mailboxes.by_name(tx, ANNA, "Archive")
        assert (box.messages, box.unseen, box.deleted, box.uid_next) == (3, 2, 1, 4)
        assert copied.uid_validity == box.uid_validity


def test_a_copy_costs_no_quota_and_is_logged() -> None:
    with open_store() as tx:
        put(tx)
        before, log_before = account_counters.usage(tx, ANNA), account_counters.modseq(tx, ANNA)
        placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Archive"), now_ms=NOW_MS)
        assert account_counters.usage(tx, ANNA) == before
        (change,) = changes.log(tx, ANNA, log_before)
        assert (change.kind, change.mailbox, change.first) == (ChangeKind.APPENDED, mailbox(tx, "Archive"), 1)


def test_copying_into_the_same_mailbox() -> None:
    with open_store() as tx:
        _three(tx)
        copied = placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx), now_ms=NOW_MS)
        assert copied is not None
        assert copied.target.text() == "4:6"
        assert [flags for _, flags in _flags(tx, "INBOX")] == 2 * ["\\Seen", "", "\\Deleted"]


def test_copying_missing_messages_changes_nothing() -> None:
    with open_store() as tx:
        before = account_counters.modseq(tx, ANNA)
        for verb in (placements.copy, placements.move):
            assert verb(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Sent"), now_ms=NOW_MS) is None
        assert account_counters.modseq(tx, ANNA) == before


@pytest.mark.parametrize("verb", [placements.copy, placements.move])
def test_both_mailboxes_must_be_there(verb: CopyOrMove) -> None:
    with open_store() as tx:
        for source, target in ((mailbox(tx), MailboxId(99)), (MailboxId(99), mailbox(tx))):
            with pytest.raises(NoSuchMailbox):
                verb(tx, ANNA, source, EVERYTHING, to=target, now_ms=NOW_MS)


@pytest.mark.rfc("6851 §3.1", "MUST")
def test_a_move_is_one_step() -> None:
    with open_store() as tx:
        _three(tx)
        before = account_counters.modseq(tx, ANNA)
        moved = placements.move(
            tx, ANNA, mailbox(tx), NumberSet.of([1, 3]), to=mailbox(tx, "Archive"), now_ms=NOW_MS
        )
        assert moved is not None
        assert _flags(tx, "INBOX") == [(2, "")]
        assert _flags(tx, "Archive") == [(1, "\\Seen"), (2, "\\Deleted")]
        log = changes.log(tx, ANNA, before)
        assert {change.modseq for change in log} == {moved.modseq} == {before + 1}
        assert [(c.kind, c.mailbox, c.first, c.last) for c in log] == [
            (ChangeKind.EXPUNGED, mailbox(tx), 1, 1),
            (ChangeKind.EXPUNGED, mailbox(tx), 3, 3),
            (ChangeKind.APPENDED, mailbox(tx, "Archive"), 1, 2),
            (ChangeKind.HIDDEN, mailbox(tx, "Archive"), 1, 2),
        ]
        assert tx.value("SELECT count(*) FROM orphans") == 0
        box = mailboxes.by_id(tx, ANNA, mailbox(tx))
        assert (box.messages, box.unseen, box.deleted, box.octets) == (1, 1, 0, len(octets("bb")))


def test_moving_within_a_mailbox_gives_new_uids() -> None:
    with open_store() as tx:
        _three(tx)
        placements.move(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx), now_ms=NOW_MS)
        assert [uid for uid, _ in _flags(tx, "INBOX")] == [4, 5, 6]
        assert mailboxes.by_id(tx, ANNA, mailbox(tx)).messages == 3


@pytest.mark.rfc("9051 §6.4.3", "MUST")
def test_expunge_takes_the_deleted_only() -> None:
    with open_store() as tx:
        _three(tx)
        done = placements.expunge(tx, ANNA, mailbox(tx))
        assert (done.uids.text(), done.modseq) == ("3", account_counters.modseq(tx, ANNA))
        assert [uid for uid, _ in _flags(tx, "INBOX")] == [1, 2]
        assert placements.expunge(tx, ANNA, mailbox(tx)) == Expunged(NumberSet(), None)


@pytest.mark.rfc("9051 §6.4.9", "MUST")
def test_uid_expunge_takes_the_deleted_of_a_set_only() -> None:
    with open_store() as tx:
        for _ in range(4):
            put(tx, flags="\\Deleted")
        put(tx)
        done = placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([2, 3, 5]))
        assert done.uids.text() == "2:3"
        assert (
            placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([5]), deleted_only=False).uids.text()
            == "5"
        )


def test_usage_falls_with_the_last_placement() -> None:
    with open_store() as tx:
        one = put(tx, octets("once"))
        put(tx, octets("twice"))
        placements.copy(tx, ANNA, mailbox(tx), NumberSet.of([2]), to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        before = account_counters.modseq(tx, ANNA)
        placements.expunge(tx, ANNA, mailbox(tx), deleted_only=False)
        assert account_counters.usage(tx, ANNA) == Usage(len(octets("twice")), 1)
        destroyed = [c for c in changes.log(tx, ANNA, before) if c.kind is ChangeKind.DESTROYED]
        assert [(c.first, c.last) for c in destroyed] == [(one.email_id, one.email_id)]


def test_two_placements_expunged_together_are_one_email_less() -> None:
    with open_store() as tx:
        put(tx)
        placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx), now_ms=NOW_MS)
        placements.expunge(tx, ANNA, mailbox(tx), deleted_only=False)
        assert account_counters.usage(tx, ANNA) == Usage(0, 0)
        assert tx.value("SELECT count(*) FROM orphans") == 1


def test_an_expunge_does_not_look_at_every_copy_of_an_email() -> None:
    class Counted:
        def __init__(self, tx: Transaction) -> None:
            self._tx, self.read = tx, 0

        def __getattr__(self, name: str) -> Any:
            return getattr(self._tx, name)

        def rows(self, *arguments: Any) -> Any:
            found = self._tx.rows(*arguments)
            self.read += len(found)
            return found

    with open_store() as tx:
        put(tx)
        for _ in range(8):
            placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx), now_ms=NOW_MS)
        counted = Counted(tx)
        placements.expunge(counted, ANNA, mailbox(tx), NumberSet(((7, 7),)), deleted_only=False)
        assert counted.read < 10  # of 256 copies
        assert account_counters.usage(tx, ANNA).messages == 1


def test_the_sweep_releases_a_few_at_a_time() -> None:
    with open_store() as tx:
        for n in range(5):
            put(tx, octets(str(n)))
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet(((1, 4),)), deleted_only=False)
        assert [orphans.sweep(tx, limit=3) for _ in range(3)] == [3, 1, 0]
        for table in ("emails", "blobs", "blob_octets"):
            assert tx.value(f"SELECT count(*) FROM {table}") == 1


def test_few_of_many_messages_expunged_wherever_they_are() -> None:
    with open_store() as tx:
        for _ in range(210):
            put(tx)
        uids = NumberSet.of(range(1, 10_000, 200))
        assert placements.expunge(tx, ANNA, mailbox(tx), uids, deleted_only=False, limit=1).uids.text() == "1"
        assert placements.expunge(tx, ANNA, mailbox(tx), uids, deleted_only=False).uids.text() == "201"


def test_many_scattered_messages_expunged() -> None:
    with open_store() as tx:
        for n in range(600):
            put(tx, octets(str(n)), flags="\\Deleted" if n % 2 else "")
        done = placements.expunge(tx, ANNA, mailbox(tx))
        assert len(done.uids) == 300
        box = mailboxes.by_id(tx, ANNA, mailbox(tx))
        assert (box.messages, box.deleted) == (300, 0)
        assert changes.vanished(tx, ANNA, mailbox(tx), ModSeq(box.highest_modseq - 1)) == done.uids


@pytest.mark.parametrize("verb", [placements.copy, placements.move])
def test_scattered_messages_go_over_in_order(verb: CopyOrMove) -> None:
    with open_store() as tx:
        for number in range(300):
            put(tx, octets(str(number)), flags=f"k{number}")
        # single ones, short runs and a long one
        named = NumberSet.of([*range(1, 120, 3), *range(130, 200), 205, 206, 280, 290, 400])
        before = fetch.rows(tx, ANNA, mailbox(tx), named, (Column.EMAIL, Column.FLAGS))
        copied = verb(tx, ANNA, mailbox(tx), named, to=mailbox(tx, "Archive"), now_ms=NOW_MS)
        assert copied is not None
        after = fetch.rows(tx, ANNA, mailbox(tx, "Archive"), EVERYTHING, (Column.EMAIL, Column.FLAGS))
        assert [row[1:] for row in after] == [row[1:] for row in before]
        assert list(copied.source) == [row[0] for row in before]
        assert list(copied.target) == [row[0] for row in after]
        left = len(fetch.rows(tx, ANNA, mailbox(tx), EVERYTHING, (Column.EMAIL,)))
        assert left == (300 if verb is placements.copy else 300 - len(before))


def test_of_scattered_messages_no_others_are_read() -> None:
    with open_store() as tx:
        for number in range(400):
            put(tx, octets(str(number)), flags=f"k{number}")
        recording, named = RecordingTransaction(tx), NumberSet.of([1, 200, 400])
        copied = placements.copy(
            recording, ANNA, mailbox(tx), named, to=mailbox(tx, "Archive"), now_ms=NOW_MS
        )
        assert copied is not None
        assert (len(copied.target), recording.read) == (3, 6), "flags with sizes, then what is copied"
        recording, named = RecordingTransaction(tx), NumberSet.of(range(1, 401, 20))
        gone = placements.expunge(recording, ANNA, mailbox(tx), named, deleted_only=False)
        assert (gone.count, recording.read) == (20, 20 + 20 + 2), (
            "flags with sizes, flags, the copied one, twice"
        )


@pytest.mark.rfc("8508 §3", "MUST")
def test_replace_is_one_step() -> None:
    with open_store() as tx:
        old = put(tx, octets("old"), to="Drafts")
        before = account_counters.modseq(tx, ANNA)
        arrival = Arrival(message(octets("newer")), "\\Draft", NOW_MS)
        drafts = mailbox(tx, "Drafts")
        new = placements.replace(tx, ANNA, (drafts, old.uid), arrival, to=drafts, now_ms=NOW_MS)
        assert new is not None
        assert _flags(tx, "Drafts") == [(2, "\\Draft")]
        assert {change.modseq for change in changes.log(tx, ANNA, before)} == {new.modseq}
        assert account_counters.usage(tx, ANNA) == Usage(len(octets("newer")), 1)
        assert placements.replace(tx, ANNA, (drafts, old.uid), arrival, to=drafts, now_ms=NOW_MS) is None


def test_replace_frees_the_quota_of_the_old_message() -> None:
    with open_store() as tx:
        old = put(tx, octets("1234"))
        inbox, quota = mailbox(tx), len(octets("1234"))
        with pytest.raises(OverQuota):
            placements.replace(
                tx,
                ANNA,
                (inbox, old.uid),
                Arrival(message(octets("12345")), "", NOW_MS),
                to=inbox,
                now_ms=NOW_MS,
                quota_octets=quota,
            )
        assert placements.replace(
            tx,
            ANNA,
            (inbox, old.uid),
            Arrival(message(octets("4321")), "", NOW_MS),
            to=inbox,
            now_ms=NOW_MS,
            quota_octets=quota,
        )


def test_an_expunge_that_finds_nothing_reads_no_message() -> None:
    with open_store() as tx:
        put(tx)
        tx.execute("DROP TABLE placements")
        assert placements.expunge(tx, ANNA, mailbox(tx)) == Expunged(NumberSet(), None)


def test_expunge_of_a_mailbox_that_is_not_there() -> None:
    with open_store() as tx, pytest.raises(NoSuchMailbox):
        placements.expunge(tx, ANNA, MailboxId(99))


def test_a_copy_counts_a_little_towards_the_quota() -> None:
    with open_store() as tx:
        for _ in range(3):
            put(tx)
        used, archive = account_counters.usage(tx, ANNA).octets, mailbox(tx, "Archive")
        limit = used + 5 * placements.COPY_OCTETS
        three, two = NumberSet(((1, 3),)), NumberSet(((1, 2),))

        def copy(uids: NumberSet) -> Copied | None:
            return placements.copy(tx, ANNA, mailbox(tx), uids, to=archive, now_ms=NOW_MS, quota_octets=limit)

        assert copy(three) is not None
        with pytest.raises(OverQuota):
            copy(three)
        assert copy(two) is not None
        assert account_counters.usage(tx, ANNA) == Usage(used, 3)
        with pytest.raises(OverQuota):
            copy(NumberSet(((1, 1),)))
        placements.expunge(tx, ANNA, archive, two, deleted_only=False)
        assert copy(two) is not None
