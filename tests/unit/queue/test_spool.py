"""Mail goes into the queue whole, with its octets and each of its recipients."""

from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.schema import SCHEMA
from pillarbox.queue.spool import LIFETIME_MS, Outbound, QueuedRecipient, enqueue
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.blobs import DatabaseBlobs, prepare
from tests.kit.database import open_transaction


def test_a_message_waits_once_and_each_recipient_for_itself() -> None:
    prepared = prepare(b"Subject: x\r\n\r\n")
    to = (
        QueuedRecipient("a@elsewhere.example", "elsewhere.example", "NEVER"),
        QueuedRecipient("b@[192.0.2.1]", "[192.0.2.1]", original="rfc822;b@x"),
    )
    with open_transaction(BLOBS, SCHEMA) as tx:
        queued = enqueue(tx, Outbound(prepared, None, to, Body.SEVEN_BIT, envelope_id="e"), now_ms=1_000)
        assert DatabaseBlobs().read(tx, prepared.blob.digest) == b"Subject: x\r\n\r\n"
        assert tx.rows(
            "SELECT id, reverse_path, body, envelope_id, queued_at_ms, expires_at_ms FROM queue_messages"
        ) == [(queued, None, "7BIT", "e", 1_000, 1_000 + LIFETIME_MS)]
        assert tx.rows(
            "SELECT message, destination, address, notify, original, state, due_at_ms FROM queue_recipients"
        ) == [
            (queued, "elsewhere.example", "a@elsewhere.example", "NEVER", None, "waiting", 1_000),
            (queued, "[192.0.2.1]", "b@[192.0.2.1]", "", "rfc822;b@x", "waiting", 1_000),
        ]
