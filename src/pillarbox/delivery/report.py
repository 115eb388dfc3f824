"""Putting a delivery status notification on its way, in the transaction that ends what it reports about.

It comes to rest here where the sender is ours, whatever room is left there: nobody else would hear of the
failure. Otherwise it is queued. What is always true: it has the null reverse-path (RFC 3461 §6.1), so
nothing is ever reported about it.
"""

from enum import Enum

from pillarbox.delivery import route
from pillarbox.delivery.route import Elsewhere, Full, Here, Nowhere
from pillarbox.delivery.trace import return_path
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.dsn import Dsn, compose
from pillarbox.mail.summary import summarize
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.store.append import Message, append
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction


class Sent(Enum):
    """Where a notice has gone."""

    HERE = "delivered here"
    ON_ITS_WAY = "queued"
    NOWHERE = "nobody reads the sender's address any more"


def send(tx: Transaction, notice: Dsn, message: bytes) -> Sent:
    """Deliver or queue a notice; `message` is what it is about."""
    try:
        address = Address.parse(notice.to)
    except InvalidAddress:
        return Sent.NOWHERE
    octets = compose(notice, message)
    found = route.destination(tx, address, octets=None)
    match found:
        case Here(inboxes, forwards):
            _deliver(tx, inboxes, octets, notice.now_ms)
            _queue(tx, forwards, notice, octets)
            return Sent.HERE
        case Elsewhere():
            _queue(tx, (address,), notice, octets)
            return Sent.ON_ITS_WAY
        case Nowhere() | Full():
            return Sent.NOWHERE


def _deliver(tx: Transaction, inboxes: tuple[route.Inbox, ...], octets: bytes, now_ms: int) -> None:
    if inboxes:
        resting = return_path("<>") + octets
        message = Message(prepare(resting), summarize(resting))
        for inbox in inboxes:
            append(tx, inbox.account, inbox.mailbox, message, flags="", received_at_ms=now_ms, now_ms=now_ms)


def _queue(tx: Transaction, addresses: tuple[Address, ...], notice: Dsn, octets: bytes) -> None:
    if addresses:
        outbound = Outbound(
            blob=prepare(octets),
            reverse_path=None,
            # RFC 3461 §6.1: the only NOTIFY that a report may have
            recipients=tuple(
                QueuedRecipient(str(address), domain_key(address.domain), "NEVER") for address in addresses
            ),
            body=Body.SEVEN_BIT if octets.isascii() else Body.EIGHT_BIT,
            # RFC 6533 §4.5: what it returns may have a header in Unicode
            smtputf8=b"\r\nContent-Type: message/global" in octets
            or not all(str(address).isascii() for address in addresses),
            require_tls=notice.require_tls,
        )
        enqueue(tx, outbound, now_ms=notice.now_ms)
