"""Changing the flags of many messages at once: IMAP's STORE, JMAP's keywords.

A mailbox has few distinct flag texts, however many messages: a change is computed once for each text. And it has few
rows of flags: messages that had the same change follow each other in one (`flag_runs`).
"""

from collections import Counter
from collections.abc import Collection, Iterable
from enum import Enum
from functools import lru_cache
from itertools import starmap
from typing import Final, assert_never

from msgspec import Struct

from pillarbox.mail import flags as flag_text
from pillarbox.mail.flags import SHORT_TEXT_OCTETS
from pillarbox.mail.identifiers import AccountId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import account_counters, changes, flag_runs, flag_texts, mailbox_counts
from pillarbox.store.account_counters import Touched
from pillarbox.store.changes import ChangeKind
from pillarbox.store.flag_runs import FlagRun
from pillarbox.store.mailbox_counts import MailboxCounts
from pillarbox.world.database import QUERY_ROWS, Transaction

WIDE: Final = 250
"""In so many UIDs there may be many runs that have the requested flags already."""


class Mode(Enum):
    """How the given flags are applied (RFC 9051 §6.4.6)."""

    ADD = "+FLAGS"
    REMOVE = "-FLAGS"
    REPLACE = "FLAGS"


class FlagChange(Struct, frozen=True, gc=False):
    """The result of a change of flags, by flag texts instead of rows: `CachedMailbox` applies it to its rows."""

    uids: NumberSet
    """The requested UIDs without `refused`; they need not all exist."""
    refused: NumberSet
    """Messages not changed because of `unchanged_since` (RFC 7162 §3.1.3, MODIFIED)."""
    rewritten: dict[str, str]
    """Flag text before -> after, for the texts that were found and changed."""
    changed: int
    """Number of messages whose flags changed."""
    previous: ModSeq
    """HIGHESTMODSEQ of the mailbox before: a cache of that state becomes current by applying this."""
    modseq: ModSeq
    """MODSEQ of the changed messages and of the mailbox; `previous` where nothing changed."""


def alter(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    mode: Mode,
    flags: str,
    unchanged_since: ModSeq | None = None,
    modseq: ModSeq | None = None,
) -> FlagChange:
    """Change the flags of these messages; UIDs that do not exist are ignored.

    `flags`: canonical text. `modseq`: of a verb that has taken it; else the next. Messages that already have the
    requested flags keep their MODSEQ. Raises `NoSuchMailbox`, or `flag_text.TooManyFlags` where a message or the
    mailbox would get too many keywords, before it has changed anything. Raises `ValuesDamaged` where the flags that
    are there can't be changed.
    """
    try:
        return _alter(tx, account, mailbox, uids, mode, flags, unchanged_since, modseq)
    except flag_text.InvalidFlag as wrong:  # not the given ones, which are canonical
        raise flag_runs.damaged(account, mailbox) from wrong


def _alter(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    mode: Mode,
    flags: str,
    unchanged_since: ModSeq | None,
    modseq: ModSeq | None,
) -> FlagChange:
    previous = ModSeq(_highest(tx, account, mailbox))
    if unchanged_since is None and _is_wide(uids):
        texts = flag_runs.texts(tx, account, mailbox, uids)
        before = flag_runs.overlapping(tx, account, mailbox, uids, texts=_rewritten(texts, mode, flags))
    else:
        before = flag_runs.overlapping(tx, account, mailbox, uids)
    parts = flag_runs.divided(before, uids)
    refused = NumberSet()
    if unchanged_since is not None:
        refused = _changed_after(parts, unchanged_since)
        uids = uids - refused
        parts = flag_runs.divided([run for run, _ in parts], uids)
    rewritten = _rewritten({run[2] for run, inside in parts if inside}, mode, flags)
    if not rewritten:
        return FlagChange(uids, refused, {}, 0, previous, previous)
    long = {
        old: new
        for old, new in rewritten.items()
        if len(new) > SHORT_TEXT_OCTETS or len(old) > SHORT_TEXT_OCTETS
    }
    if long:
        _check_texts(tx, account, mailbox, parts, long)
    change = touched(rewritten.items())
    if modseq is None:
        modseq = account_counters.next_modseq(tx, account, change)
    after, counts = _after(parts, rewritten, modseq)
    flag_runs.replace(tx, account, mailbox, before, flag_runs.joined(after))
    mailbox_counts.apply(tx, account, mailbox, modseq, _count_change(rewritten, counts))
    if long:
        flag_texts.change(tx, account, mailbox, _gained(long, counts))
    changes.record(tx, account, modseq, mailbox, ChangeKind.FLAGGED, uids)
    if change is Touched.ALL:
        _log_deleted(tx, account, mailbox, modseq, parts, rewritten)
    return FlagChange(uids, refused, rewritten, sum(counts.values()), previous, modseq)


def _after(
    parts: list[tuple[FlagRun, bool]], rewritten: dict[str, str], modseq: ModSeq
) -> tuple[list[FlagRun], dict[str, int]]:
    """The runs as the change leaves them, and how many messages had each of the texts that it rewrites."""
    after: list[FlagRun] = []
    counts = dict.fromkeys(rewritten, 0)
    for run, inside in parts:
        first, last, old, _ = run
        if inside and old in rewritten:
            after.append((first, last, rewritten[old], modseq))
            counts[old] += last - first + 1
        else:
            after.append(run)
    return after, counts


def _is_wide(uids: NumberSet) -> bool:
    """Whether reading only the runs that change is worth a query for their flags."""
    return len(uids.runs) == 1 and uids.last - uids.first > WIDE


def _rewritten(texts: Collection[str], mode: Mode, flags: str) -> dict[str, str]:
    """Before -> after, for those that change."""
    return {old: new for old in texts if (new := _apply(mode, old, flags)).split() != old.split()}


def _changed_after(parts: list[tuple[FlagRun, bool]], modseq: ModSeq) -> NumberSet:
    return NumberSet.of_ascending(
        (first, last) for (first, last, _, changed), inside in parts if inside and changed > modseq
    )


def _apply(mode: Mode, old: str, flags: str) -> str:
    match mode:
        case Mode.ADD:
            return flag_text.add(old, flags)
        case Mode.REMOVE:
            return flag_text.remove(old, flags)
        case Mode.REPLACE:
            return flags
        case _:
            assert_never(mode)


def _highest(tx: Transaction, account: AccountId, mailbox: MailboxId) -> int:
    highest: int | None = tx.value(
        "SELECT highest_modseq FROM mailboxes WHERE account = ? AND id = ?", (account, mailbox)
    )
    if highest is None:
        raise account_counters.NoSuchMailbox(mailbox)
    return highest


def _check_texts(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    parts: list[tuple[FlagRun, bool]],
    rewritten: dict[str, str],
) -> None:
    """Raises `flag_text.MailboxFlagsFull`; never where only system flags change, as a message becomes read."""
    others = [new for old, new in rewritten.items() if flag_text.keywords(old) != flag_text.keywords(new)]

    def replaced() -> int:
        """The octets of the texts that only these messages have."""
        here: Counter[str] = Counter()
        for (first, last, text, _), inside in parts:
            here[text] += inside * (last - first + 1)
        return sum(
            len(text)
            for text in flag_texts.long(rewritten)
            if flag_texts.messages(tx, account, mailbox, text) == here[text]
        )

    flag_texts.check(tx, account, mailbox, flag_texts.long(others), replaced=replaced)


def _gained(rewritten: dict[str, str], counts: dict[str, int]) -> dict[str, int]:
    """How many messages more have each long text."""
    gained: Counter[str] = Counter()
    for old, new in rewritten.items():
        gained[old] -= counts[old]
        gained[new] += counts[old]
    return {text: gained[text] for text in flag_texts.long(gained)}


def touched(rewritten: Iterable[tuple[str, str]]) -> Touched:
    """What changes with these flags, before and after: unread is what has neither \\Seen nor \\Draft (RFC 8621 §2)."""
    return _TOUCHED[max(starmap(_place, rewritten))]


_TOUCHED: Final = (Touched.EMAILS, Touched.BOTH, Touched.ALL)


@lru_cache(maxsize=1024)
def _place(old: str, new: str) -> int:
    if (flag_text.DELETED in old) is not (flag_text.DELETED in new):
        return 2
    counted = (flag_text.SEEN, flag_text.DRAFT)
    return int(any((flag in old) is not (flag in new) for flag in counted))


def _log_deleted(
    tx: Transaction,
    account: AccountId,
    mailbox: MailboxId,
    modseq: ModSeq,
    parts: list[tuple[FlagRun, bool]],
    rewritten: dict[str, str],
) -> None:
    """Log which messages got or lost \\Deleted; those that lost it by their emails, which nobody else may know."""
    changed = [(run, rewritten[run[2]]) for run, inside in parts if inside and run[2] in rewritten]
    before = {run[:2] for run, _ in changed if flag_text.DELETED in run[2]}
    after = {run[:2] for run, new in changed if flag_text.DELETED in new}
    if hidden := NumberSet.of_ranges(after - before):
        changes.record(tx, account, modseq, mailbox, ChangeKind.HIDDEN, hidden)
    if shown := NumberSet.of_ranges(before - after):
        emails = {
            email
            for first, last in shown.spans(QUERY_ROWS)
            for uid, email in tx.rows(_EMAILS, (account, mailbox, first, last))
            if uid in shown
        }
        changes.record(tx, account, modseq, changes.NO_MAILBOX, ChangeKind.RESTORED, NumberSet.of(emails))


_EMAILS: Final = (
    "SELECT uid, email FROM placements WHERE account = ? AND mailbox = ? AND uid BETWEEN ? AND ? ORDER BY uid"
)


def _count_change(rewritten: dict[str, str], counts: dict[str, int]) -> MailboxCounts:
    """How the mailbox's counts change."""
    unseen = deleted = 0
    for old, new in rewritten.items():
        unseen += counts[old] * ((flag_text.SEEN in old) - (flag_text.SEEN in new))
        deleted += counts[old] * ((flag_text.DELETED in new) - (flag_text.DELETED in old))
    return MailboxCounts(unseen=unseen, deleted=deleted)
