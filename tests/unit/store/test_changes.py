"""The changes of a mailbox since a MODSEQ."""

import pytest

from pillarbox.mail.identifiers import MailboxId, ModSeq
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, changes, mailboxes, placements
from pillarbox.store.flags import Mode, alter
from tests.kit.stored_mail import ANNA, NOW_MS, mailbox, open_store, put


def test_nothing_happened() -> None:
    with open_store() as tx:
        put(tx)
        now = mailboxes.by_id(tx, ANNA, mailbox(tx)).highest_modseq
        put(tx, to="Sent")
        assert changes.since(tx, ANNA, mailbox(tx), now) == changes.Delta(now, NumberSet(), [], [], {})


def test_added_expunged_and_flagged_messages() -> None:
    with open_store() as tx:
        for _ in range(4):
            put(tx)
        then = account_counters.modseq(tx, ANNA)
        flagged = alter(tx, ANNA, mailbox(tx), NumberSet.of([1, 2]), mode=Mode.ADD, flags="\\Deleted")
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([2]))
        came = put(tx, flags="\\Seen")
        alter(tx, ANNA, mailbox(tx), NumberSet.of([came.uid]), mode=Mode.ADD, flags="\\Flagged")
        delta = changes.since(tx, ANNA, mailbox(tx), then)
        assert delta.highest == account_counters.modseq(tx, ANNA)
        assert delta.vanished.text() == "2"
        assert delta.flagged == [(1, "\\Deleted", flagged.modseq)]
        assert delta.appended == [(came.uid, "\\Flagged \\Seen", delta.highest)]


def test_messages_added_and_expunged_meanwhile_are_only_vanished() -> None:
    with open_store() as tx:
        then = account_counters.modseq(tx, ANNA)
        gone = put(tx, flags="\\Deleted")
        placements.expunge(tx, ANNA, mailbox(tx))
        delta = changes.since(tx, ANNA, mailbox(tx), then)
        assert (delta.vanished, delta.appended, delta.flagged) == (NumberSet.of([gone.uid]), [], [])


@pytest.mark.rfc("7162 §3.2.10.1", "MUST")
def test_vanished_reaches_back_to_the_beginning() -> None:
    with open_store() as tx:
        for _ in range(6):
            put(tx)
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([1, 2, 5]), deleted_only=False)
        placements.move(tx, ANNA, mailbox(tx), NumberSet.of([4]), to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        assert changes.vanished(tx, ANNA, mailbox(tx), ModSeq(1)).text() == "1:2,4:5"


def test_many_deliveries_between_two_looks() -> None:
    with open_store() as tx:
        then = account_counters.modseq(tx, ANNA)
        for n in range(50):
            put(tx)
            if n % 2:
                put(tx, to="Sent")
        delta = changes.since(tx, ANNA, mailbox(tx), then)
        assert [uid for uid, _, _ in delta.appended] == list(range(1, 51))


def test_a_mailbox_that_is_not_there_has_no_changes() -> None:
    with open_store() as tx:
        assert changes.since(tx, ANNA, MailboxId(99), ModSeq(1)).vanished == NumberSet()


def test_replaying_the_log_from_the_start_gives_the_mailbox() -> None:
    with open_store() as tx:
        for _ in range(5):
            put(tx)
        alter(tx, ANNA, mailbox(tx), EVERYTHING, mode=Mode.ADD, flags="\\Seen")
        placements.expunge(tx, ANNA, mailbox(tx), NumberSet.of([3]), deleted_only=False)
        delta = changes.since(tx, ANNA, mailbox(tx), ModSeq(0))
        assert [(uid, flags) for uid, flags, _ in delta.appended] == [(n, "\\Seen") for n in (1, 2, 4, 5)]
