"""What a message server does to mail of its own users before it is mail to anybody (RFC 6409 §6, §8).

The rules, in this order:

* every address in From is the submitter's own; the reverse-path was checked at MAIL (§6.1);
* From is added where there is none, with the submitter's address;
* Sender: a foreign one is replaced; one is added where From names several (§8.1, RFC 5322 §3.6.2);
* Date and Message-ID are added where they are missing or say nothing (§8.2, §8.3);
* Bcc and Return-Path are removed: the former tells what its writer wanted untold (RFC 5322 §3.6.3), the
  latter is for the last server to write (RFC 5321 §4.4).

All else stays as it came, octet for octet; a message that keeps the rules is not changed at all.
"""

from dataclasses import dataclass
from enum import Enum

from pillarbox.directory import resolve
from pillarbox.directory.accounts import Account
from pillarbox.mail import date
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import MAX_FIELDS, Header
from pillarbox.mail.threading import message_ids
from pillarbox.world.database import Transaction

AUTHOR_OCTETS = 16 * 1024
"""All of From, or of Sender; in more, an address could hide where nobody reads on."""

_REMOVED = ("Bcc", "Resent-Bcc", "Return-Path")


class Fault(Enum):
    """Why a submission is refused."""

    FOREIGN_FROM = "From is not the submitter's"
    NO_FROM = "From names nobody"
    HEADER_TOO_LARGE = "the header, or From or Sender, is too large to be read whole"


@dataclass(frozen=True, slots=True)
class Submission:
    """Who submits, and what is needed to complete the message."""

    account: Account
    message_id: str
    """The left side of a Message-ID, unique; used where one is missing."""
    now_ms: int


def prepare(tx: Transaction, octets: bytes, submission: Submission) -> bytes | Fault:
    """The message as it may go out, or why it may not. A read."""
    header, body_start = Header.parse(octets)
    if header.octets.count(b"\n") > MAX_FIELDS:
        return Fault.HEADER_TOO_LARGE  # a Bcc or a second From could hide where nobody looks
    if any(sum(map(len, header.all(name))) > AUTHOR_OCTETS for name in ("From", "Sender")):
        return Fault.HEADER_TOO_LARGE
    writers = _addresses(header, "From")
    if "From" in header:
        if not writers:
            return Fault.NO_FROM
        if not all(_owns(tx, submission.account, writer) for writer in writers):
            return Fault.FOREIGN_FROM
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
    # a field that was there and says nothing makes way for the one that is added
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
        _address(one.local, one.domain)
        for value in header.all(name)
        for one in mailboxes(parse_address_list(value))
    ]


def _address(local: bytes, domain: bytes) -> Address | None:
    try:
        address = Address(local.decode(), domain.decode())
        return Address.parse(str(address))
    except (InvalidAddress, UnicodeDecodeError):
        return None


def _owns(tx: Transaction, account: Account, address: Address | None) -> bool:
    return address is not None and resolve.may_send_as(tx, account.id, address)
