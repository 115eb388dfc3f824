"""Which conversation a message belongs to, decided once, when it arrives.

RFC 8621 §3: two messages belong together if they share a Message-ID (in Message-ID, In-Reply-To or
References) and have the same base subject. So each message leaves keys: a hash of each of its ids together
with its base subject. A key points to a thread; a message joins the oldest thread that one of its keys points
to, and leaves its other keys pointing there. A reply that comes before what it answers has left the key of
the answered id, so the order of arrival does not matter.

A reply without any reference (some clients send none) joins the latest conversation begun under the same
base subject.

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

LINKED_REFERENCES: Final = 30
"""References that are looked at: the first (it began the thread) and the last ones."""


def link(tx: Transaction, account: AccountId, summary: Summary, *, email: EmailId) -> ThreadId:
    """The thread of an arriving message: one that is there, or a new one with the message's own id."""
    subject = summary.base_subject
    keys = [_key(identifier, subject) for identifier in _identifiers(summary)]
    by_subject = _key("", subject) if subject else None
    asked = keys
    if by_subject is not None and summary.is_reply and not summary.references:
        asked = [*keys, by_subject]
    found = _oldest(tx, account, asked)
    thread = ThreadId(email) if found is None else found
    tx.execute_many(_POINT, [(account, key, thread) for key in keys])
    if found is None and by_subject is not None:
        tx.execute(_POINT_AGAIN, (account, by_subject, thread))
    return thread


def add_keys(
    tx: Transaction, account: AccountId, summary: Summary, *, email: EmailId, thread: ThreadId
) -> None:
    """Leave again what keys are missing of a message whose thread is known."""
    subject = summary.base_subject
    keys = [_key(identifier, subject) for identifier in _identifiers(summary)]
    tx.execute_many(_POINT, [(account, key, thread) for key in keys])
    if subject and int(thread) == int(email):
        tx.execute(_POINT_LATEST, (account, _key("", subject), thread))


_POINT = "INSERT INTO thread_keys VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_POINT_AGAIN = """
INSERT INTO thread_keys VALUES (?, ?, ?) ON CONFLICT (account, hash) DO UPDATE SET thread = excluded.thread"""
_POINT_LATEST = _POINT_AGAIN + " WHERE excluded.thread > thread_keys.thread"


def _identifiers(summary: Summary) -> list[str]:
    references = summary.references + summary.in_reply_to
    if len(references) > LINKED_REFERENCES:
        references = (references[0], *references[1 - LINKED_REFERENCES :])
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
    """Emails whose own Message-ID leads to no thread, with the key that should lead to which."""
    for email, message_id, base_subject, account, thread in tx.rows(_OWN):
        key = _key(message_id, base_subject)
        if tx.row("SELECT 1 FROM thread_keys WHERE account = ? AND hash = ?", (account, key)) is None:
            yield email, account, key, thread


def add_missing_keys(tx: Transaction) -> None:
    """Have these keys lead to the threads that their emails are in."""
    tx.execute_many(
        _POINT, [(account, key, thread) for _, account, key, thread in list(emails_without_key(tx))]
    )


@lru_cache(maxsize=LINKED_REFERENCES + 4)
def _find(count: int) -> str:
    marks = ", ".join("?" * count)
    return f"SELECT min(thread) FROM thread_keys WHERE account = ? AND hash IN ({marks})"  # noqa: S608 - marks only
