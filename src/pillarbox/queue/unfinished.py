"""Recipients that are set aside, so that the others of their destination are tried.

Those whose worker ended, time and again, before it had a result: perhaps they are the reason.

A worker that dies leaves leases behind, mostly of recipients that have nothing to do with it, and they are tried
again. Where it happens again and again to the same ones, each is tried at a time of its own, so that one that kills its
worker no longer takes the others with it. After `MAX_UNFINISHED` times it is held, and nobody tries it until an
operator releases it.
"""

from collections.abc import Sequence
from typing import Final

from pillarbox.world.database import Transaction

SPREAD_UNFINISHED: Final = 3
"""Leases without a result after which a recipient is tried at a time of its own."""
MAX_UNFINISHED: Final = 10
"""Leases without a result after which a recipient is held."""
SPREAD_MS: Final = 30 * 60_000
"""The time over which such recipients are spread."""
HELD_REPLY: Final = (
    f"held: this server ended {MAX_UNFINISHED} times while it tried to send this; see the log for the reason"
)
DAMAGED_REPLY: Final = "not tried: what is kept of the message is damaged; pillarbox fsck tells what to do"
_DAMAGED_MS: Final = 10 * 60_000
"""After so long what is damaged is looked at again."""
_PRIME: Final = 7_919
"""Neighbouring ids get times far apart."""


def is_suspect(unfinished: int) -> bool:
    """Whether `set_aside` is to look at a recipient."""
    return unfinished >= SPREAD_UNFINISHED


def set_aside(tx: Transaction, suspects: Sequence[int], *, now_ms: int) -> set[int]:
    """Of these recipients, which are not to be tried now: those whose lease has just run out, once more."""
    aside = set()
    for identifier in suspects:
        row = tx.row("SELECT unfinished + 1 FROM queue_recipients WHERE id = ? AND lease <> 0", (identifier,))
        if row is None:
            continue
        aside.add(identifier)
        state, reply = ("held", HELD_REPLY) if row[0] >= MAX_UNFINISHED else ("waiting", None)
        tx.execute(
            "UPDATE queue_recipients SET lease = 0, unfinished = ?, due_at_ms = ?, state = ?,"
            " last_reply = coalesce(?, last_reply), last_host = CASE WHEN ? = 'held' THEN NULL ELSE last_host END"
            " WHERE id = ?",
            (row[0], now_ms + identifier * _PRIME % SPREAD_MS, state, reply, state, identifier),
        )
    return aside


def put_off(tx: Transaction, recipients: Sequence[int], *, now_ms: int) -> None:
    """Leave recipients of a damaged message for later: `fsck` tells of it, and it may be repaired by then."""
    tx.execute_many(
        "UPDATE queue_recipients SET lease = 0, due_at_ms = ?, last_reply = ?, last_host = NULL WHERE id = ?",
        [(now_ms + _DAMAGED_MS, DAMAGED_REPLY, identifier) for identifier in recipients],
    )
