"""Messages whose octets are damaged or missing, named so that their owners can be told."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from pillarbox.admin.permissions import OPERATOR, may
from pillarbox.mail.visible import visible
from pillarbox.world.database import DatabaseFailure, Transaction

MAX_DIGESTS_AT_ONCE: Final = 10_000
"""In one query: each looks through all messages."""

Damaged = Mapping[bytes, str]
"""The digest of each blob that is damaged or missing, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class LostMessage:
    """One message in one mailbox, or in the queue, whose octets can't be had."""

    account: str
    """The login, or `account` and its number where that is lost; empty for mail on its way out."""
    mailbox: str
    """Its name, or `mailbox` and its number where that is lost; `queue` for mail on its way out."""
    uid: int
    """In the queue, its number."""
    date: str
    """The day it was received (UTC, ISO 8601)."""
    subject: str
    """Empty where it is not known."""
    envelope: str
    """In the queue: from whom, and to whom it is still to be sent. Empty elsewhere."""
    digest: str
    """The SHA-256 that names the octets, in hexadecimal digits; empty where that is lost."""
    why: str

    @property
    def title(self) -> str:
        """For people: what could act on a terminal is shown as an escape."""
        if not self.account:
            return visible(f"queued message {self.uid} {self.envelope}, {self.date}")
        subject = f', "{self.subject}"' if self.subject else ""
        return visible(f"{self.account}, {self.mailbox}, UID {self.uid}, {self.date}{subject}")

    @property
    def line(self) -> str:
        """The title, and what is wrong."""
        return f"{self.title}: {visible(self.why)}"


@may(OPERATOR)
def lost_messages(tx: Transaction, damaged: Damaged) -> tuple[LostMessage, ...]:
    """All messages that use these blobs, by account, mailbox and UID; what can't be read is left out."""
    found: list[LostMessage] = []
    for some in in_parts(damaged):
        for find in (_placed, _queued):
            try:
                found += find(tx, {digest: damaged[digest] for digest in some})
            except DatabaseFailure:
                continue
    return _sorted(found)


@may(OPERATOR)
def whereabouts(tx: Transaction, digests: Iterable[bytes]) -> dict[bytes, str]:
    """For each blob, all messages with its octets, in mailboxes and in the queue, and all cards, for people."""
    found = dict.fromkeys(digests, "not used")
    titles: dict[bytes, list[str]] = {}
    for some in in_parts(found):
        try:
            messages = _placed(tx, dict.fromkeys(some, "")) + _queued(tx, dict.fromkeys(some, ""))
            cards = _of_cards(tx, some)
        except DatabaseFailure:
            return dict.fromkeys(found, "the tables that say where can't be read")
        for one in _sorted(messages):
            titles.setdefault(bytes.fromhex(one.digest), []).append(one.title)
        for digest, owner, card in cards:
            titles.setdefault(digest, []).append(visible(f"an image or sound of card {card} of {owner}"))
    return found | {digest: "; ".join(those) for digest, those in titles.items()}


def in_parts(digests: Iterable[bytes]) -> Iterator[tuple[bytes, ...]]:
    """So many at once as one query is to look for: no index has them."""
    every = tuple(digests)
    for start in range(0, len(every), MAX_DIGESTS_AT_ONCE):
        yield every[start : start + MAX_DIGESTS_AT_ONCE]


@may(OPERATOR)
def without_email(tx: Transaction) -> tuple[LostMessage, ...]:
    """Messages in mailboxes that have lost their row in `emails`. Raises `DatabaseFailure`."""
    rows = tx.rows(f"{_PLACED} WHERE e.id IS NULL")
    return _sorted([_message(row, "its row is missing") for row in rows])


def _placed(tx: Transaction, damaged: Damaged) -> list[LostMessage]:
    marks = ", ".join("?" * len(damaged))
    rows = tx.rows(f"{_PLACED} WHERE e.blob IN ({marks})", tuple(damaged))
    return [_message(row, damaged[row[0]]) for row in rows]


def _queued(tx: Transaction, damaged: Damaged) -> list[LostMessage]:
    marks = ", ".join("?" * len(damaged))
    rows = tx.rows(f"{_QUEUED} WHERE q.blob IN ({marks})", tuple(damaged))
    return [_message(row, damaged[row[0]]) for row in rows]


def _of_cards(tx: Transaction, digests: tuple[bytes, ...]) -> list[tuple[bytes, str, int]]:
    marks = ", ".join("?" * len(digests))
    return tx.rows(f"{_MEDIA} WHERE m.blob IN ({marks}) ORDER BY m.account, m.card", digests)


_Row = tuple[bytes | None, str, str, int, int, str | None, str]


def _message(row: _Row, why: str) -> LostMessage:
    digest, account, mailbox, uid, at_ms, subject, envelope = row
    name = digest.hex() if digest else ""
    return LostMessage(account, mailbox, uid, _day(at_ms), subject or "", envelope, name, why)


def _day(at_ms: int) -> str:
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
    except (OverflowError, ValueError, OSError):
        return "unknown date"  # the row is damaged


def _sorted(messages: Iterable[LostMessage]) -> tuple[LostMessage, ...]:
    return tuple(sorted(messages, key=lambda one: (one.account, one.mailbox, one.uid)))


_PLACED: Final = """
SELECT e.blob, coalesce(a.login, 'account ' || p.account), coalesce(m.name, 'mailbox ' || p.mailbox), p.uid,
  p.received_at_ms, e.subject, ''
FROM placements p LEFT JOIN emails e ON e.id = p.email
LEFT JOIN mailboxes m ON m.account = p.account AND m.id = p.mailbox
LEFT JOIN accounts a ON a.id = p.account"""
_QUEUED: Final = """
SELECT q.blob, '', 'queue', q.id, q.queued_at_ms, '', 'from ' || coalesce(nullif(q.reverse_path, ''), '<>') || ' to '
  || coalesce((SELECT group_concat(r.address, ' ') FROM queue_recipients r WHERE r.message = q.id), 'nobody')
FROM queue_messages q"""
_MEDIA: Final = """
SELECT m.blob, coalesce(a.login, 'account ' || m.account), m.card FROM card_media m
LEFT JOIN accounts a ON a.id = m.account"""
