"""Evaluating a query: which messages of a mailbox match.

The query's tree is walked with the remaining candidates, as indexes into a `CachedMailbox` ("places"). Each term
keeps those it matches; within AND the cheap terms go first, so that a body is read only of messages that match all
else. There are four costs: what is in memory (flags, UIDs), what the narrow table has (dates, sizes), what
the header lines contain, and what needs the text.

Exactness: every text term ends in comparing decoded text (RFC 9051 §6.4.4). The full-text index only
excludes messages that can't contain the text.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import chain, compress, islice
from typing import Any, Final, assert_never

from pillarbox.mail import flags as flag_text
from pillarbox.mail import query as q
from pillarbox.mail.normalization import fold
from pillarbox.mail.number_set import NumberSet, Run
from pillarbox.mail.part_parser import parse
from pillarbox.mail.query import Query, Relation, Stamp
from pillarbox.mail.summary import CACHED_FIELDS
from pillarbox.store import fetch
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.fetch import Column
from pillarbox.store.search import index
from pillarbox.store.search.cost import cost, rank
from pillarbox.store.search.octets import excludes
from pillarbox.store.search.reading import Message, messages
from pillarbox.store.search.text import (
    Interlude,
    addresses_contain,
    any_header_contains,
    body_contains,
    field_contains,
    go_on,
    lines_may_contain,
    longest_word,
)
from pillarbox.trust.smime.kinds import is_smime, may_be_smime
from pillarbox.world.blobs import BlobDamaged, Blobs
from pillarbox.world.database import QUERY_ROWS, Transaction

INDEX_FROM_MESSAGES: Final = 16
"""With fewer candidates, reading them is cheaper than querying the index."""

MAX_SUBJECTS_READ: Final = 20_000
"""With fewer candidates, reading their subjects, which are stored decoded, is cheaper as well."""

MAX_PLACES: Final = 10_000
"""Messages that are looked at together where that takes no more than their flags, or a narrow row."""

MAX_ROWS: Final = 500
"""Messages whose wide columns are in memory together."""

_DAY_MS: Final = 86_400_000
_EPOCH: Final = date(1970, 1, 1)


LITTLE_OCTETS: Final = 128 * 1024
"""Header lines that `evaluate_little` reads: as many as 200 usual messages have."""

LITTLE_LINES_OCTETS: Final = 4096
"""Header lines of one message that it looks at: some milliseconds, where they are nothing but addresses."""


class TooMuch(Exception):
    """There is more to read, or it takes longer, than the loop has time for."""


class NotInSession(TypeError):
    """The query has a term that only a session can resolve: `query.substitute` was not called."""


def evaluate(
    tx: Transaction,
    blobs: Blobs,
    cached: CachedMailbox,
    query: Query,
    *,
    now_ms: int,
    index_from_messages: int = INDEX_FROM_MESSAGES,
    interlude: Interlude = go_on,
) -> "array[int]":
    """UIDs of the messages that match, ascending.

    `now_ms` is what YOUNGER and OLDER count from. With fewer candidates than `index_from_messages`, the index is not
    queried. `interlude` is called between slices of the work, and may raise to end it. `cached` must stay as it is
    meanwhile. Where it `takes_long`, this belongs in a thread, with a `CachedMailbox.snapshot`.
    """
    return _evaluate(_Search(tx, blobs, cached, now_ms, index_from_messages, interlude), cached, query)


def evaluate_in_memory(cached: CachedMailbox, query: Query) -> "array[int]":
    """`evaluate` for a query that `is_in_memory`."""
    return _evaluate(_Search(None, None, cached, 0, INDEX_FROM_MESSAGES, go_on), cached, query)


def evaluate_little(
    tx: Transaction,
    cached: CachedMailbox,
    query: Query,
    *,
    now_ms: int,
    interlude: Interlude = go_on,
    max_octets: int = LITTLE_OCTETS,
) -> "array[int]":
    """`evaluate` for a query that `may_be_quick`, at once. Raises `TooMuch` where it isn't: then it is for a thread.

    The index is not queried: how long that takes depends on all the mail of the account.
    """
    search = _Search(tx, None, cached, now_ms, len(cached.uids) + 1, interlude, max_octets)
    return _evaluate(search, cached, query)


def _evaluate(search: "_Search", cached: CachedMailbox, query: Query) -> "array[int]":
    uids = cached.uids
    places = search.among(query, range(len(uids)))
    if isinstance(places, range):  # all of them, or none
        return uids[places.start : places.stop]
    # No interlude, which might say that a quick search has taken too long, now that it is done
    if len(places) <= MAX_PLACES:
        return array("I", [uids[place] for place in places])
    found = array("I")
    for some in search.parts(places):
        found.extend([uids[place] for place in some])
    return found


Places = Sequence[int]
"""Ascending places in the mailbox. Where they may be very many, a range or an array: a list takes ten times as much
memory."""


class _Search:
    """One evaluation: what it may read."""

    __slots__ = (
        "_blobs",
        "_index_from_messages",
        "_interlude",
        "_mailbox",
        "_now_ms",
        "_octets_left",
        "_transaction",
    )

    def __init__(
        self,
        tx: Transaction | None,
        blobs: Blobs | None,
        cached: CachedMailbox,
        now_ms: int,
        index_from_messages: int,
        interlude: Interlude,
        octets: int | None = None,
    ) -> None:
        """`octets`: of header lines, beyond which it raises `TooMuch`."""
        self._octets_left = octets
        self._transaction = tx
        self._blobs = blobs
        self._mailbox = cached
        self._now_ms = now_ms
        self._index_from_messages = index_from_messages
        self._interlude = interlude

    @property
    def _tx(self) -> Transaction:
        assert self._transaction is not None, "what is in memory reads nothing"
        return self._transaction

    def among(self, query: Query, places: Places) -> Places:
        """Those of these places that match."""
        self._interlude()
        if not places:
            return places
        match query:
            case q.And(terms):
                for term in sorted(terms, key=rank):
                    places = self.among(term, places)
                return places
            case q.Or(terms):
                return self._any(terms, places)
            case q.Not(q.Flag(name)):
                return self._flagged(name, places, present=False)
            case q.Not(term):
                return self._those(places, self.among(term, places), inside=False)
            case _:
                return self._leaf(query, places)

    def _any(self, terms: Sequence[Query], places: Places) -> Places:
        left = places
        for term in sorted(terms, key=cost):
            left = self._those(left, self.among(term, left), inside=False)
        return self._those(places, left, inside=False)

    def _those(self, places: Places, others: Places, *, inside: bool) -> Places:
        """Those of these places that are among the others, or those that are not."""
        found = array("I")
        for some in self.parts(places):
            near = set(others[bisect_left(others, some[0]) : bisect_right(others, some[-1])])
            found.extend([place for place in some if (place in near) is inside])
        return found

    def _leaf(self, leaf: q.Leaf, places: Places) -> Places:
        match leaf:
            case q.All():
                return places
            case q.Uids(numbers):
                return self._within(numbers, places)
            case q.Flag(name):
                return self._flagged(name, places, present=True)
            case q.ModSeqAtLeast(modseq):
                modseqs = self._mailbox.modseqs
                return self._where(lambda place: modseqs[place] >= modseq, places)
            case q.Field(name, text):
                return self._field(name, fold(text), places)
            case q.Addresses(name, text):
                return self._addresses(name, fold(text), places)
            case q.HasSmime():
                lines = self._columns(places, (Column.CACHED_FIELDS,), lambda row: may_be_smime(row[1]))
                return [place for place, cached in lines if is_smime(cached)]
            case q.Body(text):
                return self._text(fold(text), places, in_header=False)
            case q.Text(text):
                return self._text(fold(text), places, in_header=True)
            case q.UidsWithStar() | q.Sequence() | q.SavedResult() | q.Recent():
                raise NotInSession(leaf)
            case _:
                return self._narrow_rows(*self._condition(leaf), places)

    def _flagged(self, name: str, places: Places, *, present: bool) -> Places:
        flags, found = self._mailbox.flags, array("I")
        for some in self.parts(places):
            whole = isinstance(some, range)
            column = flags[some[0] : some[-1] + 1] if whole else [flags[place] for place in some]
            # Few different texts, however many messages: each is examined once
            wanted = {text for text in set(column) if flag_text.contains(text, name) is present}
            found.extend(compress(some, map(wanted.__contains__, column)))
        return places if len(found) == len(places) else found

    def _where(self, matches: Callable[[int], bool], places: Places) -> Places:
        found = array("I")
        for some in self.parts(places):
            found.extend(filter(matches, some))
        return found

    def parts(self, places: Places) -> Iterator[Places]:
        """So many at a time that a thread which goes through them lets the loop run."""
        for start in range(0, len(places), MAX_PLACES):
            self._interlude()
            yield places[start : start + MAX_PLACES]

    def _within(self, numbers: NumberSet, places: Places) -> Places:
        parts = numbers.slices(self._mailbox.uids)
        if any(part.start <= places[0] and places[-1] < part.stop for part in parts):
            return places
        if isinstance(places, range):
            clipped = [range(max(part.start, places.start), min(part.stop, places.stop)) for part in parts]
            found = [part for part in clipped if part]
            return found[0] if len(found) == 1 else self._listed(found)
        return self._those(
            places, self._listed([range(part.start, part.stop) for part in parts]), inside=True
        )

    def _listed(self, parts: Sequence[range]) -> "array[int]":
        found = array("I")
        places = chain.from_iterable(parts)
        while some := array("I", islice(places, MAX_PLACES)):
            self._interlude()
            found.extend(some)
        return found

    def _condition(
        self,
        leaf: q.Dated
        | q.ReceivedBefore
        | q.Younger
        | q.Older
        | q.Larger
        | q.Smaller
        | q.HasAttachment
        | q.EmailIs
        | q.ThreadIs,
    ) -> tuple[str, tuple[int, ...]]:
        """The SQL condition on the narrow table."""
        match leaf:
            case q.Dated(stamp, relation, day):
                return _dated(stamp, relation, (day - _EPOCH).days)
            case q.ReceivedBefore(at_ms):
                return "received_at_ms < ?", (at_ms,)
            case q.Younger(seconds):
                return "received_at_ms >= ?", ((self._now_ms // 1000 - seconds) * 1000,)
            case q.Older(seconds):
                # RFC 5032 §2: "equal to" counts, to the resolution of a second
                return "received_at_ms < ?", ((self._now_ms // 1000 - seconds + 1) * 1000,)
            case q.Larger(octets):
                return "size > ?", (octets,)
            case q.Smaller(octets):
                return "size < ?", (octets,)
            case q.HasAttachment():
                return "EXISTS (SELECT 1 FROM emails e WHERE e.id = email AND e.has_attachment = 1)", ()
            case q.EmailIs(email):
                return "email = ?", (email,)
            case q.ThreadIs(thread):
                return "thread = ?", (thread,)
            case _:
                assert_never(leaf)

    def _narrow_rows(self, condition: str, parameters: tuple[int, ...], places: Places) -> Places:
        uids, mailbox = self._mailbox.uids, (self._mailbox.account, self._mailbox.mailbox)
        found = array("I")
        sql = (
            "SELECT uid FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ? AND "  # noqa: S608 - from _condition
            + condition
        )
        for some in self.parts(places):
            spans: tuple[Run, ...] = ((uids[some[0]], uids[some[-1]]),)
            if some[-1] - some[0] > QUERY_ROWS * len(some):  # few of many
                spans = NumberSet.of(uids[place] for place in some).spans(QUERY_ROWS)
            rows = [row for span in spans for row in self._tx.rows(sql, (*mailbox, *span, *parameters))]
            matching = {uid for (uid,) in rows}
            found.extend([place for place in some if uids[place] in matching])
        return found

    def _field(self, name: str, folded: str, places: Places) -> Places:
        key = name.lower()
        if key == "subject" and folded and len(places) < MAX_SUBJECTS_READ:
            return self._subject(folded, places)
        places = self._possible(folded, places)
        if key.encode(errors="replace") not in CACHED_FIELDS:
            return [
                place
                for place, blob, size in self._columns(places, (Column.BLOB, Column.HEADER_SIZE))
                if field_contains(self._read(blob, size), name, folded, self._interlude)
            ]
        may = lines_may_contain(folded)
        lines = self._columns(places, (Column.CACHED_FIELDS,), lambda row: may(row[1]))
        return [place for place, cached in lines if field_contains(cached, name, folded, self._interlude)]

    def _addresses(self, name: str, folded: str, places: Places) -> Places:
        word = longest_word(folded)
        places = self._possible(word, places)
        may = lines_may_contain(word)
        lines = self._columns(places, (Column.CACHED_FIELDS,), lambda row: may(row[1]))
        return [
            place for place, cached in lines if addresses_contain(cached, name, folded, word, self._interlude)
        ]

    def _subject(self, folded: str, places: Places) -> Places:
        subjects = self._columns(places, (Column.SUBJECT,), lambda row: folded in fold(row[1]))
        return [place for place, _ in subjects]

    def _text(self, folded: str, places: Places, *, in_header: bool) -> Places:
        if not folded:
            return places
        found = []
        excluded = excludes(folded, in_header=in_header)
        for place, message in self._messages(self._possible(folded, places)):
            self._interlude()
            octets = message.octets
            if excluded(octets, message.header_size):
                continue
            root = parse(octets)
            if (in_header and any_header_contains(root, folded, self._interlude)) or body_contains(
                octets, root, folded, self._interlude
            ):
                found.append(place)
        return found

    def _messages(self, places: Places) -> Iterator[tuple[int, Message]]:
        """Place and octets of those messages that still exist."""
        assert self._blobs is not None, "what is in memory reads nothing"
        cached = self._mailbox
        for place_of, asked in self._by_uid(places, sparse_from=2):
            for message in messages(self._tx, self._blobs, cached.account, cached.mailbox, asked):
                place = place_of.get(message.uid)
                if place is not None:
                    yield place, message

    def _read(self, digest: bytes, length: int | None) -> bytes:
        assert self._blobs is not None, "what is in memory reads nothing"
        try:
            return self._blobs.read(self._tx, digest, 0, length)
        except BlobDamaged:
            return b""  # a damaged store finds less; what is there must stay searchable

    def _possible(self, folded: str, places: Places) -> Places:
        """Those that the index does not exclude."""
        if len(places) < self._index_from_messages:
            return places
        cached, uids = self._mailbox, self._mailbox.uids
        between = uids[places[0]], uids[places[-1]]
        may = index.narrow(self._tx, cached.account, cached.mailbox, between, folded)
        return places if may is None else self._where(lambda place: uids[place] in may, places)

    def _rows(self, asked: NumberSet, columns: tuple[Column, ...]) -> list[tuple[Any, ...]]:
        account, mailbox = self._mailbox.account, self._mailbox.mailbox
        if self._octets_left is None:
            return fetch.rows(self._tx, account, mailbox, asked, columns)
        page = fetch.rows_within(self._tx, account, mailbox, asked, columns, self._octets_left)
        self._octets_left -= page.octets
        if self._octets_left < 0 or any(len(row[1]) > LITTLE_LINES_OCTETS for row in page.rows):
            raise TooMuch
        return page.rows

    def _columns(
        self,
        places: Places,
        columns: tuple[Column, ...],
        keep: Callable[[tuple[Any, ...]], bool] | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Place and columns of those messages that still exist and whose row `keep` accepts."""
        for place_of, asked in self._by_uid(places, sparse_from=4):
            rows = self._rows(asked, columns)
            for row in rows if keep is None else filter(keep, rows):
                place = place_of.get(row[0])
                if place is not None:
                    yield place, *row[1:]

    def _by_uid(self, places: Places, *, sparse_from: int) -> Iterator[tuple[dict[int, int], NumberSet]]:
        """Some of the places at a time by their UIDs, and what UIDs to read.

        Where more than one in `sparse_from` of a range is asked for, one scan reads all of it.
        """
        uids = self._mailbox.uids
        for start in range(0, len(places), MAX_ROWS):
            self._interlude()
            some = places[start : start + MAX_ROWS]
            place_of = {uids[place]: place for place in some}
            asked = NumberSet.of(place_of)
            if some[-1] - some[0] < sparse_from * len(some):
                asked = NumberSet(((asked.first, asked.last),))
            yield place_of, asked


def _dated(stamp: Stamp, relation: Relation, day: int) -> tuple[str, tuple[int, ...]]:
    match stamp:
        case Stamp.SENT:
            column, unit = "sent_day", 1
        case Stamp.RECEIVED:
            column, unit = "received_at_ms", _DAY_MS
        case Stamp.SAVED:
            column, unit = "saved_at_ms", _DAY_MS
        case _:
            assert_never(stamp)
    start, end = day * unit, (day + 1) * unit
    match relation:
        case Relation.BEFORE:
            return f"{column} < ?", (start,)
        case Relation.SINCE:
            return f"{column} >= ?", (start,)
        case Relation.ON:
            return f"{column} >= ? AND {column} < ?", (start, end)
        case _:
            assert_never(relation)
