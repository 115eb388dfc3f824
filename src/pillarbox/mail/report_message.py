"""The message that carries a report to another provider: RFC 9990 §3.5.2 (DMARC), RFC 8460 §5.3 (TLS)."""

import base64
from dataclasses import dataclass
from typing import Final

from pillarbox.mail import parameter
from pillarbox.mail.date import rfc5322
from pillarbox.mail.header import Header

MAX_TYPE_OCTETS: Final = 2_000
"""Of a Content-Type field in which the type of a report is looked for."""


@dataclass(frozen=True, slots=True)
class ReportMessage:
    """What it consists of; all texts are ASCII without line ends."""

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
    fields: tuple[str, ...] = ()
    """More header fields: `TLS-Required: No`."""


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
    """The message with its header."""
    boundary = f"report-{message.identity}"
    kind = f"report; report-type={message.report_type}" if message.report_type else "mixed"
    # Words of such subjects are at fixed places, and domains in them may be long
    subject = message.subject.replace(" Submitter: ", "\r\n Submitter: ").replace(
        " Report-ID: ", "\r\n Report-ID: "
    )
    head = (
        f"From: <{message.sender}>",
        f"To: <{message.to}>",
        f"Subject: {subject}",
        f"Date: {rfc5322(message.now_ms)}",
        f"Message-ID: <{message.identity}@{message.sender.rpartition('@')[2]}>",
        *message.fields,
        "Auto-Submitted: auto-generated",  # RFC 3834 §5.1: no automatic reply to this
        "MIME-Version: 1.0",
        f'Content-Type: multipart/{kind};\r\n boundary="{boundary}"',
        "",
        f"--{boundary}",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        *message.text.splitlines(),
        "",
        f"--{boundary}",
        f"Content-Type: {message.media_type}",
        f'Content-Disposition: attachment;\r\n filename="{message.file_name}"',
        "Content-Transfer-Encoding: base64",
        "",
        "",
    )
    body = base64.encodebytes(message.octets).replace(b"\n", b"\r\n")
    return "\r\n".join(head).encode("ascii", "replace") + body + f"--{boundary}--\r\n".encode()
