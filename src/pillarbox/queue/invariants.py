"""What is always true of the queue's rows."""

from pillarbox.world.database.invariant import Invariant

_NO_DESTINATION = """
FROM queue_recipients r WHERE NOT EXISTS (SELECT 1 FROM queue_destinations d WHERE d.name = r.destination)"""

INVARIANTS = (
    Invariant(
        "destination-has-turns",
        "Every destination for which somebody waits takes its turn.",
        "SELECT DISTINCT r.destination " + _NO_DESTINATION,
        "mail for {0} would never be tried",
        "Give it a turn now.",
        (
            "INSERT INTO queue_destinations SELECT r.destination, min(r.due_at_ms), 0, 0 "
            + _NO_DESTINATION
            + " GROUP BY r.destination",
        ),
    ),
    Invariant(
        "recipient-has-message",
        "Whoever waits waits for a message.",
        "SELECT address FROM queue_recipients r WHERE NOT EXISTS"
        " (SELECT 1 FROM queue_messages m WHERE m.id = r.message)",
        "the message for {0} is lost",
        "Restore a backup to have it back; `pillarbox rebuild` drops the row.",
    ),
    Invariant(
        "message-has-recipient",
        "A queued message has somebody who waits for it.",
        "SELECT id FROM queue_messages m WHERE NOT EXISTS"
        " (SELECT 1 FROM queue_recipients r WHERE r.message = m.id)",
        "nobody waits for queued message {0}",
        "Drop it.",
        (
            (
                "DELETE FROM queue_messages WHERE NOT EXISTS"
                " (SELECT 1 FROM queue_recipients r WHERE r.message = queue_messages.id)"
            ),
        ),
    ),
)
"""All of them, in the order of repair."""
