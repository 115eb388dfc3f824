"""What the blob store promises, with files and without."""

import asyncio
import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from pillarbox.world.blobs import (
    ABANDONED_MS,
    MAX_IN_DATABASE_OCTETS,
    SCHEMA,
    BlobMissing,
    Blobs,
    DatabaseBlobs,
    FileBlobs,
    PreparedBlob,
    keep_again,
    prepare,
    release,
    spooled,
    sweep,
    sweep_leftovers,
)
from pillarbox.world.blobs.files import BUSY_S, DiskPace
from pillarbox.world.blobs.sweep import kept
from pillarbox.world.database import Database, Transaction
from pillarbox.world.database.sqlite import open_database

SMALL = b"small"
LARGE = bytes(range(256)) * (MAX_IN_DATABASE_OCTETS // 128)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(tmp_path / "db", [SCHEMA], create=True)
    yield opened
    opened.close_now()


@pytest.fixture(params=["files", "database only"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return FileBlobs(tmp_path / "blobs") if request.param == "files" else DatabaseBlobs()


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
    assert database.read_now(blobs.read, blob.digest) == octets
    assert database.read_now(blobs.read, blob.digest, 3, 10) == octets[3:13]
    assert database.read_now(blobs.read, blob.digest, 3) == octets[3:]


@pytest.mark.parametrize("octets", [SMALL, LARGE], ids=["small", "large"])
def test_it_goes_with_its_last_use(database: Database, blobs: Blobs, octets: bytes, tmp_path: Path) -> None:
    digest = database.write_now(written(blobs, octets).keep).digest
    database.write_now(written(blobs, octets).keep)
    database.write_now(keep_again, digest)
    for _ in range(2):
        database.write_now(release, digest)
    asyncio.run(sweep(blobs, database))
    assert database.read_now(blobs.read, digest) == octets
    database.write_now(release, digest)
    asyncio.run(sweep(blobs, database))
    with pytest.raises(BlobMissing):
        database.read_now(blobs.read, digest)
    assert not [
        file for file in (tmp_path / "blobs").rglob("*") if file.is_file() and file.name != ".keeping"
    ]


def test_one_prepared_blob_for_many_owners_is_one_blob(database: Database, blobs: Blobs) -> None:
    prepared = written(blobs, LARGE)

    def keep_for_three(tx: Transaction) -> None:
        for _ in range(3):
            prepared.keep(tx)

    database.write_now(keep_for_three)
    asyncio.run(sweep(blobs, database))
    assert database.read_now(blobs.read, prepared.blob.digest) == LARGE
    assert database.read_now(lambda tx: tx.rows("SELECT uses FROM blobs")) == [(3,)]


def test_octets_that_come_again_after_their_release_are_there(database: Database, blobs: Blobs) -> None:
    digest = database.write_now(written(blobs, LARGE).keep).digest
    again = written(blobs, LARGE)
    database.write_now(release, digest)
    asyncio.run(sweep(blobs, database))
    database.write_now(again.keep)
    asyncio.run(sweep(blobs, database))
    assert database.read_now(blobs.read, digest) == LARGE


def test_what_no_transaction_kept_can_be_discarded(blobs: Blobs, tmp_path: Path) -> None:
    blobs.discard(written(blobs, LARGE))
    writer = blobs.writer()
    writer.write(LARGE)
    writer.abandon()
    assert not [
        file for file in (tmp_path / "blobs").rglob("*") if file.is_file() and file.name != ".keeping"
    ]


@pytest.mark.parametrize("octets", [SMALL, LARGE])
def test_what_is_taken_back_leaves_nothing(blobs: Blobs, tmp_path: Path, octets: bytes) -> None:
    async def scenario() -> bytes:
        writer = blobs.writer()
        await writer.add(octets)
        return await writer.take_back()

    assert asyncio.run(scenario()) == octets
    incoming = tmp_path / "blobs" / "incoming"
    assert not incoming.exists() or not [file for file in incoming.iterdir() if file.name != ".keeping"]


def test_a_blob_that_is_unknown_is_missing(database: Database, blobs: Blobs) -> None:
    with pytest.raises(BlobMissing):
        database.read_now(blobs.read, bytes(32))
    with pytest.raises(BlobMissing):
        database.write_now(keep_again, prepare(b"unknown").blob.digest)


def aged(path: Path, seconds: float) -> None:
    now = path.stat().st_mtime
    os.utime(path, (now - seconds, now - seconds))


def now_ms(path: Path) -> int:
    return int(path.stat().st_mtime * 1000) + 1000


def test_what_a_crash_left_before_its_commit_is_swept_and_nothing_else(
    database: Database, tmp_path: Path
) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    used, left, fresh = (written(blobs, LARGE + bytes([mark])) for mark in range(3))
    database.write_now(used.keep)
    locations = [tmp_path / "blobs" / str(one.location) for one in (used, left, fresh)]
    for path in locations[:2]:
        aged(path, 7200)
    assert asyncio.run(sweep_leftovers(blobs, database, now_ms=now_ms(locations[2]))) == 1
    assert [path.exists() for path in locations] == [True, False, True]


def test_what_a_dead_writer_left_is_swept_and_a_living_ones_is_not(
    database: Database, tmp_path: Path
) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    dead = tmp_path / "blobs" / "incoming" / "dead"
    dead.write_bytes(b"half a mess")
    writer = blobs.writer()
    writer.write(LARGE)
    for path in (tmp_path / "blobs" / "incoming").iterdir():
        aged(path, 600)
    assert asyncio.run(sweep_leftovers(blobs, database, now_ms=now_ms(dead) + 600_000)) == 1
    assert not dead.exists()
    prepared, _ = asyncio.run(writer.finish())
    assert database.write_now(prepared.keep).size == len(LARGE)


def test_no_file_is_removed_while_files_are_kept(database: Database, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    digest = database.write_now(written(blobs, LARGE).keep).digest
    database.write_now(release, digest)
    with kept(tmp_path / "blobs"):
        assert asyncio.run(sweep(blobs, database)) == 0
    assert asyncio.run(sweep(blobs, database)) == 1


def test_a_caller_cancelled_while_its_file_is_flushed_does_not_affect_others(
    database: Database, tmp_path: Path
) -> None:
    blobs = FileBlobs(tmp_path / "blobs")

    async def scenario() -> None:
        writer = blobs.writer()
        writer.write(LARGE)
        finishing = asyncio.ensure_future(writer.finish())
        await asyncio.sleep(0)
        finishing.cancel()
        writer.abandon()
        with pytest.raises(asyncio.CancelledError):
            await finishing
        written_now = blobs.writer()
        written_now.write(LARGE + b"another")
        prepared, _ = await written_now.finish()
        await database.write(prepared.keep)

    asyncio.run(scenario())
    assert database.read_now(blobs.read, sha256(LARGE + b"another").digest()) == LARGE + b"another"
    assert not list((tmp_path / "blobs" / "incoming").iterdir())


def test_octets_that_are_lost_are_missing_and_not_nothing(database: Database) -> None:
    digest = database.write_now(prepare(SMALL).keep).digest
    database.write_now(lambda tx: tx.execute("DELETE FROM blob_octets"))
    with pytest.raises(BlobMissing):
        database.read_now(DatabaseBlobs().read, digest)


def test_files_are_named_by_their_digest_alone(database: Database, tmp_path: Path) -> None:
    blobs, digest = FileBlobs(tmp_path / "blobs"), sha256(LARGE).hexdigest()
    first, second = written(blobs, LARGE), written(blobs, LARGE)
    assert [first.location, second.location] == [f"{digest[:2]}/{digest}", f"{digest[:2]}/{digest}-2"]
    for prepared in (first, second):
        database.write_now(prepared.keep)
    asyncio.run(sweep(blobs, database))
    assert [path.name for path in (tmp_path / "blobs" / digest[:2]).iterdir()] == [digest]
    writer = blobs.writer()
    writer.write(LARGE)
    (unfinished,) = (tmp_path / "blobs" / "incoming").iterdir()
    assert unfinished.name.startswith("unfinished-")
    writer.abandon()


def test_a_name_that_is_about_to_be_removed_is_not_used_again(database: Database, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    digest = database.write_now(written(blobs, LARGE).keep).digest
    database.write_now(release, digest)
    again = written(blobs, LARGE)  # its commit comes after the sweep
    asyncio.run(sweep(blobs, database))
    database.write_now(again.keep)
    assert database.read_now(blobs.read, digest) == LARGE
    database.write_now(release, digest)
    asyncio.run(sweep(blobs, database))
    assert written(blobs, LARGE).location == f"{digest.hex()[:2]}/{digest.hex()}", "it is free now"


def test_a_listed_file_that_was_lost_does_not_take_its_successor_with_it(
    database: Database, tmp_path: Path
) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    lost = written(blobs, LARGE)
    digest = database.write_now(lost.keep).digest
    (tmp_path / "blobs" / str(lost.location)).unlink()
    database.write_now(release, digest)
    again = written(blobs, LARGE)  # its commit comes after the sweep
    assert again.location == lost.location
    older_than_ms = now_ms(tmp_path / "blobs" / str(again.location)) - ABANDONED_MS
    assert asyncio.run(sweep(blobs, database, older_than_ms=older_than_ms)) == 0
    database.write_now(again.keep)
    assert database.read_now(blobs.read, digest) == LARGE
    assert database.read_now(lambda tx: tx.value("SELECT count(*) FROM blob_files_unused")) == 0


def test_a_listed_file_that_was_lost_is_forgotten(database: Database, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    lost = written(blobs, LARGE)
    digest = database.write_now(lost.keep).digest
    (tmp_path / "blobs" / str(lost.location)).unlink()
    database.write_now(release, digest)
    assert asyncio.run(sweep(blobs, database, older_than_ms=0)) == 1
    assert database.read_now(lambda tx: tx.value("SELECT count(*) FROM blob_files_unused")) == 0


def test_names_of_before_are_understood(database: Database, tmp_path: Path) -> None:
    blobs = FileBlobs(tmp_path / "blobs")
    prepared = written(blobs, LARGE)
    old = replace(prepared, location=f"{prepared.location}.tmpk3x9_q2a")
    (tmp_path / "blobs" / str(prepared.location)).rename(tmp_path / "blobs" / str(old.location))
    digest = database.write_now(old.keep).digest
    aged(tmp_path / "blobs" / str(old.location), 7200)
    asyncio.run(
        sweep_leftovers(blobs, database, now_ms=now_ms(tmp_path / "blobs" / str(old.location)) + 7_200_000)
    )
    assert database.read_now(blobs.read, digest) == LARGE
    database.write_now(release, digest)
    assert asyncio.run(sweep(blobs, database)) == 1
    assert not list((tmp_path / "blobs").glob("??/*"))


def test_files_are_written_in_threads_while_the_disk_is_busy(tmp_path: Path) -> None:
    now_s, threads = [0.0], []
    blobs = FileBlobs(tmp_path)
    blobs._pace = DiskPace(lambda: now_s[0])

    async def written(takes_s: float) -> bool:
        """Whether it was written in a thread."""

        def update(_octets: bytes) -> None:
            now_s[0] += takes_s
            threads.append(threading.current_thread() is not threading.main_thread())

        writer = blobs.writer(max_in_memory_octets=0)
        writer._hash = SimpleNamespace(update=update)  # type: ignore[attr-defined]  # what takes its time
        await writer.add(b"x")
        writer.abandon()
        return threads[-1]

    async def write() -> list[bool]:
        seen = [await written(0.001), await written(0.001), await written(0.1), await written(0.001)]
        now_s[0] += BUSY_S
        return [*seen, await written(0.001)]

    assert asyncio.run(write()) == [False, False, False, True, False]


def test_a_file_that_is_abandoned_while_a_thread_writes_goes_afterwards(tmp_path: Path) -> None:
    writer = FileBlobs(tmp_path).writer(max_in_memory_octets=0)
    # With the write under way, as if its thread were at it: nobody may wait for that
    writer._hash = SimpleNamespace(update=lambda _octets: writer.abandon())  # type: ignore[attr-defined]  # see above
    writer.write(b"x")
    assert not list((tmp_path / "incoming").iterdir())
    writer.write(b"y")
    assert not list((tmp_path / "incoming").iterdir())


@pytest.mark.parametrize(
    "size", [0, 1, MAX_IN_DATABASE_OCTETS - 1, MAX_IN_DATABASE_OCTETS, 3 * MAX_IN_DATABASE_OCTETS]
)
def test_octets_that_are_not_kept_are_read_in_any_order(blobs: Blobs, size: int) -> None:
    octets = (LARGE * 2)[:size]
    pieces = [octets[start : start + 10_000] for start in range(0, size, 10_000)]
    with spooled(blobs, pieces) as opened:
        assert opened.size == size
        assert opened.read(size // 2, 100) == octets[size // 2 :][:100]
        assert opened.read() == octets
    if blobs.directory is not None:
        assert not list(blobs.directory.glob("*/*"))


def test_an_open_blob_that_is_forgotten_gives_its_file_back(tmp_path: Path) -> None:
    opened = spooled(FileBlobs(tmp_path), [LARGE])
    descriptor = opened._file
    assert descriptor is not None
    os.fstat(descriptor)
    del opened
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
