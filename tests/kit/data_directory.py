"""A data directory with data of every kind, created by the verbs, for tests that damage or copy it."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pillarbox.admin.fsck import RepairContext, Report, check, repair
from pillarbox.app.database import SCHEMAS
from pillarbox.mail.identifiers import AccountId
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.summary import summarize
from pillarbox.queue.spool import Outbound, QueuedRecipient, enqueue
from pillarbox.store import append, flags, mailboxes, orphans, placements
from pillarbox.store.flags import Mode
from pillarbox.store.search import feeding
from pillarbox.world.blobs import MAX_IN_DATABASE_OCTETS, Blobs, FileBlobs, PreparedBlob, prepare
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import SqliteDatabase, open_database
from tests.kit.people import NOW_MS, person
from tests.kit.stored_mail import octets

LARGE = b"Subject: large\r\n\r\n" + b"0123456789abcdef\r\n" * (MAX_IN_DATABASE_OCTETS // 16)


@dataclass(frozen=True)
class OpenDirectory:
    """A data directory, open."""

    directory: Path
    database: SqliteDatabase
    blobs: Blobs

    @property
    def context(self) -> RepairContext:
        return RepairContext(self.blobs, NOW_MS, self.directory / "lost+found")

    def fsck(self, *, quick: bool = False) -> Report:
        return self.database.read_now(check, self.context, SCHEMAS, quick=quick)

    def repair(self) -> list[str]:
        return repair(self.database, self.context, SCHEMAS, lambda _what: None)

    def damage(self, *statements: str) -> None:
        def verb(tx: Transaction) -> None:
            for statement in statements:
                tx.execute(statement)

        self.database.write_now(verb)

    def value(self, sql: str) -> object:
        return self.database.read_now(lambda tx: tx.value(sql))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.database.read_now(lambda tx: tx.rows(sql))


@contextmanager
def open_directory(directory: Path) -> Iterator[OpenDirectory]:
    """Open a data directory."""
    database = open_database(directory / "pillarbox.db", SCHEMAS, create=True)
    try:
        yield OpenDirectory(directory, database, FileBlobs(directory / "blobs"))
    finally:
        database.close_now()


@contextmanager
def fill_directory(directory: Path, *, messages: int = 12) -> Iterator[OpenDirectory]:
    """Two people with mail of many kinds: copied, moved, flagged, expunged, large, queued, partly indexed."""
    directory.mkdir(parents=True, exist_ok=True)
    with open_directory(directory) as data:
        data.database.write_now(_people)
        large = write_blob(data.blobs, LARGE)
        data.database.write_now(_fill, messages, large)
        catch_up(data)
        put(data, octets("not indexed yet", subject="late", message_id="<late@one.example>"))
        yield data


def catch_up(data: OpenDirectory) -> None:
    """Index all that is not indexed yet."""
    while attempt := data.database.write_now(feeding.begin):
        while batch := data.database.read_now(feeding.gather, data.blobs, attempt):
            data.database.write_now(feeding.feed, batch)


def put(data: OpenDirectory, text: bytes, *, account: int = 1) -> None:
    """Append a message to an INBOX."""
    data.database.write_now(_put, AccountId(account), "INBOX", text)


def write_blob(blobs: Blobs, content: bytes) -> PreparedBlob:
    writer = blobs.writer()
    writer.write(content)
    prepared, _ = asyncio.run(writer.finish())
    return prepared


def _people(tx: Transaction) -> None:
    for address in ("anna@one.example", "bob@one.example"):
        mailboxes.create_defaults(tx, person(tx, address, "secret").id, now_ms=NOW_MS)


def _put(
    tx: Transaction, account: AccountId, mailbox: str, text: bytes, blob: PreparedBlob | None = None
) -> None:
    message = append.Message(blob or prepare(text), summarize(text))
    target = mailboxes.by_name(tx, account, mailbox).id
    append.append(tx, account, target, message, flags="", received_at_ms=NOW_MS, now_ms=NOW_MS)


def _fill(tx: Transaction, messages: int, large: PreparedBlob) -> None:
    anna, bob = AccountId(1), AccountId(2)
    for number in range(messages):
        text = octets(
            f"body {number}\r\n" * 20,
            subject=f"subject {number // 3}",
            date=f"Mon, 20 Nov 2023 10:{number // 60:02}:{number % 60:02} +0000",
            message_id=f"<{number}@one.example>",
            references=f"<{number // 3 * 3}@one.example>",
        )
        for account in (anna, bob):
            _put(tx, account, "INBOX", text)
    _put(tx, anna, "INBOX", LARGE, large)
    inbox, archive, sent = (mailboxes.by_name(tx, anna, name).id for name in ("INBOX", "Archive", "Sent"))
    flags.alter(tx, anna, inbox, NumberSet(((1, 3),)), mode=Mode.ADD, flags="\\Seen $Work")
    placements.copy(tx, anna, inbox, NumberSet(((2, 5),)), to=archive, now_ms=NOW_MS)
    placements.move(tx, anna, inbox, NumberSet(((6, 6),)), to=sent, now_ms=NOW_MS)
    placements.expunge(tx, anna, inbox, NumberSet(((7, 8),)), deleted_only=False)
    while orphans.sweep(tx):
        pass
    recipient = QueuedRecipient("someone@far.example", "far.example")
    enqueue(tx, Outbound(prepare(octets("outbound")), "anna@one.example", (recipient,)), now_ms=NOW_MS)
    assert mailboxes.by_name(tx, anna, "INBOX").messages == messages + 1 - 3
