"""RETR and TOP (RFC 1939 §5, §7).

A small message is one read and one write. A large one is sent in parts; the next is read when the client has
taken the last, so that a slow client costs the memory of one part and not of the message.
"""

import asyncio
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from pillarbox.mail import surrogate
from pillarbox.mail.identifiers import Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.pop3 import replies, wire_form
from pillarbox.protocol.pop3.commands import Retr, Top
from pillarbox.server.pop3.session_state import SessionState
from pillarbox.store import fetch
from pillarbox.store.fetch import Column, NoSuchMessage
from pillarbox.world.memory import Reservation

PART_OCTETS: Final = 256 * 1024
"""Octets that are read and sent at once."""

LONG_HEADER_OCTETS: Final = 16 * 1024
"""The surrogate of a header of this size is made in a thread."""


async def retr(session: SessionState, command: Retr) -> None:
    """RFC 1939 §5."""
    maildrop = session.maildrop
    size = maildrop.size(command.number)
    status = replies.message(size)
    if size <= PART_OCTETS:
        octets, header_size = await session.read_ahead.message(command.number)
        lines_end_well = len(octets) == size
        if not session.machine.utf8 and not octets.isascii():
            octets, lines_end_well = await _shown(session, octets[:header_size]) + octets[header_size:], False
        session.reply(wire_form.whole(octets, status=status, lines_end_well=lines_end_well))
    else:
        uid = maildrop.uid(command.number)
        start = await _header_size(session, uid)
        with await _room(session, start):
            header = await _shown(session, await _read(session, uid, 0, start))
            await _send(session, uid, status + header, start, until=size)


async def top(session: SessionState, command: Top) -> None:
    """RFC 1939 §7: the header, an empty line, and so many lines of the body."""
    maildrop = session.maildrop
    size = maildrop.size(command.number)
    status = replies.ok()
    if size <= PART_OCTETS:
        octets, header_size = await session.read_ahead.message(command.number)
        header = await _shown(session, octets[:header_size])
        session.reply(status + wire_form.top(header + octets[header_size:], len(header), command.lines))
    else:
        uid = maildrop.uid(command.number)
        start = await _header_size(session, uid)
        with await _room(session, start):
            header = wire_form.with_empty_line(await _shown(session, await _read(session, uid, 0, start)))
            end = await _end_of_lines(session, uid, start, command.lines)
            await _send(session, uid, status + header, start, until=end)


async def _room(session: SessionState, header_octets: int) -> AbstractContextManager[Reservation | None]:
    """In the memory budget, for a very long header, which is read whole. Raises `MemoryScarce`."""
    if header_octets <= PART_OCTETS:
        return nullcontext()
    return await session.world.memory.accounts.whole.reserve(header_octets, session.connection.abort)


async def _shown(session: SessionState, header: bytes) -> bytes:
    # RFC 6856 §2.1: not in UTF-8 mode, such a message "MUST" become a surrogate, or fail
    if session.machine.utf8 or not surrogate.is_internationalized(header):
        return header
    if len(header) < LONG_HEADER_OCTETS:
        return surrogate.ascii_header(header)
    return await asyncio.get_running_loop().run_in_executor(None, surrogate.ascii_header, header)


async def _send(session: SessionState, uid: Uid, head: bytes, start: int, *, until: int) -> None:
    """The status line with the header, and the body from offset `start` to `until`, in parts."""
    stuffing = wire_form.Stuffing()
    session.reply(stuffing.part(head))
    while part := await _read(session, uid, start, min(PART_OCTETS, until - start)):
        session.connection.write(stuffing.part(part))
        start += len(part)
        await session.connection.drain()
        await session.connection.give_way()
    session.connection.write(stuffing.end())


async def _end_of_lines(session: SessionState, uid: Uid, start: int, lines: int) -> int:
    """The offset after so many lines from `start` on, or the message's end."""
    while lines and (part := await _read(session, uid, start, PART_OCTETS)):
        found = part.count(b"\n")
        if found <= lines:
            lines -= found
            start += len(part) if lines else part.rfind(b"\n") + 1
        else:
            return start + wire_form.end_of_lines(part, 0, lines)
        await session.connection.give_way()
    return start


async def _read(session: SessionState, uid: Uid, start: int, length: int) -> bytes:
    world = session.world
    return await world.database.read(
        fetch.octets,
        world.blobs,
        session.owner.id,
        session.maildrop.mailbox,
        uid,
        start=start,
        length=length,
    )


async def _header_size(session: SessionState, uid: Uid) -> int:
    uids = NumberSet(((uid, uid),))
    found = await session.world.database.read(
        fetch.rows, session.owner.id, session.maildrop.mailbox, uids, (Column.HEADER_SIZE,)
    )
    if not found:
        raise NoSuchMessage(uid)
    size: int = found[0][1]
    return size
