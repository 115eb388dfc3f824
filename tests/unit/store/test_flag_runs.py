"""Runs of flags: whatever is done to them, they are what one row for each message would be."""

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.identifiers import AccountId, MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import flag_runs
from pillarbox.store.flag_runs import FlagRun
from pillarbox.store.schema import SCHEMA
from pillarbox.world.blobs import SCHEMA as BLOBS
from tests.kit.database import open_transaction

ANN, INBOX = AccountId(1), MailboxId(1)
LAST = 60
UIDS = st.sets(st.integers(1, LAST), min_size=1).map(NumberSet.of)
STEPS = st.lists(st.tuples(UIDS, st.sampled_from(["remove", "", "a", "b"]), st.booleans()), max_size=12)


def single(runs: list[FlagRun]) -> dict[int, tuple[str, int]]:
    return {uid: (flags, modseq) for first, last, flags, modseq in runs for uid in range(first, last + 1)}


@settings(max_examples=200, deadline=None)
@given(UIDS, STEPS)
def test_runs_are_what_single_rows_would_be(
    present: NumberSet, steps: list[tuple[NumberSet, str, bool]]
) -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        model = dict.fromkeys(present, ("", 1))
        flag_runs.insert(tx, ANN, INBOX, [(uid, uid, "", 1) for uid in present])
        flag_runs.insert(tx, ANN, MailboxId(2), [(1, LAST, "other", 1)])
        everything = NumberSet(((1, LAST + 1),))
        for modseq, (uids, what, join) in enumerate(steps, 2):
            if what == "remove":
                flag_runs.remove(tx, ANN, INBOX, uids)
                model = {uid: had for uid, had in model.items() if uid not in uids}
            else:
                before = flag_runs.overlapping(tx, ANN, INBOX, uids)
                after = [
                    (*run[:2], what, modseq) if inside else run
                    for run, inside in flag_runs.divided(before, uids)
                ]
                flag_runs.replace(tx, ANN, INBOX, before, flag_runs.joined(after) if join else after)
                model |= {uid: (what, modseq) for uid in model if uid in uids}
            rows = flag_runs.overlapping(tx, ANN, INBOX, everything)
            assert single(rows) == model
            assert all(one[0] <= one[1] < other[0] for one, other in pairwise(rows))
            found = flag_runs.among(tx, ANN, INBOX, uids, since=modseq - 2)
            assert single(found) == {
                uid: had for uid, had in model.items() if uid in uids and had[1] > modseq - 2
            }
        assert flag_runs.among(tx, ANN, MailboxId(2), everything) == [(1, LAST, "other", 1)]


def test_one_change_of_all_leaves_one_row() -> None:
    with open_transaction(BLOBS, SCHEMA) as tx:
        runs = [(uid, uid, "", uid) for uid in range(1, 1001)]
        flag_runs.insert(tx, ANN, INBOX, runs)
        flag_runs.replace(tx, ANN, INBOX, runs, flag_runs.joined((*run[:3], 2000) for run in runs))
        assert tx.rows("SELECT uid, more, modseq FROM flags") == [(1, 999, 2000)]
