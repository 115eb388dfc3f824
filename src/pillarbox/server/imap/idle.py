"""IDLE: a client that waits for updates (RFC 9051 §6.3.13, RFC 2177).

While a client idles, a hint that its account changed is posted to its own session, which then reads the log of
changes. Hints that arrive while one is pending are merged into it.
"""

from types import MethodType
from typing import Final

from pillarbox.protocol.imap.commands import Idle
from pillarbox.server.imap import updates
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.topic import account_changed


class Hint:
    """The account may have changed; the event that a session posts to itself."""

    __slots__ = ()


HINT = Hint()


async def idle(session: SessionState, _: Idle) -> None:
    """IDLE: answered when the client ends it."""
    session.write(session.machine.begin_idle())
    session.idling = True
    # First subscribe, then read: a change in between is looked for twice at worst, never missed
    # A method rather than a lambda, since it is kept while the client idles, and a third as large
    post_hint = MethodType(_post_hint, session)
    session.unsubscribe = session.world.signals.subscribe(account_changed(session.account_id), post_hint)
    await _send_updates(session)


def _post_hint(session: SessionState) -> None:
    if not session.hint_posted:
        session.hint_posted = True
        session.connection.post(HINT)


async def hint_received(session: SessionState) -> None:
    """Send updates if the client still idles."""
    session.hint_posted = False
    if session.idling:
        await _send_updates(session)


async def _send_updates(session: SessionState) -> None:
    try:
        await updates.send(session, expunges=True)
    except DatabaseUnavailable:
        # There is no command to refuse, and the client would not ask again for half an hour. What changes until then
        # is read with the rest
        if not session.hint_posted:
            session.hint_posted = True
            session.world.clock.call_later(session.limits.idle_retry_s, lambda: session.connection.post(HINT))


async def done(session: SessionState) -> Reply:
    """The client has ended IDLE."""
    end(session)
    return _COMPLETED


_COMPLETED: Final = ok("IDLE completed")


def end(session: SessionState) -> None:
    """The client no longer idles, or is gone."""
    session.idling = False
    if session.unsubscribe is not None:
        session.unsubscribe()
        session.unsubscribe = None
