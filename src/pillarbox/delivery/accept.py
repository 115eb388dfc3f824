"""The one transaction by which a message becomes ours: placements here, queued recipients for elsewhere.

All of it is durable, or none: whoever awaited `Database.write(accept, ...)` may say 250, and nobody else.
Any number of recipients make one blob and one summary for each form of the message: the one that rests
here bears Return-Path, the one that travels on does not. A sender who asked for it is told of success in
the same transaction.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from msgspec import Struct
from msgspec.structs import replace

from pillarbox.delivery import report
from pillarbox.delivery.route import Here, Inbox
from pillarbox.mail import unitext, xtext
from pillarbox.mail.address import Address, domain_key
from pillarbox.mail.dsn import Action, Dsn, DsnRecipient
from pillarbox.queue.spool import Outbound, QueuedRecipient, QueueId, enqueue
from pillarbox.store.append import Message, append
from pillarbox.world.database import Transaction


class DsnRequest(Struct, frozen=True, gc=False):
    """What the sender said about a recipient (RFC 3461 §4.1, §4.2), in the queue's words."""

    notify: str = ""
    original: str | None = None

    @property
    def wants_success(self) -> bool:
        """Whether the sender wants to hear of success."""
        return "SUCCESS" in self.notify  # no other word has it inside

    def beyond(self, alias: Address) -> "DsnRequest":
        """What goes on with a message that an alias of several sends on (RFC 3461 §5.2.7.3 c)."""
        words = [word for word in self.notify.split(",") if word != "SUCCESS"]
        return replace(self.onward(alias), notify=",".join(words) or ("NEVER" if self.notify else ""))

    def onward(self, alias: Address) -> "DsnRequest":
        """What goes on with a message that is sent on: the sender knows the address it wrote to."""
        text = str(alias)
        kind, encode = ("rfc822", xtext.encode) if text.isascii() else ("utf-8", unitext.encode)
        return replace(self, original=self.original or f"{kind};{encode(text)}")


@dataclass(slots=True)
class Distribution:
    """Who gets a message; each inbox and each address elsewhere once, however often it was named."""

    inboxes: dict[Inbox, None] = field(default_factory=dict)
    elsewhere: dict[str, QueuedRecipient] = field(default_factory=dict)
    successes: dict[str, DsnRecipient] = field(default_factory=dict)
    """What is to be told of it once it is done, by recipient."""

    def deliver(self, address: Address, here: Here, wish: DsnRequest) -> None:
        """An address of ours: its inboxes, and the addresses elsewhere that it leads to."""
        self.inboxes.update(dict.fromkeys(here.inboxes))
        if not here.inboxes and len(here.forwards) == 1:
            # RFC 3461 §5.2.7.2: one address in place of another; whoever comes last reports
            self.send_on(here.forwards[0], wish.onward(address))
            return
        if wish.wants_success:
            self.successes[address.key] = _success(address, here, wish)
        for forward in here.forwards:
            self.send_on(forward, wish.beyond(address))

    def send_on(self, address: Address, wish: DsnRequest) -> None:
        """An address elsewhere."""
        self.elsewhere.setdefault(
            address.key,
            QueuedRecipient(str(address), domain_key(address.domain), wish.notify, wish.original),
        )


@dataclass(frozen=True, slots=True)
class Success:
    """What the sender is told of success, and what it is about; of that only the header goes back."""

    notice: Dsn
    octets: bytes


class Acceptance(Struct, frozen=True, gc=False):
    """A message and all that is to happen to it."""

    inboxes: tuple[Inbox, ...]
    message: Message | None
    """The message as it rests; `None` where it has no inbox."""
    outbound: Outbound | None
    """The message as it travels on; `None` where it goes nowhere else."""
    success: Success | None = None
    """`None` where nobody asked, or nobody can be told."""


def accept(tx: Transaction, acceptance: Acceptance, *, now_ms: int) -> QueueId | None:
    """Deliver and queue. Raises `NoSuchMailbox` or `NoSuchAccount` where an inbox has gone meanwhile.

    No quota is asked about: the room was there at RCPT (see `route`).
    """
    if acceptance.message:
        place(tx, acceptance.inboxes, acceptance.message, now_ms=now_ms)
    if acceptance.success:
        report.send(tx, acceptance.success.notice, acceptance.success.octets)
    return enqueue(tx, acceptance.outbound, now_ms=now_ms) if acceptance.outbound else None


def _success(address: Address, here: Here, wish: DsnRequest) -> DsnRecipient:
    several = len(here.inboxes) + len(here.forwards) > 1
    action, text = (
        (Action.EXPANDED, "passed on to several addresses") if several else (Action.DELIVERED, "delivered")
    )
    return DsnRecipient(str(address), action, "2.0.0", text, wish.original)


def place(tx: Transaction, inboxes: Iterable[Inbox], message: Message, *, now_ms: int) -> None:
    """Put a message into inboxes, unseen."""
    for inbox in inboxes:
        append(tx, inbox.account, inbox.mailbox, message, flags="", received_at_ms=now_ms, now_ms=now_ms)
