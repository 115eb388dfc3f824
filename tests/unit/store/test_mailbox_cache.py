"""Mailboxes in memory say what the tables say."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.identifiers import MailboxId, ModSeq, Uid
from pillarbox.mail.long_array import LONG
from pillarbox.mail.number_set import EVERYTHING, MAX_CUT, NumberSet
from pillarbox.store import mailbox_cache, mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.cached_mailbox import LOOKED_AT, MAX_DELETED, RECOUNT_OCTETS, CachedMailbox
from pillarbox.store.changes import Delta
from pillarbox.store.flags import Mode, alter
from pillarbox.store.mailbox_cache import MailboxCache, read
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.database import RecordingTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, current, mailbox, open_store, put


def _same(one: CachedMailbox, other: CachedMailbox) -> bool:
    return (one.uids, one.flags, one.modseqs, one.modseq, one.uid_next) == (
        other.uids,
        other.flags,
        other.modseqs,
        other.modseq,
        other.uid_next,
    )


def test_a_mailbox_that_did_not_change_costs_one_query() -> None:
    with open_store() as tx:
        put(tx)
        cache, recording = MailboxCache(), RecordingTransaction(tx)
        first = current(cache, tx, mailbox(tx))
        assert current(cache, recording, MailboxId(1)) is first
        assert len(recording.statements) == 1


def test_every_kind_of_change_is_taken_over() -> None:
    with open_store() as tx:
        cache = MailboxCache()
        inbox = mailbox(tx)
        for _ in range(5):
            put(tx)
        known = current(cache, tx, inbox)
        steps: list[Callable[[], object]] = [
            lambda: put(tx, flags="$Work"),
            lambda: alter(tx, ANNA, inbox, NumberSet.of([2, 4]), mode=Mode.ADD, flags="\\Deleted"),
            lambda: placements.expunge(tx, ANNA, inbox),
            lambda: alter(tx, ANNA, inbox, EVERYTHING, mode=Mode.ADD, flags="\\Seen"),
            lambda: placements.copy(tx, ANNA, inbox, EVERYTHING, to=inbox, now_ms=NOW_MS),
            lambda: placements.move(tx, ANNA, inbox, EVERYTHING, to=inbox, now_ms=NOW_MS),
        ]
        for step in steps:
            step()
            assert current(cache, tx, inbox) is known
            assert _same(known, mailbox_cache.load(tx, ANNA, inbox))


def test_new_uids_are_added_to_the_array_that_sessions_hold() -> None:
    with open_store() as tx:
        cache = MailboxCache()
        put(tx)
        known = current(cache, tx, mailbox(tx)).uids
        put(tx)
        assert current(cache, tx, mailbox(tx)).uids is known
        assert list(known) == [1, 2]


def test_the_uids_of_a_session_are_not_changed_by_the_cache() -> None:
    with open_store() as tx:
        cache = MailboxCache()
        for _ in range(3):
            put(tx)
        known = current(cache, tx, mailbox(tx)).uids
        put(tx)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([2]), deleted_only=False)
        now = current(cache, tx, mailbox(tx))
        assert list(known) == [1, 2, 3]
        assert list(now.uids) == [1, 3, 4]


def test_sessions_keep_the_uids_of_a_long_mailbox_that_they_know() -> None:
    with open_store() as tx:
        put(tx)
        cached = current(MailboxCache(), tx, mailbox(tx))
    more = [(uid, "", 2) for uid in range(2, 2 * LONG)]
    views, there = [], [1]
    changes: list[tuple[NumberSet, list[tuple[int, str, int]]]] = [
        (NumberSet(), more),
        (NumberSet.of([LONG]), [(2 * LONG, "", 3)]),
        (NumberSet(), [(2 * LONG + 1, "", 4)]),
        (NumberSet(((5, 3 * LONG // 2),)), []),
        (NumberSet.of([2, 2 * LONG]), [(2 * LONG + 2, "", 5)]),
    ]
    for vanished, appended in changes:
        views.append((cached.uids, there))
        cached.advance(Delta(ModSeq(9), vanished, appended, [], {}), Uid(3 * LONG))
        there = [uid for uid in there if uid not in vanished] + [row[0] for row in appended]
        assert list(cached.uids) == there
        assert len(cached.flags) == len(cached.modseqs) == len(there)
        assert [cached.index(uid) for uid in (1, LONG, 2 * LONG + 1)] == [
            there.index(uid) if uid in there else None for uid in (1, LONG, 2 * LONG + 1)
        ]
    for uids, known in views:
        assert list(uids[: len(known)]) == known


def test_a_reading_is_applied_only_to_the_version_it_was_read_for() -> None:
    with open_store() as tx:
        put(tx)
        cache, inbox = MailboxCache(), mailbox(tx)
        nothing_known = read(tx, ANNA, inbox, None)
        current(cache, tx, inbox)
        assert cache.take(ANNA, inbox, None, nothing_known) is None  # another task has loaded it meanwhile
        known = cache.version(ANNA, inbox)
        unchanged = read(tx, ANNA, inbox, known)
        put(tx)
        delta = read(tx, ANNA, inbox, known)
        cached = current(cache, tx, inbox)
        put(tx)
        now = current(cache, tx, inbox)
        for late in (unchanged, delta):
            assert cache.take(ANNA, inbox, known, late) is None
        assert now is cached
        assert _same(now, mailbox_cache.load(tx, ANNA, inbox))
        cache.forget(ANNA, inbox)
        assert cache.take(ANNA, inbox, known, delta) is None
        assert len(cache) == 0
        assert cache.take(ANNA, inbox, None, nothing_known) is not None
        assert _same(current(cache, tx, inbox), mailbox_cache.load(tx, ANNA, inbox))


def test_a_verb_fills_no_cache() -> None:
    with open_store() as tx:
        put(tx)
        cache, inbox = MailboxCache(), mailbox(tx)
        cached = current(cache, tx, inbox)
        put(tx)
        read(tx, ANNA, inbox, cache.version(ANNA, inbox))
        assert list(cached.uids) == [1]


def test_a_state_without_a_known_change_is_read_anew() -> None:
    with open_store() as tx:
        put(tx)
        cache, inbox = MailboxCache(), mailbox(tx)
        before = current(cache, tx, inbox)
        tx.execute("UPDATE mailboxes SET uid_validity = uid_validity + 1 WHERE id = ?", (inbox,))
        anew = current(cache, tx, inbox)
        assert anew is not before
        tx.execute("UPDATE flags SET modseq = 1 WHERE mailbox = ?", (inbox,))
        tx.execute("UPDATE mailboxes SET highest_modseq = 1 WHERE id = ?", (inbox,))
        assert current(cache, tx, inbox) is not anew
        assert len(cache) == 1


def test_a_head_finds_the_mailbox_only_while_it_is_current() -> None:
    with open_store() as tx:
        put(tx)
        cache = MailboxCache()
        head = mailbox_cache.head_by_name(tx, ANNA, "INBOX")
        assert cache.current(ANNA, head) is None
        cached = current(cache, tx, head.mailbox)
        assert cache.current(ANNA, head) is cached
        put(tx)
        assert cache.current(ANNA, mailbox_cache.head_by_name(tx, ANNA, "INBOX")) is None
        with pytest.raises(NoSuchMailbox):
            mailbox_cache.head_by_name(tx, ANNA, "nowhere")


@pytest.mark.parametrize("uids", [EVERYTHING, NumberSet.of([1, 3])])
@pytest.mark.parametrize("flags", ["\\Seen", "\\Flagged", "$Work"])
@pytest.mark.parametrize("mode", list(Mode))
def test_what_alter_did_is_applied_without_reading(mode: Mode, flags: str, uids: NumberSet) -> None:
    with open_store() as tx:
        for text in ("", "\\Seen", "\\Seen $Work", ""):
            put(tx, flags=text)
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        assert known.apply(alter(tx, ANNA, mailbox(tx), uids, mode=mode, flags=flags))
        assert _same(known, mailbox_cache.load(tx, ANNA, mailbox(tx)))


def test_a_large_change_is_applied_in_steps_and_shows_at_the_end() -> None:
    with open_store() as tx:
        put(tx)
        put(tx, flags="\\Seen")
        known, inbox = current(MailboxCache(), tx, mailbox(tx)), mailbox(tx)
        copies = 2 * LOOKED_AT
        known.uids.extend(range(3, copies + 3))
        known.flags += ["\\Seen"] * copies
        known.modseqs.extend([1] * copies)
        before, version = known.snapshot(), known.version
        altered = alter(tx, ANNA, inbox, EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        steps = 0
        for _ in known.applying(altered):
            steps += 1
            assert (known.flags, known.modseqs, known.version) == (before.flags, before.modseqs, version)
        assert steps == 2
        assert known.flags == ["\\Seen"] * (copies + 2)
        assert list(known.modseqs[:3]) == [altered.modseq, before.modseqs[1], 1]
        assert known.modseq == altered.modseq


def test_alter_is_not_applied_over_a_gap() -> None:
    with open_store() as tx:
        put(tx)
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        put(tx)
        altered = alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert not known.apply(altered)
        assert known.flags == [""]


def test_places_and_flag_questions() -> None:
    with open_store() as tx:
        for flags in ("\\Seen", "\\Seen $Work", "", "$work"):
            put(tx, flags=flags)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([1]), deleted_only=False)
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        assert [known.index(uid) for uid in (1, 2, 3, 4, 5)] == [None, 0, 1, 2, None]
        assert known.first_unseen() == 1


@given(
    st.lists(
        st.tuples(
            st.sampled_from(("put", "see", "unsee", "applied", "applied to deleted", "expunge", "look")),
            st.sets(st.integers(1, 16), min_size=1),
        ),
        max_size=12,
    )
)
@settings(max_examples=60, deadline=None)
def test_first_unseen_and_deleted_messages_are_known_whatever_changed(
    steps: list[tuple[str, set[int]]],
) -> None:
    with open_store() as tx:
        cache, inbox = MailboxCache(), mailbox(tx)
        for number in range(8):
            put(tx, flags="\\Seen" if number != 5 else "")
        known = current(cache, tx, inbox)
        for step, numbers in steps:
            uids, mode = NumberSet.of(numbers), Mode.REMOVE if step == "unsee" else Mode.ADD
            if step == "put":
                put(tx, flags="\\Seen" if len(numbers) % 2 else "\\Deleted")
            elif step == "expunge":
                placements.expunge(tx, ANNA, inbox, uids, deleted_only=False)
            elif step == "applied":
                cache.apply(ANNA, inbox, alter(tx, ANNA, inbox, uids, mode=Mode.REPLACE, flags="$Work"))
            elif step == "applied to deleted":
                cache.apply(ANNA, inbox, alter(tx, ANNA, inbox, uids, mode=Mode.ADD, flags="\\Deleted"))
            elif step != "look":
                alter(tx, ANNA, inbox, uids, mode=mode, flags="\\Deleted \\Seen")
            current(cache, tx, inbox)
            if step == "look":
                unseen = [place for place, text in enumerate(known.flags) if "\\Seen" not in text]
                assert known.first_unseen() == (unseen[0] if unseen else None)
                marked = zip(known.uids, known.flags, strict=True)
                assert known.deleted() == NumberSet.of(uid for uid, text in marked if "\\Deleted" in text)
        again = mailbox_cache.load(tx, ANNA, inbox)
        assert known.first_unseen() == again.first_unseen()
        assert known.deleted() == again.deleted()


def test_very_many_deleted_messages_are_left_to_the_database() -> None:
    with open_store() as tx:
        put(tx)
        cached = current(MailboxCache(), tx, mailbox(tx))
        cached.uids.extend(range(2, MAX_DELETED + 2))
        cached.flags += ["\\Deleted"] * MAX_DELETED
        assert len(replace(cached, _deleted=None).deleted() or ()) == MAX_DELETED
        whole = replace(cached, flags=["\\Deleted"] * len(cached.uids), _deleted=None)
        assert whole.deleted() is None


def test_many_runs_of_messages_are_removed() -> None:
    with open_store() as tx:
        for _ in range(2 * MAX_CUT + 3):
            put(tx)
        cache, inbox = MailboxCache(), mailbox(tx)
        known = current(cache, tx, inbox)
        placements.expunge(tx, ANNA, inbox, NumberSet.of(range(1, 70, 2)), deleted_only=False)
        current(cache, tx, inbox)
        assert _same(known, mailbox_cache.load(tx, ANNA, inbox))


def test_a_mailbox_is_read_some_rows_at_a_time() -> None:
    with open_store() as tx:
        for number in range(7):
            put(tx, flags=f"$Label{number % 3}")
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([2]), deleted_only=False)
        recording = RecordingTransaction(tx)
        found = mailbox_cache.load(recording, ANNA, mailbox(tx), together=3)
        assert len([sql for sql in recording.statements if "FROM flags" in sql]) == 3
        assert _same(found, mailbox_cache.load(tx, ANNA, mailbox(tx)))
        assert found.flags == [f"$Label{number % 3}" for number in range(7) if number != 1]


def test_a_long_run_of_messages_with_the_same_flags_is_read() -> None:
    with open_store() as tx:
        inbox, more = mailbox(tx), 2 * LOOKED_AT + 5
        tx.execute("INSERT INTO flags VALUES (?, ?, 3, '\\Seen', 7, ?)", (ANNA, inbox, more))
        tx.execute("INSERT INTO flags VALUES (?, ?, ?, '', 8, 0)", (ANNA, inbox, more + 9))
        tx.execute("UPDATE mailboxes SET uid_next = ?, highest_modseq = 8 WHERE id = ?", (more + 10, inbox))
        found = mailbox_cache.load(tx, ANNA, inbox)
        assert list(found.uids) == [*range(3, more + 4), more + 9]
        assert found.flags == ["\\Seen"] * (more + 1) + [""]
        assert list(found.modseqs) == [7] * (more + 1) + [8]
        assert found.first_unseen() == more + 1


def _alter(tx: SqliteTransaction, cache: MailboxCache) -> None:
    alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")


def _alter_and_apply(tx: SqliteTransaction, cache: MailboxCache) -> None:
    cache.apply(ANNA, mailbox(tx), alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen"))


def _alter_one(tx: SqliteTransaction, cache: MailboxCache) -> None:
    alter(tx, ANNA, mailbox(tx), NumberSet(((2, 2),)), mode=Mode.ADD, flags="\\Seen")


def _expunge(tx: SqliteTransaction, cache: MailboxCache) -> None:
    placements.expunge(tx, ANNA, mailbox(tx), NumberSet(((1, 1),)), deleted_only=False)


def _put(tx: SqliteTransaction, cache: MailboxCache) -> None:
    put(tx, flags="\\Flagged")


@given(st.lists(st.sampled_from([_alter, _alter_and_apply, _alter_one, _expunge, _put]), max_size=5))
def test_a_snapshot_stays_as_it_is(changes: list[Callable[[SqliteTransaction, MailboxCache], None]]) -> None:
    with open_store() as tx:
        put(tx)
        put(tx)
        cache, taken = MailboxCache(), []
        for change in (*changes, _put):
            known = current(cache, tx, mailbox(tx))
            copy, count = known.snapshot(), len(known.uids)
            taken.append((copy, known.uids[:], known.flags[:], known.modseqs[:]))
            assert len(copy.uids) == count
            change(tx, cache)
        current(cache, tx, mailbox(tx))
        for copy, uids, flags, modseqs in taken:
            count = len(uids)
            assert (copy.uids, copy.flags[:count], copy.modseqs[:count]) == (uids, flags, modseqs)


def test_snapshots_are_copied_only_when_something_changes_that_they_have() -> None:
    with open_store() as tx:
        put(tx)
        cache = MailboxCache()
        known = current(cache, tx, mailbox(tx))
        first, second = known.snapshot(), known.snapshot()
        assert first.uids is second.uids
        assert first.flags is second.flags is known.flags
        put(tx)
        assert current(cache, tx, mailbox(tx)).flags is first.flags, "new messages come behind theirs"
        third = known.snapshot()
        del first, second
        _alter(tx, cache)
        assert current(cache, tx, mailbox(tx)).flags is not third.flags
        del third
        flags = known.flags
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.REPLACE, flags="\\Draft")
        assert current(cache, tx, mailbox(tx)).flags is flags, "nobody has them any more"


def test_the_cache_is_bounded_and_evicts_the_least_recently_used() -> None:
    with open_store() as tx:
        cache = MailboxCache(max_weight=5)
        for name in ("INBOX", "Sent", "Trash"):
            put(tx, to=name)
            put(tx, to=name)
        inbox, sent, trash = (mailbox(tx, name) for name in ("INBOX", "Sent", "Trash"))
        for box in (inbox, sent, inbox, trash):
            current(cache, tx, box)
        assert len(cache) == 2
        assert cache.peek(ANNA, sent) is None
        assert cache.peek(ANNA, inbox) is not None


def test_growth_in_the_cache_counts() -> None:
    with open_store() as tx:
        cache = MailboxCache(max_weight=3)
        current(cache, tx, mailbox(tx))
        for _ in range(3):
            put(tx)
        put(tx, to="Sent")
        current(cache, tx, mailbox(tx))
        current(cache, tx, mailbox(tx, "Sent"))
        assert len(cache) == 1


def test_flags_of_which_each_message_has_others_weigh_more() -> None:
    with open_store() as tx:
        cache = MailboxCache(max_weight=60)
        put(tx, to="Sent")
        current(cache, tx, mailbox(tx, "Sent"))
        put(tx, flags="k" * 250)
        put(tx, flags="k" * 250)
        current(cache, tx, mailbox(tx))
        assert len(cache) == 2, "what two have counts once"
        for letter in "abcd":
            put(tx, flags=letter * 250)
        current(cache, tx, mailbox(tx))
        assert len(cache) == 1


def test_flags_that_no_message_has_any_more_do_not_weigh() -> None:
    with open_store() as tx:
        cache = MailboxCache()
        put(tx)
        cached = current(cache, tx, mailbox(tx))
        for number in range(2 * RECOUNT_OCTETS // 250):
            flags = f"{number:03}".ljust(250, "k")
            altered = alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.REPLACE, flags=flags)
            if number % 2:
                assert cached.apply(altered)
            else:
                current(cache, tx, mailbox(tx))
        assert cached.text_octets <= RECOUNT_OCTETS + 500


def test_a_mailbox_that_is_gone_can_not_be_read() -> None:
    with open_store() as tx:
        cache = MailboxCache()
        trash = mailbox(tx, "Trash")
        current(cache, tx, trash)
        mailboxes.delete(tx, ANNA, trash)
        with pytest.raises(NoSuchMailbox):
            current(cache, tx, trash)
        cache.forget(ANNA, trash)
        assert len(cache) == 0
