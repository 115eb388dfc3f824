"""Mailboxes: containers of messages, named by full paths such as `INBOX` or `Work/2026`.

Levels of the hierarchy have no rows: if `Work` has none and `Work/2026` has one, `Work` is a name without a mailbox
(RFC 9051 §7.3.1, `\\NonExistent`), as after deleting a mailbox that has children (§6.3.5). Names are canonical
(`pillarbox.mail.mailbox_name.canonical`).

What is always true: a mailbox id is never reused in its account; all mailboxes that ever existed in an account have
different UIDVALIDITY, so no rename can give another message an earlier (name, UIDVALIDITY, UID); every account has an
INBOX for all its life.
"""

from typing import Any

from pillarbox.mail import mailbox_name
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.mailbox_name import INBOX, SEPARATOR
from pillarbox.mail.number_set import EMPTY, NumberSet
from pillarbox.store import account_counters, changes, flag_runs, placements, uploads
from pillarbox.store.account_counters import MAX_MODSEQ, MAX_UID, NoSuchMailbox, Touched
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox import DEFAULT_MAILBOXES, Mailbox, Role
from pillarbox.world.database import Transaction, ValuesDamaged
from pillarbox.world.database.values import MAX_NUMBER


class MailboxExists(ValueError):
    """The name is in use."""


class CannotDeleteInbox(ValueError):
    """INBOX can't be deleted (RFC 9051 §6.3.5)."""


class TooManyNames(ValueError):
    """The account has as many mailboxes, or subscriptions, as it may."""


class NestedInItself(ValueError):
    """A mailbox can't be renamed to a name below its own."""


_SELECT = """
SELECT id, m.name, role, uid_validity, uid_next, first_recent, highest_modseq,
  messages, unseen, deleted, octets, sort_order, s.name IS NOT NULL
FROM mailboxes m LEFT JOIN subscriptions s ON s.account = m.account AND s.name = m.name
WHERE m.account = ?"""


def _mailbox(row: tuple[Any, ...]) -> Mailbox:
    mailbox, name, role, *numbers, sort_order, subscribed = row
    if min(numbers) < 0 or max(numbers) > MAX_MODSEQ:  # no client gets them
        raise ValuesDamaged(f"mailbox '{name}' has damaged numbers: pillarbox fsck --repair mends them")
    uid_validity, uid_next, first_recent, highest_modseq, messages, unseen, deleted, octets = numbers
    return Mailbox(
        mailbox,
        name,
        role and Role(role),
        uid_validity,
        uid_next,
        first_recent,
        highest_modseq,
        messages,
        unseen,
        deleted,
        octets,
        bool(subscribed),
        sort_order,
    )


def listing(tx: Transaction, account: AccountId) -> list[Mailbox]:
    """All mailboxes of the account, ordered by name."""
    return [_mailbox(row) for row in tx.rows(_SELECT + " ORDER BY m.name", (account,))]


def subscriptions(tx: Transaction, account: AccountId) -> list[str]:
    """All subscribed names, also those without a mailbox (RFC 9051 §6.3.7), ordered."""
    return [
        name
        for (name,) in tx.rows("SELECT name FROM subscriptions WHERE account = ? ORDER BY name", (account,))
    ]


def count_names(tx: Transaction, account: AccountId) -> int:
    """How many mailboxes and subscriptions the account has: what LIST goes through."""
    return _count(tx, account, "mailboxes") + _count(tx, account, "subscriptions")


def _count(tx: Transaction, account: AccountId, table: str) -> int:
    count: int = tx.value(f"SELECT COUNT(*) FROM {table} WHERE account = ?", (account,))  # noqa: S608 - our own
    return count


def by_name(tx: Transaction, account: AccountId, name: str) -> Mailbox:
    """The mailbox of this canonical name. Raises `NoSuchMailbox`."""
    row = tx.row(_SELECT + " AND m.name = ?", (account, name))
    if row is None:
        raise NoSuchMailbox(name)
    return _mailbox(row)


def id_by_name(tx: Transaction, account: AccountId, name: str) -> MailboxId:
    """Only the id of `by_name`. Raises `NoSuchMailbox`."""
    found = _id_of(tx, account, name)
    if found is None:
        raise NoSuchMailbox(name)
    return found


def inbox(tx: Transaction, account: AccountId) -> MailboxId | None:
    """Only the id of INBOX, which every delivery needs."""
    found: MailboxId | None = tx.value(
        "SELECT id FROM mailboxes WHERE account = ? AND name = ?", (account, INBOX)
    )
    return found


def by_id(tx: Transaction, account: AccountId, mailbox: MailboxId) -> Mailbox:
    """The mailbox with this id. Raises `NoSuchMailbox`."""
    row = tx.row(_SELECT + " AND m.id = ?", (account, mailbox))
    if row is None:
        raise NoSuchMailbox(mailbox)
    return _mailbox(row)


def by_role(tx: Transaction, account: AccountId, role: Role) -> Mailbox | None:
    """The mailbox that has this role, if one has."""
    row = tx.row(_SELECT + " AND m.role = ? ORDER BY id", (account, role.value))
    return None if row is None else _mailbox(row)


def create_defaults(tx: Transaction, account: AccountId, *, now_ms: int) -> None:
    """Open the account and create its first mailboxes, subscribed. Existing ones stay unchanged."""
    account_counters.open_account(tx, account)
    there = {mailbox.name for mailbox in listing(tx, account)}
    for name, role in DEFAULT_MAILBOXES.items():
        if name not in there:
            create(tx, account, name, role=role, now_ms=now_ms)
            subscribe(tx, account, name)


def create(
    tx: Transaction,
    account: AccountId,
    name: str,
    *,
    role: Role | None = None,
    now_ms: int,
    most: int | None = None,
) -> Mailbox:
    """Create a mailbox, and missing ones above it.

    `most`: mailboxes that the account may have. Raises `MailboxExists`, `TooManyNames`, or
    `mailbox_name.InvalidMailboxName`. RFC 9051 §6.3.4.
    """
    name = mailbox_name.canonical(name)
    if _id_of(tx, account, name) is not None:
        raise MailboxExists(name)
    mailbox_name.check_new_level(name)
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    _create_above(tx, account, name, modseq, now_ms, most)
    return by_id(tx, account, _insert(tx, account, name, role, modseq, now_ms, most))


def _create_above(
    tx: Transaction, account: AccountId, name: str, modseq: ModSeq, now_ms: int, most: int | None
) -> None:
    above = mailbox_name.parent(name)
    if above is not None and _id_of(tx, account, above) is None:
        mailbox_name.check_new_level(above)
        _create_above(tx, account, above, modseq, now_ms, most)
        _insert(tx, account, above, None, modseq, now_ms, most)


_NEXT_MAILBOX = f"""
UPDATE ledgers SET last_mailbox = last_mailbox + 1, last_uid_validity =
  CASE WHEN last_uid_validity < ? THEN ? ELSE last_uid_validity + 1 END
WHERE account = ? AND last_mailbox BETWEEN 0 AND {MAX_NUMBER} AND last_uid_validity BETWEEN 0 AND {MAX_UID}
RETURNING last_mailbox, last_uid_validity"""  # noqa: S608 - numbers of ours


def _insert(
    tx: Transaction,
    account: AccountId,
    name: str,
    role: Role | None,
    modseq: ModSeq,
    now_ms: int,
    most: int | None,
) -> MailboxId:
    if most is not None and _count(tx, account, "mailboxes") >= most:
        raise TooManyNames
    # RFC 9051 §2.3.1.1: UIDVALIDITY is the time in seconds, or the last one plus 1 if that is later
    row = tx.row(_NEXT_MAILBOX, (now_ms // 1000, now_ms // 1000, account))
    if row is None:
        account_counters.modseq(tx, account)
        raise account_counters.damaged(account)
    mailbox, uid_validity = MailboxId(row[0]), row[1]
    tx.execute(
        "INSERT INTO mailboxes VALUES (?, ?, ?, ?, ?, 1, 1, ?, 0, 0, 0, 0, NULL)",
        (account, mailbox, name, role and role.value, uid_validity, modseq),
    )
    changes.record_mailbox(tx, account, modseq, mailbox, ChangeKind.MAILBOX_CREATED)
    return mailbox


def set_role(tx: Transaction, account: AccountId, mailbox: MailboxId, role: Role) -> None:
    """Give a mailbox this role; one that has it loses it (RFC 6154 §2, RFC 8621 §2: a role has one mailbox)."""
    holder = by_role(tx, account, role)
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    if holder is not None:
        _change_role(tx, account, holder.id, None, modseq)
    _change_role(tx, account, mailbox, role, modseq)


def _change_role(
    tx: Transaction, account: AccountId, mailbox: MailboxId, role: Role | None, modseq: ModSeq
) -> None:
    sql = "UPDATE mailboxes SET role = ? WHERE account = ? AND id = ?"
    tx.execute(sql, (role and role.value, account, mailbox))
    changes.record_mailbox(tx, account, modseq, mailbox, ChangeKind.MAILBOX_ROLE)


def _id_of(tx: Transaction, account: AccountId, name: str) -> MailboxId | None:
    found: MailboxId | None = tx.value(
        "SELECT id FROM mailboxes WHERE account = ? AND name = ?", (account, name)
    )
    return found


def subscribe(
    tx: Transaction, account: AccountId, name: str, *, subscribed: bool = True, most: int | None = None
) -> None:
    """Subscribe or unsubscribe a canonical name; the name needs no mailbox (RFC 9051 §6.3.7).

    `most`: subscriptions that the account may have. Raises `TooManyNames`.
    """
    if subscribed:
        changed = tx.execute(
            "INSERT INTO subscriptions VALUES (?, ?) ON CONFLICT DO NOTHING", (account, name)
        )
        if changed and most is not None and _count(tx, account, "subscriptions") > most:
            raise TooManyNames
    else:
        changed = tx.execute("DELETE FROM subscriptions WHERE account = ? AND name = ?", (account, name))
    if changed:
        mailbox = _id_of(tx, account, name)
        touched = Touched.NOTHING if mailbox is None else Touched.MAILBOXES
        modseq = account_counters.next_modseq(tx, account, touched)
        changes.record_mailbox(tx, account, modseq, mailbox or changes.NO_MAILBOX, ChangeKind.SUBSCRIBED)


def unclaimed(tx: Transaction, account: AccountId, mailbox: MailboxId) -> NumberSet:
    """The UIDs that are \\Recent to the next session that asks (RFC 3501 §2.3.2).

    Raises `NoSuchMailbox`, `ValuesDamaged`.
    """
    row = tx.row(
        "SELECT first_recent, uid_next FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)
    )
    if row is None:
        raise NoSuchMailbox(mailbox)
    first, uid_next = row
    if any(type(uid) is not int or not 0 <= uid <= MAX_UID + 1 for uid in row):
        raise flag_runs.damaged(account, mailbox)
    return NumberSet(((first, uid_next - 1),)) if first < uid_next else EMPTY


def claim_recent(tx: Transaction, account: AccountId, mailbox: MailboxId) -> NumberSet:
    """Make what is unclaimed \\Recent in the caller's session, and in no later one; its UIDs.

    Raises `NoSuchMailbox`, `ValuesDamaged`.
    """
    claimed = unclaimed(tx, account, mailbox)
    if claimed:
        tx.execute(
            "UPDATE mailboxes SET first_recent = uid_next WHERE account = ? AND id = ?", (account, mailbox)
        )
    return claimed


def recent(tx: Transaction, account: AccountId, mailbox: MailboxId) -> int:
    """The number of messages that no session has claimed as \\Recent yet (RFC 3501 §6.3.10)."""
    count: int = tx.value(
        "SELECT COUNT(*) FROM mailboxes m JOIN placements p ON p.account = m.account AND p.mailbox = m.id"
        " AND p.uid >= m.first_recent WHERE m.account = ? AND m.id = ?",
        (account, mailbox),
    )
    return count


def delete(tx: Transaction, account: AccountId, mailbox: MailboxId, *, most: int | None = None) -> bool:
    """Delete a mailbox with its messages; mailboxes below it stay, and so do subscriptions.

    False, and nothing is done, where there are more than `most` messages. Raises `NoSuchMailbox`, or
    `CannotDeleteInbox`. RFC 9051 §6.3.5.
    """
    found = by_id(tx, account, mailbox)
    if found.name == INBOX:
        raise CannotDeleteInbox
    if most is not None and found.messages > most:
        return False
    touched = Touched.BOTH if found.messages else Touched.MAILBOXES
    modseq = account_counters.next_modseq(tx, account, touched)
    placements.empty(tx, account, mailbox, modseq=modseq)
    tx.execute("DELETE FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox))
    changes.record_mailbox(tx, account, modseq, mailbox, ChangeKind.MAILBOX_DELETED)
    return True


def rename(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    name: str,
    *,
    now_ms: int,
    most: int | None = None,
    move_limit: int | None = None,
) -> MailboxId | None:
    """Rename a mailbox and all below it; missing mailboxes above the new name are created.

    INBOX stays: its messages move to a new mailbox of that name, and mailboxes below it stay too. Returns that mailbox
    where only the first `move_limit` have been moved: the others are left to `placements.move_all`. Subscriptions are
    names and do not change. `most`: mailboxes that the account may have. Raises `NoSuchMailbox`, `MailboxExists`,
    `NestedInItself`, `TooManyNames`, or `mailbox_name.InvalidMailboxName`. RFC 9051 §6.3.6.
    """
    name = mailbox_name.canonical(name)
    mailbox_name.check_new_level(name)
    old = by_id(tx, account, mailbox).name
    if _id_of(tx, account, name) is not None:
        raise MailboxExists(name)
    if old == INBOX:
        target = create(tx, account, name, now_ms=now_ms, most=most)
        moved = placements.move_all(tx, account, mailbox, to=target.id, now_ms=now_ms, limit=move_limit)
        return target.id if moved is not None and len(moved.source) == move_limit else None
    if name.startswith(old + SEPARATOR):
        raise NestedInItself(name)
    renamed = {
        one: mailbox_name.canonical(name + one_name[len(old) :]) for one, one_name in _tree(tx, account, old)
    }
    for new_name in renamed.values():
        if _id_of(tx, account, new_name) is not None:
            raise MailboxExists(new_name)
    modseq = account_counters.next_modseq(tx, account, Touched.MAILBOXES)
    _create_above(tx, account, name, modseq, now_ms, most)
    for one, new_name in renamed.items():
        tx.execute("UPDATE mailboxes SET name = ? WHERE account = ? AND id = ?", (new_name, account, one))
    # Those as well that were below the name, and get a mailbox above them
    for one, _ in _tree(tx, account, name):
        changes.record_mailbox(tx, account, modseq, one, ChangeKind.MAILBOX_RENAMED)
    return None


def _tree(tx: Transaction, account: AccountId, name: str) -> list[tuple[MailboxId, str]]:
    """The mailbox of this name and those below it."""
    below, beyond = name + SEPARATOR, name + chr(ord(SEPARATOR) + 1)
    return [
        (mailbox, found)
        for mailbox, found in tx.rows(
            "SELECT id, name FROM mailboxes WHERE account = ? AND (name = ? OR (name > ? AND name < ?))",
            (account, name, below, beyond),
        )
    ]


def delete_account(tx: Transaction, account: AccountId) -> None:
    """Remove everything the store has of an account; `orphans.sweep` and `uploads.sweep` release its octets."""
    first, last = account_counters.email_bounds(account)
    tx.execute(
        "INSERT INTO orphans SELECT id FROM emails WHERE id BETWEEN ? AND ? ON CONFLICT DO NOTHING",
        (first, last),
    )
    uploads.delete_account(tx, account)
    for table in _ACCOUNT_TABLES:
        tx.execute(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608 - names from the tuple below
    tx.touch(account)


_ACCOUNT_TABLES = (
    "flags", "flag_texts", "placements", "mailboxes", "subscriptions", "thread_keys", "changes", "ledgers",
    "search_attempts", "unfinished_copies", "undo_tokens", "undo_emails", "saved_searches", "saved_search_counters",
    "snoozes",
)  # fmt: skip
