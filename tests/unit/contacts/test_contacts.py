"""The verbs of contacts: what they keep true whoever calls them."""

import pytest

from pillarbox.contacts import books, cards, log, looking, removal, row
from pillarbox.contacts.books import Settings
from pillarbox.contacts.limits import ContactLimits
from pillarbox.contacts.log import REMEMBERED, CannotCalculateChanges, Kind
from pillarbox.contacts.media import Medium
from pillarbox.contacts.refusal import ContactsRefused
from pillarbox.contacts.schema import SCHEMA
from pillarbox.mail.identifiers import AccountId, AddressBookId, CardId, ModSeq
from pillarbox.world.blobs import SCHEMA as BLOBS
from pillarbox.world.database import Transaction, ValuesDamaged
from tests.kit.contacts import ANNA, PNG, a_card, add, fill, named
from tests.kit.database import open_transaction

BOB = AccountId(2)


def counted(tx: Transaction, account: AccountId = ANNA) -> tuple[int, int]:
    return tx.row("SELECT cards, octets FROM contact_counters WHERE account = ?", (account,)) or (0, 0)


def test_reading_writes_nothing_and_accounts_are_apart() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        (book,) = books.listing(tx, BOB)
        assert (book.id, book.name, book.is_default) == (1, books.FIRST_NAME, True)
        assert log.states(tx, BOB) == (0, 0)
        assert tx.rows("SELECT * FROM contact_counters") == []
        fill(tx)
        assert len(books.listing(tx, ANNA)) == 2
        assert books.listing(tx, BOB) == [book]
        add(tx, a_card("one"), account=BOB)
        assert cards.with_uid(tx, BOB, "one") == 1


def test_counts_follow_what_is_written() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        contents = tx.value("SELECT sum(length(content)) FROM contact_contents")
        assert counted(tx) == (3, contents + len(PNG))
        for card in cards.some_ids(tx, ANNA, 10):
            assert cards.destroy(tx, ANNA, card)
            assert not cards.destroy(tx, ANNA, card)
        assert counted(tx) == (0, 0)
        assert tx.rows("SELECT * FROM blobs") == []


def test_limits() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        small = row.of(a_card("x"))
        with_media = row.of(a_card("x"), [Medium(bytes(32), 100)])
        tx.execute("INSERT INTO blobs VALUES (zeroblob(32), 100, 1, NULL, 'x')")

        def refused(made: row.CardRow, limits: ContactLimits) -> str:
            with pytest.raises(ContactsRefused) as raised:
                cards.create(tx, ANNA, made, (AddressBookId(1),), limits=limits)
            return raised.value.type

        before = counted(tx)
        assert refused(small, ContactLimits(cards=3)) == "overQuota"
        assert refused(small, ContactLimits(octets=before[1] + 10)) == "overQuota"
        assert refused(small, ContactLimits(card_octets=10)) == "tooLarge"
        assert refused(with_media, ContactLimits(media=0)) == "tooLarge"
        assert refused(with_media, ContactLimits(media_octets=99)) == "tooLarge"
        gone = row.of(a_card("x"), [Medium(b"1" * 32, 100)])
        assert refused(gone, ContactLimits()) == "invalidProperties"
        assert counted(tx) == before
        with pytest.raises(ContactsRefused):
            books.create(tx, ANNA, Settings(name="x"), limits=ContactLimits(books=2))


def test_each_change_has_a_number_of_its_own() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        numbers = [number for (number,) in tx.rows("SELECT modseq FROM contact_log ORDER BY modseq")]
        assert len(numbers) == len(set(numbers)) == 6
        assert log.states(tx, ANNA) == (6, 4)
        told = log.changes(tx, ANNA, Kind.BOOK, ModSeq(0))
        assert [(one.id, one.created, one.changed, one.destroyed) for one in told] == [
            (2, 1, 1, False),
            (3, 5, 6, True),
        ]


def test_what_was_destroyed_is_forgotten_at_last_and_no_state_comes_twice() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        before = log.states(tx, ANNA)
        cards.destroy(tx, ANNA, CardId(1))
        tx.execute("UPDATE contact_counters SET modseq = ?", (REMEMBERED + 7,))
        assert [one.id for one in log.changes(tx, ANNA, Kind.CARD, before.card)] == [1]
        cards.destroy(tx, ANNA, CardId(2))
        now = log.states(tx, ANNA)
        assert now == (before.book, REMEMBERED + 8)
        with pytest.raises(CannotCalculateChanges):
            log.changes(tx, ANNA, Kind.CARD, before.card)
        assert log.changes(tx, ANNA, Kind.BOOK, now.book) == [], "nothing has changed since then"
        with pytest.raises(CannotCalculateChanges):
            log.changes(tx, ANNA, Kind.CARD, ModSeq(now.card + 1))
        left = tx.rows("SELECT id FROM contact_log WHERE destroyed = 1")
        assert left == [(2,)]


@pytest.mark.parametrize("text", ["", "-1", "01", "x", "1.5", "9" * 30, "١"])
def test_what_is_no_state(text: str) -> None:
    assert log.parse_state(text) is None


def test_a_damaged_counter_is_not_counted_on_from() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        tx.execute("UPDATE contact_counters SET modseq = 'zz'")
        with pytest.raises(ValuesDamaged):
            cards.destroy(tx, ANNA, CardId(2))
        tx.execute("UPDATE contact_counters SET card_modseq = -7, cards = 'zz'")
        with pytest.raises(ValuesDamaged):
            log.states(tx, ANNA)
        with pytest.raises(ValuesDamaged):
            add(tx, a_card("x"))


def test_cards_are_looked_through_with_what_is_needed() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        for number in range(2 * looking.TOGETHER):
            add(tx, a_card(str(number), notes={"n": {"note": "x" * 2000}}))
        for texts, in_books in ((True, True), (False, False)):
            found = [card for some in looking.pages(tx, ANNA, texts=texts, books=in_books) for card in some]
            assert len(found) == 3 + 2 * looking.TOGETHER
            assert found[0].books == ({1, 2} if in_books else set())
            assert bool(found[0].texts) is texts
            assert (found[0].given, found[0].surname) == ("Joe", "Bloggs")
        assert list(looking.pages(tx, BOB, texts=True, books=True)) == []


def test_dates_that_no_calendar_has_are_none() -> None:
    made = row.of(
        a_card("x", name=named("a", "b"), created="2016-12-31T23:59:60Z", updated="2020-01-01T00:00:00.5Z")
    )
    assert (made.created_ms, made.updated_ms) == (None, 1577836800500)


def test_nothing_is_left_of_an_account() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        fill(tx)
        add(tx, a_card("one"), account=BOB)
        removal.remove_account(tx, ANNA)
        for table in removal._TABLES:
            assert not tx.rows(f"SELECT 1 FROM {table} WHERE account = 1"), table
        assert tx.rows("SELECT * FROM blobs") == []
        assert counted(tx, BOB)[0] == 1
