"""Saved searches: their rows, and states of clients."""

import pytest

from pillarbox.mail.identifiers import ModSeq
from pillarbox.store import account_counters, mailboxes, saved_searches, states
from pillarbox.store.saved_searches import Definition, Place
from pillarbox.store.states import CannotCalculateChanges
from tests.kit.stored_mail import ANNA, BOB, open_store

WORK = Definition("Work", '{"hasKeyword":"$work"}', None, collapse_threads=True, sort_order=3)


def test_a_search_is_kept_changed_and_forgotten() -> None:
    with open_store(ANNA, BOB) as tx:
        assert saved_searches.state(tx, ANNA) == Place(ModSeq(0))
        emails = states.read(tx, ANNA).email
        one = saved_searches.create(tx, ANNA, WORK)
        (found,) = saved_searches.listing(tx, ANNA)
        assert (found.id, found.definition) == (one, WORK)
        other = Definition("All", None, '[{"property":"size"}]', collapse_threads=False, sort_order=0)
        saved_searches.update(tx, ANNA, one, other)
        again = saved_searches.get(tx, ANNA, one)
        assert again is not None
        assert again.definition == other
        assert saved_searches.get(tx, BOB, one) is None
        assert states.read(tx, ANNA).email == emails, "no email has changed"
        before = saved_searches.definitions_state(tx, ANNA)
        assert before == account_counters.modseq(tx, ANNA)
        saved_searches.destroy(tx, ANNA, one)
        assert saved_searches.listing(tx, ANNA) == []
        assert saved_searches.state(tx, ANNA) == Place(ModSeq(before + 1)), "nothing is counted"
        assert saved_searches.create(tx, ANNA, WORK) != one, "no id is used twice"


def test_of_those_destroyed_long_ago_nothing_is_known() -> None:
    with open_store(ANNA) as tx:
        before = account_counters.modseq(tx, ANNA)
        for _ in range(saved_searches.MAX_DESTROYED + 1):
            saved_searches.destroy(tx, ANNA, saved_searches.create(tx, ANNA, WORK))
        rows = saved_searches.changes(tx, ANNA, ModSeq(before + 2))
        assert len(rows) == saved_searches.MAX_DESTROYED
        assert all(one.destroyed for one in rows)
        for since in (0, before, before + 1, saved_searches.definitions_state(tx, ANNA) + 1):
            with pytest.raises(CannotCalculateChanges):
                saved_searches.changes(tx, ANNA, ModSeq(since))


def test_they_go_with_the_account() -> None:
    with open_store(ANNA, BOB) as tx:
        saved_searches.create(tx, ANNA, WORK)
        saved_searches.create(tx, BOB, WORK)
        mailboxes.delete_account(tx, ANNA)
        for table in ("saved_searches", "saved_search_counters"):
            assert tx.rows(f"SELECT account FROM {table}", ()) == [(BOB,)]


@pytest.mark.parametrize("text", ["0", "7", "7.5", "7.5.9.3"])
def test_a_state_is_read_back(text: str) -> None:
    assert saved_searches.parse(text).text == text


@pytest.mark.parametrize(
    "text",
    ["", "x", "-1", "07", "7.0", "7.5.9", "7.5.0.3", "7.5.9.3.1", "7.", ".5", "7.５", "9" * 30, f"{2**50}"],
)
def test_no_other_state_is(text: str) -> None:
    with pytest.raises(CannotCalculateChanges):
        saved_searches.parse(text)
