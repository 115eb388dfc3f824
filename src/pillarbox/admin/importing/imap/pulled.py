"""What was imported from other servers: for each message its UID there and here, and its flags there.

The flags as they were there the last time tell what has changed there since; what was changed here stays. Rows of an
earlier UIDVALIDITY are kept until their messages are recognized under the new one (`identity`).

The same account may be reached by several names of its server, and logins in any letter case. So what came into a
mailbox here from another server, or by another login, is recognized as well; then both have a row for the message.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pillarbox.admin.fitting_flags import LeftOut, fitted
from pillarbox.admin.importing.imap.plan import Planned
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.directory import quota
from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import flags as stored_flags
from pillarbox.store import mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.append import Arrival, append_all
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.database import Schema, Transaction

_TABLES = """
CREATE TABLE pulled_mailboxes (
  id INTEGER PRIMARY KEY,
  account INTEGER NOT NULL,
  server TEXT NOT NULL,
  name BLOB NOT NULL,
  mailbox INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,
  modseq INTEGER NOT NULL,
  UNIQUE (account, server, name)
);
CREATE TABLE pulled_messages (
  source INTEGER NOT NULL,
  uid_validity INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  mailbox INTEGER NOT NULL,
  local_uid INTEGER NOT NULL,
  flags TEXT NOT NULL,
  fingerprint BLOB NOT NULL,
  object TEXT NOT NULL,
  PRIMARY KEY (source, uid_validity, uid)
) WITHOUT ROWID;
CREATE INDEX pulled_fingerprints ON pulled_messages (source, fingerprint);
CREATE INDEX pulled_objects ON pulled_messages (object) WHERE object <> '';
"""

# With all columns that are asked for: else SQLite goes through all messages of a source.
_HERE = """
CREATE INDEX pulled_here ON pulled_messages (mailbox, local_uid);
DROP INDEX pulled_fingerprints;
CREATE INDEX pulled_fingerprints ON pulled_messages (source, fingerprint, uid_validity, uid, mailbox, local_uid);
"""

SCHEMA = Schema("pulling", migrations=(_TABLES, _HERE), compatible_back_to=1)


@dataclass(frozen=True, slots=True)
class PulledMailbox:
    """A mailbox of another server, and how far it has been imported."""

    id: int
    mailbox: MailboxId
    """Here."""
    uid_validity: int
    """When it was last imported; 0 before."""
    modseq: int
    """Up to which changes of flags are known; 0: unknown."""
    renewed: bool = False
    """There are rows of another UIDVALIDITY."""
    others: tuple[int, ...] = ()
    """Mailboxes of other servers, or by other logins, from which messages came into the same mailbox here."""

    @property
    def looks_back(self) -> bool:
        """Whether a message may be here that has no row with its UID."""
        return self.renewed or bool(self.others)


@dataclass(frozen=True, slots=True)
class PulledMessage:
    """A message as it was at the other server, ready to be stored."""

    uid: int
    flags: str
    """Canonical text, as it is there."""
    fingerprint: bytes
    arrival: Arrival
    object_id: str = ""


# --- mailboxes


@may(OPERATOR)
def open_mailbox(
    tx: Transaction,
    account: AccountId,
    server: str,
    planned: Planned,
    uid_validity: int,
    *,
    now_ms: int,
    again: bool = False,
) -> PulledMailbox:
    """The row of a mailbox, and its mailbox here, which is created where there is none. `again`: look at no others."""
    row = tx.row(
        "SELECT id, mailbox, uid_validity, modseq FROM pulled_mailboxes WHERE account = ? AND server = ? AND name = ?",
        (account, server, planned.name),
    )
    mailbox = _mailbox(tx, account, planned, row[1] if row else None, now_ms).id
    others = () if again else _others(tx, account, server, mailbox)
    if row is None:
        source: int = tx.value(
            "INSERT INTO pulled_mailboxes (account, server, name, mailbox, uid_validity, modseq)"
            " VALUES (?, ?, ?, ?, ?, 0) RETURNING id",
            (account, server, planned.name, mailbox, uid_validity),
        )
        return PulledMailbox(source, mailbox, uid_validity, 0, others=others)
    source, _, before, modseq = row
    if (mailbox, uid_validity) != (row[1], before):
        modseq = modseq if uid_validity == before else 0
        tx.execute(
            "UPDATE pulled_mailboxes SET mailbox = ?, uid_validity = ?, modseq = ? WHERE id = ?",
            (mailbox, uid_validity, modseq, source),
        )
    renewed = tx.value(
        "SELECT 1 FROM pulled_messages WHERE source = ? AND uid_validity <> ? LIMIT 1", (source, uid_validity)
    )
    return PulledMailbox(source, mailbox, uid_validity, modseq, renewed is not None, others)


def _others(tx: Transaction, account: AccountId, server: str, mailbox: MailboxId) -> tuple[int, ...]:
    rows = tx.rows(
        "SELECT id FROM pulled_mailboxes WHERE account = ? AND server <> ? AND mailbox = ? ORDER BY id",
        (account, server, mailbox),
    )
    return tuple(other for (other,) in rows)


def _mailbox(
    tx: Transaction, account: AccountId, planned: Planned, known: MailboxId | None, now_ms: int
) -> Mailbox:
    """The mailbox here: the one of the last time, also where it was renamed since."""
    if known is not None:
        try:
            return mailboxes.by_id(tx, account, known)
        except NoSuchMailbox:
            pass
    try:
        found = mailboxes.by_name(tx, account, planned.mailbox)
    except NoSuchMailbox:
        taken = planned.role is not None and mailboxes.by_role(tx, account, planned.role) is not None
        role = None if taken else planned.role
        found = mailboxes.create(tx, account, planned.mailbox, role=role, now_ms=now_ms)
    if planned.subscribed and not found.subscribed:
        mailboxes.subscribe(tx, account, found.name)
    return found


@may(OPERATOR)
def save_modseq(tx: Transaction, pulled: PulledMailbox, modseq: int) -> None:
    """All changes of flags up to here are known."""
    tx.execute("UPDATE pulled_mailboxes SET modseq = ? WHERE id = ?", (modseq, pulled.id))


@may(OPERATOR)
def delete(tx: Transaction, account: AccountId, server: str | None = None) -> None:
    """Forget what was imported from one server, or from all. The messages stay."""
    tx.execute(
        "DELETE FROM pulled_messages WHERE source IN"
        " (SELECT id FROM pulled_mailboxes WHERE account = ? AND server = coalesce(?, server))",
        (account, server),
    )
    tx.execute(
        "DELETE FROM pulled_mailboxes WHERE account = ? AND server = coalesce(?, server)", (account, server)
    )


# --- messages


@may(OPERATOR)
def known_uids(tx: Transaction, pulled: PulledMailbox) -> NumberSet:
    """The UIDs there that were imported."""
    rows = tx.rows(
        "SELECT uid FROM pulled_messages WHERE source = ? AND uid_validity = ?",
        (pulled.id, pulled.uid_validity),
    )
    return NumberSet.of(uid for (uid,) in rows)


@may(OPERATOR)
def store(
    tx: Transaction,
    account: AccountId,
    pulled: PulledMailbox,
    messages: Sequence[PulledMessage],
    *,
    now_ms: int,
) -> tuple[list[PulledMessage], LeftOut]:
    """Append messages and their rows.

    Returns those that were here already (`recognize`), and the keywords that were left out. Raises `NoSuchMailbox`,
    `OverQuota`.
    """
    here: list[PulledMessage] = []
    new: list[PulledMessage] = []
    for message in messages:
        again = pulled.looks_back and recognize(tx, account, pulled, message)
        (here if again else new).append(message)
    limit = quota.effective(tx, account)
    left_out = LeftOut()
    arrivals = fitted(tx, account, (pulled.mailbox,), [message.arrival for message in new], left_out)
    appended = append_all(tx, account, pulled.mailbox, arrivals, now_ms=now_ms, quota_octets=limit)
    for message, placed in zip(new, appended, strict=True):
        _insert(tx, pulled, message, (pulled.mailbox, placed.uid))
    return here, left_out


@dataclass(frozen=True, slots=True)
class Seen:
    """What of a message is known without its content."""

    uid: int
    flags: str
    fingerprint: bytes
    object_id: str = ""


@may(OPERATOR)
def recognize(
    tx: Transaction, account: AccountId, pulled: PulledMailbox, message: Seen | PulledMessage
) -> bool:
    """Whether it was imported under an earlier UIDVALIDITY; then its row gets the new UID, and flags their changes.

    Or from another server, or by another login, into the same mailbox; then it gets a further row.
    """
    row = tx.row(
        "SELECT uid_validity, uid FROM pulled_messages WHERE source = ? AND fingerprint = ? AND uid_validity <> ?"
        " ORDER BY uid_validity DESC, uid LIMIT 1",
        (pulled.id, message.fingerprint, pulled.uid_validity),
    )
    if row is None:
        return _find_other(tx, pulled, message)
    tx.execute(
        "UPDATE pulled_messages SET uid_validity = ?, uid = ? WHERE source = ? AND uid_validity = ? AND uid = ?",
        (pulled.uid_validity, message.uid, pulled.id, *row),
    )
    change_flags(tx, account, pulled, [(message.uid, message.flags)])
    return True


def _find_other(tx: Transaction, pulled: PulledMailbox, message: Seen | PulledMessage) -> bool:
    for other in pulled.others:
        uid = tx.value(
            # The plus sign: not through all messages of the mailbox
            "SELECT local_uid FROM pulled_messages m WHERE source = ? AND fingerprint = ? AND +mailbox = ?"
            " AND NOT EXISTS (SELECT 1 FROM pulled_messages o"
            " WHERE o.mailbox = m.mailbox AND o.local_uid = m.local_uid AND o.source = ?)"
            " ORDER BY local_uid LIMIT 1",
            (other, message.fingerprint, pulled.mailbox, pulled.id),
        )
        if uid is not None:
            _insert(tx, pulled, message, (pulled.mailbox, Uid(uid)))
            return True
    return False


@may(OPERATOR)
def find_object(
    tx: Transaction, account: AccountId, server: str, pulled: PulledMailbox, message: Seen
) -> bool:
    """Whether the same message was imported from another mailbox; then a row says that this is it (Gmail)."""
    row = tx.row(
        "SELECT m.mailbox, m.local_uid, m.fingerprint FROM pulled_messages m JOIN pulled_mailboxes b ON b.id = m.source"
        " WHERE m.object = ? AND m.object <> '' AND b.account = ? AND b.server = ? LIMIT 1",
        (message.object_id, account, server),
    )
    if row is None:
        return False
    mailbox, uid, fingerprint = row
    _insert(tx, pulled, Seen(message.uid, message.flags, fingerprint, message.object_id), (mailbox, Uid(uid)))
    return True


def _insert(
    tx: Transaction, pulled: PulledMailbox, message: Seen | PulledMessage, here: tuple[MailboxId, Uid]
) -> None:
    tx.execute(
        "INSERT INTO pulled_messages VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (source, uid_validity, uid) DO NOTHING",
        (
            pulled.id,
            pulled.uid_validity,
            message.uid,
            *here,
            message.flags,
            message.fingerprint,
            message.object_id,
        ),
    )


# --- what has changed there


@may(OPERATOR)
def change_flags(
    tx: Transaction, account: AccountId, pulled: PulledMailbox, told: Iterable[tuple[int, str]]
) -> int:
    """Bring changes of flags: UIDs there with their flags now. Returns how many messages changed there."""
    changes: dict[tuple[MailboxId, Mode, str], list[int]] = defaultdict(list)
    changed = 0
    for uid, flags in told:
        row = tx.row(
            "SELECT mailbox, local_uid, flags FROM pulled_messages WHERE source = ? AND uid_validity = ? AND uid = ?",
            (pulled.id, pulled.uid_validity, uid),
        )
        if row is None or row[2] == flags:
            continue
        mailbox, local_uid, before = row
        changed += 1
        if added := flag_text.remove(flags, before):
            changes[mailbox, Mode.ADD, added].append(local_uid)
        if removed := flag_text.remove(before, flags):
            changes[mailbox, Mode.REMOVE, removed].append(local_uid)
        tx.execute(
            "UPDATE pulled_messages SET flags = ? WHERE source = ? AND uid_validity = ? AND uid = ?",
            (flags, pulled.id, pulled.uid_validity, uid),
        )
    for (mailbox, mode, flags), uids in changes.items():
        try:
            stored_flags.alter(tx, account, mailbox, NumberSet.of(uids), mode=mode, flags=flags)
        except (NoSuchMailbox, flag_text.TooManyFlags):
            continue  # deleted here; or it, or its mailbox, has many keywords of its own here
    return changed


@may(OPERATOR)
def remove(tx: Transaction, account: AccountId, pulled: PulledMailbox, uids: NumberSet) -> int:
    """Delete here what was deleted there, but for what another mailbox or server still has; how many those were."""
    gone: dict[MailboxId, list[int]] = defaultdict(list)
    for uid in uids:
        key = (pulled.id, pulled.uid_validity, uid)
        row = tx.row(
            "DELETE FROM pulled_messages WHERE source = ? AND uid_validity = ? AND uid = ?"
            " RETURNING mailbox, local_uid",
            key,
        )
        if row is not None and not _is_elsewhere(tx, account, *row):
            gone[row[0]].append(row[1])
    removed = 0
    for mailbox, local in gone.items():
        try:
            removed += placements.expunge(tx, account, mailbox, NumberSet.of(local), deleted_only=False).count
        except NoSuchMailbox:
            continue
    return removed


def _is_elsewhere(tx: Transaction, account: AccountId, mailbox: MailboxId, uid: int) -> bool:
    """Other accounts have mailboxes of the same id."""
    found = tx.value(
        "SELECT 1 FROM pulled_messages WHERE mailbox = ? AND local_uid = ?"
        " AND source IN (SELECT id FROM pulled_mailboxes WHERE account = ?) LIMIT 1",
        (mailbox, uid, account),
    )
    return found is not None
