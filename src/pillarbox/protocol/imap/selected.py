"""The selected mailbox as this client knows it, and which updates it may be sent when.

Sequence numbers exist only here: a message's number is its index in `uids` plus one, which changes only with what is
sent to the client (RFC 9051 §2.3.1.2). Always true:

1. The first `count` of `uids` ascend, and are exactly what the client knows: as many as the last EXISTS less the
   EXPUNGEs since. Those behind them, if any, are for sessions that have been sent more.
2. Messages that are gone but whose EXPUNGE may not be sent yet (RFC 9051 §7.5.1) keep their numbers;
   `pending_expunges` names them.
3. Up to `modseq` all changes are sent or in `pending_expunges`.
4. UIDs only rise, so a run of `uids` from a first to a last one covers no message that the client does not know.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Final, Protocol

from msgspec import Struct

from pillarbox.mail.flags import NO_KEYWORDS
from pillarbox.mail.identifiers import MailboxId, ModSeq, UidValidity
from pillarbox.mail.long_array import LongArray, UidArray
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
from pillarbox.protocol.imap.chosen import Chosen
from pillarbox.protocol.imap.fetch_responses import FlagsOf, flag_lines
from pillarbox.protocol.imap.sequence_set import SequenceSet

PIECE_ROWS: Final = 1000
"""Messages whose updates are made together: some two milliseconds."""


class NoSuchMessage(ValueError):
    """A sequence number beyond the last message: BAD (RFC 9051 §9, seq-number)."""


class Delta(Protocol):
    """What has changed in a mailbox since a mod-sequence."""

    @property
    def highest(self) -> int:
        """The mod-sequence up to which this is complete."""

    @property
    def appended(self) -> "array[int]":
        """The UIDs of new messages, ascending."""

    @property
    def flagged(self) -> Iterable[Sequence[tuple[int, str, int]]]:
        """Older messages whose flags changed: UID, flags, mod-sequence. Pieces of at most `PIECE_ROWS`, each made as
        it is taken."""

    @property
    def vanished(self) -> NumberSet:
        """UIDs of messages that are gone."""

    @property
    def uids(self) -> UidArray:
        """Begins with the UIDs of all messages that there are at `highest`, `count` of them."""

    @property
    def count(self) -> int:
        """How many messages there are."""


class SelectedMailbox:
    """One client's view of one mailbox."""

    __slots__ = (
        "_saved",
        "count",
        "keywords",
        "mailbox",
        "modseq",
        "name",
        "pending_expunges",
        "pending_since",
        "read_only",
        "recent",
        "uid_validity",
        "uids",
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
        self.uids: UidArray = uids if isinstance(uids, array | LongArray) else array("I", uids)
        """Shared by sessions that know the same, or the beginning of it: UIDs are added at its end, never removed."""
        self.count = len(self.uids)
        """How many messages the client knows."""
        self.modseq = modseq
        self.read_only = read_only
        self.recent = recent
        """UIDs that this session claimed as \\Recent: several runs where other sessions claimed between."""
        self.keywords = NO_KEYWORDS
        """Those that the last FLAGS response named; `server.imap.keywords` sends another one before there is more."""
        self._saved = array("I")
        self.pending_expunges: NumberSet = EMPTY
        """UIDs of messages that are gone and whose EXPUNGE is still to be sent."""
        self.pending_since: int | None = None
        """The mod-sequence up to which everything had been sent when `pending_expunges` began to grow."""

    @property
    def saved(self) -> NumberSet:
        """`$`: UIDs of the saved search result (RFC 5182 §2.1). Kept as an array, in a tenth of the memory."""
        ends = iter(self._saved)
        return NumberSet(tuple(zip(ends, ends, strict=True)))

    @saved.setter
    def saved(self, uids: NumberSet) -> None:
        """Keep another result."""
        self._saved = array("I", chain.from_iterable(uids.runs))

    @property
    def saved_runs(self) -> int:
        """How many runs `saved` has."""
        return len(self._saved) // 2

    @property
    def last_uid(self) -> int:
        """The highest UID that the client knows; 0 for none."""
        return self.uids[self.count - 1] if self.count else 0

    @property
    def complete_modseq(self) -> int:
        """The mod-sequence up to which everything has been sent: what HIGHESTMODSEQ may be (RFC 7162 §3.2)."""
        return self.modseq if self.pending_since is None else self.pending_since

    @property
    def recent_count(self) -> int:
        """How many messages are \\Recent."""
        return sum(part.stop - part.start for part in self._slices(self.recent)) if self.recent else 0

    def is_recent(self, uid: int) -> bool:
        """Whether this session shows \\Recent for it (RFC 3501 §2.3.2)."""
        return uid in self.recent

    # --- from numbers to messages

    def resolve(self, numbers: SequenceSet, *, uid: bool) -> Chosen:
        """The messages that a command names. UIDs that no message has are passed over (RFC 9051 §6.4.9).

        Raises NoSuchMessage for a sequence number beyond the last.
        """
        named = self._uid_slices(numbers.numbers) if uid else self._sequence_slices(numbers.numbers)
        if numbers.saved:
            saved = self._slices(self.saved)
            named = _union(named, saved) if named else saved
        return Chosen(tuple(named), self.uids)

    def choose(self, uids: NumberSet) -> Chosen:
        """The messages that have these UIDs."""
        return Chosen(tuple(self._slices(uids)), self.uids)

    def sequence_number_of(self, uid: int) -> int | None:
        """None where the client knows no such message."""
        index = bisect_left(self.uids, uid, 0, self.count)
        return index + 1 if index < self.count and self.uids[index] == uid else None

    def sequence_numbers_of(self, uids: Sequence[int]) -> Sequence[int]:
        """The numbers of messages that the client knows, given by ascending UIDs."""
        if not uids:
            return ()
        place = bisect_left(self.uids, uids[0])
        stop = place + len(uids)
        # A run without gaps, which most are: compared in C
        if (
            stop <= self.count
            and self.uids[stop - 1] == uids[-1]
            and self.uids[place:stop] == array("I", uids)
        ):
            return range(place + 1, stop + 1)
        # Among these alone, in an array: in the pieces of a long one each look takes ten times as long
        near = self.uids[place : bisect_left(self.uids, uids[-1], place) + 1]
        before = place + 1
        return [bisect_left(near, uid) + before for uid in uids]

    def resolve_query(self, query: Query) -> Query:
        """The query with UIDs in place of the leaves that only this session can resolve.

        Sequence numbers beyond the last match nothing here (RFC 9051 §9 only asks for BAD where it should).
        """
        saved: list[Query] = []  # made once, however often the query names it

        def resolve(leaf: Leaf) -> Query:
            if not isinstance(leaf, SavedResult):
                return self._resolve_leaf(leaf)
            if not saved:
                saved.append(self._known(self.saved))
            return saved[0]

        return substitute(query, resolve)

    def _resolve_leaf(self, leaf: Leaf) -> Query:
        match leaf:
            case SequenceLeaf(numbers):
                named = numbers.resolve(self.count) & NumberSet(((1, self.count),)) if self.count else EMPTY
                return self._known(
                    NumberSet(
                        tuple((self.uids[first - 1], self.uids[last - 1]) for first, last in named.runs)
                    )
                )
            case UidsWithStar(numbers):
                return self._known(numbers.resolve(self.last_uid))
            case Recent():
                return self._known(self.recent)
            case _:
                return leaf

    def limit_query(self, query: Query) -> Query:
        """The query among the messages this client knows: newer ones have no sequence number yet."""
        return And((Uids(NumberSet(((1, self.last_uid),))), query)) if self.count else NOTHING

    def _known(self, uids: NumberSet) -> Query:
        return Uids(uids) if uids else NOTHING

    def _uid_slices(self, uids: NumberSet) -> list[slice]:
        return self._slices(uids.resolve(self.last_uid))

    def _slices(self, uids: NumberSet) -> list[slice]:
        return uids.slices(self.uids, self.count)

    def _sequence_slices(self, numbers: NumberSet) -> list[slice]:
        if not numbers.runs:
            return []
        count = self.count
        runs = numbers.resolve(count).runs
        # RFC 9051 §9, seq-number: "*" too is BAD where the mailbox is empty
        if not runs or runs[-1][1] > count:
            raise NoSuchMessage
        return [slice(first - 1, last) for first, last in runs]

    # --- updates

    def apply(self, delta: Delta, options: "UpdateOptions") -> Iterator[bytes]:
        """Apply what has changed; the untagged responses to write, in their order.

        They are made piece by piece, as they are taken, from what is known now. EXPUNGE or VANISHED first, where it
        is permitted, so that all numbers after it are the new ones; then EXISTS and RECENT, then FETCH for flags.
        Messages that this session's own command changed may be left out.
        """
        new = delta.appended[bisect_right(delta.appended, self.last_uid) :]
        gone = self.pending_expunges | delta.vanished
        written: Iterable[bytes] = ()
        if gone and not options.expunges:
            if self.pending_since is None:
                self.pending_since = self.modseq
            self.pending_expunges = gone
            self._add(new)
        else:
            parts = self._slices(gone)
            if parts:
                written = _gone_responses(self.uids, parts, vanished=options.qresync)
            self.pending_expunges, self.pending_since = EMPTY, None
            # Nothing is held back: the client knows what there is
            self.uids, self.count = delta.uids, delta.count
        self.modseq = ModSeq(max(self.modseq, delta.highest))
        return chain(written, self._exists(options) if new else (), self._flagged(delta.flagged, options))

    def catch_up(self, uids: UidArray, count: int, modseq: ModSeq) -> None:
        """The client is sent all up to `modseq`: it knows the first `count` of these messages then."""
        self.uids, self.count, self.modseq = uids, count, modseq

    def _exists(self, options: "UpdateOptions") -> Iterable[bytes]:
        written = responses.exists(self.count)
        return (written if options.rev2 else written + responses.recent(self.recent_count),)

    def _add(self, new: "array[int]") -> None:
        """Know these messages too, in the same array unless others know other ones there."""
        behind = self.uids[self.count : self.count + len(new)]
        if behind != new[: len(behind)]:
            self.uids, behind = self.uids[: self.count], new[:0]
        self.uids.extend(new[len(behind) :])
        self.count += len(new)

    def _flagged(
        self, flagged: Iterable[Sequence[tuple[int, str, int]]], options: "UpdateOptions"
    ) -> Iterator[bytes]:
        return _flag_responses(flagged, options, (self.uids, self.count), self.recent, self.pending_expunges)


def _gone_responses(known: UidArray, gone: Sequence[slice], *, vanished: bool) -> Iterator[bytes]:
    """EXPUNGE or VANISHED for some of the messages that the client knew."""
    places = chain.from_iterable(range(part.start, part.stop) for part in gone)
    before = 0
    while some := tuple(islice(places, PIECE_ROWS)):
        if vanished:
            # Only what the client knows: the others it never had (RFC 7162 §3.2.10)
            yield responses.vanished(NumberSet.of(known[place] for place in some))
        else:
            yield responses.expunged([place + 1 - before for place in some])
            before += len(some)


def _flag_responses(
    flagged: Iterable[Sequence[tuple[int, str, int]]],
    options: "UpdateOptions",
    known: tuple[UidArray, int],
    recent: NumberSet,
    pending: NumberSet,
) -> Iterator[bytes]:
    """FETCH for those of the messages that the client knew: the first ones of an array."""
    uids, count = known
    for piece in flagged:
        rows: list[FlagsOf] = []
        for uid, flags, modseq in piece:
            if modseq in options.own_modseqs or uid in pending:
                continue
            index = bisect_left(uids, uid, 0, count)
            if index < count and uids[index] == uid:
                shown = f"{flags} \\Recent".lstrip() if recent and uid in recent else flags
                rows.append(FlagsOf(index + 1, uid, shown, modseq))
        yield flag_lines(rows, condstore=options.condstore) if rows else b""


class UpdateOptions(Struct, frozen=True, gc=False):
    """Which responses the client is sent for changes now."""

    expunges: bool
    """Whether EXPUNGE and VANISHED are permitted (RFC 9051 §7.5.1).

    Never while a command is answered that names messages by sequence numbers (FETCH, STORE, SEARCH, and UID
    SEARCH with sequence numbers among its keys), and never while no command is in progress; IDLE is one.
    """
    rev2: bool = False
    condstore: bool = False
    qresync: bool = False
    own_modseqs: frozenset[int] = frozenset()
    """Mod-sequences of changes that the session's own command made and reported itself."""


def _union(some: list[slice], more: list[slice]) -> list[slice]:
    """Ascending slices that neither overlap nor touch."""
    runs = [(part.start + 1, part.stop) for part in (*some, *more)]
    return [slice(first - 1, last) for first, last in NumberSet.of_ranges(runs).runs]
