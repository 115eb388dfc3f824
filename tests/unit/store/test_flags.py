"""Changing flags."""

import pytest

from pillarbox.mail.flags import TooManyFlags
from pillarbox.mail.identifiers import MailboxId, ModSeq
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, changes, fetch, mailboxes
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.append import Appended
from pillarbox.store.changes import MAX_FLAGGED_RUNS, ChangeKind
from pillarbox.store.fetch import Column
from pillarbox.store.flags import WIDE, Mode, alter
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import RecordingTransaction
from tests.kit.stored_mail import ANNA, mailbox, open_store, put


def _mail(tx: SqliteTransaction, *flags: str) -> list[Appended]:
    return [put(tx, flags=text) for text in flags]


def _flags(tx: SqliteTransaction) -> list[str]:
    return [flags for _, flags in fetch.rows(tx, ANNA, mailbox(tx), EVERYTHING, (Column.FLAGS,))]


def _modseqs(tx: SqliteTransaction) -> list[ModSeq]:
    return [modseq for _, modseq in fetch.rows(tx, ANNA, mailbox(tx), EVERYTHING, (Column.MODSEQ,))]


@pytest.mark.rfc("9051 §6.4.6", "MUST")
@pytest.mark.parametrize(
    ("mode", "flags", "after"),
    [
        (Mode.ADD, "\\Seen", ["\\Seen", "\\Seen", "\\Flagged \\Seen $Old"]),
        (Mode.REMOVE, "\\Seen $Old", ["", "", "\\Flagged"]),
        (Mode.REPLACE, "$New", ["$New", "$New", "$New"]),
        (Mode.REPLACE, "", ["", "", ""]),
        (Mode.ADD, "", ["", "\\Seen", "\\Flagged $Old"]),
    ],
)
def test_modes(mode: Mode, flags: str, after: list[str]) -> None:
    with open_store() as tx:
        _mail(tx, "", "\\Seen", "\\Flagged $Old")
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=mode, flags=flags)
        assert _flags(tx) == after


def test_only_what_changes_gets_the_new_modseq() -> None:
    with open_store() as tx:
        _mail(tx, "", "\\Seen", "")
        before = _modseqs(tx)
        altered = alter(tx, ANNA, mailbox(tx), NumberSet.of([1, 2]), mode=Mode.ADD, flags="\\Seen")
        assert _modseqs(tx) == [altered.modseq, before[1], before[2]]
        assert (altered.changed, altered.rewritten, altered.previous) == (1, {"": "\\Seen"}, before[2])
        assert mailboxes.by_id(tx, ANNA, mailbox(tx)).highest_modseq == altered.modseq


def test_no_change_takes_no_modseq() -> None:
    with open_store() as tx:
        _mail(tx, "\\Seen")
        before = account_counters.modseq(tx, ANNA)
        altered = alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert (altered.changed, altered.modseq) == (0, before)
        assert account_counters.modseq(tx, ANNA) == before
        assert changes.log(tx, ANNA, before) == []


def test_counts_follow() -> None:
    with open_store() as tx:
        _mail(tx, "", "\\Deleted", "\\Seen")
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Deleted \\Seen")
        box = mailboxes.by_id(tx, ANNA, mailbox(tx))
        assert (box.messages, box.unseen, box.deleted) == (3, 0, 3)
        alter(tx, ANNA, mailbox(tx), NumberSet.of([1]), mode=Mode.REPLACE, flags="")
        box = mailboxes.by_id(tx, ANNA, mailbox(tx))
        assert (box.messages, box.unseen, box.deleted) == (3, 1, 2)


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_unchanged_since_refuses_what_has_changed() -> None:
    with open_store() as tx:
        mail = _mail(tx, "", "", "")
        alter(tx, ANNA, mailbox(tx), NumberSet.of([2]), mode=Mode.ADD, flags="\\Flagged")
        altered = alter(
            tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen", unchanged_since=mail[2].modseq
        )
        assert altered.refused.text() == "2"
        assert _flags(tx) == ["\\Seen", "\\Flagged", "\\Seen"]
        assert 2 not in altered.uids


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_unchanged_since_zero_refuses_all() -> None:
    with open_store() as tx:
        _mail(tx, "", "")
        altered = alter(
            tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen", unchanged_since=ModSeq(0)
        )
        assert (altered.refused.text(), altered.changed) == ("1:2", 0)


def test_scattered_messages_are_few_rows_in_the_log() -> None:
    with open_store() as tx:
        _mail(tx, *["", "\\Seen"] * 2 * MAX_FLAGGED_RUNS)
        before = account_counters.modseq(tx, ANNA)
        named = NumberSet.of([*range(1, 3 * MAX_FLAGGED_RUNS, 2), 4 * MAX_FLAGGED_RUNS])
        altered = alter(tx, ANNA, mailbox(tx), named, mode=Mode.ADD, flags="\\Answered")
        logged = changes.log(tx, ANNA, before)
        assert {change.kind for change in logged} == {ChangeKind.FLAGGED}
        assert len(logged) == MAX_FLAGGED_RUNS
        assert logged[-1].first == 4 * MAX_FLAGGED_RUNS, "the widest gap stays one"
        delta = changes.since(tx, ANNA, mailbox(tx), before)
        assert [uid for uid, _, _ in delta.flagged] == list(named)
        assert altered.changed == len(named)


def test_a_mailbox_that_is_not_there() -> None:
    with open_store() as tx, pytest.raises(NoSuchMailbox):
        alter(tx, ANNA, MailboxId(99), EVERYTHING, mode=Mode.ADD, flags="\\Seen")


def test_too_many_keywords_are_refused() -> None:
    with open_store() as tx:
        _mail(tx, " ".join(f"k{n:03}" for n in range(128)))
        with pytest.raises(TooManyFlags):
            alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="more")


def _rows(tx: SqliteTransaction) -> list[tuple[int, int, str]]:
    return tx.rows("SELECT uid, more, flags FROM flags WHERE mailbox = ? ORDER BY uid", (mailbox(tx),))


def test_messages_that_were_changed_together_have_one_row_until_one_of_them_is_changed_alone() -> None:
    with open_store() as tx:
        _mail(tx, "", "", "$Old", "", "", "")
        assert len(_rows(tx)) == 6
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert _rows(tx) == [(1, 1, "\\Seen"), (3, 0, "\\Seen $Old"), (4, 2, "\\Seen")]
        together = _modseqs(tx)
        altered = alter(tx, ANNA, mailbox(tx), NumberSet.of([5]), mode=Mode.REMOVE, flags="\\Seen")
        assert _rows(tx)[2:] == [(4, 0, "\\Seen"), (5, 0, ""), (6, 0, "\\Seen")]
        assert _modseqs(tx) == [*together[:4], altered.modseq, together[5]]
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.REPLACE, flags="$All")
        assert _rows(tx) == [(1, 5, "$All")]


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_messages_in_the_middle_of_a_run_are_refused_alone() -> None:
    with open_store() as tx:
        _mail(tx, "", "", "", "")
        before = alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen").modseq
        alter(tx, ANNA, mailbox(tx), NumberSet.of([2, 3]), mode=Mode.ADD, flags="$Later")
        altered = alter(
            tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Flagged", unchanged_since=before
        )
        assert (altered.refused.text(), altered.changed) == ("2:3", 2)
        assert _flags(tx) == ["\\Flagged \\Seen", "\\Seen $Later", "\\Seen $Later", "\\Flagged \\Seen"]


def test_many_texts_in_many_runs_do_not_cost_their_product() -> None:
    with open_store() as tx:
        _mail(tx, *[f"k{number}" for number in range(200)])
        recording = RecordingTransaction(tx)
        odd = NumberSet.of(range(1, 200, 2))
        altered = alter(recording, ANNA, mailbox(tx), odd, mode=Mode.ADD, flags="\\Seen")
        assert altered.changed == 100
        assert len(recording.statements) < 20


def test_of_scattered_messages_only_those_near_them_are_read() -> None:
    with open_store() as tx:
        _mail(tx, *[f"k{number}" for number in range(600)])
        recording = RecordingTransaction(tx)
        altered = alter(
            recording, ANNA, mailbox(tx), NumberSet.of(range(1, 600, 15)), mode=Mode.ADD, flags="\\Seen"
        )
        assert (altered.changed, recording.read) == (40, 40 + 39 * 14), "near each other: together"
        recording = RecordingTransaction(tx)
        altered = alter(
            recording, ANNA, mailbox(tx), NumberSet.of(range(2, 601, 17)), mode=Mode.ADD, flags="\\Flagged"
        )
        assert (altered.changed, recording.read) == (36, 36)


def test_of_a_wide_span_only_the_runs_that_change_are_read() -> None:
    with open_store() as tx:
        _mail(tx, *["\\Seen"] * WIDE, "", "\\Flagged", "", "\\Seen")
        recording = RecordingTransaction(tx)
        altered = alter(recording, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert (altered.changed, recording.read) == (3, 6), "three texts, three runs"
        assert _flags(tx) == ["\\Seen"] * (WIDE + 1) + ["\\Flagged \\Seen"] + ["\\Seen"] * 2
