"""A new email in several mailboxes: what IMAP and the log see of it, and what is refused."""

import pytest

from pillarbox.mail.flags import MailboxFlagsFull
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import account_counters, changes, email_changes, emails, fetch, flag_texts, states
from pillarbox.store.account_counters import NoSuchMailbox, OverQuota
from pillarbox.store.append import Appended, Arrival, Message
from pillarbox.store.changes import ChangeKind
from pillarbox.store.email_create import create, create_of_stored
from pillarbox.store.fetch import Column
from pillarbox.store.placements import COPY_OCTETS
from pillarbox.world.blobs import Blob, BlobMissing, PreparedBlob
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, message, octets, open_store, put

NAMES = ("Archive", "INBOX", "Sent")


def _create(
    tx: SqliteTransaction, *names: str, flags: str = "\\Seen", quota_octets: int | None = None
) -> Appended:
    where = [mailbox(tx, name) for name in names]
    arrival = Arrival(message(), flags, NOW_MS)
    return create(tx, ANNA, where, arrival, now_ms=NOW_MS, quota_octets=quota_octets)


def test_it_is_one_change() -> None:
    with open_store() as tx:
        put(tx)
        before, since = account_counters.modseq(tx, ANNA), states.read(tx, ANNA).email
        made = _create(tx, *NAMES)
        assert account_counters.modseq(tx, ANNA) == made.modseq == before + 1
        for name in NAMES:
            ((_, flags, email),) = fetch.rows(
                tx, ANNA, mailbox(tx, name), EVERYTHING, [Column.FLAGS, Column.EMAIL]
            )[-1:]
            assert (flags, email) == ("\\Seen", made.email_id)
        log = changes.log(tx, ANNA, before)
        assert [(row.modseq, row.kind) for row in log] == [(made.modseq, ChangeKind.APPENDED)] * 3
        told = email_changes.email_changes(tx, ANNA, since, most=10)
        assert (told.created, told.updated, told.destroyed) == ([made.email_id], [], [])
        found = emails.by_id(tx, ANNA, [made.email_id])[made.email_id]
        assert found.mailboxes == {mailbox(tx, name) for name in NAMES}
        assert account_counters.usage(tx, ANNA).messages == 2


def test_what_is_refused_has_changed_nothing() -> None:
    with open_store() as tx:
        before = account_counters.modseq(tx, ANNA)
        size = len(octets())
        with pytest.raises(NoSuchMailbox):
            create(tx, ANNA, [mailbox(tx), MailboxId(99)], Arrival(message(), "", NOW_MS), now_ms=NOW_MS)
        with pytest.raises(OverQuota):
            _create(tx, *NAMES, quota_octets=size + 2 * COPY_OCTETS - 1)
        long = "$" + "x" * 200
        for number in range(flag_texts.MAX_MAILBOX_OCTETS // 200 + 1):
            try:
                put(tx, to="Sent", flags=f"{long}{number}")
            except MailboxFlagsFull:
                break
        else:
            pytest.fail("a mailbox has as many flags as it likes")
        put(tx)
        before = account_counters.modseq(tx, ANNA)
        with pytest.raises(MailboxFlagsFull):
            _create(tx, *NAMES, flags=f"{long}other")
        assert account_counters.modseq(tx, ANNA) == before
        _create(tx, *NAMES, quota_octets=10**9)
        assert account_counters.modseq(tx, ANNA) == before + 1


def test_octets_that_are_there_are_used_once_more() -> None:
    with open_store() as tx:
        given = message()
        stored = Message(PreparedBlob(given.blob.blob, None), given.summary)
        arrival = Arrival(stored, "", NOW_MS)
        where = [mailbox(tx)]
        with pytest.raises(BlobMissing):
            create_of_stored(tx, ANNA, where, arrival, now_ms=NOW_MS)
        assert tx.value("SELECT count(*) FROM blobs") == 0
        put(tx)
        create_of_stored(tx, ANNA, where, arrival, now_ms=NOW_MS)
        assert tx.rows("SELECT uses FROM blobs") == [(2,)]
        with pytest.raises(OverQuota):
            create_of_stored(tx, ANNA, where, arrival, now_ms=NOW_MS, quota_octets=1)
        assert tx.rows("SELECT uses FROM blobs") == [(2,)]
        missing = Message(PreparedBlob(Blob(b"x" * 32, 5), None), given.summary)
        with pytest.raises(BlobMissing):
            create_of_stored(tx, ANNA, where, Arrival(missing, "", NOW_MS), now_ms=NOW_MS)
