"""Single accounts, mailboxes and messages from a backup, beside what is there, while the server runs.

They come as new messages with their flags, keywords and dates. What the account still has is not brought again, so a
run that was interrupted can be run again.
"""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Final

from pillarbox.admin.backup.assembly import OpenPoint
from pillarbox.admin.backup.contents import DAMAGED, MISSING
from pillarbox.admin.backup.folder import Reading, stepwise
from pillarbox.admin.backup.missing import is_damaged, put_back_octets
from pillarbox.admin.fitting_flags import LeftOut, fitted
from pillarbox.admin.lost_mail import LostMessage, lost_messages
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.directory import accounts, quota
from pillarbox.directory.naming import NameRefused
from pillarbox.mail import mailbox_name
from pillarbox.mail.identifiers import AccountId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.store import account_counters, fetch, mailboxes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.append import Arrival, Message, append_all
from pillarbox.store.fetch import Column
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.blobs import BlobDamaged, BlobMissing, Blobs, prepare
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction

MAX_BATCH_MESSAGES: Final = 200
MAX_BATCH_OCTETS: Final = 16 * 1024 * 1024
"""Of one transaction."""
MAX_NAMED_MAILBOXES: Final = 20
"""Of those that are there, where one is asked for that is not."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which messages of an account, and where to put them."""

    login: str
    mailboxes: tuple[str, ...] = ()
    """Canonical names; none: all."""
    messages: tuple[str, ...] = ()
    """UIDs or Message-IDs; none: all."""
    into: str | None = None
    """A canonical name; by default, mailboxes of the same names below `Restored` and the day of the point."""

    def target(self, mailbox: str, made_at: str) -> str:
        """The mailbox to put the messages of `mailbox` into. Raises `mailbox_name.InvalidMailboxName`."""
        return self.into or mailbox_name.canonical(f"Restored {made_at[:10]}/{mailbox}")

    def takes(self, uid: Uid, message_id: str | None) -> str | None:
        """The word by which a message was asked for; empty if all are; `None` if it is not."""
        names = {str(uid), (message_id or "").strip("<>")}
        return next(
            (word for word in self.messages if word.strip("<>") in names), None if self.messages else ""
        )


@dataclass(slots=True)
class BroughtBack:
    """What was restored, and what was not."""

    restored: int = 0
    present: int = 0
    """Messages that the account still has."""
    mailboxes: list[str] = field(default_factory=list)
    """Where messages were put."""
    lost: list[LostMessage] = field(default_factory=list)
    """Messages that the backup does not have."""
    not_found: list[str] = field(default_factory=list)
    """UIDs and Message-IDs that no message has."""
    left_out: LeftOut = field(default_factory=LeftOut)
    """Keywords that messages were stored without."""


@dataclass(slots=True)
class _Unreadable:
    """Messages of the point that can't be read."""

    why: dict[bytes, str] = field(default_factory=dict)
    """By digest."""
    where: set[tuple[str, Uid]] = field(default_factory=set)
    """Mailbox and UID."""

    def listed(self, point: OpenPoint, login: str) -> list[LostMessage]:
        """They, looked up once for all."""
        found = point.database.read_now(lost_messages, self.why) if self.why else ()
        return [one for one in found if one.account == login and (one.mailbox, one.uid) in self.where]


@dataclass(frozen=True, slots=True)
class _Found:
    """A message of the point."""

    digest: bytes
    octets: bytes
    flags: str
    received_at_ms: int


@may(OPERATOR)
def restore_messages(
    point: OpenPoint,
    database: Database,
    blobs: Blobs,
    selection: Selection,
    *,
    now_ms: int,
    reading: Reading = nullcontext,
) -> BroughtBack:
    """Restore messages of one account into the running installation.

    Raises `NameRefused`, `OverQuota`, `mailbox_name.InvalidMailboxName`, `DatabaseUnavailable`; what
    was stored until then stays.
    """
    result = BroughtBack(not_found=list(selection.messages))
    here = database.read_now(accounts.by_login, selection.login)
    with reading():
        where = f"in {point.point.name}"
        theirs = (here and _as_it_was(database, point.database, here)) or _account(
            point.database, selection.login, where
        )
        chosen = _mailboxes(point.database, theirs.id, selection, where)
    ours = _account(database, selection.login, "here; create it first: pillarbox account add").id
    targets = {box.name: selection.target(box.name, point.point.made_at) for box in chosen}
    there = _Present(database, ours, set(targets.values()))
    unreadable = _Unreadable()
    for mailbox in chosen:
        target = targets[mailbox.name]
        messages = stepwise(reading, _messages(point, theirs.id, mailbox, selection, result, unreadable))
        for batch in _batches(messages):
            new = [message for message in batch if not there.has(message.digest, target)]
            result.present += len(batch) - len(new)
            new = list({message.digest: message for message in new}.values())
            if new:
                result.left_out.add(_store(database, blobs, ours, target, new, now_ms))
                there.add([message.digest for message in new], target)
                result.restored += len(new)
                if target not in result.mailboxes:
                    result.mailboxes.append(target)
    result.lost = unreadable.listed(point, theirs.login)
    return result


def _as_it_was(database: Database, other: Database, account: accounts.Account) -> accounts.Account | None:
    """An account at the time of the point, when it may have had another login."""
    created_at_ms = database.read_now(accounts.created_at_ms, account.id)
    return other.read_now(accounts.renamed_since, account.id, created_at_ms)


def _account(database: Database, login: str, where: str) -> accounts.Account:
    account = database.read_now(accounts.by_login, login)
    if account is None:
        raise NameRefused(f"there is no account '{login}' {where}")
    return account


def _mailboxes(database: Database, account: AccountId, selection: Selection, where: str) -> list[Mailbox]:
    there = {mailbox.name: mailbox for mailbox in database.read_now(mailboxes.listing, account)}
    missing = next((name for name in selection.mailboxes if name not in there), None)
    if missing is not None:
        names = [*there][:MAX_NAMED_MAILBOXES]
        more = "" if len(names) == len(there) else f" and {len(there) - len(names)} more"
        raise NameRefused(f"there is no mailbox '{missing}' {where}. There are: {', '.join(names)}{more}")
    return [there[name] for name in selection.mailboxes] or [*there.values()]


class _Present:
    """Which messages the account has, and where."""

    def __init__(self, database: Database, account: AccountId, targets: set[str]) -> None:
        """`targets`: mailboxes that this run fills; a copy in one of them is none for another."""
        self._targets = targets
        self._where: dict[bytes, set[str]] = {}
        for digest, mailbox in database.read_now(_digests, account):
            self._where.setdefault(digest, set()).add(mailbox)

    def has(self, digest: bytes, target: str) -> bool:
        """Whether it is in `target`, or in a mailbox that this run does not fill."""
        return any(name == target or name not in self._targets for name in self._where.get(digest, ()))

    def add(self, digests: list[bytes], target: str) -> None:
        """These are in `target` now."""
        for digest in digests:
            self._where.setdefault(digest, set()).add(target)


def _digests(tx: Transaction, account: AccountId) -> list[tuple[bytes, str]]:
    sql = (
        "SELECT e.blob, m.name FROM emails e JOIN placements p ON p.email = e.id"
        " JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox WHERE e.id BETWEEN ? AND ?"
    )
    return [(digest, name) for digest, name in tx.rows(sql, account_counters.email_bounds(account))]


_COLUMNS = (Column.BLOB, Column.FLAGS, Column.RECEIVED_AT_MS, Column.MESSAGE_ID)


def _messages(
    point: OpenPoint,
    account: AccountId,
    mailbox: Mailbox,
    selection: Selection,
    result: BroughtBack,
    unreadable: _Unreadable,
) -> Iterator[_Found]:
    """The wanted messages of a mailbox; those that can't be read are noted."""
    after = Uid(0)
    while uids := point.database.read_now(
        fetch.next_uids, account, mailbox.id, after=after, limit=MAX_BATCH_MESSAGES
    ):
        page = NumberSet(((uids[0], uids[-1]),))
        rows = point.database.read_now(fetch.rows, account, mailbox.id, page, _COLUMNS)
        for uid, digest, flags, received_at_ms, message_id in rows:
            word = selection.takes(uid, message_id)
            if word is None:
                continue
            if word in result.not_found:
                result.not_found.remove(word)
            octets, why = _octets(point, digest)
            if octets is None:
                unreadable.why[digest] = why
                unreadable.where.add((mailbox.name, uid))
            else:
                yield _Found(digest, octets, flags, received_at_ms)
        after = uids[-1]


def _octets(point: OpenPoint, digest: bytes) -> tuple[bytes | None, str]:
    """The octets; or `None`, and what is wrong with them."""
    try:
        octets = point.database.read_now(point.blobs.read, digest)
        return (octets, "") if prepare(octets).blob.digest == digest else (None, DAMAGED)
    except BlobDamaged as damaged:
        return None, MISSING if isinstance(damaged, BlobMissing) else DAMAGED
    except DatabaseUnavailable as failure:
        return None, f"its octets can't be read: {failure}"


def _batches(messages: Iterator[_Found]) -> Iterator[list[_Found]]:
    batch: list[_Found] = []
    octets = 0
    for message in messages:
        batch.append(message)
        octets += len(message.octets)
        if len(batch) == MAX_BATCH_MESSAGES or octets >= MAX_BATCH_OCTETS:
            yield batch
            batch, octets = [], 0
    if batch:
        yield batch


def _store(
    database: Database, blobs: Blobs, account: AccountId, target: str, new: list[_Found], now_ms: int
) -> LeftOut:
    arrivals = [
        Arrival(
            Message(blobs.keep_ready(message.octets), summarize(message.octets)),
            message.flags,
            message.received_at_ms,
        )
        for message in new
    ]
    for arrival in arrivals:
        # Others may have the same octets, damaged: they would be taken for the new ones
        if database.read_now(is_damaged, blobs, arrival.message.blob.blob.digest):
            database.write_now(put_back_octets, arrival.message.blob)
    try:
        return database.write_now(_append, account, target, arrivals, now_ms)
    except account_counters.OverQuota:
        for arrival in arrivals:
            blobs.discard(arrival.message.blob)
        raise


def _append(
    tx: Transaction, account: AccountId, target: str, arrivals: list[Arrival], now_ms: int
) -> LeftOut:
    try:
        mailbox = mailboxes.by_name(tx, account, target)
    except NoSuchMailbox:
        mailbox = mailboxes.create(tx, account, target, now_ms=now_ms)
        mailboxes.subscribe(tx, account, target)
    limit = quota.effective(tx, account)
    left_out = LeftOut()
    arrivals = fitted(tx, account, (mailbox.id,), arrivals, left_out)
    append_all(tx, account, mailbox.id, arrivals, now_ms=now_ms, quota_octets=limit)
    return left_out
