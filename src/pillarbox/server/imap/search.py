"""SEARCH and UID SEARCH (RFC 9051 §6.4.4; RFC 4731 ESEARCH, 5182 SEARCHRES, 7162 §3.1.5 MODSEQ).

The store evaluates the query; here the session's own terms (sequence numbers, `$`) are resolved before it, and the
result is put into the form that was asked for. Only messages that this client knows are found: others have no
sequence number yet.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.mail.query import Query, mentions_modseq
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.commands import Search, SearchReturn
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.messages import knows_only_present, present
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import search as store_search
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.search.feeding import searched
from pillarbox.world.database import Lane

_ALL = frozenset({SearchReturn.ALL})


async def search(session: SessionState, command: Search) -> Reply:
    """Find messages; return them, or save them as `$`."""
    selected, returns = session.selected, command.returns
    saves = returns is not None and SearchReturn.SAVE in returns
    try:
        cached = await snapshot.current(session, selected.mailbox)
        found = await _find(session, cached, selected.limit_query(selected.resolve_query(command.query)))
    except BaseException:
        if saves:
            selected.saved = EMPTY  # RFC 5182 §2.1: a search that fails leaves the result empty
        raise
    if saves:
        selected.saved = NumberSet.of(_returned(found, returns or _ALL))
    session.write(await _response(session, command, found))
    # RFC 5530 §3: what is gone was not found, and its EXPUNGE can't be sent with this response
    hidden = not command.permits_expunge and not knows_only_present(cached, selected)
    return ok("SEARCH completed", response_codes.EXPUNGEISSUED) if hidden else _COMPLETED


_COMPLETED: Final = ok("SEARCH completed")


async def _find(session: SessionState, cached: CachedMailbox, query: Query) -> list[int]:
    """UIDs, ascending."""
    blobs, now_ms = session.world.blobs, session.now_ms
    messages = cached.weight
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
        database, mailbox = session.world.database, cached.snapshot()
        session.world.signals.announce((searched(session.account_id),))
        searching = session.caches.searches.run(
            session.account_id,
            lambda: session.connection.gone,
            lambda pause: database.read_in_lane(
                Lane.SEARCHES, store_search.evaluate, blobs, mailbox, query, now_ms=now_ms, interlude=pause
            ),
        )
        return await _while_wanted(session, searching)
    if store_search.is_in_memory(query):
        return store_search.evaluate_in_memory(cached, query)
    # Nothing is waited for here either, so that it needs no copy of the mailbox
    return await session.read(store_search.evaluate, blobs, cached, query, now_ms=now_ms)


def _for_so_long(monotonic: Callable[[], float], seconds: float) -> store_search.Interlude:
    """An interlude that raises `TooMuch` after so many seconds from now."""
    ends = monotonic() + seconds

    def look() -> None:
        if monotonic() > ends:
            raise store_search.TooMuch

    return look


async def _while_wanted(session: SessionState, searching: Coroutine[Any, Any, list[int]]) -> list[int]:
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


def _returned(found: list[int], returns: frozenset[SearchReturn]) -> list[int]:
    """What of the found messages the return options ask for, and so what SAVE keeps (RFC 5182 §2.4)."""
    ends = returns & {SearchReturn.MIN, SearchReturn.MAX}
    if not found or not ends or returns & {SearchReturn.ALL, SearchReturn.COUNT}:
        return found
    return sorted({found[0] if end is SearchReturn.MIN else found[-1] for end in ends})


async def _response(session: SessionState, command: Search, found: list[int]) -> bytes:
    modseq = None
    if found and mentions_modseq(command.query):
        # RFC 4731 §3.2: the highest of the messages that are returned
        modseq = await _highest_modseq(session, _returned(found, command.returns or _ALL))
    returns = command.returns
    # The numbers of very many take a while: of those that are sent, at most the first and the last unless it is all
    some = returns is not None and SearchReturn.ALL not in returns
    sent = found[:: max(1, len(found) - 1)] if some else found
    numbers = sent if command.uid else session.selected.sequence_numbers_of(sent)
    if returns is None:
        if not session.machine.rev2:
            return responses.search(numbers, modseq=modseq)
        returns = _ALL  # RFC 9051 §6.4.4: IMAP4rev2 has no untagged SEARCH
    if not returns - {SearchReturn.SAVE}:
        return b""  # RFC 5182 §2.1: SAVE alone returns nothing
    return responses.esearch(
        session.tag,
        uid=command.uid,
        least=numbers[0] if numbers and SearchReturn.MIN in returns else None,
        most=numbers[-1] if numbers and SearchReturn.MAX in returns else None,
        everything=NumberSet.of(numbers) if SearchReturn.ALL in returns else None,
        count=len(found) if SearchReturn.COUNT in returns else None,
        modseq=modseq,
    )


async def _highest_modseq(session: SessionState, uids: list[int]) -> int:
    selected = session.selected
    cached = await snapshot.current(session, selected.mailbox)
    return max(present(cached, selected, selected.choose(NumberSet.of(uids))).modseqs, default=0)
