"""The full-text index: fed after delivery, queried only to narrow a search.

Delivery never waits for it. While there is a backlog, a chore calls `begin`, then `gather` (reading, in a thread) and
`feed` (writing, short) in turn. Emails get their ids in the order of arrival, so one number an account says how far
the feed has come: what has a higher id is not indexed yet, and a search reads it without the index.

The index holds trigrams without positions. It finds messages that have all the trigrams of the text searched
for; whether they contain it, their own text decides. So a result is exact however far the feed has come.

No email is read for the index for ever. `begin` records durably how far it will be read. What is recorded there and
has not been fed was being read when the process ended or failed: those emails are read again one by one, and one that
fails a second time is given up on: it is not indexed, and searches read it each time.

What is always true: an email with an id up to the account's `indexed_email` that is in no index row is in
`search_unindexed`, or has gone; rows of the index go with the email (`orphans.sweep`).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.normalization import fold, slices
from pillarbox.store import sqlite_fts
from pillarbox.store.account_counters import EMAIL_BITS, email_bounds
from pillarbox.store.search.text import everything
from pillarbox.world.blobs import BlobDamaged, Blobs
from pillarbox.world.database import DatabaseDamaged, Transaction

MAX_INDEXED_CHARACTERS: Final = 1024 * 1024
"""Messages with more text are not indexed; searches read them each time."""

MAX_INDEXED_PIECES: Final = 1024
"""Nor are those whose text takes more pieces to read, each of 16 KiB at most: text that is mostly markup."""

MAX_FED_CHARACTERS: Final = 24 * 1024
"""Characters after which no more emails are fed at once, and characters of one email that differ from each other: a
longer text is fed without what repeats. The worst text takes a millisecond for a thousand; other writers wait."""

MAX_FEED_MESSAGES: Final = 8
"""Messages indexed by one call, at some 300 microseconds for 3 kB of text; other writers wait meanwhile."""

MAX_ATTEMPT_MESSAGES: Final = 32
"""Messages whose reading is recorded at once before it begins."""

TRIGRAM: Final = 3
"""Characters; for shorter texts the index can't help."""

_MAX_TRIGRAMS: Final = 64
"""Trigrams of one text that are queried; enough to narrow."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Emails of one account that are going to be read: those not indexed yet, up to one."""

    account: AccountId
    upto: int


@dataclass(frozen=True, slots=True)
class Batch:
    """Emails of one account, read and ready to be indexed."""

    account: AccountId
    after: int
    """The feed had come to here."""
    upto: int
    """It comes to here."""
    texts: tuple[tuple[int, str | None], ...]
    """Email and what is fed of its folded text; `None` where that is too much, or its octets are missing."""


def has_backlog(tx: Transaction) -> bool:
    """Whether any email is not indexed yet."""
    return tx.row("SELECT 1 FROM ledgers WHERE indexed_email < last_email LIMIT 1") is not None


def backlog(tx: Transaction, *, limit: int) -> int:
    """How many emails are not indexed yet; counted up to `limit`."""
    number: int = tx.value(
        "SELECT count(*) FROM (SELECT 1 FROM ledgers l JOIN emails e ON e.id > l.indexed_email AND e.id <= l.last_email"
        " WHERE l.indexed_email < l.last_email LIMIT ?) counted",
        (limit,),
    )
    return number


def given_up(tx: Transaction) -> int:
    """How many emails could not be read for the index."""
    number: int = tx.value("SELECT count(*) FROM search_given_up", ())
    return number


def begin(tx: Transaction, limit: int = MAX_ATTEMPT_MESSAGES) -> Attempt | None:
    """Record that at most `limit` emails will be read, of one account; `None` where there are none."""
    row = tx.row(
        "SELECT l.account, l.indexed_email, l.last_email, coalesce(a.upto, 0), coalesce(a.singly_upto, 0)"
        " FROM ledgers l LEFT JOIN search_attempts a ON a.account = l.account"
        " WHERE l.indexed_email < l.last_email LIMIT 1"
    )
    if row is None:
        return None
    account, after, last, begun_upto, singly_upto = row
    if after < begun_upto <= singly_upto:
        after = _give_up(tx, account, after, begun_upto)
    singly_upto = max(singly_upto, begun_upto)
    limit = 1 if after < singly_upto else limit
    emails = tx.rows(
        "SELECT id FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (after, last, limit)
    )
    upto = emails[-1][0] if len(emails) == limit else last
    tx.execute(
        "INSERT INTO search_attempts VALUES (?, ?, ?) ON CONFLICT (account) DO UPDATE"
        " SET upto = excluded.upto, singly_upto = excluded.singly_upto",
        (account, upto, singly_upto if after < singly_upto else 0),
    )
    return Attempt(account, upto)


def _give_up(tx: Transaction, account: AccountId, after: int, upto: int) -> int:
    """Let the one email that was read for the second time be; return how far the feed has come with that."""
    for (email,) in tx.rows("SELECT id FROM emails WHERE id > ? AND id <= ?", (after, upto)):
        for table in ("search_unindexed", "search_given_up"):
            tx.execute(f"INSERT INTO {table} VALUES (?) ON CONFLICT DO NOTHING", (email,))  # noqa: S608 - from the tuple
    tx.execute("UPDATE ledgers SET indexed_email = ? WHERE account = ?", (upto, account))
    return upto


def release(tx: Transaction, attempt: Attempt) -> None:
    """An attempt ends early for a reason that is not in the emails."""
    tx.execute(
        "UPDATE search_attempts SET upto = 0 WHERE account = ? AND upto = ?", (attempt.account, attempt.upto)
    )


def gather(
    tx: Transaction,
    blobs: Blobs,
    attempt: Attempt,
    limit: int = MAX_FEED_MESSAGES,
    *,
    max_characters: int = MAX_INDEXED_CHARACTERS,
    max_fed_characters: int = MAX_FED_CHARACTERS,
) -> Batch | None:
    """Read some emails that are not indexed yet; `None` where the attempt is over.

    At most `limit` emails, and no more after `max_fed_characters`; those with more than `max_characters` of text are
    not to be indexed.
    """
    row = tx.row("SELECT indexed_email FROM ledgers WHERE account = ?", (attempt.account,))
    if row is None or row[0] >= attempt.upto:
        return None
    after = row[0]
    emails = tx.rows(
        "SELECT id, blob FROM emails WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (after, attempt.upto, limit),
    )
    texts: list[tuple[int, str | None]] = []
    characters = 0
    for email, digest in emails:
        text = _text(tx, blobs, digest, max_characters, max_fed_characters)
        texts.append((email, text))
        characters += len(text or "")
        if characters >= max_fed_characters:
            break
    is_all = len(texts) == len(emails) < limit
    return Batch(attempt.account, after, attempt.upto if is_all else texts[-1][0], tuple(texts))


def start_over(tx: Transaction) -> None:
    """Index all mail anew: the index is empty."""
    tx.execute("UPDATE ledgers SET indexed_email = account << ?", (EMAIL_BITS,))
    for table in ("search_unindexed", "search_given_up", "search_attempts"):
        tx.execute(f"DELETE FROM {table}")  # noqa: S608 - from the tuple


def _text(tx: Transaction, blobs: Blobs, digest: bytes, max_characters: int, max_fed: int) -> str | None:
    """What is fed of an email; `None` where that is too much, or where there are no octets."""
    try:
        octets = blobs.read(tx, digest)
    except BlobDamaged:
        return None
    gathered, characters = list[str](), 0
    for place, piece in enumerate(everything(octets)):
        gathered.append(piece)
        characters += len(piece)
        if characters > max_characters or place >= MAX_INDEXED_PIECES:
            return None
    # FTS5 would end the text at a NUL
    text = "".join(map(fold, slices(gathered))).replace("\0", " ")
    return text if len(text) <= max_fed else _without_repetitions(text, max_fed)


def _without_repetitions(text: str, max_characters: int) -> str | None:
    """A text with all trigrams of this one, and few others; `None` where it would be longer than `max_characters`."""
    seen: set[str] = set()
    kept: list[str] = []
    characters, start = 0, -1  # where the run of new trigrams begins
    for at in range(len(text) - TRIGRAM + 1):
        trigram = text[at : at + TRIGRAM]
        if trigram not in seen:
            seen.add(trigram)
            if start < 0:
                start = at
                characters += TRIGRAM
            characters += 1
            if characters > max_characters:
                return None
        elif start >= 0:
            kept.append(text[start : at + TRIGRAM - 1])
            start = -1
    if start >= 0:
        kept.append(text[start:])
    return "\n".join(kept)


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
        "INSERT INTO search_unindexed VALUES (?) ON CONFLICT DO NOTHING",
        [(email,) for email, text in kept if text is None],
    )
    return len(kept)


def narrow(
    tx: Transaction, account: AccountId, mailbox: MailboxId, between: tuple[int, int], folded: str
) -> set[int] | None:
    """UIDs, of those between two, of messages that may contain a folded text; `None`: any may."""
    if len(folded) < TRIGRAM:
        return None
    bounds = email_bounds(account)
    match = sqlite_fts.match_all(_trigrams(folded))
    try:
        rows = tx.rows(sqlite_fts.NARROW, (account, mailbox, *between, account, match, *bounds, *bounds))
    except DatabaseDamaged:
        return None  # the texts decide, if more slowly; feeding the index reports its damage
    return {uid for (uid,) in rows}


def _trigrams(folded: str) -> Iterable[str]:
    text = folded.replace("\0", " ")
    every = range(len(text) - TRIGRAM + 1)
    return dict.fromkeys(text[at : at + TRIGRAM] for at in every[:_MAX_TRIGRAMS])
