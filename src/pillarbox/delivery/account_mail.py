"""Telling somebody about their account, in the transaction that changes it: so it is told once, whatever crashes.

It is delivered here where the address is ours, regardless of quota: who is full must hear of a new password, too.
Otherwise it is queued, signed by the domain of the account. It has the null reverse-path, so that nothing is ever
reported about it.
"""

from pillarbox.delivery import route
from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.placement import Placement
from pillarbox.delivery.route import LocalRecipient, RemoteRecipient
from pillarbox.delivery.signing import signatures_of_ours
from pillarbox.delivery.trace import return_path
from pillarbox.mail.account_notice import AccountNotice, compose
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.prepending import prepend
from pillarbox.mail.summary import summarize
from pillarbox.queue.spool import Outbound, QueuedRecipient
from pillarbox.store.append import Message
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction


def send(tx: Transaction, notice: AccountNotice) -> bool:
    """Deliver or queue it; false where the address leads nowhere."""
    try:
        to = Address.parse(notice.to)
    except InvalidAddress:
        return False
    destination = route.destination(tx, to, octets=None)
    placements: tuple[Placement, ...] = ()
    forwards: tuple[Address, ...] = (to,)
    if isinstance(destination, LocalRecipient):
        placements, forwards = destination.placements, destination.forwards
    elif not isinstance(destination, RemoteRecipient):
        return False
    octets = compose(notice)
    placed = prepend(return_path("<>"), octets)
    message = Message(prepare(placed), summarize(placed)) if placements else None
    outbound = _outbound(tx, forwards, notice, octets) if forwards else None
    accept(tx, Acceptance(placements, message, outbound), now_ms=notice.now_ms)
    return True


def _outbound(tx: Transaction, to: tuple[Address, ...], notice: AccountNotice, octets: bytes) -> Outbound:
    domain = notice.sender.rpartition("@")[2]
    signatures = signatures_of_ours(tx, octets, domain, now_ms=notice.now_ms)
    return Outbound(
        blob=prepare(prepend(signatures, octets)),
        reverse_path=None,
        # RFC 3461 §4.1: nobody is told of a failure; who has asked, asks again
        recipients=tuple(QueuedRecipient(str(one), domain_key(one.domain), "NEVER") for one in to),
        smtputf8=not octets.isascii() or not all(str(one).isascii() for one in to),
    )
