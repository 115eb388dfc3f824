"""Accepting a message: its placements and queued recipients, in one transaction.

Every message comes in by this verb: from outside (`delivery.reception`) and from ourselves (`delivery.report`).
All of it is durable, or nothing: 250 may be said only after `Database.write` of it has returned. Any
number of recipients share one blob and one summary for each form of the message: the one that is placed has
a Return-Path field, the one that is queued has none.
"""

from collections.abc import Iterable

from msgspec import Struct

from pillarbox.delivery.placement import Placement, filed
from pillarbox.queue import scheduled
from pillarbox.queue.spool import Outbound, QueueId, enqueue
from pillarbox.store.append import Message, append
from pillarbox.world.database import Transaction


class Acceptance(Struct, frozen=True, gc=False):
    """A message and where it goes."""

    placements: tuple[Placement, ...]
    message: Message | None
    """The message as it is placed; `None` where there is no placement."""
    outbound: Outbound | None
    """The message as it is queued; `None` where there is no recipient elsewhere."""
    quarantined: bool = False
    """A check found it suspicious (`placement.filed`)."""


def accept(tx: Transaction, acceptance: Acceptance, *, now_ms: int) -> QueueId | None:
    """Place and queue. Raises `NoSuchMailbox` or `NoSuchAccount` where a mailbox was removed meanwhile, and
    `TooMuchHeld` where the account that submits has too much mail held already.

    Quotas are not checked: they were at RCPT (see `route`).
    """
    outbound = acceptance.outbound
    if outbound and outbound.release and outbound.account is not None:
        scheduled.refuse_too_much(tx, outbound.account, octets=outbound.blob.blob.size)
    if acceptance.message:
        place(
            tx,
            acceptance.placements,
            acceptance.message,
            quarantined=acceptance.quarantined,
            now_ms=now_ms,
        )
    return enqueue(tx, outbound, now_ms=now_ms) if outbound else None


def place(
    tx: Transaction, placements: Iterable[Placement], message: Message, *, quarantined: bool, now_ms: int
) -> None:
    """Put a message where it is filed."""
    for addressed in placements:
        for placement in filed(tx, addressed, quarantined=quarantined):
            append(
                tx,
                placement.account,
                placement.mailbox,
                message,
                flags=placement.flags,
                received_at_ms=now_ms,
                now_ms=now_ms,
            )
