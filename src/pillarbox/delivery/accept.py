"""The one transaction by which a message becomes ours: placements here, queued recipients for elsewhere.

All of it is durable, or none: whoever awaited ``Database.write(accept, ...)`` may say 250, and nobody else.
Any number of recipients make one blob and one summary for each form of the message: the one that rests
here bears Return-Path, the one that travels on does not.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pillarbox.delivery.route import Here, Inbox
from pillarbox.mail.address import Address, domain_key
from pillarbox.queue.spool import Outbound, QueuedRecipient, QueueId, enqueue
from pillarbox.store.append import Message, append
from pillarbox.world.database import Transaction


@dataclass(frozen=True, slots=True)
class Wish:
    """What the sender said about a recipient (RFC 3461 §4.1, §4.2), in the queue's words."""

    notify: str = ""
    original: str | None = None


@dataclass(slots=True)
class Distribution:
    """Who gets a message; each inbox and each address elsewhere once, however often it was named."""

    inboxes: dict[Inbox, None]
    elsewhere: dict[str, QueuedRecipient]

    @classmethod
    def empty(cls) -> "Distribution":
        """Nobody yet."""
        return cls({}, {})

    def deliver(self, here: Here, wish: Wish) -> None:
        """An address of ours: its inboxes, and the addresses elsewhere that it leads to."""
        self.inboxes.update(dict.fromkeys(here.inboxes))
        for address in here.forwards:
            self.send_on(address, wish)

    def send_on(self, address: Address, wish: Wish) -> None:
        """An address elsewhere."""
        self.elsewhere.setdefault(
            address.key,
            QueuedRecipient(str(address), domain_key(address.domain), wish.notify, wish.original),
        )


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A message and all that is to happen to it."""

    inboxes: tuple[Inbox, ...]
    message: Message | None
    """The message as it rests; ``None`` where it has no inbox."""
    outbound: Outbound | None
    """The message as it travels on; ``None`` where it goes nowhere else."""


def accept(tx: Transaction, acceptance: Acceptance, *, now_ms: int) -> QueueId | None:
    """Deliver and queue. Raises ``NoSuchMailbox`` or ``NoSuchAccount`` where an inbox has gone meanwhile.

    No quota is asked about: the room was there at RCPT (see ``route``).
    """
    if acceptance.message:
        place(tx, acceptance.inboxes, acceptance.message, now_ms=now_ms)
    return enqueue(tx, acceptance.outbound, now_ms=now_ms) if acceptance.outbound else None


def place(tx: Transaction, inboxes: Iterable[Inbox], message: Message, *, now_ms: int) -> None:
    """Put a message into inboxes, unseen."""
    for inbox in inboxes:
        append(tx, inbox.account, inbox.mailbox, message, flags="", received_at_ms=now_ms, now_ms=now_ms)
