"""LIST, LSUB and NAMESPACE (RFC 9051 §6.3.9, §6.3.10; RFC 3501 §6.3.9; RFC 5258, 5819).

Which names LIST shows is decided in `hierarchy`.
"""

from collections.abc import Callable, Iterator
from typing import TypeVar

from pillarbox.mail.identifiers import AccountId
from pillarbox.protocol.imap import responses
from pillarbox.protocol.imap.commands import List, Lsub, Namespace, StatusItem
from pillarbox.server.imap.hierarchy import Line, Names, list_lines, lsub_lines
from pillarbox.server.imap.reply import Reply, ok
from pillarbox.server.imap.session_state import SessionState
from pillarbox.server.imap.status import status_response
from pillarbox.store import mailboxes
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.database import Transaction

_Listed = tuple[Line, Mailbox | None, int | None]
"""A line with its mailbox, if there is one, and the count of its recent messages, if asked for."""

T = TypeVar("T")


async def list_mailboxes(session: SessionState, command: List) -> Reply:
    """LIST (RFC 9051 §6.3.9)."""
    if not command.extended and command.patterns == ("",):
        session.write(responses.separator())
        return ok("LIST completed")
    listed = await session.read_names(_list, session.account_id, command, rev2=session.machine.rev2)

    def response(one: _Listed) -> bytes:
        line, mailbox, recent = one
        return _line(session, line, b"LIST") + _status(session, command, mailbox, recent)

    await session.write_pieces(_pieces(session, listed, response))
    return ok("LIST completed")


async def lsub(session: SessionState, command: Lsub) -> Reply:
    """LSUB (RFC 3501 §6.3.9)."""
    lines = await session.read_names(_lsub, session.account_id, command)
    await session.write_pieces(_pieces(session, lines, lambda line: _line(session, line, b"LSUB")))
    return ok("LSUB completed")


async def namespace(session: SessionState, _: Namespace) -> Reply:
    """NAMESPACE (RFC 9051 §6.3.10)."""
    session.write(responses.namespace())
    return ok("NAMESPACE completed")


def _list(tx: Transaction, account: AccountId, command: List, *, rev2: bool) -> list[_Listed]:
    found, names = _names(tx, account)
    with_recent = StatusItem.RECENT in command.status
    listed: list[_Listed] = []
    for line in list_lines(command, names, rev2=rev2):
        mailbox = found.get(line.name)
        recent = mailboxes.recent(tx, account, mailbox.id) if mailbox and with_recent else None
        listed.append((line, mailbox, recent))
    return listed


def _lsub(tx: Transaction, account: AccountId, command: Lsub) -> list[Line]:
    return lsub_lines(command, _names(tx, account)[1])


def _names(tx: Transaction, account: AccountId) -> tuple[dict[str, Mailbox], Names]:
    found = {mailbox.name: mailbox for mailbox in mailboxes.listing(tx, account)}
    uses = {name: mailbox.role.attribute if mailbox.role else None for name, mailbox in found.items()}
    return found, Names(uses, frozenset(mailboxes.subscriptions(tx, account)))


def _pieces(session: SessionState, found: list[T], response: Callable[[T], bytes]) -> Iterator[bytes]:
    """The responses to all that was found, some names at a time."""
    size = session.limits.batch_names
    for start in range(0, len(found), size):
        yield b"".join([response(one) for one in found[start : start + size]])


def _line(session: SessionState, line: Line, verb: bytes) -> bytes:
    return responses.listed(
        line.name, line.attributes, utf8=session.machine.utf8, child_info=line.child_info, verb=verb
    )


def _status(session: SessionState, command: List, mailbox: Mailbox | None, recent: int | None) -> bytes:
    # RFC 5819 §2: no STATUS for what can't be selected
    return status_response(session, mailbox, command.status, recent) if command.status and mailbox else b""
