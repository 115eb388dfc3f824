"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE (RFC 9051 §6.3.4 to §6.3.8, RFC 6154 §3).

Names are canonical when they arrive. What the store refuses is answered by the table in `reply`.
"""

from typing import Final

from pillarbox.mail import object_id
from pillarbox.protocol.imap import response_codes, responses
from pillarbox.protocol.imap.commands import Create, Delete, Rename, Subscribe, Unsubscribe
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.reply import Refused, Reply, no, ok
from pillarbox.store import mailboxes
from pillarbox.store.mailbox import Role

_ROLES: Final = {role.attribute: role for role in Role if role.attribute}


async def create(session: Conversation, command: Create) -> Reply:
    """RFC 9051 §6.3.4."""
    role = _role(command.uses) if command.uses else None
    if role and session.read(mailboxes.by_role, session.owner, role):
        # RFC 6154 §3: one mailbox a use; a second one would make clients file into either
        return no("Another mailbox has that use", response_codes.USEATTR)
    made = await session.commit(
        mailboxes.create, session.owner, command.mailbox, role=role, now_ms=session.now_ms
    )
    return ok("Created", response_codes.mailbox_id(object_id.of_mailbox(made.id)))


def _role(uses: tuple[str, ...]) -> Role:
    roles = [_ROLES.get(use) for use in uses]
    if len(roles) != 1 or roles[0] is None:
        raise Refused(no("A mailbox can't be made with that use", response_codes.USEATTR))
    return roles[0]


async def delete(session: Conversation, command: Delete) -> Reply:
    """RFC 9051 §6.3.5: names below it stay."""
    gone = session.read(mailboxes.by_name, session.owner, command.mailbox)
    await session.commit(mailboxes.delete, session.owner, gone.id)
    session.services.warm.forget(session.owner, gone.id)
    selected = session.machine.selected
    if selected is not None and selected.mailbox == gone.id:
        session.machine.deselect()
        session.write(
            responses.ok(responses.UNTAGGED, "The selected mailbox was deleted", response_codes.CLOSED)
        )
    return ok("Deleted")


async def rename(session: Conversation, command: Rename) -> Reply:
    """RFC 9051 §6.3.6: INBOX gives its messages to a new mailbox and stays."""
    renamed = session.read(mailboxes.by_name, session.owner, command.mailbox)
    await session.commit(mailboxes.rename, session.owner, renamed.id, command.new_name, now_ms=session.now_ms)
    return ok("Renamed")


async def subscribe(session: Conversation, command: Subscribe) -> Reply:
    """RFC 9051 §6.3.7: a name needs no mailbox to be subscribed."""
    await session.commit(mailboxes.subscribe, session.owner, command.mailbox)
    return ok("Subscribed")


async def unsubscribe(session: Conversation, command: Unsubscribe) -> Reply:
    """RFC 9051 §6.3.8."""
    await session.commit(mailboxes.subscribe, session.owner, command.mailbox, subscribed=False)
    return ok("Unsubscribed")
