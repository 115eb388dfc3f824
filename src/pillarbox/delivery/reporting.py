"""Sending a report of ours, in the transaction that forgets what was counted for it: so it is sent once.

It goes the way of all mail: delivered here where the address is ours, queued otherwise. It has the null reverse-path,
so that nothing is ever reported about it, and is signed by the reporting domain, without which nobody would believe
it: where that domain has no key, nothing is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pillarbox.delivery import route
from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.route import LocalRecipient, RemoteRecipient
from pillarbox.delivery.signing import signatures_of_ours
from pillarbox.delivery.trace import return_path
from pillarbox.mail.address import Address, domain_key
from pillarbox.mail.prepending import prepend
from pillarbox.mail.summary import summarize
from pillarbox.queue.spool import Outbound, QueuedRecipient
from pillarbox.reports import counting, received, sent
from pillarbox.reports.counting import Counted
from pillarbox.reports.received import ReceivedReport
from pillarbox.store.append import Message
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction


class NotSigned(Exception):
    """The reporting domain has no key."""


@dataclass(frozen=True, slots=True)
class Mailing:
    """A report that is to be mailed."""

    domain: str
    """That reports, and signs."""
    report_id: str
    total: int
    """Messages or sessions that it tells of."""
    messages: tuple[tuple[Address, bytes], ...]
    """Each with its header."""
    elsewhere: tuple[str, ...] = ()
    """URLs that have it already."""
    kept: ReceivedReport | None = None
    """The report as it is kept where an address is ours."""


def send(tx: Transaction, counted: Counted, mailing: Mailing, *, now_ms: int) -> bool:
    """Deliver or queue a report. False where another process has. Raises `NotSigned`."""
    if not counting.forget(tx, counted):
        return False
    reached = list(mailing.elsewhere)
    for address, octets in mailing.messages:
        signatures = signatures_of_ours(tx, octets, mailing.domain, now_ms=now_ms)
        if not signatures:
            raise NotSigned
        if _sent(tx, address, prepend(signatures, octets), mailing.kept, now_ms):
            reached.append(str(address))
    if reached:
        sent.remember(tx, counted, mailing.report_id, reached, total=mailing.total, now_ms=now_ms)
    sent.forget_old(tx, now_ms=now_ms)
    return True


def _sent(tx: Transaction, address: Address, octets: bytes, kept: ReceivedReport | None, now_ms: int) -> bool:
    match route.destination(tx, address, octets=None):
        case LocalRecipient(placements, forwards):
            placed = prepend(return_path("<>"), octets)
            message = Message(prepare(placed), summarize(placed)) if placements else None
            outbound = _outbound(forwards, octets) if forwards else None
            accept(tx, Acceptance(placements, message, outbound), now_ms=now_ms)
            if kept:
                received.keep(tx, kept, now_ms=now_ms)
            return True
        case RemoteRecipient():
            accept(tx, Acceptance((), None, _outbound((address,), octets)), now_ms=now_ms)
            return True
        case _:
            return False


def _outbound(addresses: Sequence[Address], octets: bytes) -> Outbound:
    return Outbound(
        blob=prepare(octets),
        reverse_path=None,
        recipients=tuple(QueuedRecipient(str(one), domain_key(one.domain), "NEVER") for one in addresses),
        smtputf8=not all(str(one).isascii() for one in addresses),
    )
