"""Emails from their octets: rows that were lost, rendered data, and the keys by which replies find threads."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from pillarbox.admin.fsck.context import read_or_none
from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail.identifiers import AccountId, EmailId, ThreadId
from pillarbox.mail.summary import Summary, summarize
from pillarbox.store import account_counters, append, threads
from pillarbox.world.blobs import Blobs
from pillarbox.world.database import Database, Transaction

EMAILS_AT_ONCE = 200

SizeAndDate = tuple[int, int | None, int | None]
"""Size, and Date as a time and as a day: what a placement repeats of its email."""


@dataclass(frozen=True, slots=True)
class RenderedEmails:
    """How many emails were rendered again."""

    rendered: int
    unreadable: int
    """Emails whose octets are missing; their earlier rendered data stays."""


@may(OPERATOR)
def relink(database: Database, blobs: Blobs) -> int:
    """Link placements whose email row was lost to their octets, where that is certain; return how many.

    It is certain if exactly one blob has the size and the date of the placement, and it lacks as many uses as there
    are such emails. Anything less might show one person another's mail.
    """
    lost = database.read_now(_lost_emails)
    if not lost:
        return 0
    candidates = database.read_now(_candidates, blobs, {size for size, _, _ in lost})
    found = [
        (email, *candidates[size_and_date][0][:2])
        for size_and_date, emails in lost.items()
        if len(candidates[size_and_date]) == 1 and candidates[size_and_date][0][2] == len(emails)
        for email in emails
    ]
    for email, digest, summary in found:
        database.write_now(append.rewrite_email, email, digest, summary)
    return len(found)


def _lost_emails(tx: Transaction) -> dict[SizeAndDate, list[EmailId]]:
    found: dict[SizeAndDate, list[EmailId]] = defaultdict(list)
    for email, *size_and_date in tx.rows(
        "SELECT DISTINCT email, size, sent_at_ms, sent_day FROM placements p"
        " WHERE NOT EXISTS (SELECT 1 FROM emails e WHERE e.id = p.email)"
    ):
        found[size_and_date[0], size_and_date[1], size_and_date[2]].append(email)
    return found


_SPARE = """
SELECT b.digest, b.uses - count(u.blob) AS spare FROM blobs b
LEFT JOIN (SELECT blob FROM emails UNION ALL SELECT blob FROM queue_messages UNION ALL SELECT blob FROM uploads
  UNION ALL SELECT blob FROM card_media) u
  ON u.blob = b.digest
WHERE b.size = ? GROUP BY b.digest HAVING spare > 0"""


def _candidates(
    tx: Transaction, blobs: Blobs, sizes: set[int]
) -> defaultdict[SizeAndDate, list[tuple[bytes, Summary, int]]]:
    """Blobs of these sizes with more uses counted than rows found, and the difference."""
    found: defaultdict[SizeAndDate, list[tuple[bytes, Summary, int]]] = defaultdict(list)
    for size in sizes:
        for digest, spare in tx.rows(_SPARE, (size,)):
            octets = read_or_none(tx, blobs, digest)
            if octets is not None:
                summary = summarize(octets)
                found[size, summary.sent_at_ms, summary.sent_day].append((digest, summary, spare))
    return found


@may(OPERATOR)
def render_all(database: Database, blobs: Blobs) -> Iterator[RenderedEmails]:
    """Render every email again and add missing thread keys; yields the progress."""
    last, rendered, unreadable = EmailId(0), 0, 0
    while batch := database.read_now(_next, last):
        read = [
            (email, digest, thread, database.read_now(read_or_none, blobs, digest))
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
        yield RenderedEmails(rendered, unreadable)


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
        append.rewrite_email(tx, email, digest, summary)
        if thread is not None:
            account: AccountId = account_counters.account_of(email)
            threads.add_keys(tx, account, summary, email=email, thread=thread)
