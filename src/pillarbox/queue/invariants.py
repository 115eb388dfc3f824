"""Invariants of the queue's tables, checked by `pillarbox fsck`."""

from pillarbox.queue import values
from pillarbox.queue.unfinished import MAX_UNFINISHED
from pillarbox.world.database.invariant import Invariant

_NO_DESTINATION = """
FROM queue_recipients r WHERE NOT EXISTS (SELECT 1 FROM queue_destinations d WHERE d.name = r.destination)"""

_NEVER_RELEASED = """
FROM queue_recipients r WHERE state = 'scheduled' AND EXISTS
  (SELECT 1 FROM queue_messages m WHERE m.id = r.message AND m.release_at_ms IS NULL)"""
_RELEASE_WHEN_DUE = """
UPDATE queue_messages SET release_at_ms =
  (SELECT min(r.due_at_ms) FROM queue_recipients r WHERE r.message = queue_messages.id AND r.state = 'scheduled')
WHERE release_at_ms IS NULL AND EXISTS
  (SELECT 1 FROM queue_recipients r WHERE r.message = queue_messages.id AND r.state = 'scheduled')"""
_HELD_FOR_NOBODY = """
FROM queue_messages m WHERE release_at_ms IS NOT NULL AND NOT EXISTS
  (SELECT 1 FROM queue_recipients r WHERE r.message = m.id AND r.state = 'scheduled')"""

INVARIANTS = (
    *values.INVARIANTS,
    Invariant(
        "destination-has-next-attempt",
        "Every destination of a queued recipient has a row that says when it is tried next.",
        "SELECT DISTINCT r.destination " + _NO_DESTINATION,
        "mail for {0} would never be tried",
        "Try it when its first recipient is due.",
        (
            "INSERT INTO queue_destinations SELECT r.destination, min(r.due_at_ms), 0, 0 "
            + _NO_DESTINATION
            + " GROUP BY r.destination",
        ),
    ),
    Invariant(
        "recipient-has-message",
        "Every queued recipient has its message.",
        "SELECT address FROM queue_recipients r WHERE NOT EXISTS"
        " (SELECT 1 FROM queue_messages m WHERE m.id = r.message)",
        "the message for {0} is lost",
        "To have it back from a backup: pillarbox restore BACKUP --missing. To remove what is lost instead: pillarbox"
        " fsck --repair --accept-loss",
        is_loss=True,
    ),
    Invariant(
        "attempt-has-recipient",
        "Every recorded attempt belongs to a queued recipient.",
        "SELECT DISTINCT recipient FROM queue_attempts a WHERE NOT EXISTS"
        " (SELECT 1 FROM queue_recipients r WHERE r.id = a.recipient)",
        "attempts are recorded for recipient {0}, which is not queued",
        "Delete them.",
        (
            (
                "DELETE FROM queue_attempts WHERE NOT EXISTS"
                " (SELECT 1 FROM queue_recipients r WHERE r.id = queue_attempts.recipient)"
            ),
        ),
    ),
    Invariant(
        "message-has-recipient",
        "Every queued message has a recipient.",
        "SELECT id FROM queue_messages m WHERE NOT EXISTS"
        " (SELECT 1 FROM queue_recipients r WHERE r.message = m.id)",
        "queued message {0} has no recipients",
        "Drop it.",
        (
            (
                "DELETE FROM queue_messages WHERE NOT EXISTS"
                " (SELECT 1 FROM queue_recipients r WHERE r.message = queue_messages.id)"
            ),
        ),
    ),
    Invariant(
        "scheduled-recipient-is-released",
        "Every recipient that waits for the time its sender has chosen has a message with that time.",
        f"SELECT message, address {_NEVER_RELEASED}",
        "queued message {0} for {1} waits for a time that is not known",
        "Send it when its recipient is due.",
        (_RELEASE_WHEN_DUE,),
    ),
    Invariant(
        "scheduled-message-has-recipient",
        "A message is held as long as recipients wait for its time.",
        f"SELECT id {_HELD_FOR_NOBODY}",
        "queued message {0} is held, though none of its recipients is",
        "It is not held.",
        (f"UPDATE queue_messages SET release_at_ms = NULL WHERE id IN (SELECT id {_HELD_FOR_NOBODY})",),  # noqa: S608 - a constant
    ),
    Invariant(
        "recipient-is-finished",
        "No recipient has been given up on because workers ended while they tried it.",
        f"SELECT message, address FROM queue_recipients WHERE state = 'held' AND unfinished >= {MAX_UNFINISHED}",  # noqa: S608 - a number of ours
        f"queued message {{0}} for {{1}} is held: workers ended {MAX_UNFINISHED} times while they tried it",
        "The log says why they ended. To try again: pillarbox queue release {0}; to end it: pillarbox queue drop {0}.",
    ),
)
"""In the order in which to repair them."""
