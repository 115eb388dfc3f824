"""Operations on queued mail.

Listing, retrying, holding and releasing are verbs of the queue itself; dropping also reports the failure to the
sender, unless the operator declines.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pillarbox.admin import concerns
from pillarbox.admin.concerns import Concern, OfProvider, Thing
from pillarbox.admin.permissions import DOMAIN_ADMINISTRATOR, OPERATOR, OWNER, may
from pillarbox.delivery.settle import ReportingMta, give_up
from pillarbox.queue.control import hold, release, retry, selected
from pillarbox.queue.inspection import (
    Entry,
    MessageDetails,
    PausedDestination,
    Selection,
    count,
    listing,
    parts,
    paused_destinations,
    show,
)
from pillarbox.queue.schedule import load
from pillarbox.queue.spool import QueueId
from pillarbox.world.blobs import Blobs, OpenBlob
from pillarbox.world.database import Database, Transaction

__all__ = [
    "MAX_CHANGED_AT_ONCE",
    "MAX_DROPPED_AT_ONCE",
    "Entry",
    "MessageDetails",
    "PausedDestination",
    "Selection",
    "change",
    "count",
    "drop",
    "hold",
    "listing",
    "opened",
    "paused_destinations",
    "release",
    "retry",
    "show",
]

_SELECTED: Final = concerns.domain_names("selection.domains", "the domains whose accounts have sent it")


def _sender(tx: Transaction, message: QueueId) -> list[Thing]:
    try:
        account = load(tx, message).account
    except LookupError:
        account = None
    if account is None:  # forwarded, or a report: it is of no domain
        return [OfProvider("mail that no account has sent")]
    return [concerns.account_of_number(tx, account, f"message {message}", shown_only=True)]


for _verb in (listing, count, retry, hold, release):
    may(DOMAIN_ADMINISTRATOR, of=_SELECTED)(_verb)
may(DOMAIN_ADMINISTRATOR, of=Concern("the domain whose account has sent it", ("message",), _sender))(show)
may(OWNER)(paused_destinations)


@may(OPERATOR)
def opened(tx: Transaction, blobs: Blobs, message: QueueId) -> OpenBlob:
    """The octets of a queued message. Raises `LookupError`, or `BlobDamaged`."""
    return blobs.open(tx, load(tx, message).blob)


MAX_DROPPED_AT_ONCE = 500
"""Recipients dropped in one transaction."""


MAX_CHANGED_AT_ONCE = 2_000
"""Recipients looked at in one transaction, so that the server does not wait for a change of a long queue."""


@may(DOMAIN_ADMINISTRATOR, of=_SELECTED)
def change(
    database: Database,
    verb: Callable[..., int],
    selection: Selection,
    *,
    now_ms: int,
    at_once: int = MAX_CHANGED_AT_ONCE,
) -> int:
    """Run `retry`, `hold` or `release` on all recipients selected, part by part; return how many it changed."""
    changed = 0
    for part in database.read_now(parts, at_once):
        some = replace(selection, between=part)
        if database.read_now(count, some)[1]:
            changed += database.write_now(verb, some, now_ms=now_ms)
    return changed


@may(DOMAIN_ADMINISTRATOR, of=_SELECTED)
def drop(tx: Transaction, selection: Selection, mta: ReportingMta | None, *, now_ms: int) -> int:
    """Drop these recipients, at most `MAX_DROPPED_AT_ONCE` of them; return how many were dropped.

    Their failure is reported to the senders, unless `mta` is `None`. Recipients that are being tried now are
    left in the queue.
    """
    found = selected(tx, selection, now_ms=now_ms, limit=MAX_DROPPED_AT_ONCE)
    give_up(tx, found, mta, now_ms=now_ms)
    return len(found)
