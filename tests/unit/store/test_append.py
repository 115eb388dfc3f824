"""Appending messages."""

import pytest

from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import account_counters, changes, fetch, mailboxes
from pillarbox.store.account_counters import NoSuchAccount, NoSuchMailbox, OverQuota, Usage
from pillarbox.store.append import Arrival, append, append_all
from pillarbox.store.changes import Change, ChangeKind
from pillarbox.store.fetch import Column
from pillarbox.world.topic import account_changed
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, message, octets, open_store, put


def test_a_message_rests_with_all_that_was_read_from_it() -> None:
    text = octets("Hello there.", subject="Greetings", message_id="<a@one.example>")
    with open_store() as tx:
        done = put(tx, text, flags="\\Seen", received_at_ms=NOW_MS - 5)
        row = fetch.rows(
            tx,
            ANNA,
            mailbox(tx),
            EVERYTHING,
            (
                Column.EMAIL,
                Column.SIZE,
                Column.RECEIVED_AT_MS,
                Column.SAVED_AT_MS,
                Column.FLAGS,
                Column.SUBJECT,
            ),
        )
        assert row == [(done.uid, done.email_id, len(text), NOW_MS - 5, NOW_MS, "\\Seen", "Greetings")]
        assert done.modseq == mailboxes.by_id(tx, ANNA, mailbox(tx)).highest_modseq
        assert done.uid_validity == mailboxes.by_id(tx, ANNA, mailbox(tx)).uid_validity
        assert account_counters.account_of(done.email_id) == ANNA


def test_counts_and_usage_follow() -> None:
    with open_store() as tx:
        put(tx, octets("one"))
        put(tx, octets("three"), flags="\\Deleted \\Seen")
        box = mailboxes.by_id(tx, ANNA, mailbox(tx))
        size = len(octets("one")) + len(octets("three"))
        assert (box.messages, box.unseen, box.deleted, box.octets, box.uid_next) == (2, 1, 1, size, 3)
        assert account_counters.usage(tx, ANNA) == Usage(size, 2)


def test_the_account_is_touched_and_the_log_written() -> None:
    with open_store() as tx:
        before = account_counters.modseq(tx, ANNA)
        tx.announced.clear()
        done = put(tx)
        assert tx.announced == {account_changed(ANNA)}
        assert changes.log(tx, ANNA, before) == [
            Change(done.modseq, mailbox(tx), ChangeKind.APPENDED, done.uid, done.uid, done.email_id)
        ]


@pytest.mark.rfc("3502 §6.3.11", "MUST")
def test_several_at_once_take_one_modseq_and_successive_uids() -> None:
    with open_store() as tx:
        arrivals = [Arrival(message(octets(str(n))), "", NOW_MS) for n in range(3)]
        done = append_all(tx, ANNA, mailbox(tx), arrivals, now_ms=NOW_MS)
        assert [one.uid for one in done] == [1, 2, 3]
        assert len({one.modseq for one in done}) == 1
        assert len({one.email_id for one in done}) == 3
        (change,) = changes.log(tx, ANNA, ModSeq(account_counters.modseq(tx, ANNA) - 1))
        assert (change.first, change.last) == (1, 3)
        assert append_all(tx, ANNA, mailbox(tx), [], now_ms=NOW_MS) == []


def test_the_same_message_for_many_is_one_blob() -> None:
    with open_store(*map(AccountId, range(1, 11))) as tx:
        for account in range(1, 11):
            put(tx, octets("to all"), account=AccountId(account))
        assert tx.rows("SELECT uses FROM blobs") == [(10,)]


@pytest.mark.parametrize(
    ("account", "target", "quota", "problem"),
    [
        (ANNA, MailboxId(99), None, NoSuchMailbox),
        (BOB, MailboxId(1), None, NoSuchAccount),
        (ANNA, MailboxId(1), 10, OverQuota),
    ],
)
def test_a_refusal_has_changed_nothing(
    account: AccountId, target: MailboxId, quota: int | None, problem: type[Exception]
) -> None:
    with open_store() as tx:
        before = "".join(
            str(tx.rows(f"SELECT * FROM {table}"))
            for table in ("ledgers", "mailboxes", "blobs", "emails", "changes", "thread_keys")
        )
        with pytest.raises(problem):
            append(tx, account, target, message(), flags="", received_at_ms=0, now_ms=0, quota_octets=quota)
        after = "".join(
            str(tx.rows(f"SELECT * FROM {table}"))
            for table in ("ledgers", "mailboxes", "blobs", "emails", "changes", "thread_keys")
        )
        assert before == after


def test_a_quota_can_be_filled_to_the_last_octet() -> None:
    with open_store() as tx:
        size = len(octets())
        for _ in range(2):
            append(
                tx, ANNA, mailbox(tx), message(), flags="", received_at_ms=0, now_ms=0, quota_octets=2 * size
            )
        with pytest.raises(OverQuota):
            append(
                tx, ANNA, mailbox(tx), message(), flags="", received_at_ms=0, now_ms=0, quota_octets=2 * size
            )
