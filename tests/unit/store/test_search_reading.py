"""Reading the octets of many messages for a search."""

from collections.abc import Sequence
from typing import Any

import pytest

from pillarbox.mail.number_set import NumberSet
from pillarbox.store.search import reading
from pillarbox.store.search.reading import Message
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database import DatabaseDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, mailbox, octets, open_store, put

BLOBS = DatabaseBlobs()
TEXTS = [octets(f"text {number}") for number in range(70)]


def read(tx: Any, uids: NumberSet, max_octets: int = reading.MAX_OCTETS) -> list[Message]:
    return list(reading.messages(tx, BLOBS, ANNA, mailbox(tx), uids, max_octets=max_octets))


def header_size(text: bytes) -> int:
    return text.index(b"\r\n\r\n") + 4


@pytest.mark.parametrize("max_octets", [1, 1_000, 10_000, reading.MAX_OCTETS])
def test_all_that_exist_are_read_some_at_a_time(max_octets: int) -> None:
    with open_store() as tx:
        for text in TEXTS:
            put(tx, text)
        found = read(tx, NumberSet(((3, 9), (12, 12), (20, 999))), max_octets)
        wanted = [*range(3, 10), 12, *range(20, 71)]
        assert found == [(uid, header_size(TEXTS[uid - 1]), TEXTS[uid - 1]) for uid in wanted]


def test_octets_that_are_missing_or_damaged_are_empty() -> None:
    with open_store() as tx:
        for text in TEXTS[:3]:
            put(tx, text)
        digests = [digest for (digest,) in tx.rows("SELECT blob FROM emails ORDER BY id")]
        tx.execute("DELETE FROM blobs WHERE digest = ?", (digests[0],))
        tx.execute("UPDATE blobs SET size = size + 1 WHERE digest = ?", (digests[1],))
        assert [message.octets for message in read(tx, NumberSet(((1, 9),)))] == [b"", b"", TEXTS[2]]


def test_a_damaged_page_hides_only_what_is_on_it() -> None:
    class Damaged(SqliteTransaction):
        def rows_within(
            self, sql: str, parameters: Sequence[Any], columns: Sequence[int], octets: int
        ) -> tuple[list[tuple[Any, ...]], int]:
            raise DatabaseDamaged("a page")

    with open_store() as tx:
        for text in TEXTS[:3]:
            put(tx, text)
        found = read(Damaged(tx.connection), NumberSet(((1, 9),)))
        assert [message.octets for message in found] == TEXTS[:3]
