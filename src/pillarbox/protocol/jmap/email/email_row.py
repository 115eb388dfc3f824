"""What the store knows of an email without its octets, and the properties that are made of it (RFC 8621 §4.1.1)."""

from collections.abc import Callable, Collection
from enum import Enum
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import Struct

from pillarbox.mail import date, object_id
from pillarbox.mail.identifiers import EmailId, MailboxId, ThreadId
from pillarbox.mail.snooze import Snooze
from pillarbox.protocol.jmap import capabilities
from pillarbox.protocol.jmap.email import snoozed
from pillarbox.protocol.jmap.email.keywords import json_keywords

_encode: Final = msgspec.json.Encoder().encode


class Signature(Struct, frozen=True, gc=False):
    """What was found of a signature (RFC 9219 §4.1)."""

    status: str
    at_delivery: str
    errors: tuple[str, ...]
    verified_at_ms: int | None
    """`None` where there was nothing to verify."""


class EmailRow(Struct, frozen=True, gc=False):
    """An email as the store knows it. What is not asked for (`Known`) may be left out, and is never looked at.

    Without `email` it is one that is not stored: Email/parse.
    """

    blob_id: str
    size: int
    """Octets of the message."""
    email: EmailId | None = None
    thread: ThreadId | None = None
    mailboxes: Collection[MailboxId] = ()
    """Those where it is visible, at least one."""
    flags: str = ""
    """As stored; of several messages those of all together."""
    received_at_ms: int = 0
    lines: bytes = b""
    """The fields of `mail.summary.CACHED_FIELDS` as received (`Summary.cached_fields`)."""
    preview: str | None = None
    """None: made from the octets."""
    has_attachment: bool | None = None
    """Likewise."""
    signature: Signature | None = None
    """`None`: the message has none."""
    snooze: Snooze | None = None


class Known(Enum):
    """What a property needs of a row."""

    IDS = "blob_id, email"
    THREAD = "thread"
    MAILBOXES = "mailboxes"
    FLAGS = "flags"
    SIZE = "size"
    RECEIVED_AT = "received_at_ms"
    LINES = "lines"
    PREVIEW = "preview"
    HAS_ATTACHMENT = "has_attachment"
    SIGNATURE = "signature"
    SNOOZE = "snooze"


NULL: Final = b"null"


def _id(row: EmailRow) -> bytes:
    return NULL if row.email is None else b'"%b"' % object_id.of_email(row.email).encode()


def _blob_id(row: EmailRow) -> bytes:
    return _encode(row.blob_id)


def _thread_id(row: EmailRow) -> bytes:
    return NULL if row.thread is None else b'"%b"' % object_id.of_thread(row.thread).encode()


def _mailbox_ids(row: EmailRow) -> bytes:
    if row.email is None:
        return NULL
    return b"{%b}" % b",".join([_in_mailbox(mailbox) for mailbox in row.mailboxes])


@lru_cache(maxsize=1024)
def _in_mailbox(mailbox: MailboxId) -> bytes:
    return b'"%b":true' % object_id.of_mailbox(mailbox).encode()


def _keywords(row: EmailRow) -> bytes:
    return NULL if row.email is None else json_keywords(row.flags)


def _size(row: EmailRow) -> bytes:
    return b"%d" % row.size


def _received_at(row: EmailRow) -> bytes:
    return NULL if row.email is None else b'"%b"' % date.rfc3339(row.received_at_ms).encode()


METADATA: Final[dict[str, tuple[Known, Callable[[EmailRow], bytes]]]] = {
    "id": (Known.IDS, _id),
    "blobId": (Known.IDS, _blob_id),
    "threadId": (Known.THREAD, _thread_id),
    "mailboxIds": (Known.MAILBOXES, _mailbox_ids),
    "keywords": (Known.FLAGS, _keywords),
    "size": (Known.SIZE, _size),
    "receivedAt": (Known.RECEIVED_AT, _received_at),
}
"""What each property of §4.1.1 needs, and its JSON. Of an email that is not stored (§4.9) most are null."""


# --- RFC 9219


def _smime_status(row: EmailRow) -> bytes:
    return NULL if row.signature is None else _encode(row.signature.status)


def _smime_status_at_delivery(row: EmailRow) -> bytes:
    return NULL if row.signature is None else _encode(row.signature.at_delivery)


def _smime_errors(row: EmailRow) -> bytes:
    return NULL if row.signature is None or not row.signature.errors else _encode(row.signature.errors)


def _smime_verified_at(row: EmailRow) -> bytes:
    signature = row.signature
    if signature is None or signature.verified_at_ms is None:
        return NULL
    return b'"%b"' % date.rfc3339(signature.verified_at_ms).encode()


# --- of extensions


def _snoozed(row: EmailRow) -> bytes:
    return NULL if row.snooze is None else _encode(snoozed.record(row.snooze))


OF_EXTENSIONS: Final[dict[str, tuple[str, Known, Callable[[EmailRow], bytes]]]] = {
    "smimeStatus": (capabilities.SMIME_VERIFY, Known.SIGNATURE, _smime_status),
    "smimeStatusAtDelivery": (capabilities.SMIME_VERIFY, Known.SIGNATURE, _smime_status_at_delivery),
    "smimeErrors": (capabilities.SMIME_VERIFY, Known.SIGNATURE, _smime_errors),
    "smimeVerifiedAt": (capabilities.SMIME_VERIFY, Known.SIGNATURE, _smime_verified_at),
    snoozed.NAME: (capabilities.SNOOZE, Known.SNOOZE, _snoozed),
}
"""Likewise of extensions (RFC 9219 §4.1, and our own): a property is there where a request uses its capability, the
first of each. Only emails that are stored have them."""
