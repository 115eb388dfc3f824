"""Threads: which one a message belongs to, decided once, when it arrives.

RFC 8621 §3: two messages belong to one thread if they share a Message-ID (in Message-ID, In-Reply-To or References)
and have the same base subject. So each message inserts keys: a hash of each of its ids together with its base
subject. A key points to a thread; a message joins the oldest thread that one of its keys points to, and its other
keys then point there as well. A reply that arrives before the message it answers has inserted the key of that
message, so the order of arrival does not matter.

A reply without any reference (some clients send none) joins the latest thread that began with the same base subject.

A thread never changes afterwards (RFC 8474 §5.2: a reported THREADID must not change; RFC 8621 §4.1.1:
threadId is immutable): a message that would join two threads joins the older.

All keys of one subject are neighbours, so that those of a message are written to one page of the table and not to one
each: the upper bits of a key are those of the subject's own key. Keys that are older than this order are found by what
a message refers to.
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
_OWN_BITS: Final = 48
"""Of a key's 64 bits, those in which keys of one subject differ: among a million, two are alike once in 560 times."""
_OWN: Final = (1 << _OWN_BITS) - 1


def link(tx: Transaction, account: AccountId, summary: Summary, *, email: EmailId) -> ThreadId:
    """The thread of an arriving message: an existing one, or a new one with the message's own id."""
    subject = summary.base_subject
    by_subject = _hash("", subject)
    hashes = [_hash(identifier, subject) for identifier in _identifiers(summary)]
    keys = [_beside(by_subject, hashed) for hashed in hashes]
    # Without its own Message-ID: it is there already only where a reply has overtaken it, or in another copy
    referred = hashes if summary.message_id is None else hashes[1:]
    looked_up = keys + referred
    if subject and summary.is_reply and not summary.references:
        looked_up.append(by_subject)
    found = _oldest(tx, account, looked_up)
    if found is not None:
        tx.execute_many(_INSERT_KEY, [(account, key, found) for key in keys])
        return found
    # None of these keys was there: only that of the subject can be replaced
    if subject:
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
        tx.execute(_REPLACE_OLDER_KEY, (account, _hash("", subject), thread))


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
    return _beside(_hash("", subject), _hash(identifier, subject))


def _beside(by_subject: int, hashed: int) -> int:
    return (by_subject & ~_OWN) | (hashed & _OWN)


def _hash(identifier: str, subject: str) -> int:
    """The key of a subject, where `identifier` is empty; of an identifier, as it was before keys were neighbours."""
    octets = f"{identifier}\n{subject}".encode(errors="surrogatepass")
    return int.from_bytes(blake2b(octets, digest_size=8).digest(), "big", signed=True)


def _oldest(tx: Transaction, account: AccountId, keys: list[int]) -> ThreadId | None:
    if not keys:
        return None
    parameters = [value for key in keys for value in (account, key)]
    return min((thread for (thread,) in tx.rows(_find(len(keys)), parameters)), default=None)


_MESSAGE_IDS = """
SELECT e.id, e.message_id, e.base_subject, p.account, min(p.thread)
FROM emails e JOIN placements p ON p.email = e.id WHERE e.message_id IS NOT NULL GROUP BY e.id"""


def emails_without_key(tx: Transaction) -> Iterator[tuple[EmailId, AccountId, int, ThreadId]]:
    """Emails whose own Message-ID has no key; with account, key and thread."""
    for email, message_id, base_subject, account, thread in tx.rows(_MESSAGE_IDS):
        key, before = _key(message_id, base_subject), _hash(message_id, base_subject)
        if _oldest(tx, account, [key, before]) is None:
            yield email, account, key, thread


def add_missing_keys(tx: Transaction) -> None:
    """Insert the keys that `emails_without_key` finds missing."""
    tx.execute_many(
        _INSERT_KEY, [(account, key, thread) for _, account, key, thread in list(emails_without_key(tx))]
    )


_FIND_KEY = "SELECT thread FROM thread_keys WHERE account = ? AND hash = ?"
_OR_KEY = " UNION ALL " + _FIND_KEY


@lru_cache(maxsize=2 * MAX_LINKED_REFERENCES + 4)
def _find(count: int) -> str:
    """The threads of so many keys. For a list of keys behind IN, SQLite makes a table, which costs three times this."""
    sql = _FIND_KEY
    for _ in range(count - 1):
        sql += _OR_KEY
    return sql
