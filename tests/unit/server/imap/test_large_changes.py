"""Changes of many messages: written in slices, told in pieces, made once for all who see the same."""

import asyncio
from array import array
from collections.abc import Callable, Iterator
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pillarbox.mail.number_set import NumberSet
from pillarbox.server.imap.fetch_batch import MAX_GROUP_OCTETS, MAX_ITEMS_IN_LOOP, _groups
from pillarbox.server.imap.limits import ImapLimits
from pillarbox.server.imap.session_state import MANY_RUNS, SessionState
from pillarbox.server.imap.shared_updates import SharedUpdates
from pillarbox.server.imap.store import alter
from pillarbox.store import flags, mailboxes, placements, unfinished_copies
from pillarbox.store.account_counters import OverQuota
from pillarbox.store.append import append
from pillarbox.store.cached_mailbox import CachedMailbox
from pillarbox.store.flags import FlagChange
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.imap.client import MESSAGE, ImapProvider, open_imap
from tests.kit.stored_mail import message

FEW = ImapLimits(many_messages=2, slice_messages=3, max_rows_in_loop=4)
"""So that ten messages are many."""


class Calls:
    """The verbs that the database is given, by the method they are given to."""

    def __init__(self, mail: ImapProvider, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[tuple[str, str]] = []
        for method in ("write", "write_in_thread", "read_in_thread"):
            monkeypatch.setattr(mail.provider.world.database, method, self._noting(mail, method))

    def _noting(self, mail: ImapProvider, method: str) -> Callable[..., Any]:
        given = getattr(mail.provider.world.database, method)

        def call(verb: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
            self.made.append((method, getattr(verb, "__name__", "")))
            return given(verb, *arguments, **keywords)

        return call

    def take(self) -> list[tuple[str, str]]:
        taken, self.made = self.made, []
        return taken


@pytest.mark.parametrize(
    ("command", "verb", "times"),
    [
        ("COPY 1:3 Archive", "_copy", 1),
        ("COPY 1:9 Archive", "_copy_part", 3),
        ("MOVE 1:9 Archive", "move", 3),
        ("STORE 1:10 +FLAGS (kw)", "alter", 1),
        ("EXPUNGE", "expunge", 4),
        ("CLOSE", "expunge", 4),
        ("RENAME INBOX Old", "rename", 1),
    ],
)
def test_what_concerns_many_messages_is_written_in_a_thread(
    command: str, verb: str, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10, flags="\\Deleted")
        client = mail.client(select="INBOX")
        calls = Calls(mail, monkeypatch)
        client.ok(command)
        assert [call for call in calls.take() if call[1] == verb] == [("write_in_thread", verb)] * times


def test_fetch_marks_many_messages_as_seen_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 9)
        client = mail.client(select="INBOX")
        for _ in range(8):
            client.ok("COPY 1:* INBOX")
        calls, odd = Calls(mail, monkeypatch), range(1, 2 * MANY_RUNS + 3, 2)
        answer = client.ok(f"FETCH {','.join(map(str, odd))} (BODY[]<0.1>)")
        assert list(answer.fetched) == [*odd]
        assert all(b"\\Seen" in items[b"FLAGS"] for items in answer.fetched.values())
        assert [verb for _, verb in calls.take() if verb == "alter"] == ["alter"] * 2
        assert client.ok("SEARCH RETURN (COUNT) SEEN").data(b"ESEARCH")[0][-1] == len(odd)


def test_a_mailbox_with_many_messages_is_deleted_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 3, mailbox="Archive")
        client, calls = mail.client(), Calls(mail, monkeypatch)
        client.ok("DELETE Archive")
        assert calls.take() == [("write_in_thread", "delete")]


@pytest.mark.rfc("9051 §6.3.5", "MUST")
def test_a_mailbox_with_very_many_messages_is_deleted_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 9, mailbox="Archive")
        client, calls = mail.client(), Calls(mail, monkeypatch)
        client.ok("DELETE Archive")
        assert calls.take() == [("write_in_thread", verb) for verb in (*["expunge"] * 4, "delete")]
        assert client.do("SELECT Archive").word == b"NO"
        mail.deliver(*[MESSAGE] * 9)
        assert client.do("DELETE INBOX").word == b"NO"
        assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [9]


def test_very_many_messages_that_a_client_does_not_know_yet_are_expunged_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_imap() as mail:
        mail.deliver(*[MESSAGE] * 10, flags="\\Deleted")
        other, client = mail.client(select="INBOX"), mail.client(select="Archive")
        for _ in range(10):
            other.ok("COPY 1:* INBOX")
        other.ok("COPY 1:* Archive")
        calls = Calls(mail, monkeypatch)
        client.ok("EXPUNGE")
        assert [call for call in calls.take() if call[1] == "expunge"] == [("write_in_thread", "expunge")] * 6


@pytest.mark.rfc("9051 §6.3.6", "MUST")
def test_very_many_messages_of_inbox_are_moved_in_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, calls = mail.client(), Calls(mail, monkeypatch)
        client.ok("RENAME INBOX Old")
        assert calls.take() == [("write_in_thread", verb) for verb in ("rename", *["move_all"] * 3)]
        assert client.ok("SELECT Old").numbered(b"EXISTS") == [10]
        assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [0]


@pytest.mark.replaces_functions
def test_what_arrives_while_inbox_is_renamed_stays_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, move_all = mail.client(), placements.move_all

        def delivering(tx: Any, account: Any, mailbox: Any, **keywords: Any) -> Any:
            now_ms = keywords["now_ms"]
            append(tx, account, mailbox, message(), flags="", received_at_ms=now_ms, now_ms=now_ms)
            return move_all(tx, account, mailbox, **keywords)

        monkeypatch.setattr(placements, "move_all", delivering)
        client.ok("RENAME INBOX Old")
        monkeypatch.undo()
        assert client.ok("SELECT Old").numbered(b"EXISTS") == [10]
        assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [4]


@pytest.mark.parametrize(
    ("command", "verb", "rest"),
    [
        ("DELETE Archive", "delete", ["expunge", "expunge", "delete"]),
        ("RENAME INBOX Old", "rename", ["move_all"]),
    ],
)
def test_many_messages_that_arrive_before_their_mailbox_goes_are_not_gone_through_in_the_loop(
    command: str, verb: str, rest: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=FEW) as mail:
        name = command.split()[1]
        mail.deliver(MESSAGE, mailbox=name)
        client, given, arriving = mail.client(), getattr(mailboxes, verb), [message()] * 4

        @wraps(given)
        def called(tx: Any, account: Any, mailbox: Any, *more: Any, **keywords: Any) -> Any:
            while arriving:
                append(tx, account, mailbox, arriving.pop(), flags="", received_at_ms=1, now_ms=1)
            return given(tx, account, mailbox, *more, **keywords)

        calls = Calls(mail, monkeypatch)
        monkeypatch.setattr(mailboxes, verb, called)
        client.ok(command)
        in_loop = [("write", verb)]
        threads = [("write_in_thread", other) for other in rest if other != verb]
        assert calls.take() == in_loop + threads + in_loop * rest.count(verb)
        if verb == "rename":
            assert client.ok("SELECT Old").numbered(b"EXISTS") == [2]
            assert client.ok("SELECT INBOX").numbered(b"EXISTS") == [3]
        else:
            assert client.do("SELECT Archive").word == b"NO"


@pytest.mark.parametrize(
    ("command", "method", "verb"),
    [
        ('LIST "" *', "read_in_thread", "_list"),
        ('LSUB "" *', "read_in_thread", "_lsub"),
        ("RENAME Archive Old", "write_in_thread", "rename"),
    ],
)
def test_what_goes_through_many_names_is_done_in_a_thread(
    command: str, method: str, verb: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=ImapLimits(many_names=2, many_messages=2, batch_names=2)) as mail:
        client, calls = mail.client(), Calls(mail, monkeypatch)
        client.ok(command)
        assert calls.take() == [(method, verb)]


@pytest.mark.parametrize("verb", ["LIST", "LSUB"])
def test_names_are_listed_some_at_a_time(verb: str) -> None:
    def lines(limits: ImapLimits) -> list[list[Any]]:
        with open_imap(limits=limits) as mail:
            return mail.client().ok(f'{verb} "" *').data(verb.encode())

    assert lines(ImapLimits(batch_names=2)) == lines(ImapLimits())


def test_what_concerns_few_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 2, flags="\\Deleted")
        client, calls = mail.client(select="INBOX"), Calls(mail, monkeypatch)
        for command in ("STORE 1:2 +FLAGS (kw)", "COPY 1:2 Archive", "EXPUNGE"):
            client.ok(command)
        assert {method for method, _ in calls.take()} == {"write"}


@pytest.mark.rfc("6851 §4.3", "SHOULD")
def test_what_is_moved_in_slices_is_reported_as_one() -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, other = mail.client(select="INBOX"), mail.client(select="Archive")
        answer = client.ok("MOVE 2:9 Archive")
        assert (answer.codes()[b"COPYUID"] or b"").endswith(b" 2:9 1:8")
        assert answer.numbered(b"EXPUNGE") == [2] * 8
        assert client.uids() == [1, 10]
        assert other.ok("NOOP").numbered(b"EXISTS") == [8]


@pytest.mark.parametrize("silent", ["", ".SILENT"])
def test_a_client_learns_what_a_store_has_changed_that_fails_later(
    silent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=ImapLimits(store_messages=3)) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, alter, calls = mail.client(select="INBOX"), flags.alter, 0

        def failing(*arguments: Any, **keywords: Any) -> FlagChange:
            nonlocal calls
            calls += 1
            if calls == 3:
                raise DatabaseUnavailable("disk full")
            return alter(*arguments, **keywords)

        monkeypatch.setattr(flags, "alter", failing)
        refused = client.do(f"STORE 1:10 +FLAGS{silent} (\\Flagged)")
        assert (refused.word, refused.code) == (b"NO", b"UNAVAILABLE")
        assert list(refused.fetched) == [1, 2, 3, 4, 5, 6]
        monkeypatch.undo()
        assert client.ok("NOOP").fetched == {}
        answer = client.ok(f"STORE 1:10 +FLAGS{silent} (\\Flagged)")
        assert list(answer.fetched) == ([] if silent else list(range(1, 11)))
        assert client.ok("SEARCH FLAGGED").data(b"SEARCH") == [list(range(1, 11))]


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_a_conditional_store_in_parts_names_all_that_it_refused() -> None:
    with open_imap(limits=ImapLimits(store_messages=3)) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        modseq = client.ok("FETCH 10 MODSEQ").fetched[10][b"MODSEQ"][0]
        other.ok("STORE 2,9 +FLAGS.SILENT (\\Flagged)")
        answer = client.ok(f"STORE 1:10 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (\\Seen)")
        assert (answer.code or b"") == b"MODIFIED 2,9"
        assert client.ok("SEARCH SEEN").data(b"SEARCH") == [[1, 3, 4, 5, 6, 7, 8, 10]]


def _left_over(mail: ImapProvider) -> int:
    count: int = mail.provider.world.database.read_now(
        lambda tx: tx.value("SELECT count(*) FROM unfinished_copies")
    )
    return count


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_what_is_copied_in_slices_is_reported_as_one() -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, other = mail.client(select="INBOX"), mail.client(select="Archive")
        answer = client.ok("COPY 2:9 Archive")
        assert (answer.code or b"").endswith(b" 2:9 1:8")
        assert other.ok("NOOP").numbered(b"EXISTS") == [8]
        assert _left_over(mail) == 0


class FailingPart:
    """In place of a copy of some messages: the second one fails, after something else has happened."""

    def __init__(
        self, copy: Callable[..., Any], failure: Exception | None, before: Callable[[Any], object]
    ) -> None:
        self.copy, self.failure, self.before, self.parts = copy, failure, before, 0

    def __call__(self, tx: Any, *arguments: Any, **keywords: Any) -> Any:
        self.parts += 1
        if self.parts == 2:
            self.before(tx)
            if self.failure is not None:
                raise self.failure
        return self.copy(tx, *arguments, **keywords)


@pytest.mark.rfc("9051 §6.4.7", "MUST")
@pytest.mark.parametrize(
    ("failure", "code"),
    [(DatabaseUnavailable("disk full"), b"UNAVAILABLE"), (OverQuota(), b"OVERQUOTA")],
)
@pytest.mark.replaces_functions
def test_a_copy_in_slices_that_fails_leaves_nothing(
    failure: Exception, code: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        mail.deliver(mailbox="Archive")
        client, other = mail.client(select="INBOX"), mail.client(select="Archive")
        monkeypatch.setattr(placements, "copy", FailingPart(placements.copy, failure, lambda tx: None))
        refused = client.do("COPY 1:10 Archive")
        assert (refused.word, refused.code) == (b"NO", code)
        assert other.uids() == [1]
        assert _left_over(mail) == 0
        monkeypatch.undo()
        client.ok("COPY 1:10 Archive")
        assert other.ok("NOOP").numbered(b"EXISTS") == [11]


@pytest.mark.rfc("9051 §6.4.7", "MUST")
def test_a_copy_in_slices_that_was_undone_meanwhile_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        client, other = mail.client(select="INBOX"), mail.client(select="Archive")
        commit = mail.provider.world.database.write_in_thread
        calls = 0

        async def late(verb: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
            nonlocal calls
            calls += 1
            if calls == 3:
                later_ms = mail.provider.world.clock.now_ms() + unfinished_copies.LEASE_MS
                await commit(unfinished_copies.sweep, now_ms=later_ms, limit=10)
            return await commit(verb, *arguments, **keywords)

        monkeypatch.setattr(mail.provider.world.database, "write_in_thread", late)
        refused = client.do("COPY 1:10 Archive")
        assert (refused.word, refused.code) == (b"NO", b"UNAVAILABLE")
        assert other.uids() == []
        assert _left_over(mail) == 0


@pytest.mark.rfc("7162 §3.2.7", "MUST")
def test_what_is_expunged_in_slices_is_reported_in_full() -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10, flags="\\Deleted")
        client = mail.client(enable="QRESYNC", select="INBOX")
        client.ok("STORE 5 -FLAGS (\\Deleted)")
        answer = client.ok("EXPUNGE")
        assert answer.vanished() == [1, 2, 3, 4, 6, 7, 8, 9, 10]
        highest = int((answer.code or b"").split()[1])
        assert client.ok("NOOP").vanished() == []
        assert int(client.ok("STATUS INBOX (HIGHESTMODSEQ)").data(b"STATUS")[0][1][1]) == highest


def test_a_cold_mailbox_and_one_that_has_changed_much_are_read_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 10)
        calls = Calls(mail, monkeypatch)
        client = mail.client(select="INBOX")
        assert ("read_in_thread", "read") in calls.take()
        other = mail.client(select="INBOX", worker=1)
        other.ok("STORE 1:10 +FLAGS (kw)")
        calls.take()
        assert len(client.ok("NOOP").fetched) == 10
        assert ("read_in_thread", "read") in calls.take()
        other.ok("STORE 3 +FLAGS (\\Deleted)")
        other.ok("EXPUNGE")
        calls.take()
        assert client.ok("NOOP").numbered(b"EXPUNGE") == [3]
        assert ("read_in_thread", "read") not in calls.take()


@pytest.mark.rfc("7162 §3.2.6", "MUST")
def test_the_log_of_a_client_that_was_away_long_is_read_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=ImapLimits(max_rows_in_loop=8)) as mail:
        mail.deliver(*[MESSAGE] * 8)
        client = mail.client(enable="QRESYNC", select="INBOX")
        codes = client.ok("SELECT INBOX").codes()
        known = f"{int(codes[b'UIDVALIDITY'] or 0)} {int(codes[b'HIGHESTMODSEQ'] or 0)}"
        client.ok("STORE 2,7 +FLAGS.SILENT (\\Deleted)")
        client.ok("EXPUNGE")
        calls = Calls(mail, monkeypatch)
        for flagged, thread in (("kw", False), ("one two three", True)):
            for keyword in flagged.split():
                client.ok(f"UID STORE 5 +FLAGS.SILENT ({keyword})")
                client.ok(f"UID STORE 8 +FLAGS.SILENT ({keyword})")
            calls.take()
            since = known.split()[1]
            answer = client.ok(f"UID FETCH 1:* (FLAGS) (CHANGEDSINCE {since} VANISHED)")
            assert (("read_in_thread", "_long_ago") in calls.take()) is thread
            assert [items[b"UID"] for items in answer.fetched.values()] == [5, 8]
            assert answer.vanished(earlier=True) == [2, 7]
            answer = client.ok(f"SELECT INBOX (QRESYNC ({known}))")
            assert (("read_in_thread", "_long_ago") in calls.take()) is thread
            assert [items[b"UID"] for items in answer.fetched.values()] == [5, 8]
            assert answer.vanished(earlier=True) == [2, 7]


def test_a_long_log_is_read_in_a_thread_for_updates_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 14)
        client, other = mail.client(select="INBOX"), mail.client(select="INBOX")
        client.ok("STORE 1,3,5,7,9,11 +FLAGS.SILENT (\\Deleted)")
        other.ok("NOOP")
        client.ok("EXPUNGE")
        mail.deliver()
        calls = Calls(mail, monkeypatch)
        answer = other.ok("NOOP")
        assert ("read_in_thread", "_long_ago") in calls.take()
        assert answer.numbered(b"EXPUNGE") == [1, 2, 3, 4, 5, 6]
        assert answer.numbered(b"EXISTS") == [9]
        assert other.ok("NOOP").responses == []
        assert calls.take() == []
        assert other.uids() == [2, 4, 6, 8, 10, 12, 13, 14, 15]


def test_sessions_that_see_the_same_are_sent_what_was_made_once() -> None:
    made: list[bytes] = []

    def making() -> Any:
        for number in range(3):
            made.append(b"%d" % number)
            yield made[-1]

    view, other, known = array("I", [1]), array("I", [1]), (array("I"), 0)
    updates = SharedUpdates()
    assert updates.find("change", view) is None
    one = iter(updates.keep("change", view, known, making(), 3))
    assert next(one) == b"0"
    shared = updates.find("change", view)
    assert shared is not None
    assert list(shared) == [b"0", b"1", b"2"]
    assert list(one) == [b"1", b"2"]
    assert made == [b"0", b"1", b"2"]
    assert shared.known is known
    assert updates.find("change", other) is None
    assert updates.find("another", view) is None
    del one, shared
    assert updates.find("change", view) is None, "nobody is sent it any more"


@pytest.mark.replaces_functions
def test_all_who_idle_hear_of_a_large_change(monkeypatch: pytest.MonkeyPatch) -> None:
    ways: list[int] = []
    given = SessionState.flush_and_yield

    async def counted(session: SessionState) -> None:
        ways.append(1)
        await given(session)

    monkeypatch.setattr(SessionState, "flush_and_yield", counted)
    with open_imap(limits=FEW) as mail:
        mail.deliver(*[MESSAGE] * 1100)
        idlers = [mail.client(select="INBOX") for _ in range(3)]
        client = mail.client(select="INBOX")
        for idler in idlers:
            idler.send(b"i IDLE\r\n")
        ways.clear()
        client.ok("STORE 1:* +FLAGS.SILENT (\\Flagged)")
        for idler in idlers:
            assert len(idler.receive()) == 1100
            selected = idler.session.machine.selected
            assert selected.modseq == client.session.machine.selected.modseq
        assert len(ways) >= 3, "each gives way between the pieces"
        client.ok("STORE 1:* +FLAGS.SILENT (\\Deleted)")
        client.ok("EXPUNGE")
        assert [idler.session.machine.selected.count for idler in idlers if idler.receive()] == [0] * 3


def test_many_items_of_a_small_message_are_computed_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    few = " ".join(f"BODY.PEEK[HEADER.FIELDS.NOT (x{number})]" for number in range(MAX_ITEMS_IN_LOOP))
    with open_imap() as mail:
        mail.deliver(MESSAGE, MESSAGE)
        client, calls = mail.client(select="INBOX"), Calls(mail, monkeypatch)
        together = client.ok(f"FETCH 1:2 ({few})").fetched
        assert calls.take() == []
        more = client.ok(f"FETCH 1:2 ({few} BODY.PEEK[HEADER.FIELDS (x)])").fetched
        assert calls.take() == [("read_in_thread", "_compute")] * 2
        assert all(together[number].items() <= more[number].items() for number in (1, 2))


@given(st.lists(st.integers(0, 50)), st.integers(0, 60), st.integers(0, 100))
def test_groups_are_as_large_as_may_be(sizes: list[int], large: int, most: int) -> None:
    groups = list(_groups(list(enumerate(sizes)), large, most))
    assert [uid for group in groups for uid in group.uids] == list(range(len(sizes)))
    for group in groups:
        together = [sizes[uid] for uid in group.uids]
        assert (max(together) >= large) is group.large
        assert len(together) == 1 or (sum(together) <= most and not group.large)
    for one, other in pairwise(groups):
        if not one.large and not other.large:
            assert sum(sizes[uid] for uid in one.uids) + sizes[other.uids[0]] > most


def test_messages_are_fewer_together_the_more_items_are_asked_for() -> None:
    sizes = [(uid, MAX_GROUP_OCTETS // 4) for uid in range(1, 5)]
    assert [len(group.uids) for group in _groups(sizes, 10**6, MAX_GROUP_OCTETS)] == [4]
    assert [len(group.uids) for group in _groups(sizes, 10**6, MAX_GROUP_OCTETS // 4)] == [1] * 4


@pytest.mark.replaces_functions
@pytest.mark.parametrize(("messages", "parts"), [(1024, 1), (4096, 3)])
def test_a_change_of_very_many_runs_is_made_part_by_part(
    messages: int, parts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[FlagChange] = []
    applying = CachedMailbox.applying

    def noted(cached: CachedMailbox, altered: FlagChange) -> Iterator[None]:
        seen.append(altered)
        return applying(cached, altered)

    monkeypatch.setattr(CachedMailbox, "applying", noted)
    with open_imap() as mail:
        mail.deliver(MESSAGE)
        client = mail.client(select="INBOX")
        for power in range(messages.bit_length() - 1):
            client.ok(f"COPY 1:{2**power} INBOX")
            client.ok("NOOP")
        odd = range(1, messages, 2)
        fetched = client.ok(f"STORE {','.join(map(str, odd))} +FLAGS (\\Flagged)").fetched
        assert list(fetched) == list(odd)
        assert all(b"\\Flagged" in items[b"FLAGS"] for items in fetched.values())
        assert len(seen) == parts
        assert sum(altered.changed for altered in seen) == messages // 2
        assert client.ok("SEARCH FLAGGED").data(b"SEARCH")[0] == list(odd)


BOTH = NumberSet(((1, 2),))


@pytest.mark.parametrize(("few", "at_once"), [(1, 1), (2, 3)])
def test_an_account_has_one_write_of_many_messages_under_way(
    few: int, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_imap(limits=ImapLimits(few_messages=few)) as mail:
        mail.deliver(MESSAGE, MESSAGE)
        clients = [mail.client(select="INBOX") for _ in range(3)]
        write, under_way, most = mail.provider.world.database.write, 0, 0

        async def noted(*arguments: Any, **keywords: Any) -> Any:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0)
            try:
                return await write(*arguments, **keywords)
            finally:
                under_way -= 1

        async def store(client: Any) -> None:
            await alter(client.session, BOTH, mode=flags.Mode.ADD, texts="\\Flagged")

        async def all_at_once() -> None:
            await asyncio.gather(*map(store, clients))

        monkeypatch.setattr(mail.provider.world.database, "write", noted)
        mail.runner.run(all_at_once())
        assert most == at_once
