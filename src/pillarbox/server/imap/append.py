"""APPEND and REPLACE: messages that come from the client (RFC 9051 §6.3.12, RFC 3502, 3516, 8508).

A message is refused before it is sent where that is possible. Its octets go straight to a blob writer,
which keeps small ones in memory and spills large ones to disk. Nothing is stored until the whole command
is here: then all its messages are, in one commit, or none.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from pillarbox.delivery.summarizing import summary_of
from pillarbox.directory import quota
from pillarbox.mail.identifiers import MailboxId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.events import MessageOffered, Offer
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.moving import READ_ONLY, destination
from pillarbox.server.imap.reply import Refused, Reply, no, ok
from pillarbox.store import account_counters, placements
from pillarbox.store import append as store_append
from pillarbox.store.account_counters import OverQuota
from pillarbox.store.append import Appended, Arrival, Message
from pillarbox.world.blobs import BlobWriter
from pillarbox.world.database import DatabaseUnavailable, Transaction

MESSAGES_TOGETHER: Final = 10_000
"""Messages of one APPEND; beyond: NO [LIMIT]."""

OCTETS_TOGETHER: Final = 256 * 1024 * 1024
"""Octets of all messages of one APPEND; beyond: NO [LIMIT]. One message has a limit of its own."""


@dataclass(slots=True)
class Arriving:
    """A command whose messages are on their way."""

    command: Append | Replace
    target: MailboxId
    room_octets: int | None
    """What the quota leaves; None without one."""
    replaced: Uid | None = None
    """REPLACE: which message."""
    octets: int = 0
    """Promised so far."""
    written: list[tuple[Offer, BlobWriter]] = field(default_factory=list)
    failed: bool = False
    """Whether its octets found no room."""

    def abandon(self) -> None:
        """Forget what has come."""
        for _, writer in self.written:
            writer.abandon()


def offered(session: Conversation, event: MessageOffered) -> bytes:
    """A message is about to come: what to write, which asks for it. Raises what refuses it."""
    arriving = session.arriving if event.index else None
    if arriving is None:
        arriving = _begin(session, event.command)
    arriving.octets += event.offer.size
    # RFC 9051 §6.3.12: better refused now than after it has crossed the network. What a replaced message
    # leaves free is known when it goes
    if arriving.room_octets is not None and arriving.octets > arriving.room_octets and not arriving.replaced:
        raise OverQuota
    if len(arriving.written) >= MESSAGES_TOGETHER or arriving.octets > OCTETS_TOGETHER:
        raise Refused(no("Too much in one command", response_codes.LIMIT))
    arriving.written.append((event.offer, session.services.blobs.writer()))
    session.arriving = arriving
    return session.machine.accept_message()


def _begin(session: Conversation, command: Append | Replace) -> Arriving:
    match command:
        case Append():
            return Arriving(command, destination(session, command.mailbox).id, _room(session))
        case Replace():
            selected = session.selected
            if selected.read_only:
                raise Refused(READ_ONLY)
            chosen = selected.resolve(command.number, uid=command.uid)
            if not chosen:
                # RFC 8508 §3.1: REPLACE of what is not there appends nothing
                raise Refused(no("No such message", response_codes.NONEXISTENT))
            target = destination(session, command.mailbox).id
            return Arriving(command, target, _room(session), Uid(chosen.uid_list()[0]))


def _room(session: Conversation) -> int | None:
    limit = session.read(quota.effective, session.owner)
    return None if limit is None else limit - session.read(account_counters.usage, session.owner).octets


def take(session: Conversation, octets: bytes) -> None:
    """Octets of the message that was asked for."""
    arriving = session.arriving
    if arriving is None or arriving.failed:
        return
    try:
        arriving.written[-1][1].write(octets)
    except DatabaseUnavailable:
        # The client goes on sending whatever we say: its octets are let go, and the command ends in NO
        arriving.abandon()
        arriving.failed = True


def drop(session: Conversation) -> None:
    """The command was no command after all, or the client is gone."""
    if session.arriving is not None:
        session.arriving.abandon()
        session.arriving = None


async def store(session: Conversation) -> Reply:
    """All messages are here: keep them, durably, and say where they are."""
    arriving = session.arriving
    assert arriving is not None, "the machine ends messages that it has offered"
    try:
        if arriving.failed:
            raise DatabaseUnavailable("a message found no room")
        arrivals: list[Arrival] = []
        for offer, writer in arriving.written:
            if arrivals:
                await asyncio.sleep(0)  # others have their turn
            arrivals.append(await _arrival(session, offer, writer))
        return await _keep(session, arriving, arrivals)
    finally:
        drop(session)


async def _arrival(session: Conversation, offer: Offer, writer: BlobWriter) -> Arrival:
    blob, octets = await writer.finish()
    received_at_ms = session.now_ms if offer.received_at_ms is None else offer.received_at_ms
    return Arrival(Message(blob, await summary_of(octets)), offer.flags, received_at_ms)


async def _keep(session: Conversation, arriving: Arriving, arrivals: list[Arrival]) -> Reply:
    limit = session.read(quota.effective, session.owner)
    try:
        if arriving.replaced is None:
            appended = await session.commit(
                store_append.append_all,
                session.owner,
                arriving.target,
                arrivals,
                now_ms=session.now_ms,
                quota_octets=limit,
            )
        else:
            appended = await session.commit(_replace, session, arriving, arrivals[0], limit)
    except DatabaseUnavailable:
        raise  # a crash may still show that the commit is durable: its files must stay
    except Exception:
        # The verb has changed nothing; a cancelled one might have, and its files must stay
        for arrival in arrivals:
            session.services.blobs.discard(arrival.message.blob)
        raise
    if not appended:
        return no("That message is gone", response_codes.EXPUNGEISSUED)
    return _told(session, arriving, appended)


def _replace(
    tx: Transaction, session: Conversation, arriving: Arriving, arrival: Arrival, limit: int | None
) -> list[Appended]:
    assert arriving.replaced is not None
    done = placements.replace(
        tx,
        session.owner,
        (session.selected.mailbox, arriving.replaced),
        arrival,
        to=arriving.target,
        now_ms=session.now_ms,
        quota_octets=limit,
    )
    return [] if done is None else [done]


def _told(session: Conversation, arriving: Arriving, appended: list[Appended]) -> Reply:
    # RFC 3502 §6.3.11: UIDs in the order of the messages, here one run
    uids = NumberSet.of(one.uid for one in appended)
    code = response_codes.append_uid(appended[0].uid_validity, uids)
    if arriving.replaced is None:
        return ok("Stored", code)
    # RFC 8508 §4.1: where the new one is, is told before that the old one is gone
    session.write(responses.ok(responses.UNTAGGED, "Stored", code))
    return ok("Replaced")
