"""DELE, RSET, QUIT: messages are marked, and deleted when the session ends (RFC 1939 §5, §6)."""

from typing import Final

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import Dele, Quit, Rset
from pillarbox.protocol.pop3.replies import Code
from pillarbox.server.pop3.session_state import SessionState
from pillarbox.store import maildrop as store

MAX_DELETIONS_IN_LOOP: Final = 500
"""Deletions that are written in the loop; more are in a thread."""
DELETED_TOGETHER: Final = 2_000
"""Deletions in one transaction, some 50 milliseconds for whoever else writes."""


async def dele(session: SessionState, command: Dele) -> None:
    """RFC 1939 §5: the first DELE locks the maildrop. The only command that changes anything."""
    if session.read_only:
        session.reply(replies.error("This app password is read-only.", Code.SYS_PERM))
        return
    session.maildrop.uid(command.number)
    await session.lease.take()
    session.maildrop.mark(command.number)
    session.reply(replies.ok("Marked to be deleted."))


async def rset(session: SessionState, _: Rset) -> None:
    """RFC 1939 §5."""
    session.maildrop.unmark_all()
    session.reply(replies.ok(f"{session.maildrop.count} messages ({session.maildrop.octets} octets)"))


async def quit_session(session: SessionState, _: Quit) -> None:
    """RFC 1939 §6: all deletions are durable before +OK. Very many are several commits, of which one may fail: then
    "some or none of the messages marked as deleted are removed".
    """
    if session.account is None or not session.maildrop.marked:
        session.reply(replies.ok("Logging out."))
        return
    database, marked = session.world.database, sorted(session.maildrop.marked)
    write = database.write_in_thread if len(marked) > MAX_DELETIONS_IN_LOOP else database.write
    for start in range(0, len(marked), DELETED_TOGETHER):
        stop = start + DELETED_TOGETHER
        await write(
            store.update,
            session.account.id,
            session.maildrop.mailbox,
            marked[start:stop],
            holder=session.lease.holder,
            now_ms=session.world.clock.now_ms(),
            more=stop < len(marked),
        )
    session.lease.committed()
    session.reply(replies.ok("Logging out, messages deleted."))
