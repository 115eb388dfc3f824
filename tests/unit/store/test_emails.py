"""Emails by their ids: where they are, their flags, their threads, and what is read for that."""

import pytest

from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import emails, fetch, flags, mailboxes, placements, unfinished_copies
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.fetch import Column
from pillarbox.store.flags import Mode
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import RecordingTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put

FIRST = NumberSet(((1, 1),))


def _copy(tx: SqliteTransaction, to: str) -> None:
    placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, to), now_ms=NOW_MS)


def test_an_email_has_the_mailboxes_and_flags_of_all_its_messages() -> None:
    with open_store() as tx:
        done = put(tx, flags="\\Seen")
        _copy(tx, "Archive")
        flags.alter(tx, ANNA, mailbox(tx, "Archive"), FIRST, mode=Mode.REPLACE, flags="\\Flagged $Work")
        (email,) = emails.by_id(tx, ANNA, [done.email_id, done.email_id, EmailId(7)]).values()
        assert (email.id, email.thread, email.received_at_ms) == (done.email_id, done.thread_id, NOW_MS)
        assert email.mailboxes == {mailbox(tx), mailbox(tx, "Archive")}
        assert email.flags == "\\Flagged \\Seen $Work"


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_what_has_deleted_is_not_there() -> None:
    with open_store() as tx:
        done = put(tx)
        _copy(tx, "Archive")
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.ADD, flags="\\Deleted")
        assert emails.by_id(tx, ANNA, [done.email_id])[done.email_id].mailboxes == {mailbox(tx, "Archive")}
        flags.alter(tx, ANNA, mailbox(tx, "Archive"), FIRST, mode=Mode.ADD, flags="\\Deleted")
        assert emails.by_id(tx, ANNA, [done.email_id]) == {}
        assert emails.of_threads(tx, ANNA, [done.thread_id]) == {}
        assert emails.visible(tx, ANNA, [done.email_id]) == set()


def test_emails_of_others_and_orphans_do_not_exist() -> None:
    with open_store(ANNA, BOB) as tx:
        bobs, gone = put(tx, account=BOB), put(tx)
        placements.expunge(tx, ANNA, mailbox(tx), EVERYTHING, deleted_only=False)
        ids = [bobs.email_id, gone.email_id]
        assert emails.by_id(tx, ANNA, ids) == {}
        assert emails.of_threads(tx, ANNA, ids) == {}
        assert emails.columns(tx, ANNA, ids[:1], [Column.SUBJECT], octets=1) == {}


def test_a_copy_is_seen_when_it_is_finished_unless_nothing_else_is_left() -> None:
    with open_store() as tx:
        done, trash = put(tx), mailbox(tx, "Trash")
        copied = unfinished_copies.copy_part(
            tx,
            ANNA,
            trash,
            lambda tx: placements.copy(tx, ANNA, mailbox(tx), FIRST, to=trash, now_ms=NOW_MS),  # type: ignore[arg-type]
            None,
            now_ms=NOW_MS,
        )
        assert copied is not None
        assert emails.by_id(tx, ANNA, [done.email_id])[done.email_id].mailboxes == {mailbox(tx)}
        placements.expunge(tx, ANNA, mailbox(tx), FIRST, deleted_only=False)
        assert emails.by_id(tx, ANNA, [done.email_id])[done.email_id].mailboxes == {trash}
        unfinished_copies.finish(tx, ANNA, (copied.modseq, 1))
        assert emails.by_id(tx, ANNA, [done.email_id])[done.email_id].mailboxes == {trash}


def test_a_thread_has_its_emails_by_date_and_id() -> None:
    with open_store() as tx:
        texts = [
            octets(subject="s", message_id=f"<{number}@x>", references="<0@x>") for number in (0, 1, 2, 3)
        ]
        dates = (NOW_MS + 5, NOW_MS, NOW_MS + 5, NOW_MS + 1)
        done = [put(tx, text, received_at_ms=date) for text, date in zip(texts, dates, strict=True)]
        other = put(tx, octets(subject="other"), to="Sent")
        threads = emails.of_threads(tx, ANNA, [done[0].thread_id, other.thread_id, 5])
        assert [email.id for email in threads[done[0].thread_id]] == [
            done[place].email_id for place in (1, 3, 0, 2)
        ]
        assert [email.id for email in threads[other.thread_id]] == [other.email_id]
        assert emails.threads(tx, ANNA, [done[3].email_id]) == {done[3].email_id: done[0].thread_id}
        # The first of a thread may be gone
        placements.expunge(tx, ANNA, mailbox(tx), FIRST, deleted_only=False)
        assert len(emails.of_threads(tx, ANNA, [done[0].thread_id])[done[0].thread_id]) == 3


def test_of_too_many_messages_it_is_told_before_they_are_read() -> None:
    with open_store() as tx:
        done = put(tx, flags="\\Deleted")
        for _ in range(3):
            placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx), now_ms=NOW_MS)
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.REMOVE, flags="\\Deleted")
        recording = RecordingTransaction(tx)
        with pytest.raises(TooMuchToRead):
            emails.by_id(recording, ANNA, [done.email_id], most=3)
        assert recording.read == 4
        assert [one.uid for one in emails.by_id(tx, ANNA, [done.email_id], most=8)[done.email_id].placed] == [
            1
        ]
        with pytest.raises(TooMuchToRead):
            emails.of_threads(tx, ANNA, [done.thread_id], most=7)
        with pytest.raises(TooMuchToRead):
            emails.members(tx, ANNA, [done.thread_id], most=7)
        with pytest.raises(TooMuchToRead):
            emails.mailboxes_of_threads(tx, ANNA, [done.thread_id], most=7)


def test_columns_end_where_there_is_much_of_them() -> None:
    with open_store() as tx:
        ids = [put(tx, octets(subject=f"number {number}")).email_id for number in range(60)]
        assert emails.columns(tx, ANNA, ids[:2], [Column.SUBJECT, Column.OCTETS], octets=0) == {
            email: (f"number {number}", octets(subject=f"number {number}"))
            for number, email in enumerate(ids[:2])
        }
        some = emails.columns(tx, ANNA, ids, [Column.ENVELOPE], octets=1)
        assert [*some] == ids[: len(some)]
        assert 0 < len(some) < 60


def test_no_others_are_looked_at() -> None:
    """Given an account, a database may go through all of its messages for a few ids."""
    with open_store() as tx:
        recording = RecordingTransaction(tx)
        done = put(tx)
        ids = [EmailId(done.email_id + more) for more in range(250)]
        assert emails.by_id(recording, ANNA, ids)
        assert emails.visible(recording, ANNA, ids)
        assert emails.threads(recording, ANNA, ids)
        assert emails.of_threads(recording, ANNA, ids)
        assert emails.members(recording, ANNA, ids)
        assert emails.mailboxes_of_threads(recording, ANNA, ids)
        statements = [sql for sql in recording.statements if "placements" in sql]
        assert len(statements) == 6
        for sql in statements:
            plan = tx.rows(f"EXPLAIN QUERY PLAN {sql}", (1,) * sql.count("?"))
            looked_at = [step[3] for step in plan if step[3].startswith(("SEARCH p", "SCAN placements"))]
            assert looked_at, plan
            assert all("INDEX placements_by_" in step for step in looked_at), plan


def test_of_damaged_flags_nothing_is_told() -> None:
    with open_store() as tx:
        done = put(tx)
        tx.execute("UPDATE flags SET flags = 'x' || char(13, 10) || '* BYE hi'")
        with pytest.raises(Exception, match="fsck"):
            emails.by_id(tx, ANNA, [done.email_id])


def test_the_mailboxes_of_an_account_are_those_of_its_emails() -> None:
    with open_store() as tx:
        done = put(tx)
        _copy(tx, "Sent")
        found = emails.mailboxes_of_threads(tx, ANNA, [done.thread_id])
        assert sorted(found) == [
            (done.thread_id, box.id)
            for box in sorted(mailboxes.listing(tx, ANNA), key=lambda box: box.id)
            if fetch.next_uids(tx, ANNA, box.id, after=0, limit=1)  # type: ignore[arg-type]
        ]
