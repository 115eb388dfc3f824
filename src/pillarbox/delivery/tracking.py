"""Keeping true what submissions say (`queue.submissions`), in the transactions that change what they tell of.

Nothing here decides about mail, and nothing of it fails where an account has gone or its counters are damaged: then the
submission stays as it was.
"""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from msgspec.structs import replace

from pillarbox.delivery.destinations import Destinations
from pillarbox.delivery.route import LocalRecipient
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.identifiers import AccountId, ModSeq
from pillarbox.mail.notification import Notification, NotifiedRecipient
from pillarbox.queue import scheduled, submissions
from pillarbox.queue.schedule import QueuedMessage
from pillarbox.queue.spool import QueueId
from pillarbox.queue.submissions import (
    FINAL,
    NO,
    PENDING,
    QUEUED,
    UNKNOWN,
    YES,
    NewSubmission,
    RecipientStatus,
)
from pillarbox.store import account_counters
from pillarbox.store.account_counters import NoSuchAccount, Touched
from pillarbox.world.database import Transaction, ValuesDamaged

DELIVERED_HERE = "250 2.0.0 delivered"
PASSED_ON = "250 2.0.0 passed on to several addresses"
QUEUED_HERE = "250 2.0.0 queued"
UNDONE = "550 5.0.0 undone by its sender"


class Fate(NamedTuple):
    """What became of a recipient in the queue. `queued_as`: the one that decides from now on, if any does."""

    address: str
    delivered: str
    reply: str
    queued_as: str | None = None


def first_status(
    address: Address, found: LocalRecipient | None, destinations: Destinations
) -> RecipientStatus:
    """What is known of a recipient when its message is accepted; `found`: where it is, if it is here and not held."""
    if found is None:
        return RecipientStatus(
            str(address), QUEUED, QUEUED_HERE, queued_as=destinations.remote[address.key].address
        )
    fate = here(str(address), found, destinations)
    return RecipientStatus(str(address), fate.delivered, fate.reply, queued_as=fate.queued_as)


def here(address: str, found: LocalRecipient, destinations: Destinations) -> Fate:
    """What becomes of a recipient that is an address of ours."""
    if not found.forwards:
        return Fate(address, YES, DELIVERED_HERE)
    if not found.placements and len(found.forwards) == 1:
        return Fate(address, QUEUED, QUEUED_HERE, destinations.remote[found.forwards[0].key].address)
    return Fate(address, UNKNOWN, PASSED_ON)


def one_line(reply: str, status: str) -> str:
    """A server's reply whose lines were joined, with its enhanced status code once (RFC 8621 §7, smtpReply)."""
    first, found, rest = reply.partition(f" {status} ")
    return f"{first}{found}{rest.replace(f' {status} ', ' ')}"


def record(
    tx: Transaction, new: NewSubmission, message: QueueId | None, *, release_at_ms: int | None, now_ms: int
) -> int:
    """Remember a submission with its message; return its id. Raises `NoSuchAccount`, `ValuesDamaged`."""
    modseq = account_counters.next_modseq(tx, new.account, Touched.NOTHING)
    return submissions.record(tx, new, message, release_at_ms=release_at_ms, modseq=modseq, now_ms=now_ms)


def note(tx: Transaction, message: QueuedMessage, fates: Iterable[Fate]) -> None:
    """Write what became of recipients of a queued message, if it is of a submission."""
    if message.account is None:
        return
    owner = submissions.of_message(tx, message.id)
    if owner is None:
        return
    by_queued = {fate.address: fate for fate in fates}

    def noted(status: RecipientStatus) -> RecipientStatus:
        fate = by_queued.get(status.queued_as) if status.queued_as is not None else None
        if fate is None:
            return status
        return replace(status, delivered=fate.delivered, reply=fate.reply, queued_as=fate.queued_as)

    _change(tx, *owner, noted)


def cancel(tx: Transaction, account: AccountId, submission: int) -> bool:
    """Undo a submission: nobody gets the message. False where it has left (RFC 8621 §7.5, cannotUnsend).

    Raises `LookupError` where there is no such submission.
    """
    found = submissions.message_of(tx, account, submission)
    if found is None:
        raise LookupError(submission)
    undo, message = found
    if undo == submissions.CANCELED:
        return True
    if undo != PENDING or message is None or not scheduled.cancel(tx, message):
        return False
    modseq = account_counters.next_modseq(tx, account, Touched.NOTHING)
    undone = [
        replace(status, delivered=NO, reply=UNDONE, queued_as=None)
        for status in submissions.recipients(tx, account, submission)
    ]
    submissions.update(tx, account, submission, undone, undo=submissions.CANCELED, modseq=modseq)
    return True


def send_now(tx: Transaction, account: AccountId, submission: int, *, now_ms: int) -> bool:
    """Let a message that is held leave at once. False where it has left. Raises `LookupError`."""
    found = submissions.message_of(tx, account, submission)
    if found is None:
        raise LookupError(submission)
    return found[1] is not None and scheduled.release_now(tx, found[1], now_ms=now_ms)


def reschedule(tx: Transaction, account: AccountId, submission: int, *, until_ms: int) -> bool:
    """Hold the message of a submission until another time. False where it has left, or was undone.

    Raises `LookupError` where there is no such submission.
    """
    found = submissions.message_of(tx, account, submission)
    if found is None:
        raise LookupError(submission)
    undo, message = found
    if undo != PENDING or message is None or not scheduled.reschedule(tx, message, until_ms=until_ms):
        return False
    modseq = account_counters.next_modseq(tx, account, Touched.NOTHING)
    submissions.set_send_at(tx, account, submission, send_at_ms=until_ms, modseq=modseq)
    return True


def destroy(tx: Transaction, account: AccountId, submission: int) -> bool:
    """Forget a submission; its message goes its way. False where there is none."""
    if submissions.message_of(tx, account, submission) is None:
        return False
    return submissions.destroy(
        tx, account, submission, modseq=account_counters.next_modseq(tx, account, Touched.NOTHING)
    )


def notified(tx: Transaction, account: AccountId, found: Notification, blob: bytes) -> None:
    """Write what a notification says that has come to an account, if it is about a submission of it.

    Only what is not known yet is believed: what our own servers have found stays.
    """
    submission = submissions.reported_by(
        tx, account, envelope_id=found.envelope_id, message_id=found.message_id
    )
    if submission is None:
        return
    modseq = _next_modseq(tx, account)
    if modseq is None:
        return
    kind = submissions.MDN if found.is_receipt else submissions.DSN
    submissions.add_report(tx, account, submission, kind, blob, modseq=modseq)
    before = submissions.recipients(tx, account, submission)

    def noted(status: RecipientStatus) -> RecipientStatus:
        for recipient in found.recipients:
            if len(before) == len(found.recipients) == 1 or _same(status.address, recipient.addresses):
                status = _told(status, recipient, is_receipt=found.is_receipt)
        return status

    _change(tx, account, submission, noted, modseq=modseq)


def forget_old(tx: Transaction, *, now_ms: int, limit: int) -> int:
    """Forget submissions of long ago; return how many."""
    before_ms = now_ms - submissions.KEPT_MS
    found = submissions.old(tx, before_ms=before_ms, limit=limit)
    for account, submission, is_destroyed in found:
        if is_destroyed:
            submissions.drop(tx, account, submission)
            continue
        modseq = _next_modseq(tx, account)
        if modseq is None:
            submissions.remove_account(tx, account)
        else:
            submissions.destroy(tx, account, submission, modseq=modseq)
            submissions.keep_until_next(tx, account, submission, now_ms=now_ms)
    return len(found)


def _change(
    tx: Transaction,
    account: AccountId,
    submission: int,
    changed: Callable[[RecipientStatus], RecipientStatus],
    *,
    modseq: ModSeq | None = None,
) -> None:
    """Change a submission's recipients, and whether it can still be undone, if that makes a difference."""
    found = submissions.message_of(tx, account, submission)
    if found is None:
        return
    undo, message = found
    if undo == PENDING and (message is None or not scheduled.is_held(tx, message)):
        undo = FINAL
    before = submissions.recipients(tx, account, submission)
    after = [changed(status) for status in before]
    if undo == found[0] and after == list(before):
        return
    modseq = modseq or _next_modseq(tx, account)
    if modseq is not None:
        submissions.update(tx, account, submission, after, undo=undo, modseq=modseq)


def _next_modseq(tx: Transaction, account: AccountId) -> ModSeq | None:
    with suppress(NoSuchAccount, ValuesDamaged):
        return account_counters.next_modseq(tx, account, Touched.NOTHING)
    return None


def _told(status: RecipientStatus, told: NotifiedRecipient, *, is_receipt: bool) -> RecipientStatus:
    if is_receipt:
        return replace(status, displayed=YES) if told.action == "displayed" else status
    if status.delivered != UNKNOWN:
        return status
    # RFC 8621 §7: no other action affects `delivered`
    delivered = {"delivered": YES, "failed": NO}.get(told.action)
    if delivered is None:
        return status
    code = "250" if delivered == YES else "550"
    said = told.text[:3].isdecimal() and told.text[:3].isascii()
    return replace(
        status,
        delivered=delivered,
        reply=told.text if said else f"{code} {_status(told, delivered)} {told.action}",
    )


def _status(told: NotifiedRecipient, delivered: str) -> str:
    parts = told.status.split(".")
    good = len(parts) == 3 and all(part.isascii() and part.isdecimal() and len(part) <= 3 for part in parts)
    return told.status if good else ("2.0.0" if delivered == YES else "5.0.0")


def _same(address: str, others: Iterable[str]) -> bool:
    return any(_key(address) == _key(other) for other in others)


def _key(address: str) -> str:
    try:
        return Address.parse(address).key.lower()
    except InvalidAddress:
        return address.lower()
