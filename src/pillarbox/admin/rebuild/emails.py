"""Emails anew from their octets: rows that were lost, what was rendered, and which thread a reply will find."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pillarbox.mail.identifiers import AccountId, EmailId, ThreadId
from pillarbox.mail.summary import Summary, summarize
from pillarbox.store import account_counters, append, threads
from pillarbox.world.blobs import BlobMissing, Blobs
from pillarbox.world.database import Database, DatabaseUnavailable, Transaction

EMAILS_AT_ONCE = 200

Facts = tuple[int, int | None, int | None]
"""Size, and Date as a time and as a day: what a placement remembers of its email."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """What became of the emails."""

    rendered: int
    unreadable: int
    """Their octets are lost; what was rendered of them before stays."""


def link_again(database: Database, blobs: Blobs) -> int:
    """Give placements whose email's row was lost their octets back, where there is no doubt; return how many.

    No doubt: exactly one blob has the size and the date that the placement remembers, and it has lost as many
    uses as there are emails that ask for it. Anything less might show one person another's mail.
    """
    lost = database.read_now(_lost_emails)
    if not lost:
        return 0
    candidates = database.read_now(_candidates, blobs, {size for size, _, _ in lost})
    found = [
        (email, *candidates[facts][0][:2])
        for facts, emails in lost.items()
        if len(candidates[facts]) == 1 and candidates[facts][0][2] == len(emails)
        for email in emails
    ]
    for email, digest, summary in found:
        database.write_now(append.render_again, email, digest, summary)
    return len(found)


def _lost_emails(tx: Transaction) -> dict[Facts, list[EmailId]]:
    found: dict[Facts, list[EmailId]] = defaultdict(list)
    for email, *facts in tx.rows(
        "SELECT DISTINCT email, size, sent_at_ms, sent_day FROM placements p"
        " WHERE NOT EXISTS (SELECT 1 FROM emails e WHERE e.id = p.email)"
    ):
        found[facts[0], facts[1], facts[2]].append(email)
    return found


_SPARE = """
SELECT b.digest, b.uses - count(u.blob) AS spare FROM blobs b
LEFT JOIN (SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages) u ON u.blob = b.digest
WHERE b.size = ? GROUP BY b.digest HAVING spare > 0"""


def _candidates(
    tx: Transaction, blobs: Blobs, sizes: set[int]
) -> defaultdict[Facts, list[tuple[bytes, Summary, int]]]:
    """Blobs of these sizes that have lost users, and how many."""
    found: defaultdict[Facts, list[tuple[bytes, Summary, int]]] = defaultdict(list)
    for size in sizes:
        for digest, spare in tx.rows(_SPARE, (size,)):
            octets = _octets(tx, blobs, digest)
            if octets is not None:
                summary = summarize(octets)
                found[size, summary.sent_at_ms, summary.sent_day].append((digest, summary, spare))
    return found


def drop_lost(tx: Transaction) -> int:
    """Take out of mailboxes what has neither octets nor rendering any more; the log is repaired afterwards."""
    gone = tx.execute("DELETE FROM placements WHERE email NOT IN (SELECT id FROM emails)")
    tx.execute("DELETE FROM queue_recipients WHERE message NOT IN (SELECT id FROM queue_messages)")
    return gone


def render_all(database: Database, blobs: Blobs) -> Iterator[Rendered]:
    """Write anew what is rendered of every email, and missing keys of its thread; tells how far it has come."""
    last, rendered, unreadable = EmailId(0), 0, 0
    while batch := database.read_now(_next, last):
        read = [
            (email, digest, thread, database.read_now(_octets, blobs, digest))
            for email, digest, thread in batch
        ]
        summaries = [
            (email, digest, thread, summarize(octets))
            for email, digest, thread, octets in read
            if octets is not None
        ]
        database.write_now(_write_batch, summaries)
        last = batch[-1][0]
        rendered += len(summaries)
        unreadable += len(batch) - len(summaries)
        yield Rendered(rendered, unreadable)


def _next(tx: Transaction, after: EmailId) -> list[tuple[EmailId, bytes, ThreadId | None]]:
    return [
        (email, digest, thread)
        for email, digest, thread in tx.rows(
            "SELECT e.id, e.blob, (SELECT min(thread) FROM placements p WHERE p.email = e.id)"
            " FROM emails e WHERE e.id > ? ORDER BY e.id LIMIT ?",
            (after, EMAILS_AT_ONCE),
        )
    ]


def _write_batch(tx: Transaction, batch: list[tuple[EmailId, bytes, ThreadId | None, Summary]]) -> None:
    for email, digest, thread, summary in batch:
        append.render_again(tx, email, digest, summary)
        if thread is not None:
            account: AccountId = account_counters.account_of(email)
            threads.remember(tx, account, summary, email=email, thread=thread)


def _octets(tx: Transaction, blobs: Blobs, digest: bytes) -> bytes | None:
    try:
        return blobs.read(tx, digest)
    except (BlobMissing, DatabaseUnavailable):
        return None
