"""Checks and repairs of a submitted message before it is accepted (RFC 6409 §6, §8).

The rules, in this order:

* every address in From is the submitter's own; the reverse-path was checked at MAIL (§6.1);
* From is added where there is none, with the submitter's address;
* Sender: a foreign one is replaced; one is added where From names several (§8.1, RFC 5322 §3.6.2);
* Date and Message-ID are added where they are missing or invalid (§8.2, §8.3);
* Bcc and Return-Path are removed: the former discloses hidden recipients (RFC 5322 §3.6.3), the
  latter is written by the last server (RFC 5321 §4.4).

Everything else is kept octet for octet; a message that keeps the rules is not changed at all.
"""

from dataclasses import dataclass

from pillarbox.delivery.refusal import Reason
from pillarbox.directory import resolve
from pillarbox.directory.accounts import Account
from pillarbox.mail import date
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import MAX_FIELDS, Header
from pillarbox.mail.threading import message_ids
from pillarbox.world.database import Transaction

MAX_AUTHOR_OCTETS = 16 * 1024
"""All From fields together, and all Sender fields: what is longer than readers parse could hide an address."""

_REMOVED = ("Bcc", "Resent-Bcc", "Return-Path")


@dataclass(frozen=True, slots=True)
class Submission:
    """The submitter, and what is needed to complete the message."""

    account: Account
    message_id: str
    """The left side of a Message-ID, unique; used where it is missing."""
    now_ms: int


def prepare(tx: Transaction, octets: bytes, submission: Submission) -> bytes | Reason:
    """The message as it may go out, or why it may not. A read."""
    header, body_start = Header.parse(octets)
    if header.octets.count(b"\n") > MAX_FIELDS:
        return Reason.HEADER_TOO_LARGE  # a Bcc or a second From could hide beyond the fields that are read
    if any(sum(map(len, header.all(name))) > MAX_AUTHOR_OCTETS for name in ("From", "Sender")):
        return Reason.HEADER_TOO_LARGE
    writers = _addresses(header, "From")
    if "From" in header:
        if not writers:
            return Reason.NO_FROM
        if not all(_owns(tx, submission.account, writer) for writer in writers):
            return Reason.FROM_NOT_OWNED
    removed = [name for name in _REMOVED if name in header]
    added = _missing(header, submission)
    senders = _addresses(header, "Sender")
    foreign = "Sender" in header and not (len(senders) == 1 and _owns(tx, submission.account, senders[0]))
    if foreign or (len(writers) > 1 and not senders):
        removed.append("Sender")
        added.append(f"Sender: {submission.account.address}")
    return _rewritten(octets, header, body_start, removed, added)


def _missing(header: Header, submission: Submission) -> list[str]:
    added = []
    if not message_ids(header.first("Message-ID") or b""):
        domain = submission.account.login.rpartition("@")[2]
        added.append(f"Message-ID: <{submission.message_id}@{domain}>")
    if date.parse(header.first("Date") or b"") is None:
        added.append(f"Date: {date.rfc5322(submission.now_ms)}")
    if "From" not in header:
        added.append(f"From: {submission.account.address}")
    return added


def _rewritten(octets: bytes, header: Header, body_start: int, removed: list[str], added: list[str]) -> bytes:
    # an invalid field is replaced by the one that is added
    replaced = [name for line in added if (name := line.partition(":")[0]) in header]
    names = [*removed, *replaced]
    if not names and not added:
        return octets
    kept = (header.without(*names) if names else header).octets
    top = "".join(f"{line}\r\n" for line in added).encode()
    # a text without a header gets an empty line, so that it stays text
    between = b"\r\n" if not header.octets.strip() and not octets.startswith(b"\r\n") else b""
    return b"".join((top, between, kept, octets[body_start:]))


def _addresses(header: Header, name: str) -> list[Address | None]:
    return [
        _address(mailbox.local, mailbox.domain)
        for value in header.all(name)
        for mailbox in mailboxes(parse_address_list(value))
    ]


def _address(local: bytes, domain: bytes) -> Address | None:
    try:
        address = Address(local.decode(), domain.decode())
        return Address.parse(str(address))
    except (InvalidAddress, UnicodeDecodeError):
        return None


def _owns(tx: Transaction, account: Account, address: Address | None) -> bool:
    return address is not None and resolve.may_send_as(tx, account.id, address)
