"""The selected mailbox as this client was told of it, and what it may be told when.

Sequence numbers exist only here: a message's number is its place in `uids`, which changes with nothing but
what is told (RFC 9051 §2.3.1.2). Always true:

1. `uids` ascends, and is exactly what the client believes: as many as the last EXISTS less the EXPUNGEs
   since.
2. Messages that are gone but could not be told yet (RFC 9051 §7.5.1) keep their places; `unsaid` names them.
3. Up to `modseq` all changes are told or in `unsaid`.
4. UIDs only rise, so a run of `uids` from a first to a last one covers no message the client was not told of.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from pillarbox.mail.identifiers import MailboxId, ModSeq, UidValidity
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.mail.query import (
    NOTHING,
    And,
    Leaf,
    Query,
    Recent,
    SavedResult,
    Uids,
    UidsWithStar,
    substitute,
)
from pillarbox.mail.query import Sequence as SequenceLeaf
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.fetch_responses import FlagsOf, flag_lines
from pillarbox.protocol.imap.sequence_set import SequenceSet


class NoSuchMessage(ValueError):
    """A sequence number beyond the last message: BAD (RFC 9051 §9, seq-number)."""


class Delta(Protocol):
    """What has changed in a mailbox since a mod-sequence, as the store tells it."""

    @property
    def highest(self) -> int:
        """The mod-sequence up to which this is complete."""

    @property
    def appended(self) -> Sequence[tuple[int, str, int]]:
        """New messages: UID, flags, mod-sequence; ascending."""

    @property
    def flagged(self) -> Sequence[tuple[int, str, int]]:
        """Older messages whose flags changed."""

    @property
    def vanished(self) -> NumberSet:
        """UIDs of messages that are gone."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """Messages that a command names, as runs of places in `SelectedMailbox.uids`."""

    slices: tuple[slice, ...]
    _uids: "array[int]"

    def __bool__(self) -> bool:
        return bool(self.slices)

    def __len__(self) -> int:
        return sum(part.stop - part.start for part in self.slices)

    @property
    def uids(self) -> NumberSet:
        """As runs; a run may span UIDs that no message has any more, but none the client wasn't told of."""
        return NumberSet(tuple((self._uids[part.start], self._uids[part.stop - 1]) for part in self.slices))

    def only(self, slices: Iterable[slice]) -> "Chosen":
        """These runs of places in place of its own."""
        return Chosen(tuple(slices), self._uids)

    def uid_list(self) -> "array[int]":
        """UID by UID, ascending."""
        if len(self.slices) == 1:
            return self._uids[self.slices[0]]
        found = array("I")
        for part in self.slices:
            found.extend(self._uids[part])
        return found

    def sequence_numbers(self) -> Sequence[int]:
        """Number by number, in the order of `uid_list`."""
        if len(self.slices) == 1:
            return range(self.slices[0].start + 1, self.slices[0].stop + 1)
        return [number for part in self.slices for number in range(part.start + 1, part.stop + 1)]


class SelectedMailbox:
    """One client's view of one mailbox."""

    __slots__ = (
        "mailbox",
        "modseq",
        "name",
        "read_only",
        "recent",
        "saved",
        "uid_validity",
        "uids",
        "unsaid",
        "unsaid_modseq",
    )

    def __init__(
        self,
        *,
        mailbox: MailboxId,
        name: str,
        uid_validity: UidValidity,
        uids: Iterable[int],
        modseq: ModSeq,
        read_only: bool = False,
        recent: NumberSet = EMPTY,
    ) -> None:
        self.mailbox = mailbox
        self.name = name
        self.uid_validity = uid_validity
        self.uids = uids if isinstance(uids, array) else array("I", uids)
        """Never changed, only replaced: sessions that were told the same may share one array."""
        self.modseq = modseq
        self.read_only = read_only
        self.recent = recent
        """UIDs that this session claimed as \\Recent: several runs where other sessions claimed between."""
        self.saved: NumberSet = EMPTY
        """`$`: UIDs of the saved search result (RFC 5182 §2.1)."""
        self.unsaid: NumberSet = EMPTY
        """UIDs of messages that are gone and whose EXPUNGE is still owed."""
        self.unsaid_modseq: int | None = None
        """The mod-sequence up to which everything had been told when `unsaid` began to grow."""

    @property
    def count(self) -> int:
        """How many messages the client believes there are."""
        return len(self.uids)

    @property
    def told_modseq(self) -> int:
        """The mod-sequence up to which nothing at all is owed: what HIGHESTMODSEQ may say (RFC 7162 §3.2)."""
        return self.modseq if self.unsaid_modseq is None else self.unsaid_modseq

    @property
    def recent_count(self) -> int:
        """How many messages are \\Recent."""
        return sum(part.stop - part.start for part in self.recent.slices(self.uids)) if self.recent else 0

    def is_recent(self, uid: int) -> bool:
        """Whether this session shows \\Recent for it (RFC 3501 §2.3.2)."""
        return uid in self.recent

    # From numbers to messages

    def resolve(self, numbers: SequenceSet, *, uid: bool) -> Chosen:
        """The messages that a command names. UIDs that no message has are passed over (RFC 9051 §6.4.9).

        Raises NoSuchMessage for a sequence number beyond the last.
        """
        named = self._uid_slices(numbers.numbers) if uid else self._sequence_slices(numbers.numbers)
        if numbers.saved:
            named = _union(named, self.saved.slices(self.uids))
        return Chosen(tuple(named), self.uids)

    def choose(self, uids: NumberSet) -> Chosen:
        """The messages that have these UIDs."""
        return Chosen(tuple(uids.slices(self.uids)), self.uids)

    def sequence_number_of(self, uid: int) -> int | None:
        """None where the client was told of no such message."""
        place = bisect_left(self.uids, uid)
        return place + 1 if place < len(self.uids) and self.uids[place] == uid else None

    def sequence_numbers_of(self, uids: Sequence[int]) -> Sequence[int]:
        """The numbers of messages that the client was told of, given by ascending UIDs."""
        if not uids:
            return ()
        place = bisect_left(self.uids, uids[0])
        stop = place + len(uids)
        # A run without gaps, which most are: compared in C
        if (
            stop <= len(self.uids)
            and self.uids[stop - 1] == uids[-1]
            and self.uids[place:stop] == array("I", uids)
        ):
            return range(place + 1, stop + 1)
        return [bisect_left(self.uids, uid) + 1 for uid in uids]

    def ground(self, query: Query) -> Query:
        """The query with UIDs in the place of the leaves that only this session understands.

        Sequence numbers beyond the last match nothing here (RFC 9051 §9 only asks for BAD where it should).
        """
        return substitute(query, self._ground_leaf)

    def _ground_leaf(self, leaf: Leaf) -> Query:
        match leaf:
            case SequenceLeaf(numbers):
                named = (
                    numbers.resolve(len(self.uids)) & NumberSet(((1, len(self.uids)),))
                    if self.uids
                    else EMPTY
                )
                return self._known(
                    NumberSet(
                        tuple((self.uids[first - 1], self.uids[last - 1]) for first, last in named.runs)
                    )
                )
            case UidsWithStar(numbers):
                return self._known(numbers.resolve(self.uids[-1] if self.uids else 0))
            case SavedResult():
                return self._known(self.saved)
            case Recent():
                return self._known(self.recent)
            case _:
                return leaf

    def bound(self, query: Query) -> Query:
        """The query among the messages this client was told of: newer ones have no sequence number yet."""
        return And((Uids(NumberSet(((1, self.uids[-1]),))), query)) if self.uids else NOTHING

    def _known(self, uids: NumberSet) -> Query:
        return Uids(uids) if uids else NOTHING

    def _uid_slices(self, uids: NumberSet) -> list[slice]:
        last = self.uids[-1] if self.uids else 0
        return uids.resolve(last).slices(self.uids)

    def _sequence_slices(self, numbers: NumberSet) -> list[slice]:
        count = len(self.uids)
        # RFC 9051 §9, seq-number: "*" too is BAD where the mailbox is empty
        if numbers and (not count or numbers.resolve(count).last > count):
            raise NoSuchMessage
        return [slice(first - 1, last) for first, last in numbers.resolve(count).runs]

    # What has changed, told

    def tell(self, delta: Delta, telling: "Telling") -> bytes:
        """Take in what has changed; the untagged responses to write, in their order.

        EXPUNGE or VANISHED first, where it may be told, so that all numbers after it are the new ones; then
        EXISTS and RECENT, then FETCH for flags. Messages that this session's own command changed may be
        left out.
        """
        said: list[bytes] = [self._tell_vanished(delta.vanished, telling)]
        said.append(self._tell_appended(delta.appended, telling))
        said.append(self._tell_flagged(delta.flagged, telling))
        self.modseq = ModSeq(max(self.modseq, delta.highest))
        if not self.unsaid:
            self.unsaid_modseq = None
        return b"".join(said)

    def tell_unsaid(self, telling: "Telling") -> bytes:
        """What is owed from before, if it may be told now."""
        said = self._tell_vanished(EMPTY, telling)
        if not self.unsaid:
            self.unsaid_modseq = None
        return said

    def _tell_vanished(self, vanished: NumberSet, telling: "Telling") -> bytes:
        if vanished:
            if self.unsaid_modseq is None:
                self.unsaid_modseq = self.modseq
            self.unsaid |= vanished
        if not self.unsaid or not telling.expunges:
            return b""
        gone = self.unsaid.slices(self.uids)
        self.unsaid = EMPTY
        if not gone:
            return b""
        said = self._gone(gone, vanished=telling.qresync)
        left = self.uids[:]
        for part in reversed(gone):
            del left[part]
        self.uids = left
        return said

    def _gone(self, gone: Sequence[slice], *, vanished: bool) -> bytes:
        if vanished:
            # Only what the client had: it was never told of the others (RFC 7162 §3.2.10)
            return responses.vanished(NumberSet.of(uid for part in gone for uid in self.uids[part]))
        return responses.expunged(place + 1 for part in gone for place in range(part.start, part.stop))

    def _tell_appended(self, appended: Sequence[tuple[int, str, int]], telling: "Telling") -> bytes:
        last = self.uids[-1] if self.uids else 0
        new = [uid for uid, _, _ in appended if uid > last]
        if not new:
            return b""
        self.uids = self.uids + array("I", new)
        said = responses.exists(len(self.uids))
        return said if telling.rev2 else said + responses.recent(self.recent_count)

    def _tell_flagged(self, flagged: Sequence[tuple[int, str, int]], telling: "Telling") -> bytes:
        rows: list[FlagsOf] = []
        for uid, flags, modseq in flagged:
            if modseq in telling.own or uid in self.unsaid:
                continue
            if number := self.sequence_number_of(uid):
                rows.append(
                    FlagsOf(
                        number, uid, f"{flags} \\Recent".lstrip() if self.is_recent(uid) else flags, modseq
                    )
                )
        return flag_lines(rows, condstore=telling.condstore) if rows else b""


@dataclass(frozen=True, slots=True)
class Telling:
    """In which manner changes are told now."""

    expunges: bool
    """Whether EXPUNGE and VANISHED may be told (RFC 9051 §7.5.1).

    Never while a command is answered that names messages by sequence numbers (FETCH, STORE, SEARCH, and UID
    SEARCH with sequence numbers among its keys), and never while no command is in progress; IDLE is one.
    """
    rev2: bool = False
    condstore: bool = False
    qresync: bool = False
    own: frozenset[int] = frozenset()
    """Mod-sequences of changes that the session's own command made and has answered itself."""


def _union(some: list[slice], more: list[slice]) -> list[slice]:
    """Ascending slices that neither overlap nor touch."""
    runs = [(part.start + 1, part.stop) for part in (*some, *more)]
    return [slice(first - 1, last) for first, last in NumberSet.of_ranges(runs).runs]
