"""What JMAP is told of changes against a model of a few lines: from every past state, in answers of every size, the
changes bring a client to what is there now.

The model: a mailbox is a dictionary from UID to (email, flags). A client has emails (their mailboxes and flags),
threads (their emails) and mailboxes (name, role, subscription and counts), and asks for what has changed.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import EmailId, MailboxId, ModSeq, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.store import (
    emails,
    fetch,
    flags,
    logged,
    mailbox_changes,
    mailboxes,
    placements,
    states,
    thread_counts,
    unfinished_copies,
)
from pillarbox.store.append import Arrival, append_all
from pillarbox.store.changes import TooMuchChanged
from pillarbox.store.email_changes import Changes, email_changes, thread_changes
from pillarbox.store.email_set import EmailChange, Outcome, destroy_emails, set_emails
from pillarbox.store.fetch import Column
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox import Role
from pillarbox.store.states import State
from pillarbox.store.thread_counts import CountsCache
from tests.kit.stored_mail import ANNA, NOW_MS, message, octets, open_store

SUBJECTS = ("one", "two")
MESSAGES = [
    message(octets(subject=subject, message_id=f"<{number}@{subject}>", references=f"<0@{subject}>"))
    for subject in SUBJECTS
    for number in range(3)
]
uid_sets = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=2).map(
    NumberSet.of_ranges
)
flag_sets = st.sets(st.sampled_from(["\\Seen", "\\Deleted", "\\Draft", "$Work"])).map(flag_text.canonical)
PARTS = logged.Bounds(8, 6, None, in_parts=True)
"""So little of the log is read together that an id may be said to be updated before it is said to be created."""
boxes = st.integers(0, 7)
"""A mailbox by its place among those that there are."""


@dataclass
class Seen:
    """What a client that has read everything has."""

    states: tuple[State, State, State]
    emails: dict[int, Any]
    threads: dict[int, Any]
    boxes: dict[int, Any]


@dataclass
class Model:
    """What is there."""

    boxes: dict[MailboxId, dict[int, tuple[int, str]]] = field(default_factory=dict)
    threads: dict[int, int] = field(default_factory=dict)
    """Of every email that ever was."""
    unfinished: set[tuple[int, int]] = field(default_factory=set)
    """Mailboxes and UIDs of a copy that is under way."""

    def emails(self) -> dict[int, dict[int, set[str]]]:
        """By email and mailbox, the flags of the messages that can be seen."""
        found: dict[int, dict[tuple[MailboxId, int], set[str]]] = {}
        for box, messages in self.boxes.items():
            for uid, (email, text) in messages.items():
                if "\\Deleted" not in text:
                    found.setdefault(email, {})[box, uid] = {*text.split()}
        shown: dict[int, dict[int, set[str]]] = {}
        for email, places in found.items():
            kept = {key: words for key, words in places.items() if key not in self.unfinished} or places
            for (box, _), words in kept.items():
                shown.setdefault(email, {}).setdefault(box, set()).update(words)
        return shown


class ChangesMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.context = open_store(ANNA)
        self.tx = self.context.__enter__()
        self.model = Model({box.id: {} for box in mailboxes.listing(self.tx, ANNA)})
        for box in [*self.model.boxes][3:]:
            mailboxes.delete(self.tx, ANNA, box)
            del self.model.boxes[box]
        self.cache = CountsCache()
        self.copying: tuple[ModSeq, int] | None = None
        self.copying_to = MailboxId(0)
        self.past: list[Seen] = []
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "context"):
            for number, seen in enumerate(self.past):
                self._catches_up(seen, 1 + number % 3)
                self._catches_up(seen, 99)
            self.context.__exit__(None, None, None)

    def _box(self, place: int) -> MailboxId:
        there = [*self.model.boxes]
        return there[place % len(there)]

    def _there(self, box: MailboxId, uids: NumberSet) -> list[int]:
        return uids.within(sorted(self.model.boxes[box]))

    # --- what happens

    @rule(place=boxes, text=st.integers(0, len(MESSAGES) - 1), flags=flag_sets, number=st.integers(1, 2))
    def append(self, place: int, text: int, flags: str, number: int) -> None:
        box = self._box(place)
        arrivals = [Arrival(MESSAGES[text], flags, NOW_MS)] * number
        for done in append_all(self.tx, ANNA, box, arrivals, now_ms=NOW_MS):
            self.model.boxes[box][done.uid] = done.email_id, flags
            self.model.threads[done.email_id] = done.thread_id

    @rule(place=boxes, to=boxes, uids=uid_sets)
    def copy(self, place: int, to: int, uids: NumberSet) -> None:
        box, target = self._box(place), self._box(to)
        there = self._there(box, uids)
        copied = placements.copy(self.tx, ANNA, box, uids, to=target, now_ms=NOW_MS)
        for uid, new in zip(there, copied.target if copied else (), strict=True):
            self.model.boxes[target][new] = self.model.boxes[box][uid]

    @rule(place=boxes, to=boxes, uids=uid_sets)
    def move(self, place: int, to: int, uids: NumberSet) -> None:
        box, target = self._box(place), self._box(to)
        there = self._there(box, uids)
        copied = placements.move(self.tx, ANNA, box, uids, to=target, now_ms=NOW_MS)
        for uid, new in zip(there, copied.target if copied else (), strict=True):
            self.model.boxes[target][new] = self.model.boxes[box].pop(uid)

    @rule(place=boxes, to=boxes, uids=uid_sets)
    def copy_a_part(self, place: int, to: int, uids: NumberSet) -> None:
        box, target = self._box(place), self._box(to)
        begun = self.copying
        if begun is not None:
            target = self.copying_to
            if target not in self.model.boxes:
                return
        there = self._there(box, uids)
        copied = unfinished_copies.copy_part(
            self.tx,
            ANNA,
            target,
            lambda tx: placements.copy(tx, ANNA, box, uids, to=target, now_ms=NOW_MS),
            begun,
            now_ms=NOW_MS,
        )
        if copied is None:
            return
        self.copying_to = target
        self.copying = (copied.modseq, 1) if begun is None else (begun[0], begun[1] + 1)
        for uid, new in zip(there, copied.target, strict=True):
            self.model.boxes[target][new] = self.model.boxes[box][uid]
            self.model.unfinished.add((target, new))

    @precondition(lambda self: self.copying)
    @rule()
    def finish(self) -> None:
        assert self.copying is not None
        unfinished_copies.finish(self.tx, ANNA, self.copying)
        self.copying = None
        self.model.unfinished.clear()

    @precondition(lambda self: self.copying)
    @rule()
    def give_up(self) -> None:
        assert self.copying is not None
        unfinished_copies.give_up(self.tx, ANNA, self.copying[0])
        while unfinished_copies.sweep(self.tx, now_ms=NOW_MS, limit=2):
            pass
        for box, uid in self.model.unfinished:
            self.model.boxes.get(MailboxId(box), {}).pop(uid, None)
        self.copying = None
        self.model.unfinished.clear()

    @rule(place=boxes, to=boxes, uid=st.integers(1, 6), text=st.integers(0, len(MESSAGES) - 1))
    def replace(self, place: int, to: int, uid: int, text: int) -> None:
        box, target = self._box(place), self._box(to)
        arrival = Arrival(MESSAGES[text], "", NOW_MS)
        done = placements.replace(self.tx, ANNA, (box, Uid(uid)), arrival, to=target, now_ms=NOW_MS)
        if done is not None:
            del self.model.boxes[box][uid]
            self.model.boxes[target][done.uid] = done.email_id, ""
            self.model.threads[done.email_id] = done.thread_id

    @rule(place=boxes, uids=uid_sets, mode=st.sampled_from(Mode), changed=flag_sets)
    def flag(self, place: int, uids: NumberSet, mode: Mode, changed: str) -> None:
        box = self._box(place)
        flags.alter(self.tx, ANNA, box, uids, mode=mode, flags=changed)
        for uid in self._there(box, uids):
            email, old = self.model.boxes[box][uid]
            new = {
                Mode.ADD: flag_text.add(old, changed),
                Mode.REMOVE: flag_text.remove(old, changed),
                Mode.REPLACE: changed,
            }[mode]
            self.model.boxes[box][uid] = email, new

    @rule(place=boxes, uids=uid_sets, deleted_only=st.booleans())
    def expunge(self, place: int, uids: NumberSet, deleted_only: bool) -> None:
        box = self._box(place)
        for uid in placements.expunge(self.tx, ANNA, box, uids, deleted_only=deleted_only).uids:
            del self.model.boxes[box][uid]

    @rule(
        number=st.integers(0, 9),
        into=st.sets(boxes, max_size=2),
        keywords=st.none() | flag_sets.map(lambda text: flag_text.remove(text, "\\Deleted")),
        more=st.integers(1, 3),
    )
    def set_emails(self, number: int, into: set[int], keywords: str | None, more: int) -> None:
        ids = sorted(self.model.threads)[number : number + more]
        wanted = frozenset(map(self._box, into))
        asked = [EmailChange(EmailId(email), mailboxes=wanted, keywords=keywords) for email in ids]
        before, there = self._emails(), states.read(self.tx, ANNA).email
        done = set_emails(self.tx, ANNA, asked, now_ms=NOW_MS)
        for email in ids:
            outcome = done.outcomes[EmailId(email)]
            if email not in before:
                assert outcome is Outcome.NOT_FOUND
            elif not wanted:
                assert outcome is Outcome.IN_NO_MAILBOX
            else:
                text = before[email][1] if keywords is None else keywords
                before[email] = sorted(wanted), text
        self._take_over()
        assert self._emails() == before
        assert states.read(self.tx, ANNA).email == (State(done.modseq) if done.modseq else there)

    @rule(number=st.integers(0, 9), more=st.integers(1, 3))
    def destroy_emails(self, number: int, more: int) -> None:
        ids = [EmailId(email) for email in sorted(self.model.threads)[number : number + more]]
        before = self._emails()
        done = destroy_emails(self.tx, ANNA, ids)
        assert {email for email in ids if done.outcomes[email] is Outcome.CHANGED} == before.keys() & {*ids}
        self._take_over()
        assert self._emails() == {email: there for email, there in before.items() if email not in ids}

    def _take_over(self) -> None:
        """Read messages as IMAP has them: where a client of JMAP has no say."""
        for box, messages in self.model.boxes.items():
            uids = NumberSet(((1, 999),))
            rows = fetch.rows(self.tx, ANNA, box, uids, (Column.EMAIL, Column.FLAGS))
            messages.clear()
            messages.update({uid: (email, text) for uid, email, text in rows})

    @rule(place=boxes, below=st.booleans())
    def create(self, place: int, below: bool) -> None:
        self.made += 1
        above = mailboxes.by_id(self.tx, ANNA, self._box(place)).name
        name = f"{above}/{self.made}" if below else f"made {self.made}/child"
        mailboxes.create(self.tx, ANNA, name, now_ms=NOW_MS)
        self._read_names()

    @rule(place=boxes)
    def rename(self, place: int) -> None:
        self.made += 1
        before = {*self.model.boxes}
        box = self._box(place)
        mailboxes.rename(self.tx, ANNA, box, f"renamed {self.made}", now_ms=NOW_MS)
        self._read_names()
        if mailboxes.by_id(self.tx, ANNA, box).name == "INBOX":
            (made,) = self.model.boxes.keys() - before
            moved = sorted(self.model.boxes[box].items())
            self.model.boxes[made] = dict(enumerate((message for _, message in moved), 1))
            self.model.boxes[box].clear()

    @rule(place=boxes)
    def delete(self, place: int) -> None:
        box = self._box(place)
        if mailboxes.by_id(self.tx, ANNA, box).name != "INBOX":
            mailboxes.delete(self.tx, ANNA, box)
            self._read_names()

    @rule(place=boxes, role=st.sampled_from([Role.TRASH, Role.SENT]))
    def give_role(self, place: int, role: Role) -> None:
        mailboxes.set_role(self.tx, ANNA, self._box(place), role)

    @rule(place=boxes, subscribed=st.booleans())
    def subscribe(self, place: int, subscribed: bool) -> None:
        name = mailboxes.by_id(self.tx, ANNA, self._box(place)).name
        mailboxes.subscribe(self.tx, ANNA, name, subscribed=subscribed)

    @rule(subscribed=st.booleans())
    def subscribe_to_nothing(self, subscribed: bool) -> None:
        mailboxes.subscribe(self.tx, ANNA, "Nowhere", subscribed=subscribed)

    def _read_names(self) -> None:
        there = [box.id for box in mailboxes.listing(self.tx, ANNA)]
        self.model.boxes = {box: self.model.boxes.get(box, {}) for box in sorted(there)}

    # --- what is there

    def _emails(self) -> dict[int, Any]:
        found = self.model.emails()
        return {
            email: (sorted(places), flag_text.canonical(set().union(*places.values())))
            for email, places in found.items()
        }

    def _threads(self) -> dict[int, Any]:
        found: dict[int, list[int]] = {}
        for email in sorted(self.model.emails()):
            found.setdefault(self.model.threads[email], []).append(email)
        return found

    def _mailboxes(self) -> dict[int, Any]:
        listed = mailboxes.listing(self.tx, ANNA)
        ids = {box.name: box.id for box in listed}
        trash = next((box.id for box in listed if box.role is Role.TRASH), None)
        return {
            box.id: (
                (box.name, box.role, box.subscribed, ids.get(box.name.rpartition("/")[0])),
                self._counts(box.id, trash),
            )
            for box in listed
        }

    def _counts(self, box: MailboxId, trash: MailboxId | None) -> tuple[int, int, int, int]:
        """RFC 8621 §2."""
        there = self.model.emails()
        unread = {
            email: places
            for email, places in there.items()
            if not {"\\Seen", "\\Draft"} & set().union(*places.values())
        }
        alike = {
            email: places
            for email, places in unread.items()
            if (trash in places if box == trash else {*places} != {trash})
        }
        threads = {self.model.threads[email] for email, places in there.items() if box in places}
        return (
            sum(box in places for places in there.values()),
            sum(box in places for places in unread.values()),
            len(threads),
            len(threads & {self.model.threads[email] for email in alike}),
        )

    # --- what a client is told

    @invariant()
    def everything_is_as_the_model_says(self) -> None:
        if not hasattr(self, "tx"):
            return
        now = states.read(self.tx, ANNA)
        seen = Seen(now[:3], self._emails(), self._threads(), self._mailboxes())
        assert self._read_emails({*self.model.threads}) == seen.emails
        assert self._read_threads({*self.model.threads.values()}) == seen.threads
        assert self._read_counts() == {box: counts for box, (_, counts) in seen.boxes.items()}
        if self.past:
            before = self.past[-1]
            assert (seen.emails == before.emails) or seen.states[0] > before.states[0]
            assert (seen.boxes == before.boxes) or seen.states[1] > before.states[1]
            assert (seen.threads == before.threads) or seen.states[2] > before.states[2]
            self._catches_up(before, 1)
        self.past.append(seen)

    def _read_emails(self, ids: set[int]) -> dict[int, Any]:
        found = emails.by_id(self.tx, ANNA, ids)  # type: ignore[arg-type]
        return {int(email.id): (sorted(email.mailboxes), email.flags) for email in found.values()}

    def _read_threads(self, ids: set[int]) -> dict[int, Any]:
        found = emails.of_threads(self.tx, ANNA, ids)
        return {thread: [email.id for email in several] for thread, several in found.items()}

    def _read_counts(self) -> dict[int, tuple[int, ...]]:
        known = self.cache.version(ANNA)
        counted = self.cache.take(ANNA, known, thread_counts.read(self.tx, ANNA, known))
        assert counted is not None
        return {box: tuple(counted.of(box)) for box in self.model.boxes}

    def _read_mailboxes(self, ids: set[int]) -> dict[int, Any]:
        return {box: told for box, told in self._mailboxes().items() if box in ids}

    def _catches_up(self, seen: Seen, most: int) -> None:
        """A client that has seen this is brought to what is there now, by answers with at most so many ids."""
        now = states.read(self.tx, ANNA)
        there = self._emails(), self._threads(), self._mailboxes()
        of_emails = self._followed(
            seen.emails, seen.states[0], now.email, most, email_changes, self._read_emails
        )
        assert of_emails == there[0]
        of_threads = self._followed(
            seen.threads, seen.states[2], now.thread, most, thread_changes, self._read_threads
        )
        assert of_threads == there[1]
        of_boxes = self._followed(
            seen.boxes,
            seen.states[1],
            now.mailbox,
            most,
            mailbox_changes.mailbox_changes,
            self._read_mailboxes,
        )
        assert of_boxes == there[2]

    def _followed(
        self,
        known: dict[int, Any],
        since: State,
        now: State,
        most: int,
        ask: Callable[..., Any],
        read: Callable[[set[int]], dict[int, Any]],
    ) -> dict[int, Any]:
        known = dict(known)
        bounds = PARTS if most == 2 else logged.IN_THREAD
        everything = {*self.model.threads, *self.model.threads.values(), *self.model.boxes}
        while True:
            try:
                told: Changes = ask(self.tx, ANNA, since, most=most, bounds=bounds)
            except TooMuchChanged:
                assert bounds is PARTS
                return read(everything)
            ids = [*told.created, *told.updated, *told.destroyed]
            assert len(ids) == len({*ids}) <= most
            assert {*told.updated} <= known.keys() or bounds is PARTS
            assert states.parse(told.state.text) == told.state
            for gone in told.destroyed:
                known.pop(gone, None)
            fresh = read({*told.created, *told.updated})
            if getattr(told, "only_counts", False):
                fresh |= {box: (known[box][0], fresh[box][1]) for box in told.updated if box in known}
            known |= fresh
            for gone in {*told.created, *told.updated} - fresh.keys():
                known.pop(gone, None)
            if not told.has_more:
                assert told.state == now
                return known
            assert told.state > since, "no progress"
            since = told.state


def test_from_every_state_the_changes_lead_to_what_is_there() -> None:
    run_state_machine_as_test(
        ChangesMachine,
        settings=settings(
            max_examples=25,
            stateful_step_count=16,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
