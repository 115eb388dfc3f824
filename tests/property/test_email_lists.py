"""Lists of emails that are kept current against lists that are made anew, by a model of a few lines."""

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import MailboxId
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.snooze import Snooze
from pillarbox.store import account_counters, emails, flags, mailboxes, placements, snoozing
from pillarbox.store.append import append
from pillarbox.store.emails import Email
from pillarbox.store.flags import Mode
from pillarbox.store.listing import filters as f
from pillarbox.store.listing.account import placing_of
from pillarbox.store.listing.current import Kept, ListingCache, read
from pillarbox.store.listing.evaluation import has_flag
from pillarbox.store.listing.filters import Filter
from pillarbox.store.listing.lists import NEWEST_FIRST, By, EmailList, Order, Orders
from pillarbox.store.listing.making import ids, make
from pillarbox.store.search.text import go_on
from tests.kit.stored_mail import ANNA, NOW_MS, message, octets, open_store

MESSAGES = [
    message(
        octets("x" * 40 * number, subject=subject, message_id=f"<{number}@{subject}>", references="<0@x>")
    )
    for subject in ("one", "two")
    for number in range(3)
]
FLAGS = ("\\Seen", "\\Flagged", "$Work")
flag_sets = st.sets(st.sampled_from((*FLAGS, "\\Deleted"))).map(flag_text.canonical)
uid_sets = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=2).map(
    NumberSet.of_ranges
)
boxes = st.integers(0, 2)
has = st.sampled_from(FLAGS)
leaves: st.SearchStrategy[Filter] = st.one_of(
    st.integers(1, 3).map(lambda box: f.InMailbox(MailboxId(box))),
    st.sets(st.integers(1, 3), max_size=2).map(lambda some: f.InOthers(frozenset(map(MailboxId, some)))),
    st.integers(NOW_MS - 3, NOW_MS + 3).map(f.ReceivedBefore),
    st.integers(0, 400).map(f.Smaller),
    has.map(f.HasFlag),
    st.builds(f.ThreadHasFlag, has, st.sampled_from(f.InThread)),
)
filters: st.SearchStrategy[Filter] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda some: f.All(tuple(some))),
        st.lists(inner, max_size=3).map(lambda some: f.Any(tuple(some))),
        inner.map(f.Not),
    ),
    max_leaves=4,
)
one_order = st.one_of(
    st.builds(Order, st.sampled_from((By.RECEIVED, By.SIZE, By.SNOOZED)), st.booleans()),
    st.builds(Order, st.just(By.FLAG), st.booleans(), has.map(f.HasFlag)),
    st.builds(
        Order,
        st.just(By.THREAD_FLAG),
        st.booleans(),
        st.builds(f.ThreadHasFlag, has, st.sampled_from(f.InThread)),
    ),
)
several_orders: st.SearchStrategy[Orders] = st.lists(one_order, min_size=1, max_size=2).map(tuple)


def matches(wanted: Filter, email: Email, all_emails: dict[int, Email]) -> bool:
    match wanted:
        case f.All(some):
            return all(matches(one, email, all_emails) for one in some)
        case f.Any(some):
            return any(matches(one, email, all_emails) for one in some)
        case f.Not(one):
            return not matches(one, email, all_emails)
        case f.InMailbox(box):
            return box in email.mailboxes
        case f.InOthers(some_boxes):
            return bool(email.mailboxes - some_boxes)
        case f.ReceivedBefore(at_ms):
            return email.received_at_ms < at_ms
        case f.Smaller(size):
            return email.size < size
        case f.HasFlag(flag):
            return has_flag(placing_of(email), flag)
        case f.ThreadHasFlag(flag, emails_of_it):
            found = [
                has_flag(placing_of(one), flag) for one in all_emails.values() if one.thread == email.thread
            ]
            return all(found) if emails_of_it is f.InThread.ALL else any(found)
        case _:
            raise AssertionError(wanted)


def value(order: Order, email: Email, all_emails: dict[int, Email]) -> Any:
    if order.by is By.RECEIVED:
        return email.received_at_ms
    if order.by is By.SIZE:
        return email.size
    assert order.flag is not None
    return matches(order.flag, email, all_emails)


class ListsMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.context = open_store(ANNA)
        self.tx = self.context.__enter__()
        for box in mailboxes.listing(self.tx, ANNA)[3:]:
            mailboxes.delete(self.tx, ANNA, box.id)
        self.boxes = [box.id for box in mailboxes.listing(self.tx, ANNA)]
        self.cache = ListingCache()

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)

    @rule(number=st.integers(0, len(MESSAGES) - 1), box=boxes, text=flag_sets, at=st.integers(-2, 2))
    def arrives(self, number: int, box: int, text: str, at: int) -> None:
        append(
            self.tx,
            ANNA,
            self.boxes[box],
            MESSAGES[number],
            flags=text,
            received_at_ms=NOW_MS + at,
            now_ms=NOW_MS,
        )

    @rule(box=boxes, uids=uid_sets, text=flag_sets, mode=st.sampled_from(Mode))
    def flagged(self, box: int, uids: NumberSet, text: str, mode: Mode) -> None:
        flags.alter(self.tx, ANNA, self.boxes[box], uids, mode=mode, flags=text)

    @rule(box=boxes, uids=uid_sets, deleted_only=st.booleans())
    def expunged(self, box: int, uids: NumberSet, deleted_only: bool) -> None:
        placements.expunge(self.tx, ANNA, self.boxes[box], uids, deleted_only=deleted_only)

    @rule(box=boxes, to=boxes, uids=uid_sets)
    def copied(self, box: int, to: int, uids: NumberSet) -> None:
        placements.copy(self.tx, ANNA, self.boxes[box], uids, to=self.boxes[to], now_ms=NOW_MS)

    @rule(box=boxes, to=boxes, uids=uid_sets)
    def moved(self, box: int, to: int, uids: NumberSet) -> None:
        if box != to:
            placements.move(self.tx, ANNA, self.boxes[box], uids, to=self.boxes[to], now_ms=NOW_MS)

    @rule(box=boxes, uid=st.integers(1, 6), until=st.integers(-3, 3))
    def snoozed(self, box: int, uid: int, until: int) -> None:
        for _, email, _ in emails.placed_in(self.tx, ANNA, self.boxes[box], NumberSet.of([uid])):
            snoozing.begin(self.tx, ANNA, email, Snooze(NOW_MS + until), mailbox=self.boxes[box])

    @rule(now=st.integers(-3, 3), limit=st.integers(1, 2))
    def time_passes(self, now: int, limit: int) -> None:
        for one in snoozing.due(self.tx, now_ms=NOW_MS + now, limit=limit):
            snoozing.bring_back(self.tx, one.email, now_ms=NOW_MS + now)

    @rule(wanted=filters, orders=several_orders)
    def asked(self, wanted: Filter, orders: Orders) -> None:
        kept = self.current()
        found = kept.lists.get(wanted, orders)
        if found is None:
            found = make(kept.listed, wanted, orders, pause=go_on)
            kept.lists.add(found)
        self.check(kept, found)

    @invariant()
    def kept_lists_are_true(self) -> None:
        if hasattr(self, "cache"):
            kept = self.current()
            for found in list(kept.lists._kept.values()):
                self.check(kept, found)

    def current(self) -> Kept:
        for _ in range(2):
            known = self.cache.version(ANNA)
            kept = self.cache.take(ANNA, known, read(self.tx, ANNA, known))
            if kept is not None:
                return kept
        raise AssertionError("read twice")

    def value(self, order: Order, email: Email, all_emails: dict[int, Email]) -> Any:
        if order.by is not By.SNOOZED:
            return value(order, email, all_emails)
        row = self.tx.row(
            "SELECT until_ms, is_waiting, mailbox, uid FROM snoozes WHERE email = ?", (email.id,)
        )
        is_away = row is not None and (row[2], row[3]) in {(one.mailbox, one.uid) for one in email.placed}
        return row[0] if row is not None and (is_away or not row[1]) else email.received_at_ms

    def check(self, kept: Kept, found: EmailList) -> None:
        first, last = account_counters.email_bounds(ANNA)
        rows = self.tx.rows(
            "SELECT DISTINCT email FROM placements WHERE email BETWEEN ? AND ?", (first, last)
        )
        there = emails.by_id(self.tx, ANNA, [email for (email,) in rows])
        everyone = {int(key): email for key, email in there.items()}
        wanted = [email for email in everyone.values() if matches(found.filter, email, everyone)]
        wanted.sort(key=lambda email: (email.received_at_ms, email.id))
        if found.orders[0].by is By.RECEIVED:
            wanted.sort(
                key=lambda email: (email.received_at_ms, email.id), reverse=found.orders[0].descending
            )
        elif len(found.orders) == 1 and found.orders[0].by is By.SIZE:
            key = [lambda email: (email.size, email.received_at_ms, email.id)]
            wanted.sort(key=key[0], reverse=found.orders[0].descending)
        else:
            for order in reversed(found.orders):
                wanted.sort(key=lambda email: self.value(order, email, everyone), reverse=order.descending)
        assert ids(kept.listed, found.places) == [email.id for email in wanted]
        once = {email.thread: email.id for email in reversed(wanted)}
        firsts = [email.id for email in wanted if once[email.thread] == email.id]
        for number in (0, 1, None):
            part = ids(kept.listed, found.first_of_threads(kept.listed, number))
            assert part[: len(firsts) if number is None else number] == firsts[:number]


def test_lists_and_the_model_agree() -> None:
    run_state_machine_as_test(
        ListsMachine,
        settings=settings(
            max_examples=60,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_the_newest_come_first_unless_asked_otherwise() -> None:
    assert (Order(By.RECEIVED, descending=True),) == NEWEST_FIRST
