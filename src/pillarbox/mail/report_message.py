"""The message that carries a report to another provider: RFC 9990 §3.5.2 (DMARC), RFC 8460 §5.3 (TLS)."""

from collections.abc import Mapping
from typing import Final

import msgspec

from pillarbox.mail import parameter
from pillarbox.mail.composing import words
from pillarbox.mail.composing.addresses import Mailbox, MailboxGroup, address_list
from pillarbox.mail.composing.entity import ComposedMessage, Leaf, Multipart, OctetsSource
from pillarbox.mail.composing.folding import field, raw_field
from pillarbox.mail.composing.parameters import value_words
from pillarbox.mail.composing.values import message_ids
from pillarbox.mail.date import rfc5322
from pillarbox.mail.header import Header

MAX_TYPE_OCTETS: Final = 2_000
"""Of a Content-Type field in which the type of a report is looked for."""


class ReportMessage(msgspec.Struct, frozen=True):
    """What it consists of; only `text` has line ends."""

    sender: str
    """An address of the reporting domain."""
    to: str
    subject: str
    text: str
    """For people who read it, one sentence a line."""
    file_name: str
    media_type: str
    """Of the file."""
    octets: bytes
    """The file."""
    identity: str
    """A random token for the Message-ID and the boundary: letters, digits, "-" and "_"."""
    now_ms: int
    report_type: str = ""
    """Of `multipart/report`; empty for `multipart/mixed`."""
    fields: Mapping[str, str] = {}
    """More header fields, raw, by name."""


def is_tls_report(header: Header) -> bool:
    """Whether a message says that it carries a report about TLS, and nothing else (RFC 8460 §5.3)."""
    domains, types = header.all("TLS-Report-Domain"), header.all("Content-Type")
    if len(domains) != 1 or len(types) != 1:
        return False
    if len(types[0]) > MAX_TYPE_OCTETS:
        return False
    media_type, pairs = parameter.parse(types[0])
    return (
        media_type == "multipart/report"
        and parameter.decode(pairs).get("report-type", "").lower() == "tlsrpt"
    )


def compose(message: ReportMessage) -> bytes:
    """The message with its header. Raises `NotWritable` where a text has a line end that it must not have."""
    fields = [
        field("From", address_list([MailboxGroup(None, [Mailbox(None, message.sender)])])),
        field("To", address_list([MailboxGroup(None, [Mailbox(None, message.to)])])),
        field("Subject", words.text(message.subject, len("Subject: "))),
        field("Date", rfc5322(message.now_ms).split(" ")),
        field("Message-ID", message_ids([f"{message.identity}@{message.sender.rpartition('@')[2]}"])),
        *(raw_field(name, value) for name, value in message.fields.items()),
        field("Auto-Submitted", ["auto-generated"]),  # RFC 3834 §5.1: no automatic reply to this
        b"MIME-Version: 1.0\r\n",
    ]
    shown = field("Content-Disposition", value_words("attachment", [("filename", message.file_name)]))
    parts = (
        Leaf("text/plain", (("charset", "utf-8"),), b"", message.text),
        Leaf(message.media_type, (), shown, OctetsSource(message.octets)),
    )
    kind = "multipart/report" if message.report_type else "multipart/mixed"
    parameters = (("report-type", message.report_type),) if message.report_type else ()
    root = Multipart(kind, parameters, b"", parts)
    return ComposedMessage(b"".join(fields), root, message.identity).octets()
