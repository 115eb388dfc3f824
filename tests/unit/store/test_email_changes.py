"""What is told of emails, threads and mailboxes since a state: in parts, within bounds, and of what nobody may see."""

from collections.abc import Callable

import pytest

from pillarbox.mail.identifiers import EmailId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import flags, logged, mailboxes, placements, states, unfinished_copies
from pillarbox.store.append import Arrival, append_all
from pillarbox.store.changes import TooMuchChanged
from pillarbox.store.email_changes import Changes, email_changes, thread_changes
from pillarbox.store.flags import Mode
from pillarbox.store.logged import Bounds
from pillarbox.store.mailbox import Role
from pillarbox.store.mailbox_changes import MailboxChanges, mailbox_changes
from pillarbox.store.placements import Copied
from pillarbox.store.states import State
from pillarbox.world.database import Transaction, ValuesDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, message, octets, open_store, put

FIRST = NumberSet(((1, 1),))


def _many(tx: SqliteTransaction, number: int) -> list[EmailId]:
    arrivals = [Arrival(message(octets(subject=str(one))), "", NOW_MS) for one in range(number)]
    return [done.email_id for done in append_all(tx, ANNA, mailbox(tx), arrivals, now_ms=NOW_MS)]


def _lists(told: Changes | MailboxChanges) -> tuple[list[int], list[int], list[int]]:
    return [*told.created], [*told.updated], [*told.destroyed]


def test_one_change_of_many_emails_is_told_in_parts() -> None:
    with open_store() as tx:
        ids = _many(tx, 100)
        since = before = states.read(tx, ANNA).email
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        told = list[Changes]()
        while not told or told[-1].has_more:
            told.append(email_changes(tx, ANNA, since, most=7))
            assert told[-1].since == since
            since = told[-1].state
        assert [len(part.updated) for part in told] == [7] * 14 + [2]
        assert [email for part in told for email in part.updated] == ids
        assert since == states.read(tx, ANNA).email
        assert told[0].state == State(since.modseq, mailbox(tx), 7)
        # What changes again meanwhile is told once, later
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.REMOVE, flags="\\Seen")
        assert email_changes(tx, ANNA, before, most=7).updated == ids[1:8]
        assert email_changes(tx, ANNA, since, most=7).updated == ids[:1]


def test_only_as_many_flags_are_looked_at_as_may_be() -> None:
    with open_store() as tx:
        ids = _many(tx, 100)
        before = states.read(tx, ANNA)
        for text in ("\\Seen", "\\Flagged"):
            for first in (1, 31, 61):
                uids = NumberSet(((first, first + 29),))
                flags.alter(tx, ANNA, mailbox(tx), uids, mode=Mode.ADD, flags=text)
        for bounds in (Bounds(99, 89, None, in_parts=False), Bounds(99, 29, None, in_parts=True)):
            with pytest.raises(TooMuchChanged):
                email_changes(tx, ANNA, before.email, most=99, bounds=bounds)
        since, updated = before.email, list[int]()
        while (
            told := email_changes(tx, ANNA, since, most=99, bounds=Bounds(99, 50, None, in_parts=True))
        ).has_more:
            assert told.state > since
            since, updated = told.state, [*updated, *told.updated]
        assert [*updated, *told.updated] == ids[:90]
        assert email_changes(tx, ANNA, before.email, most=99).updated == ids[:90]


def test_the_log_is_read_in_parts() -> None:
    """There may be nothing to tell of a part, and yet the state has moved on."""
    with open_store() as tx:
        since, before = (states.read(tx, ANNA).email,) * 2
        for number in range(20):
            mailboxes.subscribe(tx, ANNA, "Nowhere", subscribed=number % 2 == 0)
        done = put(tx)
        with pytest.raises(TooMuchChanged):
            email_changes(tx, ANNA, since, most=5, bounds=Bounds(5, 99, None, in_parts=False))
        while (
            told := email_changes(tx, ANNA, since, most=5, bounds=Bounds(5, 99, None, in_parts=True))
        ).has_more:
            assert _lists(told) == ([], [], [])
            assert told.state > since
            since = told.state
        assert told.since > before
        assert _lists(told) == ([done.email_id], [], [])


def test_a_state_is_not_after_the_last_change_of_its_type() -> None:
    with open_store() as tx:
        put(tx, octets("before"))
        before = states.read(tx, ANNA)
        done = put(tx)
        for number in range(20):
            mailboxes.create(tx, ANNA, f"Box {number}", now_ms=NOW_MS)
        now = states.read(tx, ANNA)
        few = Bounds(9, 99, None, in_parts=True)
        for ask, since, end in (
            (email_changes, before.email, now.email),
            (thread_changes, before.thread, now.thread),
        ):
            told = ask(tx, ANNA, since, most=5, bounds=few)
            assert told == Changes(since, end, False, [done.email_id], [], [])


def test_more_rows_with_one_modseq_than_may_be_looked_at_are_too_much() -> None:
    with open_store() as tx:
        _many(tx, 20)
        before = states.read(tx, ANNA)
        odd = NumberSet.of(range(1, 20, 2))
        placements.expunge(tx, ANNA, mailbox(tx), odd, deleted_only=False)
        few = Bounds(9, 99, None, in_parts=True)
        for ask, since in ((email_changes, before.email), (thread_changes, before.thread)):
            with pytest.raises(TooMuchChanged):
                ask(tx, ANNA, since, most=5, bounds=few)
            assert len(ask(tx, ANNA, since, most=5).destroyed) == 5
        with pytest.raises(TooMuchChanged):
            mailbox_changes(tx, ANNA, before.mailbox, most=5, bounds=few)


@pytest.mark.rfc("8620 §5.2", "SHOULD")
def test_a_draft_that_is_replaced_is_destroyed_for_whoever_has_it() -> None:
    with open_store() as tx:
        none = states.read(tx, ANNA)
        first = put(tx, octets("one"), to="Drafts")
        some = states.read(tx, ANNA)
        arrival = Arrival(message(octets("two")), "", NOW_MS)
        drafts = mailbox(tx, "Drafts")
        second = placements.replace(tx, ANNA, (drafts, first.uid), arrival, to=drafts, now_ms=NOW_MS)
        assert second is not None
        assert _lists(email_changes(tx, ANNA, none.email, most=9)) == ([second.email_id], [], [])
        assert _lists(email_changes(tx, ANNA, some.email, most=9)) == (
            [second.email_id],
            [],
            [first.email_id],
        )
        assert _lists(thread_changes(tx, ANNA, some.thread, most=9)) == (
            [second.thread_id],
            [],
            [first.thread_id],
        )


def test_an_email_that_is_moved_is_updated_wherever_it_goes() -> None:
    with open_store() as tx:
        done = put(tx)
        before = states.read(tx, ANNA)
        for source, to in (("INBOX", "Archive"), ("Archive", "Trash"), ("Trash", "INBOX")):
            placements.move(tx, ANNA, mailbox(tx, source), EVERYTHING, to=mailbox(tx, to), now_ms=NOW_MS)
        for most in (1, 9):
            told = email_changes(tx, ANNA, before.email, most=most)
            assert _lists(told) == ([], [done.email_id], [])
            assert not told.has_more
        assert states.read(tx, ANNA).thread == before.thread
        mailboxes.rename(tx, ANNA, mailbox(tx), "Old", now_ms=NOW_MS)
        assert _lists(email_changes(tx, ANNA, before.email, most=9)) == ([], [done.email_id], [])


def test_an_email_that_leaves_one_of_its_mailboxes_is_updated() -> None:
    with open_store() as tx:
        done = put(tx)
        placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, "Archive"), now_ms=NOW_MS)
        before = states.read(tx, ANNA)
        mailboxes.delete(tx, ANNA, mailbox(tx, "Archive"))
        assert _lists(email_changes(tx, ANNA, before.email, most=9)) == ([], [done.email_id], [])


@pytest.mark.rfc("8621 §4.1.1", "MUST")
def test_deleted_destroys_and_its_end_creates() -> None:
    with open_store() as tx:
        done = put(tx)
        before = states.read(tx, ANNA)
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.ADD, flags="\\Deleted")
        hidden = states.read(tx, ANNA)
        assert _lists(email_changes(tx, ANNA, before.email, most=9)) == ([], [], [done.email_id])
        assert _lists(thread_changes(tx, ANNA, before.thread, most=9)) == ([], [], [done.thread_id])
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.REMOVE, flags="\\Deleted")
        assert _lists(email_changes(tx, ANNA, hidden.email, most=9)) == ([done.email_id], [], [])
        assert _lists(thread_changes(tx, ANNA, hidden.thread, most=9)) == ([done.thread_id], [], [])


def test_what_has_deleted_stays_gone_wherever_it_is_moved() -> None:
    with open_store() as tx:
        done = put(tx)
        before = states.read(tx, ANNA)
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.ADD, flags="\\Deleted")
        placements.move(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, "Trash"), now_ms=NOW_MS)
        assert _lists(email_changes(tx, ANNA, before.email, most=9)) == ([], [], [done.email_id])
        assert _lists(thread_changes(tx, ANNA, before.thread, most=9)) == ([], [], [done.thread_id])


def test_an_email_of_which_only_what_has_deleted_is_left_is_gone() -> None:
    with open_store() as tx:
        done = put(tx)
        placements.copy(tx, ANNA, mailbox(tx), FIRST, to=mailbox(tx, "Trash"), now_ms=NOW_MS)
        flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.ADD, flags="\\Deleted")
        before = states.read(tx, ANNA)
        placements.expunge(tx, ANNA, mailbox(tx, "Trash"), FIRST, deleted_only=False)
        assert _lists(email_changes(tx, ANNA, before.email, most=9)) == ([], [], [done.email_id])
        assert _lists(thread_changes(tx, ANNA, before.thread, most=9)) == ([], [], [done.thread_id])


def test_an_email_that_arrived_is_told_of_once() -> None:
    with open_store() as tx:
        first = put(tx)
        before = states.read(tx, ANNA)
        second = put(tx, flags="\\Seen")
        flags.alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        told = email_changes(tx, ANNA, before.email, most=2)
        assert _lists(told) == ([second.email_id], [first.email_id], [])
        assert not told.has_more


def test_a_copy_is_told_of_when_it_is_finished() -> None:
    with open_store() as tx:
        ids, trash = _many(tx, 3), mailbox(tx, "Trash")
        before = states.read(tx, ANNA)

        def copy(tx: Transaction) -> Copied | None:
            return placements.copy(tx, ANNA, inbox, EVERYTHING, to=trash, now_ms=NOW_MS)

        inbox = mailbox(tx)
        copied = unfinished_copies.copy_part(tx, ANNA, trash, copy, None, now_ms=NOW_MS)
        assert copied is not None
        told = email_changes(tx, ANNA, before.email, most=9)
        assert _lists(told) == ([], [], [])
        flags.alter(tx, ANNA, trash, FIRST, mode=Mode.ADD, flags="\\Seen")
        assert _lists(email_changes(tx, ANNA, before.email, most=9)) == ([], [], [])
        unfinished_copies.finish(tx, ANNA, (copied.modseq, 1))
        for since in (before.email, told.state):
            assert _lists(email_changes(tx, ANNA, since, most=9)) == ([], ids, [])


def test_threads_change_with_their_emails_alone() -> None:
    with open_store() as tx:
        texts = [octets(subject="s", message_id=f"<{one}@x>", references="<0@x>") for one in range(3)]
        before = states.read(tx, ANNA)
        first = put(tx, texts[0])
        began = states.read(tx, ANNA)
        reply = put(tx, texts[1])
        assert _lists(thread_changes(tx, ANNA, before.thread, most=9)) == ([first.thread_id], [], [])
        assert _lists(thread_changes(tx, ANNA, began.thread, most=9)) == ([], [first.thread_id], [])
        replied = states.read(tx, ANNA)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet(((2, 2),)), deleted_only=False)
        assert _lists(thread_changes(tx, ANNA, replied.thread, most=9)) == ([], [first.thread_id], [])
        placements.expunge(tx, ANNA, mailbox(tx), FIRST, deleted_only=False)
        ended = states.read(tx, ANNA)
        assert _lists(thread_changes(tx, ANNA, replied.thread, most=9)) == ([], [], [first.thread_id])
        again = put(tx, texts[2])
        assert again.thread_id == first.thread_id == reply.thread_id
        assert _lists(thread_changes(tx, ANNA, ended.thread, most=9)) == ([first.thread_id], [], [])


COUNTS_ALONE: dict[str, tuple[Callable[[SqliteTransaction], object], bool]] = {
    "mail": (put, True),
    "reading": (
        lambda tx: flags.alter(tx, ANNA, mailbox(tx), FIRST, mode=Mode.ADD, flags="\\Seen"),
        True,
    ),
    "a subscription": (lambda tx: mailboxes.subscribe(tx, ANNA, "INBOX", subscribed=False), False),
}


@pytest.mark.rfc("8621 §2.2", "MUST")
@pytest.mark.parametrize("name", COUNTS_ALONE)
def test_it_is_told_where_nothing_but_counts_changed(name: str) -> None:
    act, is_so = COUNTS_ALONE[name]
    with open_store() as tx:
        put(tx)
        before = states.read(tx, ANNA)
        act(tx)
        told = mailbox_changes(tx, ANNA, before.mailbox, most=9)
        assert _lists(told) == ([], [mailbox(tx)], [])
        assert told.only_counts is is_so


def test_counts_change_in_all_mailboxes_of_a_thread() -> None:
    with open_store() as tx:
        texts = [octets(subject="s", message_id=f"<{one}@x>", references="<0@x>") for one in range(2)]
        put(tx, texts[0], flags="\\Seen", to="Archive")
        before = states.read(tx, ANNA)
        put(tx, texts[1])
        told = mailbox_changes(tx, ANNA, before.mailbox, most=9)
        assert set(told.updated) == {mailbox(tx), mailbox(tx, "Archive")}
        assert told.only_counts


def test_mailboxes_above_and_the_trash_concern_others() -> None:
    with open_store() as tx:
        child = mailboxes.create(tx, ANNA, "Work/2026", now_ms=NOW_MS)
        before = states.read(tx, ANNA)
        mailboxes.delete(tx, ANNA, work := mailbox(tx, "Work"))
        told = mailbox_changes(tx, ANNA, before.mailbox, most=99)
        assert told.destroyed == [work]
        assert child.id in told.updated
        assert not told.only_counts
        before = states.read(tx, ANNA)
        mailboxes.create(tx, ANNA, "Work", now_ms=NOW_MS)
        told = mailbox_changes(tx, ANNA, before.mailbox, most=99)
        assert (told.created, told.updated) == ([mailbox(tx, "Work")], [child.id])
        before = states.read(tx, ANNA)
        mailboxes.set_role(tx, ANNA, child.id, Role.TRASH)
        told = mailbox_changes(tx, ANNA, before.mailbox, most=99)
        assert set(told.updated) == {box.id for box in mailboxes.listing(tx, ANNA)}


def test_many_mailboxes_that_change_at_once_are_told_in_parts() -> None:
    with open_store() as tx:
        for number in range(20):
            mailboxes.create(tx, ANNA, f"Tree/{number}", now_ms=NOW_MS)
        since = states.read(tx, ANNA).mailbox
        mailboxes.rename(tx, ANNA, mailbox(tx, "Tree"), "Wood", now_ms=NOW_MS)
        updated = list[int]()
        while (told := mailbox_changes(tx, ANNA, since, most=4)).has_more:
            assert len(told.updated) == 4
            updated, since = [*updated, *told.updated], told.state
        updated += told.updated
        names = {box.id: box.name for box in mailboxes.listing(tx, ANNA)}
        assert [names[box][:4] for box in updated] == ["Wood"] * 21  # type: ignore[index]


@pytest.mark.parametrize(
    "damage", ["kind = 77", "kind = x'ff'", "first = 'zz'", "modseq = 'zz'", "email = 'zz'"]
)
def test_a_damaged_log_tells_nothing(damage: str) -> None:
    with open_store() as tx:
        before = states.read(tx, ANNA)
        put(tx)
        tx.execute(f"UPDATE changes SET {damage} WHERE kind = 1")
        for ask, since in ((email_changes, before.email), (thread_changes, before.thread)):
            try:
                told = ask(tx, ANNA, since, most=9)
            except (ValuesDamaged, TypeError):  # the latter becomes the former in the database
                continue
            assert told.created == []


def test_runs_without_others_are_cut_whatever_their_size() -> None:
    large = 2**40
    runs = [(large, large + 9), (large + 20, large + 29)]
    cut = [(large - 5, large + 1), (large + 4, large + 5), (large + 9, large + 20), (large + 40, large + 41)]
    assert logged.without(runs, cut) == [
        (large + 2, large + 3),
        (large + 6, large + 8),
        (large + 21, large + 29),
    ]
    assert logged.without(runs, []) == runs
    assert logged.without([], runs) == []
    assert logged.without(runs, [(1, 2**50)]) == []


def test_who_did_not_see_that_a_message_got_deleted_is_told_once_it_is_expunged() -> None:
    """As clients of IMAP without MOVE move a message: COPY, STORE and EXPUNGE, all since the state that is known."""
    with open_store() as tx:
        put(tx)
        email = put(tx).email_id
        second = NumberSet(((2, 2),))
        placements.copy(tx, ANNA, mailbox(tx), second, to=mailbox(tx, "Archive"), now_ms=NOW_MS)
        since = states.read(tx, ANNA).email
        flags.alter(tx, ANNA, mailbox(tx), second, mode=Mode.ADD, flags="\\Deleted")
        placements.expunge(tx, ANNA, mailbox(tx))
        told = email_changes(tx, ANNA, since, most=10)
        assert (told.created, told.updated, told.destroyed) == ([], [email], [])
