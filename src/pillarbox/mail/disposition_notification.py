"""Message disposition notifications: a reader says what became of a message (RFC 8098, RFC 9007, RFC 6533 §5).

Who sends one has seen to it that its user agreed, and that only one is sent for a message (RFC 8098 §2.1); it leaves
with the null reverse-path (§3).
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final, Literal

import msgspec

from pillarbox.mail.composing import words
from pillarbox.mail.composing.addresses import Mailbox, MailboxGroup, address_list
from pillarbox.mail.composing.entity import ComposedMessage, Leaf, Multipart, Source
from pillarbox.mail.composing.folding import NotWritable, checked, field, is_field_name
from pillarbox.mail.composing.replying import reply_fields
from pillarbox.mail.composing.values import message_ids
from pillarbox.mail.date import rfc5322
from pillarbox.mail.header import Header
from pillarbox.mail.threading import message_ids as read_ids

MAX_ERRORS: Final = 20
"""Error fields, and extension fields."""

KNOWN_FIELDS: Final = frozenset(
    {
        "reporting-ua", "mdn-gateway", "original-recipient", "final-recipient", "original-message-id", "disposition",
        "error",
    }
)  # fmt: skip
"""Fields that are not for extensions (RFC 8098 §3.1)."""


class Disposition(msgspec.Struct, frozen=True, kw_only=True):
    """What became of the message, and by whom (RFC 8098 §3.2.6, RFC 9007 §2)."""

    action_mode: Literal["manual-action", "automatic-action"]
    sending_mode: Literal["mdn-sent-manually", "mdn-sent-automatically"]
    type: Literal["deleted", "dispatched", "displayed", "processed"]


class DispositionNotification(msgspec.Struct, frozen=True, kw_only=True):
    """What a notification consists of."""

    sender: Mailbox
    """Whose message it was (RFC 8098 §3: the From of the notification)."""
    to: Sequence[Mailbox]
    """Who asked: Disposition-Notification-To of the message, which may name several (RFC 8098 §2.1)."""
    about: Header
    """Of the message."""
    subject: str
    text: str
    """For people."""
    disposition: Disposition
    final_recipient: str
    """The address for which it is said; it may have its type before it, as `rfc822; ann@one.example`."""
    original_recipient: str | None = None
    """As the sender wrote it, where that is known: likewise."""
    reporting_ua: str | None = None
    """The program that reports, and its product: `name; product`."""
    errors: Sequence[str] = ()
    extension_fields: Mapping[str, str] = {}
    original: Source | None = None
    """The message itself, if it is to be returned."""
    message_id: str
    """Without brackets."""
    now_ms: int
    boundary_seed: str
    """A text that nobody can guess."""


def compose(notification: DispositionNotification) -> ComposedMessage:
    """The notification as a message. Raises `NotWritable`."""
    fields = _header(notification)
    content = _content(notification)
    # RFC 6533 §5: the form for addresses outside ASCII, which may be encoded
    international = "" if content.isascii() else "global-"
    parts = [
        Leaf("text/plain", (("charset", "utf-8"),), b"", notification.text),
        Leaf(f"message/{international}disposition-notification", (), b"", content.decode()),
    ]
    if notification.original is not None:
        parts.append(Leaf("message/rfc822", (), b"", notification.original))
    root = Multipart("multipart/report", (("report-type", "disposition-notification"),), b"", tuple(parts))
    return ComposedMessage(fields, root, notification.boundary_seed)


def _header(notification: DispositionNotification) -> bytes:
    fields = [
        field("Date", rfc5322(notification.now_ms).split(" ")),
        field("From", address_list([MailboxGroup(None, [notification.sender])])),
        field("To", address_list([MailboxGroup(None, notification.to)])),
        field("Message-ID", message_ids([notification.message_id])),
        reply_fields(notification.about),
        field("Subject", words.text(notification.subject, len("Subject: "))),
    ]
    if (
        notification.disposition.sending_mode == "mdn-sent-automatically"
    ):  # RFC 3834 §5.1: not where a person did
        fields.append(field("Auto-Submitted", ["auto-replied"]))
    return b"".join([*fields, b"MIME-Version: 1.0\r\n"])


def _content(notification: DispositionNotification) -> bytes:
    """The fields for programs, in the order of RFC 8098 §3.1."""
    disposition = notification.disposition
    fields = []
    if notification.reporting_ua is not None:
        fields.append(_text_field("Reporting-UA", notification.reporting_ua))
    if notification.original_recipient is not None:
        fields.append(_recipient("Original-Recipient", notification.original_recipient))
    fields.append(_recipient("Final-Recipient", notification.final_recipient))
    if ids := read_ids(notification.about.first("Message-ID") or b""):
        with suppress(NotWritable):  # as long as no line may be: it is of no use to anybody
            fields.append(field("Original-Message-ID", message_ids(ids[:1])))
    mode = f"{disposition.action_mode}/{disposition.sending_mode.replace('mdn', 'MDN')}"
    fields.append(field("Disposition", [f"{mode};", disposition.type]))
    extensions = notification.extension_fields
    if len(notification.errors) > MAX_ERRORS or len(extensions) > MAX_ERRORS:
        raise NotWritable(f"more than {MAX_ERRORS} errors or extension fields")
    fields += [_text_field("Error", error) for error in notification.errors]
    for name, value in extensions.items():
        if not is_field_name(name) or name.lower() in KNOWN_FIELDS:
            raise NotWritable(f"{name} cannot be an extension field")
        fields.append(_text_field(name, value))
    return b"".join(fields)


def _text_field(name: str, value: str) -> bytes:
    return field(name, words.text(value, len(name) + 2))


def _recipient(name: str, written: str) -> bytes:
    kind, address = recipient_parts(checked(written))
    return field(name, [f"{kind};", *address.split(" ")])


def recipient_parts(written: str) -> tuple[str, str]:
    """Type and address of a recipient; without a type, it is a mail address (RFC 8098 §3.2.3, RFC 6533 §3)."""
    kind, separator, address = written.partition(";")
    # A semicolon may also stand in the quoted local part of an address
    name = kind.strip()
    if separator and name.isascii() and name.replace("-", "").isalnum():
        return name.lower(), address.strip()
    return "rfc822" if written.isascii() else "utf-8", written.strip()
