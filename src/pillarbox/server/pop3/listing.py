"""What lies in the maildrop, and what shall go: STAT, LIST, UIDL, DELE, RSET, NOOP, QUIT.

RFC 1939 §5, §6, §7.
"""

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import Dele, List, Noop, Quit, Rset, Stat, Uidl
from pillarbox.server.pop3.conversation import Conversation
from pillarbox.store import maildrop as store


async def stat(session: Conversation, _: Stat) -> None:
    """RFC 1939 §5: the drop listing, and nothing after it."""
    session.reply(replies.ok(f"{session.maildrop.count} {session.maildrop.octets}"))


async def scan(session: Conversation, command: List) -> None:
    """RFC 1939 §5, LIST."""
    maildrop = session.maildrop
    if command.number is None:
        head = f"{maildrop.count} messages ({maildrop.octets} octets)"
        session.reply(replies.lines(head, maildrop.scan_listing()))
    else:
        session.reply(replies.ok(f"{command.number} {maildrop.size(command.number)}"))


async def unique_ids(session: Conversation, command: Uidl) -> None:
    """RFC 1939 §7, UIDL."""
    maildrop = session.maildrop
    if command.number is None:
        session.reply(replies.lines("unique ids follow", maildrop.unique_id_listing()))
    else:
        session.reply(replies.ok(f"{command.number} {maildrop.unique_id(command.number)}"))


async def delete(session: Conversation, command: Dele) -> None:
    """RFC 1939 §5, DELE: the first one locks the maildrop."""
    session.maildrop.uid(command.number)
    await session.lease.take()
    session.maildrop.mark(command.number)
    session.reply(replies.ok(f"message {command.number} deleted"))


async def reset(session: Conversation, _: Rset) -> None:
    """RFC 1939 §5."""
    session.maildrop.unmark_all()
    session.reply(replies.ok(f"maildrop has {session.maildrop.count} messages"))


async def nothing(session: Conversation, _: Noop) -> None:
    """RFC 1939 §5."""
    session.reply(replies.ok())


async def leave(session: Conversation, _: Quit) -> None:
    """RFC 1939 §6: all deletions are one commit, durable before +OK."""
    if session.account is not None and session.maildrop.marked:
        await session.services.database.write(
            store.update,
            session.account.id,
            session.maildrop.mailbox,
            session.maildrop.marked,
            holder=session.lease.holder,
            now_ms=session.services.clock.now_ms(),
        )
        session.lease.given_back()
    session.reply(replies.ok("bye"))
