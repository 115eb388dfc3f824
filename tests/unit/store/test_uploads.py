"""Uploads of an account: how long they are kept, and which go first."""

import pytest

from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.number_set import EVERYTHING
from pillarbox.store import email_blobs, mailboxes, orphans, placements, uploads
from pillarbox.store.uploads import KEPT_MS, REMOVED_TOGETHER, UploadQuota
from pillarbox.world.blobs import DatabaseBlobs, PreparedBlob, prepare
from pillarbox.world.blobs.blob import Blob
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put


def add(
    tx: SqliteTransaction,
    text: bytes,
    *,
    now_ms: int = NOW_MS,
    account: AccountId = ANNA,
    quota: UploadQuota = uploads.QUOTA,
) -> bytes:
    while (kept := uploads.add(tx, account, prepare(text), "a/b", now_ms=now_ms, quota=quota)) is None:
        pass
    return kept.digest


def uses(tx: SqliteTransaction, digest: bytes) -> int:
    found: int = tx.value("SELECT uses FROM blobs WHERE digest = ?", (digest,)) or 0
    return found


def test_an_upload_is_of_its_account_only() -> None:
    with open_store(ANNA, BOB) as tx:
        digest = add(tx, b"octets")
        found = uploads.find(tx, ANNA, digest)
        assert found is not None
        assert (found.size, found.type) == (6, "a/b")
        assert uploads.find(tx, BOB, digest) is None
        assert DatabaseBlobs().read(tx, digest) == b"octets"


@pytest.mark.rfc("8620 §6", "SHOULD")
def test_the_same_octets_again_are_the_same_upload_and_new() -> None:
    with open_store() as tx:
        digest = add(tx, b"octets")
        assert add(tx, b"octets", now_ms=NOW_MS + KEPT_MS - 1) == digest
        assert uses(tx, digest) == 1
        assert not uploads.expired(tx, now_ms=NOW_MS + KEPT_MS)
        assert uploads.expired(tx, now_ms=NOW_MS + 2 * KEPT_MS)


def test_the_second_file_of_the_same_octets_goes() -> None:
    with open_store() as tx:
        first, second = (PreparedBlob(Blob(b"d" * 32, 9), None, f"64/{name}") for name in "ab")
        uploads.add(tx, ANNA, first, "a/b", now_ms=NOW_MS)
        uploads.add(tx, ANNA, second, "a/b", now_ms=NOW_MS)
        assert tx.rows("SELECT location, uses FROM blobs") == [("64/a", 1)]
        assert tx.rows("SELECT location FROM blob_files_unused") == [("64/b",)]


@pytest.mark.rfc("8620 §6", "MUST")
def test_an_upload_is_kept_for_a_day_and_its_octets_as_long_as_anything_uses_them() -> None:
    with open_store() as tx:
        put(tx, octets())
        digest, other = add(tx, octets()), add(tx, b"other")
        assert uses(tx, digest) == 2
        assert not uploads.expired(tx, now_ms=NOW_MS + KEPT_MS - 1)
        assert uploads.sweep(tx, now_ms=NOW_MS + KEPT_MS - 1) == 0
        assert uploads.sweep(tx, now_ms=NOW_MS + KEPT_MS) == 2
        assert uploads.find(tx, ANNA, digest) is None
        assert (uses(tx, digest), uses(tx, other)) == (1, 0)


def test_a_sweep_removes_some_at_a_time() -> None:
    with open_store() as tx:
        for number in range(REMOVED_TOGETHER + 1):
            add(tx, b"%d" % number)
        assert [uploads.sweep(tx, now_ms=NOW_MS + KEPT_MS) for _ in range(3)] == [REMOVED_TOGETHER, 1, 0]


@pytest.mark.rfc("8620 §6", "MUST")
def test_the_oldest_make_room() -> None:
    quota = UploadQuota(uploads=3, octets=100)
    with open_store(ANNA, BOB) as tx:
        of_bob = add(tx, b"of Bob", account=BOB, now_ms=0, quota=quota)
        first, second, third = [
            add(tx, text, now_ms=NOW_MS + number, quota=quota)
            for number, text in enumerate((b"1" * 40, b"2" * 40, b"3" * 20))
        ]
        add(tx, b"1" * 40, now_ms=NOW_MS + 10, quota=quota)  # which is the newest now
        fourth = add(tx, b"4", now_ms=NOW_MS + 11, quota=quota)
        assert _kept(tx, first, second, third, fourth) == [True, False, True, True]
        fifth = add(tx, b"5" * 60, now_ms=NOW_MS + 12, quota=quota)
        assert _kept(tx, first, third, fourth, fifth) == [False, False, True, True]
        assert uploads.find(tx, BOB, of_bob) is not None


def _kept(tx: SqliteTransaction, *digests: bytes) -> list[bool]:
    return [uploads.find(tx, ANNA, digest) is not None for digest in digests]


def test_much_room_is_made_in_several_calls() -> None:
    quota = UploadQuota(octets=4 * REMOVED_TOGETHER)
    with open_store() as tx:
        for number in range(4 * REMOVED_TOGETHER):
            add(tx, bytes([number % 256]), now_ms=NOW_MS + number, quota=quota)
        large = prepare(b"l" * 3 * REMOVED_TOGETHER)
        made = [uploads.add(tx, ANNA, large, "", now_ms=NOW_MS, quota=quota) for _ in range(3)]
        assert [one is None for one in made] == [True, True, False]
        assert tx.value("SELECT sum(size) FROM uploads") == 4 * REMOVED_TOGETHER


def test_what_is_larger_than_the_quota_is_alone() -> None:
    with open_store() as tx:
        add(tx, b"1")
        digest = add(tx, b"large", quota=UploadQuota(octets=3))
        assert tx.rows("SELECT blob FROM uploads") == [(digest,)]


def test_the_uploads_of_a_deleted_account_expire() -> None:
    with open_store(ANNA, BOB) as tx:
        digest, of_bob = add(tx, b"octets"), add(tx, b"others", account=BOB)
        mailboxes.delete_account(tx, ANNA)
        assert uploads.sweep(tx, now_ms=NOW_MS) == 1
        assert (uses(tx, digest), uses(tx, of_bob)) == (0, 1)


def test_emails_with_certain_octets_are_found_in_their_account() -> None:
    with open_store(ANNA, BOB) as tx:
        put(tx, octets())
        put(tx, octets(), to="Archive")
        first, again = [email for (email,) in tx.rows("SELECT id FROM emails ORDER BY id")]
        put(tx, octets("other"))
        put(tx, octets(), account=BOB)
        digest = prepare(octets()).blob.digest
        assert email_blobs.size(tx, ANNA, digest) == len(octets())
        assert email_blobs.emails(tx, ANNA, digest, limit=9) == [first, again]
        assert email_blobs.emails(tx, ANNA, digest, limit=1) == [first]
        assert len(email_blobs.emails(tx, BOB, digest, limit=9)) == 1
        assert email_blobs.size(tx, BOB, prepare(octets("other")).blob.digest) is None


@pytest.mark.rfc("8620 §6", "MUST")
def test_octets_outlast_the_call_that_removes_their_email() -> None:
    with open_store() as tx:
        put(tx, octets())
        digest = prepare(octets()).blob.digest
        placements.expunge(tx, ANNA, mailbox(tx), EVERYTHING, deleted_only=False)
        assert email_blobs.size(tx, ANNA, digest) == len(octets())
        orphans.sweep(tx)
        assert email_blobs.size(tx, ANNA, digest) is None


def test_emails_are_found_by_the_index() -> None:
    with open_store() as tx:
        rows = tx.rows(f"EXPLAIN QUERY PLAN SELECT 1 {email_blobs._WITH_BLOB} LIMIT 1", (b"", 1, 2, b""))
        assert any("emails_by_blob (<expr>=? AND rowid>? AND rowid<?)" in row[3] for row in rows), rows
