"""LIST, LSUB, NAMESPACE and STATUS: an account's mailboxes from outside.

RFC 9051 §6.3.9 to §6.3.11, RFC 5258, 5819, 8438 (STATUS=SIZE), 7889 (APPENDLIMIT), 8474 (MAILBOXID).
Which names LIST shows is decided in `hierarchy`; the counts of STATUS are columns that the store keeps,
so nothing is counted here.
"""

from collections.abc import Iterable
from typing import assert_never

from pillarbox.mail import object_id
from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import List, Lsub, Namespace, Status, StatusItem
from pillarbox.server.imap.conversation import Conversation
from pillarbox.server.imap.hierarchy import Line, Names, chosen, chosen_by_lsub
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.store import mailboxes
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.database import Transaction


async def list_mailboxes(session: Conversation, command: List) -> Reply:
    """LIST (RFC 9051 §6.3.9)."""
    if not command.extended and command.patterns == ("",):
        session.write(responses.separator())
        return ok("Separator told")
    found, names = session.read(_names, session.owner)
    lines = chosen(command, names, rev2=session.machine.rev2)
    told = [
        _line(session, line, b"LIST") + _status_of(session, command, found.get(line.name)) for line in lines
    ]
    session.write(b"".join(told))
    return ok("Listed")


async def lsub(session: Conversation, command: Lsub) -> Reply:
    """LSUB (RFC 3501 §6.3.9)."""
    _, names = session.read(_names, session.owner)
    session.write(b"".join([_line(session, line, b"LSUB") for line in chosen_by_lsub(command, names)]))
    return ok("Listed")


async def namespace(session: Conversation, _: Namespace) -> Reply:
    """NAMESPACE (RFC 9051 §6.3.10)."""
    session.write(responses.namespace())
    return ok("Namespaces told")


async def status(session: Conversation, command: Status) -> Reply:
    """STATUS (RFC 9051 §6.3.11)."""
    mailbox = session.read(mailboxes.by_name, session.owner, command.mailbox)
    session.write(_status(session, mailbox, command.items))
    return ok("Status told")


def _names(tx: Transaction, account: AccountId) -> tuple[dict[str, Mailbox], Names]:
    found = {mailbox.name: mailbox for mailbox in mailboxes.listing(tx, account)}
    uses = {name: mailbox.role.attribute if mailbox.role else None for name, mailbox in found.items()}
    return found, Names(uses, frozenset(mailboxes.subscriptions(tx, account)))


def _line(session: Conversation, line: Line, verb: bytes) -> bytes:
    return responses.listed(
        line.name, line.attributes, utf8=session.machine.utf8, child_info=line.child_info, verb=verb
    )


def _status_of(session: Conversation, command: List, mailbox: Mailbox | None) -> bytes:
    # RFC 5819 §2: no STATUS for what can't be selected
    return _status(session, mailbox, command.status) if command.status and mailbox else b""


def _status(session: Conversation, mailbox: Mailbox, items: Iterable[StatusItem]) -> bytes:
    values = [(item, _value(session, mailbox, item)) for item in items]
    return responses.status(mailbox.name, values, utf8=session.machine.utf8)


def _value(session: Conversation, mailbox: Mailbox, item: StatusItem) -> int | str | None:
    match item:
        case StatusItem.MESSAGES:
            return mailbox.messages
        case StatusItem.RECENT:
            return session.read(mailboxes.recent, session.owner, mailbox.id)
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
            return session.services.append_limit_octets
        case StatusItem.MAILBOXID:
            return object_id.of_mailbox(mailbox.id)
        case _:
            assert_never(item)
