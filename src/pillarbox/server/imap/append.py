"""APPEND and REPLACE (RFC 9051 §6.3.12, RFC 3502, 3516, 8508).

A message is refused before it is sent where that is possible; where little comes unasked, its mailbox is only looked
for when it is stored. Its octets go straight to a blob writer, which keeps small ones in memory and spills large ones
to disk. Nothing is stored until the whole command has arrived: then all its messages are, in one commit, or none.
"""

from typing import Final

from pillarbox.delivery.summarizing import LONG_OCTETS, summary_of
from pillarbox.delivery.text_form import MEMORY_FACTOR, text_form
from pillarbox.directory import quota
from pillarbox.mail.identifiers import AccountId, MailboxId, Uid
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.commands import Append, Replace
from pillarbox.protocol.imap.events import MessageOffered, MessageParameters
from pillarbox.server.imap import updates
from pillarbox.server.imap.incoming import IncomingMessages
from pillarbox.server.imap.mailboxes import NO_DESTINATION
from pillarbox.server.imap.reply import READ_ONLY, CommandRefused, Reply, no, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import account_counters, mailbox_cache, mailboxes, placements
from pillarbox.store import append as store_append
from pillarbox.store.account_counters import NoSuchMailbox, OverQuota
from pillarbox.store.append import Appended, Arrival, Message
from pillarbox.store.cached_mailbox import Version
from pillarbox.store.changes import ChangeKind, Delta, Flagged
from pillarbox.store.mailbox_cache import Head, Reading
from pillarbox.world.blobs import BlobWriter
from pillarbox.world.database import DatabaseUnavailable, Transaction

_ARRIVAL_COST: Final = 20
"""Messages that a verb goes through in the time that storing a new one takes."""


async def message_offered(session: SessionState, event: MessageOffered) -> bytes:
    """A message is about to be sent: the continuation request to write. Raises what refuses it."""
    incoming = session.incoming if event.index else None
    if incoming is None:
        incoming = await _begin(session, event.command)
    incoming.octets += event.message.size
    if not incoming.looked_for and (session.machine.message_waits or incoming.octets > LONG_OCTETS):
        await _look_for(session, incoming)
    # RFC 9051 §6.3.12: better refused now than after it has crossed the network. What a replaced message
    # frees is known when it is removed
    available = incoming.available_octets
    if available is not None and incoming.octets > available and not incoming.replaced:
        raise OverQuota
    limits = session.limits
    if (
        len(incoming.written) >= limits.max_append_messages
        or incoming.octets > limits.max_append_octets
        or incoming.files >= limits.max_append_files
    ):
        raise CommandRefused(no("Too much data in one command", response_codes.LIMIT))
    writer = incoming.writer(session.world, limits, event.message.size)
    incoming.written.append((event.message, writer))
    session.incoming = incoming
    return session.machine.accept_message()


async def _begin(session: SessionState, command: Append | Replace) -> IncomingMessages:
    match command:
        case Append():
            return IncomingMessages(command)
        case Replace():
            selected = session.selected
            if selected.read_only:
                raise CommandRefused(READ_ONLY)
            chosen = selected.resolve(command.number, uid=command.uid)
            if not chosen:
                # RFC 8508 §3.1: REPLACE of a message that doesn't exist appends nothing
                raise CommandRefused(no("Message doesn't exist", response_codes.NONEXISTENT))
            incoming = IncomingMessages(command, Uid(chosen.uid_list()[0]))
            await _look_for(session, incoming)
            return incoming


async def _look_for(session: SessionState, incoming: IncomingMessages) -> None:
    """Look for the mailbox, and what the quota leaves."""
    try:
        incoming.available_octets = await session.read(_room, session.account_id, incoming.command.mailbox)
    except NoSuchMailbox:
        raise CommandRefused(NO_DESTINATION) from None
    incoming.looked_for = True


def _room(tx: Transaction, account: AccountId, name: str) -> int | None:
    """The octets that the quota leaves; `None` without one. Raises `NoSuchMailbox`."""
    mailboxes.id_by_name(tx, account, name)
    limit = quota.effective(tx, account)
    return None if limit is None else limit - account_counters.usage(tx, account).octets


async def message_octets(session: SessionState, octets: bytes) -> None:
    """Octets of the message that was accepted."""
    incoming = session.incoming
    if incoming is None or incoming.failed:
        return
    try:
        await incoming.written[-1][1].add(octets)
    except DatabaseUnavailable:
        # The client goes on sending whatever we answer: its octets are dropped, and the command ends in NO
        incoming.fail()


def drop(session: SessionState) -> None:
    """The command turned out malformed, or the client is gone."""
    if session.incoming is not None:
        session.incoming.abandon()
        session.incoming = None


async def messages_ended(session: SessionState) -> Reply:
    """All messages have arrived: store them durably, and report their UIDs."""
    incoming = session.incoming
    assert incoming is not None, "the machine ends only messages that it has offered"
    try:
        if incoming.failed:
            raise DatabaseUnavailable("a message could not be written or kept")
        incoming.keep()
        arrivals: list[Arrival] = []
        for parameters, writer in incoming.written:
            if arrivals:
                await session.connection.give_way()
            arrivals.append(
                _arrival(session, parameters, await _message(session, writer, binary=parameters.binary))
            )
        return await _store(session, incoming, arrivals)
    except NoSuchMailbox:
        raise CommandRefused(NO_DESTINATION) from None
    finally:
        drop(session)


async def _message(session: SessionState, writer: BlobWriter, *, binary: bool) -> Message:
    """Raises `DatabaseUnavailable`, `MemoryScarce`."""
    if writer.size < LONG_OCTETS:
        return await _summarized(session, writer, binary=binary)
    with await session.world.memory.accounts.whole.reserve(writer.size * (MEMORY_FACTOR if binary else 1)):
        return await _summarized(session, writer, binary=binary)


async def _summarized(session: SessionState, writer: BlobWriter, *, binary: bool) -> Message:
    blob, octets = await writer.finish()
    if binary:
        blob, octets = await text_form(blob, octets, session.world.blobs)
    return Message(blob, await summary_of(octets, session.world.aside))


def _arrival(session: SessionState, parameters: MessageParameters, message: Message) -> Arrival:
    received_at_ms = session.now_ms if parameters.received_at_ms is None else parameters.received_at_ms
    return Arrival(message, parameters.flags, received_at_ms)


async def _store(session: SessionState, incoming: IncomingMessages, arrivals: list[Arrival]) -> Reply:
    account, name, before = session.account_id, incoming.command.mailbox, None
    selected = session.machine.selected  # which is none any more where the client leaves meanwhile
    try:
        if incoming.replaced is None:
            before, appended, recent = await session.commit_many(
                len(arrivals) * _ARRIVAL_COST,
                _append,
                account,
                name,
                arrivals,
                now_ms=session.now_ms,
                claiming=updates.claiming(session),
            )
            if selected is not None and recent:
                selected.recent |= recent
        else:
            replaced = await session.commit(
                _replace,
                account,
                (session.selected.mailbox, incoming.replaced),
                arrivals[0],
                to=name,
                now_ms=session.now_ms,
            )
            appended = [] if replaced is None else [replaced]
    except DatabaseUnavailable:
        raise  # after a crash the commit may turn out durable: its files must stay
    except Exception:
        # The verb has changed nothing; a cancelled one might have, and its files must stay
        for arrival in arrivals:
            session.world.blobs.discard(arrival.message.blob)
        raise
    if not appended:
        return no("Message no longer exists", response_codes.EXPUNGEISSUED)
    if before is not None:
        await _send_own(session, before, arrivals, appended)
    return _stored(session, incoming, appended)


async def _send_own(
    session: SessionState, before: Head, arrivals: list[Arrival], appended: list[Appended]
) -> None:
    """Send what was appended, if to the selected mailbox, with what is known of it."""
    selected, last = session.machine.selected, appended[-1]
    if selected is None or selected.mailbox != before.mailbox:
        return
    rows: list[Flagged] = [
        (new.uid, arrival.flags, new.modseq) for new, arrival in zip(appended, arrivals, strict=True)
    ]
    logged = {ChangeKind.APPENDED: NumberSet(((appended[0].uid, last.uid),))}
    after = before._replace(uid_next=Uid(last.uid + 1), modseq=last.modseq)
    reading = Reading(after, Delta(last.modseq, EMPTY, rows, [], logged), None)
    await updates.send_own(session, Version(before.uid_validity, before.modseq), reading)


def _append(
    tx: Transaction,
    account: AccountId,
    name: str,
    arrivals: list[Arrival],
    *,
    now_ms: int,
    claiming: MailboxId | None,
) -> tuple[Head, list[Appended], NumberSet]:
    """The mailbox as it was before, and what was appended; what is \\Recent then to a session that is `claiming` that,
    which needs no other commit."""
    before = mailbox_cache.head_by_name(tx, account, name)
    mailbox, limit = before.mailbox, quota.effective(tx, account)
    appended = store_append.append_all(tx, account, mailbox, arrivals, now_ms=now_ms, quota_octets=limit)
    return before, appended, mailboxes.claim_recent(tx, account, mailbox) if mailbox == claiming else EMPTY


def _replace(
    tx: Transaction,
    account: AccountId,
    source: tuple[MailboxId, Uid],
    arrival: Arrival,
    *,
    to: str,
    now_ms: int,
) -> Appended | None:
    limit = quota.effective(tx, account)
    target = mailboxes.id_by_name(tx, account, to)
    return placements.replace(tx, account, source, arrival, to=target, now_ms=now_ms, quota_octets=limit)


def _stored(session: SessionState, incoming: IncomingMessages, appended: list[Appended]) -> Reply:
    # RFC 3502 §6.3.11: UIDs in the order of the messages, here one run
    uids = NumberSet.of(email.uid for email in appended)
    code = response_codes.append_uid(appended[0].uid_validity, uids)
    if incoming.replaced is None:
        return ok("APPEND completed", code)
    # RFC 8508 §4.1: the new message's UID comes before the EXPUNGE of the old one
    session.write(responses.ok(responses.UNTAGGED, "Replacement message stored", code))
    return ok("REPLACE completed")
