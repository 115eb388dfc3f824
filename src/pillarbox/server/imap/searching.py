"""SEARCH and UID SEARCH (RFC 9051 §6.4.4; RFC 4731 ESEARCH, 5182 SEARCHRES, 7162 §3.1.5 MODSEQ).

The store finds; here the session's own terms are put into its words, and what it found into the client's.
Only messages that this client was told of are found: others have no sequence number yet.
"""

from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.mail.query import Query, mentions_modseq
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import Search, SearchReturn
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.messages import present
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.store import search as store_search

_ALL = frozenset({SearchReturn.ALL})


async def search(session: Conversation, command: Search) -> Reply:
    """Find messages, and tell them or keep them as `$`."""
    selected, returns = session.selected, command.returns
    saves = returns is not None and SearchReturn.SAVE in returns
    try:
        found = await _found(session, selected.bound(selected.ground(command.query)))
    except BaseException:
        if saves:
            selected.saved = EMPTY  # RFC 5182 §2.1: a search that fails leaves the result empty
        raise
    if saves:
        selected.saved = NumberSet.of(_shown(found, returns or _ALL))
    session.write(_told(session, command, found))
    return ok("Searched")


async def _found(session: Conversation, query: Query) -> list[int]:
    """UIDs, ascending."""
    services, now_ms = session.services, session.now_ms
    warm = session.read(services.warm.get, session.owner, session.selected.mailbox)
    if not store_search.takes_long(query, messages=len(warm.uids)):
        return session.read(store_search.evaluate, services.blobs, warm, query, now_ms=now_ms)
    # What reads many messages runs aside, on the mailbox as it is now
    return await services.database.read_in_thread(
        store_search.evaluate, services.blobs, warm.snapshot(), query, now_ms=now_ms
    )


def _shown(found: list[int], returns: frozenset[SearchReturn]) -> list[int]:
    """What of the found messages the return options ask for, and so what SAVE keeps (RFC 5182 §2.4)."""
    ends = returns & {SearchReturn.MIN, SearchReturn.MAX}
    if not found or not ends or returns & {SearchReturn.ALL, SearchReturn.COUNT}:
        return found
    return sorted({found[0] if end is SearchReturn.MIN else found[-1] for end in ends})


def _told(session: Conversation, command: Search, found: list[int]) -> bytes:
    modseq = None
    if found and mentions_modseq(command.query):
        # RFC 4731 §3.2: the highest of the messages that are told
        modseq = _highest_modseq(session, _shown(found, command.returns or _ALL))
    numbers = found if command.uid else session.selected.sequence_numbers_of(found)
    returns = command.returns
    if returns is None:
        if not session.machine.rev2:
            return responses.search(numbers, modseq=modseq)
        returns = _ALL  # RFC 9051 §6.4.4: IMAP4rev2 has no untagged SEARCH
    if not returns - {SearchReturn.SAVE}:
        return b""  # RFC 5182 §2.1: SAVE alone tells nothing
    return responses.esearch(
        session.tag,
        uid=command.uid,
        least=numbers[0] if numbers and SearchReturn.MIN in returns else None,
        most=numbers[-1] if numbers and SearchReturn.MAX in returns else None,
        everything=NumberSet.of(numbers) if SearchReturn.ALL in returns else None,
        count=len(numbers) if SearchReturn.COUNT in returns else None,
        modseq=modseq,
    )


def _highest_modseq(session: Conversation, uids: list[int]) -> int:
    selected = session.selected
    chosen = selected.choose(NumberSet.of(uids))
    there = session.read(present, session.services.warm, session.owner, selected, chosen)
    return max(there.modseqs, default=0)
