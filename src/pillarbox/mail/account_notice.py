"""A message by which the provider tells somebody about their account."""

import msgspec

from pillarbox.mail.composing import words
from pillarbox.mail.composing.addresses import Mailbox, MailboxGroup, address_list
from pillarbox.mail.composing.entity import ComposedMessage, Leaf
from pillarbox.mail.composing.folding import field
from pillarbox.mail.composing.values import message_ids
from pillarbox.mail.date import rfc5322


class AccountNotice(msgspec.Struct, frozen=True):
    """What it consists of; only `text` has line ends."""

    sender: str
    """An address of the domain of the account, in ASCII."""
    to: str
    subject: str
    text: str
    identity: str
    """A random token for the Message-ID: letters, digits, "-" and "_"."""
    now_ms: int

    def __repr__(self) -> str:  # the text may have a link that is a secret
        return "AccountNotice()"


def compose(notice: AccountNotice) -> bytes:
    """The message with its header. Raises `NotWritable` where a text has a line end that it must not have."""
    fields = [
        field("From", address_list([MailboxGroup(None, [Mailbox(None, notice.sender)])])),
        field("To", address_list([MailboxGroup(None, [Mailbox(None, notice.to)])])),
        field("Subject", words.text(notice.subject, len("Subject: "))),
        field("Date", rfc5322(notice.now_ms).split(" ")),
        field("Message-ID", message_ids([f"{notice.identity}@{notice.sender.rpartition('@')[2]}"])),
        field("Auto-Submitted", ["auto-generated"]),  # RFC 3834 §5.1: no automatic reply to this
        b"MIME-Version: 1.0\r\n",
    ]
    text = Leaf("text/plain", (("charset", "utf-8"),), b"", notice.text)
    return ComposedMessage(b"".join(fields), text, notice.identity).octets()
