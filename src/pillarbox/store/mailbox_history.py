"""In which mailboxes something else than counts has changed since a state (RFC 8621 §2.4, Mailbox/queryChanges)."""

from typing import Final

from msgspec import Struct

from pillarbox.mail import mailbox_name
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import states
from pillarbox.store.changes import ChangeKind
from pillarbox.store.states import State
from pillarbox.world.database import Transaction


class MailboxHistory(Struct, frozen=True):
    """What happened; a mailbox may be in several of these."""

    created: set[MailboxId]
    changed: set[MailboxId]
    """Name, mailbox above, role, place in the order, or subscription."""
    destroyed: set[MailboxId]


def history(tx: Transaction, account: AccountId, since: State) -> MailboxHistory:
    """What happened to mailboxes since a state; for each, also what happened to those above it.

    Raises `CannotCalculateChanges`, `NoSuchAccount`, `ValuesDamaged`.
    """
    now = states.read(tx, account)
    states.check(since, now.mailbox, now.logged_from)
    found: dict[int, set[MailboxId]] = {kind: set() for kind in _KINDS}
    if since != now.mailbox:
        for mailbox, kind in tx.rows(_LOGGED, (account, since.told)):
            found[kind].add(mailbox)
    created, destroyed = found[ChangeKind.MAILBOX_CREATED], found[ChangeKind.MAILBOX_DELETED]
    changed = set().union(*found.values()) - destroyed
    if changed or destroyed:
        names = dict(tx.rows("SELECT id, name FROM mailboxes WHERE account = ?", (account,)))
        changed |= _below(names, {names[one] for one in changed & names.keys()}, orphans=bool(destroyed))
        changed &= names.keys()
    return MailboxHistory(created, changed, destroyed)


_KINDS: Final = (
    ChangeKind.MAILBOX_CREATED,
    ChangeKind.MAILBOX_RENAMED,
    ChangeKind.MAILBOX_DELETED,
    ChangeKind.SUBSCRIBED,
    ChangeKind.MAILBOX_ROLE,
)
_LOGGED: Final = f"""
SELECT DISTINCT mailbox, kind FROM changes
WHERE account = ? AND modseq > ? AND kind IN ({", ".join(str(kind.value) for kind in _KINDS)})"""  # noqa: S608 - numbers of ours


def _below(names: dict[MailboxId, str], changed: set[str], *, orphans: bool) -> set[MailboxId]:
    """The mailboxes below these; and those that may have lost one above them."""
    there = {*names.values()}
    found = set()
    for one, name in names.items():
        above = mailbox_name.parent(name)
        while above is not None and above not in changed and (above in there or not orphans):
            above = mailbox_name.parent(above)
        if above is not None:
            found.add(one)
    return found
