"""Reads the messages of a mailbox a few at a time, in bounded memory, while others may write."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

from pillarbox.admin import concerns
from pillarbox.admin.permissions import ONESELF, may
from pillarbox.mail.identifiers import AccountId, EmailId, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import fetch
from pillarbox.store.fetch import Column
from pillarbox.store.mailbox import Mailbox
from pillarbox.world.blobs import BlobDamaged, Blobs, verified
from pillarbox.world.database import Database

PAGE_MESSAGES = 200

_COLUMNS = (Column.BLOB, Column.FLAGS, Column.RECEIVED_AT_MS, Column.EMAIL)


@dataclass(frozen=True, slots=True)
class ExportedMessage:
    """A message as it is exported."""

    uid: Uid
    octets: bytes
    flags: str
    received_at_ms: int
    email: EmailId


@dataclass(frozen=True, slots=True)
class DamagedMessage:
    """A message that can't be read."""

    mailbox: str
    uid: Uid
    why: str


@dataclass(slots=True)
class ExportResult:
    """What was exported."""

    messages: int = 0
    octets: int = 0
    mailboxes: list[str] = field(default_factory=list)
    damaged: list[DamagedMessage] = field(default_factory=list)
    """What could not be exported."""


class Writer(Protocol):
    """Writes mailboxes in some format."""

    def write(self, mailbox: Mailbox, messages: Iterator[ExportedMessage]) -> None:
        """Write the messages of a mailbox. Raises OSError."""

    def finish(self, subscriptions: list[str]) -> None:
        """Write what is about all mailboxes, and the subscribed names that have none. Raises OSError."""


@may(ONESELF, of=concerns.account_number("account"))
def export(
    database: Database,
    blobs: Blobs,
    account: AccountId,
    mailboxes: list[Mailbox],
    writer: Writer,
    *,
    subscriptions: list[str] | None = None,
    progress: Callable[[ExportResult], None] = lambda _exported: None,
) -> ExportResult:
    """Write these mailboxes, without the messages that are damaged. Raises OSError.

    `subscriptions`: subscribed names that have no mailbox.
    """
    exported = ExportResult()
    for mailbox in mailboxes:
        messages = read_messages(database, blobs, account, mailbox, exported.damaged)
        counted = _counted(messages, exported, progress)
        writer.write(mailbox, counted)
        exported.mailboxes.append(mailbox.name)
    writer.finish(subscriptions or [])
    return exported


@may(ONESELF, of=concerns.account_number("account"))
def read_messages(
    database: Database, blobs: Blobs, account: AccountId, mailbox: Mailbox, damaged: list[DamagedMessage]
) -> Iterator[ExportedMessage]:
    """The messages of a mailbox, by UID; adds to `damaged` those that can't be read."""
    after = 0
    while True:
        # By UID, not by sequence number: messages expunged meanwhile can't disturb a page.
        uids = database.read_now(fetch.next_uids, account, mailbox.id, after=Uid(after), limit=PAGE_MESSAGES)
        if not uids:
            return
        page = NumberSet(((uids[0], uids[-1]),))
        found = set[Uid]()
        for uid, digest, flags, received_at_ms, email in database.read_now(
            fetch.rows, account, mailbox.id, page, _COLUMNS
        ):
            found.add(uid)
            try:
                octets = verified(database.read_now(blobs.read, digest), digest)
            except BlobDamaged as failure:
                damaged.append(DamagedMessage(mailbox.name, uid, failure.trouble))
                continue
            yield ExportedMessage(uid, octets, flags, received_at_ms, email)
        if len(found) < len(uids):
            # Those that are still listed were not expunged meanwhile
            listed = database.read_now(
                fetch.next_uids, account, mailbox.id, after=Uid(after), limit=PAGE_MESSAGES
            )
            lost = sorted(set(uids).intersection(listed) - found)
            damaged += [DamagedMessage(mailbox.name, uid, "its rows can't be found") for uid in lost]
        after = uids[-1]


def _counted(
    messages: Iterator[ExportedMessage], exported: ExportResult, progress: Callable[[ExportResult], None]
) -> Iterator[ExportedMessage]:
    for message in messages:
        yield message
        exported.messages += 1
        exported.octets += len(message.octets)
        progress(exported)
