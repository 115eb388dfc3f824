"""RETR and TOP: a message on its way to the client (RFC 1939 §5, §7).

A small message is one read and one write. A large one goes in parts, each waited for to be taken before the
next is read, so that a slow client costs one part of memory and not the message.
"""

from typing import Final

from pillarbox.mail import surrogate
from pillarbox.mail.identifiers import Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.pop3 import replies, wire_form
from pillarbox.protocol.pop3.commands import Retr, Top
from pillarbox.server.pop3.conversation import Conversation
from pillarbox.store import fetch
from pillarbox.store.fetch import Column, NoSuchMessage

PART_OCTETS: Final = 256 * 1024
"""What is read and sent at once."""


async def retrieve(session: Conversation, command: Retr) -> None:
    """RFC 1939 §5."""
    maildrop = session.maildrop
    uid, size = maildrop.uid(command.number), maildrop.size(command.number)
    status = replies.ok(f"{size} octets")
    if size <= PART_OCTETS:
        header, body = _divided(session, uid)
        session.reply(status + wire_form.whole(header + body))
    else:
        start = _header_size(session, uid)
        header = _shown(session, _read(session, uid, 0, start))
        await _send(session, uid, status + header, start, until=size)


async def top(session: Conversation, command: Top) -> None:
    """RFC 1939 §7: the header, an empty line, and so many lines of the body."""
    maildrop = session.maildrop
    uid, size = maildrop.uid(command.number), maildrop.size(command.number)
    status = replies.ok("top follows")
    if size <= PART_OCTETS:
        header, body = _divided(session, uid, always=True)
        session.reply(status + wire_form.top(header + body, len(header), command.lines))
    else:
        start = _header_size(session, uid)
        header = wire_form.with_empty_line(_shown(session, _read(session, uid, 0, start)))
        end = _end_of_lines(session, uid, start, command.lines)
        await _send(session, uid, status + header, start, until=end)


def _divided(session: Conversation, uid: Uid, *, always: bool = False) -> tuple[bytes, bytes]:
    """A message as its header, ready to be shown, and its body; undivided where nothing needs them apart."""
    octets = _read(session, uid)
    if not always and (session.machine.utf8 or octets.isascii()):
        return b"", octets
    size = _header_size(session, uid)
    return _shown(session, octets[:size]), octets[size:]


def _shown(session: Conversation, header: bytes) -> bytes:
    # RFC 6856 §2.1: not in UTF-8 mode, such a message "MUST" become a surrogate, or fail
    if session.machine.utf8 or not surrogate.is_internationalized(header):
        return header
    return surrogate.ascii_header(header)


async def _send(session: Conversation, uid: Uid, head: bytes, start: int, *, until: int) -> None:
    """The status line with the header, and the body from offset `start` to `until`, in parts."""
    stuffing = wire_form.Stuffing()
    session.reply(stuffing.part(head))
    while part := _read(session, uid, start, min(PART_OCTETS, until - start)):
        session.connection.write(stuffing.part(part))
        start += len(part)
        await session.connection.drain()
    session.connection.write(stuffing.end())


def _end_of_lines(session: Conversation, uid: Uid, start: int, lines: int) -> int:
    """The offset after so many lines from `start` on, or of the message's end."""
    while lines and (part := _read(session, uid, start, PART_OCTETS)):
        found = part.count(b"\n")
        if found <= lines:
            lines -= found
            start += len(part) if lines else part.rfind(b"\n") + 1
        else:
            at = 0
            for _ in range(lines):
                at = part.find(b"\n", at) + 1
            return start + at
    return start


def _read(session: Conversation, uid: Uid, start: int = 0, length: int | None = None) -> bytes:
    services = session.services
    return services.database.read_now(
        fetch.octets,
        services.blobs,
        session.owner.id,
        session.maildrop.mailbox,
        uid,
        start=start,
        length=length,
    )


def _header_size(session: Conversation, uid: Uid) -> int:
    one = NumberSet(((uid, uid),))
    found = session.services.database.read_now(
        fetch.rows, session.owner.id, session.maildrop.mailbox, one, (Column.HEADER_SIZE,)
    )
    if not found:
        raise NoSuchMessage(uid)
    size: int = found[0][1]
    return size
