"""An automatic reply, such as one that says that somebody is on vacation (RFC 3834 §3, RFC 8621 §8).

Who sends it has decided that one is due (RFC 3834 §2), and sends it with the null reverse-path, or that of the
replying account, to the return path of the message that is answered.
"""

from typing import Final

import msgspec

from pillarbox.mail import encoded_word, visible
from pillarbox.mail.composing import words
from pillarbox.mail.composing.addresses import Mailbox, MailboxGroup, address_list
from pillarbox.mail.composing.entity import ComposedMessage, Entity, Leaf, Multipart
from pillarbox.mail.composing.folding import field
from pillarbox.mail.composing.replying import reply_fields
from pillarbox.mail.composing.values import message_ids
from pillarbox.mail.date import rfc5322
from pillarbox.mail.header import Header

MAX_SUBJECT_CHARACTERS: Final = 200
"""Of the answered message's Subject, as much as is repeated."""
_UTF_8: Final = (("charset", "utf-8"),)


class AutomaticReply(msgspec.Struct, frozen=True, kw_only=True):
    """What it consists of."""

    sender: Mailbox
    """Whose reply it is: the name and the address that the sender of the message knows."""
    to: str
    """The return path of the message."""
    answered: Header
    """Of the message."""
    subject: str | None = None
    """None: "Auto: " and the Subject of the message (RFC 3834 §3.1.5)."""
    text: str | None = None
    html: str | None = None
    """Without either, the body is empty."""
    message_id: str
    """Without brackets."""
    now_ms: int
    boundary_seed: str
    """A text that nobody can guess."""


def compose(reply: AutomaticReply) -> ComposedMessage:
    """The message. Raises `NotWritable` where `subject` or `sender` cannot be written."""
    subject = _subject(reply.answered) if reply.subject is None else reply.subject
    header = b"".join(
        [
            field("Date", rfc5322(reply.now_ms).split(" ")),
            field("From", address_list([MailboxGroup(None, [reply.sender])])),
            field("To", address_list([MailboxGroup(None, [Mailbox(None, reply.to)])])),
            field("Message-ID", message_ids([reply.message_id])),
            reply_fields(reply.answered),
            field("Subject", words.text(subject, len("Subject: "))),
            field(
                "Auto-Submitted", ["auto-replied"]
            ),  # RFC 3834 §5: so that nobody replies to it automatically
            b"MIME-Version: 1.0\r\n",
        ]
    )
    return ComposedMessage(header, _body(reply.text, reply.html), reply.boundary_seed)


def _subject(answered: Header) -> str:
    raw = answered.first("Subject")
    original = visible.visible(encoded_word.decode(raw[: 4 * MAX_SUBJECT_CHARACTERS]) if raw else "")
    return f"Auto: {original.strip()[:MAX_SUBJECT_CHARACTERS]}".strip()


def _body(text: str | None, html: str | None) -> Entity:
    if html is None:
        return Leaf("text/plain", _UTF_8, b"", text or "")
    shown = Leaf("text/html", _UTF_8, b"", html)
    if text is None:
        return shown
    return Multipart("multipart/alternative", (), b"", (Leaf("text/plain", _UTF_8, b"", text), shown))
