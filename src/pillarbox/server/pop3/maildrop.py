"""The maildrop as one session numbers it: messages by number, and which are marked as deleted.

Numbers are assigned when the session opens the maildrop and never change (RFC 1939 §5); each stands for a UID.
Ten thousand messages cost two arrays.
"""

from collections.abc import Iterator
from typing import Final

from pillarbox.mail.identifiers import MailboxId, Uid
from pillarbox.store.maildrop import MaildropMessages

LISTED_TOGETHER: Final = 5_000
"""Messages of which LIST and UIDL make lines at a time: some milliseconds of the loop."""


class NoSuchNumber(Exception):
    """No message has this number, or it is marked as deleted."""


class Maildrop:
    """The messages that `store.maildrop.load` found, numbered from 1."""

    __slots__ = ("_marked", "_octets", "_sizes", "_uid_validity", "_uids", "mailbox")

    def __init__(self, inbox: MaildropMessages) -> None:
        self.mailbox: Final[MailboxId] = inbox.mailbox
        self._uid_validity = inbox.uid_validity
        self._uids, self._sizes, self._octets = inbox.uids, inbox.sizes, inbox.octets
        self._marked: set[int] = set()

    @property
    def count(self) -> int:
        """Messages that are not marked."""
        return len(self._uids) - len(self._marked)

    @property
    def octets(self) -> int:
        """Octets of the messages that are not marked."""
        return self._octets - sum(self._sizes[number - 1] for number in self._marked)

    @property
    def marked(self) -> list[Uid]:
        """The messages to be deleted."""
        return [Uid(self._uids[number - 1]) for number in sorted(self._marked)]

    def uid(self, number: int) -> Uid:
        """The UID of a message. Raises `NoSuchNumber`."""
        return Uid(self._uids[self._index(number)])

    def size(self, number: int) -> int:
        """Octets as RETR sends them. Raises `NoSuchNumber`."""
        return self._sizes[self._index(number)]

    def last_within(self, number: int, messages: int, octets: int) -> tuple[Uid, int]:
        """The last of so many messages behind this one, up to one that is marked, which have no more octets together
        than that, and how many they have: its own UID and 0 where there is none."""
        last, used = number, 0
        while last < min(number + messages, len(self._uids)) and last + 1 not in self._marked:
            if used + self._sizes[last] > octets:
                break
            used += self._sizes[last]
            last += 1
        return Uid(self._uids[last - 1]), used

    def unique_id(self, number: int) -> str:
        """RFC 1939 §7, UIDL: never assigned to another message. Raises `NoSuchNumber`."""
        return f"{self._uid_validity:08x}{self._uids[self._index(number)]:08x}"

    def mark(self, number: int) -> None:
        """Mark a message to be deleted by QUIT. Raises `NoSuchNumber`."""
        self._index(number)
        self._marked.add(number)

    def unmark_all(self) -> None:
        """Remove all marks."""
        self._marked.clear()

    def scan_listing(self) -> Iterator[list[bytes]]:
        """RFC 1939 §5, LIST: number and size of every message that is not marked, in pieces."""
        for numbers in self._numbers():
            yield [b"%d %d" % (number, self._sizes[number - 1]) for number in numbers]

    def unique_id_listing(self) -> Iterator[list[bytes]]:
        """RFC 1939 §7, UIDL: number and unique id of every message that is not marked, in pieces."""
        validity = b"%08x" % self._uid_validity
        for numbers in self._numbers():
            yield [b"%d %b%08x" % (number, validity, self._uids[number - 1]) for number in numbers]

    def _numbers(self) -> Iterator[list[int]]:
        """The numbers of the messages that are not marked, some thousand at a time."""
        for start in range(0, len(self._uids), LISTED_TOGETHER):
            end = min(start + LISTED_TOGETHER, len(self._uids))
            yield [number for number in range(start + 1, end + 1) if number not in self._marked]

    def _index(self, number: int) -> int:
        if not 1 <= number <= len(self._uids) or number in self._marked:
            raise NoSuchNumber
        return number - 1
