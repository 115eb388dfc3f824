"""Mailboxes in use, kept in memory: UIDs, flags and MODSEQs, kept true by the log of changes.

Warm SELECT, FETCH FLAGS, STORE and searches by flag are answered from here without reading a row a message.
The cache belongs to one process and to its loop's thread; it only ever holds what is committed, so `get` must
be given a reading transaction, never one that has written.

What is always true of a `CachedMailbox`: `uids`, `flags` and `modseqs` are parallel and ascend by UID;
they show the mailbox exactly as of `modseq`. The array `uids` is never changed, only replaced: a session
may keep it as "what I have told my client", and while it is the same array, places in it are places here.
"""

from array import array
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import compress, count
from typing import Final

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq, Uid, UidValidity
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import changes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.changes import Delta, Flagged
from pillarbox.store.flags import FlagChange
from pillarbox.world.database import Transaction

KEPT_MESSAGES: Final = 1_000_000
"""Messages in the cache of a process, at some 20 octets each; beyond, the longest unused mailboxes go."""

KEPT_MAILBOXES: Final = 4_096
"""Mailboxes in the cache of a process."""


@dataclass(slots=True)
class CachedMailbox:
    """A mailbox in memory."""

    account: AccountId
    mailbox: MailboxId
    uid_validity: UidValidity
    uid_next: Uid
    modseq: ModSeq
    uids: "array[int]"
    flags: list[str]
    modseqs: "array[int]"

    def place(self, uid: int) -> int | None:
        """Where this UID is, from 0; `None` where it is not."""
        place = bisect_left(self.uids, uid)
        return place if place < len(self.uids) and self.uids[place] == uid else None

    def first_unseen(self) -> int | None:
        """The place, from 0, of the first message without \\Seen (RFC 3501 §6.3.1)."""
        unseen = {text for text in set(self.flags) if not flag_text.contains(text, flag_text.SEEN)}
        return next(compress(count(), map(unseen.__contains__, self.flags)), None) if unseen else None

    def changed_since(self, modseq: ModSeq) -> list[int]:
        """Places of the messages that came, or whose flags changed, after this MODSEQ."""
        if modseq >= self.modseq:
            return []
        return [place for place, own in enumerate(self.modseqs) if own > modseq]

    def expunged(self, told: "array[int]") -> list[int]:
        """Which UIDs of an earlier `uids` are no longer there, ascending."""
        if told is self.uids:
            return []
        if len(told) <= len(self.uids) and self.uids[: len(told)] == told:
            return []
        return sorted(set(told).difference(self.uids))

    def snapshot(self) -> "CachedMailbox":
        """A copy that stays as it is, for a search in a thread."""
        return replace(self, flags=self.flags[:], modseqs=self.modseqs[:])

    def apply(self, altered: FlagChange) -> bool:
        """Take over what `flags.alter` did, reading no row; False where another change came between."""
        if altered.previous != self.modseq:
            return False
        rewritten, modseq = altered.rewritten, altered.modseq
        if not rewritten:
            return True
        for part in altered.uids.slices(self.uids):
            old = self.flags[part]
            self.flags[part] = [rewritten.get(text, text) for text in old]
            if rewritten.keys() >= set(old):
                self.modseqs[part] = array("Q", [modseq]) * len(old)
            else:
                own = self.modseqs[part]
                self.modseqs[part] = array(
                    "Q", [modseq if text in rewritten else it for text, it in zip(old, own, strict=True)]
                )
        self.modseq = modseq
        return True

    def advance(self, delta: Delta, uid_next: Uid) -> None:
        """Take over what the log says has happened."""
        if delta.vanished:
            self._drop(delta.vanished)
        self._reflag(delta.flagged)
        if delta.appended:
            self.uids = self.uids + array("I", [row[0] for row in delta.appended])
            self.flags += [row[1] for row in delta.appended]
            self.modseqs.extend([row[2] for row in delta.appended])
        self.uid_next = uid_next
        self.modseq = delta.highest

    def _drop(self, vanished: NumberSet) -> None:
        gone = vanished.slices(self.uids)
        if not gone:
            return
        uids, flags, modseqs = self.uids[:], self.flags, self.modseqs
        for part in reversed(gone):
            del uids[part], flags[part], modseqs[part]
        self.uids = uids

    def _reflag(self, flagged: list[Flagged]) -> None:
        if flagged and len(flagged) == len(self.uids):
            self.flags[:] = [row[1] for row in flagged]
            self.modseqs = array("Q", [row[2] for row in flagged])
            return
        for uid, flags, modseq in flagged:
            place = self.place(uid)
            if place is not None:
                self.flags[place] = flags
                self.modseqs[place] = modseq


def load(tx: Transaction, account: AccountId, mailbox: MailboxId) -> CachedMailbox:
    """Read a mailbox into memory. Raises `NoSuchMailbox`."""
    uid_validity, uid_next, highest = _head(tx, account, mailbox)
    rows = tx.rows(
        "SELECT uid, flags, modseq FROM flags WHERE account = ? AND mailbox = ? ORDER BY uid",
        (account, mailbox),
    )
    texts: dict[str, str] = {}
    return CachedMailbox(
        account,
        mailbox,
        uid_validity,
        uid_next,
        highest,
        array("I", [row[0] for row in rows]),
        [texts.setdefault(row[1], row[1]) for row in rows],
        array("Q", [row[2] for row in rows]),
    )


_HEAD: Final = """
SELECT uid_validity, uid_next, highest_modseq FROM mailboxes WHERE account = ? AND id = ?"""

_BY_NAME: Final = """
SELECT id, first_recent, uid_validity, uid_next, highest_modseq FROM mailboxes WHERE account = ? AND name = ?"""


def _head(tx: Transaction, account: AccountId, mailbox: MailboxId) -> tuple[UidValidity, Uid, ModSeq]:
    row = tx.row(_HEAD, (account, mailbox))
    if row is None:
        raise NoSuchMailbox(mailbox)
    uid_validity, uid_next, highest = row
    return uid_validity, uid_next, highest


class MailboxCache:
    """The cache of a process, bounded; what was longest unused goes first."""

    __slots__ = ("_kept", "_messages", "_most")

    def __init__(self, kept_messages: int = KEPT_MESSAGES) -> None:
        self._most = kept_messages
        self._messages = 0
        self._kept: OrderedDict[tuple[AccountId, MailboxId], CachedMailbox] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, tx: Transaction, account: AccountId, mailbox: MailboxId) -> CachedMailbox:
        """The mailbox as it is now; one row is read where nothing changed. Raises `NoSuchMailbox`.

        `tx` must be a reading one. While a mailbox is in the cache, the result is the same object.
        """
        try:
            return self._as_of(tx, account, mailbox, _head(tx, account, mailbox))
        except NoSuchMailbox:
            self.forget(account, mailbox)
            raise

    def find(self, tx: Transaction, account: AccountId, name: str) -> tuple[CachedMailbox, Uid]:
        """`get` by canonical name, for SELECT; with the first UID that no session has claimed as \\Recent."""
        row = tx.row(_BY_NAME, (account, name))
        if row is None:
            raise NoSuchMailbox(name)
        mailbox, first_recent, *head = row
        return self._as_of(tx, account, mailbox, head), first_recent

    def _as_of(
        self, tx: Transaction, account: AccountId, mailbox: MailboxId, head: Sequence[int]
    ) -> CachedMailbox:
        """The mailbox, of which this is the head as of now."""
        uid_validity, uid_next, highest = head
        key = account, mailbox
        warm = self._kept.get(key)
        if warm is None:
            return self._keep(key, load(tx, account, mailbox))
        if uid_validity != warm.uid_validity or highest < warm.modseq:
            self.forget(account, mailbox)
            return self._keep(key, load(tx, account, mailbox))
        if highest > warm.modseq:
            before = len(warm.uids)
            warm.advance(changes.since(tx, account, mailbox, warm.modseq), Uid(uid_next))
            self._messages += len(warm.uids) - before
        self._kept.move_to_end(key)
        return warm

    def peek(self, account: AccountId, mailbox: MailboxId) -> CachedMailbox | None:
        """The mailbox as it was last seen, if it is in the cache; for `CachedMailbox.apply`."""
        return self._kept.get((account, mailbox))

    def forget(self, account: AccountId, mailbox: MailboxId) -> None:
        """Let a mailbox go."""
        gone = self._kept.pop((account, mailbox), None)
        if gone is not None:
            self._messages -= len(gone.uids)

    def _keep(self, key: tuple[AccountId, MailboxId], warm: CachedMailbox) -> CachedMailbox:
        self._kept[key] = warm
        self._messages += len(warm.uids)
        while len(self._kept) > 1 and (self._messages > self._most or len(self._kept) > KEPT_MAILBOXES):
            _, gone = self._kept.popitem(last=False)
            self._messages -= len(gone.uids)
        return warm
