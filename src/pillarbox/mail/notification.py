"""Notifications about a message that others send to its sender: of its delivery (RFC 3464), its display (RFC 8098).

Reading is bounded and never fails: what does not say clearly what it is about is no notification.
"""

from typing import Final

from msgspec import Struct

from pillarbox.mail import part_parser, transfer
from pillarbox.mail.header import Header, unfold
from pillarbox.mail.part import Part
from pillarbox.mail.part_parser import Limits
from pillarbox.mail.threading import message_ids

MAX_OCTETS: Final = 1024 * 1024
"""Of a longer message, so much is read: the machine-readable part stands before the message that is returned."""
MAX_STATUS_OCTETS: Final = 256 * 1024
MAX_RECIPIENTS: Final = 1_000
MAX_FIELD_OCTETS: Final = 2_000
_LIMITS: Final = Limits(depth=3, parts=10, header_octets=256 * 1024)

_DELIVERY: Final = ("message/delivery-status", "message/global-delivery-status")
_DISPOSITION: Final = ("message/disposition-notification", "message/global-disposition-notification")


class NotifiedRecipient(Struct, frozen=True, gc=False):
    """What is said of one recipient."""

    addresses: tuple[str, ...]
    """As the sender wrote it, if that is said, and as it was at last."""
    action: str
    """In lower case: of a delivery report `failed`, `delivered` and others; of a receipt `displayed` and others."""
    status: str = ""
    """An enhanced status code."""
    text: str = ""
    """What the server said that refused it."""


class Notification(Struct, frozen=True, gc=False):
    """A delivery report, or a receipt (`is_receipt`)."""

    is_receipt: bool
    envelope_id: str | None
    """ENVID of the message, decoded."""
    message_id: str | None
    recipients: tuple[NotifiedRecipient, ...]


def may_be_notification(top: bytes) -> bool:
    """Whether `read` may find something, by a glance at the beginning of a message."""
    return b"multipart/report" in top[:MAX_STATUS_OCTETS].lower()


def read(message: bytes) -> Notification | None:
    """The notification that a message is, or `None`."""
    octets = message[:MAX_OCTETS]
    root = part_parser.parse(octets, _LIMITS)
    if root.content_type != "multipart/report" or len(root.children) < 2:
        return None
    status = root.children[1]
    returned = root.children[2] if len(root.children) > 2 else None
    if status.content_type in _DELIVERY:
        return _delivery(octets, status, returned)
    if status.content_type in _DISPOSITION:
        return _disposition(octets, status, returned)
    return None


def _delivery(octets: bytes, status: Part, returned: Part | None) -> Notification:
    blocks = _blocks(octets, status)
    about = blocks[0] if blocks else Header(b"")
    return Notification(
        is_receipt=False,
        envelope_id=_field(about, "Original-Envelope-Id"),
        message_id=_returned_id(octets, returned),
        recipients=tuple(filter(None, (_recipient(block) for block in blocks[1:]))),
    )


def _recipient(block: Header) -> NotifiedRecipient | None:
    addresses = _addresses(block)
    action = _field(block, "Action")
    if not addresses or not action:
        return None
    kind, _, text = (_field(block, "Diagnostic-Code") or "").partition(";")
    return NotifiedRecipient(
        addresses,
        action.partition("(")[0].strip().lower(),
        (_field(block, "Status") or "").partition("(")[0].strip(),
        text.strip() if kind.strip().lower() == "smtp" else "",
    )


def _disposition(octets: bytes, status: Part, returned: Part | None) -> Notification:
    blocks = _blocks(octets, status)
    about = blocks[0] if blocks else Header(b"")
    named = message_ids(about.first("Original-Message-ID") or b"")
    # RFC 8098 §3.2.6: disposition-mode ";" disposition-type ["/" modifiers]
    kind = (_field(about, "Disposition") or "").partition(";")[2].partition("/")[0].strip().lower()
    addresses = _addresses(about)
    return Notification(
        is_receipt=True,
        envelope_id=None,
        message_id=named[0] if named else _returned_id(octets, returned),
        recipients=(NotifiedRecipient(addresses, kind),) if addresses and kind else (),
    )


def _blocks(octets: bytes, status: Part) -> list[Header]:
    """The groups of fields of a machine-readable part, which empty lines separate (RFC 3464 §2.1)."""
    body = octets[status.body_start : min(status.end, status.body_start + MAX_STATUS_OCTETS)]
    text = transfer.decode(body, status.encoding).replace(b"\r\n", b"\n")
    groups = text.split(b"\n\n", MAX_RECIPIENTS + 1)[: MAX_RECIPIENTS + 1]
    return [
        Header.parse(group.strip(b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n")[0]
        for group in groups
        if group.strip()
    ]


def _returned_id(octets: bytes, returned: Part | None) -> str | None:
    if returned is None:
        return None
    header = returned.children[0].header if returned.children else None
    if header is None:
        header = Header.parse(transfer.decode(octets[returned.body_start : returned.end], returned.encoding))[
            0
        ]
    ids = message_ids(header.first("Message-ID") or b"")
    return ids[0] if ids else None


def _addresses(block: Header) -> tuple[str, ...]:
    found = []
    for name in ("Original-Recipient", "Final-Recipient"):
        _kind, _, address = (_field(block, name) or "").partition(";")
        address = address.strip().removeprefix("<").removesuffix(">")
        if "@" in address:
            found.append(address)
    return tuple(dict.fromkeys(found))


def _field(block: Header, name: str) -> str | None:
    value = block.first(name)
    if value is None:
        return None
    return unfold(value[:MAX_FIELD_OCTETS]).decode("utf-8", "replace").strip() or None
