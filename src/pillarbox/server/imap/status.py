"""STATUS (RFC 9051 §6.3.11; RFC 8438 STATUS=SIZE, 7889 APPENDLIMIT, 8474 MAILBOXID).

The counts are columns that the store maintains; nothing is counted here, except for RECENT.
"""

from collections.abc import Iterable
from functools import partial
from typing import Final, assert_never

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import Status, StatusItem
from pillarbox.server.imap import snapshot
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.store import mailboxes
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.database import Transaction


async def status(session: SessionState, command: Status) -> Reply:
    """STATUS (RFC 9051 §6.3.11)."""
    with_recent = StatusItem.RECENT in command.items
    read = partial(_read, account=session.account_id, name=command.mailbox, with_recent=with_recent)
    mailbox, recent = await snapshot.beside(session, read)
    session.write(status_response(session, mailbox, command.items, recent))
    return _COMPLETED


_COMPLETED: Final = ok("STATUS completed")


def _read(tx: Transaction, account: AccountId, name: str, *, with_recent: bool) -> tuple[Mailbox, int | None]:
    mailbox = mailboxes.by_name(tx, account, name)
    return mailbox, mailboxes.recent(tx, account, mailbox.id) if with_recent else None


def status_response(
    session: SessionState, mailbox: Mailbox, items: Iterable[StatusItem], recent: int | None
) -> bytes:
    """The untagged response; `recent`: how many messages are \\Recent, where RECENT is among the items."""
    values = [
        (item, recent if item is StatusItem.RECENT else _value(session, mailbox, item)) for item in items
    ]
    return responses.status(mailbox.name, values, utf8=session.machine.utf8)


def _value(session: SessionState, mailbox: Mailbox, item: StatusItem) -> int | str | None:
    match item:
        case StatusItem.MESSAGES:
            return mailbox.messages
        case StatusItem.UIDNEXT:
            return mailbox.uid_next
        case StatusItem.UIDVALIDITY:
            return mailbox.uid_validity
        case StatusItem.UNSEEN:
            return mailbox.unseen
        case StatusItem.DELETED:
            return mailbox.deleted
        case StatusItem.SIZE:
            return mailbox.octets
        case StatusItem.HIGHESTMODSEQ:
            return mailbox.highest_modseq
        case StatusItem.APPENDLIMIT:
            return session.config.limits.message_octets
        case StatusItem.MAILBOXID:
            return object_id.of_mailbox(mailbox.id)
        case StatusItem.RECENT:
            return None
        case _:
            assert_never(item)
