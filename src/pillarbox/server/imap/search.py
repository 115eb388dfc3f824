"""SEARCH and UID SEARCH (RFC 9051 §6.4.4; RFC 4731 ESEARCH, 5182 SEARCHRES, 7162 §3.1.5 MODSEQ).

The store evaluates the query; here the session's own terms (sequence numbers, `$`) are resolved before it, and the
result is put into the form that was asked for. Only messages that this client knows are found: others have no
sequence number yet.
"""

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.mail.query import Query, mentions_modseq
from pillarbox.protocol.imap import response_codes, responses, search_responses
from pillarbox.protocol.imap.commands import Search, SearchReturn
from pillarbox.protocol.imap.search_responses import PIECE_NUMBERS, Pieces
from pillarbox.protocol.imap.selected import SelectedMailbox
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.messages import knows_only_present
from pillarbox.server.imap.reply import CommandRefused, Reply, no, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import search as store_search
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.search.feeding import searched
from pillarbox.world.database import Lane

_ALL = frozenset({SearchReturn.ALL})
_UID_OCTETS: Final = 4


async def search(session: SessionState, command: Search) -> Reply:
    """Find messages; return them, or save them as `$`."""
    try:
        found = await _search(session, command)
    except BaseException:
        if _saves(command):
            session.selected.saved = EMPTY  # RFC 5182 §2.1: a search that fails leaves the result empty
        raise
    with session.holding(found.octets):
        await session.write_pieces(found.response)
    # RFC 5530 §3: what is gone was not found, and its EXPUNGE can't be sent with this response
    hidden = not command.permits_expunge and found.some_gone
    return ok("SEARCH completed", response_codes.EXPUNGEISSUED) if hidden else _COMPLETED


_COMPLETED: Final = ok("SEARCH completed")


class _Found(NamedTuple):
    """What a search has come to."""

    response: Iterable[bytes]
    octets: int
    """What the response holds until it is written, beside a piece."""
    some_gone: bool
    """Whether the client knows messages that are gone."""


async def _search(session: SessionState, command: Search) -> _Found:
    selected, returns = session.selected, command.returns
    cached = await snapshot.current(session, selected.mailbox)
    some_gone = not knows_only_present(cached, selected)
    found = await _find(session, cached, selected.resolve_query(command.query))
    if _saves(command):
        selected.saved = await _to_save(session, _returned(found, returns or _ALL))
    modseq = None
    if found and mentions_modseq(command.query):
        # RFC 4731 §3.2: the highest of the messages that are returned
        modseq = await _highest_modseq(session, _returned(found, returns or _ALL))
    if returns is not None and SearchReturn.ALL not in returns:
        # The numbers of very many take a while: of those that are sent, at most the first and the last
        ends = found[:: max(1, len(found) - 1)]
        return _Found(_response(session, command, ends, len(found), (ends,), modseq), 0, some_gone)
    place = _place_of(selected, found)
    if place is None:
        count = len(found)
        pieces: Pieces = (found[start : start + PIECE_NUMBERS] for start in range(0, count, PIECE_NUMBERS))
        octets = _UID_OCTETS * count
    else:  # as most are: nothing is kept but where they are
        pieces, octets = _run_of(selected, place, place + len(found)), 0
    ends = found[:: max(1, len(found) - 1)]
    return _Found(_response(session, command, ends, len(found), pieces, modseq), octets, some_gone)


def _saves(command: Search) -> bool:
    return command.returns is not None and SearchReturn.SAVE in command.returns


async def _find(session: SessionState, cached: CachedMailbox, query: Query) -> "array[int]":
    """UIDs, ascending, of messages that the client knows."""
    selected, messages = session.selected, cached.weight
    if store_search.is_in_memory(query) and not store_search.compares_much(query, messages=messages):
        known = cached.uids is selected.uids and len(cached.uids) == selected.count
        return store_search.evaluate_in_memory(cached, query if known else selected.limit_query(query))
    query = selected.limit_query(query)
    blobs, now_ms = session.world.blobs, session.now_ms
    if messages > store_search.MAX_LITTLE_MESSAGES:
        named = store_search.candidates(query, cached.uids)
        messages = messages if named == len(cached.uids) else named
    if store_search.takes_long(query, messages=messages):
        if store_search.may_be_quick(query, messages=messages):
            soon = _for_so_long(session.world.clock.monotonic, session.limits.quick_search_s)
            try:
                return await session.read(
                    store_search.evaluate_little, cached, query, now_ms=now_ms, interlude=soon
                )
            except store_search.TooMuch:
                pass  # nothing was waited for, so the mailbox is still the same
        session.world.signals.announce((searched(session.account_id),))
        searching = session.caches.searches.run(
            session.account_id,
            lambda: session.connection.gone,
            lambda pause: _find_in_thread(session, query, pause),
        )
        return await _while_wanted(session, searching)
    if store_search.is_in_memory(query):
        return store_search.evaluate_in_memory(cached, query)
    # Nothing is waited for here either, so that it needs no copy of the mailbox
    return await session.read(store_search.evaluate, blobs, cached, query, now_ms=now_ms)


async def _find_in_thread(session: SessionState, query: Query, pause: store_search.Interlude) -> "array[int]":
    """A long search, now that it is its turn: whoever waits for that holds no state of the mailbox."""
    world = session.world
    mailbox = (await snapshot.current(session, session.selected.mailbox)).snapshot()
    with session.holding(mailbox.snapshot_octets):
        return await world.database.read_in_lane(
            Lane.SEARCHES,
            store_search.evaluate,
            world.blobs,
            mailbox,
            query,
            now_ms=session.now_ms,
            interlude=pause,
        )


def _for_so_long(monotonic: Callable[[], float], seconds: float) -> store_search.Interlude:
    """An interlude that raises `TooMuch` after so many seconds from now."""
    ends = monotonic() + seconds

    def look() -> None:
        if monotonic() > ends:
            raise store_search.TooMuch

    return look


async def _while_wanted(session: SessionState, searching: "Coroutine[Any, Any, array[int]]") -> "array[int]":
    """The result of a search; meanwhile the client learns that it goes on.

    One that has sent all it will may be gone, which only writing shows.
    """
    loop, limits, silent_s = asyncio.get_running_loop(), session.limits, 0.0
    timer: asyncio.TimerHandle

    def notice() -> None:
        nonlocal timer, silent_s
        timer = loop.call_later(limits.notice_s, notice)
        silent_s += limits.notice_s
        if session.connection.half_closed or silent_s >= limits.progress_s:
            code = response_codes.in_progress(session.tag)
            session.write(responses.ok(responses.UNTAGGED, "Still searching", code))
            session.flush()
            silent_s = 0.0

    timer = loop.call_later(limits.notice_s, notice)
    session.up_to_date = False
    try:
        return await searching
    finally:
        timer.cancel()


def _returned(found: "array[int]", returns: frozenset[SearchReturn]) -> "array[int]":
    """What of the found messages the return options ask for, and so what SAVE keeps (RFC 5182 §2.4)."""
    ends = returns & {SearchReturn.MIN, SearchReturn.MAX}
    if not found or not ends or returns & {SearchReturn.ALL, SearchReturn.COUNT}:
        return found
    return array("I", sorted({found[0] if end is SearchReturn.MIN else found[-1] for end in ends}))


def _place_of(selected: SelectedMailbox, found: "array[int]") -> int | None:
    """Where these are in the mailbox as the client knows it, if no others are between them."""
    if not found:
        return None
    place = bisect_left(selected.uids, found[0])
    stop = place + len(found)
    if stop > selected.count or selected.uids[stop - 1] != found[-1]:
        return None
    return place if selected.uids[place:stop] == found else None


def _run_of(selected: SelectedMailbox, start: int, stop: int) -> Iterator[Sequence[int]]:
    """UIDs of messages that follow each other, some at a time."""
    uids = selected.uids
    return (uids[first : min(first + PIECE_NUMBERS, stop)] for first in range(start, stop, PIECE_NUMBERS))


def _response(
    session: SessionState,
    command: Search,
    ends: Sequence[int],
    count: int,
    uids: Pieces,
    modseq: int | None,
) -> Iterable[bytes]:
    """The response: `ends` are the first and the last that were found, of `count`."""
    returns, number = command.returns, session.selected.sequence_numbers_of
    pieces = uids if command.uid else map(number, uids)
    if returns is None:
        if not session.machine.rev2:
            return search_responses.search(pieces, modseq=modseq)
        returns = _ALL  # RFC 9051 §6.4.4: IMAP4rev2 has no untagged SEARCH
    if not returns - {SearchReturn.SAVE}:
        return ()  # RFC 5182 §2.1: SAVE alone returns nothing
    numbers = ends if command.uid else number(ends)
    return search_responses.esearch(
        session.tag,
        uid=command.uid,
        least=numbers[0] if numbers and SearchReturn.MIN in returns else None,
        most=numbers[-1] if numbers and SearchReturn.MAX in returns else None,
        everything=pieces if SearchReturn.ALL in returns else (),
        count=count if SearchReturn.COUNT in returns else None,
        modseq=modseq,
    )


async def _to_save(session: SessionState, uids: "array[int]") -> NumberSet:
    """What `$` becomes; in a thread where it is much. Raises `CommandRefused` where it would be too many runs."""
    most = session.limits.max_saved_runs
    if len(uids) <= PIECE_NUMBERS:
        saved = _saved(uids, most)
    else:
        saved = await asyncio.get_running_loop().run_in_executor(None, _saved, uids, most)
    if saved is None:
        raise CommandRefused(no("Too many scattered messages", response_codes.NOTSAVED))  # RFC 5182 §2.5
    return saved


def _saved(uids: "array[int]", most: int) -> NumberSet | None:
    if uids and uids[-1] - uids[0] + 1 == len(uids):
        return NumberSet(((uids[0], uids[-1]),))
    found = EMPTY
    for start in range(0, len(uids), PIECE_NUMBERS):
        more = NumberSet.of(uids[start : start + PIECE_NUMBERS])
        found = NumberSet.of_ascending((*found.runs, *more.runs))
        if len(found.runs) > most:
            return None
    return found


async def _highest_modseq(session: SessionState, uids: "array[int]") -> int:
    """The highest of these messages; in a thread where they are many."""
    mailbox = (await snapshot.current(session, session.selected.mailbox)).snapshot()
    if len(uids) <= PIECE_NUMBERS:
        return _highest(mailbox, uids)
    return await asyncio.get_running_loop().run_in_executor(None, _highest, mailbox, uids)


def _highest(mailbox: CachedMailbox, uids: "array[int]") -> int:
    highest = 0
    for start in range(0, len(uids), PIECE_NUMBERS):
        for part in NumberSet.of(uids[start : start + PIECE_NUMBERS]).slices(mailbox.uids):
            highest = max(highest, *mailbox.modseqs[part])
    return highest
