"""The cost of a query: what evaluating it must read, and whether that belongs in a thread."""

from collections.abc import Sequence
from typing import Final

from pillarbox.mail import query as q
from pillarbox.mail.query import Query
from pillarbox.mail.summary import CACHED_FIELDS

MAX_COMPARISONS: Final = 500_000
"""Beyond this, some 50 ms, evaluating in the loop would delay other sessions."""
MAX_LITTLE_MESSAGES: Final = 200
"""Up to so many messages, reading their header lines is no more than a FETCH does at a time: about a millisecond."""
MAX_NAMED_RUNS: Final = 16
"""Runs of a set that are counted to see how few messages it names."""
_NARROW_COMPARISONS: Final = 5
_RUN_COMPARISONS: Final = 30
"""What a run of a set costs, from the command to the response, however many messages there are."""


def is_in_memory(query: Query) -> bool:
    """Whether the cached mailbox alone answers this."""
    return cost(query) == _MEMORY


def candidates(query: Query, uids: Sequence[int]) -> int:
    """How many messages are left to be looked at, of those with these UIDs, ascending: those that the query names.

    Sets of more than `MAX_NAMED_RUNS` count as if they named all: a query may have hundreds of sets (RFC 5182's `$`).
    """
    match query:
        case q.And(terms):
            return min((candidates(term, uids) for term in terms), default=len(uids))
        case q.Uids(numbers) if len(numbers.runs) <= MAX_NAMED_RUNS:
            return sum(part.stop - part.start for part in numbers.slices(uids))
        case _:
            return len(uids)


def takes_long(query: Query, *, messages: int) -> bool:
    """Whether evaluating this over so many messages may read the text of many, or compare very much."""
    return cost(query) >= _HEADER_LINES or compares_much(query, messages=messages)


def compares_much(query: Query, *, messages: int) -> bool:
    """Whether comparing what is in memory of so many messages may itself take long."""
    return _comparisons(query) * messages + _runs(query) * _RUN_COMPARISONS > MAX_COMPARISONS


def may_be_quick(query: Query, *, messages: int) -> bool:
    """Whether a search that `takes_long` is worth trying at once: few messages, and of them cached fields only."""
    return (
        messages <= MAX_LITTLE_MESSAGES
        and _reads_cached_fields(query)
        and not compares_much(query, messages=messages)
    )


def _reads_cached_fields(query: Query) -> bool:
    """Whether it reads no more of a message's text than the summary has of its header."""
    match query:
        case q.And(terms) | q.Or(terms):
            return all(map(_reads_cached_fields, terms))
        case q.Not(term):
            return _reads_cached_fields(term)
        case q.Field(name):
            return name.lower().encode(errors="replace") in CACHED_FIELDS
        case _:
            return cost(query) < _WHOLE_TEXT


def _comparisons(query: Query) -> int:
    """The cost of a query per message, in comparisons in memory."""
    match query:
        case q.And(terms) | q.Or(terms):
            return len(terms) + sum(map(_comparisons, terms))
        case q.Not(term):
            return 1 + _comparisons(term)
        case _:
            return 1 if cost(query) == _MEMORY else _NARROW_COMPARISONS


def _runs(query: Query) -> int:
    """The runs of all sets in a query, each counted as often as it stands there (`$`, RFC 5182, is one)."""
    match query:
        case q.And(terms) | q.Or(terms):
            return sum(map(_runs, terms))
        case q.Not(term):
            return _runs(term)
        case q.Uids(numbers):
            return len(numbers.runs)
        case _:
            return 0


_MEMORY, _NARROW_TABLE, _HEADER_LINES, _WHOLE_TEXT = range(4)


def rank(term: Query) -> tuple[int, bool]:
    """The order of terms within AND: the cheap ones first, and of these the UIDs, which leave the others less."""
    return cost(term), not isinstance(term, q.Uids)


def cost(query: Query) -> int:
    """The dearest thing that this query needs, as a number."""
    match query:
        case q.And(terms) | q.Or(terms):
            return max(map(cost, terms), default=_MEMORY)
        case q.Not(term):
            return cost(term)
        case _:
            return _COSTS.get(type(query), _MEMORY)


_COSTS: Final[dict[type[Query], int]] = {
    q.Body: _WHOLE_TEXT,
    q.Text: _WHOLE_TEXT,
    q.Field: _HEADER_LINES,
    q.Addresses: _HEADER_LINES,
    q.HasSmime: _HEADER_LINES,
    q.HasAttachment: _HEADER_LINES,  # a row of the wide table, of which it is the beginning
    q.Dated: _NARROW_TABLE,
    q.ReceivedBefore: _NARROW_TABLE,
    q.Younger: _NARROW_TABLE,
    q.Older: _NARROW_TABLE,
    q.Larger: _NARROW_TABLE,
    q.Smaller: _NARROW_TABLE,
    q.EmailIs: _NARROW_TABLE,
    q.ThreadIs: _NARROW_TABLE,
}
