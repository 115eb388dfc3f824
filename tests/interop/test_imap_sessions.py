"""IMAP on the wire, several sessions at once: what one does, the others learn, in order, and across workers."""

import contextlib
from collections.abc import Iterator

import pytest

from tests.interop.demo import Demo, Person
from tests.interop.imap import Imap, atoms, connected
from tests.kit.imap.responses import Atom, Numbered, Status

pytestmark = pytest.mark.interop

SPECIAL = {"Drafts", "Sent", "Junk", "Trash", "Archive"}
MANY = 6
"""Sessions of one person: with two workers, it is as good as sure that both serve some."""


def letter(number: int) -> bytes:
    return b"Subject: letter %d\r\n\r\nbody\r\n" % number


@contextlib.contextmanager
def several(provider: Demo, person: Person, count: int = MANY) -> Iterator[list[Imap]]:
    with contextlib.ExitStack() as held:
        yield [held.enter_context(connected(provider, person, select="INBOX")) for _ in range(count)]


def filled(provider: Demo, count: int) -> Person:
    person = provider.newcomer()
    with connected(provider, person) as imap:
        imap.append("INBOX", [letter(number) for number in range(1, count + 1)])
    return person


@pytest.mark.rfc("9051 §7.4.1", "MUST")
def test_all_sessions_get_new_messages_and_flags(any_provider: Demo) -> None:
    person = filled(any_provider, 2)
    with several(any_provider, person) as sessions:
        for turn, session in enumerate(sessions):
            answer = session.append("INBOX", [letter(9)])
            assert answer.numbers(b"EXISTS") in ([3 + turn], [])
            session.ok(b"STORE 1 FLAGS.SILENT ($Turn%d)" % turn)
            for other in sessions:
                answer = other.ok(b"NOOP")
                if other is not session:
                    assert answer.numbers(b"EXISTS")[-1] == 3 + turn
                    assert atoms(f"$Turn{turn}") <= set(answer.fetched[1][b"FLAGS"])


@pytest.mark.rfc("9051 §7.5.1", "MUST NOT")
def test_expunge_waits_until_numbers_are_safe(any_provider: Demo) -> None:
    person = filled(any_provider, 5)
    with several(any_provider, person) as (one, *others):
        one.ok(b"STORE 2,4 +FLAGS.SILENT (\\Deleted)")
        assert one.ok(b"EXPUNGE").numbers(b"EXPUNGE") == [2, 3]
        for other in others:
            for command in (b"FETCH 5 UID", b"STORE 5 +FLAGS ($Five)", b"SEARCH UID 5"):
                assert other.ok(command).numbers(b"EXPUNGE") == []
            answer = other.say(b"FETCH 1:5 (UID BODY.PEEK[TEXT])")
            assert answer.word in ("OK", "NO")
            assert {1, 3, 5} <= set(answer.fetched)
            # Numbers stay until EXPUNGE is sent: the last is still the fifth
            assert answer.fetched[5][b"UID"] == 5
            assert sorted(other.ok(b"NOOP").numbers(b"EXPUNGE")) in ([2, 3], [2, 4])
            assert [items[b"UID"] for items in other.ok(b"FETCH 1:* UID").fetched.values()] == [1, 3, 5]


@pytest.mark.rfc("9051 §6.3.13", "MUST")
def test_idle_sends_updates_at_once(any_provider: Demo) -> None:
    person = filled(any_provider, 2)
    with several(any_provider, person) as (one, *others):
        tags = [other.idle() for other in others]
        one.append("INBOX", [letter(3)])
        for other in others:
            assert other.next() == Numbered(3, b"EXISTS")
            while (said := other.next()) != Numbered(1, b"RECENT") and said != Numbered(0, b"RECENT"):
                pass
        one.ok(b"STORE 1 +FLAGS (\\Flagged)")
        for other in others:
            fetched = other.next()
            assert getattr(fetched, "number", None) == 1
        one.ok(b"UID STORE 2 +FLAGS.SILENT (\\Deleted)")
        one.ok(b"EXPUNGE")
        for other, tag in zip(others, tags, strict=True):
            while other.next() != Numbered(2, b"EXPUNGE"):
                pass
            assert other.done(tag).word == "OK"


def test_only_one_session_finds_a_message_recent(any_provider: Demo) -> None:
    person = filled(any_provider, 1)
    recent = 0
    for _ in range(4):
        with connected(any_provider, person) as imap:
            [count] = imap.ok(b"SELECT INBOX").numbers(b"RECENT")
            recent += count
    assert recent == 1


@pytest.mark.rfc("7162 §3.1.3", "MUST")
def test_unchangedsince_keeps_what_others_did(any_provider: Demo) -> None:
    person = filled(any_provider, 3)
    with several(any_provider, person) as (one, two, *_):
        highest = int(two.ok(b"SELECT INBOX (CONDSTORE)").codes()["HIGHESTMODSEQ"])
        one.ok(b"STORE 2 +FLAGS (\\Answered)")
        answer = two.say(b"STORE 1:3 (UNCHANGEDSINCE %d) +FLAGS ($Mine)" % highest)
        assert answer.code == "MODIFIED 2"
        flags = one.flags()
        assert flags == {1: atoms("$Mine"), 2: atoms("\\Answered"), 3: atoms("$Mine")}
        changed = two.ok(b"FETCH 1:* (UID FLAGS) (CHANGEDSINCE %d)" % highest)
        assert set(changed.by_uid) == {1, 2, 3}
        assert all(items[b"MODSEQ"][0] > highest for items in changed.fetched.values())
        assert two.ok(b"SEARCH MODSEQ %d" % (highest + 1)).search() == [1, 2, 3]


@pytest.mark.rfc("7162 §3.2.5", "MUST")
def test_a_client_comes_back_and_learns_what_it_missed(any_provider: Demo) -> None:
    person = filled(any_provider, 20)
    with connected(any_provider, person) as imap:
        codes = imap.ok(b"SELECT INBOX (CONDSTORE)").codes()
    validity, highest = codes["UIDVALIDITY"], codes["HIGHESTMODSEQ"]
    with connected(any_provider, person, select="INBOX") as other:
        other.ok(b"UID STORE 3,7:9 +FLAGS.SILENT (\\Deleted)")
        other.ok(b"EXPUNGE")
        other.ok(b"UID STORE 12 +FLAGS.SILENT (\\Flagged)")
        other.append("INBOX", [letter(21)])
    with connected(any_provider, person) as imap:
        imap.ok(b"ENABLE QRESYNC")
        answer = imap.ok(f"SELECT INBOX (QRESYNC ({validity} {highest} 1:20))".encode())
        assert answer.data(b"VANISHED") == [[[Atom(b"EARLIER")], Atom(b"3,7:9")]]
        by_uid = answer.by_uid
        assert by_uid[12][b"FLAGS"] == [Atom(b"\\Flagged")]
        assert set(by_uid) <= {12, 21}
        assert answer.numbers(b"EXISTS") == [17]
        with connected(any_provider, person, select="INBOX") as other:
            other.ok(b"UID STORE 1 +FLAGS.SILENT (\\Deleted)")
            other.ok(b"UID EXPUNGE 1:5")
        answer = imap.ok(b"NOOP")
        assert answer.data(b"VANISHED") == [[1]]
        assert answer.numbers(b"EXPUNGE") == []
        vanished = imap.ok(b"UID FETCH 1:* (FLAGS) (CHANGEDSINCE %s VANISHED)" % highest.encode()).data(
            b"VANISHED"
        )
        assert vanished == [[[Atom(b"EARLIER")], Atom(b"1,3,7:9")]]


@pytest.mark.rfc("6851 §3.3", "MUST")
def test_move_and_copy_say_where(any_provider: Demo) -> None:
    person = filled(any_provider, 6)
    with several(any_provider, person) as (one, two, *_):
        one.ok(b"CREATE Box")
        one.ok(b"STORE 1 +FLAGS (\\Flagged $Kept)")
        code = one.ok(b"COPY 1,3 Box").code.split()
        assert code[0] == "COPYUID"
        assert code[2:] == ["1,3", "1:2"]
        answer = one.ok(b"UID MOVE 2,4:5 Box")
        moved = (answer.codes().get("COPYUID") or answer.code.removeprefix("COPYUID ")).split()
        assert moved[1:] == ["2,4:5", "3:5"]
        assert len(answer.numbers(b"EXPUNGE")) == 3
        assert len(two.ok(b"NOOP").numbers(b"EXPUNGE")) == 3
        assert [items[b"UID"] for items in two.ok(b"FETCH 1:* UID").fetched.values()] == [1, 3, 6]
        two.select("Box")
        assert two.flags()[1] == atoms("\\Flagged", "$Kept")
        assert len(two.flags()) == 5
        assert one.refused(b"MOVE 1 Nowhere").code == "TRYCREATE"
        assert one.refused(b"COPY 1 Nowhere").code == "TRYCREATE"
        assert one.exists() == 3


@pytest.mark.rfc("4315 §3", "MUST")
def test_uids_are_returned_and_only_rise(any_provider: Demo) -> None:
    person = any_provider.newcomer()
    with several(any_provider, person, 3) as sessions:
        uids = []
        for turn in range(9):
            code = sessions[turn % 3].append("INBOX", [letter(turn), letter(turn)]).code.split()
            assert code[0] == "APPENDUID"
            first, _, last = code[2].partition(":")
            uids += [int(first), int(last)]
            sessions[0].select("INBOX")
            sessions[0].ok(b"UID STORE %d +FLAGS.SILENT (\\Deleted)" % uids[-1])
            sessions[0].ok(b"UID EXPUNGE %d" % uids[-1])
        assert uids == list(range(1, 19))
        assert sessions[1].select("INBOX").codes()["UIDNEXT"] == "19"


def test_mailboxes(any_provider: Demo) -> None:
    person = filled(any_provider, 2)
    with connected(any_provider, person) as one, connected(any_provider, person) as two:
        for name in (b"a", b"a/b/c", b"d"):
            one.ok(b"CREATE " + name)
        one.ok(b"SUBSCRIBE a/b/c")
        one.ok(b"SUBSCRIBE gone")
        assert names(two, b'LIST "" "a*"') == {"a", "a/b", "a/b/c"}
        assert names(two, b'LIST "" "%"') >= {"INBOX", "a", "d"}
        assert names(two, b'LIST (SUBSCRIBED) "" "*"') == {"INBOX", *SPECIAL, "a/b/c", "gone"}
        assert names(two, b'LIST (SUBSCRIBED RECURSIVEMATCH) "" "%"') >= {"a", "gone"}
        assert names(two, b'LIST "" ("a" "d")') == {"a", "d"}
        [arguments] = list(two.ok(b'LIST "" "a/b/c" RETURN (SUBSCRIBED CHILDREN)').data(b"LIST"))
        assert set(arguments[0]) == atoms("\\Subscribed", "\\HasNoChildren")
        assert names(two, b'LIST (SPECIAL-USE) "" "*"') == SPECIAL
        answer = two.ok(b'LIST "" "INBOX" RETURN (STATUS (MESSAGES UNSEEN SIZE UIDNEXT))')
        [[_, status]] = answer.data(b"STATUS")
        assert dict(zip(status[::2], status[1::2], strict=True)) == {
            b"MESSAGES": 2, b"UNSEEN": 2, b"SIZE": len(letter(1) + letter(2)), b"UIDNEXT": 3,
        }  # fmt: skip

        validity = two.ok(b"STATUS a/b/c (UIDVALIDITY)").data(b"STATUS")
        one.append("a/b/c", [letter(1)])
        one.ok(b"RENAME a e/f")
        assert names(two, b'LIST "" "e/*"') == {"e/f", "e/f/b", "e/f/b/c"}
        assert two.ok(b"STATUS e/f/b/c (UIDVALIDITY)").data(b"STATUS")[0][1] == validity[0][1]
        two.select("d")
        one.ok(b"DELETE d")
        one.refused(b"DELETE d")
        one.refused(b"SELECT d")
        one.ok(b"CREATE d")
        one.ok(b"RENAME INBOX old")
        assert one.select("INBOX").numbers(b"EXISTS") == [0]
        assert one.select("old").numbers(b"EXISTS") == [2]
        for wrong in (
            b"CREATE INBOX",
            b"DELETE INBOX",
            b"DELETE nothing",
            b"RENAME nothing x",
            b"RENAME old d",
        ):
            one.refused(wrong)


def names(imap: Imap, command: bytes) -> set[str]:
    """The mailboxes of a LIST answer."""
    return {bytes(arguments[2]).decode() for arguments in imap.ok(command).data(b"LIST")}


def test_a_mailbox_deleted_under_a_session(any_provider: Demo) -> None:
    person = any_provider.newcomer()
    with connected(any_provider, person) as one, connected(any_provider, person) as two:
        one.ok(b"CREATE doomed")
        two.select("doomed")
        one.ok(b"DELETE doomed")
        with contextlib.suppress(AssertionError):  # RFC 2180 §3.3: the others may be sent away
            two.say(b"NOOP")
        assert one.ok(b"NOOP").word == "OK"
        one.ok(b"CREATE doomed")
        assert one.select("doomed").numbers(b"EXISTS") == [0]


def test_pipelined_commands_are_answered_in_order(any_provider: Demo) -> None:
    with connected(any_provider, filled(any_provider, 5), select="INBOX") as imap:
        tags = []
        for number in range(200):
            store = b"STORE %d +FLAGS ($K%d)" % (number % 5 + 1, number % 20)
            tags.append(imap.start((b"NOOP", b"FETCH 1:* FLAGS", store, b"SEARCH ALL")[number % 4]))
        for tag in tags:
            assert imap.finish(tag).word == "OK"
        # Appended and read in one go
        tag = imap.start(b"APPEND INBOX {8+}\r\nx: y\r\n\r\n\r\nz1 SELECT INBOX\r\nz2 FETCH 6 BODY.PEEK[]")
        assert imap.finish(tag).word == "OK"
        assert imap.finish(b"z1").numbers(b"EXISTS") == [6]
        assert imap.finish(b"z2").fetched[6][b"BODY[]"] == b"x: y\r\n\r\n"


def test_what_is_wrong_is_answered_and_the_session_lives(any_provider: Demo) -> None:
    with connected(any_provider, filled(any_provider, 1), select="INBOX") as imap:
        for wrong in (
            b"", b" ", b"FETCH", b"FETCH 1", b"FETCH 1 (", b"FETCH x FLAGS", b"FETCH 0 FLAGS", b"FETCH 99 FLAGS", b"STORE 1 FLAGS",
            b"FROBNICATE", b"UID", b"UID NOOP", b"LOGIN a b", b"APPEND INBOX", b"LIST", b"STATUS INBOX ()",
            b"FETCH 1 BODY[", b"FETCH 4294967296 FLAGS", b"STORE 1 +FLAGS (\\Recent)", b"FETCH 1 FLAGS extra", b"SEARCH RETURN (X) ALL",
            b"\xff\xfe", b"NOOP " + b"x" * 5000, b"LIST (" * 1000,
        ):  # fmt: skip
            assert imap.say(wrong).word in ("BAD", "NO"), wrong
        assert imap.ok(b"FETCH 1 FLAGS").fetched
        for wrong in (b"SELECT", b'SELECT "'):
            imap.ok(b"SELECT INBOX")
            assert imap.say(wrong).word == "BAD"
            assert imap.say(b"FETCH 1 FLAGS").word == "BAD"
    with connected(any_provider, filled(any_provider, 1), select="INBOX") as imap:
        imap.send(b"no-command\r\n\r\n{1\r\n* x\r\n+ y\r\n")
        said = [imap.next() for _ in range(5)]
        assert all(isinstance(one, Status) and one.word == b"BAD" for one in said)
        assert imap.ok(b"NOOP").word == "OK"


def test_a_literal_too_large_is_refused_before_it_is_sent(any_provider: Demo) -> None:
    with connected(any_provider, any_provider.newcomer()) as imap:
        tag = imap.start(b"APPEND INBOX {999999999}")
        assert imap.finish(tag).word in ("NO", "BAD")
        assert imap.ok(b"NOOP").word == "OK"
        tag = imap.start(b"SELECT {9999999}")
        assert imap.finish(tag).word in ("NO", "BAD")
        assert imap.ok(b"NOOP").word == "OK"
