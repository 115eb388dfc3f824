"""STAT, LIST, UIDL: what is in the maildrop (RFC 1939 §5, §7)."""

from collections.abc import Iterable

from pillarbox.protocol.pop3 import replies
from pillarbox.protocol.pop3.commands import List, Stat, Uidl
from pillarbox.server.pop3.session_state import SessionState


async def stat(session: SessionState, _: Stat) -> None:
    """RFC 1939 §5: the drop listing, with nothing after it."""
    session.reply(replies.ok(f"{session.maildrop.count} {session.maildrop.octets}"))


async def scan_listing(session: SessionState, command: List) -> None:
    """RFC 1939 §5, LIST."""
    maildrop = session.maildrop
    if command.number is None:
        head = f"{maildrop.count} messages ({maildrop.octets} octets)"
        await _send(session, head, maildrop.scan_listing())
    else:
        session.reply(replies.ok(f"{command.number} {maildrop.size(command.number)}"))


async def unique_id_listing(session: SessionState, command: Uidl) -> None:
    """RFC 1939 §7, UIDL."""
    maildrop = session.maildrop
    if command.number is None:
        await _send(session, "Unique-id listing follows", maildrop.unique_id_listing())
    else:
        session.reply(replies.ok(f"{command.number} {maildrop.unique_id(command.number)}"))


async def _send(session: SessionState, head: str, pieces: Iterable[list[bytes]]) -> None:
    """A multi-line reply, made as the client takes it; others are served between two pieces."""
    octets, write = replies.ok(head), session.reply
    for number, piece in enumerate(pieces):
        if number:
            write(octets)
            octets, write = b"", session.connection.write
            await session.connection.drain()
            await session.connection.give_way()
        octets += b"".join([line + b"\r\n" for line in piece])
    write(octets + replies.END)
