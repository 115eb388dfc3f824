"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8, RFC 6154 §3).

Names are canonical when they arrive. What the store refuses is answered by the table in `reply`.
"""

from typing import Final

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.mailbox_name import INBOX
from pillarbox.mail.number_set import NumberSet
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.commands import Create, Delete, Rename, Subscribe, Unsubscribe
from pillarbox.server.imap.reply import CommandRefused, Reply, no, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.mailbox import Mailbox, Role

_ROLES: Final = {role.attribute: role for role in Role if role.attribute}


async def create(session: SessionState, command: Create) -> Reply:
    """RFC 9051 §6.3.4."""
    role = _role(command.uses) if command.uses else None
    used = await session.read(mailboxes.by_role, session.account_id, role) if role else None
    if used:
        # RFC 6154 §3: one mailbox per use; with a second one, clients would file into either
        return no("Special-use attribute already in use", response_codes.USEATTR)
    made = await session.commit(
        mailboxes.create,
        session.account_id,
        command.mailbox,
        role=role,
        now_ms=session.now_ms,
        most=session.limits.max_names,
    )
    return ok("CREATE completed", response_codes.mailbox_id(object_id.of_mailbox(made.id)))


def _role(uses: tuple[str, ...]) -> Role:
    roles = [_ROLES.get(use) for use in uses]
    if len(roles) != 1 or roles[0] is None:
        raise CommandRefused(no("Unsupported special-use attribute", response_codes.USEATTR))
    return roles[0]


async def delete(session: SessionState, command: Delete) -> Reply:
    """RFC 9051 §6.3.5: mailboxes below it stay."""
    gone = await session.read(mailboxes.by_name, session.account_id, command.mailbox)
    limit = session.limits.slice_messages
    if gone.messages > limit and gone.name != INBOX:
        await _empty(session, gone, limit)
    messages = min(gone.messages, limit)
    most = _most(session, messages)
    while not await session.commit_many(messages, mailboxes.delete, session.account_id, gone.id, most=most):
        await _empty(session, gone, limit)  # others have put many there meanwhile
    session.caches.mailboxes.forget(session.account_id, gone.id)
    selected = session.machine.selected
    if selected is not None and selected.mailbox == gone.id:
        session.machine.deselect()
        session.write(responses.ok(responses.UNTAGGED, "Selected mailbox was deleted", response_codes.CLOSED))
    return ok("DELETE completed")


def _most(session: SessionState, messages: int) -> int:
    """How many messages a verb may go through that expects so many: what runs in the loop must stay short."""
    limits = session.limits
    return limits.slice_messages if messages > limits.many_messages else limits.many_messages


async def _empty(session: SessionState, gone: Mailbox, limit: int) -> None:
    """Remove the messages of a mailbox that is to be deleted in slices, between which others write."""
    count = limit
    while count == limit:
        some = await session.commit_many(
            limit, placements.expunge, session.account_id, gone.id, deleted_only=False, limit=limit
        )
        count = some.count


async def rename(session: SessionState, command: Rename) -> Reply:
    """RFC 9051 §6.3.6: INBOX gives its messages to a new mailbox and stays."""
    account = session.account_id
    renamed = await session.read(mailboxes.by_name, account, command.mailbox)
    # all of these messages move, or the mailboxes below it
    rows = renamed.messages if renamed.name == INBOX else await session.read(mailboxes.count_names, account)
    limit = session.limits.slice_messages
    target = await session.commit_many(
        rows,
        mailboxes.rename,
        account,
        renamed.id,
        command.new_name,
        now_ms=session.now_ms,
        most=session.limits.max_names,
        move_limit=min(limit, _most(session, rows)),
    )
    if target is not None:
        await _move_the_rest(session, renamed, target, limit)
    return ok("RENAME completed")


async def _move_the_rest(session: SessionState, inbox: Mailbox, target: MailboxId, limit: int) -> None:
    """Move what was in INBOX when it was renamed, in slices, between which others write."""
    uids = NumberSet(((1, inbox.uid_next - 1),))
    while True:
        moved = await session.commit_many(
            limit,
            placements.move_all,
            session.account_id,
            inbox.id,
            to=target,
            now_ms=session.now_ms,
            uids=uids,
            limit=limit,
        )
        if moved is None or len(moved.source) < limit:
            return


async def subscribe(session: SessionState, command: Subscribe) -> Reply:
    """RFC 9051 §6.3.7: a name needs no mailbox to be subscribed."""
    most = session.limits.max_names
    await session.commit(mailboxes.subscribe, session.account_id, command.mailbox, most=most)
    return ok("SUBSCRIBE completed")


async def unsubscribe(session: SessionState, command: Unsubscribe) -> Reply:
    """RFC 9051 §6.3.8."""
    await session.commit(mailboxes.subscribe, session.account_id, command.mailbox, subscribed=False)
    return ok("UNSUBSCRIBE completed")


NO_DESTINATION: Final = no("Mailbox doesn't exist", response_codes.TRYCREATE)
"""RFC 9051 §6.3.12: it is never created implicitly, and TRYCREATE only comes where CREATE would help."""


async def destination(session: SessionState, name: str) -> Mailbox:
    """The mailbox that APPEND, COPY, MOVE or REPLACE names; refused with TRYCREATE where there is none."""
    try:
        return await session.read(mailboxes.by_name, session.account_id, name)
    except NoSuchMailbox:
        raise CommandRefused(NO_DESTINATION) from None
