"""Emails that are away until a time: what ends that, and how they come back."""

import pytest

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import EmailId, MailboxId
from pillarbox.mail.number_set import EVERYTHING, NumberSet
from pillarbox.mail.snooze import Snooze
from pillarbox.store import (
    account_counters,
    email_changes,
    emails,
    fetch,
    flag_texts,
    flags,
    mailbox_cache,
    mailboxes,
    orphans,
    placements,
    snoozing,
    states,
)
from pillarbox.store.email_set import EmailChange, destroy_emails, set_emails
from pillarbox.store.fetch import Column
from pillarbox.store.flags import Mode
from pillarbox.store.invariants import INVARIANTS
from pillarbox.store.mailbox import Role
from pillarbox.store.snoozing import Due
from pillarbox.world.database.sqlite.transaction import SqliteTransaction
from tests.kit.stored_mail import ANNA, BOB, DAY_MS, NOW_MS, mailbox, octets, open_store, put

LATER_MS = NOW_MS + DAY_MS
ONE = NumberSet(((1, 1),))


def snoozed_box(tx: SqliteTransaction) -> MailboxId:
    found = snoozing.mailbox_of(tx, ANNA)
    return (
        mailboxes.create(tx, ANNA, "Later", role=Role.SNOOZED, now_ms=NOW_MS).id if found is None else found
    )


def snoozed(
    tx: SqliteTransaction, snooze: Snooze | None = None, *, flags: str = "", to: str = "INBOX"
) -> EmailId:
    """A new email that is away until tomorrow."""
    email = put(tx, flags=flags, to=to).email_id
    return snooze_it(tx, email, snooze or Snooze(LATER_MS))


def snooze_it(tx: SqliteTransaction, email: EmailId, snooze: Snooze) -> EmailId:
    box = snoozed_box(tx)
    set_emails(tx, ANNA, [EmailChange(email, mailboxes=frozenset((box,)))], now_ms=NOW_MS)
    assert snoozing.begin(tx, ANNA, email, snooze, mailbox=box)
    return email


def away(tx: SqliteTransaction, email: EmailId) -> Snooze | None:
    found = snoozing.of_emails(tx, emails.by_id(tx, ANNA, [email]).values()).get(email)
    return None if found is None else found.snooze


def sort_time(tx: SqliteTransaction, email: EmailId) -> int | None:
    return snoozing.sort_times(tx, emails.by_id(tx, ANNA, [email]).values()).get(email)


def messages(tx: SqliteTransaction, name: str = "INBOX") -> list[tuple[int, str]]:
    rows = fetch.rows(tx, ANNA, mailbox(tx, name), EVERYTHING, [Column.FLAGS])
    return [(uid, text) for uid, text in rows]


def sound(tx: SqliteTransaction) -> bool:
    others = ("email-is-indexed", "maildrop-lease-values-valid")
    return not [one.name for one in INVARIANTS if one.name not in others and list(one.find(tx))]


def bring_back_all(tx: SqliteTransaction, now_ms: int) -> list[bool]:
    return [
        snoozing.bring_back(tx, one.email, now_ms=now_ms)
        for one in snoozing.due(tx, now_ms=now_ms, limit=100)
    ]


def test_it_comes_back_unread_at_the_end_of_the_inbox() -> None:
    with open_store() as tx:
        email = snoozed(tx, flags="\\Flagged \\Seen work")
        put(tx)
        assert messages(tx, "Later") == [(1, "\\Flagged \\Seen work")]
        assert away(tx, email) is not None
        assert (snoozing.next_due_ms(tx), sort_time(tx, email)) == (LATER_MS, LATER_MS)
        assert bring_back_all(tx, LATER_MS - 1) == []
        assert not snoozing.bring_back(tx, email, now_ms=LATER_MS - 1), "its time has not come"
        before = states.read(tx, ANNA).email
        assert bring_back_all(tx, LATER_MS + 7) == [True]
        assert messages(tx) == [(2, ""), (3, "\\Flagged work")]
        assert messages(tx, "Later") == []
        assert email_changes.email_changes(tx, ANNA, before, most=9).updated == [email]
        assert (away(tx, email), snoozing.next_due_ms(tx)) == (None, None)
        assert sort_time(tx, email) == LATER_MS + 7, "when it came back"
        assert not snoozing.bring_back(tx, email, now_ms=LATER_MS + 8), "it has come back"
        assert sound(tx)


def test_it_comes_back_where_and_as_it_was_asked_for() -> None:
    with open_store() as tx:
        snooze = Snooze(LATER_MS, mailbox(tx, "Archive"), "\\Flagged \\Seen", "work")
        email = snoozed(tx, snooze, flags="\\Answered work")
        found = away(tx, email)
        assert found is not None
        assert (found.until_ms, found.move_to, found.set_flags, found.unset_flags) == (
            LATER_MS,
            mailbox(tx, "Archive"),
            "\\Flagged \\Seen",
            "work",
        )
        assert bring_back_all(tx, LATER_MS) == [True]
        assert messages(tx, "Archive") == [(1, "\\Answered \\Flagged \\Seen")]


def test_other_mailboxes_keep_it_and_it_is_read_nowhere() -> None:
    with open_store() as tx:
        email = snoozed(tx, flags="\\Seen")
        for name in ("Archive", "INBOX"):
            placements.copy(tx, ANNA, snoozed_box(tx), ONE, to=mailbox(tx, name), now_ms=NOW_MS)
        assert messages(tx) == [(2, "\\Seen")]
        put(tx)
        assert bring_back_all(tx, LATER_MS) == [True]
        assert messages(tx, "Archive") == [(1, "")]
        assert messages(tx) == [(3, ""), (4, "")], "it is the last one of the inbox, and was there already"
        assert emails.by_id(tx, ANNA, [email])[email].mailboxes == {mailbox(tx), mailbox(tx, "Archive")}
        assert sound(tx)


def test_where_its_mailbox_is_gone_it_comes_to_the_inbox() -> None:
    with open_store() as tx:
        gone = mailboxes.create(tx, ANNA, "Gone", now_ms=NOW_MS).id
        snoozed(tx, Snooze(LATER_MS, gone))
        snoozed(tx, Snooze(LATER_MS, snoozed_box(tx)))
        mailboxes.delete(tx, ANNA, gone)
        assert bring_back_all(tx, LATER_MS) == [True, True]
        assert [uid for uid, _ in messages(tx)] == [3, 4]


@pytest.mark.parametrize("how", ["move", "expunge", "delete", "set", "destroy", "mailbox"])
def test_whatever_takes_it_away_ends_it(how: str) -> None:
    with open_store() as tx:
        email, box = snoozed(tx), snoozed_box(tx)
        match how:
            case "move":
                placements.move(tx, ANNA, box, ONE, to=mailbox(tx, "Archive"), now_ms=NOW_MS)
                placements.move(tx, ANNA, mailbox(tx, "Archive"), ONE, to=box, now_ms=NOW_MS)
            case "expunge":
                placements.copy(tx, ANNA, box, ONE, to=mailbox(tx), now_ms=NOW_MS)
                placements.expunge(tx, ANNA, box, ONE, deleted_only=False)
            case "delete":
                flags.alter(tx, ANNA, box, ONE, mode=Mode.ADD, flags="\\Deleted")
            case "set":
                change = EmailChange(email, mailboxes=frozenset((mailbox(tx),)))
                set_emails(tx, ANNA, [change], now_ms=NOW_MS)
            case "destroy":
                destroy_emails(tx, ANNA, [email])
            case _:
                mailboxes.delete(tx, ANNA, box)
        assert (away(tx, email), sort_time(tx, email)) == (None, None)
        before = account_counters.modseq(tx, ANNA)
        assert bring_back_all(tx, LATER_MS) == [False]
        assert account_counters.modseq(tx, ANNA) == before, "nothing has changed for anybody"
        assert snoozing.next_due_ms(tx) is None
        assert sound(tx)


def test_a_mark_that_it_is_deleted_can_be_taken_back() -> None:
    with open_store() as tx:
        email, box = snoozed(tx), snoozed_box(tx)
        flags.alter(tx, ANNA, box, ONE, mode=Mode.ADD, flags="\\Deleted")
        assert away(tx, email) is None
        flags.alter(tx, ANNA, box, ONE, mode=Mode.REMOVE, flags="\\Deleted")
        assert away(tx, email) is not None
        assert bring_back_all(tx, LATER_MS) == [True]


def test_renaming_the_mailbox_and_giving_its_role_away_end_nothing() -> None:
    with open_store() as tx:
        email, box = snoozed(tx), snoozed_box(tx)
        mailboxes.rename(tx, ANNA, box, "Tomorrow", now_ms=NOW_MS)
        mailboxes.set_role(tx, ANNA, mailbox(tx, "Archive"), Role.SNOOZED)
        assert away(tx, email) is not None
        assert bring_back_all(tx, LATER_MS) == [True]


def test_another_time_and_an_end_are_changes_of_the_email() -> None:
    with open_store() as tx:
        email, box = snoozed(tx), snoozed_box(tx)
        before = states.read(tx, ANNA)
        assert snoozing.begin(tx, ANNA, email, Snooze(LATER_MS + 5), mailbox=box)
        assert snoozing.next_due_ms(tx) == LATER_MS + 5
        moved = states.read(tx, ANNA)
        assert email_changes.email_changes(tx, ANNA, before.email, most=9).updated == [email]
        snoozing.end(tx, ANNA, email)
        assert away(tx, email) is None
        assert email_changes.email_changes(tx, ANNA, moved.email, most=9).updated == [email]
        snoozing.end(tx, ANNA, email)
        after = states.read(tx, ANNA)
        assert (after.mailbox, after.thread) == (before.mailbox, before.thread)
        assert after.email.modseq == moved.email.modseq + 1, "it had ended already"
        assert sound(tx)


def test_what_is_not_in_the_mailbox_is_not_snoozed() -> None:
    with open_store(ANNA, BOB) as tx:
        email = put(tx).email_id
        assert not snoozing.begin(tx, ANNA, email, Snooze(LATER_MS), mailbox=snoozed_box(tx))
        assert not snoozing.begin(tx, BOB, email, Snooze(LATER_MS), mailbox=mailbox(tx))
        assert snoozing.next_due_ms(tx) is None


def test_what_is_due_comes_in_order_and_goes_on_behind_any() -> None:
    with open_store() as tx:
        second, first, third = (snoozed(tx, Snooze(LATER_MS + number)) for number in (1, 0, 1))
        snoozed(tx, Snooze(LATER_MS + 2))
        wanted = [(LATER_MS, first), (LATER_MS + 1, second), (LATER_MS + 1, third)]
        found: list[Due] = []
        while some := snoozing.due(
            tx, now_ms=LATER_MS + 1, limit=1, after=found[-1] if found else snoozing.FIRST
        ):
            found += some
        assert [(one.until_ms, one.email) for one in found] == wanted


def test_where_there_can_be_no_more_keywords_it_comes_back_with_fewer() -> None:
    with open_store() as tx:
        target = mailbox(tx)
        for octets_of_one, number_of_words in (
            (200, 4),
            (36, 1),
        ):  # as many long sets of keywords as the mailbox may have
            for number in range(10**6):
                words = [f"{number:04}{'x' * octets_of_one}{word}" for word in range(number_of_words)]
                text = flag_text.canonical([*words, "\\Seen"])
                try:
                    flag_texts.check(tx, ANNA, target, [text])
                except flag_text.MailboxFlagsFull:
                    break
                put(tx, octets(str(number)), flags=text)
        email = snoozed(tx, Snooze(LATER_MS, None, "a" * 50), flags="\\Flagged \\Seen work", to="Archive")
        assert bring_back_all(tx, LATER_MS) == [True]
        assert messages(tx)[-1][1] == "\\Flagged work"
        other = snoozed(tx, flags=f"\\Flagged \\Seen {'b' * 50} work", to="Archive")
        assert bring_back_all(tx, LATER_MS) == [True]
        assert messages(tx)[-1][1] == "\\Flagged work"
        assert messages(tx, "Later") == []
        assert emails.by_id(tx, ANNA, [email, other]).keys() == {email, other}
        assert sound(tx)


def test_what_goes_leaves_nothing_behind() -> None:
    with open_store(ANNA, BOB) as tx:
        came, waits = snoozed(tx), snoozed(tx)
        snoozing.bring_back(tx, came, now_ms=LATER_MS)
        destroy_emails(tx, ANNA, [came])
        assert sound(tx)
        orphans.sweep(tx)
        assert tx.rows("SELECT email FROM snoozes") == [(waits,)]
        mailboxes.delete_account(tx, ANNA)
        assert tx.rows("SELECT email FROM snoozes") == []


def test_times() -> None:
    for until_ms, allowed in (
        (NOW_MS - snoozing.PAST_S * 1000 - 1, False),
        (NOW_MS - snoozing.PAST_S * 1000, True),
        (NOW_MS + snoozing.MAX_AWAY_S * 1000, True),
        (NOW_MS + snoozing.MAX_AWAY_S * 1000 + 1, False),
    ):
        assert snoozing.is_allowed(until_ms=until_ms, now_ms=NOW_MS) == allowed


def test_sessions_of_imap_see_ordinary_changes() -> None:
    with open_store() as tx:
        email, box = snoozed(tx), snoozed_box(tx)
        cache = mailbox_cache.MailboxCache()
        for name in ("Later", "INBOX"):
            known = cache.version(ANNA, mailbox(tx, name))
            assert cache.take(
                ANNA, mailbox(tx, name), known, mailbox_cache.read(tx, ANNA, mailbox(tx, name), known)
            )
        snoozing.begin(tx, ANNA, email, Snooze(LATER_MS + 1), mailbox=box)
        snoozing.bring_back(tx, email, now_ms=LATER_MS + 1)
        for name, uids in (("Later", []), ("INBOX", [2])):
            known = cache.version(ANNA, mailbox(tx, name))
            now = cache.take(
                ANNA, mailbox(tx, name), known, mailbox_cache.read(tx, ANNA, mailbox(tx, name), known)
            )
            assert now is not None
            assert list(now.uids) == uids
