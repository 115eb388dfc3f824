"""Mailboxes in memory say what the tables say."""

import pytest

from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import mailbox_cache, mailboxes, placements
from pillarbox.store.account_counters import NoSuchMailbox
from pillarbox.store.flags import Mode, alter
from pillarbox.store.mailbox_cache import MailboxCache
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, put, store


class _Counting:
    """A transaction that counts its queries."""

    def __init__(self, tx) -> None:
        self._tx = tx
        self.queries = 0

    def __getattr__(self, name):
        self.queries += name in ("row", "rows", "value")
        return getattr(self._tx, name)


def _same(one, other) -> bool:
    return (one.uids, one.flags, one.modseqs, one.modseq, one.uid_next) == (
        other.uids,
        other.flags,
        other.modseqs,
        other.modseq,
        other.uid_next,
    )


def test_a_mailbox_that_did_not_change_costs_one_query() -> None:
    with store() as tx:
        put(tx)
        cache, counting = MailboxCache(), _Counting(tx)
        first = cache.get(tx, ANNA, mailbox(tx))
        assert cache.get(counting, ANNA, MailboxId(1)) is first
        assert counting.queries == 1


def test_every_kind_of_change_is_taken_over() -> None:
    with store() as tx:
        cache = MailboxCache()
        inbox = mailbox(tx)
        for _ in range(5):
            put(tx)
        known = cache.get(tx, ANNA, inbox)
        steps = [
            lambda: put(tx, flags="$Work"),
            lambda: alter(tx, ANNA, inbox, NumberSet.of([2, 4]), mode=Mode.ADD, flags="\\Deleted"),
            lambda: placements.expunge(tx, ANNA, inbox),
            lambda: alter(tx, ANNA, inbox, EVERYTHING, mode=Mode.ADD, flags="\\Seen"),
            lambda: placements.copy(tx, ANNA, inbox, EVERYTHING, to=inbox, now_ms=NOW_MS),
            lambda: placements.move(tx, ANNA, inbox, EVERYTHING, to=inbox, now_ms=NOW_MS),
        ]
        for step in steps:
            step()
            assert cache.get(tx, ANNA, inbox) is known
            assert _same(known, mailbox_cache.load(tx, ANNA, inbox))


def test_what_a_session_was_told_stays_as_it_was() -> None:
    with store() as tx:
        cache = MailboxCache()
        for _ in range(3):
            put(tx)
        told = cache.get(tx, ANNA, mailbox(tx)).uids
        put(tx)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([2]), deleted_only=False)
        now = cache.get(tx, ANNA, mailbox(tx))
        assert list(told) == [1, 2, 3]
        assert list(now.uids) == [1, 3, 4]
        assert now.expunged(told) == [2]
        assert now.expunged(now.uids) == []


def test_a_session_that_missed_only_arrivals_misses_no_expunge() -> None:
    with store() as tx:
        cache = MailboxCache()
        put(tx)
        told = cache.get(tx, ANNA, mailbox(tx)).uids
        put(tx)
        assert cache.get(tx, ANNA, mailbox(tx)).expunged(told) == []


@pytest.mark.parametrize("uids", [EVERYTHING, NumberSet.of([1, 3])])
@pytest.mark.parametrize("flags", ["\\Seen", "\\Flagged", "$Work"])
@pytest.mark.parametrize("mode", list(Mode))
def test_what_alter_did_is_applied_without_reading(mode, flags, uids) -> None:
    with store() as tx:
        for text in ("", "\\Seen", "\\Seen $Work", ""):
            put(tx, flags=text)
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        assert known.apply(alter(tx, ANNA, mailbox(tx), uids, mode=mode, flags=flags))
        assert _same(known, mailbox_cache.load(tx, ANNA, mailbox(tx)))


def test_alter_is_not_applied_over_a_gap() -> None:
    with store() as tx:
        put(tx)
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        put(tx)
        altered = alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        assert not known.apply(altered)
        assert known.flags == [""]


def test_places_and_flag_questions() -> None:
    with store() as tx:
        for flags in ("\\Seen", "\\Seen $Work", "", "$work"):
            put(tx, flags=flags)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([1]), deleted_only=False)
        known = mailbox_cache.load(tx, ANNA, mailbox(tx))
        assert [known.place(uid) for uid in (1, 2, 3, 4, 5)] == [None, 0, 1, 2, None]
        assert known.first_unseen() == 1
        assert known.changed_since(known.modseqs[0]) == [1, 2]
        assert known.changed_since(known.modseq) == []


def test_a_snapshot_stays_as_it_is() -> None:
    with store() as tx:
        put(tx)
        cache = MailboxCache()
        copy = cache.get(tx, ANNA, mailbox(tx)).snapshot()
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        cache.get(tx, ANNA, mailbox(tx))
        assert copy.flags == [""]


def test_the_cache_is_bounded_and_forgets_the_longest_unused() -> None:
    with store() as tx:
        cache = MailboxCache(kept_messages=5)
        for name in ("INBOX", "Sent", "Trash"):
            put(tx, to=name)
            put(tx, to=name)
        inbox, sent, trash = (mailbox(tx, name) for name in ("INBOX", "Sent", "Trash"))
        for box in (inbox, sent, inbox, trash):
            cache.get(tx, ANNA, box)
        assert len(cache) == 2
        assert cache.peek(ANNA, sent) is None
        assert cache.peek(ANNA, inbox) is not None


def test_growth_in_the_cache_counts() -> None:
    with store() as tx:
        cache = MailboxCache(kept_messages=3)
        cache.get(tx, ANNA, mailbox(tx))
        for _ in range(3):
            put(tx)
        put(tx, to="Sent")
        cache.get(tx, ANNA, mailbox(tx))
        cache.get(tx, ANNA, mailbox(tx, "Sent"))
        assert len(cache) == 1


def test_a_deleted_mailbox_is_forgotten() -> None:
    with store() as tx:
        cache = MailboxCache()
        trash = mailbox(tx, "Trash")
        cache.get(tx, ANNA, trash)
        mailboxes.delete(tx, ANNA, trash)
        with pytest.raises(NoSuchMailbox):
            cache.get(tx, ANNA, trash)
        assert len(cache) == 0
        with pytest.raises(NoSuchMailbox):
            cache.get(tx, ANNA, trash)
