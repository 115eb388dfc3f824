"""Threads: which one a message belongs to, decided once, when it arrives.

RFC 8621 §3: two messages belong to one thread if they share a Message-ID (in Message-ID, In-Reply-To or References)
and have the same base subject. So each message inserts keys: a hash of each of its ids together with its base
subject. A key points to a thread; a message joins the oldest thread that one of its keys points to, and its other
keys then point there as well. A reply that arrives before the message it answers has inserted the key of that
message, so the order of arrival does not matter.

A reply without any reference (some clients send none) joins the latest thread that began with the same base subject.

A thread never changes afterwards (RFC 8474 §5.2: a reported THREADID must not change; RFC 8621 §4.1.1:
threadId is immutable): a message that would join two threads joins the older.
"""

from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from pillarbox.mail.identifiers import AccountId, EmailId, ThreadId
from pillarbox.mail.summary import Summary
from pillarbox.world.database import Transaction

MAX_LINKED_REFERENCES: Final = 30
"""References that are used: the first one, which is that of the root, and the last ones."""


def link(tx: Transaction, account: AccountId, summary: Summary, *, email: EmailId) -> ThreadId:
    """The thread of an arriving message: an existing one, or a new one with the message's own id."""
    subject = summary.base_subject
    keys = [_key(identifier, subject) for identifier in _identifiers(summary)]
    by_subject = _key("", subject) if subject else None
    looked_up = keys
    if by_subject is not None and summary.is_reply and not summary.references:
        looked_up = [*keys, by_subject]
    found = _oldest(tx, account, looked_up)
    if found is not None:
        tx.execute_many(_INSERT_KEY, [(account, key, found) for key in keys])
        return found
    # None of these keys was there: only that of the subject can be replaced
    if by_subject is not None:
        keys.append(by_subject)
    tx.execute_many(_REPLACE_KEY, [(account, key, email) for key in keys])
    return ThreadId(email)


def add_keys(
    tx: Transaction, account: AccountId, summary: Summary, *, email: EmailId, thread: ThreadId
) -> None:
    """Insert missing keys of a message whose thread is known."""
    subject = summary.base_subject
    keys = [_key(identifier, subject) for identifier in _identifiers(summary)]
    tx.execute_many(_INSERT_KEY, [(account, key, thread) for key in keys])
    if subject and int(thread) == int(email):
        tx.execute(_REPLACE_OLDER_KEY, (account, _key("", subject), thread))


_INSERT_KEY = "INSERT INTO thread_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_REPLACE_KEY = """
INSERT INTO thread_keys VALUES (?, ?, ?) ON CONFLICT (account, hash) DO UPDATE SET thread = excluded.thread"""
_REPLACE_OLDER_KEY = _REPLACE_KEY + " WHERE excluded.thread > thread_keys.thread"


def _identifiers(summary: Summary) -> list[str]:
    references = summary.references + summary.in_reply_to
    if len(references) > MAX_LINKED_REFERENCES:
        references = (references[0], *references[1 - MAX_LINKED_REFERENCES :])
    own = () if summary.message_id is None else (summary.message_id,)
    return list(dict.fromkeys((*own, *references)))


def _key(identifier: str, subject: str) -> int:
    octets = f"{identifier}\n{subject}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big", signed=True)


def _oldest(tx: Transaction, account: AccountId, keys: list[int]) -> ThreadId | None:
    if not keys:
        return None
    found: ThreadId | None = tx.value(_find(len(keys)), (account, *keys))
    return found


_OWN = """
SELECT e.id, e.message_id, e.base_subject, p.account, min(p.thread)
FROM emails e JOIN placements p ON p.email = e.id WHERE e.message_id IS NOT NULL GROUP BY e.id"""


def emails_without_key(tx: Transaction) -> Iterator[tuple[EmailId, AccountId, int, ThreadId]]:
    """Emails whose own Message-ID has no key; with account, key and thread."""
    for email, message_id, base_subject, account, thread in tx.rows(_OWN):
        key = _key(message_id, base_subject)
        if tx.row("SELECT 1 FROM thread_keys WHERE account = ? AND hash = ?", (account, key)) is None:
            yield email, account, key, thread


def add_missing_keys(tx: Transaction) -> None:
    """Insert the keys that `emails_without_key` finds missing."""
    tx.execute_many(
        _INSERT_KEY, [(account, key, thread) for _, account, key, thread in list(emails_without_key(tx))]
    )


@lru_cache(maxsize=MAX_LINKED_REFERENCES + 4)
def _find(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"SELECT min(thread) FROM thread_keys WHERE account = ? AND hash IN ({marks})"  # noqa: S608 - marks only
