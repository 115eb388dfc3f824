"""An account's emails in memory: their ids, threads, dates and sizes, and in which mailboxes they are with which flags.

What is always true of a `ListedAccount`: the columns are parallel and ascend by id; they show the account exactly as of
`version`. An email keeps its place, also when it is gone: it is in no mailbox then, and matches nothing. So a list of
places stays true but for the emails that have changed. Only where an email turns up that was not there before and is
older than others (IMAP took `\\Deleted` away), the account is read again.
"""

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from pillarbox.mail.identifiers import EmailId, MailboxId, ModSeq
from pillarbox.store.emails import Email, united

Placing: TypeAlias = tuple[tuple[MailboxId, str], ...]
"""The mailboxes that an email is in, each with the flags of its message there."""

NOWHERE: Final[Placing] = ()
_GONE: Final = 0
"""The number of `NOWHERE` among the different placings."""
EMAIL_OCTETS: Final = 44
"""What an email takes, about."""
MIN_GONE: Final = 1_000
"""With more that are gone, and more than are there, the account is read again."""
MIN_UNUSED: Final = 4_096
"""And with more placings that no email may have any more than emails."""


class ListedAccount:
    """See the module."""

    __slots__ = (
        "_gone",
        "_numbers",
        "by_received",
        "different",
        "ids",
        "placings",
        "received_ms",
        "sizes",
        "snoozed_ms",
        "threads",
        "version",
    )

    def __init__(self, version: ModSeq) -> None:
        self.version = version
        self.ids = array("Q")
        self.threads = array("Q")
        self.received_ms = array("q")
        self.sizes = array("Q")
        self.placings = array("I")
        """For each email, the number of its placing in `different`."""
        self.different: list[Placing] = [NOWHERE]
        self.snoozed_ms: dict[EmailId, int] = {}
        """By the id of an email: when it comes back, or has come back (`snoozing`). Most have none."""
        self.by_received = array("I")
        """The places of all emails, those that were received first first; where that is the same, by id."""
        self._numbers: dict[Placing, int] = {NOWHERE: _GONE}
        self._gone = 0

    @property
    def weight(self) -> int:
        """What it takes of memory, in emails."""
        return len(self.ids) + len(self.different) + len(self.snoozed_ms)

    @property
    def is_worn(self) -> bool:
        """Whether so much has gone that it is better read again."""
        emails = len(self.ids)
        return self._gone > max(MIN_GONE, emails // 2) or len(self.different) > MIN_UNUSED + emails

    def place(self, email: int) -> int | None:
        """Where this email is, if it is there."""
        place = bisect_left(self.ids, email)
        found = place < len(self.ids) and self.ids[place] == email and self.placings[place] != _GONE
        return place if found else None

    def received_key(self, place: int) -> tuple[int, int]:
        """What `by_received` is ordered by."""
        return self.received_ms[place], place

    # --- making and changing

    def add(self, emails: Iterable[Email], snoozed_ms: Mapping[EmailId, int]) -> None:
        """Emails that were not there, ascending by id, behind all others; `ordered` has to be called then."""
        self.snoozed_ms.update(snoozed_ms)
        for email in emails:
            self._append(email)

    def ordered(self) -> None:
        """Put all into `by_received`, after `add`. Where mail came as it was received, that is their order already."""
        places = range(len(self.ids))
        self.by_received = array("I", sorted(places, key=self.received_ms.__getitem__))

    def change(
        self, emails: Mapping[EmailId, Email | None], snoozed_ms: Mapping[EmailId, int]
    ) -> list[int] | None:
        """What has become of these emails; None for those that are gone. `snoozed_ms`: of all that have such a time.

        Returns the places that have changed; or None where it does not go on from here, and all is to be read again.
        """
        changed = []
        for number in emails.keys() & self.snoozed_ms.keys():
            del self.snoozed_ms[number]
        self.snoozed_ms.update(snoozed_ms)
        last = self.ids[-1] if self.ids else 0
        for number in sorted(emails):
            email = emails[number]
            place = bisect_left(self.ids, number)
            if place < len(self.ids) and self.ids[place] == number:
                self._replace(place, NOWHERE if email is None else placing_of(email))
                changed.append(place)
            elif email is not None:
                if number < last:
                    return None
                place = self._append(email)
                insort(self.by_received, place, key=self.received_key)
                changed.append(place)
        return changed

    def _append(self, email: Email) -> int:
        place = len(self.ids)
        self.ids.append(email.id)
        self.threads.append(email.thread)
        self.received_ms.append(email.received_at_ms)
        self.sizes.append(email.size)
        self.placings.append(self._number(placing_of(email)))
        return place

    def _replace(self, place: int, placing: Placing) -> None:
        number, before = self._number(placing), self.placings[place]
        self._gone += (number == _GONE) - (before == _GONE)
        self.placings[place] = number

    def _number(self, placing: Placing) -> int:
        number = self._numbers.get(placing)
        if number is None:
            number = self._numbers[placing] = len(self.different)
            self.different.append(placing)
        return number


def placing_of(email: Email) -> Placing:
    """Where an email is; of two messages in one mailbox, the flags of both together."""
    flags: dict[MailboxId, str] = {}
    for one in email.placed:
        before = flags.get(one.mailbox)
        flags[one.mailbox] = one.flags if before is None else united(before, one.flags)
    return tuple(flags.items())
