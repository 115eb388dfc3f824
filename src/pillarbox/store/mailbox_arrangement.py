"""Changes of many mailboxes of an account at once: names, roles, places in the order, subscriptions.

A client of JMAP may have two mailboxes change their names, or a role go from one to another, in one call (RFC 8620
§5.3): what is in between is seen by nobody. What is asked for must be possible: whoever calls has looked.
"""

from collections.abc import Mapping
from typing import Final

from pillarbox.mail import mailbox_name
from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import account_counters, changes
from pillarbox.store.account_counters import Touched
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox import Role
from pillarbox.world.database import Transaction


def rename(tx: Transaction, account: AccountId, names: Mapping[MailboxId, str]) -> None:
    """Give these mailboxes these canonical names, which no others have; mailboxes below them keep theirs.

    Subscriptions are names and do not change.
    """
    if not names:
        return
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    wanted = {*names.values()}
    before = dict(tx.rows("SELECT id, name FROM mailboxes WHERE account = ?", (account,)))
    # Names are unique at every moment. No mailbox has a control character in its name
    aside = [(f"\x01{one}", account, one) for one in names if before[one] in wanted]
    tx.execute_many(_RENAME, aside)
    tx.execute_many(_RENAME, [(name, account, one) for one, name in names.items()])
    adopted = {one for one, name in before.items() if one not in names and _is_below(name, wanted)}
    for one in sorted(adopted | names.keys()):
        changes.record_mailbox(tx, account, modseq, one, ChangeKind.MAILBOX_RENAMED)


_RENAME: Final = "UPDATE mailboxes SET name = ? WHERE account = ? AND id = ?"


def _is_below(name: str, others: set[str]) -> bool:
    above = mailbox_name.parent(name)
    while above is not None and above not in others:
        above = mailbox_name.parent(above)
    return above is not None


def set_roles(tx: Transaction, account: AccountId, roles: Mapping[MailboxId, Role | None]) -> None:
    """Give these mailboxes these roles, which no others have, or none."""
    if not roles:
        return
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    tx.execute_many(_SET_ROLE, [(role and role.value, account, one) for one, role in roles.items()])
    for one in sorted(roles):
        changes.record_mailbox(tx, account, modseq, one, ChangeKind.MAILBOX_ROLE)


_SET_ROLE: Final = "UPDATE mailboxes SET role = ? WHERE account = ? AND id = ?"


def set_sort_orders(tx: Transaction, account: AccountId, orders: Mapping[MailboxId, int | None]) -> None:
    """Set where these mailboxes are among their siblings; None where no client says so any more."""
    if not orders:
        return
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    tx.execute_many(_SET_SORT_ORDER, [(order, account, one) for one, order in orders.items()])
    for one in sorted(orders):
        changes.record_mailbox(tx, account, modseq, one, ChangeKind.MAILBOX_RENAMED)


_SET_SORT_ORDER: Final = "UPDATE mailboxes SET sort_order = ? WHERE account = ? AND id = ?"


def set_subscriptions(tx: Transaction, account: AccountId, subscribed: Mapping[str, bool]) -> None:
    """Subscribe and unsubscribe these canonical names, of which each changes."""
    if not subscribed:
        return
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    rows = [(account, name) for name, is_subscribed in subscribed.items() if is_subscribed]
    tx.execute_many("INSERT INTO subscriptions VALUES (?, ?) ON CONFLICT DO NOTHING", rows)
    gone = [(account, name) for name, is_subscribed in subscribed.items() if not is_subscribed]
    tx.execute_many("DELETE FROM subscriptions WHERE account = ? AND name = ?", gone)
    found = {
        name: one for one, name in tx.rows("SELECT id, name FROM mailboxes WHERE account = ?", (account,))
    }
    for one in sorted({found.get(name, changes.NO_MAILBOX) for name in subscribed}):
        changes.record_mailbox(tx, account, modseq, one, ChangeKind.SUBSCRIBED)
