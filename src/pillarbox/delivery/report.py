"""Sending a delivery status notification, in the transaction that ends what it reports about.

It is delivered here where the sender is ours, regardless of quota: the failure would be reported to no one else.
Otherwise it is queued. Always true: it has the null reverse-path (RFC 3461 §6.1), so nothing is ever
reported about it.
"""

from enum import Enum

from pillarbox.delivery import route, tracking
from pillarbox.delivery.accept import Acceptance, accept
from pillarbox.delivery.placement import Placement
from pillarbox.delivery.route import FullMailbox, LocalRecipient, RemoteRecipient, UnknownRecipient
from pillarbox.delivery.signing import signatures_of_ours
from pillarbox.delivery.trace import return_path
from pillarbox.mail import xtext
from pillarbox.mail.address import Address, InvalidAddress, domain_key
from pillarbox.mail.dsn import Dsn, compose
from pillarbox.mail.notification import Notification
from pillarbox.mail.prepending import prepend
from pillarbox.mail.summary import summarize
from pillarbox.protocol.smtp.commands import Body
from pillarbox.queue.spool import Outbound, QueuedRecipient
from pillarbox.store.append import Message
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction


class Sent(Enum):
    """What became of a report; the values are for the log."""

    DELIVERED = "delivered here"
    QUEUED = "queued"
    UNDELIVERABLE = "the sender's address does not exist"


def send(tx: Transaction, notice: Dsn, message: bytes) -> Sent:
    """Deliver or queue a report; `message` is what it is about."""
    try:
        address = Address.parse(notice.to)
    except InvalidAddress:
        return Sent.UNDELIVERABLE
    match route.destination(tx, address, octets=None):
        case LocalRecipient(placements, forwards):
            _accept(tx, placements, forwards, notice, message)
            return Sent.DELIVERED
        case RemoteRecipient():
            _accept(tx, (), (address,), notice, message)
            return Sent.QUEUED
        case UnknownRecipient() | FullMailbox():
            return Sent.UNDELIVERABLE


def _accept(
    tx: Transaction,
    placements: tuple[Placement, ...],
    forwards: tuple[Address, ...],
    notice: Dsn,
    message: bytes,
) -> None:
    octets = compose(notice, message)
    acceptance = Acceptance(
        placements,
        _placed(octets) if placements else None,
        _outbound(tx, forwards, notice, octets) if forwards else None,
    )
    accept(tx, acceptance, now_ms=notice.now_ms)
    if acceptance.message and notice.envelope_id:
        about = Notification(
            is_receipt=False, envelope_id=xtext.decode(notice.envelope_id), message_id=None, recipients=()
        )
        for account in {placement.account for placement in placements}:
            tracking.notified(tx, account, about, acceptance.message.blob.blob.digest)


def _placed(octets: bytes) -> Message:
    placed = prepend(return_path("<>"), octets)
    return Message(prepare(placed), summarize(placed))


def _outbound(tx: Transaction, addresses: tuple[Address, ...], notice: Dsn, octets: bytes) -> Outbound:
    signatures = signatures_of_ours(tx, octets, notice.hostname, now_ms=notice.now_ms)
    return Outbound(
        blob=prepare(prepend(signatures, octets)),
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
