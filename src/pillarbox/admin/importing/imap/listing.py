"""Which messages a mailbox of the other server has."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pillarbox.admin.importing.imap.plan import Planned
from pillarbox.admin.importing.imap.session import CommandRefused, Session
from pillarbox.mail.number_set import LARGEST, NumberSet
from pillarbox.protocol.imap.client import commands
from pillarbox.protocol.imap.client.responses import Exists, Fetched, Found, Status, StatusResponse

MAX_MESSAGES: Final = 20_000_000
"""A mailbox that claims to have more is not imported."""
LARGEST_64: Final = 2**63 - 1
"""RFC 9051 §9, number64."""


@dataclass(frozen=True, slots=True)
class Examined:
    """A mailbox as EXAMINE told of it."""

    messages: int
    uid_validity: int
    """0 where the server has none: then its UIDs hold for one session only."""
    modseq: int
    """HIGHESTMODSEQ (RFC 7162 §3.1.2.1); 0 where the server has none."""


async def examine(session: Session, planned: Planned) -> Examined:
    """Open a mailbox for reading. Raises `CommandRefused`, `ConnectionLost`."""
    data = await session.ask(commands.examine(planned.name, session.offered), expects=20)
    codes = {one.code: one.number for one in data if isinstance(one, StatusResponse)}
    exists = next((one.messages for one in reversed(data) if isinstance(one, Exists)), 0)
    if exists > MAX_MESSAGES:
        raise CommandRefused(StatusResponse(Status.NO, text=f"the mailbox claims to have {exists} messages"))
    modseq = 0 if "NOMODSEQ" in codes else codes.get("HIGHESTMODSEQ") or 0
    # RFC 4315 §3: with UIDNOTSTICKY, UIDs do not outlive the session
    uid_validity = 0 if "UIDNOTSTICKY" in codes else codes.get("UIDVALIDITY") or 0
    return Examined(exists, min(uid_validity, LARGEST), min(modseq, LARGEST_64))


async def list_uids(session: Session, messages: int) -> NumberSet:
    """The UIDs of all messages.

    From the last page to the first: where messages are expunged meanwhile, the others move down, and none is missed.
    """
    there: list[tuple[int, int]] = []
    last = messages
    while last > 0:
        first = max(1, last - commands.SEARCH_PAGE + 1)
        data = await session.ask(commands.search(first, last, session.offered), expects=2)
        found = NumberSet.of_ranges(run for one in data if isinstance(one, Found) for run in one.numbers.runs)
        if len(found) > last - first + 1:
            raise CommandRefused(
                StatusResponse(Status.NO, text="the server tells of more messages than the mailbox has")
            )
        there += found.runs
        last = first - 1
    return NumberSet.of_ranges(there)


async def still_there(session: Session, uids: NumberSet) -> NumberSet:
    """Which of these have not been expunged meanwhile."""
    if not uids:
        return uids
    data = await session.ask(commands.fetch(uids, b"UID"), expects=2 * len(uids))
    return uids & NumberSet.of(one.uid for one in data if isinstance(one, Fetched) and one.uid)


def pages(uids: NumberSet, most: int) -> Iterator[NumberSet]:
    """The same UIDs, at most so many at a time."""
    page: list[int] = []
    for uid in uids:
        page.append(uid)
        if len(page) == most:
            yield NumberSet.of(page)
            page = []
    if page:
        yield NumberSet.of(page)
