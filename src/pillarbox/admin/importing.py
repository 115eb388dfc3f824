"""Bringing mail in from elsewhere: an mbox file into a mailbox, some hundred messages a commit.

Memory is bounded by one batch. A message that can't be taken is told, and the rest goes on.
"""

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.mbox import Entry, Oversized, messages
from pillarbox.mail.summary import summarize
from pillarbox.store.append import Arrival, Message, append_all
from pillarbox.world.blobs import prepare
from pillarbox.world.database import Transaction

BATCH_MESSAGES = 200
"""Messages in one commit."""
CHUNK_OCTETS = 1 << 20


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages ready to be stored, the octets of the file read so far, and what could not be taken."""

    arrivals: tuple[Arrival, ...]
    octets_read: int
    refused: tuple[str, ...]


def batches(path: Path, *, now_ms: int) -> Iterator[Batch]:
    """Read an mbox file (``.gz`` as well). Raises `OSError`."""
    with path.open("rb") as raw:
        # A compressed file is read through gzip; progress is told in octets of the file itself.
        file = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if path.suffix == ".gz" else raw
        entries = messages(iter(lambda: file.read(CHUNK_OCTETS), b""))
        while batch := list(islice(entries, BATCH_MESSAGES)):
            refused = tuple(_told(entry) for entry in batch if isinstance(entry, Oversized))
            taken = (entry for entry in batch if isinstance(entry, Entry))
            yield Batch(tuple(_arrivals(taken, now_ms)), raw.tell(), refused)


def store(tx: Transaction, account: AccountId, mailbox: MailboxId, batch: Batch, *, now_ms: int) -> int:
    """Put a batch into a mailbox; return the number of messages. Raises `NoSuchMailbox`, `OverQuota`."""
    return len(append_all(tx, account, mailbox, batch.arrivals, now_ms=now_ms))


def _arrivals(entries: Iterable[Entry], now_ms: int) -> Iterator[Arrival]:
    for entry in entries:
        octets = entry.message
        summary = summarize(octets)
        received = entry.received_at_ms or summary.sent_at_ms or now_ms
        yield Arrival(Message(prepare(octets), summary), "", received)


def _told(refused: Oversized) -> str:
    return (
        f"a message of {refused.size} octets is over the limit: {refused.separator.decode(errors='replace')}"
    )
