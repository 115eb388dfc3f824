"""Repairs and checks of a submitted message before it is accepted (RFC 6409 §6, §8).

The rules, in this order:

* a header that readers could take for another one is refused: too large to be read whole, or with NUL, a lone CR
  or LF, or an author's field written so that only some find it;
* in front of the first field, a byte order mark and the line that mbox files have there are removed; a first line
  that continues nothing is text (`mail.prepending`);
* From is added where there is none, with the submitter's address;
* Sender: a foreign one is replaced; one is added where From names several (§8.1, RFC 5322 §3.6.2). A foreign
  Resent-Sender is removed;
* Date and Message-ID are added where they are missing or invalid (§8.2, §8.3);
* Bcc and Return-Path are removed: the former discloses hidden recipients (RFC 5322 §3.6.3), the
  latter is written by the last server (RFC 5321 §4.4);
* of the message as it will leave, every address in From and Resent-From is the submitter's own, and so is whatever
  else in them a reader could take for one; the reverse-path was checked at MAIL (§6.1).

Everything else is kept octet for octet; a message that keeps the rules is not changed at all.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from pillarbox.delivery.refusal import Reason
from pillarbox.directory import resolve
from pillarbox.directory.accounts import Account
from pillarbox.mail import date
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.apparent_addresses import apparent_addresses
from pillarbox.mail.header import Header
from pillarbox.mail.prepending import prepend, separated
from pillarbox.mail.threading import message_ids
from pillarbox.protocol.smtp.line_ends import is_clean
from pillarbox.world.database import Transaction

MAX_AUTHOR_OCTETS = 4 * 1024
"""All From fields together, and all Sender fields: what is longer than readers parse could hide an address."""

Written = tuple[bytes, bytes]
"""Local part and domain, as they are in the field."""

_AUTHORS = ("From", "Resent-From")
_SENDERS = ("Sender", "Resent-Sender")
_REMOVED = ("Bcc", "Resent-Bcc", "Return-Path")
_GUARDED = (*_AUTHORS, *_SENDERS, *_REMOVED)

_IN_FRONT = re.compile(rb"(?:\xef\xbb\xbf)?(?:>?From [^\n]*\n)?").match
# as lenient readers find them: folds and control characters around the name
_LOOKS_GUARDED = re.compile(
    rb"^[\x01-\x08\x0b-\x1f\x7f]*+(?:%b)[\x00-\x20\x7f]*+:" % "|".join(_GUARDED).encode(),
    re.IGNORECASE | re.MULTILINE,
).findall


@dataclass(frozen=True, slots=True)
class Submission:
    """The submitter, and what is needed to complete the message."""

    account: Account
    message_id: str
    """The left side of a Message-ID, unique; used where it is missing."""
    now_ms: int


def prepare(tx: Transaction, octets: bytes, submission: Submission) -> bytes | Reason:
    """The message as it may go out, or why it may not. A read."""
    octets = _from_first_field(octets)
    header, body_start = Header.parse(octets)
    refused = _refused_header(header)
    if refused:
        return refused
    removed = [name for name in _REMOVED if name in header]
    added = _missing(header, submission)
    senders = _addresses(header, "Sender")
    one = len(header.all("Sender")) == len(senders) == 1
    foreign = "Sender" in header and not (one and _owns_all(tx, submission.account, senders))
    if foreign or (not senders and len(_addresses(header, "From")) > 1):
        removed.append("Sender")
        added.append(f"Sender: {submission.account.address}")
    if not _owns_all(tx, submission.account, _addresses(header, "Resent-Sender")):
        removed.append("Resent-Sender")
    completed = _rewritten(octets, header, body_start, removed, added)
    leaving = header if completed is octets else Header.parse(completed)[0]
    return _refused_authors(tx, leaving, submission.account) or completed


def _from_first_field(octets: bytes) -> bytes:
    """The message without what may stand in front of its first field."""
    found = _IN_FRONT(octets)
    assert found is not None  # it may be nothing
    start = found.end()
    return separated(octets[start:] if start else octets)


def _refused_header(header: Header) -> Reason | None:
    """A header that can't be judged."""
    if header.cut:
        return Reason.HEADER_TOO_LARGE  # a Bcc or a second From could hide beyond the fields that are read
    guarded = {name: header.all(name) for name in _GUARDED if name in header}
    if any(sum(map(len, guarded.get(name, ()))) > MAX_AUTHOR_OCTETS for name in (*_AUTHORS, *_SENDERS)):
        return Reason.HEADER_TOO_LARGE
    if b"\0" in header.octets or not is_clean(header.octets):
        return Reason.HEADER_AMBIGUOUS
    seen = len(_LOOKS_GUARDED(header.octets))
    return None if seen == sum(map(len, guarded.values())) else Reason.HEADER_AMBIGUOUS


def _refused_authors(tx: Transaction, header: Header, account: Account) -> Reason | None:
    if not _addresses(header, "From"):
        return Reason.NO_FROM
    owned = all(_owns_all(tx, account, _addresses(header, name)) for name in _AUTHORS)
    return None if owned else Reason.FROM_NOT_OWNED


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
    return prepend(top, kept + octets[body_start:])


def _addresses(header: Header, name: str) -> dict[Written, None]:
    """What is or looks like an address in the fields of this name: each pair once."""
    return dict.fromkeys(pair for value in header.all(name) for pair in _addresses_in(value))


@lru_cache(maxsize=256)
def _addresses_in(value: bytes) -> tuple[Written, ...]:
    items = parse_address_list(value)
    found = [(mailbox.local, mailbox.domain) for mailbox in mailboxes(items)]
    if value.count(b"@") != len(found):  # usually there is one in each address, and no other
        found += apparent_addresses(value)
    if items.cut:
        found.append((b"", b""))  # what was not read may be anything
    return tuple(found)


def _owns_all(tx: Transaction, account: Account, addresses: Iterable[Written]) -> bool:
    """Whether all are addresses, and the account's own; the first that is not decides."""
    return all(_owns(tx, account, local, domain) for local, domain in addresses)


def _owns(tx: Transaction, account: Account, local: bytes, domain: bytes) -> bool:
    try:
        address = Address.parse(str(Address(local.decode(), domain.decode())))
    except (InvalidAddress, UnicodeDecodeError):
        return False
    return resolve.may_send_as(tx, account.id, address)
