"""Which emails and threads some changes of an account concern: by threads, counts of mailboxes change that were not
touched.

RFC 8621 §2: a thread is unread in all of its mailboxes where one of its emails is unread.
"""

from collections.abc import Iterable
from typing import Final

from pillarbox.mail.identifiers import AccountId, EmailId, MailboxId, ModSeq
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import emails
from pillarbox.store.changes import Change, ChangeKind
from pillarbox.world.database import Transaction

_OF_MESSAGES: Final = frozenset(
    (ChangeKind.APPENDED, ChangeKind.FLAGGED, ChangeKind.COPIED, ChangeKind.HIDDEN)
)
_OF_EMAILS: Final = frozenset((ChangeKind.UPDATED, ChangeKind.RESTORED))
_OF_THREADS: Final = frozenset((ChangeKind.DESTROYED, ChangeKind.THREADS))
_COUNTED: Final = _OF_MESSAGES | _OF_EMAILS | _OF_THREADS


def number(rows: Iterable[Change]) -> int:
    """How many messages, emails and threads `threads` would look at, at most."""
    return sum(row.last - row.first + 1 for row in rows if row.kind in _COUNTED)


def threads(tx: Transaction, account: AccountId, rows: Iterable[Change]) -> dict[int, ModSeq]:
    """The threads whose emails came, went or changed, and others, with the MODSEQ of the last of these rows, which
    ascend. Some threads may not be there any more.

    Of a message that came or changed and has gone since, a later row tells.
    """
    messages: dict[MailboxId, dict[int, ModSeq]] = {}
    ids: dict[int, ModSeq] = {}
    found: dict[int, ModSeq] = {}
    for row in rows:
        numbers = dict.fromkeys(range(row.first, row.last + 1), row.modseq) if row.kind in _COUNTED else {}
        if row.kind in _OF_MESSAGES:
            messages.setdefault(row.mailbox, {}).update(numbers)
        elif row.kind in _OF_EMAILS:
            ids.update(numbers)
        else:
            found.update(numbers)
    for email, thread in emails.threads(tx, account, ids).items():
        found[thread] = max(ids[email], found.get(thread, _FIRST))
    for mailbox, uids in messages.items():
        for uid, _, thread in emails.placed_in(tx, account, mailbox, NumberSet.of(uids)):
            found[thread] = max(uids[uid], found.get(thread, _FIRST))
    return found


_FIRST: Final = ModSeq(0)


def emails_of(tx: Transaction, account: AccountId, rows: Iterable[Change]) -> set[EmailId]:
    """The emails that came, went or changed by these rows; some may not be there any more.

    Of a message that came or changed and has gone since, a later row tells.
    """
    messages: dict[MailboxId, list[tuple[int, int]]] = {}
    found: set[int] = set()
    for row in rows:
        if row.kind in _OF_MESSAGES:
            messages.setdefault(row.mailbox, []).append((row.first, row.last))
        elif row.kind in _OF_EMAILS or row.kind is ChangeKind.DESTROYED:
            found.update(range(row.first, row.last + 1))
    for mailbox, runs in messages.items():
        placed = emails.placed_in(tx, account, mailbox, NumberSet.of_ranges(runs))
        found.update(email for _, email, _ in placed)
    return {EmailId(number) for number in found}
