"""The maildrop's lease and its one commit."""

from collections.abc import Iterator

import pytest

from pillarbox.mail.identifiers import AccountId, Uid
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.store import append, mailboxes, maildrop, placements
from pillarbox.store.append import Message
from pillarbox.store.fetch import NoSuchMessage
from pillarbox.store.maildrop import LEASE_MS, InUse
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import BlobDamaged, DatabaseBlobs, prepare
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import open_transaction

ANN, BOB = AccountId(1), AccountId(2)


@pytest.fixture
def tx() -> Iterator[SqliteTransaction]:
    with open_transaction(BLOBS, STORE, maildrop.SCHEMA) as tx:
        for account in (ANN, BOB):
            mailboxes.create_defaults(tx, account, now_ms=0)
        yield tx


def put(tx: SqliteTransaction, octets: bytes, mailbox: str = "INBOX") -> Uid:
    box = mailboxes.by_name(tx, ANN, mailbox)
    message = Message(prepare(octets), summarize(octets))
    return append.append(tx, ANN, box.id, message, flags="", received_at_ms=0, now_ms=0).uid


def test_a_look_shows_the_inbox_only_and_sizes_as_sent(tx: SqliteTransaction) -> None:
    put(tx, b"Subject: a\r\n\r\nx\r\n")
    put(tx, b"Subject: b\n\nx")
    put(tx, b"Subject: c\r\n\r\nx\r\n", "Archive")
    inbox = maildrop.load(tx, ANN)
    assert (list(inbox.uids), list(inbox.sizes), inbox.octets) == ([1, 2], [17, 17], 34)
    assert maildrop.load(tx, ANN, together=1) == inbox
    assert maildrop.count_messages(tx, ANN) == 2
    assert len(maildrop.load(tx, BOB).uids) == 0


def test_a_message_is_read_with_the_size_of_its_header(tx: SqliteTransaction) -> None:
    uid, inbox = put(tx, b"Subject: a\r\n\r\nx\r\n"), mailboxes.by_name(tx, ANN, "INBOX").id
    read = maildrop.messages(tx, DatabaseBlobs(), ANN, inbox, uid, uid)
    assert read == {uid: (b"Subject: a\r\n\r\nx\r\n", 14)}
    with pytest.raises(NoSuchMessage):
        maildrop.messages(tx, DatabaseBlobs(), BOB, inbox, uid, uid)


def test_of_several_messages_only_the_first_must_be_there(tx: SqliteTransaction) -> None:
    uids, inbox = (
        [put(tx, b"Subject: a\r\n\r\n%d\r\n" % n) for n in range(5)],
        mailboxes.by_name(tx, ANN, INBOX).id,
    )
    placements.expunge(tx, ANN, inbox, NumberSet.of([uids[1]]), deleted_only=False)
    tx.execute("UPDATE blobs SET octets_id = NULL WHERE octets_id = (SELECT max(octets_id) FROM blobs)")
    blobs = DatabaseBlobs()
    found = maildrop.messages(tx, blobs, ANN, inbox, uids[0], uids[4])
    assert [(uid, read.octets[14:15]) for uid, read in found.items()] == [
        (uids[0], b"0"),
        (uids[2], b"2"),
        (uids[3], b"3"),
    ]
    assert maildrop.messages(tx, blobs, ANN, inbox, uids[2], uids[2]).keys() == {uids[2]}
    with pytest.raises(NoSuchMessage):
        maildrop.messages(tx, blobs, ANN, inbox, uids[1], uids[4])
    with pytest.raises(BlobDamaged):
        maildrop.messages(tx, blobs, ANN, inbox, uids[4], uids[4])


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM blobs", "DELETE FROM blob_octets", "UPDATE blob_octets SET octets = substr(octets, 2)"],
)
def test_a_message_without_its_octets_is_damaged(tx: SqliteTransaction, damage: str) -> None:
    uid, inbox = put(tx, b"Subject: a\r\n\r\nx\r\n"), mailboxes.by_name(tx, ANN, "INBOX").id
    tx.execute(damage)
    with pytest.raises(BlobDamaged):
        maildrop.messages(tx, DatabaseBlobs(), ANN, inbox, uid, uid)


def test_a_message_in_a_file_is_read_from_there(tx: SqliteTransaction) -> None:
    class Files(DatabaseBlobs):
        def read(self, tx: Transaction, digest: bytes, start: int = 0, length: int | None = None) -> bytes:
            location: str = tx.value("SELECT location FROM blobs WHERE digest = ?", (digest,))
            return b"from its file" + location.encode()

    uid, inbox = put(tx, b"Subject: a\r\n\r\nx\r\n"), mailboxes.by_name(tx, ANN, "INBOX").id
    tx.execute("UPDATE blobs SET octets_id = NULL, location = ' 1'")
    assert maildrop.messages(tx, Files(), ANN, inbox, uid, uid)[uid].octets == b"from its file 1"


def test_one_holder_at_a_time(tx: SqliteTransaction) -> None:
    maildrop.lock(tx, ANN, b"one", now_ms=1000)
    assert maildrop.is_locked(tx, ANN, now_ms=1000)
    with pytest.raises(InUse):
        maildrop.lock(tx, ANN, b"two", now_ms=2000)
    maildrop.lock(tx, BOB, b"two", now_ms=2000)
    maildrop.unlock(tx, ANN, b"two")
    assert maildrop.is_locked(tx, ANN, now_ms=2000)
    maildrop.unlock(tx, ANN, b"one")
    assert not maildrop.is_locked(tx, ANN, now_ms=2000)
    maildrop.lock(tx, ANN, b"two", now_ms=3000)


def test_a_lease_runs_out_unless_it_is_renewed(tx: SqliteTransaction) -> None:
    maildrop.lock(tx, ANN, b"one", now_ms=0)
    maildrop.lock(tx, ANN, b"one", now_ms=LEASE_MS - 1)
    assert maildrop.is_locked(tx, ANN, now_ms=LEASE_MS)
    assert not maildrop.is_locked(tx, ANN, now_ms=2 * LEASE_MS - 1)
    maildrop.lock(tx, ANN, b"two", now_ms=2 * LEASE_MS)
    with pytest.raises(InUse):
        maildrop.lock(tx, ANN, b"one", now_ms=2 * LEASE_MS)


def test_a_lease_from_when_the_clock_was_ahead_locks_nobody_out(tx: SqliteTransaction) -> None:
    maildrop.lock(tx, ANN, b"dead", now_ms=10**12)
    assert maildrop.is_locked(tx, ANN, now_ms=10**12 - LEASE_MS)  # a small step is none
    maildrop.lock(tx, ANN, b"new", now_ms=1000)
    with pytest.raises(InUse):
        maildrop.update(tx, ANN, mailboxes.by_name(tx, ANN, "INBOX").id, [], holder=b"dead", now_ms=1001)


def test_update_deletes_what_was_marked_and_nothing_else(tx: SqliteTransaction) -> None:
    uids = [put(tx, b"Subject: %d\r\n\r\n" % n) for n in range(4)]
    inbox = maildrop.load(tx, ANN)
    maildrop.lock(tx, ANN, b"one", now_ms=0)
    maildrop.update(tx, ANN, inbox.mailbox, [uids[0], uids[2], Uid(999)], holder=b"one", now_ms=1)
    assert list(maildrop.load(tx, ANN).uids) == [uids[1], uids[3]]
    assert not maildrop.is_locked(tx, ANN, now_ms=1)


def test_the_lock_stays_until_all_that_was_marked_is_deleted(tx: SqliteTransaction) -> None:
    uids = [put(tx, b"Subject: %d\r\n\r\n" % n) for n in range(3)]
    inbox = maildrop.load(tx, ANN)
    maildrop.lock(tx, ANN, b"one", now_ms=0)
    maildrop.update(tx, ANN, inbox.mailbox, uids[:2], holder=b"one", now_ms=1, more=True)
    assert list(maildrop.load(tx, ANN).uids) == uids[2:]
    assert maildrop.is_locked(tx, ANN, now_ms=1)


def test_update_after_the_lease_was_lost_deletes_nothing(tx: SqliteTransaction) -> None:
    uid = put(tx, b"Subject: a\r\n\r\n")
    inbox = maildrop.load(tx, ANN)
    maildrop.lock(tx, ANN, b"one", now_ms=0)
    maildrop.lock(tx, ANN, b"two", now_ms=LEASE_MS)
    with pytest.raises(InUse):
        maildrop.update(tx, ANN, inbox.mailbox, [uid], holder=b"one", now_ms=LEASE_MS)
    assert maildrop.load(tx, ANN).uids
    assert maildrop.is_locked(tx, ANN, now_ms=LEASE_MS)
