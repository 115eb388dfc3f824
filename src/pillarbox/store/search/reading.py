"""Reading the octets of many messages, to look for a text in them.

Small messages are read many at a time by one statement. One that is a file, or can't be read, is read alone.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from pillarbox.mail.identifiers import AccountId, MailboxId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.world.blobs import WITH_OCTETS, BlobDamaged, Blobs
from pillarbox.world.database import DatabaseDamaged, Transaction

MAX_OCTETS: Final = 1024 * 1024
"""Octets in memory together, but for the last few messages among them."""

_COLUMNS: Final = "p.uid, e.header_size, e.blob, b.size"
_FROM: Final = (
    "FROM placements p JOIN emails e ON e.id = p.email LEFT JOIN blobs b ON b.digest = e.blob"
    f" {WITH_OCTETS} WHERE p.account = ? AND p.mailbox = ? AND p.uid BETWEEN ? AND ? ORDER BY p.uid"
)
_WITH_OCTETS: Final = f"SELECT {_COLUMNS}, coalesce(o.octets, x'') {_FROM}"
_WITHOUT: Final = f"SELECT {_COLUMNS}, x'' {_FROM}"
_OCTETS: Final = 4


class Message(NamedTuple):
    """A message as it was read."""

    uid: Uid
    header_size: int
    """Octets of its header, with the empty line."""
    octets: bytes
    """Empty where they can't be read: a damaged store finds less, and what is there must stay searchable."""


def messages(
    tx: Transaction,
    blobs: Blobs,
    account: AccountId,
    mailbox: MailboxId,
    uids: NumberSet,
    *,
    max_octets: int = MAX_OCTETS,
) -> Iterator[Message]:
    """Those of these messages that exist, UIDs ascending; some more than `max_octets` of them are in memory."""
    for first, last in uids.runs:
        at: int | None = first
        while at is not None:
            rows, at = _some(tx, (account, mailbox, at, last), max_octets)
            for uid, header_size, digest, size, octets in rows:
                is_here = octets and len(octets) == size
                yield Message(uid, header_size, octets if is_here else _alone(tx, blobs, digest))


def _some(
    tx: Transaction, parameters: tuple[int, int, int, int], max_octets: int
) -> tuple[list[tuple[Uid, int, bytes, int | None, bytes]], int | None]:
    """Rows, and the UID to go on from; `None` where these are all."""
    try:
        rows, octets = tx.rows_within(_WITH_OCTETS, parameters, (_OCTETS,), max_octets)
    except DatabaseDamaged:  # perhaps the octets of a single message
        return tx.rows(_WITHOUT, parameters), None
    return rows, rows[-1][0] + 1 if octets > max_octets else None


def _alone(tx: Transaction, blobs: Blobs, digest: bytes) -> bytes:
    try:
        return blobs.read(tx, digest)
    except BlobDamaged:
        return b""
