"""The session's view of a mailbox: numbers to messages, and what is sent when, in which order."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pillarbox.mail.long_array import LongArray, UidArray
from pillarbox.mail.number_set import EMPTY, STAR, NumberSet
from pillarbox.mail.query import (
    NOTHING,
    All,
    And,
    Flag,
    Not,
    Or,
    Query,
    Recent,
    SavedResult,
    Sequence,
    Uids,
    UidsWithStar,
)
from pillarbox.protocol.imap.selected import NoSuchMessage, SelectedMailbox, UpdateOptions
from pillarbox.protocol.imap.sequence_set import SequenceSet
from tests.kit.imap.dialogue import view
from tests.kit.imap.responses import Data, Fetched, Numbered, read_responses

ALL_MESSAGES = SequenceSet(NumberSet(((1, STAR),)))
ALWAYS = UpdateOptions(expunges=True)
NUMBERS_IN_USE = UpdateOptions(expunges=False)
QRESYNC = UpdateOptions(expunges=True, rev2=True, condstore=True, qresync=True)


@dataclass
class Delta:
    """What changed, as a session reads it; each message in a piece of its own."""

    highest: int = 200
    new: list[int] = field(default_factory=list)
    changed: list[tuple[int, str, int]] = field(default_factory=list)
    vanished: NumberSet = EMPTY
    there: list[int] = field(default_factory=list)
    divided: bool = False
    """Whether the UIDs are in pieces."""

    @property
    def uids(self) -> UidArray:
        """With more than there was then: other sessions are further."""
        uids = array("I", [*self.there, 1000, 1001])
        return (
            LongArray([uids[place : place + 2] for place in range(0, len(uids), 2)]) if self.divided else uids
        )

    @property
    def count(self) -> int:
        return len(self.there)

    @property
    def appended(self) -> "array[int]":
        return array("I", self.new)

    @property
    def flagged(self) -> Iterator[list[tuple[int, str, int]]]:
        return ([row] for row in self.changed)


def applied(mailbox: SelectedMailbox, delta: Delta, options: UpdateOptions) -> bytes:
    """Apply what changed, of a mailbox that has what the client knows and what the change says."""
    gone = set(mailbox.pending_expunges) | set(delta.vanished)
    there = [uid for uid in known(mailbox) if uid not in gone]
    there += [uid for uid in delta.new if uid > mailbox.last_uid]
    return b"".join(mailbox.apply(replace(delta, there=there), options))


def known(mailbox: SelectedMailbox) -> list[int]:
    return mailbox.uids[: mailbox.count].tolist()


def numbers(*runs: tuple[int, int], saved: bool = False) -> SequenceSet:
    return SequenceSet(NumberSet(runs), saved)


def chosen(mailbox: SelectedMailbox, named: SequenceSet, *, uid: bool) -> list[tuple[int, int]]:
    found = mailbox.resolve(named, uid=uid)
    assert len(found) == len(found.uid_list())
    assert bool(found) == bool(len(found))
    return list(zip(found.sequence_numbers(), found.uid_list(), strict=True))


# From numbers to messages: UIDs 1 2 3 5 8


@pytest.mark.parametrize(
    ("named", "uid", "uids"),
    [
        (ALL_MESSAGES, False, [1, 2, 3, 5, 8]),
        (numbers((2, 2), (4, 5)), False, [2, 5, 8]),
        (numbers((STAR, STAR)), False, [8]),
        (numbers((4, STAR)), False, [5, 8]),
        (ALL_MESSAGES, True, [1, 2, 3, 5, 8]),
        (numbers((3, 7)), True, [3, 5]),
        (numbers((6, 7)), True, []),
        (numbers((STAR, STAR)), True, [8]),
        (numbers((100, STAR)), True, [8]),
        (numbers((2, 2), (9, 4000000000)), True, [2]),
        (SequenceSet(saved=True), True, [2, 3]),
        (SequenceSet(saved=True), False, [2, 3]),
        (numbers((1, 1), (3, 3), saved=True), False, [1, 2, 3]),
    ],
)
@pytest.mark.rfc("9051 §6.4.9", "MUST")
def test_resolve(named: SequenceSet, uid: bool, uids: list[int]) -> None:
    mailbox = view()
    mailbox.saved = NumberSet(((2, 4),))
    found = chosen(mailbox, named, uid=uid)
    assert [number for _, number in found] == uids
    assert all(mailbox.sequence_number_of(number) == place for place, number in found)


@pytest.mark.rfc("9051 §9", "SHOULD")
def test_sequence_numbers_beyond_the_last_are_refused() -> None:
    for named in (numbers((6, 6)), numbers((1, 6)), numbers((6, STAR))):
        mailbox = view() if named != numbers((6, STAR)) else view(())
        with pytest.raises(NoSuchMessage):
            mailbox.resolve(named, uid=False)
    with pytest.raises(NoSuchMessage):
        view(()).resolve(ALL_MESSAGES, uid=False)
    assert not view(()).resolve(ALL_MESSAGES, uid=True)
    assert not view(()).resolve(SequenceSet(saved=True), uid=False)


def test_a_run_of_uids_may_span_gaps() -> None:
    assert view().resolve(ALL_MESSAGES, uid=False).uids == NumberSet(((1, 8),))
    assert view().choose(NumberSet(((2, 2), (5, 6)))).uids == NumberSet(((2, 2), (5, 5)))


def test_sequence_number_of() -> None:
    mailbox = view()
    assert [mailbox.sequence_number_of(uid) for uid in (1, 4, 8, 9)] == [1, None, 5, None]


@given(st.sets(st.integers(1, 60)), st.data())
@settings(max_examples=100)
def test_sequence_numbers_of_many(uids: set[int], data: st.DataObject) -> None:
    mailbox = view(sorted(uids))
    some = sorted(data.draw(st.sets(st.sampled_from(sorted(uids))))) if uids else []
    expected = [mailbox.sequence_number_of(uid) for uid in some]
    assert list(mailbox.sequence_numbers_of(some)) == expected
    assert list(mailbox.sequence_numbers_of(array("I", some))) == expected


def test_search_keys_that_only_the_session_understands() -> None:
    mailbox = view()
    mailbox.saved = NumberSet(((3, 3),))
    seen = Flag("\\Seen")
    cases: list[tuple[Query, Query]] = [
        (Sequence(NumberSet(((2, 4),))), Uids(NumberSet(((2, 5),)))),
        (Sequence(NumberSet(((5, STAR),))), Uids(NumberSet(((8, 8),)))),
        (Sequence(NumberSet(((9, 9),))), NOTHING),
        (Sequence(NumberSet(((4, 9),))), Uids(NumberSet(((5, 8),)))),
        (UidsWithStar(NumberSet(((20, STAR),))), Uids(NumberSet(((8, 20),)))),
        (SavedResult(), Uids(NumberSet(((3, 3),)))),
        (Recent(), Uids(NumberSet(((8, 8),)))),
        (And((Not(Recent()), Or((seen, All())))), And((Not(Uids(NumberSet(((8, 8),)))), Or((seen, All()))))),
    ]
    for query, grounded in cases:
        assert mailbox.resolve_query(query) == grounded
    empty = view((), recent=EMPTY)
    for query in (
        Sequence(NumberSet(((1, STAR),))),
        UidsWithStar(NumberSet(((1, STAR),))),
        SavedResult(),
        Recent(),
    ):
        assert empty.resolve_query(query) == NOTHING
    assert empty.limit_query(seen) == NOTHING
    assert mailbox.limit_query(seen) == And((Uids(NumberSet(((1, 8),))), seen))


# What is sent


def test_everything_in_its_order() -> None:
    mailbox = view(recent=NumberSet(((8, 8), (11, 11))))
    delta = Delta(
        new=[9, 11],
        changed=[(1, "\\Seen", 170), (8, "$x", 180)],
        vanished=NumberSet(((2, 3),)),
    )
    assert applied(mailbox, delta, ALWAYS) == (
        b"* 2 EXPUNGE\r\n* 2 EXPUNGE\r\n"
        b"* 5 EXISTS\r\n* 2 RECENT\r\n"
        b"* 1 FETCH (FLAGS (\\Seen))\r\n* 3 FETCH (FLAGS ($x \\Recent))\r\n"
    )
    assert known(mailbox) == [1, 5, 8, 9, 11]
    assert mailbox.modseq == mailbox.complete_modseq == 200


@pytest.mark.rfc("9051 §7.5.1", "MUST NOT")
def test_expunges_wait_while_sequence_numbers_are_in_use() -> None:
    mailbox = view()
    delta = Delta(new=[9], changed=[(2, "a", 140), (5, "a", 140)], vanished=NumberSet(((2, 2),)))
    said = applied(mailbox, delta, NUMBERS_IN_USE)
    # The place of the message that is gone still counts
    assert said == b"* 6 EXISTS\r\n* 1 RECENT\r\n* 4 FETCH (FLAGS (a))\r\n"
    assert mailbox.pending_expunges == NumberSet(((2, 2),))
    assert applied(mailbox, Delta(highest=210, vanished=NumberSet(((8, 8),))), NUMBERS_IN_USE) == b""
    assert applied(mailbox, Delta(), NUMBERS_IN_USE) == b""
    assert applied(mailbox, Delta(), ALWAYS) == b"* 2 EXPUNGE\r\n* 4 EXPUNGE\r\n"
    assert known(mailbox) == [1, 3, 5, 9]
    assert applied(mailbox, Delta(), ALWAYS) == b""


@pytest.mark.rfc("7162 §3.2", "MUST")
def test_highestmodseq_stays_below_expunges_that_are_owed() -> None:
    mailbox = view()
    applied(mailbox, Delta(highest=150), NUMBERS_IN_USE)
    applied(mailbox, Delta(highest=160, vanished=NumberSet(((2, 2),))), NUMBERS_IN_USE)
    applied(mailbox, Delta(highest=170, changed=[(1, "", 165)]), NUMBERS_IN_USE)
    assert mailbox.modseq == 170
    assert mailbox.complete_modseq == 150
    applied(mailbox, Delta(highest=mailbox.modseq), ALWAYS)
    assert mailbox.complete_modseq == 170


@pytest.mark.rfc("7162 §3.2.10", "MUST")
def test_vanished_stands_for_expunge_with_qresync() -> None:
    mailbox = view()
    delta = Delta(new=[9], changed=[(5, "\\Seen", 151)], vanished=NumberSet(((2, 4), (30, 40))))
    assert applied(mailbox, delta, QRESYNC) == (
        b"* VANISHED 2:3\r\n* 4 EXISTS\r\n* 2 FETCH (UID 5 FLAGS (\\Seen) MODSEQ (151))\r\n"
    )


@pytest.mark.rfc("7162 §3.2.4", "MUST")
def test_uid_and_modseq_once_condstore_is_enabled() -> None:
    said = applied(view(), Delta(changed=[(8, "", 7)]), UpdateOptions(expunges=True, condstore=True))
    assert said == b"* 5 FETCH (UID 8 FLAGS (\\Recent) MODSEQ (7))\r\n"


def test_a_change_that_the_session_reported_itself_is_not_sent_again() -> None:
    own = UpdateOptions(expunges=True, own_modseqs=frozenset({150}))
    delta = Delta(changed=[(1, "\\Seen", 150), (2, "\\Seen", 149)])
    assert applied(view(), delta, own) == b"* 2 FETCH (FLAGS (\\Seen))\r\n"
    # but a later change by another is
    assert applied(view(), Delta(changed=[(1, "", 151)]), own) == b"* 1 FETCH (FLAGS ())\r\n"


def test_messages_that_came_and_went_between_are_never_mentioned() -> None:
    mailbox = view()
    assert applied(mailbox, Delta(vanished=NumberSet(((20, 30),))), ALWAYS) == b""
    assert applied(mailbox, Delta(changed=[(25, "", 150)]), ALWAYS) == b""


def test_a_delta_applied_twice_sends_nothing_new() -> None:
    mailbox = view()
    delta = Delta(new=[9], vanished=NumberSet(((2, 2),)))
    applied(mailbox, delta, ALWAYS)
    assert applied(mailbox, delta, ALWAYS) == b""


def test_recent() -> None:
    mailbox = view(recent=NumberSet(((2, 2), (8, 20))))
    assert mailbox.recent_count == 2
    assert [mailbox.is_recent(uid) for uid in (2, 3, 8)] == [True, False, True]
    assert view(recent=EMPTY).recent_count == 0


def test_announced_uids_may_be_shared() -> None:
    shared = array("I", (1, 2, 3))
    one, other = view(shared), view(shared)
    applied(one, Delta(new=[9], vanished=NumberSet(((2, 2),))), ALWAYS)
    assert known(one) == [1, 3, 9]
    assert known(other) == list(shared) == [1, 2, 3]


class Client:
    """A client that knows only what it is sent."""

    def __init__(self, uids: list[int]) -> None:
        self.uids: list[int | None] = list(uids)

    def receive(self, octets: bytes) -> None:
        for response in read_responses(octets):
            match response:
                case Numbered(number, b"EXPUNGE"):
                    del self.uids[number - 1]
                case Numbered(number, b"EXISTS"):
                    assert number >= len(self.uids)
                    self.uids += [None] * (number - len(self.uids))
                case Data(b"VANISHED", [uids]):
                    gone = {n for run in _text(uids).split(",") for n in _run(run)}
                    assert gone <= set(self.uids)
                    self.uids = [uid for uid in self.uids if uid not in gone]
                case Fetched(number, items):
                    assert 1 <= number <= len(self.uids)
                    assert self.uids[number - 1] in (None, items.get(b"UID", self.uids[number - 1]))
                case _:
                    assert isinstance(response, Numbered)


def _text(uids: bytes | int) -> str:
    return str(uids) if isinstance(uids, int) else uids.decode()


def _run(text: str) -> range:
    first, _, last = text.partition(":")
    return range(int(first), int(last or first) + 1)


HISTORY = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.lists(st.integers(0, 100), max_size=4),
        st.lists(st.integers(0, 100), max_size=4),
        st.booleans(),
    ),
    max_size=12,
)


@given(HISTORY, st.booleans(), st.booleans())
@settings(max_examples=150)
def test_what_is_sent_adds_up_to_the_mailbox(
    history: list[tuple[int, list[int], list[int], bool]], qresync: bool, divided: bool
) -> None:
    """Whatever happens and whenever it may be sent, the client ends with the true mailbox."""
    there, next_uid, modseq = [1, 2, 3, 5, 8], 9, 100
    mailbox, client = view(there), Client(there)
    for new, gone, flagged, expunges in history:
        modseq += 1
        vanished = {there[place % len(there)] for place in gone} if there else set()
        there = [uid for uid in there if uid not in vanished]
        changed = sorted({there[place % len(there)] for place in flagged}) if there else []
        appended = list(range(next_uid, next_uid + new))
        there, next_uid = there + appended, next_uid + new
        delta = Delta(
            modseq,
            appended,
            [(uid, "\\Seen", modseq) for uid in changed],
            NumberSet.of(vanished),
            divided=divided,
        )
        options = UpdateOptions(expunges=expunges, condstore=qresync, qresync=qresync)
        client.receive(applied(mailbox, delta, options))
        assert len(client.uids) == mailbox.count
        assert all(believed in {None, uid} for believed, uid in zip(client.uids, known(mailbox), strict=True))
        # A client fetches the UIDs of what is new to it
        client.uids = [*known(mailbox)]
    client.receive(applied(mailbox, Delta(divided=divided), ALWAYS))
    assert known(mailbox) == there
    assert len(client.uids) == len(there)
