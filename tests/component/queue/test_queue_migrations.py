"""A queue that an earlier version made is used as it is."""

from dataclasses import replace
from pathlib import Path

from pillarbox.mail.identifiers import AccountId
from pillarbox.queue import scheduled, sts_policies, submissions
from pillarbox.queue.schedule import claim
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import QueueId
from pillarbox.trust.mta_sts import KnownPolicy, Mode, StsPolicy
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import open_database

KNOWN = KnownPolicy(StsPolicy(Mode.ENFORCE, ("mx.two.example",), 604_800), "1", 0, 0, "1")


def queue_as_before(tx: Transaction) -> None:
    digest = prepare(b"x").keep(tx).digest
    tx.execute(
        "INSERT INTO queue_messages (blob, size, reverse_path, body, smtputf8, require_tls, queued_at_ms,"
        " expires_at_ms) VALUES (?, 1, 'me@one.example', '8BITMIME', 0, 0, 0, 1000)",
        (digest,),
    )
    tx.execute(
        "INSERT INTO queue_recipients (message, destination, address, notify, state, due_at_ms, attempts, lease,"
        " tell_at_ms) VALUES (1, 'x.example', 'a@x.example', '', 'waiting', 0, 0, 0, 0)"
    )
    tx.execute("INSERT INTO queue_destinations VALUES ('x.example', 0, 0, 0)")


def test_what_was_queued_before_is_not_held(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:4])
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    database.write_now(queue_as_before)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        assert database.read_now(scheduled.next_release_ms) is None
        (job,) = database.write_now(claim, lease=1, now_ms=0, jobs=1)
        assert [each.address for each in job.recipients] == ["a@x.example"]
    finally:
        database.close_now()


def test_a_queue_without_policies_gets_a_table_for_them(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:3])
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    database.write_now(queue_as_before)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        database.write_now(sts_policies.keep, "two.example", KNOWN, now_s=0)
        assert database.read_now(sts_policies.known, "two.example") == KNOWN
        assert database.read_now(lambda tx: tx.value("SELECT address FROM queue_recipients")) == "a@x.example"
    finally:
        database.close_now()


def test_a_queue_without_submissions_gets_tables_for_them(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:5])
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    database.write_now(queue_as_before)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        assert database.read_now(submissions.of_message, QueueId(1)) is None
        assert database.read_now(submissions.state, AccountId(1)) == 0
    finally:
        database.close_now()
