"""Some mail for the people of the demo: a welcome for each, a thread, a picture.

Composed with the standard library, since this is not a hot path.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from pillarbox.mail.date import rfc5322

MINUTE_MS = 60_000

PIXELS = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mM4IadBEmIY1TCqYfhqAAArUg4Q8CzRtwAAAABJRU5ErkJggg=="
)
"""A square of one colour, as PNG."""


@dataclass(frozen=True, slots=True)
class DemoMessage:
    """A message, and the mailbox it goes into."""

    address: str
    mailbox: str
    flags: str
    received_at_ms: int
    octets: bytes


def demo_messages(people: dict[str, str], now_ms: int) -> Iterator[DemoMessage]:
    """Mail for these people (names by address), as if it had arrived over the last days."""
    for number, address in enumerate(people):
        yield _message(
            address, "INBOX", "", now_ms - (number + 1) * MINUTE_MS, _welcome(address, people[address])
        )
    if {"alice@one.example", "carol@two.example"} <= people.keys():
        yield from _conversation(now_ms - 26 * 60 * MINUTE_MS)


def _message(address: str, mailbox: str, flags: str, at_ms: int, message: EmailMessage) -> DemoMessage:
    message["Date"] = rfc5322(at_ms)
    return DemoMessage(address, mailbox, flags, at_ms, message.as_bytes(policy=SMTP))


def _compose(sender: str, name: str, to: str, subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = Address(name, addr_spec=sender)
    message["To"] = to
    message["Subject"] = subject
    message.set_content(text)
    return message


def _welcome(address: str, name: str) -> EmailMessage:
    message = _compose(
        "postmaster@one.example",
        "Pillarbox",
        address,
        "Welcome to Pillarbox \N{ENVELOPE}",
        f"Hello {name},\n\nthis mailbox is real: it lies in a database on this machine, and you can read it by"
        " IMAP or POP3.\nAnything you send to another address of the demo arrives there.\n\nNothing leaves this"
        " machine.\n",
    )
    message["Message-ID"] = f"<welcome.{address}>"
    message.add_alternative(
        f"<p>Hello {name},</p><p>this mailbox is <b>real</b>: it lies in a database on this machine, and you can"
        " read it by IMAP or POP3. Anything you send to another address of the demo arrives there.</p>"
        "<p>Nothing leaves this machine.</p>",
        subtype="html",
    )
    return message


def _conversation(start_ms: int) -> Iterator[DemoMessage]:
    alice, carol = "alice@one.example", "carol@two.example"
    first = _compose(alice, "Alice", carol, "Colour for the post box", "Which red shall we take?\n")
    first["Message-ID"] = "<colour.1@one.example>"
    second = _compose(carol, "Carol", alice, "Re: Colour for the post box", "This one. See the square.\n")
    second["Message-ID"] = "<colour.2@two.example>"
    second["In-Reply-To"] = second["References"] = "<colour.1@one.example>"
    second.add_attachment(PIXELS, maintype="image", subtype="png", filename="rot \N{EM DASH} red.png")
    third = _compose(alice, "Alice", carol, "Re: Colour for the post box", "Agreed. Grüße, Alice\n")
    third["Message-ID"] = "<colour.3@one.example>"
    third["In-Reply-To"] = "<colour.2@two.example>"
    third["References"] = "<colour.1@one.example> <colour.2@two.example>"
    fourth = _compose(carol, "Carol", alice, "Re: Colour for the post box", "Ordered. It comes on Friday.\n")
    fourth["Message-ID"] = "<colour.4@two.example>"
    fourth["In-Reply-To"] = "<colour.3@one.example>"
    fourth["References"] = "<colour.1@one.example> <colour.2@two.example> <colour.3@one.example>"
    turns = [(first, alice, carol), (second, carol, alice), (third, alice, carol), (fourth, carol, alice)]
    for step, (message, sender, receiver) in enumerate(turns):
        at_ms = start_ms + step * 7 * MINUTE_MS
        sent = _message(sender, "Sent", "\\Seen", at_ms, message)
        yield sent
        yield DemoMessage(receiver, "INBOX", "\\Seen" if step < 2 else "", at_ms + 1_000, sent.octets)
