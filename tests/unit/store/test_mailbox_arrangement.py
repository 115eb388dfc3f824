"""Names, roles, orders and subscriptions of many mailboxes at once, and what the log tells of them afterwards."""

from typing import Any

import pytest

from pillarbox.mail.identifiers import MailboxId, ModSeq
from pillarbox.store import (
    account_counters,
    append,
    changes,
    mailbox_arrangement,
    mailbox_history,
    mailboxes,
    states,
    thread_ids,
)
from pillarbox.store.changes import ChangeKind
from pillarbox.store.mailbox import Role
from pillarbox.store.mailbox_history import MailboxHistory
from pillarbox.store.states import CannotCalculateChanges, State
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, message, octets, open_store


def test_names_go_round() -> None:
    with open_store() as tx:
        made = [mailboxes.create(tx, ANNA, name, now_ms=NOW_MS).id for name in ("a", "b", "c")]
        before = account_counters.modseq(tx, ANNA)
        mailbox_arrangement.rename(tx, ANNA, dict(zip(made, ("b", "c", "a"), strict=True)))
        assert [mailbox(tx, name) for name in ("b", "c", "a")] == made
        log = changes.log(tx, ANNA, before)
        assert {(change.modseq, change.kind) for change in log} == {(before + 1, ChangeKind.MAILBOX_RENAMED)}
        assert [change.mailbox for change in log] == made


def test_what_gets_a_mailbox_above_it_has_changed() -> None:
    with open_store() as tx:
        deep = mailboxes.create(tx, ANNA, "w/x/y", now_ms=NOW_MS).id
        mailboxes.delete(tx, ANNA, mailbox(tx, "w"))
        other = mailboxes.create(tx, ANNA, "other", now_ms=NOW_MS).id
        before = account_counters.modseq(tx, ANNA)
        mailbox_arrangement.rename(tx, ANNA, {other: "w"})
        changed = {change.mailbox for change in changes.log(tx, ANNA, before)}
        assert changed == {other, mailbox(tx, "w/x"), deep}


def test_nothing_to_do_is_no_change() -> None:
    with open_store() as tx:
        before = account_counters.modseq(tx, ANNA)
        mailbox_arrangement.rename(tx, ANNA, {})
        mailbox_arrangement.set_roles(tx, ANNA, {})
        mailbox_arrangement.set_sort_orders(tx, ANNA, {})
        mailbox_arrangement.set_subscriptions(tx, ANNA, {})
        assert account_counters.modseq(tx, ANNA) == before


def test_roles_orders_and_subscriptions() -> None:
    with open_store() as tx:
        sent, junk = mailbox(tx, "Sent"), mailbox(tx, "Junk")
        before = account_counters.modseq(tx, ANNA)
        mailbox_arrangement.set_roles(tx, ANNA, {sent: Role.JUNK, junk: None})
        mailbox_arrangement.set_sort_orders(tx, ANNA, {sent: 5, junk: 0})
        mailbox_arrangement.set_subscriptions(tx, ANNA, {"Sent": False, "nobody's": True, "other's": True})
        found = {box.id: box for box in mailboxes.listing(tx, ANNA)}
        assert (found[sent].role, found[sent].sort_order, found[sent].subscribed) == (Role.JUNK, 5, False)
        assert (found[junk].role, found[junk].sort_order, found[junk].subscribed) == (None, 0, True)
        kinds = [(change.kind, change.mailbox) for change in changes.log(tx, ANNA, before)]
        assert kinds == [
            (ChangeKind.MAILBOX_ROLE, sent),
            (ChangeKind.MAILBOX_ROLE, junk),
            (ChangeKind.MAILBOX_RENAMED, sent),
            (ChangeKind.MAILBOX_RENAMED, junk),
            (ChangeKind.SUBSCRIBED, changes.NO_MAILBOX),
            (ChangeKind.SUBSCRIBED, sent),
        ]
        mailbox_arrangement.set_sort_orders(tx, ANNA, {sent: None})
        assert mailboxes.by_id(tx, ANNA, sent).sort_order is None


def _history(tx: Any, since: State) -> MailboxHistory:
    return mailbox_history.history(tx, ANNA, since)


def test_history_is_of_mailboxes_and_those_below_them() -> None:
    with open_store() as tx:
        for name in ("a/b/c", "z"):
            mailboxes.create(tx, ANNA, name, now_ms=NOW_MS)
        a, b, c, z = (mailbox(tx, name) for name in ("a", "a/b", "a/b/c", "z"))
        since = states.read(tx, ANNA).mailbox
        assert _history(tx, since) == MailboxHistory(set(), set(), set())
        append.append(tx, ANNA, z, message(), flags="", received_at_ms=0, now_ms=0)
        assert _history(tx, since).changed == set(), "counts are no part of it"
        mailboxes.subscribe(tx, ANNA, "a")
        assert _history(tx, since).changed == {a, b, c}
        mailboxes.subscribe(tx, ANNA, "a/b/none")
        since = states.read(tx, ANNA).mailbox
        mailboxes.delete(tx, ANNA, b)
        assert _history(tx, since) == MailboxHistory(set(), {c}, {b})
        new = mailboxes.create(tx, ANNA, "a/b", now_ms=NOW_MS).id
        assert _history(tx, since) == MailboxHistory({new}, {new, c}, {b})


def test_history_of_states_that_were_never_given() -> None:
    with open_store() as tx:
        for state in (State(ModSeq(99)), State(ModSeq(0))):
            with pytest.raises(CannotCalculateChanges):
                _history(tx, state)


def test_threads_of_an_account() -> None:
    with open_store(ANNA, BOB) as tx:
        threads = []
        for number, subject in enumerate(("s", "t", "t")):
            text = octets(subject=subject, message_id=f"<{number}@x>", references="<r@x>")
            box = mailbox(tx)
            done = append.append(tx, ANNA, box, message(text), flags="", received_at_ms=0, now_ms=0)
            threads.append(done.thread_id)
        s, t, also_t = threads
        assert t == also_t
        assert thread_ids.first(tx, ANNA, 9) == [s, t]
        assert thread_ids.first(tx, ANNA, 1) == [s]
        assert thread_ids.first(tx, BOB, 9) == []


def test_a_rename_by_imap_is_a_change_of_all_below_the_new_name() -> None:
    with open_store() as tx:
        mailboxes.create(tx, ANNA, "w/x", now_ms=NOW_MS)
        mailboxes.delete(tx, ANNA, mailbox(tx, "w"))
        other: MailboxId = mailboxes.create(tx, ANNA, "other", now_ms=NOW_MS).id
        before = account_counters.modseq(tx, ANNA)
        mailboxes.rename(tx, ANNA, other, "w", now_ms=NOW_MS)
        assert {change.mailbox for change in changes.log(tx, ANNA, before)} == {other, mailbox(tx, "w/x")}
