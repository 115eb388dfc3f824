"""MAIL and RCPT: who may send, and to whom (RFC 5321 §3.3, §3.6; RFC 6409 §4, §6).

Plain functions of a door, who is logged in, and a command, which read the directory and answer with a reply;
what they accept they enter into the transaction. Nobody but an authenticated user is relayed for.
"""

from dataclasses import dataclass

from pillarbox.delivery import route
from pillarbox.delivery.route import Elsewhere, Full, Here, Nowhere
from pillarbox.delivery.trace import address_literal
from pillarbox.directory import resolve
from pillarbox.directory.accounts import Account
from pillarbox.mail.address import Address
from pillarbox.protocol.smtp import replies
from pillarbox.protocol.smtp.commands import Mail, Rcpt
from pillarbox.protocol.smtp.path import NULL, POSTMASTER
from pillarbox.protocol.smtp.replies import Reply
from pillarbox.server.connection import Connection
from pillarbox.server.smtp.door import Door
from pillarbox.server.smtp.transaction import Transaction, wish


def judge_sender(door: Door, account: Account | None, mail: Mail) -> Reply:
    """The answer to MAIL, as far as it does not need the DNS."""
    if mail.size is not None and mail.size > door.limits.message_octets:
        # RFC 1870 §6.1: said before the octets travel in vain
        return replies.TOO_LARGE
    path = mail.reverse_path
    if path is NULL:
        # RFC 5321 §4.5.5: reports are always taken
        return replies.SENDER_OK
    if not mail.smtputf8 and not _is_ascii(path):
        return replies.SENDER_NON_ASCII
    if account and not door.database.read_now(resolve.may_send_as, account.id, path):
        return replies.NOT_YOUR_ADDRESS
    return replies.SENDER_OK


@dataclass(frozen=True, slots=True)
class Submitter:
    """Who asks: a connection, and who is logged in on it."""

    connection: Connection
    account: Account | None


def judge_recipient(door: Door, submitter: Submitter, transaction: Transaction, rcpt: Rcpt) -> Reply:
    """The answer to RCPT; what is accepted is entered into the transaction. Raises DatabaseUnavailable."""
    transaction.asked += 1
    if transaction.asked > door.limits.recipients:
        return replies.TOO_MANY_RECIPIENTS
    path = rcpt.forward_path
    if path is POSTMASTER:
        address = Address("postmaster", door.domain)
    else:
        if not transaction.mail.smtputf8 and not _is_ascii(path):
            return replies.RECIPIENT_NON_ASCII
        address = _localized(path, submitter.connection, door.domain)
    found = _destination(door, submitter.account, address, octets=transaction.mail.size or 0)
    match found:
        case Here():
            transaction.distribution.deliver(address, found, wish(rcpt))
        case Elsewhere() if door.role.submits:
            transaction.distribution.send_on(address, wish(rcpt))
        case Elsewhere():
            return replies.RELAY_DENIED
        case Nowhere(disabled):
            return replies.MAILBOX_DISABLED if disabled else replies.NO_SUCH_USER
        case Full():
            return replies.MAILBOX_FULL
    transaction.recipients.append(address)
    return replies.RECIPIENT_OK


def _destination(door: Door, account: Account | None, address: Address, *, octets: int) -> route.Destination:
    if door.separate_domains and account and door.role.submits:
        served = door.database.read_now(resolve.served_domain, address)
        if served is None or served.name != account.login.rpartition("@")[2]:
            return Elsewhere()
    known = door.known_recipients.get(address)
    if known:
        return known
    found = door.database.read_now(route.destination, address, octets=octets)
    door.known_recipients.remember(address, found)
    return found


def _localized(address: Address, connection: Connection, domain: str) -> Address:
    # RFC 5321 §4.1.3, RFC 1123 §5.2.17: mail to a literal of our own address is mail to us
    if address.domain.startswith("["):
        own = connection.local.address
        if own and address.domain.lower() == address_literal(own).lower():
            return Address(address.local, domain)
    return address


def _is_ascii(address: Address) -> bool:
    return address.local.isascii() and address.domain.isascii()
