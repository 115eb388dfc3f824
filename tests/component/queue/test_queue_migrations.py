"""A queue that an earlier version made is used as it is."""

from dataclasses import replace
from pathlib import Path

from pillarbox.queue import sts_policies
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.trust.mta_sts import KnownPolicy, Mode, StsPolicy
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import prepare
from pillarbox.world.database.sqlite import open_database

KNOWN = KnownPolicy(StsPolicy(Mode.ENFORCE, ("mx.two.example",), 604_800), "1", 0, 0, "1")


def test_a_queue_without_policies_gets_a_table_for_them(tmp_path: Path) -> None:
    before = replace(SCHEMA, migrations=SCHEMA.migrations[:3])
    database = open_database(tmp_path / "db", [BLOBS, before], create=True)
    message = Outbound(prepare(b"x"), "me@one.example", (QueuedRecipient("a@x.example", "x.example"),))
    database.write_now(enqueue, message, now_ms=0)
    database.close_now()
    database = open_database(tmp_path / "db", [BLOBS, SCHEMA])
    try:
        database.write_now(sts_policies.keep, "two.example", KNOWN, now_s=0)
        assert database.read_now(sts_policies.known, "two.example") == KNOWN
        assert database.read_now(lambda tx: tx.value("SELECT address FROM queue_recipients")) == "a@x.example"
    finally:
        database.close_now()
