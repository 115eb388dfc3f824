"""States of JMAP: their texts, what changes them, and from where on changes are known."""

from collections.abc import Callable

import pytest

from pillarbox.mail.identifiers import ModSeq
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.store import account_counters, flags, mailboxes, placements, states
from pillarbox.store.account_counters import NoSuchAccount
from pillarbox.store.email_changes import email_changes, thread_changes
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox import Role
from pillarbox.store.mailbox_changes import mailbox_changes
from pillarbox.store.states import CannotCalculateChanges, State
from pillarbox.world.database import ValuesDamaged
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, mailbox, octets, open_store, put

Act = Callable[[SqliteTransaction], object]


@pytest.mark.parametrize("state", [State(ModSeq(0)), State(ModSeq(17)), State(ModSeq(17), 0, 2**40)])
def test_a_state_is_read_from_its_text(state: State) -> None:
    assert states.parse(state.text) == state


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "-1",
        "+1",
        "1.2",
        "1.2.3.4",
        "01",
        "1.02.3",
        "²",
        " 1",
        "1 ",
        "9" * 19,
        "9" * 5000,
        "1..3",
        "1.2.",
    ],
)
def test_what_is_no_state_is_none(text: str) -> None:
    assert states.parse(text) is None


def test_a_place_within_a_modseq_is_before_its_end() -> None:
    inside = [State(ModSeq(17), 0, 5), State(ModSeq(17), 3, 1), State(ModSeq(17), 3, 4), State(ModSeq(17))]
    assert sorted(inside, reverse=True) == inside[::-1]
    assert [state.told for state in inside] == [16, 16, 16, 17]


def _flag(mode: Mode, text: str) -> Act:
    return lambda tx: flags.alter(tx, ANNA, mailbox(tx), NumberSet(((1, 1),)), mode=mode, flags=text)


CHANGES: dict[str, tuple[Act, str]] = {
    "an email that arrives": (put, "email mailbox thread"),
    "a keyword": (_flag(Mode.ADD, "$Work"), "email"),
    "a keyword that is there": (_flag(Mode.ADD, "$Old"), ""),
    "reading": (_flag(Mode.ADD, "\\Seen"), "email mailbox"),
    "a draft": (_flag(Mode.ADD, "\\Draft"), "email mailbox"),
    "deleting": (_flag(Mode.ADD, "\\Deleted"), "email mailbox thread"),
    "a copy": (
        lambda tx: placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Sent"), now_ms=NOW_MS),
        "email mailbox",
    ),
    "a move": (
        lambda tx: placements.move(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Sent"), now_ms=NOW_MS),
        "email mailbox",
    ),
    "expunging": (
        lambda tx: placements.expunge(tx, ANNA, mailbox(tx), EVERYTHING, deleted_only=False),
        "email mailbox thread",
    ),
    "expunging nothing": (lambda tx: placements.expunge(tx, ANNA, mailbox(tx), EVERYTHING), ""),
    "a mailbox": (lambda tx: mailboxes.create(tx, ANNA, "New", now_ms=NOW_MS), "mailbox"),
    "another name": (
        lambda tx: mailboxes.rename(tx, ANNA, mailbox(tx, "Sent"), "Gone", now_ms=NOW_MS),
        "mailbox",
    ),
    "an empty mailbox less": (lambda tx: mailboxes.delete(tx, ANNA, mailbox(tx, "Sent")), "mailbox"),
    "a role": (lambda tx: mailboxes.set_role(tx, ANNA, mailbox(tx, "Sent"), Role.ARCHIVE), "mailbox"),
    "a subscription": (lambda tx: mailboxes.subscribe(tx, ANNA, "Sent", subscribed=False), "mailbox"),
    "a subscription that is there": (lambda tx: mailboxes.subscribe(tx, ANNA, "Sent"), ""),
    "a subscription of nothing": (lambda tx: mailboxes.subscribe(tx, ANNA, "Nowhere"), ""),
    "\\Recent": (lambda tx: mailboxes.claim_recent(tx, ANNA, mailbox(tx)), ""),
    "mail of others": (lambda tx: put(tx, account=BOB), ""),
}


@pytest.mark.rfc("8620 §5.1", "MUST")
@pytest.mark.parametrize("name", CHANGES)
def test_a_state_changes_with_its_type_alone(name: str) -> None:
    act, types = CHANGES[name]
    with open_store(ANNA, BOB) as tx:
        put(tx, octets("one"), flags="$Old")
        before = states.read(tx, ANNA)
        act(tx)
        after = states.read(tx, ANNA)
        kinds = ("email", "mailbox", "thread")
        assert [kind for kind in kinds if getattr(before, kind) != getattr(after, kind)] == types.split()
        now = State(account_counters.modseq(tx, ANNA))
        assert all(getattr(after, kind) == now for kind in types.split())


def test_an_email_that_leaves_a_mailbox_is_still_in_its_thread() -> None:
    with open_store() as tx:
        put(tx)
        placements.copy(tx, ANNA, mailbox(tx), EVERYTHING, to=mailbox(tx, "Sent"), now_ms=NOW_MS)
        before = states.read(tx, ANNA)
        placements.expunge(tx, ANNA, mailbox(tx), EVERYTHING, deleted_only=False)
        after = states.read(tx, ANNA)
        assert before.email < after.email
        assert before.thread == after.thread


@pytest.mark.rfc("8620 §5.2", "MUST")
def test_of_states_that_are_not_known_nothing_is_told() -> None:
    with open_store() as tx:
        put(tx)
        tx.execute("UPDATE ledgers SET logged_from = modseq")
        put(tx)
        now = states.read(tx, ANNA).email
        for since in (State(ModSeq(now.modseq + 1)), State(ModSeq(now.modseq - 2)), State(ModSeq(0))):
            for ask in (email_changes, thread_changes, mailbox_changes):
                with pytest.raises(CannotCalculateChanges):
                    ask(tx, ANNA, since, most=9)
        for ask in (email_changes, thread_changes, mailbox_changes):
            ask(tx, ANNA, State(ModSeq(now.modseq - 1)), most=9)


def test_an_account_without_counters_or_with_damaged_ones_has_no_state() -> None:
    with open_store() as tx:
        with pytest.raises(NoSuchAccount):
            states.read(tx, BOB)
        tx.execute("UPDATE ledgers SET thread_modseq = 'zz'")
        with pytest.raises(ValuesDamaged, match="fsck"):
            states.read(tx, ANNA)
