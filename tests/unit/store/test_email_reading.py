"""Emails a page at a time."""

import pytest

from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import placements, states
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.email_reading import (
    MAX_PAGE_OCTETS,
    MAX_SHORT_OCTETS,
    Page,
    Part,
    Wanted,
    read,
    some_ids,
)
from pillarbox.store.fetch import Column
from pillarbox.world.blobs import DatabaseBlobs
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put

BLOBS = DatabaseBlobs()
NOTHING = Wanted()


def _pages(tx: SqliteTransaction, ids: list[EmailId], wanted: Wanted, most: int = 10) -> list[Page]:
    pages = [read(tx, BLOBS, ANNA, ids, wanted, most=most)]
    while pages[-1].left:
        pages.append(read(tx, BLOBS, ANNA, pages[-1].left, wanted, most=most))
        assert len(pages) < 100
    return pages


def _ids(pages: list[Page]) -> list[int]:
    return sorted(found.email.id for page in pages for found in page.found)


@pytest.mark.parametrize("part", Part)
def test_pages(part: Part) -> None:
    with open_store(ANNA, BOB) as tx:
        ids = [put(tx, octets(f"{number}" * 100)).email_id for number in range(25)]
        others = put(tx, account=BOB).email_id
        hidden = put(tx, flags="\\Deleted").email_id
        wanted = Wanted((Column.SUBJECT, Column.PREVIEW), part)
        pages = _pages(tx, [*reversed(ids), others, hidden, EmailId(5)], wanted)
        assert _ids(pages) == ids
        assert [len(page.found) for page in pages] == [10, 10, 5]
        assert pages[0].state == states.read(tx, ANNA).email
        for page in pages:
            for found in page.found:
                number = ids.index(found.email.id)
                whole = octets(f"{number}" * 100)
                assert found.columns == ("", f"{number}" * 100)
                assert found.octets == [None, whole[: found.header_octets], whole][part]


def test_no_more_than_some_octets_are_read_at_once() -> None:
    with open_store() as tx:
        ids = [put(tx, octets("x" * (MAX_SHORT_OCTETS - 500))).email_id for _ in range(60)]
        pages = _pages(tx, ids, Wanted(part=Part.ALL), most=60)
        assert _ids(pages) == ids
        assert len(pages) == 2
        long = [put(tx, octets(to=", ".join(["a@b.example"] * 3_000))).email_id for _ in range(150)]
        pages = _pages(tx, long[::-1], Wanted((Column.CACHED_FIELDS,)), most=150)
        assert _ids(pages) == long
        assert len(pages) > 1
        assert all(sum(len(found.columns[0]) for found in page.found) < 4 * MAX_PAGE_OCTETS for page in pages)


@pytest.mark.parametrize(("part", "is_read"), [(Part.ALL, False), (Part.HEADER, True)])
def test_a_long_message_is_left_to_its_reader(part: Part, is_read: bool) -> None:
    with open_store() as tx:
        email = put(tx, octets("x" * MAX_SHORT_OCTETS)).email_id
        ((found,),) = [page.found for page in _pages(tx, [email], Wanted(part=part))]
        assert (found.octets is not None) is is_read
        email = put(tx, octets("x", x=" y" * MAX_SHORT_OCTETS)).email_id
        ((found,),) = [page.found for page in _pages(tx, [email], Wanted(part=Part.HEADER))]
        assert found.octets is None


def test_emails_with_many_messages_are_for_a_thread() -> None:
    with open_store() as tx:
        email = put(tx).email_id
        for _ in range(3):
            box = mailbox(tx)
            placements.copy(tx, ANNA, box, NumberSet(((1, 1),)), to=box, now_ms=NOW_MS)
        with pytest.raises(TooMuchToRead):
            read(tx, BLOBS, ANNA, [email], NOTHING, most=10, messages=3)
        assert len(read(tx, BLOBS, ANNA, [email], NOTHING, most=10, messages=None).found) == 1


def test_some_ids() -> None:
    with open_store(ANNA, BOB) as tx:
        ids = [put(tx).email_id for _ in range(3)]
        put(tx, flags="\\Deleted")
        put(tx, account=BOB)
        placements.copy(tx, ANNA, mailbox(tx), NumberSet(((1, 1),)), to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        assert some_ids(tx, ANNA, 10) == ids
        assert len(some_ids(tx, ANNA, 2)) == 2
