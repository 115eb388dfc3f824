"""What lists need that is not in memory: whose text matches a query, and subjects, names and dates to order by.

Both belong in a thread; the search goes through the same code as IMAP's (`store.search`).
"""

from array import array
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final

from pillarbox.mail.flags import NO_KEYWORDS
from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq, Uid, UidValidity
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.query import And, Query, Uids
from pillarbox.store import account_counters, by_ids
from pillarbox.store.cached_mailbox import CachedMailbox, Version
from pillarbox.store.listing.lists import By
from pillarbox.store.search import Interlude, evaluate
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Transaction

TOGETHER: Final = 5_000
"""Emails that are searched together, and rows that are read together."""


def matches(
    tx: Transaction,
    blobs: Blobs,
    account: AccountId,
    query: Query,
    candidates: Collection[EmailId],
    *,
    now_ms: int,
    pause: Interlude,
) -> set[int]:
    """Those of these emails whose text matches; the query has no terms of a session, and none about flags."""
    found: set[int] = set()
    for email_of in _messages(tx, account, candidates, pause):
        for mailbox, by_uid in email_of.items():
            wanted = And((Uids(NumberSet.of(by_uid)), query))
            messages = _searched(account, mailbox, sorted(by_uid))
            uids = evaluate(tx, blobs, messages, wanted, now_ms=now_ms, interlude=pause)
            found.update(by_uid[uid] for uid in uids)
    return found


def _messages(
    tx: Transaction, account: AccountId, candidates: Collection[EmailId], pause: Interlude
) -> Iterator[dict[MailboxId, dict[int, int]]]:
    """One message of each email, some at a time: by mailbox, the emails by UID."""
    ids = sorted(candidates)
    for start in range(0, len(ids), TOGETHER):
        pause()
        placed: dict[int, tuple[MailboxId, int]] = {}
        for email, mailbox, uid in by_ids.rows(tx, _PLACED, ids[start : start + TOGETHER], account):
            placed.setdefault(email, (mailbox, uid))
        found: dict[MailboxId, dict[int, int]] = {}
        for email, (mailbox, uid) in placed.items():
            found.setdefault(mailbox, {})[uid] = email
        yield found


# The sign keeps the account out of the choice of an index, as in `store.emails`
_PLACED: Final = (
    f"SELECT email, mailbox, uid FROM placements WHERE email IN {by_ids.IDS} AND +account = ? LIMIT ?"  # noqa: S608 - a constant
)


def _searched(account: AccountId, mailbox: MailboxId, uids: list[int]) -> CachedMailbox:
    """Some messages as if the mailbox had no others; their flags are not looked at."""
    flags, modseqs = [""] * len(uids), array("Q", [0]) * len(uids)
    version = Version(UidValidity(0), ModSeq(0))
    uid_next = Uid(uids[-1] + 1)
    return CachedMailbox(
        account, mailbox, version, uid_next, array("I", uids), flags, modseqs, 0, 0, NO_KEYWORDS
    )


# --- what lists are ordered by

_COLUMNS: Final = {
    By.FROM: "SELECT id, sort_display_from FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
    By.TO: "SELECT id, sort_display_to FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
    By.SUBJECT: "SELECT id, base_subject FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
    By.SENT: "SELECT email, sent_at_ms FROM placements WHERE email > ? AND email <= ? ORDER BY email LIMIT ?",
}
_UNKNOWN: Final[dict[By, Any]] = {By.FROM: "", By.TO: "", By.SUBJECT: "", By.SENT: -(2**62)}
"""Before all others: an email without a date, or that is gone."""


def values(
    tx: Transaction, account: AccountId, by: By, candidates: Iterable[int], *, pause: Interlude
) -> dict[int, Any]:
    """What these emails are ordered by. Names and subjects as IMAP's SORT compares them (RFC 5256, 5957)."""
    unknown = _UNKNOWN[by]
    found = dict.fromkeys(candidates, unknown)
    first, last = account_counters.email_bounds(account)
    after = first - 1
    while rows := tx.rows(_COLUMNS[by], (after, last, TOGETHER)):
        pause()
        for email, value in rows:
            if value is not None and email in found and type(value) is type(unknown):
                found[email] = value
        after = rows[-1][0]
    return found
