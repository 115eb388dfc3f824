"""Messages whose octets are damaged or missing, named so that their owners can be told."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pillarbox.mail.visible import visible
from pillarbox.world.database import DatabaseFailure, Transaction

_DIGESTS_AT_ONCE: Final = 500

Damaged = Mapping[bytes, str]
"""The digest of each blob that is damaged or missing, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class LostMessage:
    """One message in one mailbox, or in the queue, whose octets can't be had."""

    account: str
    """The login; empty where that can't be read."""
    mailbox: str
    """Its name; `queue` with an empty account for mail on its way out."""
    uid: int
    date: str
    """The day it was received (UTC, ISO 8601)."""
    subject: str
    """Empty where it is not known."""
    digest: str
    """The SHA-256 that names the octets, in hexadecimal digits."""
    why: str

    @property
    def title(self) -> str:
        """For people: what could act on a terminal is shown as an escape."""
        subject = f', "{self.subject}"' if self.subject else ""
        where = f"{self.account}, {self.mailbox}, UID {self.uid}" if self.account else f"queue, {self.uid}"
        return visible(f"{where}, {self.date}{subject}")

    @property
    def line(self) -> str:
        """The title, and what is wrong."""
        return f"{self.title}: {visible(self.why)}"


def lost_messages(tx: Transaction, damaged: Damaged) -> tuple[LostMessage, ...]:
    """All messages that use these blobs, by account, mailbox and UID; what can't be read is left out."""
    return tuple(sorted(_found(tx, damaged), key=lambda one: (one.account, one.mailbox, one.uid)))


def _found(tx: Transaction, damaged: Damaged) -> Iterator[LostMessage]:
    digests = list(damaged)
    for start in range(0, len(digests), _DIGESTS_AT_ONCE):
        some = digests[start : start + _DIGESTS_AT_ONCE]
        marks = ", ".join("?" * len(some))
        try:
            rows = tx.rows(f"{_PLACED} WHERE e.blob IN ({marks})", some)
            rows += tx.rows(f"{_QUEUED} WHERE q.blob IN ({marks})", some)
        except DatabaseFailure:
            continue
        for digest, account, mailbox, uid, at_ms, subject in rows:
            day = datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
            yield LostMessage(account, mailbox, uid, day, subject, digest.hex(), damaged[digest])


_PLACED: Final = """
SELECT e.blob, coalesce(a.login, 'account ' || p.account), coalesce(m.name, 'mailbox ' || p.mailbox), p.uid,
  p.received_at_ms, e.subject
FROM emails e JOIN placements p ON p.email = e.id
LEFT JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox
LEFT JOIN accounts a ON a.id = p.account"""
_QUEUED: Final = "SELECT q.blob, '', 'queue', q.id, q.queued_at_ms, '' FROM queue_messages q"
