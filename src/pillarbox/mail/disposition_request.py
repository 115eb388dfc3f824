"""Whether a message asks to be told what becomes of it, and who may be told (RFC 8098 §2)."""

from typing import Final

from msgspec import Struct

from pillarbox.mail import parameter
from pillarbox.mail.address import Address, InvalidAddress
from pillarbox.mail.address_list import mailboxes, parse_address_list
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.vacation_reply import is_automatic

MAX_ADDRESSES: Final = 10
"""Addresses that one notification goes to. Whoever names more wants mail sent to others."""
MAX_FIELD_OCTETS: Final = 8 * 1024


class DispositionRequest(Struct, frozen=True, gc=False):
    """A request for a notification."""

    to: tuple[Address, ...]
    """Each once, in order; at least one."""
    original_recipient: str | None
    """With its type; as the server wrote it that delivered the message (§2.3)."""


def read(header: Header) -> DispositionRequest | None:
    """The request of a message; `None` where it has none that is valid: one field, with addresses and nothing else."""
    fields = header.all("Disposition-Notification-To")
    if len(fields) != 1 or len(fields[0]) > MAX_FIELD_OCTETS:
        return None
    found: dict[str, Address] = {}
    items = parse_address_list(fields[0])
    for mailbox in mailboxes(items):
        try:
            text = str(Address(mailbox.local.decode(), mailbox.domain.decode()))
            address = Address.parse(text)
        except (InvalidAddress, UnicodeDecodeError):
            return None
        found.setdefault(address.key, address)
    if items.cut or not 1 <= len(found) <= MAX_ADDRESSES:
        return None
    return DispositionRequest(tuple(found.values()), _original_recipient(header))


def why_not(header: Header, request: DispositionRequest, *, automatically: bool) -> str | None:
    """Why nothing may be sent, whoever wants it; `automatically`: without that a person has agreed to it."""
    if _content_type(header) == "multipart/report":
        return "the message is a report itself"  # RFC 8098 §2.1
    if any(b"required" in value[:MAX_FIELD_OCTETS].lower() for value in header.all(_OPTIONS)):
        return "the message demands options that are not known"  # §2.2: without them none is proper
    path = _return_path(header)
    if path == "":
        return "the message has the null return path"
    if not automatically:
        return None
    # §2.1: otherwise these could be made to send mail to anybody, or to answer each other for ever
    if path is None or len(request.to) > 1 or not _is_same(path, request.to[0]):
        return "who asks is not who has sent the message: a person must agree"
    if is_automatic(header):
        return "the message was sent by a program, or to many: a person must agree"
    return None


_OPTIONS: Final = "Disposition-Notification-Options"


def _content_type(header: Header) -> str:
    value = header.first("Content-Type")
    return parameter.parse(value[:MAX_FIELD_OCTETS])[0] if value else ""


def _return_path(header: Header) -> str | None:
    """As text without brackets, empty for the null path; `None` where it is not known."""
    value = header.first("Return-Path")  # the topmost: that of the server which delivered the message
    if value is None or len(value) > MAX_FIELD_OCTETS:
        return None
    return parameter.strip_comments(unfold(value)).decode("utf-8", "replace").strip().strip("<>").strip()


def _is_same(path: str, address: Address) -> bool:
    """§2.1: letter case counts in the local part alone."""
    try:
        sender = Address.parse(path)
    except InvalidAddress:
        return False
    return sender.key == address.key


def _original_recipient(header: Header) -> str | None:
    value = header.first("Original-Recipient")
    if value is None or len(value) > MAX_FIELD_OCTETS:
        return None
    text = parameter.strip_comments(unfold(value)).decode("utf-8", "replace").strip()
    kind, separator, address = text.partition(";")
    written = f"{kind.strip().lower()}; {address.strip()}"
    return written if separator and kind.strip() and address.strip() and written.isprintable() else None
