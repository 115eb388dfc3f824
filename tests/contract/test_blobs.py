"""What the blob store promises, with files and without."""

import asyncio
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from pillarbox.world.blobs import (
    IN_DATABASE_OCTETS,
    SCHEMA,
    BlobMissing,
    Blobs,
    PreparedBlob,
    keep_again,
    prepare,
    release,
)
from pillarbox.world.database import Database, Transaction, open_database

SMALL = b"small"
LARGE = bytes(range(256)) * (IN_DATABASE_OCTETS // 128)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "db", [SCHEMA])
    yield opened
    opened.close_now()


@pytest.fixture(params=["files", "database only"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return Blobs(tmp_path / "blobs" if request.param == "files" else None)


def written(blobs: Blobs, octets: bytes, step: int = 100_000) -> PreparedBlob:
    writer = blobs.writer()
    for start in range(0, len(octets), step):
        writer.write(octets[start : start + step])
    prepared, again = asyncio.run(writer.finish())
    assert again == octets
    return prepared


@pytest.mark.parametrize("octets", [b"", SMALL, LARGE], ids=["empty", "small", "large"])
def test_what_is_kept_is_read_back(database: Database, blobs: Blobs, octets: bytes) -> None:
    prepared = written(blobs, octets)
    blob = database.write_now(prepared.keep)
    assert (blob.digest, blob.size) == (sha256(octets).digest(), len(octets))
    assert database.read(blobs.read, blob.digest) == octets
    assert database.read(blobs.read, blob.digest, 3, 10) == octets[3:13]
    assert database.read(blobs.read, blob.digest, 3) == octets[3:]


@pytest.mark.parametrize("octets", [SMALL, LARGE], ids=["small", "large"])
def test_it_goes_with_its_last_use(database: Database, blobs: Blobs, octets: bytes, tmp_path: Path) -> None:
    digest = database.write_now(written(blobs, octets).keep).digest
    database.write_now(written(blobs, octets).keep)
    database.write_now(keep_again, digest)
    for _ in range(2):
        database.write_now(release, digest)
    asyncio.run(blobs.sweep(database))
    assert database.read(blobs.read, digest) == octets
    database.write_now(release, digest)
    asyncio.run(blobs.sweep(database))
    with pytest.raises(BlobMissing):
        database.read(blobs.read, digest)
    assert not [file for file in (tmp_path / "blobs").rglob("*") if file.is_file()]


def test_one_prepared_blob_for_many_owners_is_one_blob(database: Database, blobs: Blobs) -> None:
    prepared = written(blobs, LARGE)

    def keep_for_three(tx: Transaction) -> None:
        for _ in range(3):
            prepared.keep(tx)

    database.write_now(keep_for_three)
    asyncio.run(blobs.sweep(database))
    assert database.read(blobs.read, prepared.blob.digest) == LARGE
    assert database.read(lambda tx: tx.rows("SELECT uses FROM blobs")) == [(3,)]


def test_octets_that_come_again_after_their_release_are_there(database: Database, blobs: Blobs) -> None:
    digest = database.write_now(written(blobs, LARGE).keep).digest
    again = written(blobs, LARGE)
    database.write_now(release, digest)
    asyncio.run(blobs.sweep(database))
    database.write_now(again.keep)
    asyncio.run(blobs.sweep(database))
    assert database.read(blobs.read, digest) == LARGE


def test_what_no_transaction_kept_can_be_discarded(blobs: Blobs, tmp_path: Path) -> None:
    blobs.discard(written(blobs, LARGE))
    writer = blobs.writer()
    writer.write(LARGE)
    writer.abandon()
    assert not [file for file in (tmp_path / "blobs").rglob("*") if file.is_file()]


def test_a_blob_that_is_unknown_is_missing(database: Database, blobs: Blobs) -> None:
    with pytest.raises(BlobMissing):
        database.read(blobs.read, bytes(32))
    with pytest.raises(BlobMissing):
        database.write_now(keep_again, prepare(b"unknown").blob.digest)
