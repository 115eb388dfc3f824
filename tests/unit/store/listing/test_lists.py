"""Lists of emails: what the model of `tests/property/test_email_lists.py` meets seldom."""

import random

import pytest

from pillarbox.mail import query as q
from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import flags, placements
from pillarbox.store.by_ids import TooMuchToRead
from pillarbox.store.flags import Mode
from pillarbox.store.listing import filters as f
from pillarbox.store.listing import texts
from pillarbox.store.listing.account import MIN_GONE
from pillarbox.store.listing.current import Kept, ListingCache, read
from pillarbox.store.listing.evaluation import matching
from pillarbox.store.listing.lists import MAX_CONDITIONS, MAX_MOVED, NEWEST_FIRST, By, Order
from pillarbox.store.listing.making import ids, make, work
from pillarbox.store.listing.ordering import PART, arranged
from pillarbox.store.search.text import go_on
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.searching import BLOBS
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, octets, open_store, put


def current(cache: ListingCache, tx: SqliteTransaction) -> Kept:
    for _ in range(2):
        known = cache.version(ANNA)
        kept = cache.take(ANNA, known, read(tx, ANNA, known, max_rows=None))
        if kept is not None:
            return kept
    raise AssertionError("read twice")


def listed(kept: Kept, wanted: f.Filter = f.EVERYTHING, *orders: Order) -> list[int]:
    return ids(kept.listed, make(kept.listed, wanted, orders or NEWEST_FIRST, pause=go_on).places)


def test_what_was_hidden_when_the_account_was_read_comes_in_its_place() -> None:
    with open_store() as tx:
        old = put(tx, flags="\\Deleted", received_at_ms=NOW_MS - 5)
        new = put(tx)
        cache = ListingCache()
        assert listed(current(cache, tx)) == [new.email_id]
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.REMOVE, flags="\\Deleted")
        assert listed(current(cache, tx)) == [new.email_id, old.email_id]


def test_an_account_of_which_most_is_gone_is_read_again() -> None:
    with open_store() as tx:
        for _ in range(MIN_GONE + 10):
            put(tx)
        cache = ListingCache()
        kept = current(cache, tx)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet(((1, MIN_GONE // 2),)), deleted_only=False)
        assert current(cache, tx) is kept
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet(((1, MIN_GONE + 5),)), deleted_only=False)
        assert len(current(cache, tx).listed.ids) == 5


def test_much_is_not_read_in_the_loop() -> None:
    with open_store() as tx:
        for _ in range(11):
            put(tx)
        with pytest.raises(TooMuchToRead):
            read(tx, ANNA, None, max_rows=10)
        reading = read(tx, ANNA, None, max_rows=None)
        assert reading is not None
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        with pytest.raises(TooMuchToRead):
            read(tx, ANNA, reading.version, max_rows=10)
        assert read(tx, ANNA, reading.version, max_rows=11) is not None


def test_a_list_is_made_again_where_much_has_changed_and_where_it_cannot_be_kept() -> None:
    with open_store() as tx:
        for _ in range(MAX_MOVED + 1):
            put(tx)
        cache = ListingCache()
        kept = current(cache, tx)
        seen, by_thread = f.HasFlag("\\Seen"), f.ThreadHasFlag("\\Seen", f.InThread.SOME)
        for wanted in (f.EVERYTHING, seen, by_thread, f.All((f.Not(f.Matching(q.Text("x"))),))):
            kept.lists.add(
                make(kept.listed, wanted, NEWEST_FIRST, pause=go_on, texts=dict.fromkeys(f.texts(wanted), ()))
            )
        put(tx)
        kept = current(cache, tx)
        assert kept.lists.get(f.EVERYTHING, NEWEST_FIRST) is not None
        assert kept.lists.get(seen, NEWEST_FIRST) is not None
        assert kept.lists.get(by_thread, NEWEST_FIRST) is None
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert current(cache, tx).lists.get(seen, NEWEST_FIRST) is None


def test_a_list_with_many_conditions_is_made_again_when_something_changes() -> None:
    with open_store() as tx:
        put(tx)
        cache = ListingCache()
        kept = current(cache, tx)
        few, many = (
            f.Any(tuple(f.Not(f.HasFlag(f"k{number}")) for number in range(conditions)))
            for conditions in (MAX_CONDITIONS, MAX_CONDITIONS + 1)
        )
        assert f.conditions(many) == MAX_CONDITIONS + 1
        for wanted in (few, many):
            kept.lists.add(make(kept.listed, wanted, NEWEST_FIRST, pause=go_on))
        put(tx)
        lists = current(cache, tx).lists
        assert lists.get(few, NEWEST_FIRST) is not None
        assert lists.get(many, NEWEST_FIRST) is None
        for _ in range(MAX_MOVED // MAX_CONDITIONS + 1):
            put(tx)
        assert current(cache, tx).lists.get(few, NEWEST_FIRST) is None


def test_the_work_of_a_list_counts_what_each_email_is_compared_with() -> None:
    with open_store() as tx:
        for _ in range(3):
            put(tx)
        listed = current(ListingCache(), tx).listed
        wanted = f.All(
            (f.HasFlag("a"), f.Any((f.Smaller(1), f.InOthers(frozenset()))), f.Not(f.HasFlag("b")))
        )
        assert work(listed, f.EVERYTHING, NEWEST_FIRST) == 3
        assert work(listed, wanted, NEWEST_FIRST) == 3 * 4
        assert work(listed, wanted, (*NEWEST_FIRST, Order(By.SIZE))) == 3 * 5


def test_the_least_recently_used_accounts_go() -> None:
    with open_store() as tx:
        cache = ListingCache(max_weight=3)
        put(tx)
        kept = current(cache, tx)
        cache.keep(ANNA, kept)
        other = Kept(kept.listed, kept.state)
        cache.keep(type(ANNA)(99), other)
        assert cache.version(ANNA) is None
        assert cache.version(type(ANNA)(99)) is not None


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("different", [1, 7, 10**9])
def test_many_are_ordered_in_parts_and_equal_ones_stay(descending: bool, different: int) -> None:
    chance = random.Random(1)
    values = [chance.randrange(different) for _ in range(3 * PART + 5)]
    places = chance.sample(range(len(values)), len(values))
    steps: list[None] = []
    found = arranged(places, values.__getitem__, descending=descending, pause=lambda: steps.append(None))
    assert found.tolist() == sorted(places, key=values.__getitem__, reverse=descending)
    assert len(steps) > 3


def test_names_subjects_and_dates() -> None:
    with open_store() as tx:
        first = put(tx, octets(subject="Re: beta", date="Wed, 1 Nov 2023 23:30:00 -0500", to="Zoe <a@x>"))
        second = put(tx, octets(subject="Alpha", **{"from": "aaron@x"}, to="b@x"))
        kept = current(ListingCache(), tx)
        for by, expected in (
            (By.SUBJECT, [second, first]),
            (By.FROM, [second, first]),
            (By.TO, [second, first]),
            (By.SENT, [second, first]),
        ):
            found = texts.values(tx, ANNA, by, kept.listed.ids, pause=go_on)
            made = make(kept.listed, f.EVERYTHING, (Order(by),), pause=go_on, values={by: found})
            assert ids(kept.listed, made.places) == [one.email_id for one in expected], by


def test_texts_are_searched_in_one_message_of_each_email() -> None:
    with open_store() as tx:
        one = put(tx, octets("needle"))
        put(tx, octets("hay"))
        placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        other = put(tx, octets("another needle"), to="Sent")
        kept = current(ListingCache(), tx)
        wanted = f.Matching(q.Body("needle"))
        candidates = [EmailId(number) for number in kept.listed.ids]
        found = texts.matches(tx, BLOBS, ANNA, wanted.query, candidates, now_ms=NOW_MS, pause=go_on)
        assert found == {one.email_id, other.email_id}
        made = make(kept.listed, f.Not(wanted), NEWEST_FIRST, pause=go_on, texts={wanted: found})
        assert len(made.places) == 1
        assert texts.matches(tx, BLOBS, ANNA, wanted.query, [], now_ms=NOW_MS, pause=go_on) == set()


def test_without_texts_all_that_may_match_is_found() -> None:
    with open_store() as tx:
        put(tx, flags="\\Seen")
        put(tx)
        kept = current(ListingCache(), tx)
        text, seen = f.Matching(q.Body("x")), f.HasFlag("\\Seen")
        for wanted, number in (
            (f.All((text, seen)), 1),
            (f.All((f.Not(text), seen)), 1),
            (f.Any((text, seen)), 2),
            (f.Not(f.Any((text, seen))), 1),
            (f.Not(f.Any((f.Not(text), f.Not(seen)))), 1),
        ):
            assert len(matching(kept.listed, wanted, pause=go_on)) == number, wanted
