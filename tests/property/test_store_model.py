"""The store against a model of a few lines: whatever is done in whatever order, both say the same.

The model: a mailbox is a dictionary from UID to (text, flags), and a UID never comes twice.
"""

from dataclasses import dataclass, field

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    MultipleResults,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)

from pillarbox.mail import flags as flag_text
from pillarbox.mail.identifiers import EmailId, MailboxId, ModSeq, Uid
from pillarbox.mail.number_set import NumberSet
from pillarbox.mail.query import Body, Flag
from pillarbox.store import (
    account_counters,
    changes,
    fetch,
    flags,
    mailbox_cache,
    mailboxes,
    orphans,
    placements,
)
from pillarbox.store.append import Arrival, append
from pillarbox.store.fetch import Column
from pillarbox.store.flags import Mode
from pillarbox.store.mailbox_cache import MailboxCache
from pillarbox.store.search import evaluate, feeding
from pillarbox.world import blobs
from pillarbox.world.blobs import DatabaseBlobs
from tests.kit.stored_mail import ANNA, BOB, NOW_MS, current, message, octets, open_store, put

TEXTS = [octets(f"{word} " * repeat) for repeat, word in enumerate(("alpha", "beta", "gamma"), 3)]
MESSAGES = [message(text) for text in TEXTS]
BLOBS = DatabaseBlobs()
BOBS_LEDGER = "SELECT modseq, octets, messages, last_email FROM ledgers WHERE account = ?"

uid_sets = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 12)), min_size=1, max_size=3).map(
    NumberSet.of_ranges
)
flag_sets = st.sets(st.sampled_from(["\\Seen", "\\Deleted", "$Work", "$Home"])).map(flag_text.canonical)


@dataclass
class Model:
    """A mailbox."""

    name: str
    messages: dict[int, tuple[int, str]] = field(default_factory=dict)
    """UID -> number of the text, flags."""
    next: int = 1

    def add(self, text: int, flags: str) -> None:
        self.messages[self.next] = text, flags
        self.next += 1


class StoreMachine(RuleBasedStateMachine):
    boxes = Bundle("boxes")

    @initialize(target=boxes)
    def begin(self) -> MultipleResults[MailboxId]:
        self.context = open_store(ANNA, BOB)
        self.tx = self.context.__enter__()
        put(self.tx, TEXTS[0], account=BOB)
        self.bobs = self.tx.rows(BOBS_LEDGER, (BOB,))
        self.cache = MailboxCache(max_weight=10)
        self.model = {box.id: Model(box.name) for box in mailboxes.listing(self.tx, ANNA)}
        self.emails: dict[EmailId, int] = {}  # email id -> number of the text, while it is anywhere
        self.modseq = account_counters.modseq(self.tx, ANNA)
        self.replayed: dict[MailboxId, tuple[ModSeq, dict[int, str]]] = {}
        return multiple(*[box for box, model in self.model.items() if model.name in ("INBOX", "Sent")])

    def teardown(self) -> None:
        if hasattr(self, "context"):
            self.context.__exit__(None, None, None)

    @rule(box=boxes, text=st.integers(0, 2), flags=flag_sets)
    def append(self, box: MailboxId, text: int, flags: str) -> None:
        done = append(self.tx, ANNA, box, MESSAGES[text], flags=flags, received_at_ms=NOW_MS, now_ms=NOW_MS)
        assert done.uid == self.model[box].next
        assert done.email_id not in self.emails
        self.emails[done.email_id] = text
        self.model[box].add(text, flags)

    @rule(box=boxes, to=boxes, uids=uid_sets)
    def copy(self, box: MailboxId, to: MailboxId, uids: NumberSet) -> None:
        there = uids.within(sorted(self.model[box].messages))
        copied = placements.copy(self.tx, ANNA, box, uids, to=to, now_ms=NOW_MS)
        assert (list(copied.source) if copied else []) == there
        for uid in there:
            self.model[to].add(*self.model[box].messages[uid])

    @rule(box=boxes, to=boxes, uids=uid_sets)
    def move(self, box: MailboxId, to: MailboxId, uids: NumberSet) -> None:
        there = uids.within(sorted(self.model[box].messages))
        moved = placements.move(self.tx, ANNA, box, uids, to=to, now_ms=NOW_MS)
        assert (list(moved.source) if moved else []) == there
        for uid in there:
            self.model[to].add(*self.model[box].messages.pop(uid))

    @rule(box=boxes, to=boxes, uid=st.integers(1, 12), text=st.integers(0, 2), flags=flag_sets)
    def replace(self, box: MailboxId, to: MailboxId, uid: int, text: int, flags: str) -> None:
        arrival = Arrival(MESSAGES[text], flags, NOW_MS)
        done = placements.replace(self.tx, ANNA, (box, Uid(uid)), arrival, to=to, now_ms=NOW_MS)
        assert (done is not None) == (uid in self.model[box].messages)
        if done is not None:
            self.emails[done.email_id] = text
            del self.model[box].messages[uid]
            self.model[to].add(text, flags)

    @rule(box=boxes, uids=uid_sets, mode=st.sampled_from(Mode), changed=flag_sets)
    def flag(self, box: MailboxId, uids: NumberSet, mode: Mode, changed: str) -> None:
        known = current(self.cache, self.tx, box)
        altered = flags.alter(self.tx, ANNA, box, uids, mode=mode, flags=changed)
        assert known.apply(altered)
        for uid in uids.within(sorted(self.model[box].messages)):
            text, old = self.model[box].messages[uid]
            new = {
                Mode.ADD: flag_text.add(old, changed),
                Mode.REMOVE: flag_text.remove(old, changed),
                Mode.REPLACE: changed,
            }[mode]
            self.model[box].messages[uid] = text, new

    @rule(box=boxes, uids=uid_sets, deleted_only=st.booleans())
    def expunge(self, box: MailboxId, uids: NumberSet, deleted_only: bool) -> None:
        gone = [
            uid
            for uid in uids.within(sorted(self.model[box].messages))
            if not deleted_only or "\\Deleted" in self.model[box].messages[uid][1]
        ]
        done = placements.expunge(self.tx, ANNA, box, uids, deleted_only=deleted_only)
        assert list(done.uids) == gone
        for uid in gone:
            del self.model[box].messages[uid]

    @rule(target=boxes, number=st.integers(0, 99))
    def create(self, number: int) -> MailboxId | MultipleResults[MailboxId]:
        name = f"made {number}"
        if name in {model.name for model in self.model.values()}:
            return multiple()
        box = mailboxes.create(self.tx, ANNA, name, now_ms=NOW_MS).id
        assert box not in self.model
        self.model[box] = Model(name)
        return box

    @rule(box=boxes, number=st.integers(100, 199))
    def rename(self, box: MailboxId, number: int) -> None:
        name = f"renamed {number}"
        if name in {model.name for model in self.model.values()}:
            return
        mailboxes.rename(self.tx, ANNA, box, name, now_ms=NOW_MS)
        if self.model[box].name != "INBOX":
            self.model[box].name = name
            return
        made = mailboxes.by_name(self.tx, ANNA, name).id
        self.model[made] = Model(name)
        for uid in sorted(self.model[box].messages):
            self.model[made].add(*self.model[box].messages.pop(uid))

    @rule(target=boxes, box=consumes(boxes))
    def delete(self, box: MailboxId) -> MailboxId | MultipleResults[MailboxId]:
        if self.model[box].name == "INBOX":
            return box
        mailboxes.delete(self.tx, ANNA, box)
        del self.model[box]
        self.replayed.pop(box, None)
        return multiple()

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit: int) -> None:
        orphans.sweep(self.tx, limit)

    @rule(limit=st.integers(1, 3))
    def feed(self, limit: int) -> None:
        attempt = feeding.begin(self.tx, limit)
        while attempt and (batch := feeding.gather(self.tx, BLOBS, attempt, limit)):
            feeding.feed(self.tx, batch)

    @invariant()
    def mailboxes_hold_what_the_model_holds(self) -> None:
        if not hasattr(self, "tx"):
            return
        for box, model in self.model.items():
            rows = fetch.rows(self.tx, ANNA, box, NumberSet(((1, 999),)), (Column.FLAGS, Column.EMAIL))
            assert [(uid, (self.emails[email], flags)) for uid, flags, email in rows] == sorted(
                model.messages.items()
            )
            found = mailboxes.by_id(self.tx, ANNA, box)
            texts = [flags for _, flags in model.messages.values()]
            assert (found.name, found.uid_next, found.messages) == (model.name, model.next, len(texts))
            assert found.unseen == sum("\\Seen" not in flags for flags in texts)
            assert found.deleted == sum("\\Deleted" in flags for flags in texts)
            assert found.octets == sum(len(TEXTS[text]) for text, _ in model.messages.values())

    @invariant()
    def modseq_never_falls(self) -> None:
        if not hasattr(self, "tx"):
            return
        now = account_counters.modseq(self.tx, ANNA)
        assert now >= self.modseq
        self.modseq = now

    @invariant()
    def quota_equals_the_sum(self) -> None:
        if not hasattr(self, "tx"):
            return
        alive = {
            email for (email,) in self.tx.rows("SELECT email FROM placements WHERE account = ?", (ANNA,))
        }
        octets_alive = sum(len(TEXTS[self.emails[email]]) for email in alive)
        assert account_counters.usage(self.tx, ANNA) == account_counters.Usage(octets_alive, len(alive))

    @invariant()
    def replaying_the_log_gives_the_mailboxes(self) -> None:
        if not hasattr(self, "tx"):
            return
        for box, model in self.model.items():
            since, replay = self.replayed.get(box, (ModSeq(0), {}))
            delta = changes.since(self.tx, ANNA, box, since)
            for uid in delta.vanished:
                replay.pop(uid, None)
            replay.update({uid: flags for uid, flags, _ in delta.appended + delta.flagged})
            assert replay == {uid: flags for uid, (_, flags) in model.messages.items()}
            self.replayed[box] = delta.highest, replay

    @invariant()
    def cached_mailboxes_match_the_tables(self) -> None:
        if not hasattr(self, "tx"):
            return
        for box in self.model:
            known, fresh = current(self.cache, self.tx, box), mailbox_cache.load(self.tx, ANNA, box)
            assert (known.uids, known.flags, known.modseqs) == (fresh.uids, fresh.flags, fresh.modseqs)
            assert (known.modseq, known.uid_next) == (fresh.modseq, fresh.uid_next)

    @invariant()
    def searches_are_exact(self) -> None:
        if not hasattr(self, "tx"):
            return
        for box, model in self.model.items():
            known = current(self.cache, self.tx, box)
            for text, word in enumerate(("ALPHA", "eta", "gamma")):
                wanted = [uid for uid, (own, _) in sorted(model.messages.items()) if own == text]
                found = evaluate(self.tx, BLOBS, known, Body(word), now_ms=NOW_MS, index_from_messages=1)
                assert found.tolist() == wanted
            wanted = [uid for uid, (_, flags) in sorted(model.messages.items()) if "$Work" in flags]
            assert evaluate(self.tx, BLOBS, known, Flag("$work"), now_ms=NOW_MS).tolist() == wanted

    @invariant()
    def blobs_are_counted_and_nobody_else_is_touched(self) -> None:
        if not hasattr(self, "tx"):
            return
        assert self.tx.rows(BOBS_LEDGER, (BOB,)) == self.bobs
        used = dict(self.tx.rows("SELECT blob, count(*) FROM emails GROUP BY blob"))
        assert dict(self.tx.rows("SELECT digest, uses FROM blobs")) == used
        placed = {email for (email,) in self.tx.rows("SELECT email FROM placements")}
        orphaned = {email for (email,) in self.tx.rows("SELECT email FROM orphans")}
        kept = {email for (email,) in self.tx.rows("SELECT id FROM emails")}
        assert kept == placed | orphaned
        assert not placed & orphaned


def test_the_store_and_the_model_agree() -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=40,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_the_model_uses_one_blob_for_a_text() -> None:
    assert len({blobs.prepare(text).blob.digest for text in TEXTS}) == len(TEXTS)
