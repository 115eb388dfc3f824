"""The full-text index: fed after delivery, queried only to narrow a search.

Delivery never waits for it. A chore calls `gather` (reading, in a thread) and then `feed` (writing, short)
until there is no backlog. Emails get their ids in the order of arrival, so one number an account says how far
the feed has come: what has a higher id is not indexed yet, and a search reads it without the index.

The index holds trigrams without positions. It finds messages that have all the trigrams of the text searched
for; whether they contain it, their own text decides. So a result is exact however far the feed has come.

What is always true: an email with an id up to the account's `indexed_email` that is in no index row is in
`search_unindexed`, or has gone; rows of the index go with the email (`orphans.sweep`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.store import sqlite_fts
from pillarbox.store.account_counters import email_bounds
from pillarbox.store.search.text import everything
from pillarbox.world.blobs import BlobDamaged, Blobs
from pillarbox.world.database import Transaction

MAX_INDEXED_CHARACTERS: Final = 1024 * 1024
"""Messages with more text are not indexed; searches read them each time."""

MAX_FEED_MESSAGES: Final = 8
"""Messages indexed by one call, at some 300 microseconds for 3 kB of text; other writers wait meanwhile."""

TRIGRAM: Final = 3
"""Characters; for shorter texts the index can't help."""

_MAX_TRIGRAMS: Final = 64
"""Trigrams of one text that are queried; enough to narrow."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Emails of one account, read and ready to be indexed."""

    account: AccountId
    after: int
    """The feed had come to here."""
    upto: int
    """It comes to here."""
    texts: tuple[tuple[int, str | None], ...]
    """Email and its folded text; `None` where there is too much of it, or its octets are missing."""


def gather(
    tx: Transaction,
    blobs: Blobs,
    limit: int = MAX_FEED_MESSAGES,
    *,
    max_characters: int = MAX_INDEXED_CHARACTERS,
) -> Batch | None:
    """Read some emails that are not indexed yet, of one account; `None` where there are none.

    At most `limit` emails; those with more than `max_characters` of text are not to be indexed.
    """
    row = tx.row("SELECT account, indexed_email, last_email FROM ledgers WHERE indexed_email < last_email")
    if row is None:
        return None
    account, after, last = row
    emails = tx.rows(
        "SELECT id, blob FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (after, last, limit)
    )
    upto = emails[-1][0] if len(emails) == limit else last
    return Batch(
        account,
        after,
        upto,
        tuple((email, _text(tx, blobs, digest, max_characters)) for email, digest in emails),
    )


def _text(tx: Transaction, blobs: Blobs, digest: bytes, max_characters: int) -> str | None:
    try:
        text = "".join(everything(blobs.read(tx, digest)))
    except BlobDamaged:
        return None
    # FTS5 would end the text at a NUL
    return None if len(text) > max_characters else text.replace("\0", " ")


def feed(tx: Transaction, batch: Batch) -> int:
    """Index what was gathered; return how many emails that was: 0 if another process did it meanwhile."""
    if not tx.execute(
        "UPDATE ledgers SET indexed_email = ? WHERE account = ? AND indexed_email = ?",
        (batch.upto, batch.account, batch.after),
    ):
        return 0
    there = {
        email
        for (email,) in tx.rows("SELECT id FROM emails WHERE id > ? AND id <= ?", (batch.after, batch.upto))
    }
    kept = [(email, text) for email, text in batch.texts if email in there]
    tx.execute_many(
        sqlite_fts.ADD,
        [(email, text) for email, text in kept if text is not None],
    )
    tx.execute_many(
        "INSERT INTO search_unindexed VALUES (?)", [(email,) for email, text in kept if text is None]
    )
    return len(kept)


def narrow(
    tx: Transaction, account: AccountId, mailbox: MailboxId, between: tuple[int, int], folded: str
) -> set[int] | None:
    """UIDs, of those between two, of messages that may contain a folded text; `None`: any may."""
    if len(folded) < TRIGRAM:
        return None
    bounds = email_bounds(account)
    rows = tx.rows(
        sqlite_fts.NARROW,
        (account, mailbox, *between, account, sqlite_fts.match_all(_trigrams(folded)), *bounds, *bounds),
    )
    return {uid for (uid,) in rows}


def _trigrams(folded: str) -> Iterable[str]:
    text = folded.replace("\0", " ")
    every = range(len(text) - TRIGRAM + 1)
    return dict.fromkeys(text[at : at + TRIGRAM] for at in every[:_MAX_TRIGRAMS])
