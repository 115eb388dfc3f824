"""Messages that are brought from elsewhere are stored even where a mailbox can't have all of their keywords."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import flag_texts
from pillarbox.store.append import Arrival
from pillarbox.world.database import Transaction

MAX_NAMED: Final = 100
"""Keywords that are named; there may be as many as messages."""


@dataclass(slots=True)
class LeftOut:
    """The keywords that messages were stored without."""

    messages: int = 0
    keywords: set[str] = field(default_factory=set)
    """At most `MAX_NAMED` of them."""

    def note(self, before: str, after: str) -> None:
        """A message had the first flags, and has the second."""
        self.messages += 1
        for keyword in flag_text.keywords(flag_text.remove(before, after)):
            if len(self.keywords) < MAX_NAMED:
                self.keywords.add(keyword)

    def add(self, other: "LeftOut") -> None:
        """What was left out elsewhere as well."""
        self.messages += other.messages
        self.keywords |= set(sorted(other.keywords)[: MAX_NAMED - len(self.keywords)])


@may(OPERATOR)
def fitted(
    tx: Transaction,
    account: AccountId,
    mailboxes: Iterable[MailboxId],
    arrivals: Sequence[Arrival],
    left_out: LeftOut,
) -> list[Arrival]:
    """The messages with such flags that each of these mailboxes can have them all; notes what they then lack."""
    fitting = list(arrivals)
    for mailbox in mailboxes:
        shorter = flag_texts.fitting(tx, account, mailbox, flag_texts.long(one.flags for one in fitting))
        if shorter:
            fitting = [
                replace(arrival, flags=shorter.get(arrival.flags, arrival.flags)) for arrival in fitting
            ]
    for before, after in zip(arrivals, fitting, strict=True):
        if before.flags != after.flags:
            left_out.note(before.flags, after.flags)
    return fitting
