"""Delivery status notifications: telling a sender the truth (RFC 3461 §5, RFC 3464, RFC 6522, RFC 6533).

A notice is composed here as octets; whoever reports puts it on its way in the transaction that ends the wait.
What is always true: nothing is reported to the null reverse-path, and a notice itself has one, so
a report is never reported about (RFC 5321 §6.1); what the sender did not wish to hear is not said; a peer's
words come in one line of printable text.
"""

import re
from dataclasses import dataclass
from enum import Enum

from pillarbox.mail import unitext, xtext
from pillarbox.mail.date import rfc5322

RETURNED_OCTETS = 64 * 1024
"""The largest message returned whole with a failure; of a larger one only the header goes back."""
TEXT_CHARACTERS = 900
"""The longest text of a peer that is passed on; a line has at most 998 octets (RFC 5322 §2.1.1)."""

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\u00a0-\U0010ffff]+")


class Action(Enum):
    """What became of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class DsnRecipient:
    """A recipient that is reported about.

    `original`: ORCPT as it was given. `status`: an enhanced code. `text`: the peer's reply, where
    `remote` names the host that said so, or our own words.
    """

    address: str
    action: Action
    status: str
    text: str
    original: str | None = None
    remote: str | None = None
    attempted_at_ms: int | None = None
    """When this was last tried; RFC 3464 §2.3.7 wants silence where that is not known."""


@dataclass(frozen=True, slots=True)
class Dsn:
    """What is reported, to whom, and about which message."""

    to: str
    hostname: str
    subjects: tuple[DsnRecipient, ...]
    identity: str
    """What makes the Message-ID and the boundary: drawn by chance, letters, digits, "-" and "_"."""
    now_ms: int
    arrived_at_ms: int
    retry_until_ms: int | None = None
    envelope_id: str | None = None
    headers_only: bool = False
    require_tls: bool = False
    """It is to be protected as the message was, of which it returns the header only (RFC 8689 §5)."""


def wished(notify: str, action: Action) -> bool:
    """Whether NOTIFY (comma-separated words, empty: not given) asks for this report.

    Without NOTIFY a sender is told of failures and delays (RFC 3461 §4.1).
    """
    words = notify.split(",") if notify else ["FAILURE", "DELAY"]
    return _WORD[action] in words


_WORD = {
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
    Action.FAILED: "could not be delivered, and is tried no more, to:",
    Action.DELAYED: "has not yet been delivered, and will be tried again; you need not send it again. To:",
    Action.DELIVERED: "was delivered to:",
    Action.RELAYED: "was passed to a server that sends no reports on delivery, for:",
    Action.EXPANDED: "was passed on to the members of:",
}


def compose(notice: Dsn, message: bytes) -> bytes:
    """The notice as a message, with its header; `message` is what it is about."""
    worst = min((subject.action for subject in notice.subjects), key=list(Action).index)
    boundary = f"report-{notice.identity}"
    status = "global-delivery-status" if _international(notice) else "delivery-status"
    headers_only = (
        notice.headers_only
        or notice.require_tls
        or worst is not Action.FAILED
        or len(message) > RETURNED_OCTETS
    )
    parts = (
        ("text/plain; charset=utf-8", _explanation(notice)),
        (f"message/{status}", _status(notice)),
        _returned(message, headers_only=headers_only),
    )
    octets = [_header(notice, worst, boundary)]
    for kind, content in parts:
        encoding = "7bit" if content.isascii() else "8bit"
        octets += [
            f"--{boundary}\r\nContent-Type: {kind}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n".encode(),
            content if content.endswith(b"\r\n") else content + b"\r\n",
        ]
    octets.append(f"--{boundary}--\r\n".encode())
    return b"".join(octets)


def _header(notice: Dsn, action: Action, boundary: str) -> bytes:
    return _lines(
        f"From: Mail Delivery System <mailer-daemon@{notice.hostname}>",
        f"To: <{notice.to}>",
        f"Subject: {_TITLES[action]}",
        f"Date: {rfc5322(notice.now_ms)}",
        f"Message-ID: <{notice.identity}@{notice.hostname}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 §5.1: nobody's vacation answers this
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
        "",
    )


def _explanation(notice: Dsn) -> bytes:
    lines = [f"This is the mail system at {notice.hostname}.", ""]
    for action in Action:
        about = [subject for subject in notice.subjects if subject.action is action]
        if about:
            lines += [f"Your message {_SENTENCES[action]}", ""]
        for subject in about:
            who = f" ({subject.remote} says)" if subject.remote else ""
            lines += [f"  <{subject.address}>", f"      {_one_line(subject.text)}{who}", ""]
    delayed = any(subject.action is Action.DELAYED for subject in notice.subjects)
    if delayed and notice.retry_until_ms is not None:
        lines += [f"Delivery is tried until {rfc5322(notice.retry_until_ms)}.", ""]
    return _lines(*lines)


def _status(notice: Dsn) -> bytes:
    """The machine's part: a block about the message, and one for each recipient (RFC 3464 §2.1)."""
    about = []
    if notice.envelope_id:
        about.append(f"Original-Envelope-Id: {_one_line(xtext.decode(notice.envelope_id))}")
    about += [f"Reporting-MTA: dns; {notice.hostname}", f"Arrival-Date: {rfc5322(notice.arrived_at_ms)}"]
    blocks = [_lines(*about)]
    blocks += [_lines(*_recipient_fields(notice, subject)) for subject in notice.subjects]
    return b"\r\n".join(blocks)


def _recipient_fields(notice: Dsn, subject: DsnRecipient) -> list[str]:
    """The fields about one recipient, in the order of RFC 3464 §2.3."""
    lines = [_original_recipient(subject.original)] if subject.original else []
    kind = "rfc822" if subject.address.isascii() else "utf-8"
    lines += [
        f"Final-Recipient: {kind}; {subject.address}",
        f"Action: {subject.action.value}",
        f"Status: {subject.status}",
    ]
    if subject.remote:
        lines.append(f"Remote-MTA: dns; {subject.remote}")
        # RFC 6533 §4.1: the grammar of this field has remained ASCII
        text = _one_line(subject.text).encode("ascii", "replace").decode()
        lines.append(f"Diagnostic-Code: smtp; {text}")
    if subject.attempted_at_ms is not None:
        lines.append(f"Last-Attempt-Date: {rfc5322(subject.attempted_at_ms)}")
    if notice.retry_until_ms is not None and subject.action is Action.DELAYED:
        lines.append(f"Will-Retry-Until: {rfc5322(notice.retry_until_ms)}")
    return lines


def _original_recipient(original: str) -> str:
    kind, _, address = original.partition(";")
    # RFC 6533 §3: a "utf-8" address is written plainly here; all others are xtext
    plain = unitext.decode(address) if kind.lower() == "utf-8" else xtext.decode(address)
    return f"Original-Recipient: {kind}; {_one_line(plain)}"


def _international(notice: Dsn) -> bool:
    """Whether the machine's part has an address outside ASCII (RFC 6533 §4.1)."""
    return not all(
        subject.address.isascii()
        and (not subject.original or _original_recipient(subject.original).isascii())
        for subject in notice.subjects
    )


def _returned(message: bytes, *, headers_only: bool) -> tuple[str, bytes]:
    """The message that is reported about, or its header (RFC 6522 §4, RFC 6533 §4)."""
    header_end = message.find(b"\r\n\r\n")
    header = message if header_end < 0 else message[: header_end + 2]
    international = not header.isascii()
    if headers_only:
        return ("message/global-headers" if international else "text/rfc822-headers"), header[
            :RETURNED_OCTETS
        ]
    return ("message/global" if international else "message/rfc822"), message


def _one_line(text: str) -> str:
    return _UNPRINTABLE.sub(" ", text).strip()[:TEXT_CHARACTERS]


def _lines(*lines: str) -> bytes:
    return "".join(f"{line}\r\n" for line in lines).encode()
