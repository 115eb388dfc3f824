"""IDLE, NOOP and CHECK: a client that waits for news (RFC 9051 §6.1.2, §6.3.13; RFC 3501 §6.4.1; RFC 2177).

While a client idles, a hint that its account changed is posted to its own session, which then looks into
the log in its turn. Hints that come while one is on its way are that one.
"""

from typing import Final

from pillarbox.protocol.imap.commands import Check, Idle, Noop
from pillarbox.server.imap import updates
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.topic import account_changed

LOOK_AGAIN_S: Final = 5.0
"""After which time a client that waits is served that could not be told now."""


class Hint:
    """The account may have changed; the event that a session posts to itself."""

    __slots__ = ()


HINT = Hint()


async def noop(_session: Conversation, _: Noop) -> Reply:
    """NOOP: what there is to tell is told with every command."""
    return ok("Nothing done")


async def check(_session: Conversation, _: Check) -> Reply:
    """CHECK: everything is on disk already."""
    return ok("Checked")


async def idle(session: Conversation, _: Idle) -> None:
    """IDLE: answered when the client ends it."""
    session.write(session.machine.begin_idle())
    session.idling = True
    # First listen, then look: what comes in between is told twice at worst, never lost
    session.unsubscribe = session.services.signals.subscribe(
        account_changed(session.owner), lambda: _hint(session)
    )
    await _tell(session)


def _hint(session: Conversation) -> None:
    if not session.hinted:
        session.hinted = True
        session.connection.post(HINT)


async def hinted(session: Conversation) -> None:
    """A hint has arrived."""
    session.hinted = False
    if session.idling:
        await _tell(session)


async def _tell(session: Conversation) -> None:
    try:
        await updates.tell(session, expunges=True)
    except DatabaseUnavailable:
        # There is no command to refuse, and the client would not ask again for half an hour
        session.services.clock.call_later(LOOK_AGAIN_S, lambda: _hint(session))


def end(session: Conversation) -> None:
    """The client no longer waits, or is gone."""
    session.idling = False
    if session.unsubscribe is not None:
        session.unsubscribe()
        session.unsubscribe = None
