"""Delivery status notifications: composing one (RFC 3461 §5, RFC 3464, RFC 6522, RFC 6533).

Here a DSN is composed as octets; `delivery.report` delivers or queues it. Invariants: a DSN has the null
reverse-path, and none is sent to it, so a DSN is never reported on (RFC 5321 §6.1); only what the sender requested is
reported; nothing of a message's text goes to a path that nobody has logged in for; a server's reply is passed on as
one line of printable text.
"""

import re
from dataclasses import dataclass
from enum import Enum

from pillarbox.mail import unitext, xtext
from pillarbox.mail.date import rfc5322
from pillarbox.mail.header import Header
from pillarbox.mail.visible import visible

RETURNED_OCTETS = 64 * 1024
"""The largest message returned whole with a failure; of a larger one only the header is returned."""
MAX_MESSAGE_ID_OCTETS = 255
"""The longest Message-ID returned of a message whose sender is not known."""
MAX_TEXT_CHARACTERS = 900
"""How much of a server's reply is passed on; a line has at most 998 octets (RFC 5322 §2.1.1)."""

_BLANKS = re.compile(r"[\t-\r]+")


_MESSAGE_ID = re.compile(rb"<[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~.]+@[A-Za-z0-9.\-]+>")


class Action(Enum):
    """What became of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class DsnRecipient:
    """A recipient that is reported on.

    `original`: ORCPT as it was given. `status`: an enhanced status code. `text`: the reply of the server that
    `remote_mta` names, or our own words if it is `None`.
    """

    address: str
    action: Action
    status: str
    text: str
    original: str | None = None
    remote_mta: str | None = None
    attempted_at_ms: int | None = None
    """When delivery was last attempted; RFC 3464 §2.3.7: omitted where that is not known."""


@dataclass(frozen=True, slots=True)
class Dsn:
    """What is reported, to whom, and about which message."""

    to: str
    hostname: str
    recipients: tuple[DsnRecipient, ...]
    identity: str
    """A random token for the Message-ID and the boundary: letters, digits, "-" and "_"."""
    now_ms: int
    arrived_at_ms: int
    retry_until_ms: int | None = None
    envelope_id: str | None = None
    release_request: str | None = None
    """Until when the sender had it held (RFC 4865 §5.1.2): `for;60`."""
    headers_only: bool = False
    unauthenticated: bool = False
    """Nobody has logged in to send the message: `to` may never have seen it, so nothing is returned of it but its
    Message-ID."""
    require_tls: bool = False
    """The DSN needs TLS as the message did, and returns its header only (RFC 8689 §5)."""


def requested(notify: str, action: Action) -> bool:
    """Whether NOTIFY (comma-separated keywords, empty: not given) requests a DSN of this action.

    Without NOTIFY failures and delays are reported (RFC 3461 §4.1).
    """
    keywords = notify.split(",") if notify else ["FAILURE", "DELAY"]
    return _NOTIFY_KEYWORD[action] in keywords


_NOTIFY_KEYWORD = {
    Action.FAILED: "FAILURE",
    Action.DELAYED: "DELAY",
    Action.DELIVERED: "SUCCESS",
    Action.RELAYED: "SUCCESS",
    Action.EXPANDED: "SUCCESS",
}

_TITLES = {
    Action.FAILED: "Your message could not be delivered",
    Action.DELAYED: "Your message is delayed",
    Action.DELIVERED: "Your message was delivered",
    Action.RELAYED: "Your message was passed on",
    Action.EXPANDED: "Your message was passed on",
}

_SENTENCES = {
    Action.FAILED: "could not be delivered, and will not be tried again, to:",
    Action.DELAYED: "has not yet been delivered, and will be tried again; you need not send it again. To:",
    Action.DELIVERED: "was delivered to:",
    Action.RELAYED: "was passed to a server that sends no reports on delivery, for:",
    Action.EXPANDED: "was passed on to the members of:",
}


def compose(dsn: Dsn, message: bytes) -> bytes:
    """The DSN as a message with its header; `message` is the one it reports on, empty where that is lost."""
    worst = min((recipient.action for recipient in dsn.recipients), key=list(Action).index)
    boundary = f"report-{dsn.identity}"
    status = "global-delivery-status" if _international(dsn) else "delivery-status"
    headers_only = (
        dsn.headers_only or dsn.require_tls or worst is not Action.FAILED or len(message) > RETURNED_OCTETS
    )
    parts = [("text/plain; charset=utf-8", _explanation(dsn)), (f"message/{status}", _status(dsn))]
    if message:  # RFC 6522 §3: the third part is optional
        parts.append(
            _identified(message) if dsn.unauthenticated else _returned(message, headers_only=headers_only)
        )
    octets = [_header(dsn, worst, boundary)]
    for kind, content in parts:
        encoding = "7bit" if content.isascii() else "8bit"
        octets += [
            f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode(),
            content if content.endswith(b"\r\n") else content + b"\r\n",
        ]
    octets.append(f"--{boundary}--\r\n".encode())
    return b"".join(octets)


def _header(dsn: Dsn, action: Action, boundary: str) -> bytes:
    return _lines(
        f"From: Mail Delivery System <mailer-daemon@{dsn.hostname}>",
        f"To: <{dsn.to}>",
        f"Subject: {_TITLES[action]}",
        f"Date: {rfc5322(dsn.now_ms)}",
        f"Message-ID: <{dsn.identity}@{dsn.hostname}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §5.1: no automatic reply to this
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
        "",
    )


def _explanation(dsn: Dsn) -> bytes:
    lines = [f"This is the mail system at {dsn.hostname}.", ""]
    for action in Action:
        about = [recipient for recipient in dsn.recipients if recipient.action is action]
        if about:
            lines += [f"Your message {_SENTENCES[action]}", ""]
        for recipient in about:
            who = f" ({visible(recipient.remote_mta)} says)" if recipient.remote_mta else ""
            lines += [f"  <{visible(recipient.address)}>", f"      {_one_line(recipient.text)}{who}", ""]
    delayed = any(recipient.action is Action.DELAYED for recipient in dsn.recipients)
    if delayed and dsn.retry_until_ms is not None:
        lines += [f"Delivery is tried until {rfc5322(dsn.retry_until_ms)}.", ""]
    return _lines(*lines)


def _status(dsn: Dsn) -> bytes:
    """The machine-readable part: fields of the message, then of each recipient (RFC 3464 §2.1)."""
    fields = []
    if dsn.envelope_id:
        fields.append(f"Original-Envelope-Id: {_one_line(xtext.decode(dsn.envelope_id))}")
    fields += [f"Reporting-MTA: dns; {dsn.hostname}", f"Arrival-Date: {rfc5322(dsn.arrived_at_ms)}"]
    if dsn.release_request:
        fields.append(f"Future-Release-Request: {_one_line(dsn.release_request)}")
    blocks = [_lines(*fields)]
    blocks += [_lines(*_recipient_fields(dsn, recipient)) for recipient in dsn.recipients]
    return b"\r\n".join(blocks)


def _recipient_fields(dsn: Dsn, recipient: DsnRecipient) -> list[str]:
    """The fields about one recipient, in the order of RFC 3464 §2.3."""
    lines = [_original_recipient(recipient.original)] if recipient.original else []
    kind = "rfc822" if recipient.address.isascii() else "utf-8"
    lines += [
        f"Final-Recipient: {kind}; {recipient.address}",
        f"Action: {recipient.action.value}",
        f"Status: {recipient.status}",
    ]
    if recipient.remote_mta:
        lines.append(f"Remote-MTA: dns; {recipient.remote_mta}")
        # RFC 6533 §4.1: the grammar of this field has remained ASCII
        text = _one_line(recipient.text).encode("ascii", "replace").decode()
        lines.append(f"Diagnostic-Code: smtp; {text}")
    if recipient.attempted_at_ms is not None:
        lines.append(f"Last-Attempt-Date: {rfc5322(recipient.attempted_at_ms)}")
    if dsn.retry_until_ms is not None and recipient.action is Action.DELAYED:
        lines.append(f"Will-Retry-Until: {rfc5322(dsn.retry_until_ms)}")
    return lines


def _original_recipient(original: str) -> str:
    kind, _, address = original.partition(";")
    # RFC 6533 §3: a "utf-8" address is written plainly here; all others are xtext
    plain = unitext.decode(address) if kind.lower() == "utf-8" else xtext.decode(address)
    return f"Original-Recipient: {kind}; {_one_line(plain)}"


def _international(dsn: Dsn) -> bool:
    """Whether the machine-readable part has an address outside ASCII (RFC 6533 §4.1)."""
    return not all(
        recipient.address.isascii()
        and (not recipient.original or _original_recipient(recipient.original).isascii())
        for recipient in dsn.recipients
    )


def _returned(message: bytes, *, headers_only: bool) -> tuple[str, bytes]:
    """The message reported on, or its header (RFC 6522 §4, RFC 6533 §4)."""
    header_end = message.find(b"\r\n\r\n")
    header = message if header_end < 0 else message[: header_end + 2]
    international = not header.isascii()
    if headers_only:
        return ("message/global-headers" if international else "text/rfc822-headers"), header[
            :RETURNED_OCTETS
        ]
    return ("message/global" if international else "message/rfc822"), message


def _identified(message: bytes) -> tuple[str, bytes]:
    """As much of a stranger's message as its sender needs to know which it was (RFC 6522 §4)."""
    field = Header.parse(message)[0].first("Message-ID") or b""
    known = len(field) <= MAX_MESSAGE_ID_OCTETS and _MESSAGE_ID.fullmatch(field)
    return "text/rfc822-headers", b"Message-ID: %b\r\n" % field if known else b""


def _one_line(text: str) -> str:
    return visible(_BLANKS.sub(" ", text)).strip()[:MAX_TEXT_CHARACTERS]


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
