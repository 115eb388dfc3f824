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

_LOST = """
FROM {0} WHERE NOT EXISTS (SELECT 1 FROM submissions s WHERE s.account = {0}.account AND s.id = {0}.submission)"""
_LOST_RECIPIENTS, _LOST_REPORTS = _LOST.format("submission_recipients"), _LOST.format("submission_reports")
_DELETE_LOST = "DELETE" + _LOST
_UNNUMBERED = """
FROM submissions s WHERE NOT EXISTS
  (SELECT 1 FROM submission_counters c WHERE c.account = s.account AND c.latest >= s.id)"""
_NUMBER = f"""
INSERT INTO submission_counters SELECT account, max(id), max(modseq), 0 {_UNNUMBERED} GROUP BY account
ON CONFLICT (account) DO UPDATE SET latest = excluded.latest, complete_from = excluded.complete_from"""
_COUNTED = "(SELECT count(*) FROM submission_recipients r WHERE r.account = c.account)"
_NOT_PENDING = """
FROM submissions s WHERE undo = 'pending' AND destroyed = 0 AND NOT EXISTS
  (SELECT 1 FROM queue_messages m WHERE m.id = s.message AND m.release_at_ms IS NOT NULL)"""

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
        "submission-part-has-submission",
        "Every recipient and report of a submission belongs to one.",
        f"SELECT account, submission {_LOST_RECIPIENTS} UNION SELECT account, submission {_LOST_REPORTS}",
        "submission {1} of account {0} is lost, and parts of it are there",
        "Delete them: what it has sent goes its way.",
        (_DELETE_LOST.format("submission_recipients"), _DELETE_LOST.format("submission_reports")),
    ),
    Invariant(
        "submission-is-numbered",
        "The number of the latest submission of an account is known.",
        f"SELECT DISTINCT account {_UNNUMBERED}",
        "the number of the latest submission of account {0} is lost",
        "Continue above the highest.",
        (_NUMBER,),
    ),
    Invariant(
        "submission-recipients-are-counted",
        "The number of recipients of all submissions of an account is known.",
        f"SELECT account FROM submission_counters c WHERE recipients <> {_COUNTED}",  # noqa: S608 - a constant
        "the number of recipients of the submissions of account {0} is wrong",
        "Count them.",
        (f"UPDATE submission_counters AS c SET recipients = {_COUNTED}",),  # noqa: S608 - a constant
    ),
    Invariant(
        "pending-submission-is-scheduled",
        "A submission that may be undone has a message that is held.",
        f"SELECT account, id {_NOT_PENDING}",
        "submission {1} of account {0} may not be undone, and says so",
        "It is final.",
        (
            f"UPDATE submissions SET undo = 'final' WHERE (account, id) IN (SELECT account, id {_NOT_PENDING})",  # noqa: S608 - constants
        ),
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
