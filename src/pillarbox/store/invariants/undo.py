"""What clients can undo belongs to a token, and what is held for that is in no mailbox."""

from pillarbox.world.database.invariant import Invariant

_UNOWNED = """
NOT EXISTS (SELECT 1 FROM undo_tokens t WHERE t.account = undo_emails.account AND t.token = undo_emails.token)"""
_HELD_IN_VAIN = """
kind = 3 AND (EXISTS (SELECT 1 FROM placements p WHERE p.email = undo_emails.email)
  OR EXISTS (SELECT 1 FROM orphans o WHERE o.email = undo_emails.email))"""
_RELEASE = """
INSERT INTO orphans SELECT email FROM undo_emails WHERE kind = 3
  AND EXISTS (SELECT 1 FROM emails e WHERE e.id = undo_emails.email)
  AND NOT EXISTS (SELECT 1 FROM placements p WHERE p.email = undo_emails.email)"""

INVARIANTS = (
    Invariant(
        "undo-email-has-token",
        "What can be undone of an email belongs to a token.",
        f"SELECT account, email FROM undo_emails WHERE {_UNOWNED}",  # noqa: S608 - a constant
        "what was changed of email {1} of account {0} belongs to no token, so that nobody can undo it",
        "Drop it; a destroyed email is listed for removal.",
        (
            f"{_RELEASE} AND {_UNOWNED} ON CONFLICT DO NOTHING",
            f"DELETE FROM undo_emails WHERE {_UNOWNED}",  # noqa: S608 - likewise
        ),
    ),
    Invariant(
        "held-email-is-destroyed",
        "A destroyed email that can be had again is in no mailbox, and is not listed for removal.",
        f"SELECT account, email FROM undo_emails WHERE {_HELD_IN_VAIN}",  # noqa: S608 - a constant
        "email {1} of account {0} is held for a client that may undo, and is in a mailbox or listed for removal",
        "Hold it no more.",
        (f"DELETE FROM undo_emails WHERE {_HELD_IN_VAIN}",),  # noqa: S608 - likewise
    ),
)
